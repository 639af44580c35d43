//! Histograms whose parts are series: one whole group for each label set, or none.
//! Never tests who counts the observations: that is the mapping's matter.

use std::time::Duration;

use hangup::reading::store::{Feed, Series};
use hangup::reading::{Kind, Part, Quantity};

use super::{Exporter, LIFETIME, at};

const LATENCY: Quantity = Quantity::fixed("test_latency_seconds", Kind::Histogram, "How long it took.");
const BOUNDS: [f64; 4] = [10.0, 0.5, 2.0, f64::INFINITY];

/// The parts of one label set, registered in no good order, each with the same value for a start.
fn parts(exporter: &Exporter, feed: &Feed, device: &str) -> Vec<Series> {
    let parts = BOUNDS.map(Part::Bucket).into_iter().chain([Part::Count, Part::Sum]);
    let series = parts.filter_map(|part| {
        let series =
            exporter.store.series(feed, &LATENCY, part, device, &[("room", "a,\"le=\"")], at(0).at).ok()?;
        assert!(series.set(3.0, LIFETIME, at(0).at));
        Some(series)
    });
    series.collect()
}

fn lines(exporter: &Exporter, seconds: u64) -> Vec<String> {
    let _ = (exporter.text(at(seconds)), exporter.openmetrics(at(seconds)));
    let page = exporter.raw("text/plain", at(seconds));
    page.lines().filter(|line| line.starts_with("test_latency_seconds")).map(str::to_owned).collect()
}

#[test]
fn a_label_set_is_one_group_in_the_order_of_the_bounds() {
    let exporter = Exporter::new(100);
    let feed = exporter.store.feed("home");
    for device in ["b", "a"] {
        parts(&exporter, &feed, device);
    }
    let labels = |device| format!("device=\"{device}\",room=\"a,\\\"le=\\\"\"");
    let group = |device| {
        let labels = labels(device);
        let buckets = ["0.5", "2.0", "10.0", "+Inf"]
            .map(|le| format!("test_latency_seconds_bucket{{{labels},le=\"{le}\"}} 3"));
        let rest = ["sum", "count"].map(|part| format!("test_latency_seconds_{part}{{{labels}}} 3"));
        buckets.into_iter().chain(rest)
    };
    assert_eq!(lines(&exporter, 1), group("a").chain(group("b")).collect::<Vec<_>>());
}

#[test]
fn a_group_without_a_part_is_left_out_and_comes_back_whole() {
    let exporter = Exporter::new(100);
    let feed = exporter.store.feed("home");
    let series = parts(&exporter, &feed, "a");
    for part in &series {
        part.close();
        assert!(lines(&exporter, 1).is_empty());
        assert!(part.set(3.0, LIFETIME, at(1).at));
        assert_eq!(lines(&exporter, 1).len(), 6);
    }
    assert!(series[5].set(3.0, Duration::from_secs(1), at(2).at));
    assert!(lines(&exporter, 3).is_empty(), "its sum is stale");
}

#[test]
fn a_limit_in_the_middle_of_a_group_does_not_spoil_the_page() {
    for limit in 0..12 {
        let exporter = Exporter::new(limit);
        let feed = exporter.store.feed("home");
        let registered = ["a", "b"].map(|device| parts(&exporter, &feed, device).len());
        assert_eq!(registered[0] + registered[1], limit);
        let whole = registered.iter().filter(|parts| **parts == 6).count();
        assert_eq!(lines(&exporter, 1).len(), whole * 6);
    }
}

#[test]
fn an_observation_under_way_leaves_the_counts_rising() {
    let exporter = Exporter::new(100);
    let feed = exporter.store.feed("home");
    let series = parts(&exporter, &feed, "a");
    // The bucket up to 0.5 has counted already, the others have not.
    assert!(series[1].set(4.0, LIFETIME, at(1).at));
    let counts: Vec<_> =
        lines(&exporter, 1).iter().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
    assert_eq!(counts, ["4", "4", "4", "4", "3", "4"]);
}
