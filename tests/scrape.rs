//! The whole page, our own metrics and readings together, against a strict grammar of both formats.
//! Never asks the clock: freshness is tested on times that are given.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests may panic")]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]

#[path = "scrape/grammar.rs"]
mod grammar;
#[path = "scrape/histograms.rs"]
mod histograms;
#[path = "scrape/hostile.rs"]
mod hostile;

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use grammar::Page;
use hangup::clock::{Instant, Now};
use hangup::connection::plan::Transport;
use hangup::reading::store::{Feed, Store};
use hangup::reading::{Kind, Quantity, Reading};
use hangup::telemetry::encode::{self, Exposition, Zipped};
use hangup::telemetry::{ConnectionLabels, ConnectionMetrics, Metrics};

const TEMPERATURE: Quantity =
    Quantity::fixed("test_tank_celsius", Kind::Gauge, "Temperature of the \"tank\".\nUpper \\ half.");
const ENERGY: Quantity = Quantity::fixed("test_energy_joules_total", Kind::Counter, "Energy used.");
const MODE: Quantity = Quantity::fixed("test_mode_info", Kind::Gauge, "The mode in force.");
const LIFETIME: Duration = Duration::from_secs(180);
const GRACE: Duration = Duration::from_secs(60);
const HOSTILE: &str = "a\"b\\c\nd}{=,# EOF\u{0}\r\u{1F525}";

fn at(seconds: u64) -> Now {
    let since = Duration::from_secs(1_000 + seconds);
    Now { at: Instant::from_boot(since), wall: SystemTime::UNIX_EPOCH + since }
}

/// An exporter without sockets: two connections whose series all exist, and a store.
struct Exporter {
    metrics: Metrics,
    store: Store,
    _connections: Vec<ConnectionMetrics>,
}

impl Exporter {
    fn new(limit: usize) -> Self {
        let metrics = Metrics::started(at(0));
        let store = Store::new(limit, metrics.exporter());
        let connections = ["home", "a\"b\\c\nd"].map(|name| {
            let connection = metrics.connection(&ConnectionLabels {
                connection: name.to_owned(),
                broker: "broker.example:443".to_owned(),
                protocol: "3.1.1",
                transport: Transport::Wss,
                source: "navien",
                proxied: true,
                signs_in: true,
            });
            connection.traffic().pinged(Duration::from_millis(40), at(1));
            connection.traffic().pinged(Duration::from_secs(1_000_000), at(1));
            connection
        });
        metrics.device("home", HOSTILE).request_answered(Duration::from_millis(1500));
        Self { metrics, store, _connections: connections.into() }
    }

    fn put(&self, feed: &Feed, quantity: &Quantity, device: &str, value: f64, now: Now) {
        self.store.put(feed, &Reading { quantity, device, labels: &[], value, lifetime: LIFETIME }, now.at);
    }

    fn raw(&self, accept: &str, now: Now) -> String {
        encode::page(&self.metrics, &self.store, Exposition::negotiate(Some(accept)), now)
    }

    fn text(&self, now: Now) -> Page {
        grammar::text(&self.raw("text/plain", now)).unwrap()
    }

    fn openmetrics(&self, now: Now) -> Page {
        grammar::openmetrics(&self.raw("application/openmetrics-text", now)).unwrap()
    }
}

/// An exporter with readings of every kind from two connections, hostile ones among them.
fn full() -> Exporter {
    let exporter = Exporter::new(1000);
    for connection in ["home", "away"] {
        let feed = exporter.store.feed(connection);
        exporter.put(&feed, &TEMPERATURE, connection, 49.5, at(1));
        exporter.put(&feed, &ENERGY, connection, 1e17, at(1));
        exporter.put(&feed, &MODE, connection, 1.0, at(1));
        exporter.put(&feed, &TEMPERATURE, HOSTILE, f64::NAN, at(1));
    }
    exporter
}

