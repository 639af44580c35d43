//! Every status fixture: each expected value against what we decode.

use serde_json::Value;

use super::expected::{ENUMERATIONS, LEFT_OUT, NUMBERS, close, number_of, payload_object};
use super::support::{Kept, Listener, json, manifest};
use hangup::source::Outcome;

/// Compares one expected status; returns how many values were compared.
fn compare_status(file: &str, expected: &Value, status: &Value, kept: &Kept) -> usize {
    let mut compared = 0;
    for (attribute, value) in expected["values"].as_object().unwrap() {
        let metric = &value["metric"];
        let Some(wire) = value["wire"].as_str() else {
            assert_eq!(attribute, "usable_energy");
            let series = kept.get("navien_usable_energy_joules").unwrap();
            assert!(close(series, metric.as_f64().unwrap() * 3_600.0), "{file}: {attribute}");
            compared += 1;
            continue;
        };
        // A key that the device did not send has no reading, whatever upstream makes up for it.
        let sent = status.get(wire).is_some();
        let context = format!("{file}: {wire}");
        if let Some((_, series, factor)) = NUMBERS.iter().find(|(key, _, _)| *key == wire) {
            // Upstream takes the text "2" in a plain flag for off; its note calls that an inconsistency.
            let expected = if file.contains("numeric-strings") && wire == "dhwUse" {
                Some(1.0)
            } else {
                metric.as_bool().map(|yes| f64::from(u8::from(yes))).or(metric.as_f64()).filter(|_| sent)
            };
            match (kept.get(series), expected) {
                (Some(got), Some(expected)) => assert!(close(got, expected * factor), "{context}: {got}"),
                (got, expected) => assert_eq!(got, expected, "{context}"),
            }
        } else if let Some((_, code, one_hot, states)) = ENUMERATIONS.iter().find(|(key, ..)| *key == wire) {
            let name = metric.as_str().unwrap();
            for (member, state) in *states {
                let expected = sent.then(|| f64::from(u8::from(*member == name)));
                assert_eq!(kept.get(&format!("{one_hot}{state}}}")), expected, "{context}: {state}");
            }
            if let (Some(code), true) = (code, sent) {
                assert_eq!(kept.get(code), Some(number_of(wire, name)), "{context}");
            }
        } else if wire == "errorCode" {
            let number = number_of(wire, metric.as_str().unwrap());
            assert_eq!(kept.get("navien_error_code"), sent.then_some(number), "{context}");
        } else {
            assert!(LEFT_OUT.contains(&wire), "{context} is neither exported nor left out");
            continue;
        }
        compared += 1;
    }
    compared
}

#[test]
fn every_status_that_upstream_accepts_decodes_to_the_same_values() {
    let fixtures = manifest(|entry| entry["decode"] == "status");
    let mut compared = 0;
    for entry in &fixtures {
        let file = entry["file"].as_str().unwrap();
        let expected = json(&file.replace(".json", ".expected.json"));
        let mut listener = Listener::with_recirculation(true, "2026-01-15");
        let outcome = listener.fixture(file);
        match expected["outcome"].as_str().unwrap() {
            "accepted" => {
                assert_eq!(outcome, Outcome::Decoded, "{file}");
                let status = payload_object(file, "status", "st");
                compared += compare_status(file, &expected, &status, &listener.kept);
                assert_eq!(listener.kept.field_errors, [], "{file}");
            }
            "ignored" => {
                assert_eq!(outcome, Outcome::Ignored, "{file}");
                assert!(listener.kept.readings.is_empty());
            }
            // Upstream drops the message; what we keep of it is in the tests below.
            rejected => {
                assert_eq!(rejected, "rejected");
                assert!(expected["exporter_note"].is_string(), "{file}");
                assert_eq!(outcome, Outcome::Decoded, "{file}");
            }
        }
    }
    assert!(fixtures.len() >= 27 && compared > 2_000, "{} fixtures, {compared} values", fixtures.len());
}

/// The series of a status fixture, without the values that the difference to `standby` touches.
fn kept_of(file: &str) -> Kept {
    let mut listener = Listener::with_recirculation(true, "2026-01-15");
    listener.fixture(file);
    listener.kept
}

#[test]
fn a_message_with_one_bad_field_keeps_all_others() {
    let standby = kept_of("mqtt-status-standby.json");
    for (file, series, field) in [
        ("mqtt-status-missing-required.json", "navien_power_watts", None),
        (
            "mqtt-status-null-field.json",
            "navien_temperature_celsius{sensor=tank_upper}",
            Some("tankUpperTemperature"),
        ),
    ] {
        let mut kept = kept_of(file);
        assert_eq!(kept.get(series), None, "{file}");
        // A missing key is simply absent; a null is a fault of the field.
        let errors: Vec<_> = kept.field_errors.iter().map(|(_, field)| *field).collect();
        assert_eq!(errors, field.into_iter().collect::<Vec<_>>(), "{file}");
        let key = ("first".to_owned(), series.to_owned());
        kept.readings.insert(key.clone(), standby.readings[&key]);
        assert_eq!(kept.readings, standby.readings, "{file}");
    }
}

