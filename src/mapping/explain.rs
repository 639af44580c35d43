//! What a message becomes, rule by rule, and why not.
//!
//! Pure. Never explains by other code than what runs: the same programs find the same values.

mod inside;

use std::fmt::Write as _;

use serde::Serialize;

use super::apply::{every_name, labels};
use super::capture::{Found, NOWHERE};
use super::mapper::LARGEST;
use super::number::with_text;
use super::program::{Program, Unfit};
use super::reason::Reason;
use super::rule::{Instance, Rule, Source, Value, is};
use super::sparkplug::{self, Plainly};
use super::text::Context;
use super::topic;
use super::tree::Slot;
use super::walk::Leaf;
use crate::config::Human;
use crate::config::mapping::{Counting, Expire, MetricKind, Retained, Subscribe};
use crate::connection::message::Incoming;
use crate::reading::key;
use crate::reading::{Kind, Quantity};
use crate::telemetry::text::number;

/// What a message becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// One for each subscription, in the order of the file.
    pub subscriptions: Vec<Heard>,
}

/// What one subscription makes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Heard {
    /// Its filter.
    pub filter: String,
    /// Why nothing comes of the message here, whatever the rules say; `None` when they decide.
    pub unfit: Option<String>,
    /// The label `device`.
    pub device: Option<String>,
    /// What is to be known beside the rules: that the message is a retained one, that a device comes or goes.
    pub notes: Vec<String>,
    /// What its rules make of it, in the order of the file.
    pub rules: Vec<Line>,
}

/// What one rule makes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The rule's metric.
    pub metric: String,
    /// The series with their values, as they would stand on the page.
    pub series: Vec<String>,
    /// How long they are shown: `1h`, `never`.
    pub expire: String,
    /// Why nothing came out, or not all.
    pub reasons: Vec<String>,
}

impl Explanation {
    /// Whether anything comes of the message at all.
    #[must_use]
    pub fn is_something(&self) -> bool {
        self.subscriptions.iter().flat_map(|heard| &heard.rules).any(|line| !line.series.is_empty())
    }
}

/// What a message becomes, and why not. What was said before it is not known here: counters begin anew.
///
/// # Errors
/// As [`super::listener`].
pub fn explain(subscribes: &[Subscribe], message: &Incoming) -> Result<Explanation, String> {
    let programs = subscribes.iter().map(Program::new).collect::<Result<Vec<_>, _>>()?;
    let explained = |program: &Program| match sparkplug::plainly(subscribes, message) {
        None => heard(program, message),
        Some(Plainly::Message(seen, note)) => {
            let mut heard = heard(program, &seen);
            if heard.unfit.is_none() {
                heard.notes.insert(0, note);
            }
            heard
        }
        Some(Plainly::Nothing(why)) => {
            let filter = program.subscribe.filter.clone();
            let unfit = topic::fits(&filter, &message.topic).then_some(why);
            let unfit = unfit.or_else(|| Some(words(&Unfit::Filter)));
            Heard { filter, unfit, device: None, notes: Vec::new(), rules: Vec::new() }
        }
    };
    Ok(Explanation { subscriptions: programs.iter().map(explained).collect() })
}

