//! From `[[connection.subscribe]]` to [`Subscribe`].
//!
//! Never stops at the first fault.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::discriminant;
use std::time::Duration;

use super::super::file::{Fields, Report};
use super::super::value;
use super::labels::{self, Topics};
use super::{Availability, Expire, Format, Metric, Retained, Subscribe, metric, text};
use crate::connection::plan::RetainHandling;
use crate::mapping::template::{Piece, Template};
use crate::mapping::{preset, topic};

const HOUR: Duration = Duration::from_secs(3_600);

const FORMATS: &[(&str, Format)] = &[
    ("auto", Format::Auto),
    ("json", Format::Json),
    ("text", Format::Text),
    ("csv", Format::Csv),
    ("sparkplug", Format::Sparkplug),
];

const RETAINED: &[(&str, Retained)] =
    &[("ignore", Retained::Ignore), ("show", Retained::Show), ("accept", Retained::Accept)];

const HANDLING: &[(&str, RetainHandling)] =
    &[("always", RetainHandling::Always), ("new", RetainHandling::New), ("never", RetainHandling::Never)];

/// Reads every `[[subscribe]]` of this table.
pub(in crate::config) fn all(fields: &mut Fields<'_, '_>) -> Vec<Subscribe> {
    let tables = fields.numbered("subscribe");
    let mut found = Vec::new();
    let mut types = BTreeMap::new();
    let mut presets = BTreeSet::new();
    for mut table in tables {
        let name = |key| table.text(key).unwrap_or_default().to_owned();
        if table.has("preset") && !table.has("labels") && !presets.insert((name("preset"), name("base"))) {
            table.warning("preset", "is there twice with the same `base`: every message would count twice");
        }
        let expanded = expand(&mut table);
        for subscribe in &expanded {
            for metric in &subscribe.metrics {
                let known = types.entry(metric.name.clone()).or_insert_with(|| metric.kind.clone());
                if discriminant(known) != discriminant(&metric.kind) {
                    table.problem(
                        "metric",
                        format!("`{}` is there with two types: a name has one", metric.name),
                    );
                }
            }
        }
        table.finish();
        found.extend(expanded);
    }
    found
}