#[test]
fn an_unknown_error_code_is_exported_as_its_bare_number() {
    let kept = kept_of("mqtt-status-unknown-error-code.json");
    assert_eq!(kept.get("navien_error_code"), Some(999.0));
    assert_eq!(kept.get("navien_error_info{code=E999,name=unknown,sub_code=0}"), Some(1.0));
    assert_eq!(kept.get("navien_temperature_celsius{sensor=tank_upper}"), Some(60.3));
}

#[test]
fn an_unknown_mode_sets_every_known_one_to_zero() {
    let kept = kept_of("mqtt-status-unknown-operation-mode.json");
    assert_eq!(kept.get("navien_operation_mode_code"), Some(5.0));
    for mode in ["standby", "heat_pump", "hybrid_efficiency", "hybrid_boost"] {
        assert_eq!(kept.get(&format!("navien_operation_mode{{mode={mode}}}")), Some(0.0));
    }
}

#[test]
fn a_fault_is_named_while_it_lasts_and_leaves_with_it() {
    let mut listener = Listener::new(false, "2026-01-15");
    listener.fixture("mqtt-status-error-e407-02.json");
    let first = "navien_error_info{code=E407,name=hot_water_sensor,sub_code=2}";
    assert_eq!(listener.kept.get(first), Some(1.0));
    listener.fixture("mqtt-status-error-e799.json");
    assert_eq!(listener.kept.get(first), None);
    assert_eq!(listener.kept.get("navien_error_info{code=E799,name=water_leak,sub_code=0}"), Some(1.0));
    listener.fixture("mqtt-status-standby.json");
    assert!(!listener.kept.readings.keys().any(|(_, series)| series.starts_with("navien_error_info")));
}

#[test]
fn only_the_chosen_mode_tells_that_the_heater_is_off() {
    assert_eq!(kept_of("mqtt-status-power-off.json").get("navien_powered_on"), Some(0.0));
    assert_eq!(kept_of("mqtt-status-standby.json").get("navien_powered_on"), Some(1.0));
}

#[test]
fn recirculation_is_exported_only_where_the_features_say_it_is_fitted() {
    let mut listener = Listener::new(true, "2026-01-15");
    listener.fixture("mqtt-feature-65gal.json");
    listener.fixture("mqtt-status-recirculation.json");
    let of_loop = |series: &str| {
        series.starts_with("navien_recirculation")
            || series.contains("=recirculation}") && !series.contains("capability")
            || series.contains("=faucet}")
    };
    assert!(!listener.kept.readings.keys().any(|(_, series)| of_loop(series)));
    let fitted = kept_of("mqtt-status-recirculation.json");
    assert!(fitted.readings.keys().filter(|(_, series)| of_loop(series)).count() >= 12);
}

#[test]
fn diagnostic_readings_come_only_when_wanted() {
    let mut listener = Listener::new(false, "2026-01-15");
    listener.fixture("mqtt-status-heat-pump.json");
    listener.fixture("mqtt-feature-65gal.json");
    let series = |prefix: &str| listener.kept.readings.keys().any(|(_, series)| series.starts_with(prefix));
    for diagnostic in
        ["navien_control_", "navien_capability", "navien_superheat", "navien_fan_", "navien_state_number"]
    {
        assert!(!series(diagnostic), "{diagnostic}");
    }
    for default in [
        "navien_power_watts",
        "navien_usable_energy_joules",
        "navien_tank_volume_litres",
        "navien_device_info",
    ] {
        assert!(series(default), "{default}");
    }
}

#[test]
fn the_setpoint_falls_back_to_its_second_copy() {
    let mut status = json("mqtt-status-standby.json");
    let fields = status["response"]["status"].as_object_mut().unwrap();
    fields.remove("dhwTargetTemperatureSetting");
    fields["dhwTemperatureSetting"] = 100.into();
    let mut listener = Listener::new(false, "2026-01-15");
    listener.hear("t", status.to_string().as_bytes());
    assert_eq!(listener.kept.get("navien_setpoint_celsius"), Some(50.0));
}

#[test]
fn the_right_spelling_of_the_misspelt_key_is_read_too() {
    let mut status = json("mqtt-status-standby.json");
    let fields = status["response"]["status"].as_object_mut().unwrap();
    let value = fields.remove("heLowerOnTDiffempSetting").unwrap();
    fields.insert("heLowerOnDiffTempSetting".to_owned(), value);
    let mut listener = Listener::new(true, "2026-01-15");
    listener.hear("t", status.to_string().as_bytes());
    let series = "navien_control_hysteresis_kelvin{edge=on,sensor=lower,source=element}";
    assert_eq!(listener.kept.get(series), Some(8.0));
}