fn heard(program: &Program, message: &Incoming) -> Heard {
    let Subscribe { filter, .. } = &program.subscribe;
    let mut heard =
        Heard { filter: filter.clone(), unfit: None, device: None, notes: Vec::new(), rules: Vec::new() };
    presence(program, message, &mut heard.notes);
    if let Err(unfit) = program.fits(&message.topic) {
        heard.unfit = Some(words(&unfit));
        return heard;
    }
    if message.retain {
        let note = match program.subscribe.retained {
            Retained::Show => {
                "it is retained: shown where it is new, counted nowhere, and its device does not count as seen"
            }
            Retained::Accept => "it is retained, and as good as a live one (`retained = \"accept\"`)",
            Retained::Ignore => {
                heard.unfit = Some("it is retained, and `retained = \"ignore\"`".to_owned());
                return heard;
            }
        };
        heard.notes.push(note.to_owned());
    }
    if message.payload.len() > LARGEST {
        heard.unfit =
            Some(format!("the payload of {} bytes is larger than {LARGEST}", message.payload.len()));
        return heard;
    }
    let mut found = Found::default();
    if let Err(reason) = program.find(&message.payload, &mut found) {
        heard.unfit = Some(unreadable(program, reason, &message.payload));
        return heard;
    }
    if found.overflowed {
        heard
            .notes
            .push("it has more values than one message may have: not all of them are taken".to_owned());
    }
    let properties = message.properties.as_deref();
    let context =
        Context { topic: &message.topic, pattern: program.pattern.as_ref(), properties, found: &found };
    let whole = Instance::WHOLE;
    let mut device = String::new();
    if let Some(text) = &program.device {
        if !text.write(&context, whole, &mut device) {
            let template = program.subscribe.device.as_deref().unwrap_or_default();
            heard.unfit = Some(format!("the device `{template}` stands for nothing here"));
            return heard;
        }
        heard.device = Some(device.clone());
    }
    heard.rules = program.rules.iter().map(|rule| line(program, rule, &context, &device, message)).collect();
    heard
}

/// What its availability topic makes of the message.
fn presence(program: &Program, message: &Incoming, notes: &mut Vec<String>) {
    let Some(voice) = &program.presence else { return };
    let Some(device) = voice.presence.device(&message.topic) else { return };
    let who = if device.is_empty() {
        "every device of this subscription".to_owned()
    } else {
        format!("the device `{device}`")
    };
    notes.push(match voice.says(&message.payload, &mut Found::default()) {
        Some(true) => format!("it says that {who} is there"),
        Some(false) => format!("it says that {who} left: its series leave the page at once"),
        None => {
            "it is an availability topic, and its payload is neither the word for online nor that for offline"
                .to_owned()
        }
    });
}

fn words(unfit: &Unfit) -> String {
    match unfit {
        Unfit::Filter => "the filter does not fit the topic".to_owned(),
        Unfit::NotIncluded => "no filter of `include` fits the topic".to_owned(),
        Unfit::Excluded(filter) => format!("`{filter}` of `exclude` fits the topic"),
        Unfit::Pattern => "the topic does not fit `pattern`, which means the whole of it".to_owned(),
    }
}

fn unreadable(program: &Program, reason: Reason, payload: &[u8]) -> String {
    match reason {
        Reason::TooDeep => format!("the payload is nested deeper than {}", super::walk::DEEPEST),
        Reason::NotText => "the payload is not UTF-8".to_owned(),
        Reason::Malformed
        | Reason::UnknownTopic
        | Reason::NothingFound
        | Reason::Oversize
        | Reason::NotANumber
        | Reason::Negative
        | Reason::UnknownWord
        | Reason::NoDevice
        | Reason::DeviceLimit
        | Reason::SeriesRefused
        | Reason::SeriesTaken
        | Reason::TooManyValues => {
            let place =
                inside::fault(payload).map_or(String::new(), |at| format!(" from byte {} on", at + 1));
            let why = if program.reads_json() { "is not JSON" } else { "is not what `format` says" };
            format!("the payload {why}{place}")
        }
    }
}

