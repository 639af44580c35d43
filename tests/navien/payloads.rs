//! The payload fixtures without expected values, and that none is forgotten.

use serde_json::Value;

use super::support::{Listener, bytes, manifest};
use hangup::source::Outcome;

#[test]
fn presence_events_tell_whether_the_heater_is_online() {
    let mut listener = Listener::new(false, "2026-01-15");
    assert_eq!(listener.fixture("mqtt-event-connection-online.json"), Outcome::Decoded);
    assert_eq!(listener.kept.get("navien_device_online"), Some(1.0));
    listener.fixture("mqtt-event-connection-offline.json");
    assert_eq!(listener.kept.get("navien_device_online"), Some(0.0));
}

/// The fixtures without expected values, and what becomes of them.
const OTHERS: &[(&str, Outcome)] = &[
    ("mqtt-dl-sw-info.json", Outcome::Decoded),
    ("mqtt-reservations.json", Outcome::Ignored),
    ("mqtt-reservations-list.json", Outcome::Ignored),
    ("mqtt-reservations-raw-hex.txt", Outcome::Ignored),
    ("mqtt-tou-echo.json", Outcome::Ignored),
    ("mqtt-control-fail.json", Outcome::Ignored),
    ("mqtt-own-request-echo.json", Outcome::Ignored),
    ("mqtt-invalid-json.txt", Outcome::Malformed),
];
/// Those that have a test of their own above.
const OWN_TEST: &[&str] =
    &["mqtt-diagnostics-td.json", "mqtt-event-connection-online.json", "mqtt-event-connection-offline.json"];

#[test]
fn every_other_fixture_has_the_outcome_it_should() {
    for (file, outcome) in OTHERS {
        let mut listener = Listener::new(true, "2026-01-15");
        assert_eq!(listener.fixture(file), *outcome, "{file}");
        assert!(listener.kept.readings.is_empty() && listener.kept.field_errors.is_empty(), "{file}");
        let from_device = json_if(file).is_some_and(|message| message.get("response").is_some());
        assert_eq!(!listener.kept.seen.is_empty(), from_device, "{file}");
    }
    let others = manifest(|entry| entry["direction"] == "receive" && entry["decode"].is_null());
    for entry in others {
        let file = entry["file"].as_str().unwrap();
        assert!(
            OTHERS.iter().any(|(name, _)| *name == file) || OWN_TEST.contains(&file),
            "{file} is not tested"
        );
    }
}

#[test]
fn the_presence_of_an_app_says_nothing_about_the_heater() {
    let mut listener = Listener::new(true, "2026-01-15");
    assert_eq!(listener.fixture("mqtt-will-app-connection-vendor.json"), Outcome::Ignored);
    assert!(listener.kept.readings.is_empty());
}

fn json_if(file: &str) -> Option<Value> {
    serde_json::from_slice(&bytes(file)).ok()
}

#[test]
fn the_second_device_has_its_own_label() {
    let mut listener = Listener::new(false, "2026-01-15");
    listener.fixture("mqtt-status-second-device.json");
    assert!(!listener.kept.readings.is_empty());
    assert!(listener.kept.readings.keys().all(|(device, _)| device == "second"));
}
