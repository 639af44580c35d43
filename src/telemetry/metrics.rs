//! Every metric of our own, in one table: a row is the declaration, the catalogue entry and the family.
//! Never counts anything: that is done by the handles beside this file, on behalf of the recorder.

use prometheus::Registry;

use super::bridge::{Bridge, Told};
use super::catalogue::{Definition, Kind, Stage};
use super::family::{Family, Shown};

/// Session lengths in seconds. Each bound lies just above a suspected cause, so that the cause plus its jitter
/// falls into one bucket.
const SESSION_SECONDS: &[f64] = &[
    1.0, 5.0, 15.0, // Refused right after CONNACK, or kicked out by a second client with our identity.
    45.0, // 1.5 times a keep-alive of 30 s.
    75.0, // 60 s: idle limit of proxies and load balancers.
    120.0, 210.0, // 1.5 times a keep-alive of 60 s; of 120 s.
    330.0, // 240 s and 300 s: idle limits of NAT boxes and load balancers.
    400.0, // 350 s: the idle limit of a NAT gateway.
    660.0, 960.0, 1260.0, // 10, 15 and 20 minutes: gateways and short tokens.
    1860.0, 3660.0, // Half an hour and an hour: tokens.
    7260.0, 14460.0, // Two and four hours: gateways and tokens.
    43260.0, 86460.0, // 12 h tokens; 24 h: the limit of a WebSocket connection at AWS IoT.
    172_860.0, 604_800.0, // Two days and a week: a daily restart is ruled out.
];

/// Outages in seconds: from an unnoticed blip, over a router that restarts (1 to 5 minutes), to an evening.
const OUTAGE_SECONDS: &[f64] =
    &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0];

/// Attempts an outage took. The groups 1, 2 to 5, 6 to 10 and more, which the field uses, can be read off.
const ATTEMPTS: &[f64] = &[1.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// A ping in seconds: 1 ms on a local network, 20 to 200 ms over the internet, seconds on a full uplink; 30 s is
/// beyond every ping limit.
const PING_SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A phase of the connect in seconds: 10 ms for a cached name, 0.1 to 1 s for a handshake, up to the limits.
const PHASE_SECONDS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A device's answer in seconds: 1 to 4 s through a vendor cloud, about 8 s for the first one of a session, 15 s
/// is slow, 20 s the longest limit in use.
const ANSWER_SECONDS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0];

/// What holds all children of one metric, by the word in the table. `Closed` are the counters of a closed set, most of
/// which stay zero: a block of numbers for each connection.
mod vec_of {
    use super::super::{closed, values};

    pub(in super::super) type Counter = values::IntCounterVec;
    pub(in super::super) type Closed = closed::ClosedVec;
    pub(in super::super) type Gauge = values::GaugeVec;
    pub(in super::super) type Info = values::GaugeVec;
    pub(in super::super) type Histogram = values::HistogramVec;
}

macro_rules! kind {
    (Closed) => {
        Kind::Counter
    };
    ($kind:ident) => {
        Kind::$kind
    };
}

macro_rules! definition {
    ($kind:ident, $name:literal, [$($label:literal),*], $help:literal $(, $buckets:ident)?) => {
        Definition {
            name: $name,
            kind: kind!($kind),
            labels: &[$($label),*],
            help: $help,
            stage: Stage::Stable,
            buckets: { const NONE: &[f64] = &[]; let buckets = NONE; $(let _ = buckets; let buckets = $buckets;)? buckets },
        }
    };
}