fn line(program: &Program, rule: &Rule, context: &Context<'_, '_>, device: &str, message: &Incoming) -> Line {
    let expire = match rule.expire {
        Expire::After(time) => Human(time).to_string(),
        Expire::Never => "never".to_owned(),
    };
    let mut line = Line { metric: rule.metric.name.clone(), series: Vec::new(), expire, reasons: Vec::new() };
    if let Some(filter) = rule.metric.topic.as_deref().filter(|filter| !topic::fits(filter, &message.topic)) {
        line.reasons.push(format!("its `topic` `{filter}` does not fit"));
        return line;
    }
    let counts = matches!(
        rule.metric.kind,
        MetricKind::Histogram(_) | MetricKind::Counter(Counting::Add | Counting::Messages)
    );
    if counts && message.retain && program.subscribe.retained == Retained::Show {
        line.reasons.push("a retained message is not counted".to_owned());
        return line;
    }
    rule.evaluate(context.found, |instance, result| match result {
        Ok(Value::Gone) => line.reasons.push(format!(
            "{}: there is no value now, and its series leaves the page at once",
            shown(rule, context.found, instance)
        )),
        Ok(value) => {
            if value == Value::State(None) {
                line.reasons.push(unknown_word(rule, context.found, instance));
            }
            series(rule, context, device, instance, value, &mut line.series);
        }
        Err(reason) => line.reasons.push(why(rule, reason, context.found, instance)),
    });
    if line.series.is_empty() && line.reasons.is_empty() {
        line.reasons.extend(absent(program, rule, context.found, &message.payload));
    }
    line
}

/// The series of a value, as they would stand on the page.
fn series(
    rule: &Rule,
    context: &Context<'_, '_>,
    device: &str,
    instance: Instance,
    value: Value,
    lines: &mut Vec<String>,
) {
    let spelt =
        instance.every.and_then(|at| context.found.every.get(at)).map(|every| context.found.spelt(every));
    // One observation is told as one line, whatever parts its histogram has.
    let kind = if rule.quantity.kind == Kind::Histogram { Kind::Gauge } else { rule.quantity.kind };
    let mut quantity = Quantity { kind, ..rule.quantity.clone() };
    if let Some((path, _)) = spelt {
        quantity.name = every_name(rule, path).into();
    }
    let given = labels(&rule.labels, context, instance);
    let index = spelt.map(|(_, index)| ("index", index)).filter(|(_, index)| !index.is_empty());
    let mut labels: Vec<_> = given.iter().map(|(name, value)| (*name, value.as_str())).chain(index).collect();
    labels.sort_unstable();
    let mut push = |labels: &[(&str, &str)], before: &str, value: f64| {
        let Some(mut line) = key::shown(&quantity, device, labels) else { return };
        line.push_str(before);
        let mut spelt = Vec::new();
        number(&mut spelt, value);
        line.push_str(&String::from_utf8_lossy(&spelt));
        lines.push(line);
    };
    match (&rule.metric.kind, value) {
        (MetricKind::State(states), Value::State(state)) => {
            for (at, name) in states.iter().enumerate() {
                let mut with_state = labels.clone();
                with_state.push(("state", name));
                push(&with_state, " ", f64::from(u8::from(Some(at) == state)));
            }
        }
        (MetricKind::Counter(Counting::Add | Counting::Messages), Value::Number(value)) => {
            push(&labels, " +", value);
        }
        (MetricKind::Histogram(_), Value::Number(value)) => push(&labels, " observes ", value),
        (MetricKind::Info, Value::Number(_)) => push(&labels, " ", 1.0),
        (MetricKind::Gauge | MetricKind::Counter(Counting::Repair | Counting::Raw), Value::Number(value)) => {
            push(&labels, " ", value);
        }
        (MetricKind::State(_), Value::Number(_))
        | (
            MetricKind::Gauge | MetricKind::Counter(_) | MetricKind::Histogram(_) | MetricKind::Info,
            Value::State(_),
        )
        | (_, Value::Gone) => {}
    }
}

fn why(rule: &Rule, reason: Reason, found: &Found<'_>, instance: Instance) -> String {
    if reason == Reason::UnknownWord {
        return unknown_word(rule, found, instance);
    }
    let shown = shown(rule, found, instance);
    if reason == Reason::Negative {
        return format!("{shown}, which is negative: a counter and the sum of a histogram never fall");
    }
    match (&rule.metric.value, rule.metric.path.as_deref()) {
        (Some(expression), _) => format!("{shown}: `{expression}` makes no number of it"),
        (None, Some(path)) if has_parts(rule, found, instance) => format!(
            "{shown}, which is no number: name what is in it (write for example `path = \"{path}{}\"`)",
            if matches!(leaf(rule, found, instance), Leaf::List(_)) { "[0]" } else { ".value" }
        ),
        (None, _) => {
            format!("{shown}, which is no number (write for example `values = {{ idle = 0, heating = 1 }}`)")
        }
    }
}

