//! Real Prometheus on the real page: an outage as it is seen from there, `promtool`, and strict OpenMetrics.
//!
//! Never passes in silence when a program is missing: what is skipped is said on stderr.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "helpers outside of test functions fail a test by panicking; counts are exact"
)]

mod support;

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use hangup::simulator::Fault;
use support::exporter::{Exporter, get};
use support::prometheus::{Prometheus, is_here, skipped};
use support::scene::{FAST, Scene};
use tempfile::TempDir;

const REFUSED: &str = "AWS_IO_SOCKET_CONNECTION_REFUSED";

/// A Prometheus that scrapes one exporter every second.
async fn watching(exporter: &Exporter) -> Prometheus {
    let target = exporter.address;
    let config = format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\n\
         scrape_configs:\n- job_name: hangup\n  static_configs: [{{ targets: ['{target}'] }}]\n"
    );
    Prometheus::start(TempDir::new().unwrap(), &config).await
}

#[tokio::test]
async fn an_outage_as_prometheus_sees_it() {
    if !is_here("prometheus") {
        return;
    }
    let scene = Scene::new().await;
    let config = format!("[readings]\noutage_grace = \"2s\"\n{}", scene.connection("home", FAST, ""));
    let exporter = scene.run(&config).await;
    let prometheus = watching(&exporter).await;
    prometheus.until("up == 1").await;
    prometheus.until("count(navien_temperature_celsius{sensor=\"tank_upper\"}) == 2").await;

    scene.inject(Fault::Down(Duration::from_secs(15)));
    prometheus.until("mqtt_client_connected == 0").await;
    // A series that left the page is stale at once: it does not linger for the five minutes of a lost target.
    prometheus.until("absent(navien_temperature_celsius)").await;
    prometheus.until(&format!("mqtt_client_connect_failures_total{{error=\"{REFUSED}\"}} > 0")).await;
    prometheus.until("mqtt_client_connected == 1").await;
    prometheus.until("count(navien_temperature_celsius{sensor=\"tank_upper\"}) == 2").await;

    let drops = prometheus.query("mqtt_client_connection_drops_total > 0").await;
    assert_eq!(drops.len(), 1, "{drops:?}");
    assert_eq!((&drops[0].0["error"], drops[0].1), (&"AWS_IO_SOCKET_CLOSED".into(), 1.0));
    let seen = prometheus.query("sum(increase(mqtt_client_connection_drops_total[5m]))").await;
    assert!(
        seen[0].1 > 0.0,
        "the counter stood at zero before, so that its first drop is an increase: {seen:?}"
    );
    assert_eq!(prometheus.query("min_over_time(up[5m])").await[0].1, 1.0, "up all the time");
    scene.end(exporter).await;
}

/// The page as text 0.0.4 and as OpenMetrics, calm and after drops, failures and an offline heater.
async fn pages() -> Vec<(&'static str, String, String)> {
    let scene = Scene::new().await;
    let exporter = scene.run(&scene.connection("home", FAST, "diagnostic_readings = true")).await;
    let both = async |name| {
        let page = async |accept| get(exporter.address, "/metrics", accept).await.unwrap().body;
        (name, page("text/plain").await, page("application/openmetrics-text").await)
    };
    let empty = both("before the first session").await;
    exporter.until("readings", |page| page.heaters() == 2).await;
    let calm = both("calm").await;
    for fault in [Fault::HangUp, Fault::Garbage, Fault::Down(Duration::from_secs(2))] {
        let sessions = exporter.page().await.sessions("home");
        scene.inject(fault);
        exporter.until("back", |page| page.sessions("home") > sessions && page.online("home")).await;
    }
    scene.inject(Fault::HeaterOffline(0, Duration::from_secs(600)));
    exporter
        .until("an offline heater", |page| page.heaters() > 0 && page.sum("navien_device_online", &[]) < 2.0)
        .await;
    let busy = both("busy").await;
    scene.end(exporter).await;
    vec![empty, calm, busy]
}

