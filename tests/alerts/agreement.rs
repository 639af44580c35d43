//! A scripted hour of drops, counted by everybody who shows them: exporter, status page, dashboards, alerts.
//!
//! Never allows for a rounding: the numbers are equal or the test fails.
//!
//! The drops are real and the hour is not: what the exporter's page said after each fault becomes an hour of scrapes
//! of 15 s in a real Prometheus, and the queries are read from the files that are shipped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hangup::clock;
use hangup::simulator::Fault;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::exporter::Exporter;
use crate::support::page::Page;
use crate::support::prometheus::{Prometheus, is_here};
use crate::support::scene::{FAST, Scene};

const DROPS: &str = "mqtt_client_connection_drops_total";
const NAMES: [&str; 3] = ["attic", "barn", "cellar"];
const HOUR: u64 = 3600;
const SCRAPE: u64 = 15;

/// Which fault in which second of the hour, and how many drops it makes of three sessions. Two fall into one minute,
/// one just before a scrape and one just after.
fn script() -> Vec<(u64, Fault, u32)> {
    let storm = Fault::Storm { times: 7, after: Duration::from_millis(200), lasts: Duration::from_secs(60) };
    vec![
        (31, Fault::HangUp, 3),
        (419, Fault::Reset, 3),
        (1141, storm, 7),
        (1164, Fault::Garbage, 3),
        (2005, Fault::WebsocketClose(1001), 3),
        (3561, Fault::Fin, 3),
    ]
}

/// What somebody says: drops by connection, or by error.
type Counts = BTreeMap<String, u64>;

#[tokio::test]
async fn dashboards_alerts_and_page_agree_on_the_drops_of_an_hour() {
    if !is_here("prometheus") || !is_here("promtool") {
        return;
    }
    let scene = Scene::new().await;
    // Without the rest after takeovers, for which an hour would have no room.
    let reconnect = format!("{FAST}takeover_count = 1000");
    let config: String = NAMES.iter().map(|name| scene.connection(name, &reconnect, "")).collect();
    let exporter = scene.run(&config).await;
    let hour = record(&scene, &exporter).await;

    let page = exporter.page().await;
    let by_connection = on_the_page(&page, "connection");
    let by_error = on_the_page(&page, "error");
    let total: u64 = by_connection.values().sum();
    assert_eq!(total, script().iter().map(|(_, _, drops)| u64::from(*drops)).sum::<u64>());
    assert_eq!(in_json(&exporter).await, by_connection, "/api/v1/connections");
    assert_eq!(on_the_status_page(&exporter).await, total, "the status page");
    scene.end(exporter).await;

    let (prometheus, start) = past(&hour).await;
    let end = start + HOUR;
    let overview = dashboard("connections");
    let bars = |panel: &'static str, label: &'static str| {
        let expr = filled(&panel_query(&overview, panel, "A"), ".+");
        let prometheus = &prometheus;
        async move { bars(prometheus, &expr, label, start).await }
    };
    assert_eq!(bars("Drops by error", "error").await, by_error);
    assert_eq!(bars("Drops by connection", "connection").await, by_connection);

    let number = filled(&panel_query(&overview, "Drops", "A"), ".+");
    assert_eq!(sum(&prometheus.query_at(&number, end).await), total, "the number at the top");
    let table = filled(&panel_query(&overview, "What is up", "C"), ".+");
    assert_eq!(counts(&prometheus.query_at(&table, end).await, "connection"), by_connection, "What is up");
    let table = filled(&panel_query(&overview, "What broke, and why", "B"), ".+");
    let broke: Vec<_> = prometheus.query_at(&table, end).await;
    let sessions: Vec<_> = broke.into_iter().filter(|(labels, _)| labels["phase"] == "session").collect();
    assert_eq!(counts(&sessions, "error"), by_error, "What broke, and why");
    for document in [&overview, &dashboard("connection-detail")] {
        let mark = document["annotations"]["list"].as_array().unwrap();
        let mark = mark.iter().find(|mark| mark["name"] == "Drops").unwrap();
        let expr = filled(mark["expr"].as_str().unwrap(), ".+");
        assert_eq!(self::bars(&prometheus, &expr, "connection", start).await, by_connection, "annotations");
    }

    let detail = dashboard("connection-detail");
    for (name, drops) in &by_connection {
        let expr = filled(&panel_query(&detail, "Drops by error", "A"), name);
        let bars = self::bars(&prometheus, &expr, "error", start).await;
        assert_eq!(bars.values().sum::<u64>(), *drops, "bars of {name}");
        let number = filled(&panel_query(&detail, "Drops", "A"), name);
        assert_eq!(sum(&prometheus.query_at(&number, end).await), *drops, "the number of {name}");
    }

    // Two windows of the alert for drops that do not end make the hour; its value is told rounded.
    let rule = recorded("connection:mqtt_client_connection_drops:increase30m");
    let mut alerted = Counts::new();
    for at in [start + HOUR / 2, end] {
        let told = prometheus.query_at(&format!("round({rule})"), at).await;
        for (name, drops) in counts(&told, "connection") {
            *alerted.entry(name).or_default() += drops;
        }
    }
    assert_eq!(alerted, by_connection, "the alerts");
}

/// Lets the script happen. The page before it and after each fault, with the second from which it holds.
async fn record(scene: &Scene, exporter: &Exporter) -> Vec<(u64, String)> {
    let calm =
        |page: &Page, drops: f64| page.sum(DROPS, &[]) == drops && NAMES.iter().all(|name| page.online(name));
    exporter.until("everything is online", |page| calm(page, 0.0)).await;
    let mut hour = vec![(0, exporter.get("/metrics").await.body)];
    let mut drops = 0;
    for (second, fault, more) in script() {
        scene.inject(fault);
        drops += more;
        exporter.until("the fault is over", |page| calm(page, f64::from(drops))).await;
        hour.push((second, exporter.get("/metrics").await.body));
    }
    hour
}

