//! The store and its page: what a new series costs, what it takes to keep, and how long a page takes to write.
//!
//! Never goes through a socket: that is what the side-by-side harness is for.

use std::sync::Arc;
use std::time::Duration;

use hangup::clock::{self, Now};
use hangup::reading::store::{Series, Store};
use hangup::reading::{Kind, Part, Quantity};
use hangup::telemetry::Metrics;
use hangup::telemetry::encode::{Exposition, PIECE, Page, Zipped};

use super::table::Figure;

/// Values of one message, as the side-by-side harness sends them.
const QUANTITIES: [Quantity; 5] = [
    Quantity::fixed("bench_seq", Kind::Gauge, "Number of the message."),
    Quantity::fixed("bench_temperature", Kind::Gauge, "Temperature."),
    Quantity::fixed("bench_humidity", Kind::Gauge, "Humidity."),
    Quantity::fixed("bench_pressure", Kind::Gauge, "Pressure."),
    Quantity::fixed("bench_rssi", Kind::Gauge, "Strength of the signal."),
];
const LIFETIME: Duration = Duration::from_secs(86_400);
const PAGES: usize = 21;

/// A store with so many series.
struct Filled {
    metrics: Metrics,
    store: Arc<Store>,
    series: Vec<Series>,
    took: Duration,
}

/// Pages of three sizes, and the memory of a series.
pub(crate) fn pages() -> Vec<Figure> {
    let mut figures = Vec::new();
    for (series, plain, zipped) in
        [(1_000, None, None), (10_000, None, None), (100_000, Some(40.0), Some(90.0))]
    {
        let before = resident();
        let filled = fill(series);
        let pages = write(&filled, false);
        let after = resident();
        let each = |bytes: f64| bytes / number(series);
        let named = |what: &str| format!("{series} series: {what}");
        figures.push(one(named("made, each"), each(filled.took.as_secs_f64() * 1e9), "ns"));
        figures.push(one(named("memory, each"), each((after - before) * 1024.0), "bytes"));
        figures.push(Figure { at_most: plain, ..many(named("page, plain"), pages) });
        figures.push(Figure { at_most: zipped, ..many(named("page, gzip"), write(&filled, true)) });
        figures.push(one(named("a value set"), set(&filled), "ns"));
    }
    figures
}

fn fill(series: usize) -> Filled {
    let metrics = Metrics::new();
    let store = Arc::new(Store::new(series, metrics.exporter()));
    let feed = store.feed("bench");
    let begin = clock::now().at;
    let mut handles = Vec::with_capacity(series);
    for device in 0..series / QUANTITIES.len() {
        let device = format!("dev{device:06}");
        for (index, quantity) in QUANTITIES.iter().enumerate() {
            let now = clock::now().at;
            if let Ok(series) = store.series(&feed, quantity, Part::Value, &device, &[], now) {
                let _ = series.set(number(handles.len()) / 8.0 + number(index), LIFETIME, now);
                handles.push(series);
            }
        }
    }
    let took = clock::now().at.saturating_since(begin);
    Filled { metrics, store, series: handles, took }
}

/// Milliseconds for each of some pages.
fn write(filled: &Filled, zipped: bool) -> Vec<f64> {
    let once = || {
        let Now { at: begin, .. } = clock::now();
        let exposition = Exposition::negotiate(Some("text/plain"));
        let mut page = Page::new(&filled.metrics, &filled.store, exposition, clock::now());
        let mut piece = Vec::new();
        if zipped {
            let mut page = Zipped::new(page);
            while page.write(&mut piece) {
                piece.clear();
            }
        } else {
            while page.write(&mut piece, PIECE) {
                piece.clear();
            }
        }
        clock::now().at.saturating_since(begin).as_secs_f64() * 1000.0
    };
    (0..PAGES).map(|_| once()).collect()
}

/// Nanoseconds for a new value of a known series.
fn set(filled: &Filled) -> f64 {
    let begin = clock::now().at;
    let rounds = 1_000_000 / filled.series.len().max(1) + 1;
    for _ in 0..rounds {
        for series in &filled.series {
            let _ = series.set(1.5, LIFETIME, begin);
        }
    }
    let took = clock::now().at.saturating_since(begin).as_secs_f64();
    took * 1e9 / number(rounds * filled.series.len())
}

/// What this process takes, in KiB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(f64::NAN)
}

fn one(what: String, value: f64, unit: &'static str) -> Figure {
    Figure { what, values: vec![value], unit, at_most: None, remark: String::new() }
}

fn many(what: String, values: Vec<f64>) -> Figure {
    Figure { what, values, unit: "ms", at_most: None, remark: String::new() }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
fn number(count: usize) -> f64 {
    count as f64
}
