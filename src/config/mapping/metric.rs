//! `[[connection.subscribe.metric]]`: one rule.
//!
//! Never takes a rule that could not become anything: every contradiction is told where it stands.

use std::time::Duration;

use toml::de::DeValue;

use super::super::file::Fields;
use super::super::value;
use super::labels::{self, Topics, shares_stem};
use super::{Counting, Expire, Metric, MetricKind, ReadAs, name, text};
use crate::mapping::expression::Expression;
use crate::mapping::path::Path;

/// Entries of `values`, `when`, `inputs`, `names` at most.
const ENTRIES: usize = 256;

const TYPES: &[(&str, &str)] = &[
    ("gauge", "gauge"),
    ("counter", "counter"),
    ("histogram", "histogram"),
    ("info", "info"),
    ("state", "state"),
];

const COUNTS: &[(&str, Counting)] = &[
    ("repair", Counting::Repair),
    ("raw", Counting::Raw),
    ("add", Counting::Add),
    ("messages", Counting::Messages),
];

const READS: &[(&str, ReadAs)] = &[
    ("number", ReadAs::Number),
    ("hex", ReadAs::Hex),
    ("duration", ReadAs::Duration),
    ("timestamp", ReadAs::Timestamp),
    ("length", ReadAs::Length),
];

/// `30s` or `never`.
pub(super) fn expire(field: &DeValue<'_>) -> Result<Expire, String> {
    if field.as_str() == Some("never") {
        return Ok(Expire::Never);
    }
    let range = Duration::from_secs(1)..=Duration::from_secs(366 * 86_400);
    value::duration(range)(field).map(Expire::After).map_err(|message| format!("{message}, or `never`"))
}

/// Reads one rule; `None` when it is too wrong to go on with.
pub(super) fn read(mut fields: Fields<'_, '_>, topics: &Topics) -> Option<Metric> {
    let kind = kind(&mut fields);
    let every = fields.read("path", |field| Ok(field.as_str() == Some("**"))) == Some(true);
    let path = if every { Some("**".to_owned()) } else { fields.read("path", text::path) };
    let metric = Metric {
        name: fields.require("name", "name = \"meter_power_watts\"", value::text).unwrap_or_default(),
        help: fields.read("help", value::text).unwrap_or_else(|| "As its device says.".to_owned()),
        topic: fields.read("topic", text::plain_filter),
        read: fields.read("read", value::word(READS)).unwrap_or_default(),
        values: text::entries(&mut fields, "values", ENTRIES, |_| Ok(()), text::number),
        scale: fields.read("scale", factor).unwrap_or(1.0),
        offset: fields.read("offset", text::number).unwrap_or(0.0),
        value: fields.read("value", value::text),
        inputs: text::entries(&mut fields, "inputs", ENTRIES, input_name, text::path),
        labels: labels::read(&mut fields),
        when: text::entries(&mut fields, "when", ENTRIES, |key| Path::parse(key).map(|_| ()), text::word),
        expire: fields.read("expire", expire),
        names: text::entries(&mut fields, "names", ENTRIES, |_| Ok(()), new_name),
        skip: fields.read("skip", value::list("[\"linkquality\"]", value::text)).unwrap_or_default(),
        kind: kind?,
        path,
    };
    let unit = fields.read("unit", value::text);
    check(&fields, &metric, every, unit.as_deref());
    check_values(&fields, &metric);
    labels::check(&fields, &metric, topics);
    fields.finish();
    Some(metric)
}

fn kind(fields: &mut Fields<'_, '_>) -> Option<MetricKind> {
    let word = if fields.has("type") { fields.read("type", value::word(TYPES))? } else { "gauge" };
    let counting = fields.read("count", value::word(COUNTS));
    let buckets = fields.read("buckets", buckets);
    let states = fields.read("states", value::list("[\"idle\", \"heating\"]", value::text));
    for (field, given, owner) in [
        ("count", counting.is_some(), "counter"),
        ("buckets", buckets.is_some(), "histogram"),
        ("states", states.is_some(), "state"),
    ] {
        if given && word != owner {
            fields.problem(field, format!("belongs to `type = \"{owner}\"` only"));
        }
    }
    match word {
        "counter" => Some(MetricKind::Counter(counting.unwrap_or_default())),
        "histogram" => match buckets {
            Some(bounds) => Some(MetricKind::Histogram(bounds)),
            None if fields.has("buckets") => None,
            None => {
                fields.problem("buckets", "is missing (write for example `buckets = [0.1, 1, 10]`)");
                None
            }
        },
        "info" => Some(MetricKind::Info),
        "state" => match states {
            Some(states) if !states.is_empty() && states.len() <= 64 => Some(MetricKind::State(states)),
            Some(_) | None => {
                fields.problem(
                    "states",
                    "needs 1 to 64 words (write for example `states = [\"idle\", \"heating\"]`)",
                );
                None
            }
        },
        _ => Some(MetricKind::Gauge),
    }
}

fn buckets(field: &DeValue<'_>) -> Result<Vec<f64>, String> {
    let bounds = value::list("[0.1, 1, 10]", text::number)(field)?;
    let ascending = bounds.windows(2).all(|pair| pair.first() < pair.last());
    // A negative bound would forbid the sum (OpenMetrics 1.0).
    let positive = bounds.first().is_some_and(|least| *least >= 0.0);
    if bounds.len() > 64 || !ascending || !positive {
        return Err(
            "must be 1 to 64 ascending numbers from 0 on (write for example `[0.1, 1, 10]`)".to_owned()
        );
    }
    Ok(bounds)
}

