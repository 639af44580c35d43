//! One metric of mqtt2prometheus as a rule of ours.
//!
//! Pure. Never changes a name or a meaning without saying so.

use serde_json::Value;

use super::formula;
use super::yaml::text;
use crate::config::mapping::{Counting, Metric, MetricKind, ReadAs, check_label, check_name};
use crate::mapping::path::{Path, Step};

/// Fields of a metric that are understood here.
const KNOWN: &[&str] = &[
    "prom_name",
    "mqtt_name",
    "payload_field",
    "sensor_name_filter",
    "help",
    "type",
    "omit_timestamp",
    "raw_expression",
    "expression",
    "force_monotonicy",
    "const_labels",
    "dynamic_labels",
    "string_value_mapping",
    "mqtt_value_scale",
    "error_value",
];

/// A metric, converted.
pub(super) struct Converted {
    pub(super) metric: Metric,
    /// What its owner has to know.
    pub(super) notes: Vec<String>,
}

/// The rule without its place in the payload or among the topics; `Err`: why there is none.
pub(super) fn convert(
    given: &Value,
    path: Option<&str>,
    separator: &str,
    sensor: &str,
) -> Result<Converted, String> {
    let mut notes = Vec::new();
    let field = |key: &str| given.get(key);
    let name = field("prom_name").and_then(text).ok_or("it has no `prom_name`")?;
    if let Some(unknown) =
        given.as_object().and_then(|all| all.keys().find(|key| !KNOWN.contains(&key.as_str())))
    {
        notes.push(format!(
            "`{unknown}` is not a field of mqtt2prometheus that is known here: it is left out"
        ));
    }
    let forced = field("force_monotonicy").and_then(Value::as_bool).unwrap_or(false);
    let (name, kind) = name_and_kind(&name, field("type").and_then(text).as_deref(), forced, &mut notes)?;
    let path = path.map(|path| self::path(path, separator)).transpose()?;
    let value = value(given, &mut notes)?;
    let scale = field("mqtt_value_scale").and_then(Value::as_f64);
    if scale.is_none() && field("mqtt_value_scale").is_some() {
        notes.push("`mqtt_value_scale` is not a finite number: it is left out".to_owned());
    }
    // Nothing else than 1 there.
    let scale = scale.filter(|scale| *scale != 0.0);
    let (value, scale) = match (value, scale) {
        (Some(value), Some(scale)) => (Some(format!("({value}) * {scale}")), 1.0),
        (value, scale) => (value, scale.unwrap_or(1.0)),
    };
    let mut labels = vec![("sensor".to_owned(), sensor.to_owned())];
    labels.extend(constant(field("const_labels"), &mut notes));
    labels.extend(dynamic(field("dynamic_labels"), path.as_ref(), &mut notes));
    let help = field("help").and_then(text).filter(|help| !help.trim().is_empty());
    let metric = Metric {
        name,
        help: help.unwrap_or_else(|| "As its device says.".to_owned()),
        kind,
        topic: None,
        path: path.map(|path| path.to_string()),
        read: ReadAs::Number,
        values: values(given, &mut notes),
        scale,
        offset: 0.0,
        value,
        inputs: Vec::new(),
        labels,
        when: Vec::new(),
        expire: None,
        names: Vec::new(),
        skip: Vec::new(),
    };
    Ok(Converted { metric, notes })
}

/// The name stays what it is where that is possible: dashboards know it.
fn name_and_kind(
    given: &str,
    kind: Option<&str>,
    forced: bool,
    notes: &mut Vec<String>,
) -> Result<(String, MetricKind), String> {
    let counting = if forced { Counting::Repair } else { Counting::Raw };
    let counter = MetricKind::Counter(counting);
    let kind = match (kind, given.ends_with("_total")) {
        (_, true) => counter,
        (Some("counter"), false) => {
            notes.push(format!(
                "`{given}` was a counter, and the name of a counter ends in `_total`: it is a gauge here, so that its name stays; \
                 `rate()` works on it as before"
            ));
            MetricKind::Gauge
        }
        (Some("gauge") | None, false) => MetricKind::Gauge,
        (Some(_), false) => {
            notes.push("its `type` is neither `gauge` nor `counter`: it is a gauge here".to_owned());
            MetricKind::Gauge
        }
    };
    if forced && kind == MetricKind::Gauge {
        notes.push(format!(
            "`{given}` was made monotonic: for that it must be a counter here; call it `{given}_total`, with `type = \"counter\"`"
        ));
    }
    let mut name = given.replace(':', "_");
    for ours in ["mqtt_", "hangup_", "navien_", "process_"] {
        if let Some(rest) = name.strip_prefix(ours) {
            name = format!("device_{rest}");
        }
    }
    if ["_info", "_bucket", "_sum", "_count", "_created"].iter().any(|end| name.ends_with(end)) {
        name.push_str("_value");
    }
    check_name(&name, &kind)?;
    if name != given {
        notes.push(format!(
            "`{given}` is called `{name}` here: the old name is one of this exporter's own, or one that only parts of other types \
             have. Dashboards and alerts need the new one"
        ));
    }
    Ok((name, kind))
}

