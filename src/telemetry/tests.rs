//! Tests of the page as a whole: names, types, labels and zeros as the catalogue of the documentation has them.
//! Reads the registry only, as a scrape does.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::catalogue::{Definition, Kind, entries, markdown};
use super::*;
use crate::clock::Instant;
use crate::connection::error::ErrorName;
use crate::host::TcpInfo;
use crate::source::Outcome;
use prometheus::proto::{Metric, MetricType};

/// The boot clock at 1000 s, the wall clock at 2025-01-01.
pub(crate) fn noon() -> Now {
    Now {
        at: Instant::from_boot(Duration::from_secs(1000)),
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600),
    }
}

/// A connection over everything that MQTT 3.1.1 can lie on.
pub(crate) fn home() -> ConnectionLabels {
    ConnectionLabels {
        connection: "home".to_owned(),
        broker: "broker.example:443".to_owned(),
        protocol: "3.1.1",
        transport: Transport::Wss,
        source: "navien",
        proxied: false,
        signs_in: true,
    }
}

/// The value of the one series that `name label=value …` describes; `None` if it is not on the page.
/// A histogram's parts are asked for by `_count`, `_sum` and `_bucket le=…`.
pub(crate) fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let mut words = series.split(' ');
    let name = words.next().unwrap();
    let mut wanted: BTreeSet<(&str, &str)> = words.map(|word| word.split_once('=').unwrap()).collect();
    let bound = wanted.iter().find(|(label, _)| *label == "le").copied();
    wanted.retain(|(label, _)| *label != "le");
    let part = ["_count", "_sum", "_bucket"].into_iter().find(|part| name.ends_with(part));
    let bare = part.map_or(name, |part| name.strip_suffix(part).unwrap());
    let families = metrics.registry().gather();
    let family = families.iter().find(|family| family.name() == name || family.name() == bare)?;
    let matching: Vec<&Metric> =
        family.get_metric().iter().filter(|metric| wanted.is_subset(&labels(metric))).collect();
    let metric = match matching.as_slice() {
        [] => return None,
        [metric] => metric,
        several => panic!("{series} describes {} series", several.len()),
    };
    let histogram = metric.get_histogram();
    Some(match (family.get_field_type(), part) {
        (MetricType::COUNTER, _) => metric.get_counter().get_value(),
        (MetricType::GAUGE, _) => metric.get_gauge().get_value(),
        (_, Some("_sum")) => histogram.get_sample_sum(),
        #[expect(clippy::cast_precision_loss, reason = "tests count few")]
        (_, Some("_bucket")) => {
            let bound: f64 = bound.unwrap().1.parse().unwrap();
            let bucket =
                histogram.get_bucket().iter().find(|bucket| (bucket.upper_bound() - bound).abs() < 1e-9);
            bucket.unwrap().cumulative_count() as f64
        }
        #[expect(clippy::cast_precision_loss, reason = "tests count few")]
        (_, _) => histogram.get_sample_count() as f64,
    })
}

fn labels(metric: &Metric) -> BTreeSet<(&str, &str)> {
    metric.get_label().iter().map(|pair| (pair.name(), pair.value())).collect()
}

/// Every series of a metric, by the values of one of its labels.
fn members(metrics: &Metrics, name: &str, label: &str) -> BTreeSet<String> {
    let families = metrics.registry().gather();
    let family = families.iter().find(|family| family.name() == name).expect(name);
    let values = family.get_metric().iter().flat_map(|metric| labels(metric));
    values.filter(|(name, _)| *name == label).map(|(_, value)| value.to_owned()).collect()
}