#[test]
fn the_text_page_keeps_the_grammar_and_says_what_it_was_told() {
    let page = full().text(at(2));
    assert_eq!(page.value("test_tank_celsius", &[("device", "away")]), Some(49.5));
    assert_eq!(page.value("test_energy_joules_total", &[("device", "home")]), Some(1e17));
    assert!(
        page.value("test_tank_celsius", &[("device", HOSTILE)]).unwrap().is_nan(),
        "it comes back as it was"
    );
    assert_eq!(page.families["test_tank_celsius"].help, "Temperature of the \"tank\".\nUpper \\ half.");
    assert_eq!(page.families["test_mode_info"].kind, "gauge");
    assert_eq!(page.value("mqtt_client_connected", &[("connection", "a\"b\\c\nd")]), Some(0.0));
    assert_eq!(page.families["mqtt_client_ping_duration_seconds"].kind, "histogram");
}

#[test]
fn the_openmetrics_page_keeps_its_own_grammar_and_has_the_same_series() {
    let exporter = full();
    let (open, text) = (exporter.openmetrics(at(2)), exporter.text(at(2)));
    assert_eq!(open.families["test_energy_joules"].kind, "counter");
    assert_eq!(open.families["test_mode"].kind, "info");
    assert_eq!(open.families["hangup_build"].kind, "info");
    // Bounds of buckets are spelt differently: Prometheus 3 makes them one, older ones do not.
    let series = |page: &Page| -> Vec<_> {
        let samples = page.families.values().flat_map(|family| &family.samples);
        let names = samples.filter(|sample| !sample.name.ends_with("_bucket"));
        let mut names: Vec<_> = names.map(|sample| (sample.name.clone(), sample.labels.clone())).collect();
        names.sort();
        names
    };
    assert_eq!(series(&open), series(&text));
}

#[test]
fn a_packed_page_unpacks_to_the_same_page() {
    let exporter = full();
    let page = exporter.raw("application/openmetrics-text", at(2));
    let exposition = Exposition::negotiate(Some("application/openmetrics-text"));
    let mut zipped = Zipped::new(encode::Page::new(&exporter.metrics, &exporter.store, exposition, at(2)));
    let mut packed = Vec::new();
    while zipped.write(&mut packed) {}
    assert!(packed.len() * 4 < page.len());
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut unpacked).unwrap();
    // What the process itself used meanwhile is not the same.
    let without_process = |page: &str| -> Vec<String> {
        page.lines().filter(|line| !line.starts_with("process_")).map(ToOwned::to_owned).collect()
    };
    assert!(without_process(&unpacked) == without_process(&page), "something got lost on the way");
}

#[test]
fn silent_devices_and_lost_connections_leave_the_page_with_their_headers() {
    let exporter = Exporter::new(100);
    let (home, away) = (exporter.store.feed("home"), exporter.store.feed("away"));
    away.set_grace(GRACE);
    exporter.put(&home, &TEMPERATURE, "silent", 1.0, at(0));
    exporter.put(&home, &TEMPERATURE, "fresh", 1.0, at(100));
    exporter.put(&away, &TEMPERATURE, "cut off", 1.0, at(100));
    away.down(at(130).at);
    let count = |now| exporter.text(now).count("test_tank_celsius");
    assert_eq!(count(at(179)), 3);
    assert_eq!(count(at(180)), 2);
    assert_eq!(count(at(190)), 1);
    exporter.store.forget_feed("home");
    assert!(!exporter.raw("*/*", at(191)).contains("test_tank_celsius"));
}

#[test]
fn the_series_limit_holds_on_the_page_and_is_told_there() {
    let exporter = Exporter::new(10);
    let feed = exporter.store.feed("home");
    for device in 0..25 {
        exporter.put(&feed, &TEMPERATURE, &device.to_string(), 1.0, at(1));
    }
    let page = exporter.text(at(2));
    assert_eq!(page.count("test_tank_celsius"), 10);
    let own = ["hangup_series", "hangup_series_limit", "hangup_rejected_series_total"];
    assert_eq!(own.map(|name| page.value(name, &[])), [Some(10.0), Some(10.0), Some(15.0)]);
}