/// A path with another separator.
fn path(given: &str, separator: &str) -> Result<Path, String> {
    let separator = if separator.is_empty() { "." } else { separator };
    let step = |part: &str| {
        let index = part.strip_prefix('[').and_then(|part| part.strip_suffix(']'));
        match index.and_then(|index| index.parse().ok()) {
            Some(index) => Ok(Step::Index(index)),
            None if part.is_empty() || part.contains('\'') => {
                Err(format!("`{given}` holds a key that a path cannot have"))
            }
            None => Ok(Step::Key(part.to_owned())),
        }
    };
    let steps = given.split(separator).map(step).collect::<Result<Vec<_>, _>>()?;
    let path = Path(steps);
    Path::parse(&path.to_string())
}

/// The expression, if there is one.
fn value(given: &Value, notes: &mut Vec<String>) -> Result<Option<String>, String> {
    let text_of = |key: &str| given.get(key).and_then(text).filter(|text| !text.trim().is_empty());
    let Some(expression) = text_of("raw_expression").or_else(|| text_of("expression")) else {
        return Ok(None);
    };
    let converted =
        formula::convert(&expression).map_err(|why| format!("its expression cannot be said here: {why}"))?;
    if converted.len() > 200 {
        return Err("its expression is too long when it is written out".to_owned());
    }
    if converted.contains("(1 - ") {
        notes.push(format!("a choice in its expression is `{converted}` here: both sides must be numbers"));
    }
    Ok(if converted == "x" { None } else { Some(converted) })
}

/// Numbers for words, and for everything that is none.
fn values(given: &Value, notes: &mut Vec<String>) -> Vec<(String, f64)> {
    let mapping = given.get("string_value_mapping");
    let words = mapping.and_then(|mapping| mapping.get("map")).and_then(Value::as_object);
    let mut values = Vec::new();
    for (word, number) in words.into_iter().flatten() {
        match number.as_f64() {
            // Here it is any other word.
            _ if word == "*" => notes.push(
                "the word `*` of its `string_value_mapping` is left out: here it stands for any other word"
                    .to_owned(),
            ),
            Some(number) => values.push((word.clone(), number)),
            None => {
                notes.push(format!(
                    "the word `{word}` of its `string_value_mapping` is left out: it has no finite number"
                ));
            }
        }
    }
    let other = given.get("error_value").or_else(|| mapping.and_then(|mapping| mapping.get("error_value")));
    values.extend(other.and_then(Value::as_f64).map(|number| ("*".to_owned(), number)));
    if !values.is_empty() {
        // A boolean was never a word there.
        for (word, number) in [("true", 1.0), ("false", 0.0)] {
            if !values.iter().any(|(known, _)| known == word) {
                values.push((word.to_owned(), number));
            }
        }
    }
    values
}

fn constant(given: Option<&Value>, notes: &mut Vec<String>) -> Vec<(String, String)> {
    let labels = given.and_then(Value::as_object).into_iter().flatten();
    labels
        .filter_map(|(name, value)| {
            let value = text(value).filter(|value| !value.is_empty())?.replace('{', "{{").replace('}', "}}");
            Some((label(name, notes), value))
        })
        .collect()
}

/// Only the raw value itself can be a label.
fn dynamic(given: Option<&Value>, path: Option<&Path>, notes: &mut Vec<String>) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    for (name, expression) in given.and_then(Value::as_object).into_iter().flatten() {
        let expression: String = text(expression).unwrap_or_default().split_whitespace().collect();
        if matches!(expression.as_str(), "raw_value" | "string(raw_value)") {
            let place = path.map_or_else(|| "{payload}".to_owned(), |path| format!("{{payload.{path}}}"));
            labels.push((label(name, notes), place));
        } else {
            notes.push(format!(
                "the label `{name}` is left out: only the raw value itself can be one here (`{{payload.…}}`)"
            ));
        }
    }
    labels
}

/// A label that is ours is called as Prometheus calls it in such a case.
fn label(given: &str, notes: &mut Vec<String>) -> String {
    if check_label(given).is_ok() && given != "sensor" {
        return given.to_owned();
    }
    let letters = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let plain: String = given.chars().map(letters).collect();
    let plain =
        if plain.starts_with(|c: char| c.is_ascii_alphabetic()) { plain } else { format!("label_{plain}") };
    let (name, why) = if plain != given && check_label(&plain).is_ok() && plain != "sensor" {
        (plain, "a label name begins with a letter and holds a-z, 0-9 and `_`")
    } else {
        (format!("exported_{plain}"), "the old name has a meaning of its own")
    };
    notes.push(format!("the label `{given}` is called `{name}` here: {why}"));
    name
}
