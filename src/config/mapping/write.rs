//! From [`Subscribe`] to the text of `[[connection.subscribe]]`: what a preset stands for, what a converter made.
//!
//! Pure. Never writes what is the default, and never writes anything that is not read as the same again.

use std::fmt::Write as _;
use std::time::Duration;

use super::super::Human;
use super::{Counting, Expire, Format, Metric, MetricKind, ReadAs, Retained, Subscribe, name};
use crate::connection::plan::RetainHandling;

/// How long is the default of [`Subscribe::expire`].
const HOUR: Expire = Expire::After(Duration::from_secs(3_600));

/// Writes subscriptions below a table: `connection.` in a configuration, nothing for [`super::from_text`].
#[must_use]
pub fn to_text(subscribes: &[Subscribe], under: &str) -> String {
    let mut text = String::new();
    for subscribe in subscribes {
        let separator = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{separator}[[{under}subscribe]]");
        text.push_str(&head(subscribe));
        for metric in &subscribe.metrics {
            let _ = writeln!(text, "\n[[{under}subscribe.metric]]");
            text.push_str(&rule(metric));
        }
    }
    text
}

/// The lines of one table.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn put(&mut self, key: &str, value: impl std::fmt::Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.put(key, quoted(value));
    }

    fn list(&mut self, key: &str, values: &[String]) {
        if !values.is_empty() {
            let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
            self.put(key, format!("[{}]", values.join(", ")));
        }
    }

    fn entries<T>(&mut self, key: &str, entries: &[(String, T)], value: impl Fn(&T) -> String) {
        if !entries.is_empty() {
            let entries: Vec<_> =
                entries.iter().map(|(name, given)| format!("{} = {}", bare(name), value(given))).collect();
            self.put(key, format!("{{ {} }}", entries.join(", ")));
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A key, in quotes where it needs them.
fn bare(key: &str) -> String {
    let fits = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if fits { key.to_owned() } else { toml::Value::from(key).to_string() }
}

fn expire(expire: Expire) -> String {
    match expire {
        Expire::After(time) => Human(time).to_string(),
        Expire::Never => "never".to_owned(),
    }
}

fn head(subscribe: &Subscribe) -> String {
    let mut lines = Lines::default();
    lines.text("filter", &subscribe.filter);
    if subscribe.qos > 0 {
        lines.put("qos", subscribe.qos);
    }
    if subscribe.required {
        lines.put("required", true);
    }
    if subscribe.no_local {
        lines.put("no_local", true);
    }
    match subscribe.retain_handling {
        RetainHandling::Always => {}
        RetainHandling::New => lines.text("retain_handling", "new"),
        RetainHandling::Never => lines.text("retain_handling", "never"),
    }
    lines.list("include", &subscribe.include);
    lines.list("exclude", &subscribe.exclude);
    if let Some(pattern) = &subscribe.pattern {
        lines.text("pattern", pattern);
    }
    if let Some(device) = &subscribe.device {
        lines.text("device", device);
    }
    lines.entries("labels", &subscribe.labels, |template| quoted(template));
    match subscribe.format {
        Format::Auto => {}
        Format::Json => lines.text("format", "json"),
        Format::Text => lines.text("format", "text"),
        Format::Csv => lines.text("format", "csv"),
        Format::Sparkplug => lines.text("format", "sparkplug"),
    }
    match subscribe.retained {
        Retained::Show => {}
        Retained::Ignore => lines.text("retained", "ignore"),
        Retained::Accept => lines.text("retained", "accept"),
    }
    if subscribe.expire != HOUR {
        lines.text("expire", &expire(subscribe.expire));
    }
    if let Some(interval) = subscribe.interval {
        lines.text("interval", &Human(interval).to_string());
    }
    if let Some(availability) = &subscribe.availability {
        let mut parts = vec![format!("topic = {}", quoted(&availability.topic))];
        parts.extend(availability.path.as_ref().map(|path| format!("path = {}", quoted(path))));
        if availability.online != "online" {
            parts.push(format!("online = {}", quoted(&availability.online)));
        }
        if availability.offline != "offline" {
            parts.push(format!("offline = {}", quoted(&availability.offline)));
        }
        lines.put("availability", format!("{{ {} }}", parts.join(", ")));
    }
    lines.0
}

fn rule(metric: &Metric) -> String {
    let mut lines = Lines::default();
    lines.text("name", &metric.name);
    lines.text("help", &metric.help);
    kind(&mut lines, &metric.kind);
    if let Some(topic) = &metric.topic {
        lines.text("topic", topic);
    }
    if let Some(path) = &metric.path {
        lines.text("path", path);
    }
    match metric.read {
        ReadAs::Number => {}
        ReadAs::Hex => lines.text("read", "hex"),
        ReadAs::Duration => lines.text("read", "duration"),
        ReadAs::Timestamp => lines.text("read", "timestamp"),
        ReadAs::Length => lines.text("read", "length"),
    }
    lines.entries("values", &metric.values, f64::to_string);
    #[expect(clippy::float_cmp, reason = "the defaults themselves")]
    let (scaled, offset) = (metric.scale != 1.0, metric.offset != 0.0);
    if scaled {
        lines.put("scale", metric.scale);
    }
    if offset {
        lines.put("offset", metric.offset);
    }
    if let Some(value) = &metric.value {
        lines.text("value", value);
    }
    lines.entries("inputs", &metric.inputs, |path| quoted(path));
    lines.entries("labels", &metric.labels, |template| quoted(template));
    lines.entries("when", &metric.when, |word| quoted(word));
    if let Some(time) = metric.expire {
        lines.text("expire", &expire(time));
    }
    lines.entries("names", &metric.names, |name| quoted(name));
    lines.list("skip", &metric.skip);
    if metric.kind == MetricKind::Gauge && !metric.name.contains("{path}") && !name::has_unit(&metric.name) {
        lines.text("unit", "none");
    }
    lines.0
}

fn kind(lines: &mut Lines, kind: &MetricKind) {
    match kind {
        MetricKind::Gauge => {}
        MetricKind::Counter(counting) => {
            lines.text("type", "counter");
            match counting {
                Counting::Repair => {}
                Counting::Raw => lines.text("count", "raw"),
                Counting::Add => lines.text("count", "add"),
                Counting::Messages => lines.text("count", "messages"),
            }
        }
        MetricKind::Histogram(bounds) => {
            lines.text("type", "histogram");
            let bounds: Vec<_> = bounds.iter().map(f64::to_string).collect();
            lines.put("buckets", format!("[{}]", bounds.join(", ")));
        }
        MetricKind::Info => lines.text("type", "info"),
        MetricKind::State(states) => {
            lines.text("type", "state");
            lines.list("states", states);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::from_text;
    use super::*;
    use crate::mapping::preset;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for name in preset::names() {
            let preset = preset::expand(name, Some("a/b")).unwrap();
            let text = to_text(&preset, "");
            assert_eq!(from_text(&text).as_ref(), Ok(&preset), "{text}");
        }
        let all = "[[subscribe]]\nfilter = \"a/\\\"'/#\"\nqos = 2\nrequired = true\nno_local = true\n\
            retain_handling = \"new\"\ninclude = [\"a\"]\nexclude = [\"b\"]\npattern = '\\d(?<x>.)'\ndevice = \"{x}\"\n\
            labels = { site = \"north\", \"r\" = \"{x}{payload}\" }\n\
            format = \"csv\"\nretained = \"ignore\"\nexpire = \"90s\"\ninterval = \"1m 1s\"\n\
            availability = { topic = \"a/{device}\", path = \"x\", online = \"1\" }\n\
            [[subscribe.metric]]\nname = \"a_s\"\nhelp = \"ü \\\" \\\\\"\ntype = \"histogram\"\nbuckets = [0.5, 2]\npath = \"[1]\"\n\
            value = \"x*v\"\ninputs = { v = \"[0]\" }\nlabels = { a = \"{payload.[2]}\" }\nwhen = { '[3]' = 5 }\n\
            [[subscribe.metric]]\nname = \"b\"\nunit = \"none\"\nread = \"hex\"\nvalues = { 'a b' = -1.5, '*' = 1e9 }\nscale = 0.1\noffset = -40\nexpire = \"never\"\n\
            [[subscribe.metric]]\nname = \"c_{path}\"\npath = \"**\"\nnames = { a = \"b\" }\nskip = [\"x\"]\n\
            [[subscribe.metric]]\nname = \"d\"\ntype = \"state\"\nstates = [\"x\"]\n";
        let read = from_text(all).unwrap();
        assert_eq!(from_text(&to_text(&read, "")).as_ref(), Ok(&read));
    }
}