/// A Prometheus that scraped these pages during an hour, and when that hour began.
async fn past(hour: &[(u64, String)]) -> (Prometheus, u64) {
    let directory = TempDir::new().unwrap();
    let now = clock::now().wall.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    // A whole minute, as Grafana asks for; the last scrape is not in the future.
    let start = now / 60 * 60 - HOUR;
    let scrapes = directory.path().join("scrapes");
    std::fs::write(&scrapes, scraped(hour, start)).unwrap();
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&scrapes, &directory.path().join("data")])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let prometheus = Prometheus::start(directory, "global: {}\n").await;
    prometheus.until("vector(1)").await;
    (prometheus, start)
}

/// What Prometheus would have kept of the counters: a sample at each scrape, with the labels of the target.
fn scraped(hour: &[(u64, String)], start: u64) -> String {
    let mut text = String::new();
    for second in (0..=HOUR).step_by(usize::try_from(SCRAPE).unwrap()) {
        let (_, page) = hour.iter().rfind(|(from, _)| *from <= second).unwrap();
        let failures = "mqtt_client_connect_failures_total{";
        let drops = format!("{DROPS}{{");
        for line in page.lines().filter(|line| line.starts_with(&drops) || line.starts_with(failures)) {
            let (name, rest) = line.split_once('{').unwrap();
            let target = "job=\"hangup\",instance=\"127.0.0.1:9883\"";
            writeln!(text, "{name}{{{target},{rest} {}", start + second).unwrap();
        }
    }
    text + "# EOF\n"
}

/// What the bars of a graph over the hour show together, by a label.
async fn bars(prometheus: &Prometheus, expr: &str, label: &str, start: u64) -> Counts {
    let mut sums = Counts::new();
    for (labels, points) in prometheus.query_range(expr, start, start + HOUR, 60).await {
        let height: f64 = points.iter().map(|(_, value)| value).sum();
        // The series that says that nothing happened has the height 0.
        if height > 0.0 {
            *sums.entry(labels[label].as_str().unwrap().to_owned()).or_default() += whole(height);
        }
    }
    sums
}

/// A result by a label, without zeros.
fn counts(result: &[(Value, f64)], label: &str) -> Counts {
    let mut counts = Counts::new();
    for (labels, value) in result.iter().filter(|(_, value)| *value > 0.0) {
        *counts.entry(labels[label].as_str().unwrap().to_owned()).or_default() += whole(*value);
    }
    counts
}

fn sum(result: &[(Value, f64)]) -> u64 {
    result.iter().map(|(_, value)| whole(*value)).sum()
}

/// Exactly this number: half a drop fails the test.
fn whole(value: f64) -> u64 {
    let text = value.to_string();
    text.parse().unwrap_or_else(|_| panic!("{text} is no number of drops"))
}

fn on_the_page(page: &Page, label: &str) -> Counts {
    let mut counts = Counts::new();
    for sample in page.samples(DROPS, &[]).into_iter().filter(|sample| sample.value > 0.0) {
        *counts.entry(sample.labels[label].clone()).or_default() += whole(sample.value);
    }
    counts
}

async fn in_json(exporter: &Exporter) -> Counts {
    let board: Value = serde_json::from_str(&exporter.get("/api/v1/connections").await.body).unwrap();
    let connections = board["connections"].as_array().unwrap();
    let of = |one: &Value| (one["name"].as_str().unwrap().to_owned(), one["drops"].as_u64().unwrap());
    connections.iter().map(of).collect()
}

/// The drops of all cards: `8 sessions, 7 drops`.
async fn on_the_status_page(exporter: &Exporter) -> u64 {
    let html = exporter.get("/").await.body;
    let cards: Vec<u64> = html
        .split("sessions, ")
        .skip(1)
        .map(|behind| behind.split_once(" drops").unwrap().0.parse().unwrap())
        .collect();
    assert_eq!(cards.len(), NAMES.len(), "{html}");
    cards.iter().sum()
}

fn dashboard(name: &str) -> Value {
    let file = Path::new("dashboards").join(name).with_extension("json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// A query of a panel, which may lie in a row that is folded.
fn panel_query(document: &Value, title: &str, target: &str) -> String {
    let rows = document["panels"].as_array().unwrap();
    let inner = rows.iter().filter_map(|row| row["panels"].as_array()).flatten();
    let panel = rows.iter().chain(inner).find(|panel| panel["title"] == title).expect(title);
    let targets = panel["targets"].as_array().unwrap();
    let target = targets.iter().find(|one| one["refId"] == target).expect(title);
    target["expr"].as_str().unwrap().to_owned()
}

/// A query as Grafana sends it for an hour on a screen where a bar is a minute.
fn filled(query: &str, connection: &str) -> String {
    let values = [
        ("$__interval", "1m"),
        ("$__range", "1h"),
        ("$job", "hangup"),
        ("$instance", ".+"),
        ("$connection", connection),
    ];
    let query = values.iter().fold(query.to_owned(), |query, (name, value)| query.replace(name, value));
    assert!(!query.contains('$'), "{query}");
    query
}

/// The expression of a recording rule of one line.
fn recorded(name: &str) -> String {
    let rules = std::fs::read_to_string("alerts/rules.yml").unwrap();
    let (_, behind) = rules.split_once(&format!("- record: {name}\n")).expect(name);
    let (_, expr) = behind.lines().next().unwrap().split_once("expr: ").expect(name);
    expr.to_owned()
}
