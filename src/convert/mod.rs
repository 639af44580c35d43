//! From the configuration of mqtt2prometheus to ours, with what its owner has to know.
//!
//! Pure. Never repeats a password, and never leaves anything out silently: what cannot be said becomes a comment and a note.

mod broker;
mod doubt;
mod formula;
mod place;
mod rule;
mod yaml;

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use self::yaml::text;
use crate::config::mapping::{Expire, Format, Metric, Retained, Subscribe, to_text};
use crate::connection::plan::RetainHandling;

/// A configuration of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The text of the file.
    pub toml: String,
    /// What its owner has to know or to do, one sentence each.
    pub notes: Vec<String>,
}

/// What mqtt2prometheus takes where nothing is written.
const DEVICE: &str = "(.*/)?(?P<deviceid>.*)";
const TOPIC: &str = "v1/devices/me";
const SENSOR: &str = "deviceid";
const NAME: &str = "metricname";

/// What the topics say, and where.
struct Topics {
    filter: String,
    /// An expression for the whole topic, where no level alone is the device.
    pattern: Option<String>,
    /// The template of the device.
    device: String,
    /// The expression for the metric's name, where there is one metric a topic.
    name: Option<String>,
}

/// Converts the text of a configuration file.
///
/// # Errors
/// That it is not one.
pub fn mqtt2prometheus(yaml: &str) -> Result<Converted, String> {
    let root = yaml::parse(yaml)?;
    let metrics = root.get("metrics").and_then(Value::as_array);
    let metrics = metrics.ok_or("there are no `metrics`: this is not a configuration of mqtt2prometheus")?;
    let null = Value::Null;
    let mqtt = root.get("mqtt").unwrap_or(&null);
    let mut notes = Vec::new();
    let topics = topics(mqtt, &mut notes);
    let separator = root.pointer("/json_parsing/separator").and_then(text).unwrap_or_else(|| ".".to_owned());
    let expire = expire(&root, &mut notes);
    doubt::unknown(&root, &mut notes);
    let qos = mqtt.get("qos").and_then(Value::as_u64).and_then(|qos| u8::try_from(qos).ok());
    let qos = qos.filter(|qos| *qos <= 2).unwrap_or_else(|| {
        if mqtt.get("qos").is_some_and(|given| !given.is_null()) {
            notes.push("`mqtt.qos` is none of 0, 1 and 2: it is 0 here".to_owned());
        }
        0
    });
    let empty = |pattern: Option<String>, device: &str, format: Format| Subscribe {
        filter: topics.filter.clone(),
        qos,
        required: false,
        no_local: false,
        retain_handling: RetainHandling::Always,
        include: Vec::new(),
        exclude: Vec::new(),
        pattern,
        device: Some(device.to_owned()),
        labels: Vec::new(),
        format,
        retained: Retained::Accept,
        expire,
        interval: None,
        availability: None,
        metrics: Vec::new(),
    };
    let mut subscribes: Vec<Subscribe> = Vec::new();
    let mut left = String::new();
    for (number, given) in metrics.iter().enumerate() {
        let name = given.get("prom_name").and_then(text).unwrap_or_else(|| format!("number {}", number + 1));
        match one(given, &topics, &separator) {
            Ok((pattern, device, format, converted)) => {
                notes.extend(converted.notes.into_iter().map(|note| format!("{name}: {note}")));
                let metric = agreeing(converted.metric, &subscribes);
                let place = subscribes.iter_mut().find(|known| {
                    known.pattern == pattern
                        && known.device.as_deref() == Some(&device)
                        && known.format == format
                });
                if let Some(known) = place {
                    known.metrics.push(metric);
                } else {
                    let mut fresh = empty(pattern, &device, format);
                    fresh.metrics.push(metric);
                    subscribes.push(fresh);
                }
            }
            Err(why) => {
                let _ = writeln!(left, "# {}", one_line(&format!("{name}: {why}")));
                notes.push(format!("{name} is left out: {why}"));
            }
        }
    }
    if subscribes.is_empty() {
        let why: Vec<_> = notes.iter().map(|note| format!("\n  {}", one_line(note))).collect();
        return Err(format!("none of its metrics can be converted:{}", why.concat()));
    }
    let mut toml = broker::head(mqtt, &mut notes);
    if root.get("enable_profiling_metrics").and_then(Value::as_bool) == Some(true) {
        notes
            .push("`enable_profiling_metrics`: the process is always measured here (`process_…`)".to_owned());
    }
    if !left.is_empty() {
        let _ = write!(toml, "\n# What cannot be said here, and why:\n{left}");
    }
    let _ = write!(toml, "\n{}", to_text(&subscribes, "connection."));
    toml.push_str(&broker::tail(mqtt));
    notes.extend(doubt::faults(&toml, &subscribes));
    let notes: Vec<_> = notes.iter().map(|note| one_line(note)).collect();
    Ok(Converted { toml: commented(&notes, &toml), notes })
}

