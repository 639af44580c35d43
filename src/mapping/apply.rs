//! One message and one subscription: what is found, is put into its places.
//!
//! Pure. Never lets one bad value cost another.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::capture::Found;
use super::devices::Device;
use super::mapper::{Hearer, Places, State, Whose};
use super::place::{How, Name, Place};
use super::program::Program;
use super::reason::Reason;
use super::rule::{Instance, Rule, Value};
use super::text::{Context, Text};
use crate::config::mapping::MetricKind;
use crate::connection::message::Incoming;
use crate::reading::Quantity;
use crate::source::{Outcome, Sink};
use crate::telemetry::text::clip;

/// Places of one rule on one topic at most; with one more, all of them are asked for anew.
const PLACES: usize = 2_000;

/// What is to be done.
pub(super) struct Work<'w, 'p> {
    pub(super) message: &'p Incoming,
    /// The place of the topic in the table.
    pub(super) place: u32,
    pub(super) program: &'w Program,
    pub(super) how: How,
    /// Whether it shows that its device lives: a farewell does not, and no more what the broker kept of coming and going.
    pub(super) is_life: bool,
}

/// What came of it.
pub(super) struct Made {
    pub(super) outcome: Outcome,
    /// Whether a rule looked at it and none found anything, right or wrong.
    pub(super) in_vain: bool,
    /// Places that are new.
    pub(super) new: usize,
}

/// Reads the payload, and puts every value into its place.
#[inline]
pub(super) fn apply<'p>(
    work: &Work<'_, 'p>,
    hearer: &mut Hearer,
    found: &mut Found<'p>,
    state: &mut State,
    sink: &mut dyn Sink,
) -> Made {
    let Work { message, program, how, .. } = work;
    let is_read = !hearer.rules.is_empty() || matches!(hearer.device, Whose::Payload);
    if is_read && let Err(reason) = program.find(&message.payload, found) {
        sink.mapping_error(reason);
        return Made { outcome: Outcome::Malformed, in_vain: false, new: 0 };
    }
    if found.overflowed {
        sink.mapping_error(Reason::TooManyValues);
    }
    let found = &*found;
    let properties = message.properties.as_deref();
    let context = Context { topic: &message.topic, pattern: program.pattern.as_ref(), properties, found };
    let whole = Instance::WHOLE;
    let mut own = String::new();
    let (name, device): (&str, Option<Arc<Device>>) = match &hearer.device {
        Whose::Nobody => ("", None),
        Whose::Device(name, device) => (name, device.clone()),
        Whose::Payload
            if program.device.as_ref().is_some_and(|text| text.write(&context, whole, &mut own)) =>
        {
            cut(&mut own, 0);
            let device = state.devices.enter(&own, program.subscribe.interval, how.now, sink);
            if device.is_none() {
                sink.mapping_error(Reason::DeviceLimit);
            }
            (&own, device)
        }
        Whose::Payload | Whose::Missing => {
            sink.mapping_error(Reason::NoDevice);
            return Made { outcome: Outcome::Malformed, in_vain: false, new: 0 };
        }
    };
    if let Some(device) = &device {
        // What a device that left had said before is of the past, where its series are to leave with it.
        if message.retain && program.presence.is_some() && device.left.load(Relaxed) {
            return Made { outcome: Outcome::Ignored, in_vain: false, new: 0 };
        }
        if !how.is_retained() && work.is_life {
            device.heard(state.message, how.now);
        }
    }
    let mut hand =
        Hand { context, name, device: device.as_ref(), how: *how, state, sink, found: 0, wrong: 0, new: 0 };
    for held in &mut hearer.rules {
        let Some(rule) = program.rules.get(usize::from(held.rule)) else { continue };
        let places = &mut held.places;
        let number = (hearer.program, held.rule);
        rule.evaluate(found, |instance, result| hand.value(rule, number, instance, result, places));
    }
    let (got, wrong, new) = (hand.found, hand.wrong, hand.new);
    if new > 0
        && program.presence.is_some()
        && let Some(device) = &device
    {
        device.has_topic(work.place);
    }
    let outcome = match (got, wrong) {
        (0, 0) => Outcome::Ignored,
        (0, _) => Outcome::Malformed,
        _ => Outcome::Decoded,
    };
    // Who is only counted has no rules.
    Made { outcome, in_vain: got + wrong == 0 && !hearer.rules.is_empty(), new }
}