macro_rules! families {
    ($($field:ident: $kind:ident, $name:literal, $labels:tt, $help:literal $(, $buckets:ident)?;)*) => {
        /// Every metric of our own but those of the process, in the order of the page.
        pub const TABLE: &[Definition] = &[$(definition!($kind, $name, $labels, $help $(, $buckets)?)),*];

        /// One family per row of the table.
        #[derive(Debug)]
        pub(super) struct Families { $(pub(super) $field: vec_of::$kind,)* }

        impl Families {
            /// Builds every family and registers it.
            pub(super) fn register(registry: &Registry) -> Self {
                Self { $($field: register(definition!($kind, $name, $labels, $help $(, $buckets)?), registry),)* }
            }

            /// Every family, as the page sees it, in the order of their names.
            pub(super) fn shown(&self) -> Vec<Box<dyn Shown>> {
                let mut all: Vec<Box<dyn Shown>> = vec![$(Box::new(self.$field.clone()),)*];
                all.sort_by_key(|family| family.name());
                all
            }

            /// Removes the series of this connection's devices.
            pub(super) fn forget_devices(&self, connection: &str) {
                $(if $labels.contains(&"device") {
                    self.$field.forget(&[connection]);
                })*
            }

            /// Removes what this connection's broker said of its clients: another fleet, or none, begins anew.
            pub(super) fn forget_clients(&self, connection: &str) {
                $(if $name.starts_with("mqtt_broker_") {
                    self.$field.forget(&[connection]);
                })*
            }

            /// Removes the series of one device of this connection.
            pub(super) fn forget_device(&self, connection: &str, device: &str) {
                $(if $labels.contains(&"device") {
                    self.$field.forget(&[connection, device]);
                })*
            }

            /// Removes every series of this connection, those of its devices included.
            pub(super) fn forget_connection(&self, connection: &str) {
                $(if $labels.contains(&"connection") {
                    self.$field.forget(&[connection]);
                })*
            }
        }
    };
}