/// A text of the old file as a part of one line: a comment, or a line for a terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The notes in front of the file they are about.
fn commented(notes: &[String], toml: &str) -> String {
    let mut text = String::from(
        "# Made by `hangup convert` from a configuration of mqtt2prometheus. Series carry the labels `sensor` and `device` (both the\n\
         # device) and no `topic` and no timestamp; the own metrics of mqtt2prometheus have other names here\n\
         # (deploy/migration.md).\n",
    );
    for note in notes {
        let _ = writeln!(text, "# - {note}");
    }
    let _ = write!(text, "\n{toml}");
    text
}

/// A name has one type: the one that it was given first.
fn agreeing(mut metric: Metric, known: &[Subscribe]) -> Metric {
    let mut all = known.iter().flat_map(|subscribe| &subscribe.metrics);
    if let Some(first) = all.find(|known| known.name == metric.name)
        && std::mem::discriminant(&first.kind) != std::mem::discriminant(&metric.kind)
    {
        metric.kind = first.kind.clone();
    }
    metric
}

fn topics(mqtt: &Value, notes: &mut Vec<String>) -> Topics {
    let filter = mqtt.get("topic_path").and_then(text).unwrap_or_else(|| TOPIC.to_owned());
    let expression = mqtt.get("device_id_regex").and_then(text).unwrap_or_else(|| DEVICE.to_owned());
    let name = mqtt.pointer("/metric_per_topic_config/metric_name_regex").and_then(text);
    if let Some(device) = place::locate(&expression, SENSOR, &filter) {
        return Topics { filter, pattern: None, device, name };
    }
    notes.push(
        "no level of the topic alone is the device: `pattern` is the old `device_id_regex`; a topic that it does not fit is \
         passed over, where it had an empty `sensor` before"
            .to_owned(),
    );
    let device = format!("{{{SENSOR}}}");
    Topics { filter, pattern: Some(place::anywhere(&expression)), device, name }
}

type One = (Option<String>, String, Format, rule::Converted);

/// One metric with the pattern, the device and the format of the subscription that it belongs to.
fn one(given: &Value, topics: &Topics, separator: &str) -> Result<One, String> {
    let mqtt_name = given.get("mqtt_name").and_then(text).ok_or("it has no `mqtt_name`")?;
    let wanted = given.get("sensor_name_filter").and_then(text).filter(|filter| !filter.is_empty());
    let (mut pattern, mut device) = (topics.pattern.clone(), topics.device.clone());
    let mut topic = None;
    if let Some(expression) = &topics.name {
        match place::locate(expression, NAME, &topics.filter)
            .and_then(|place| named(&topics.filter, &place, &mqtt_name))
        {
            Some(found) => topic = Some(found),
            None if pattern.is_none() && wanted.is_none() => {
                pattern = Some(
                    literal(expression, &mqtt_name)
                        .ok_or("its `metric_name_regex` cannot be said as a topic")?,
                );
            }
            None => {
                return Err(
                    "its topic and its device are both regular expressions: write a rule with a `pattern`"
                        .to_owned(),
                );
            }
        }
    }
    if let Some(wanted) = wanted {
        if pattern.is_some() {
            return Err(
                "its `sensor_name_filter` is about a device that is a regular expression itself".to_owned()
            );
        }
        pattern = Some(place::of_level(&wanted, &device).ok_or_else(|| {
            format!("its `sensor_name_filter` `{wanted}` cannot be put into a pattern of the topic")
        })?);
        "{sensor}".clone_into(&mut device);
    }
    let field = given.get("payload_field").and_then(text).filter(|field| !field.is_empty());
    let (path, format) = match (&topics.name, &field) {
        (None, _) => (Some(mqtt_name.as_str()), Format::Json),
        (Some(_), Some(field)) => (Some(field.as_str()), Format::Json),
        (Some(_), None) => (None, Format::Text),
    };
    let mut converted = rule::convert(given, path, separator, &device)?;
    converted.metric.topic = topic;
    Ok((pattern, device, format, converted))
}