/// What every value of one message shares.
struct Hand<'h, 'p> {
    context: Context<'h, 'p>,
    name: &'h str,
    device: Option<&'h Arc<Device>>,
    how: How,
    state: &'h mut State,
    sink: &'h mut dyn Sink,
    found: usize,
    wrong: usize,
    new: usize,
}

impl Hand<'_, '_> {
    #[inline]
    fn value(
        &mut self,
        rule: &Rule,
        number: (u16, u16),
        instance: Instance,
        result: Result<Value, Reason>,
        places: &mut Places,
    ) {
        let value = match result {
            Ok(value) => value,
            Err(reason) => return self.fault(reason),
        };
        if value == Value::State(None) {
            self.fault(Reason::UnknownWord);
        }
        if value == Value::Gone {
            return self.close(rule, instance, places);
        }
        match places {
            Places::One(place) => {
                if place.as_ref().is_none_or(|place| place.is_to_be_asked_again(self.how.now)) {
                    *place = self.ask(rule, number, instance);
                }
                if let Some(place) = place {
                    self.put(rule, number, instance, value, place);
                }
            }
            Places::Many(many) => {
                self.key(rule, instance);
                let key = std::mem::take(&mut self.state.key);
                let known =
                    many.get_mut(key.as_str()).filter(|place| !place.is_to_be_asked_again(self.how.now));
                if let Some(place) = known {
                    let reopened = place.closed;
                    self.put(rule, number, instance, value, place);
                    if reopened && rule.metric.kind == MetricKind::Info {
                        replace(many, &key);
                    }
                } else if let Some(mut place) = self.ask(rule, number, instance) {
                    place.device = self.device.map(Arc::clone);
                    self.put(rule, number, instance, value, &mut place);
                    if many.len() >= PLACES {
                        many.clear();
                    }
                    many.insert(key.as_str().into(), place);
                    if rule.metric.kind == MetricKind::Info {
                        replace(many, &key);
                    }
                }
                self.state.key = key;
            }
        }
    }

    /// Its device disowns a value.
    fn close(&mut self, rule: &Rule, instance: Instance, places: &mut Places) {
        self.found += 1;
        let place = match places {
            Places::One(place) => place.as_mut(),
            Places::Many(many) => {
                self.key(rule, instance);
                many.get_mut(self.state.key.as_str())
            }
        };
        if let Some(place) = place {
            place.close();
        }
    }

    fn fault(&mut self, reason: Reason) {
        self.wrong += 1;
        self.sink.mapping_error(reason);
    }

    #[inline]
    fn put(&mut self, rule: &Rule, number: (u16, u16), instance: Instance, value: Value, place: &mut Place) {
        match place.put(rule, value, self.how, &mut self.state.totals) {
            Ok(_) => self.found += 1,
            Err(Some(reason)) => self.fault(reason),
            Err(None) => {
                // The store forgot it, as it does with what was stale for long.
                let Some(mut again) = self.ask(rule, number, instance) else { return };
                again.inherit(place);
                let how = How { again: true, ..self.how };
                match again.put(rule, value, how, &mut self.state.totals) {
                    Ok(_) => self.found += 1,
                    Err(reason) => self.fault(reason.unwrap_or(Reason::SeriesRefused)),
                }
                *place = again;
            }
        }
    }

