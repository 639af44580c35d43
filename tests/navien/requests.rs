//! What we say, against the fixtures of what other clients say.

use serde_json::{Value, json as value};

use super::support::{FIRST, asker, entry, json, manifest, on};
use hangup::connection::message::Outgoing;
use hangup::source::navien::command;
use hangup::source::navien::decode::energy::Day;
use hangup::source::navien::requests::Kind;

fn body(message: &Outgoing) -> Value {
    let mut body: Value = serde_json::from_slice(&message.payload).unwrap();
    if let Some(session) = body.get_mut("sessionID") {
        assert!(session.is_string());
        *session = value!("any");
    }
    body
}

fn assert_says(message: &Outgoing, file: &str) {
    let entry = manifest(|entry| entry["file"] == file).remove(0);
    assert_eq!(message.topic, entry["topic"], "{file}");
    let mut expected = json(file);
    if let Some(session) = expected.get_mut("sessionID") {
        *session = value!("any");
    }
    assert_eq!(body(message), expected, "{file}");
    assert_eq!((message.qos, message.retain), (1, false));
}

#[test]
fn every_question_is_worded_as_in_its_fixture() {
    let heater = entry(FIRST, Some(true));
    let day = Day { year: 2025, month: 9, day: 12 };
    for (kind, file) in [
        (Kind::Features, "mqtt-publish-device-info.json"),
        (Kind::Status, "mqtt-publish-status.json"),
        (Kind::Energy, "mqtt-publish-energy-daily.json"),
        (Kind::Diagnostics, "mqtt-publish-diagnostics-read.json"),
    ] {
        assert_says(&asker().ask(&heater, kind, Some(day)).unwrap(), file);
    }
}

#[test]
fn the_announcement_and_the_good_bye_are_worded_as_in_their_fixtures() {
    let heater = entry(FIRST, Some(true));
    let noon = hangup::clock::Now {
        wall: "2026-01-15T12:00:00Z".parse::<jiff::Timestamp>().unwrap().into(),
        ..on("2026-01-15")
    };
    assert_says(&asker().announce(&heater, noon), "mqtt-publish-app-connection.json");
    assert_says(&asker().good_bye(&heater), "mqtt-publish-session-end.json");
}

#[test]
fn what_cannot_be_asked_is_not_asked() {
    let mut heater = entry(FIRST, None);
    heater.home = None;
    assert!(asker().ask(&heater, Kind::Diagnostics, None).is_none());
    assert!(asker().ask(&heater, Kind::Energy, None).is_none());
}

fn command(fields: &Value) -> command::Command {
    let fields: Vec<_> =
        fields.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    command::read(&fields).unwrap()
}

#[test]
fn commands_are_worded_as_in_their_fixtures() {
    let heater = entry(FIRST, Some(true));
    for (fields, file) in [
        (value!({"command": "set_temperature", "celsius": 60}), "mqtt-publish-dhw-temperature.json"),
        (value!({"command": "power_on"}), "mqtt-publish-power-on.json"),
        (value!({"command": "read_status"}), "mqtt-publish-status.json"),
        (value!({"command": "read_features"}), "mqtt-publish-device-info.json"),
    ] {
        assert_says(&asker().order(&heater, &command(&fields), None).unwrap(), file);
    }
}