/// The filter with a name in the place of a level.
fn named(filter: &str, place: &str, name: &str) -> Option<String> {
    let number: i64 = place.strip_prefix('{')?.strip_suffix('}')?.parse().ok()?;
    let mut levels: Vec<_> = crate::config::unshared(filter).split('/').map(str::to_owned).collect();
    let many = levels.last().is_some_and(|level| level == "#");
    let steps = usize::try_from(number.unsigned_abs()).ok()?.checked_sub(1)?;
    let at = if number > 0 {
        steps
    } else if many {
        return None;
    } else {
        levels.len().checked_sub(steps + 1)?
    };
    if many {
        levels.pop();
        while levels.len() <= at {
            levels.push("+".to_owned());
        }
        levels.push("#".to_owned());
    }
    if name.contains(['+', '#', '/']) {
        return None;
    }
    name.clone_into(levels.get_mut(at)?);
    Some(levels.join("/"))
}

/// The expression with a name in place of its group, for whole topics.
fn literal(expression: &str, name: &str) -> Option<String> {
    let start =
        expression.find(&format!("(?P<{NAME}>")).or_else(|| expression.find(&format!("(?<{NAME}>")))?;
    let (before, group) = expression.split_at_checked(start)?;
    let mut depth = 0;
    let end = group.char_indices().find_map(|(at, c)| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        (depth == 0).then_some(at + 1)
    })?;
    let after = group.get(end..)?;
    let whole = format!("(?s:.*?)(?:{before}{}{after})", regex::escape(name));
    // What the group ate to the end of the topic is the name: nothing may follow it.
    let whole = if after.is_empty() { whole } else { format!("{whole}(?s:.*)") };
    regex::Regex::new(&whole).is_ok().then_some(whole)
}

/// How long a value is shown.
fn expire(root: &Value, notes: &mut Vec<String>) -> Expire {
    const DEFAULT: Duration = Duration::from_secs(120);
    let Some(cache) = root.get("cache").filter(|cache| !cache.is_null()) else {
        return Expire::After(DEFAULT);
    };
    let Some(given) = cache.get("timeout").and_then(text) else { return Expire::Never };
    match go_duration(&given) {
        Some(time) if (Duration::from_secs(1)..=Duration::from_secs(366 * 86_400)).contains(&time) => {
            Expire::After(time)
        }
        Some(time) if time > Duration::ZERO && time < Duration::from_secs(1) => {
            notes.push("`cache.timeout` is below a second: it is one second here".to_owned());
            Expire::After(Duration::from_secs(1))
        }
        Some(_) => Expire::Never,
        None => {
            notes.push("`cache.timeout` is not a duration: `expire` is 2 minutes here".to_owned());
            Expire::After(DEFAULT)
        }
    }
}

/// `1h30m`, `-1` and the like; what is not above zero is none at all.
fn go_duration(text: &str) -> Option<Duration> {
    if text.starts_with('-') || text == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) =
            rest.split_at_checked(rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?)?;
        let (unit, after) = after
            .split_at_checked(after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len()))?;
        let seconds = match unit {
            "h" => 3_600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * seconds;
        rest = after;
    }
    Duration::try_from_secs_f64(total).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_go_are_understood() {
        for (text, expected) in [
            ("24h", Some(86_400_000)),
            ("1h30m", Some(5_400_000)),
            ("1.5s", Some(1_500)),
            ("250ms", Some(250)),
            ("-1", Some(0)),
            ("soon", None),
            ("5", None),
        ] {
            assert_eq!(go_duration(text).map(|time| time.as_millis()), expected, "{text}");
        }
    }

    #[test]
    fn a_name_takes_its_place_in_the_filter() {
        assert_eq!(named("a/+/+", "{3}", "t").as_deref(), Some("a/+/t"));
        assert_eq!(named("a/+/+", "{-1}", "t").as_deref(), Some("a/+/t"));
        assert_eq!(named("a/#", "{3}", "t").as_deref(), Some("a/+/t/#"));
        assert_eq!(named("a/#", "{-1}", "t"), None);
        assert_eq!(literal("(.*/)?(?P<metricname>.*)", "t.x").as_deref(), Some("(?s:.*?)(?:(.*/)?t\\.x)"));
    }
}
