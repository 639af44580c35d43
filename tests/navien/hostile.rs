//! Payloads that nobody should send: whatever comes, nothing panics, and what is exported is finite.

use proptest::prelude::*;
use serde_json::{Value, json as value};

use super::support::{FIRST, Listener, json};
use hangup::source::Outcome;

const FIXTURES: &[&str] = &[
    "mqtt-status-heat-pump.json",
    "mqtt-feature-80gal-recirculation.json",
    "mqtt-energy-daily-one-month.json",
    "mqtt-diagnostics-td.json",
    "mqtt-event-connection-online.json",
    "mqtt-dl-sw-info.json",
];

fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(value!(null)),
        Just(value!(true)),
        Just(value!([])),
        Just(value!({})),
        Just(value!("NaN")),
        Just(value!("-inf")),
        Just(value!(1e300)),
        Just(value!(-1e300)),
        Just(value!(i64::MIN)),
        Just(value!(u64::MAX)),
        any::<f64>().prop_map(|number| value!(number)),
        any::<i64>().prop_map(|number| value!(number)),
        ".{0,12}".prop_map(|text| value!(text)),
    ]
}

/// Replaces the node that is `index`-th in document order.
fn replace(node: &mut Value, index: &mut usize, with: &Value) {
    if *index == 0 {
        *node = with.clone();
        *index = usize::MAX;
        return;
    }
    *index = index.saturating_sub(1);
    match node {
        Value::Object(fields) => fields.values_mut().for_each(|child| {
            if *index != usize::MAX {
                replace(child, index, with);
            }
        }),
        Value::Array(items) => items.iter_mut().for_each(|child| {
            if *index != usize::MAX {
                replace(child, index, with);
            }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn assert_sane(listener: &Listener) {
    for ((device, series), reading) in &listener.kept.readings {
        assert!(reading.is_finite(), "{series}");
        assert_eq!(device, "first");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_fixture_with_any_node_replaced(which in 0..FIXTURES.len(), at in 0_usize..140, with in odd_value()) {
        let mut message = json(FIXTURES[which]);
        replace(&mut message, &mut at.clone(), &with);
        let mut listener = Listener::with_recirculation(true, "2025-09-07");
        let topic = format!("cmd/52/navilink-{FIRST}/res");
        listener.hear(&topic, message.to_string().as_bytes());
        assert_sane(&listener);
    }

    #[test]
    fn a_fixture_with_bytes_changed_or_cut(
        which in 0..FIXTURES.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut payload = json(FIXTURES[which]).to_string().into_bytes();
        for (at, byte) in edits {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        payload.truncate(cut.index(payload.len()) + 1);
        let mut listener = Listener::new(true, "2025-09-07");
        listener.hear("cmd/52/navilink-020000aabb01/res", &payload);
        assert_sane(&listener);
    }

    #[test]
    fn any_topic_and_any_payload(topic in ".{0,40}", payload in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut listener = Listener::new(true, "2025-09-07");
        let outcome = listener.hear(&topic, &payload);
        prop_assert!(matches!(outcome, Outcome::Malformed | Outcome::Ignored));
    }
}

#[test]
fn an_oversize_payload_is_not_looked_at() {
    let mut listener = Listener::new(true, "2026-01-15");
    let payload = vec![b'7'; 128 * 1024 + 1];
    assert_eq!(listener.hear("t", &payload), Outcome::Oversize);
}

#[test]
fn every_bad_field_of_a_status_is_counted_once_and_by_its_name() {
    let mut message = json("mqtt-status-heat-pump.json");
    let fields = message["response"]["status"].as_object_mut().unwrap();
    for field in fields.values_mut() {
        *field = value!({"not": "a number"});
    }
    let mut listener = Listener::with_recirculation(true, "2026-01-15");
    assert_eq!(listener.hear("t", message.to_string().as_bytes()), Outcome::Decoded);
    assert!(listener.kept.readings.is_empty(), "{:?}", listener.kept.readings);
    let mut fields: Vec<_> = listener.kept.field_errors.iter().map(|(_, field)| *field).collect();
    let counted = fields.len();
    fields.sort_unstable();
    fields.dedup();
    assert_eq!(fields.len(), counted);
    assert!(counted >= 90, "{counted}");
}