/// Reads the same grammar without a file around it: `[[subscribe]]` and what belongs to it.
///
/// # Errors
/// Every fault, one a line.
pub fn from_text(text: &str) -> Result<Vec<Subscribe>, String> {
    let report = Report::new(text);
    let table = report.parse();
    let found = table.as_ref().map(|table| {
        let mut root = Fields::root(&report, table);
        let found = all(&mut root);
        root.finish();
        found
    });
    let (problems, _) = report.finish();
    match found {
        Some(found) if problems.is_empty() => Ok(found),
        Some(_) | None => {
            let line = |problem: &super::super::Problem| super::super::problem::line("text", problem);
            Err(problems.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
    }
}

/// One table: what its preset says, and then its own.
fn expand(fields: &mut Fields<'_, '_>) -> Vec<Subscribe> {
    if !fields.has("preset") {
        return subscribe(fields).into_iter().collect();
    }
    let Some(name) = fields.read("preset", value::text) else { return Vec::new() };
    let base = fields.read("base", text::plain_filter);
    match preset::expand(&name, base.as_deref()) {
        Ok(mut ready) => {
            options(fields, &mut ready);
            ready
        }
        Err(message) => {
            fields.problem("preset", message);
            Vec::new()
        }
    }
}

/// What may be written beside a preset: it goes for all its subscriptions.
fn options(fields: &mut Fields<'_, '_>, ready: &mut [Subscribe]) {
    let qos = fields.read("qos", value::integer(0..=2)).and_then(|qos| u8::try_from(qos).ok());
    let required = fields.read("required", value::boolean);
    let expire = fields.read("expire", metric::expire);
    let retained = fields.read("retained", value::word(RETAINED));
    let interval = fields.read("interval", interval);
    let exclude = fields.read("exclude", text::plain_filters);
    labels::share(fields, ready);
    for subscribe in ready {
        subscribe.qos = qos.unwrap_or(subscribe.qos);
        subscribe.required = required.unwrap_or(subscribe.required);
        // Whether a device is there is said when it changes, and is not over after any time.
        if !subscribe.metrics.iter().all(|metric| metric.name.ends_with("_online")) {
            subscribe.expire = expire.unwrap_or(subscribe.expire);
        }
        subscribe.retained = retained.unwrap_or(subscribe.retained);
        subscribe.interval = interval.or(subscribe.interval);
        subscribe.exclude.extend(exclude.iter().flatten().cloned());
    }
}

fn interval(field: &toml::de::DeValue<'_>) -> Result<Duration, String> {
    value::duration(Duration::from_secs(1)..=Duration::from_secs(31 * 86_400))(field)
}

fn subscribe(fields: &mut Fields<'_, '_>) -> Option<Subscribe> {
    let filter = fields.require("filter", "filter = \"home/+/sensor\"", text::filter);
    let pattern = fields.read("pattern", text::regular);
    let topics = Topics::of(filter.as_deref(), pattern.as_deref());
    let device = fields.read("device", text::template);
    if let Some(device) = &device {
        check_device(fields, device, &topics);
        if let Some(doubt) = text::dollar(device) {
            fields.warning("device", doubt);
        }
    }
    let mut read = Subscribe {
        // In place of one that is missing or wrong: then the rest is read as for any topic.
        filter: filter.clone().unwrap_or_else(|| "#".to_owned()),
        qos: fields.read("qos", value::integer(0..=2)).and_then(|qos| u8::try_from(qos).ok()).unwrap_or(0),
        required: fields.read("required", value::boolean).unwrap_or(false),
        no_local: fields.read("no_local", value::boolean).unwrap_or(false),
        retain_handling: fields.read("retain_handling", value::word(HANDLING)).unwrap_or_default(),
        include: fields.read("include", text::plain_filters).unwrap_or_default(),
        exclude: fields.read("exclude", text::plain_filters).unwrap_or_default(),
        pattern,
        device,
        labels: Vec::new(),
        format: fields.read("format", value::word(FORMATS)).unwrap_or_default(),
        retained: fields.read("retained", value::word(RETAINED)).unwrap_or_default(),
        expire: fields.read("expire", metric::expire).unwrap_or(Expire::After(HOUR)),
        interval: fields.read("interval", interval),
        availability: None,
        metrics: Vec::new(),
    };
    read.availability = availability(fields, read.device.is_some());
    read.metrics = metrics(fields, &topics);
    labels::share(fields, std::slice::from_mut(&mut read));
    if read.format == Format::Text && read.metrics.iter().any(|metric| metric.path.is_some()) {
        fields.problem(
            "format",
            "is `text`, which has no paths: leave `path` out, or write `format = \"json\"`",
        );
    }
    if read.no_local && read.filter.starts_with("$share/") {
        fields.problem("no_local", "is not allowed with a shared subscription (MQTT 5, 3.8.3.1)");
    }
    filter.map(|_| read)
}

fn metrics(fields: &mut Fields<'_, '_>, topics: &Topics) -> Vec<Metric> {
    let tables = fields.numbered("metric");
    if !fields.has("metric") && !fields.has("device") {
        fields.warning(
            "metric",
            "there is none, and no `device`: nothing becomes of its messages (add a `[[connection.subscribe.metric]]`, or \
             write `preset = \"zigbee2mqtt\"`)",
        );
    }
    tables.into_iter().filter_map(|table| metric::read(table, topics)).collect()
}

fn availability(fields: &mut Fields<'_, '_>, has_device: bool) -> Option<Availability> {
    let mut table = fields.table("availability")?;
    let topic = table.require("topic", "topic = \"home/{device}/status\"", |field| {
        let text = value::text(field)?;
        topic::Presence::parse(&text).map(|_| text)
    });
    let found = Availability {
        path: table.read("path", text::path),
        online: table.read("online", value::text).unwrap_or_else(|| "online".to_owned()),
        offline: table.read("offline", value::text).unwrap_or_else(|| "offline".to_owned()),
        topic: topic?,
    };
    if found.online == found.offline {
        table.problem("offline", "is the same word as `online`");
    }
    if found.topic.contains("{device}") && !has_device {
        table.problem(
            "topic",
            "has `{device}`, and the subscription has no `device` (write for example `device = \"{2}\"`)",
        );
    }
    table.finish();
    Some(found)
}

/// A device is a topic's, or one thing that the payload or a property says.
fn check_device(fields: &Fields<'_, '_>, device: &str, topics: &Topics) {
    let Ok(template) = Template::parse(device) else { return };
    for piece in template.0 {
        match piece {
            Piece::Text(_) | Piece::Property(_) => {}
            Piece::Level(level) => {
                if let Some(fault) = topics.level_fault(level, None) {
                    fields.problem("device", fault);
                }
            }
            Piece::Group(group) if topics.groups.contains(&group) => {}
            Piece::Group(group) => fields.problem(
                "device",
                format!("`{{{group}}}` is no named group of `pattern` (write there `(?<{group}>[^/]+)`)"),
            ),
            Piece::Payload(path) if path.wildcards() == 0 => {}
            Piece::Payload(_) | Piece::Star(_) => fields.problem(
                "device",
                "is one for the whole message: what stands in a list can be a label of a metric",
            ),
        }
    }
}