/// The public names as the documentation lists them: type, name without its prefix, further labels.
const CONNECTION: &[(&str, &str, &[&str])] = &[
    ("info", "connection_info", &["broker", "protocol", "transport", "source"]),
    ("gauge", "connected", &[]),
    ("gauge", "state", &["state"]),
    ("gauge", "last_connect_timestamp_seconds", &[]),
    ("gauge", "last_disconnect_timestamp_seconds", &[]),
    ("gauge", "last_session_duration_seconds", &[]),
    ("counter", "connect_attempts_total", &["tier"]),
    ("counter", "connect_failures_total", &["phase", "error"]),
    ("counter", "sessions_total", &["session_present"]),
    ("counter", "connection_drops_total", &["error"]),
    ("counter", "drop_causes_total", &["cause", "evidence"]),
    ("gauge", "path_suspect", &[]),
    ("gauge", "finding", &["finding"]),
    ("counter", "closes_total", &["cause"]),
    ("histogram", "reconnect_attempts", &[]),
    ("histogram", "session_duration_seconds", &[]),
    ("histogram", "outage_duration_seconds", &[]),
    ("histogram", "connect_phase_duration_seconds", &["phase"]),
    ("gauge", "consecutive_connect_failures", &[]),
    ("gauge", "reconnect_delay_seconds", &[]),
    ("histogram", "ping_duration_seconds", &[]),
    ("counter", "ping_timeouts_total", &[]),
    ("gauge", "keepalive_seconds", &[]),
    ("gauge", "last_received_timestamp_seconds", &[]),
    ("gauge", "tcp_rtt_seconds", &[]),
    ("counter", "tcp_retransmits_total", &[]),
    ("gauge", "subscriptions", &[]),
    ("gauge", "subscriptions_active", &[]),
    ("counter", "subscriptions_restored_total", &[]),
    ("counter", "subscribe_failures_total", &["error"]),
    ("counter", "credential_refreshes_total", &["kind"]),
    ("counter", "credential_refresh_failures_total", &["kind", "error"]),
    ("gauge", "credential_expiry_timestamp_seconds", &[]),
    ("gauge", "certificate_expiry_timestamp_seconds", &[]),
    ("counter", "received_messages_total", &["qos"]),
    ("counter", "received_bytes_total", &[]),
    ("counter", "published_messages_total", &["qos"]),
    ("counter", "messages_total", &["outcome"]),
    ("counter", "mapping_errors_total", &["reason"]),
    ("gauge", "queued_messages", &[]),
    ("gauge", "queue_capacity_messages", &[]),
    ("gauge", "inflight_messages", &[]),
    ("counter", "dropped_messages_total", &["reason"]),
];
const BROKER: &[(&str, &str, &[&str])] = &[
    ("counter", "client_connects_total", &[]),
    ("counter", "client_disconnects_total", &["reason", "initiated_by"]),
    ("histogram", "client_session_duration_seconds", &[]),
    ("counter", "client_events_total", &["outcome"]),
    ("gauge", "clients_tracked", &[]),
    ("gauge", "clients_connected", &[]),
    ("gauge", "clients_dropped_recently", &[]),
    ("gauge", "burst", &[]),
    ("counter", "bursts_total", &[]),
    ("gauge", "client_connected", &["client"]),
    ("counter", "client_drops_total", &["client"]),
];
const DEVICE: &[(&str, &str, &[&str])] = &[
    ("gauge", "last_seen_timestamp_seconds", &[]),
    ("gauge", "expected_interval_seconds", &[]),
    ("counter", "messages_total", &[]),
    ("counter", "field_errors_total", &["field"]),
    ("histogram", "request_duration_seconds", &[]),
    ("counter", "request_timeouts_total", &[]),
    ("counter", "commands_total", &["command", "fate"]),
];
const EXPORTER: &[(&str, &str, &[&str])] = &[
    ("info", "build_info", &["version", "revision"]),
    ("info", "shard_info", &["shard", "shards"]),
    ("gauge", "series", &[]),
    ("gauge", "series_limit", &[]),
    ("counter", "rejected_series_total", &[]),
    ("gauge", "config_last_reload_successful", &[]),
    ("gauge", "config_last_reload_success_timestamp_seconds", &[]),
    ("counter", "journal_write_failures_total", &[]),
    ("counter", "diagnostics_write_failures_total", &[]),
    ("gauge", "diagnostics_last_written_timestamp_seconds", &[]),
    ("counter", "host_suspends_total", &[]),
    ("counter", "host_clock_steps_total", &[]),
    ("counter", "host_network_changes_total", &["kind"]),
];