fn input_name(name: &str) -> Result<(), String> {
    let fits = name.len() <= 32 && name != "x" && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    if fits {
        Ok(())
    } else {
        Err("an input is a word of a-z and `_` other than `x` (write for example `volts = \"voltage\"`)"
            .to_owned())
    }
}

fn new_name(field: &DeValue<'_>) -> Result<String, String> {
    let text = value::text(field)?;
    let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if fits { Ok(text) } else { Err(format!("`{text}` is not a part of a metric name: a-z, 0-9 and `_`")) }
}

/// The name, and what a rule for every number may have.
fn check(fields: &Fields<'_, '_>, metric: &Metric, every: bool, unit: Option<&str>) {
    let templated = metric.name.contains("{path}");
    if every != templated {
        let message = if every {
            "must hold `{path}` beside `path = \"**\"` (write for example `name = \"sensor_{path}\"`)"
        } else {
            "holds `{path}`, which goes with `path = \"**\"` only"
        };
        fields.problem("name", message);
        return;
    }
    if every && metric.kind != MetricKind::Gauge {
        fields.problem(
            "type",
            "must be `gauge` where `path = \"**\"`: what a number is cannot be told from it",
        );
    }
    if !every && (!metric.names.is_empty() || !metric.skip.is_empty()) {
        fields.problem("names", "and `skip` go with `path = \"**\"` only");
    }
    if metric.name.is_empty() {
        return;
    }
    let example = metric.name.replacen("{path}", "x", 1);
    if let Err(message) = name::check(&example, &metric.kind) {
        fields.problem("name", message);
    } else if let Some(unit) = unit.filter(|unit| *unit != "none") {
        let bare = example.strip_suffix("_total").unwrap_or(&example);
        if !bare.ends_with(&format!("_{unit}")) {
            fields.problem(
                "name",
                format!("does not end in the unit `_{unit}` (write for example `{bare}_{unit}`)"),
            );
        }
    } else if !every && unit.is_none() && metric.kind == MetricKind::Gauge && !name::has_unit(&metric.name) {
        let base = &metric.name;
        fields.warning(
            "name",
            format!(
                "`{base}` does not tell its unit (write for example {}, or beside it `unit = \"none\"`)",
                name::with_unit(base)
            ),
        );
    }
}

/// What an expression may hold, in place of the words of the library that reads it.
fn in_our_words(message: String) -> String {
    match message.split_once("` is not an expression: ") {
        Some((text, _)) => format!(
            "{text}` is not an expression: it may hold numbers, `x`, the `inputs`, brackets, `+ - * / % ^`, `< > <= >= == !=` and \
             `min`, `max`, `abs`, `floor`, `ceil`, `round`, `sqrt`, `exp`, `ln`, `log10` (write for example `x * 1.8 + 32` or \
             `max(x, 0)`)"
        ),
        None => message,
    }
}

/// A factor: with 0 every value would be the same.
fn factor(field: &DeValue<'_>) -> Result<f64, String> {
    let factor = text::number(field)?;
    if factor == 0.0 {
        return Err("is 0, and every value would be 0: leave it out, or write for example `0.1`".to_owned());
    }
    Ok(factor)
}

/// What a value is made of.
fn check_values(fields: &Fields<'_, '_>, metric: &Metric) {
    let needs_path = match &metric.kind {
        MetricKind::Info | MetricKind::Counter(Counting::Messages) => false,
        MetricKind::Gauge | MetricKind::Counter(_) | MetricKind::Histogram(_) | MetricKind::State(_) => true,
    };
    if !needs_path && (!metric.values.is_empty() || metric.value.is_some() || fields.has("scale")) {
        fields.problem("value", "has no place here: this type shows no number of the payload");
    }
    if metric.kind == MetricKind::Info && metric.labels.is_empty() {
        fields.problem(
            "labels",
            "are all that an info metric tells (write for example `labels = { version = \"{payload.sw}\" }`)",
        );
    }
    if let MetricKind::State(_) = metric.kind
        && (!metric.values.is_empty()
            || metric.value.is_some()
            || fields.has("scale")
            || fields.has("offset"))
    {
        fields.problem("states", "are words: `values`, `value`, `scale` and `offset` have no place here");
    }
    if metric.value.is_some() && (fields.has("scale") || fields.has("offset")) {
        fields.problem("value", "is an expression: write `scale` and `offset` into it, as in `x * 0.1 + 5`");
    }
    if metric.value.is_none() && !metric.inputs.is_empty() {
        fields.problem(
            "inputs",
            "are for the expression in `value` (write for example `value = \"x * volts\"`)",
        );
    }
    if let Some(text) = &metric.value {
        let names: Vec<_> = metric.inputs.iter().map(|(name, _)| name.as_str()).collect();
        if let Err(message) = Expression::parse(text, &names) {
            fields.problem("value", in_our_words(message));
        }
    }
    for (_, path) in &metric.inputs {
        if !shares_stem(path, metric.path.as_deref()) {
            fields.problem(
                "inputs",
                format!("`{path}` stands for many: its wildcards must be those of `path`"),
            );
        }
    }
    for (path, _) in &metric.when {
        if !shares_stem(path, metric.path.as_deref()) {
            fields
                .problem("when", format!("`{path}` stands for many: its wildcards must be those of `path`"));
        }
    }
}