    /// Writes the key of a place: everything that the topic does not decide.
    fn key(&mut self, rule: &Rule, instance: Instance) {
        let Self { context, name, state, .. } = self;
        let key = &mut state.key;
        key.clear();
        if let Some(every) = instance.every.and_then(|at| context.found.every.get(at)) {
            let (path, index) = context.found.spelt(every);
            key.push_str(path);
            key.push('\u{1f}');
            key.push_str(index);
        } else {
            context.found.star(instance.scope, 0, key);
            cut(key, 0);
            key.push('\u{1f}');
            let before = key.len();
            context.found.star(instance.scope, 1, key);
            cut(key, before);
        }
        key.push('\u{1f}');
        key.push_str(name);
        key.push(MARK);
        for (_, text) in rule.labels.iter().filter(|(_, text)| !text.is_of_the_topic()) {
            key.push('\u{1f}');
            let before = key.len();
            if text.write(context, instance, key) {
                cut(key, before);
            } else {
                key.truncate(before);
            }
        }
    }

    /// Asks for the series of a value.
    fn ask(&mut self, rule: &Rule, number: (u16, u16), instance: Instance) -> Option<Place> {
        let spelt = instance
            .every
            .and_then(|at| self.context.found.every.get(at))
            .map(|every| self.context.found.spelt(every));
        let own;
        let quantity = match spelt {
            None => &rule.quantity,
            Some((path, _)) => {
                if !self.state.names.entry(number).or_default().admit(path, self.how.now.at) {
                    self.fault(Reason::TooManyValues);
                    return None;
                }
                own = Quantity { name: every_name(rule, path).into(), ..rule.quantity.clone() };
                &own
            }
        };
        let labels = labels(&rule.labels, &self.context, instance);
        let index = spelt.map(|(_, index)| ("index", index)).filter(|(_, index)| !index.is_empty());
        let mut labels: Vec<_> =
            labels.iter().map(|(name, value)| (*name, value.as_str())).chain(index).collect();
        labels.sort_unstable();
        let name = Name { quantity, device: self.name, labels: &labels };
        let place = Place::new(rule, name, &mut self.state.totals, self.how.now, self.sink);
        self.new += place.weight();
        Some(place)
    }
}

/// What follows `before` is a label value or a part of one: what nobody will see of it takes no memory either.
fn cut(text: &mut String, before: usize) {
    let shown = text.get(before..).map_or(0, |value| clip(value).len());
    text.truncate(before + shown);
}

/// Ends what is of the element and its device in a key.
const MARK: char = '\u{1e}';

/// The other series of the same info metric, of an older version, leave the page.
fn replace(many: &mut HashMap<Box<str>, Place>, key: &str) {
    let element = key.split(MARK).next().unwrap_or_default();
    for (other, place) in many.iter_mut() {
        if **other != *key && other.split(MARK).next() == Some(element) && !place.closed {
            place.close();
        }
    }
}

/// The labels of a value, without those whose placeholder stands for nothing.
pub(super) fn labels<'r>(
    labels: &'r [(String, Text)],
    context: &Context<'_, '_>,
    instance: Instance,
) -> Vec<(&'r str, String)> {
    let label = |(name, text): &'r (String, Text)| {
        let mut value = String::new();
        let is_there = text.write(context, instance, &mut value);
        cut(&mut value, 0);
        is_there.then_some((name.as_str(), value))
    };
    labels.iter().filter_map(label).collect()
}

/// The name of one of every number.
pub(super) fn every_name(rule: &Rule, path: &str) -> String {
    const ENDINGS: &[&str] = &["_total", "_info", "_bucket", "_sum", "_count", "_created"];
    let other = rule.metric.names.iter().find(|(known, _)| known == path).map(|(_, name)| name.as_str());
    let mut name = rule.metric.name.replacen("{path}", other.unwrap_or(path), 1);
    // A gauge that ends like another type would spoil the page for a strict reader.
    if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        name.push_str("_value");
    }
    name
}