/// What a test compares: name, type, labels.
type Row = (String, String, BTreeSet<String>);

fn documented() -> BTreeSet<Row> {
    let list = |prefix: &'static str, common: &'static [&'static str], rows: &'static [_]| {
        rows.iter().map(move |(kind, name, further): &(&str, &str, &[&str])| {
            let labels = common.iter().chain(*further).map(|&label| label.to_owned()).collect();
            (format!("{prefix}{name}"), (*kind).to_owned(), labels)
        })
    };
    list("mqtt_client_", &["connection"], CONNECTION)
        .chain(list("mqtt_device_", &["connection", "device"], DEVICE))
        .chain(list("mqtt_broker_", &["connection"], BROKER))
        .chain(list("hangup_", &[], EXPORTER))
        .collect()
}

fn row(definition: &Definition) -> Row {
    let labels = definition.labels.iter().map(|&label| label.to_owned()).collect();
    (definition.name.to_owned(), definition.kind.as_str().to_owned(), labels)
}

/// A set in which everything that can be absent is there.
fn full() -> Metrics {
    let metrics = Metrics::started(noon());
    let connection = metrics.connection(&home());
    let far = Some(noon().wall);
    connection.established(
        Accepted {
            session_present: false,
            subscriptions: 1,
            keep_alive: Duration::from_secs(30),
            credentials_expire: far,
            certificate_expires: far,
        },
        noon(),
    );
    connection.traffic().tcp(&tcp(0));
    connection.traffic().queue_capacity(200);
    let dropped = metrics.connection(&ConnectionLabels { connection: "other".to_owned(), ..home() });
    dropped.dropped(crate::connection::Phase::Session, ErrorName::SocketClosed, Some(Duration::ZERO), noon());
    let _ = metrics.fleet("home", ["pump"].into_iter());
    let _ = metrics.mapping("home");
    let device = metrics.device("home", "heater");
    device.seen(noon());
    device.expected_interval(Duration::from_secs(60));
    device.field_error("dhwTemperature");
    device.command("set_temperature", "acknowledged");
    metrics.exporter().diagnostics_written(true, noon());
    metrics.exporter().shard("0/3".parse().unwrap());
    metrics.exporter().series_limit(5000);
    metrics.exporter().config_read(true, noon());
    metrics
}

fn tcp(total_retransmits: u32) -> TcpInfo {
    TcpInfo {
        state: 1,
        unacked: 0,
        retransmits: 0,
        probes: 0,
        backoff: 0,
        rtt: Duration::from_millis(20),
        total_retransmits,
        last_data_received: Duration::ZERO,
        last_ack_received: Duration::ZERO,
    }
}

#[test]
fn the_table_is_what_the_documentation_lists() {
    let table: BTreeSet<Row> = catalogue::TABLE.iter().map(row).collect();
    assert_eq!(table.len(), catalogue::TABLE.len(), "a name stands twice");
    let documented = documented();
    let missing: Vec<_> = documented.difference(&table).collect();
    let extra: Vec<_> = table.difference(&documented).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing {missing:?}\nextra {extra:?}");
}

#[test]
fn the_page_is_what_the_table_says() {
    let metrics = full();
    let page: BTreeSet<Row> = metrics
        .registry()
        .gather()
        .iter()
        .map(|family| {
            let kind = match family.get_field_type() {
                MetricType::COUNTER => "counter",
                MetricType::HISTOGRAM => "histogram",
                MetricType::GAUGE if family.name().ends_with("_info") => "info",
                MetricType::GAUGE => "gauge",
                MetricType::SUMMARY | MetricType::UNTYPED => panic!("{} has no type of ours", family.name()),
            };
            let sets: BTreeSet<BTreeSet<String>> = family
                .get_metric()
                .iter()
                .map(|metric| labels(metric).into_iter().map(|(name, _)| name.to_owned()).collect())
                .collect();
            assert_eq!(sets.len(), 1, "{} has several label sets", family.name());
            (family.name().to_owned(), kind.to_owned(), sets.into_iter().next().unwrap())
        })
        .collect();
    assert_eq!(page, entries().map(row).collect());
}

#[test]
fn help_is_a_sentence_and_a_name_follows_its_type() {
    for Definition { name, kind, help, buckets, labels, .. } in entries() {
        assert!(help.starts_with(char::is_uppercase) && help.ends_with('.'), "{name}: {help}");
        assert!(help.contains(' ') && !help.contains('\n') && !help.contains('|'), "{name}: {help}");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        assert_eq!(name.ends_with("_info"), *kind == Kind::Info, "{name}");
        assert_eq!(buckets.is_empty(), *kind != Kind::Histogram, "{name}");
        assert!(buckets.is_sorted(), "{name}");
        assert!(
            !labels.iter().any(|label| ["topic", "client_id", "message", "le"].contains(label)),
            "{name}"
        );
    }
}

#[test]
fn the_catalogue_prints_every_metric_once() {
    let page = markdown(entries());
    for Definition { name, .. } in entries() {
        assert_eq!(page.matches(&format!("| `{name}` |")).count(), 1, "{name}");
    }
    let row = "| `mqtt_client_closes_total` | counter | connection, cause | Sessions that we ended ourselves, \
               by our reason. | stable |";
    assert!(page.lines().any(|line| line == row), "{page}");
}

#[test]
fn closed_sets_are_at_zero_from_the_start() {
    let metrics = Metrics::started(noon());
    let _handles = (metrics.connection(&home()), metrics.mapping("home"));
    let reasons: Vec<_> = crate::mapping::Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    let set = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect::<BTreeSet<_>>();
    for (name, label, expected) in [
        ("mqtt_client_connect_attempts_total", "tier", &["quick", "deep"][..]),
        ("mqtt_client_closes_total", "cause", &["shutdown", "reload", "renewal", "deep_reconnect", "probe"]),
        ("mqtt_client_sessions_total", "session_present", &["true", "false"]),
        ("mqtt_client_received_messages_total", "qos", &["0", "1", "2"]),
        ("mqtt_client_published_messages_total", "qos", &["0", "1", "2"]),
        ("mqtt_client_messages_total", "outcome", &["decoded", "ignored", "malformed", "oversize"]),
        ("mqtt_client_mapping_errors_total", "reason", &reasons),
        (
            "mqtt_client_dropped_messages_total",
            "reason",
            &["queue_full", "expired", "quarantined", "refused"],
        ),
        ("mqtt_client_credential_refreshes_total", "kind", &["refresh", "sign_in"]),
        ("mqtt_client_credential_refresh_failures_total", "kind", &["refresh", "sign_in"]),
        (
            "mqtt_client_state",
            "state",
            &["idle", "planning", "connecting", "subscribing", "online", "waiting", "stopped"],
        ),
        (
            "mqtt_client_connect_phase_duration_seconds",
            "phase",
            &["credentials", "dns", "tcp", "tls", "websocket", "connack", "subscribe"],
        ),
        (
            "mqtt_client_connect_failures_total",
            "phase",
            &["credentials", "dns", "tcp", "tls", "websocket", "connack"],
        ),
    ] {
        assert_eq!(members(&metrics, name, label), set(expected), "{name}");
    }
    let drops = members(&metrics, "mqtt_client_connection_drops_total", "error");
    let expected = set(&[
        "AWS_IO_SOCKET_TIMEOUT",
        "AWS_IO_SOCKET_CLOSED",
        "AWS_IO_BROKEN_PIPE",
        "AWS_IO_TLS_ERROR_READ_FAILURE",
        "AWS_ERROR_HTTP_WEBSOCKET_PROTOCOL_ERROR",
        "AWS_ERROR_MQTT_UNEXPECTED_HANGUP",
        "AWS_ERROR_MQTT_CONNECTION_SUBSCRIBE_FAILURE",
        "AWS_ERROR_MQTT5_DISCONNECT_RECEIVED",
        "AWS_ERROR_MQTT_TIMEOUT",
        "AWS_ERROR_MQTT_PROTOCOL_ERROR",
        "LOCAL_INBOUND_PACKET_TOO_LARGE",
        "LOCAL_ENGINE_STALLED",
    ]);
    assert!(drops.is_superset(&expected), "missing {:?}", expected.difference(&drops));
    for family in metrics.registry().gather() {
        for metric in family.get_metric().iter().filter(|_| family.get_field_type() == MetricType::COUNTER) {
            let process = family.name().starts_with("process_");
            assert!(process || metric.get_counter().get_value() == 0.0, "{} is not zero", family.name());
        }
    }
}

#[test]
fn what_is_not_known_is_absent() {
    let metrics = Metrics::started(noon());
    let _handles = (metrics.connection(&home()), metrics.device("home", "heater"));
    for absent in [
        "mqtt_client_credential_expiry_timestamp_seconds",
        "mqtt_client_certificate_expiry_timestamp_seconds",
        "mqtt_client_tcp_rtt_seconds",
        "mqtt_client_keepalive_seconds",
        "mqtt_client_last_received_timestamp_seconds",
        "mqtt_client_last_session_duration_seconds",
        "mqtt_device_last_seen_timestamp_seconds",
        "mqtt_device_expected_interval_seconds",
        "hangup_series_limit",
    ] {
        assert_eq!(value(&metrics, absent), None, "{absent}");
    }
    assert_eq!(value(&metrics, "mqtt_client_last_connect_timestamp_seconds"), Some(0.0));
    assert_eq!(value(&metrics, "mqtt_client_last_disconnect_timestamp_seconds"), Some(1_735_689_600.0));
}

#[test]
fn retransmissions_add_up_over_network_connections() {
    let metrics = Metrics::started(noon());
    let connection = metrics.connection(&home());
    let total = || value(&metrics, "mqtt_client_tcp_retransmits_total").unwrap();
    let mut seen = Vec::new();
    for samples in [&[0, 2, 2, 5][..], &[0, 1], &[7]] {
        connection.attempt_started(crate::connection::Tier::Quick);
        for sample in samples {
            connection.traffic().tcp(&tcp(*sample));
            seen.push(total());
        }
    }
    assert_eq!(seen, [0.0, 2.0, 2.0, 5.0, 5.0, 6.0, 13.0]);
}

#[test]
fn traffic_is_counted_where_it_flows() {
    let metrics = Metrics::started(noon());
    let connection = metrics.connection(&home());
    let traffic = connection.traffic().clone();
    traffic.received(1, 120, noon());
    traffic.received(1, 80, noon().plus(Duration::from_secs(5)));
    for outcome in
        [Outcome::Decoded, Outcome::Decoded, Outcome::Ignored, Outcome::Malformed, Outcome::Oversize]
    {
        traffic.heard(outcome);
    }
    traffic.published(0);
    traffic.pinged(Duration::from_millis(30), noon().plus(Duration::from_secs(9)));
    traffic.queued(3);
    traffic.in_flight(2);
    traffic.lost(Loss::Expired);
    for (series, expected) in [
        ("mqtt_client_received_messages_total qos=1", 2.0),
        ("mqtt_client_received_messages_total qos=0", 0.0),
        ("mqtt_client_received_bytes_total", 200.0),
        ("mqtt_client_last_received_timestamp_seconds", 1_735_689_609.0),
        ("mqtt_client_messages_total outcome=decoded", 2.0),
        ("mqtt_client_messages_total outcome=ignored", 1.0),
        ("mqtt_client_messages_total outcome=malformed", 1.0),
        ("mqtt_client_messages_total outcome=oversize", 1.0),
        ("mqtt_client_published_messages_total qos=0", 1.0),
        ("mqtt_client_ping_duration_seconds_bucket le=0.025", 0.0),
        ("mqtt_client_ping_duration_seconds_bucket le=0.05", 1.0),
        ("mqtt_client_queued_messages", 3.0),
        ("mqtt_client_inflight_messages", 2.0),
        ("mqtt_client_dropped_messages_total reason=expired", 1.0),
        ("mqtt_client_dropped_messages_total reason=queue_full", 0.0),
    ] {
        assert_eq!(value(&metrics, series), Some(expected), "{series}");
    }
}

#[test]
fn a_changed_connection_keeps_its_past_and_loses_its_devices() {
    let metrics = full();
    metrics.forget_devices("home");
    assert!(!metrics.registry().gather().iter().any(|family| family.name() == "mqtt_device_messages_total"));
    assert!(members(&metrics, "mqtt_client_connection_info", "connection").contains("home"));
}

#[test]
fn a_changed_connection_loses_what_its_broker_said_of_its_clients() {
    let metrics = full();
    let of_clients = |metrics: &Metrics| {
        metrics.registry().gather().iter().filter(|family| family.name().starts_with("mqtt_broker_")).count()
    };
    assert!(of_clients(&metrics) > 0);
    metrics.forget_clients("home");
    assert_eq!(of_clients(&metrics), 0);
    assert!(members(&metrics, "mqtt_client_connection_info", "connection").contains("home"));
}

#[test]
fn a_changed_connection_has_other_credentials_or_none() {
    const EXPIRY: &str = "mqtt_client_credential_expiry_timestamp_seconds";
    let metrics = full();
    assert!(value(&metrics, EXPIRY).is_some());
    let _anew = metrics.connection(&home());
    assert_eq!(value(&metrics, EXPIRY), None);
}

#[test]
fn a_forgotten_connection_leaves_no_series() {
    let metrics = full();
    metrics.forget_connection("home");
    let connections = members(&metrics, "mqtt_client_connection_info", "connection");
    assert_eq!(connections, BTreeSet::from(["other".to_owned()]));
    for family in metrics.registry().gather() {
        for metric in family.get_metric() {
            assert!(!labels(metric).contains(&("connection", "home")), "{} remains", family.name());
        }
    }
}

#[test]
fn a_connection_that_leads_elsewhere_after_a_reload_has_one_info() {
    let metrics = Metrics::started(noon());
    let _before = metrics.connection(&home());
    let _after =
        metrics.connection(&ConnectionLabels { broker: "elsewhere.example:443".to_owned(), ..home() });
    assert_eq!(value(&metrics, "mqtt_client_connection_info broker=elsewhere.example:443"), Some(1.0));
    assert_eq!(value(&metrics, "mqtt_client_connection_info broker=broker.example:443"), None);
}

#[test]
fn a_name_that_nobody_expected_is_counted_all_the_same() {
    let metrics = Metrics::started(noon());
    let connection = metrics.connection(&ConnectionLabels { transport: Transport::Tcp, ..home() });
    connection.dropped(crate::connection::Phase::Session, ErrorName::TlsReadFailure, None, noon());
    let series = "mqtt_client_connection_drops_total error=AWS_IO_TLS_ERROR_READ_FAILURE";
    assert_eq!(value(&metrics, series), Some(1.0));
}

#[test]
fn two_sets_in_one_process_do_not_meet() {
    let (one, two) = (Metrics::started(noon()), Metrics::started(noon()));
    one.exporter().series(7);
    assert_eq!(value(&one, "hangup_series"), Some(7.0));
    assert_eq!(value(&two, "hangup_series"), Some(0.0));
}

#[test]
fn a_connection_made_anew_by_a_reload_goes_on_counting() {
    let metrics = Metrics::started(noon());
    let before = metrics.connection(&home());
    let later = noon().plus(Duration::from_secs(60));
    before.attempt_failed(crate::connection::Phase::Tcp, ErrorName::ConnectionRefused, 7);
    before.closed(crate::lifecycle::CloseCause::Reload, later);
    let _after = metrics.connection(&home());
    assert_eq!(value(&metrics, "mqtt_client_closes_total cause=reload"), Some(1.0));
    assert_eq!(value(&metrics, "mqtt_client_consecutive_connect_failures"), Some(0.0), "that was before");
    assert_eq!(value(&metrics, "mqtt_client_last_disconnect_timestamp_seconds"), Some(1_735_689_660.0));
}
