//! Whatever is put into the store, in whatever order, the page is one that every reader takes.
//! Never tests what a page says, only that it can be read, and that it is the same however it is cut into pieces.

use std::borrow::Cow;
use std::time::Duration;

use hangup::reading::{Kind, Part, Quantity};
use hangup::telemetry::encode::{Exposition, Page};
use proptest::prelude::*;

use super::{Exporter, at, grammar};

/// Names that get into each other's way, and some that are none.
const NAMES: &[&str] = &[
    "t_a",
    "t_a_total",
    "t_a_info",
    "t_a_bucket",
    "t_a_sum",
    "t_a_created",
    "t_b_celsius",
    "_total",
    "9t",
    "t-a",
    "",
    "mqtt_client_connected",
    "mqtt_client_connection_drops",
    "mqtt_client_ping_duration_seconds_count",
    "process_threads",
];

#[derive(Clone, Debug)]
enum Step {
    Set { name: usize, kind: Kind, part: Part, device: String, labels: Vec<(String, String)>, value: f64 },
    Close,
    Wait(u64),
    Lose,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![Just(Kind::Gauge), Just(Kind::Counter), Just(Kind::Histogram)];
    let bound = prop_oneof![Just(0.5), Just(1.0), Just(10.0), Just(f64::INFINITY), any::<f64>()];
    let part = prop_oneof![
        3 => Just(Part::Value),
        4 => bound.prop_map(Part::Bucket),
        2 => Just(Part::Sum),
        2 => Just(Part::Count),
    ];
    let text = prop_oneof![
        Just(String::new()),
        Just("a".to_owned()),
        "[\\PC\n\\\\\"{}=,]{0,8}",
        Just(super::HOSTILE.to_owned())
    ];
    let label =
        prop_oneof![Just("a"), Just("b"), Just("le"), Just("device"), Just("1x"), Just("x\"y"), Just("")];
    let labels = prop::collection::vec((label.prop_map(str::to_owned), text.clone()), 0..3);
    let value = prop_oneof![Just(0.0), Just(1.0), Just(2.0), any::<f64>()];
    let set = (0..NAMES.len(), kind, part, text, labels, value).prop_map(
        |(name, kind, part, device, labels, value)| Step::Set { name, kind, part, device, labels, value },
    );
    let step = prop_oneof![20 => set, 1 => Just(Step::Close), 1 => (0_u64..300).prop_map(Step::Wait), 1 => Just(Step::Lose)];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_page_can_be_read(steps in steps(), limit in 0_usize..40, piece in 1_usize..4000) {
        let exporter = Exporter::new(limit);
        let mut feed = exporter.store.feed("home");
        let mut seconds = 0;
        let mut last = None;
        for step in steps {
            match step {
                Step::Set { name, kind, part, device, labels, value } => {
                    let quantity = Quantity { name: Cow::Borrowed(NAMES[name]), help: "Some\\thing \"odd\".\n".into(), kind };
                    let labels: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                    if let Ok(series) = exporter.store.series(&feed, &quantity, part, &device, &labels, at(seconds).at) {
                        let _ = series.set(value, Duration::from_secs(120), at(seconds).at);
                        last = Some(series);
                    }
                }
                Step::Close => if let Some(series) = &last { series.close() },
                Step::Wait(more) => seconds += more,
                Step::Lose => {
                    exporter.store.forget_feed("home");
                    feed = exporter.store.feed("home");
                }
            }
            prop_assert!(exporter.store.len() <= limit);
        }
        let text = exporter.raw("text/plain", at(seconds));
        let open = exporter.raw("application/openmetrics-text", at(seconds));
        for read in [grammar::text(&text), grammar::openmetrics(&open)] {
            prop_assert!(read.is_ok(), "{}\n{text}", read.unwrap_err());
        }
        let exposition = Exposition::negotiate(Some("application/openmetrics-text"));
        let mut pieces = Page::new(&exporter.metrics, &exporter.store, exposition, at(seconds));
        let mut cut = Vec::new();
        loop {
            let full = cut.len() + piece;
            if !pieces.write(&mut cut, full) {
                break;
            }
        }
        let without_process = |page: &str| -> Vec<String> {
            page.lines().filter(|line| !line.starts_with("process_")).map(str::to_owned).collect()
        };
        prop_assert_eq!(without_process(&String::from_utf8(cut).unwrap()), without_process(&open));
    }
}
