//! Names of metrics and labels: what Prometheus allows, what its users expect, and what is ours.
//!
//! Pure. Never changes a name: what is wrong is said with a right one.

use super::MetricKind;

/// Names of our own begin with these.
const OURS: &[&str] = &["mqtt_", "hangup_", "navien_", "process_"];

/// What Prometheus itself writes beside what it scrapes.
const OF_PROMETHEUS: &[&str] = &["up", "ALERTS", "ALERTS_FOR_STATE"];

/// What the types append themselves.
const PARTS: &[&str] = &["_bucket", "_sum", "_count", "_created"];

/// Units that a reader knows at the end of a name. The base units of Prometheus come first in each line.
const UNITS: &[&str] = &[
    "seconds",
    "minutes",
    "hours",
    "days",
    "milliseconds",
    "timestamp", //
    "celsius",
    "kelvin",
    "fahrenheit", //
    "meters",
    "kilometers",
    "millimeters",
    "lux",
    "degrees", //
    "bytes",
    "bits",
    "packets",
    "messages", //
    "ratio",
    "percent",
    "decibels",
    "dbm",
    "ppm",
    "ppb", //
    "volts",
    "millivolts",
    "amperes",
    "milliamperes",
    "watts",
    "kilowatts",
    "voltamperes",
    "vars",
    "ohms", //
    "joules",
    "watthours",
    "kilowatthours",
    "amperehours", //
    "grams",
    "kilograms",
    "liters",
    "cubic_meters", //
    "hertz",
    "rpm",
    "pascals",
    "hectopascals",
    "bars", //
    "meters_per_second",
    "kilometers_per_hour",
    "liters_per_minute",
    "millimeters_per_hour", //
    "micrograms_per_cubic_meter",
    "grams_per_cubic_meter",
    "microsiemens_per_centimeter",
    "bytes_per_second", //
    "watts_per_square_meter",
];

/// What Prometheus and this exporter refuse.
///
/// # Errors
/// What is wrong, with a right name.
pub(crate) fn check(name: &str, kind: &MetricKind) -> Result<(), String> {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !begins || !name.chars().all(letters) || name.len() > 128 {
        return Err(format!(
            "`{name}` is not a metric name: a-z, 0-9 and `_` (write for example `meter_power_watts`)"
        ));
    }
    if let Some(ours) = OURS.iter().find(|prefix| name.starts_with(**prefix)) {
        return Err(format!(
            "`{name}` begins like this exporter's own metrics (`{ours}…`): choose another prefix"
        ));
    }
    if OF_PROMETHEUS.contains(&name) || name.starts_with("scrape_") {
        return Err(format!(
            "`{name}` is a series that Prometheus itself writes for each target (write for example `meter_{}`)",
            name.to_ascii_lowercase()
        ));
    }
    if let Some(part) = PARTS.iter().find(|part| name.ends_with(**part)) {
        return Err(format!("`{name}` ends in `{part}`, which only the parts of a histogram do"));
    }
    let (total, info) = (name.ends_with("_total"), name.ends_with("_info"));
    match kind {
        MetricKind::Counter(_) if !total => Err(format!("`{name}` is a counter: write `{name}_total`")),
        MetricKind::Info if !info => Err(format!("`{name}` is an info metric: write `{name}_info`")),
        MetricKind::Gauge | MetricKind::Histogram(_) | MetricKind::State(_) if total || info => {
            Err(format!("`{name}` ends like a counter or an info metric: leave `_total` or `_info` out"))
        }
        MetricKind::Gauge
        | MetricKind::Counter(_)
        | MetricKind::Histogram(_)
        | MetricKind::Info
        | MetricKind::State(_) => Ok(()),
    }
}

/// Whether a reader sees the unit of a value in its name.
pub(super) fn has_unit(name: &str) -> bool {
    UNITS.iter().any(|unit| name.strip_suffix(unit).is_some_and(|before| before.ends_with('_')))
}

/// Words, the unit, and where there is one the factor with the unit that it is for.
type Meaning = (&'static [&'static str], &'static str, Option<(&'static str, &'static str)>);