#[test]
fn numbers_that_a_type_cannot_have_do_not_spoil_the_page() {
    let exporter = Exporter::new(100);
    let feed = exporter.store.feed("home");
    for value in [f64::NAN, -1.0, f64::INFINITY, 0.0, 2.0] {
        for quantity in [&TEMPERATURE, &ENERGY, &MODE] {
            exporter.put(&feed, quantity, &value.to_string(), value, at(1));
        }
    }
    for page in [exporter.text(at(2)), exporter.openmetrics(at(2))] {
        assert_eq!(page.count("test_tank_celsius"), 5);
        assert_eq!(page.count("test_energy_joules_total"), 3, "neither NaN nor -1");
        assert_eq!(page.count("test_mode_info"), 0, "an info metric is 1 or not there");
    }
}

#[test]
fn one_label_set_is_one_series_however_it_is_written() {
    let exporter = Exporter::new(100);
    let feed = exporter.store.feed("home");
    for labels in [[("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")]] {
        let reading = Reading {
            quantity: &TEMPERATURE,
            device: "tank",
            labels: &labels,
            value: 1.0,
            lifetime: LIFETIME,
        };
        exporter.store.put(&feed, &reading, at(1).at);
    }
    assert_eq!(exporter.text(at(2)).count("test_tank_celsius"), 1);
}

#[test]
fn pages_are_whole_while_readings_stream_in() {
    const SERIES: usize = 2000;
    let exporter = Arc::new(Exporter::new(SERIES));
    let feed = exporter.store.feed("home");
    let fill = move |exporter: &Exporter, value| {
        for device in 0..SERIES {
            exporter.put(&feed, &ENERGY, &device.to_string(), value, at(1));
        }
    };
    fill(&exporter, 0.0);
    let done = Arc::new(AtomicBool::new(false));
    let (writer, stop) = (Arc::clone(&exporter), Arc::clone(&done));
    let ingest = std::thread::spawn(move || {
        let mut value = 1.0;
        while !stop.load(Ordering::Relaxed) {
            fill(&writer, value);
            value += 1.0;
        }
    });
    for _ in 0..10 {
        assert_eq!(exporter.openmetrics(at(2)).count("test_energy_joules_total"), SERIES);
    }
    done.store(true, Ordering::Relaxed);
    ingest.join().unwrap();
}

/// Pipes a page to a program, which says by its exit whether it likes it. `None` when there is no such program.
fn judged(program: &str, arguments: &[&str], page: &str) -> Option<(bool, String)> {
    let piped = Stdio::piped;
    let spawned =
        Command::new(program).args(arguments).stdin(piped()).stdout(piped()).stderr(piped()).spawn();
    let mut child = spawned.ok()?;
    // A program that ends without reading says so by its exit, not by a broken pipe.
    let _ = child.stdin.take().unwrap().write_all(page.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Some((output.status.success(), said))
}

#[test]
fn promtool_likes_the_text_page() {
    match judged("promtool", &["check", "metrics"], &full().raw("text/plain", at(2))) {
        Some((liked, said)) => assert!(liked, "{said}"),
        None => eprintln!("SKIPPED: promtool is not installed (package `prometheus`)"),
    }
}

#[test]
fn the_reference_parser_likes_the_openmetrics_page() {
    const READ: &str = "import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n\
         print(len(list(read(sys.stdin.buffer.read().decode()))))";
    let python = std::env::var("OPENMETRICS_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let there = judged(&python, &["-c", "import prometheus_client.openmetrics.parser"], "");
    if there.is_some_and(|(there, _)| there) {
        let (liked, said) =
            judged(&python, &["-c", READ], &full().raw("application/openmetrics-text", at(2))).unwrap();
        assert!(liked, "{said}");
    } else {
        eprintln!("SKIPPED: no Python with prometheus_client (name one in OPENMETRICS_PYTHON)");
    }
}