/// Runs a checker with a page on its standard input: whether it is content, and what it said.
fn check(command: &mut Command, page: &str) -> (bool, String) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Python with `prometheus_client`, where `HANGUP_TEST_PYTHON` or the system has it.
fn python() -> Option<String> {
    let named = std::env::var("HANGUP_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let import = Command::new(&named).args(["-c", "import prometheus_client"]).stderr(Stdio::null()).status();
    let here = import.is_ok_and(|status| status.success());
    if !here {
        skipped(&format!("no `{named}` with prometheus_client"));
    }
    here.then_some(named)
}

const PYTHON: &str = "import sys\n\
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
    families = list(parse(sys.stdin.read()))\n\
    assert len(families) > 40, len(families)\n";

#[tokio::test]
async fn every_checker_is_content_with_calm_and_busy_pages() {
    let pages = pages().await;
    let promtool = is_here("promtool");
    let python = python();
    for (name, text, openmetrics) in &pages {
        let families = support::openmetrics::parse(openmetrics).unwrap();
        assert!(families.len() > 40, "{name}: {}", families.len());
        assert!(families.iter().all(|family| family.help.is_some() && family.kind.is_some()), "{name}");
        if promtool {
            let found = check(Command::new("promtool").args(["check", "metrics"]), text);
            assert_eq!(found, (true, String::new()), "{name}");
        }
        if let Some(python) = &python {
            let found = check(Command::new(python).args(["-c", PYTHON]), openmetrics);
            assert_eq!(found, (true, String::new()), "{name}");
        }
    }
}

#[test]
fn the_strict_reader_takes_what_is_right() {
    let page = "# TYPE a counter\n# HELP a Say \\\"a\\\" \\\\ \\n.\na_total{b=\"x\\\"y\\\\z\\nw\",c=\"\"} 1\n\
                # HELP t_seconds T.\n# TYPE t_seconds gauge\n# UNIT t_seconds seconds\nt_seconds -1.5e-3\n\
                # TYPE i info\ni_info{v=\"1\"} 1\n\
                # TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n\
                # EOF\n";
    let families = support::openmetrics::parse(page).unwrap();
    assert_eq!(
        families.iter().map(|family| family.name.as_str()).collect::<Vec<_>>(),
        ["a", "t_seconds", "i", "h"]
    );
    assert_eq!(families[0].help.as_deref(), Some("Say \"a\" \\ \n."));
    assert_eq!(families[0].samples[0].labels["b"], "x\"y\\z\nw");
    assert_eq!(families[1].unit.as_deref(), Some("seconds"));
}

#[test]
fn the_strict_reader_refuses_what_is_wrong() {
    let histogram = "# TYPE h histogram\n";
    let cases = [
        ("no end", "a 1\n", "# EOF"),
        ("something behind the end", "# EOF\na 1\n", "# EOF"),
        ("the end twice", "# EOF\n# EOF\n", "neither HELP"),
        ("no line break at the end", "a 1\n# EOF", "line break"),
        ("an empty line", "a 1\n\n# EOF\n", "without a value"),
        ("a carriage return", "# HELP a b\r\na 1\n# EOF\n", "line feed"),
        ("a comment", "# hello world again\n# EOF\n", "neither HELP"),
        ("a type that does not exist", "# TYPE a meter\n# EOF\n", "not a type"),
        ("a second type", "# TYPE a gauge\n# TYPE a gauge\n# EOF\n", "a second TYPE"),
        ("metadata behind samples", "# TYPE a gauge\na 1\n# HELP a late\n# EOF\n", "behind samples"),
        ("a unit that is not in the name", "# TYPE a gauge\n# UNIT a seconds\n# EOF\n", "unit"),
        ("an info with a unit", "# TYPE a_s info\n# UNIT a_s s\na_s_info 1\n# EOF\n", "no unit"),
        (
            "a family in two places",
            "# TYPE a gauge\na 1\n# TYPE b gauge\n# TYPE a gauge\n# EOF\n",
            "two places",
        ),
        ("a sample in two places", "a{x=\"1\"} 1\nb 1\na{x=\"2\"} 1\n# EOF\n", "two places"),
        ("a counter without _total", "# TYPE a counter\na 1\n# EOF\n", "two places"),
        (
            "a gauge that takes a counter's name",
            "# TYPE a counter\na_total 1\nb 1\na_created 2\n# EOF\n",
            "two",
        ),
        ("a counter below zero", "# TYPE a counter\na_total -1\n# EOF\n", "a counter of"),
        ("a counter that is not a number", "# TYPE a counter\na_total NaN\n# EOF\n", "a counter of"),
        ("an info that is not 1", "# TYPE a info\na_info 2\n# EOF\n", "an info of"),
        ("a duplicate", "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n# EOF\n", "twice"),
        ("a label twice", "a{x=\"1\",x=\"2\"} 1\n# EOF\n", "twice"),
        ("a trailing comma", "a{x=\"1\",} 1\n# EOF\n", "label"),
        ("a space between labels", "a{x=\"1\", y=\"2\"} 1\n# EOF\n", "not a label name"),
        ("a label without quotes", "a{x=1} 1\n# EOF\n", "in quotes"),
        ("an open label value", "a{x=\"1} 1\n# EOF\n", "without an end"),
        ("an escape that does not exist", "a{x=\"\\t\"} 1\n# EOF\n", "escape"),
        ("a bad label name", "a{1x=\"1\"} 1\n# EOF\n", "not a label name"),
        ("a bad metric name", "1a 1\n# EOF\n", "not a metric name"),
        ("two spaces", "a  1\n# EOF\n", "not a number"),
        ("a word for a value", "a one\n# EOF\n", "not a number"),
        ("a timestamp", "a 1 1\n# EOF\n", "not a number"),
    ];
    for (what, page, why) in cases {
        let refused = support::openmetrics::parse(page).expect_err(what);
        assert!(refused.contains(why), "{what}: {refused}");
    }
    let cases = [
        ("no buckets", "h_sum 1\nh_count 1\n", "no buckets"),
        ("no +Inf", "h_bucket{le=\"1.0\"} 1\nh_sum 1\nh_count 1\n", "+Inf"),
        ("no sum", "h_bucket{le=\"+Inf\"} 1\nh_count 1\n", "no _sum"),
        ("no count", "h_bucket{le=\"+Inf\"} 1\nh_sum 1\n", "no _count"),
        ("another count", "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n", "is not the bucket"),
        ("falling", "h_bucket{le=\"1.0\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n", "rise"),
        ("disorder", "h_bucket{le=\"2.0\"} 1\nh_bucket{le=\"1.0\"} 1\n", "rise"),
        ("a bound like an integer", "h_bucket{le=\"1\"} 1\n", "like a float"),
        ("a bucket without a bound", "h_bucket 1\n", "without `le`"),
        (
            "two histograms in one another",
            "h_bucket{x=\"1\",le=\"+Inf\"} 0\nh_sum{x=\"2\"} 0\nh_sum{x=\"1\"} 0\n",
            "two places",
        ),
    ];
    for (what, samples, why) in cases {
        let refused = support::openmetrics::parse(&format!("{histogram}{samples}# EOF\n")).expect_err(what);
        assert!(refused.contains(why), "{what}: {refused}");
    }
}
