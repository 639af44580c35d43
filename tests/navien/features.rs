//! Every feature fixture: each expected value against what we decode.

use super::expected::{number_of, payload_object};
use super::support::{Listener, json, manifest};
use hangup::source::Outcome;

/// Capability keys whose label is not simply theirs.
const CAPABILITIES: &[(&str, &str)] = &[
    ("powerUse", "power"),
    ("holidayUse", "vacation"),
    ("programReservationUse", "schedule"),
    ("dhwUse", "hot_water"),
    ("smartDiagnosticUse", "smart_diagnostic"),
    ("wifiRssiUse", "wifi_signal"),
    ("energyUsageUse", "energy_usage"),
    ("freezeProtectionUse", "freeze_protection"),
    ("mixingValveUse", "mixing_valve"),
    ("drSettingUse", "demand_response"),
    ("antiLegionellaSettingUse", "anti_legionella"),
    ("hpwhUse", "heat_pump_water_heater"),
    ("dhwRefillUse", "refill_detection"),
    ("ecoUse", "overheat_cutoff"),
    ("electricUse", "electric_mode"),
    ("heatpumpUse", "heat_pump_mode"),
    ("energySaverUse", "energy_saver_mode"),
    ("highDemandUse", "high_demand_mode"),
    ("recirculationUse", "recirculation"),
    ("recircReservationUse", "recirculation_schedule"),
    ("title24Use", "title_24"),
];

#[test]
fn every_feature_object_decodes_to_the_same_values() {
    let fixtures = manifest(|entry| entry["decode"] == "feature");
    assert!(fixtures.len() >= 8);
    for entry in &fixtures {
        let file = entry["file"].as_str().unwrap();
        let expected = json(&file.replace(".json", ".expected.json"));
        let feature = payload_object(file, "feature", "did");
        let mut listener = Listener::new(true, "2026-01-15");
        assert_eq!(listener.fixture(file), Outcome::Decoded, "{file}");
        let kept = &listener.kept;
        let info = kept.readings.keys().find(|(_, series)| series.starts_with("navien_device_info")).unwrap();
        if expected["outcome"] == "rejected" {
            // An unknown volume takes nothing but the volume with it.
            assert_eq!(file, "mqtt-feature-unknown-volume.json");
            assert_eq!(kept.get("navien_tank_volume_litres"), None);
            assert_eq!(kept.field_errors, [("first".to_owned(), "volumeCode")]);
            assert!(
                info.1.contains("model_code=513")
                    && kept.get("navien_capability{capability=power}").is_some()
            );
            continue;
        }
        assert_eq!(kept.field_errors, [], "{file}");
        for value in expected["values"].as_object().unwrap().values() {
            let (wire, metric) = (value["wire"].as_str().unwrap(), &value["metric"]);
            let sent = feature.get(wire).is_some();
            let context = format!("{file}: {wire} {metric}");
            let label = |name: &str| {
                let code = metric.as_i64().unwrap();
                assert!(info.1.contains(&format!("{name}={code}")), "{context}: {}", info.1);
            };
            if let Some((_, capability)) = CAPABILITIES.iter().find(|(key, _)| *key == wire) {
                // Only one of two spellings is known upstream; a key that was not sent has no reading.
                let other_spelling = wire == "mixingValveUse" && feature.get("mixingValueUse").is_some();
                let expected = if other_spelling {
                    Some(f64::from(u8::from(feature["mixingValueUse"] == 2)))
                } else {
                    sent.then(|| f64::from(u8::from(metric.as_bool().unwrap())))
                };
                let series = format!("navien_capability{{capability={capability}}}");
                assert_eq!(kept.get(&series), expected, "{context}");
                continue;
            }
            let number = metric.as_f64().filter(|_| sent);
            match wire {
                "dhwTemperatureMin" => {
                    assert_eq!(kept.get("navien_setpoint_limit_celsius{limit=min}"), number);
                }
                "dhwTemperatureMax" => {
                    assert_eq!(kept.get("navien_setpoint_limit_celsius{limit=max}"), number);
                }
                "volumeCode" => {
                    let litres = match metric.as_str().unwrap() {
                        "VOLUME_50" => 189.2,
                        "VOLUME_65" => 246.0,
                        other => f64::from(u8::from(other == "VOLUME_80")) * 302.8,
                    };
                    assert_eq!(kept.get("navien_tank_volume_litres"), Some(litres), "{context}");
                }
                "dhwTemperatureSettingUse" => {
                    let code = number_of(wire, metric.as_str().unwrap());
                    assert_eq!(kept.get("navien_setpoint_step_code"), Some(code));
                }
                "modelTypeCode" => label("model_code"),
                "controllerSwVersion" => label("controller_version"),
                "wifiSwVersion" => label("wifi_version"),
                "panelSwVersion" => label("panel_version"),
                "temperatureType" if sent => {
                    let unit = metric.as_str().unwrap().to_lowercase();
                    assert!(info.1.contains(&format!("display_unit={unit}")), "{context}");
                }
                "recircSwVersion" | "recircModelTypeCode" => {
                    let fitted = feature.get("recirculationUse").is_some_and(|fitted| *fitted == 2);
                    assert_eq!(info.1.contains("recirculation_version="), fitted, "{context}");
                    if fitted {
                        label(if wire == "recircSwVersion" {
                            "recirculation_version"
                        } else {
                            "recirculation_model_code"
                        });
                    }
                }
                "temperatureType"
                | "tempFormulaType"
                | "countryCode"
                | "controlTypeCode"
                | "controllerSwCode"
                | "panelSwCode"
                | "wifiSwCode"
                | "controllerSerialNumber"
                | "macAddress"
                | "freezeProtectionTempMin"
                | "freezeProtectionTempMax"
                | "recircTemperatureMin"
                | "recircTemperatureMax" => {}
                _ => panic!("{context} is neither exported nor left out"),
            }
        }
        let serial = "00000000BT00000001";
        assert!(!kept.readings.keys().any(|(_, series)| series.contains(serial) || series.contains("aabb")));
    }
}

#[test]
fn new_firmware_is_a_new_series_and_the_old_one_leaves() {
    let mut listener = Listener::new(false, "2026-01-15");
    listener.fixture("mqtt-feature-65gal.json");
    let mut feature = json("mqtt-feature-65gal.json");
    feature["response"]["feature"]["wifiSwVersion"] = 34_013_185.into();
    listener.hear("t", feature.to_string().as_bytes());
    let infos: Vec<_> = listener
        .kept
        .readings
        .keys()
        .filter(|(_, series)| series.starts_with("navien_device_info"))
        .collect();
    assert!(infos.len() == 1 && infos[0].1.contains("wifi_version=34013185"), "{infos:?}");
}