/// Words of a name, the unit that they mostly mean, and what a value in the usual other unit is multiplied by. The first line
/// that fits counts: the voltage of a battery is a voltage.
const MEANINGS: &[Meaning] = &[
    (&["temperature", "temp", "dewpoint"], "celsius", None),
    (&["voltage"], "volts", None),
    (&["power"], "watts", None),
    (&["current"], "amperes", None),
    (&["energy", "kwh", "consumption"], "joules", Some(("3600000", "kilowatt hours"))),
    (&["wh"], "joules", Some(("3600", "watt hours"))),
    (&["frequency"], "hertz", None),
    (&["pressure"], "pascals", Some(("100", "hectopascals"))),
    (&["speed", "velocity"], "meters_per_second", None),
    (&["weight", "mass"], "kilograms", None),
    (&["distance", "height", "depth", "altitude"], "meters", None),
    (&["duration", "uptime", "age", "interval", "runtime", "time"], "seconds", None),
    (&["illuminance", "illumination", "brightness"], "lux", None),
    (&["volume"], "liters", None),
    (&["co2", "tvoc", "voc"], "ppm", None),
    (&["rssi", "signal"], "dbm", None),
    (&["size", "memory"], "bytes", None),
    (&["humidity", "moisture", "percentage", "battery", "level"], "ratio", Some(("0.01", "percent"))),
];

/// What to write instead of a name without a unit.
pub(super) fn with_unit(name: &str) -> String {
    let small = name.to_ascii_lowercase();
    let fits = |words: &[&str]| small.split('_').any(|word| words.contains(&word));
    let found = MEANINGS.iter().find(|(words, ..)| fits(words));
    let (unit, factor) = found.map_or(("watts", None), |(_, unit, factor)| (*unit, *factor));
    let bare = name.strip_suffix("_kwh").or_else(|| name.strip_suffix("_wh")).unwrap_or(name);
    let factor = factor.map_or_else(String::new, |(scale, other)| {
        format!(" with `scale = {scale}` where its device says {other}")
    });
    format!("`{bare}_{unit}`{factor}")
}

/// A label of the user's own.
///
/// # Errors
/// What is wrong, with a right name.
pub(crate) fn label(name: &str) -> Result<(), String> {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let fits =
        name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(letters);
    if !fits {
        return Err(format!("`{name}` is not a label name: a-z, 0-9 and `_` (write for example `room`)"));
    }
    match name {
        "device" => {
            Err("the label `device` has its own template: `device = \"{2}\"` of the subscription".to_owned())
        }
        "le" | "quantile" | "job" | "instance" | "connection" => {
            Err(format!("`{name}` has a meaning of its own: choose another label"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Counting;
    use super::*;

    #[test]
    fn what_prometheus_writes_itself_is_no_name() {
        for name in ["up", "ALERTS", "scrape_duration_seconds"] {
            let fault = check(name, &MetricKind::Gauge).unwrap_err();
            assert!(fault.contains("Prometheus itself") && fault.contains("meter_"), "{fault}");
        }
        assert_eq!(check("uptime_seconds", &MetricKind::Gauge), Ok(()));
    }

    #[test]
    fn a_name_is_one_of_prometheus_and_none_of_ours() {
        for name in
            ["", "9a", "a b", "a:b", "mqtt_x", "hangup_x", "navien_x", "process_x", "a_bucket", "a_sum"]
        {
            assert!(check(name, &MetricKind::Gauge).is_err(), "{name}");
        }
        assert_eq!(check("meter_power_watts", &MetricKind::Gauge), Ok(()));
    }

    #[test]
    fn the_type_is_told_by_the_end() {
        let counter = MetricKind::Counter(Counting::Repair);
        assert!(check("pulses", &counter).unwrap_err().contains("pulses_total"));
        assert_eq!(check("pulses_total", &counter), Ok(()));
        assert!(check("firmware", &MetricKind::Info).unwrap_err().contains("firmware_info"));
        assert!(check("a_total", &MetricKind::Gauge).is_err());
        assert!(check("a_info", &MetricKind::State(Vec::new())).is_err());
    }

    #[test]
    fn units_are_seen() {
        assert!(has_unit("a_power_watts") && has_unit("air_pm25_micrograms_per_cubic_meter"));
        assert!(!has_unit("a_power") && !has_unit("watts") && !has_unit("door_open"));
    }

    #[test]
    fn labels_with_a_meaning_are_refused() {
        assert_eq!(label("room"), Ok(()));
        for name in ["", "1a", "a-b", "device", "le", "connection", "job"] {
            assert!(label(name).is_err(), "{name}");
        }
    }
}
