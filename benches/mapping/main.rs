//! What a message costs between the packet and the page: the real mapper, the real store, one processor.
//!
//! Never measures a debug build: `cargo bench --bench mapping`. Ends with an exit code other than 0 when a target is missed.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot be made stops, and tells its figures"
)]

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use hangup::clock;
use hangup::config::mapping::from_text;
use hangup::connection::message::Incoming;
use hangup::mapping;
use hangup::reading::ingest::Ingest;
use hangup::reading::store::Store;
use hangup::source::Outcome;
use hangup::telemetry::Metrics;

/// Topics of each measurement.
const TOPICS: usize = 1_000;
/// Messages of one round.
const ROUND: usize = 200_000;
/// Rounds, whose median is told.
const ROUNDS: usize = 9;

struct Case {
    name: &'static str,
    rules: &'static str,
    payload: fn(usize) -> String,
    /// Nanoseconds; the median must be below.
    target: Option<f64>,
}

const FIVE: &str = r#"[[subscribe]]
filter = "bench/#"
device = "{2}"
[[subscribe.metric]]
name = "b_temperature_celsius"
path = "temperature"
[[subscribe.metric]]
name = "b_humidity_percent"
path = "humidity"
[[subscribe.metric]]
name = "b_pressure_hectopascals"
path = "pressure"
[[subscribe.metric]]
name = "b_battery_percent"
path = "battery"
[[subscribe.metric]]
name = "b_rssi_dbm"
path = "rssi"
"#;

const EVERY: &str = r#"[[subscribe]]
filter = "bench/#"
device = "{2}"
[[subscribe.metric]]
name = "b_{path}"
path = "**"
"#;

const CHANNELS: &str = r#"[[subscribe]]
filter = "bench/#"
device = "{2}"
[[subscribe.metric]]
name = "b_power_watts"
path = "ch[*].power"
labels = { channel = "{payload.ch[*].name}" }
"#;

const SCALAR: &str = r#"[[subscribe]]
filter = "bench/#"
device = "{2}"
[[subscribe.metric]]
name = "b_power_watts"
"#;

fn five(number: usize) -> String {
    let tenth = number % 10;
    format!(
        "{{\"temperature\":21.{tenth},\"humidity\":45.{tenth},\"pressure\":1013.{tenth},\"battery\":8{tenth},\"rssi\":-6{tenth}}}"
    )
}

fn channels(number: usize) -> String {
    let one = |at: usize| format!("{{\"name\":\"c{at}\",\"power\":{}.5}}", number % 100);
    format!("{{\"ch\":[{}]}}", (0..4).map(one).collect::<Vec<_>>().join(","))
}

fn scalar(number: usize) -> String {
    format!("{}.5", number % 1_000)
}

const CASES: &[Case] = &[
    Case { name: "JSON, 5 rules, 5 values", rules: FIVE, payload: five, target: Some(700.0) },
    Case { name: "JSON, every number, 5 values", rules: EVERY, payload: five, target: None },
    Case { name: "JSON, list of 4 with names", rules: CHANNELS, payload: channels, target: None },
    Case { name: "text, 1 value", rules: SCALAR, payload: scalar, target: None },
];

fn main() -> std::process::ExitCode {
    if cfg!(debug_assertions) {
        println!("mapping: build it for release (`cargo bench --bench mapping`)");
        return std::process::ExitCode::FAILURE;
    }
    println!("{:<32} {:>8} {:>8} {:>8}  ns per message, {TOPICS} topics", "", "best", "median", "target");
    let mut met = true;
    for case in CASES {
        let mut rounds = measure(case);
        rounds.sort_by(f64::total_cmp);
        let (best, median) =
            (rounds.first().copied().unwrap_or(0.0), rounds.get(ROUNDS / 2).copied().unwrap_or(0.0));
        let target = case.target.map_or_else(String::new, |target| format!("{target:.0}"));
        println!("{:<32} {best:>8.0} {median:>8.0} {target:>8}", case.name);
        met &= case.target.is_none_or(|target| median < target);
    }
    if met { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

/// Nanoseconds per message of each round.
fn measure(case: &Case) -> Vec<f64> {
    let metrics = Arc::new(Metrics::new());
    let store = Arc::new(Store::new(1_000_000, metrics.exporter()));
    let mut sink = Ingest::new("bench", store, metrics).mapped();
    let subscribes = from_text(case.rules).expect("the rules are right");
    let listener = mapping::listener("bench", &subscribes).expect("the rules are right");
    let messages: Vec<Incoming> = (0..TOPICS * 4)
        .map(|number| Incoming {
            topic: format!("bench/device-{:04}/sensor", number % TOPICS),
            payload: (case.payload)(number).into(),
            qos: 0,
            retain: false,
            properties: None,
        })
        .collect();
    let mut round = || {
        let begun = clock::now().at;
        for at in 0..ROUND / messages.len() {
            let now = clock::now().plus(Duration::from_millis(at as u64));
            for message in &messages {
                let mut listener = listener.lock().unwrap_or_else(PoisonError::into_inner);
                assert_eq!(listener.heard(message, now, &mut sink), Some(Outcome::Decoded));
            }
        }
        let heard = u32::try_from(ROUND / messages.len() * messages.len()).unwrap_or(u32::MAX);
        clock::now().at.saturating_since(begun).as_secs_f64() * 1e9 / f64::from(heard)
    };
    round();
    (0..ROUNDS).map(|_| round()).collect()
}