families! {
    // Connections: what they are and how they stand.
    connection_info: Info, "mqtt_client_connection_info", ["connection", "broker", "protocol", "transport", "source"], "What a connection leads to; always 1, for joins.";
    connected: Gauge, "mqtt_client_connected", ["connection"], "Whether a session is up (1) or not (0).";
    state: Gauge, "mqtt_client_state", ["connection", "state"], "What a connection is doing: 1 for its state, 0 for all others.";
    last_connect: Gauge, "mqtt_client_last_connect_timestamp_seconds", ["connection"], "When the newest session was accepted, or 0 if none ever was; it is an uptime only while connected.";
    last_disconnect: Gauge, "mqtt_client_last_disconnect_timestamp_seconds", ["connection"], "When the newest session ended, or the start of the process before the first.";
    last_session_duration: Gauge, "mqtt_client_last_session_duration_seconds", ["connection"], "Length of the session that the newest drop ended; absent before the first.";
    // Attempts.
    connect_attempts: Counter, "mqtt_client_connect_attempts_total", ["connection", "tier"], "Attempts to connect, successful or not: quick ones on the same credentials, deep ones with a new sign-in.";
    connect_failures: Closed, "mqtt_client_connect_failures_total", ["connection", "phase", "error"], "Attempts that failed, by the phase and the name of the error.";
    consecutive_failures: Gauge, "mqtt_client_consecutive_connect_failures", ["connection"], "Failed attempts since the last accepted session.";
    reconnect_delay: Gauge, "mqtt_client_reconnect_delay_seconds", ["connection"], "Wait before the attempt to come or under way; 0 while connected.";
    phase_duration: Histogram, "mqtt_client_connect_phase_duration_seconds", ["connection", "phase"], "How long each phase of a connect took, where it succeeded.", PHASE_SECONDS;
    // Sessions and their ends.
    sessions: Counter, "mqtt_client_sessions_total", ["connection", "session_present"], "Sessions that the broker accepted, by whether it remembered an earlier one.";
    drops: Closed, "mqtt_client_connection_drops_total", ["connection", "error"], "Sessions that ended although we did not ask for it, by the name of the error.";
    drop_causes: Closed, "mqtt_client_drop_causes_total", ["connection", "cause", "evidence"], "Drops by what the evidence of each alone says of its cause, and how well that is known; counted once, when the first verdict is final. What patterns over many drops tell later is in mqtt_client_finding.";
    closes: Closed, "mqtt_client_closes_total", ["connection", "cause"], "Sessions that we ended ourselves, by our reason.";
    reconnect_attempts: Histogram, "mqtt_client_reconnect_attempts", ["connection"], "Attempts that each outage took, from a drop to the next accepted session.", ATTEMPTS;
    session_duration: Histogram, "mqtt_client_session_duration_seconds", ["connection"], "Length of each session that ended by a drop.", SESSION_SECONDS;
    outage_duration: Histogram, "mqtt_client_outage_duration_seconds", ["connection"], "Time from each drop to the next accepted session.", OUTAGE_SECONDS;
    // The health of a session.
    ping_duration: Histogram, "mqtt_client_ping_duration_seconds", ["connection"], "Time from each PINGREQ to its PINGRESP.", PING_SECONDS;
    ping_timeouts: Counter, "mqtt_client_ping_timeouts_total", ["connection"], "Sessions that ended because a PINGRESP did not come.";
    keepalive: Gauge, "mqtt_client_keepalive_seconds", ["connection"], "MQTT keep-alive in force; absent without a session.";
    last_received: Gauge, "mqtt_client_last_received_timestamp_seconds", ["connection"], "When anything last arrived from the broker; absent before the first time.";
    tcp_rtt: Gauge, "mqtt_client_tcp_rtt_seconds", ["connection"], "Smoothed TCP round trip as the kernel sees it; absent without a session or where the system does not tell.";
    tcp_retransmits: Counter, "mqtt_client_tcp_retransmits_total", ["connection"], "TCP segments that were sent again, over all sessions.";
    path_suspect: Gauge, "mqtt_client_path_suspect", ["connection"], "Whether the kernel waits in vain for acknowledgements of the broker's machine (1): an early warning, not a drop.";
    finding: Gauge, "mqtt_client_finding", ["connection", "finding"], "Whether a pattern over many drops fits this cause now (1) or not (0); the status page says it in words.";
    subscriptions: Gauge, "mqtt_client_subscriptions", ["connection"], "Subscriptions wanted.";
    subscriptions_active: Gauge, "mqtt_client_subscriptions_active", ["connection"], "Subscriptions that the broker acknowledged; fewer than wanted while connected is a silent loss.";
    subscriptions_restored: Counter, "mqtt_client_subscriptions_restored_total", ["connection"], "Subscriptions that the broker acknowledged, counted anew in each session.";
    subscribe_failures: Closed, "mqtt_client_subscribe_failures_total", ["connection", "error"], "Subscriptions refused, and sessions that ended while subscribing, by the name of the error.";
    // Credentials.
    credential_refreshes: Closed, "mqtt_client_credential_refreshes_total", ["connection", "kind"], "Tries to obtain credentials, successful or not: by refresh token or by full sign-in.";
    credential_failures: Closed, "mqtt_client_credential_refresh_failures_total", ["connection", "kind", "error"], "Tries to obtain credentials that failed, by the name of the error.";
    credential_expiry: Gauge, "mqtt_client_credential_expiry_timestamp_seconds", ["connection"], "When the credentials that sign connections lapse; absent where none are used.";
    certificate_expiry: Gauge, "mqtt_client_certificate_expiry_timestamp_seconds", ["connection"], "When the broker's TLS certificate lapses, as last presented; absent where none is used.";
    // What flows.
    received_messages: Counter, "mqtt_client_received_messages_total", ["connection", "qos"], "Messages received from the broker.";
    received_bytes: Counter, "mqtt_client_received_bytes_total", ["connection"], "Bytes of the messages received from the broker.";
    published_messages: Counter, "mqtt_client_published_messages_total", ["connection", "qos"], "Messages handed to the network for the broker.";
    messages: Counter, "mqtt_client_messages_total", ["connection", "outcome"], "What the source made of the messages received.";
    mapping_errors: Counter, "mqtt_client_mapping_errors_total", ["connection", "reason"], "Messages, and values in them, of which nothing came although the configuration should have explained them; `hangup explain` says why.";
    queued_messages: Gauge, "mqtt_client_queued_messages", ["connection"], "Messages that wait to be sent.";
    queue_capacity: Gauge, "mqtt_client_queue_capacity_messages", ["connection"], "Messages that may wait to be sent before the oldest is dropped; 0 where nothing is queued.";
    inflight_messages: Gauge, "mqtt_client_inflight_messages", ["connection"], "Messages sent whose acknowledgement has not come.";
    dropped_messages: Counter, "mqtt_client_dropped_messages_total", ["connection", "reason"], "Messages to the broker that were lost, by the reason.";
    // Devices.
    device_last_seen: Gauge, "mqtt_device_last_seen_timestamp_seconds", ["connection", "device"], "When a device last spoke; absent before the first time.";
    device_expected_interval: Gauge, "mqtt_device_expected_interval_seconds", ["connection", "device"], "How often a device is expected to speak.";
    device_messages: Counter, "mqtt_device_messages_total", ["connection", "device"], "Messages heard from a device.";
    device_field_errors: Counter, "mqtt_device_field_errors_total", ["connection", "device", "field"], "Fields of a device's messages that could not be read, from the first error of a field on.";
    device_request_duration: Histogram, "mqtt_device_request_duration_seconds", ["connection", "device"], "Time from each request to the device's answer.", ANSWER_SECONDS;
    device_request_timeouts: Counter, "mqtt_device_request_timeouts_total", ["connection", "device"], "Requests that a device did not answer in time.";
    device_commands: Counter, "mqtt_device_commands_total", ["connection", "device", "command", "fate"], "Commands to a device whose fate is known, from the first of each kind on.";
    // What a broker says of its clients.
    broker_client_connects: Counter, "mqtt_broker_client_connects_total", ["connection"], "Clients that connected, as the broker says; one client counts each time.";
    broker_client_disconnects: Counter, "mqtt_broker_client_disconnects_total", ["connection", "reason", "initiated_by"], "Connections of clients that ended, by the reason that the broker gives and by who ended them.";
    broker_client_session_duration: Histogram, "mqtt_broker_client_session_duration_seconds", ["connection"], "Length of each session of a client that ended by a drop and whose connect was heard too.", SESSION_SECONDS;
    broker_client_events: Counter, "mqtt_broker_client_events_total", ["connection", "outcome"], "What became of the broker's messages about its clients; untracked ones are counted, but not told apart by client.";
    broker_clients_tracked: Gauge, "mqtt_broker_clients_tracked", ["connection"], "Clients that are kept in mind: those that the broker spoke of in the last two days, up to the limit.";
    broker_clients_connected: Gauge, "mqtt_broker_clients_connected", ["connection"], "Clients whose connect was heard, and no end of it, since this connection listens without a gap; fewer than there are until all have connected anew, and 0 while it does not listen.";
    broker_clients_dropped_recently: Gauge, "mqtt_broker_clients_dropped_recently", ["connection"], "Different clients that dropped within the last minute; 0 while this connection does not listen.";
    broker_burst: Gauge, "mqtt_broker_burst", ["connection"], "Whether more clients drop together than chance brings together (1), until two minutes after it was last so; 0 while this connection does not listen.";
    broker_bursts: Counter, "mqtt_broker_bursts_total", ["connection"], "Times that more clients dropped together than chance brings together.";
    broker_client_connected: Gauge, "mqtt_broker_client_connected", ["connection", "client"], "Whether a client that the configuration names is connected (1), by the newest that was heard of it; 0 before the first.";
    broker_client_drops: Counter, "mqtt_broker_client_drops_total", ["connection", "client"], "Drops of a client that the configuration names.";
    // The exporter itself.
    build_info: Info, "hangup_build_info", ["version", "revision"], "The build of this exporter; always 1.";
    shard: Info, "hangup_shard_info", ["shard", "shards"], "Which part of the connections of the configuration this process runs, counted from 0, and of how many; absent where it runs all of them.";
    series: Gauge, "hangup_series", [], "Series of readings now kept.";
    series_limit: Gauge, "hangup_series_limit", [], "Series of readings that may be kept.";
    rejected_series: Counter, "hangup_rejected_series_total", [], "Readings refused because their series would have been one too many, or is that of another connection.";
    reload_successful: Gauge, "hangup_config_last_reload_successful", [], "Whether the newest reading of the configuration succeeded (1) or not (0).";
    reload_success_time: Gauge, "hangup_config_last_reload_success_timestamp_seconds", [], "When the configuration was last read successfully.";
    journal_write_failures: Counter, "hangup_journal_write_failures_total", [], "Records that could not be written to the journal at once; they are lost at the next restart unless the disk comes back in time.";
    diagnostics_write_failures: Counter, "hangup_diagnostics_write_failures_total", [], "Times that the diagnostics file could not be written.";
    diagnostics_written: Gauge, "hangup_diagnostics_last_written_timestamp_seconds", [], "When the diagnostics file was last written; absent where none is.";
    host_suspends: Counter, "hangup_host_suspends_total", [], "Times that this machine slept for 2 s or longer.";
    host_clock_steps: Counter, "hangup_host_clock_steps_total", [], "Times that the wall clock was stepped by 2 s or more.";
    host_network_changes: Counter, "hangup_host_network_changes_total", ["kind"], "Changes of links, addresses, default routes and the resolver of this machine, where the system tells.";
}

#[expect(
    clippy::expect_used,
    reason = "the table is constant: a fault in a row shows in every test and at no user"
)]
fn register<V: Told>(definition: Definition, registry: &Registry) -> Family<V> {
    let family = Family::new(definition);
    let bridge = Bridge::new(family.clone()).expect("a row of the table is a valid metric");
    registry.register(Box::new(bridge)).expect("no two rows of the table have one name");
    family
}