fn unknown_word(rule: &Rule, found: &Found<'_>, instance: Instance) -> String {
    let list = if matches!(rule.metric.kind, MetricKind::State(_)) { "states" } else { "values" };
    format!("{}, which is not in `{list}`", shown(rule, found, instance))
}

/// `path` is `what stands there`.
fn shown(rule: &Rule, found: &Found<'_>, instance: Instance) -> String {
    let what = rule.metric.path.as_deref().map_or("the payload".to_owned(), |path| format!("`{path}`"));
    format!("{what} is {}", leaf_words(leaf(rule, found, instance)))
}

fn has_parts(rule: &Rule, found: &Found<'_>, instance: Instance) -> bool {
    matches!(leaf(rule, found, instance), Leaf::Object(_) | Leaf::List(_))
}

/// What the rule looks at.
fn leaf<'p>(rule: &Rule, found: &Found<'p>, instance: Instance) -> Leaf<'p> {
    match rule.source {
        Source::Message => Leaf::Absent,
        Source::Slot(slot @ Slot::One(_)) => found.get(slot, instance.scope, instance.near),
        Source::Slot(Slot::Many(..)) => found.many.get(instance.near).map_or(Leaf::Absent, |many| many.leaf),
        Source::Every => {
            instance.every.and_then(|at| found.every.get(at)).map_or(Leaf::Absent, |every| every.leaf)
        }
    }
}

fn leaf_words(leaf: Leaf<'_>) -> String {
    match leaf {
        Leaf::Absent => "not there".to_owned(),
        Leaf::Null => "null".to_owned(),
        Leaf::Object(_) => "an object".to_owned(),
        Leaf::List(_) => "a list".to_owned(),
        Leaf::Digits(_) | Leaf::Number(_) | Leaf::Text(_) | Leaf::Bool(_) => {
            let mut words = String::new();
            let _ = with_text(leaf, |text| write!(words, "`{}`", text.chars().take(48).collect::<String>()));
            words
        }
    }
}

/// Why a rule found nothing at all.
fn absent(program: &Program, rule: &Rule, found: &Found<'_>, payload: &[u8]) -> Vec<String> {
    let mut reasons = Vec::new();
    for ((slot, word), (path, _)) in rule.when.iter().zip(&rule.metric.when) {
        if let Slot::One(_) = slot
            && !is(found.get(*slot, NOWHERE, 0), word)
        {
            let there = leaf_words(found.get(*slot, NOWHERE, 0));
            reasons.push(format!("`when` wants `{path}` to be `{word}`, and it is {there}"));
        }
    }
    if !reasons.is_empty() {
        return reasons;
    }
    let has = || inside::paths(payload, program.reads_json());
    match (rule.source, rule.metric.path.as_deref()) {
        (Source::Slot(slot @ Slot::One(_)), Some(path)) => match found.get(slot, NOWHERE, 0) {
            Leaf::Absent => reasons.push(format!("path `{path}` is not there; {}", has())),
            Leaf::Null => reasons.push(format!("`{path}` is null: the device knows no value")),
            Leaf::Digits(_)
            | Leaf::Number(_)
            | Leaf::Text(_)
            | Leaf::Bool(_)
            | Leaf::Object(_)
            | Leaf::List(_) => {
                let missing =
                    rule.metric.inputs.iter().map(|(_, path)| format!("`{path}`")).collect::<Vec<_>>();
                reasons.push(format!("an input is not there ({}); {}", missing.join(", "), has()));
            }
        },
        (Source::Slot(_), Some(path)) => reasons.push(format!("path `{path}` is nowhere there; {}", has())),
        (Source::Every, _) => reasons.push(format!("there is no number that no other rule takes; {}", has())),
        (Source::Slot(_), None) => reasons.push(format!("the payload is no single value; {}", has())),
        (Source::Message, _) => {}
    }
    reasons
}
