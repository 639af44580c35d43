//! Every energy and diagnostics fixture, and the guard of the lifetime totals.

use super::support::{Listener, json, manifest};
use hangup::source::Outcome;

const FIGURES: [(&str, &str, &str); 4] = [
    ("heat_pump_usage", "electrical_energy", "heat_pump"),
    ("heat_element_usage", "electrical_energy", "element"),
    ("heat_pump_time", "heating_time", "heat_pump"),
    ("heat_element_time", "heating_time", "element"),
];

fn energy_series(base: &str, source: &str, period: Option<&str>) -> String {
    let unit = if base == "electrical_energy" { "joules" } else { "seconds" };
    match period {
        Some(period) => format!("navien_{base}_period_{unit}{{period={period},source={source}}}"),
        None => format!("navien_{base}_{unit}_total{{source={source}}}"),
    }
}

#[test]
fn every_row_and_total_of_the_energy_answers_is_decoded() {
    let mut rows_compared = 0;
    for entry in manifest(|entry| entry["decode"] == "energy") {
        let file = entry["file"].as_str().unwrap();
        let expected = json(&file.replace(".json", ".expected.json"));
        if expected["outcome"] == "rejected" {
            assert_eq!(file, "mqtt-energy-monthly.json", "it has a test of its own");
            continue;
        }
        let values = &expected["values"];
        let mut listener = Listener::new(true, "2020-01-01");
        assert_eq!(listener.fixture(file), Outcome::Decoded, "{file}");
        for (key, base, source) in FIGURES {
            let total = values["total"][key].as_f64().unwrap() * 3_600.0;
            assert_eq!(listener.kept.get(&energy_series(base, source, None)), Some(total), "{file}: {key}");
            assert_eq!(listener.kept.get(&energy_series(base, source, Some("day"))), None);
        }
        for group in values["usage"].as_array().unwrap() {
            let rows = group["data"].as_array().unwrap();
            for (index, row) in rows.iter().enumerate() {
                let date =
                    format!("{}-{:02}-{:02}", group["year"], group["month"].as_u64().unwrap(), index + 1);
                let mut listener = Listener::new(true, &date);
                listener.fixture(file);
                for (key, base, source) in FIGURES {
                    let day = row[key].as_f64().unwrap() * 3_600.0;
                    let month: f64 = rows.iter().map(|row| row[key].as_f64().unwrap() * 3_600.0).sum();
                    let get = |period| listener.kept.get(&energy_series(base, source, Some(period)));
                    assert_eq!((get("day"), get("month")), (Some(day), Some(month)), "{file} {date}: {key}");
                    rows_compared += 1;
                }
            }
        }
    }
    assert!(rows_compared > 300, "{rows_compared}");
}

#[test]
fn the_monthly_answer_has_no_month_key_and_is_read_by_index() {
    let mut listener = Listener::new(true, "2026-03-10");
    assert_eq!(listener.fixture("mqtt-energy-monthly.json"), Outcome::Decoded);
    let answer = json("mqtt-energy-monthly.json");
    let usage = answer["response"]["usage"].as_array().unwrap();
    let group = usage.iter().find(|group| group["year"] == 2026).unwrap();
    let march = &group["data"][2];
    let energy = energy_series("electrical_energy", "heat_pump", Some("month"));
    assert_eq!(listener.kept.get(&energy), Some(march["hpUsage"].as_f64().unwrap() * 3_600.0));
    let total = answer["response"]["total"]["hpUsage"].as_f64().unwrap() * 3_600.0;
    assert_eq!(listener.kept.get(&energy_series("electrical_energy", "heat_pump", None)), Some(total));
    assert_eq!(listener.kept.get(&energy_series("electrical_energy", "heat_pump", Some("day"))), None);
}

fn energy_answer(month: u64, total: u64) -> Vec<u8> {
    let mut answer = json("mqtt-energy-daily-one-month.json");
    answer["response"]["usage"][0]["month"] = month.into();
    answer["response"]["total"]["hpUsage"] = total.into();
    answer.to_string().into_bytes()
}

#[test]
fn a_total_that_follows_the_queried_month_stops_being_a_counter() {
    let series = energy_series("electrical_energy", "heat_pump", None);
    let mut listener = Listener::new(false, "2025-09-30");
    listener.hear("t", &energy_answer(9, 5_000));
    assert_eq!(listener.kept.get(&series), Some(5_000.0 * 3_600.0));
    listener.kept.readings.clear();
    listener.hear("t", &energy_answer(10, 40));
    listener.hear("t", &energy_answer(10, 90));
    assert_eq!(listener.kept.get(&series), None, "it was the total of a period");
}

#[test]
fn a_total_that_falls_within_a_month_is_an_ordinary_counter_reset() {
    let series = energy_series("electrical_energy", "heat_pump", None);
    let mut listener = Listener::new(false, "2025-09-30");
    listener.hear("t", &energy_answer(9, 5_000));
    listener.hear("t", &energy_answer(9, 10));
    assert_eq!(listener.kept.get(&series), Some(10.0 * 3_600.0));
    // Nor does an answer without rows prove anything.
    listener.fixture("mqtt-energy-daily-empty.json");
    assert_eq!(listener.kept.get(&series), Some(10.0 * 3_600.0));
}

#[test]
fn the_diagnostics_answer_becomes_lifetime_counters() {
    let mut listener = Listener::new(true, "2026-01-15");
    assert_eq!(listener.fixture("mqtt-diagnostics-td.json"), Outcome::Decoded);
    for (series, value) in [
        ("navien_installed_seconds", 359.0 * 86_400.0),
        ("navien_component_runtime_seconds_total{component=compressor}", 3_124.0 * 3_600.0),
        ("navien_component_runtime_seconds_total{component=element_upper}", 35.0 * 3_600.0),
        ("navien_component_starts_total{component=evaporator_fan}", 794.0),
        ("navien_component_starts_total{component=element_lower}", 20.0),
        ("navien_fault_events_total{kind=condensate_overflow}", 3.0),
        ("navien_demand_response_seconds_total{event=shed}", 0.0),
    ] {
        assert_eq!(listener.kept.get(series), Some(value), "{series}");
    }
    assert_eq!(listener.kept.field_errors, []);
}
