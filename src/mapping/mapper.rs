//! Hears the messages of one connection, and makes readings of them.
//!
//! Pure. Never does more for a message of a known topic than to read its payload once and to write its values.

use std::collections::HashMap;
use std::sync::Arc;

use super::apply::{Work, apply};
use super::capture::Found;
use super::devices::{Device, Devices};
use super::names::Names;
use super::place::{How, Place};
use super::program::{Program, Unfit};
use super::reason::Reason;
use super::rule::Instance;
use super::table::Table;
use super::text::Context;
use super::totals::Totals;
use crate::clock::Now;
use crate::config::Subscribe;
use crate::config::mapping::{Format, Retained};
use crate::connection::message::Incoming;
use crate::source::listen::Listener;
use crate::source::{Outcome, Sink};
use crate::telemetry::text::clip;

/// Topics that are remembered at most.
const TOPICS: usize = 50_000;

/// Series and topics that are remembered at most, together.
const WEIGHT: usize = 500_000;

/// A larger payload is not looked at.
pub(super) const LARGEST: usize = 1 << 20;

/// The mapping of one connection.
#[derive(Debug)]
pub(super) struct Mapper {
    programs: Vec<Program>,
    table: Table<Topic>,
    state: State,
    found: Found<'static>,
}

/// What outlives a topic.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) devices: Devices,
    pub(super) totals: Totals,
    pub(super) key: String,
    /// The number of the message that is heard, from 1.
    pub(super) message: u64,
    /// What each rule for every number has made.
    pub(super) names: HashMap<(u16, u16), Names>,
}

/// What is known of a topic.
#[derive(Debug, Default)]
struct Topic {
    hearers: Box<[Hearer]>,
    /// The subscriptions whose devices say here that they come and go, and which device; empty: all of them.
    voices: Box<[(u16, Box<str>)]>,
    /// At least one subscription has it, although it may leave it out.
    known: bool,
}

/// A subscription that a topic is for.
#[derive(Debug)]
pub(super) struct Hearer {
    pub(super) program: u16,
    pub(super) device: Whose,
    pub(super) rules: Box<[Held]>,
}

/// Whose messages these are.
#[derive(Debug)]
pub(super) enum Whose {
    /// Nobody's: there is no template.
    Nobody,
    /// The topic says it. `None` inside: one device too many.
    Device(Arc<str>, Option<Arc<Device>>),
    /// Each payload says it.
    Payload,
    /// The template stands for nothing.
    Missing,
}

/// The places of one rule's series.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) rule: u16,
    pub(super) places: Places,
}

#[derive(Debug)]
pub(super) enum Places {
    /// There is one at most.
    One(Option<Place>),
    /// One for each key.
    Many(HashMap<Box<str>, Place>),
}

/// What devices said of themselves.
struct Word {
    program: u16,
    device: Box<str>,
    is_there: bool,
}

impl Mapper {
    pub(super) fn new(subscribes: &[Subscribe]) -> Result<Self, String> {
        Ok(Self {
            programs: subscribes.iter().map(Program::new).collect::<Result<_, _>>()?,
            table: Table::new(TOPICS, WEIGHT),
            state: State::default(),
            found: Found::default(),
        })
    }

    /// The place of a topic, made when it is new.
    fn place(&mut self, message: &Incoming, now: Now, sink: &mut dyn Sink) -> u32 {
        if let Some(place) = self.table.place(&message.topic) {
            return place;
        }
        let topic = &*message.topic;
        let (mut hearers, mut voices, mut known) = (Vec::new(), Vec::new(), false);
        for (number, program) in self.programs.iter().enumerate() {
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            if let Some(voice) = &program.presence
                && let Some(device) = voice.presence.device(topic)
            {
                voices.push((number, clip(device).into()));
                known = true;
            }
            match program.fits(topic) {
                Ok(()) => hearers.push(hearer(number, program, topic, now, &mut self.state, sink)),
                Err(Unfit::Filter) => continue,
                Err(Unfit::NotIncluded | Unfit::Excluded(_) | Unfit::Pattern) => {}
            }
            known = true;
        }
        let value = Topic { hearers: hearers.into(), voices: voices.into(), known };
        self.table.insert(topic, value)
    }

    /// What devices say takes effect on all that is known of them.
    fn obey(&mut self, word: &Word, now: Now, sink: &mut dyn Sink) {
        let Self { programs, table, state, .. } = self;
        if word.device.is_empty() {
            if !word.is_there {
                for topic in table.all() {
                    close(topic, word.program, None);
                }
            }
            return;
        }
        // One that is not known yet and left may have words that the broker kept, which come after this one.
        let interval = || programs.get(usize::from(word.program)).and_then(|of| of.subscribe.interval);
        let device = match state.devices.get(&word.device) {
            Some(known) => Some(Arc::clone(known)),
            None if word.is_there => None,
            None => state.devices.enter(&word.device, interval(), now, sink),
        };
        let Some(device) = device else { return };
        // Each subscription of the device is told in turn, so it may have left already.
        device.left.store(!word.is_there, std::sync::atomic::Ordering::Relaxed);
        if word.is_there {
            return;
        }
        for place in device.topics() {
            if let Some((_, topic)) = table.at(place) {
                close(topic, word.program, Some(&device));
            }
        }
    }
}

impl Mapper {
    /// The labels that a topic alone gives to what is told of it beside the rules, sorted: those of the first subscription
    /// of this format whose filter fits it. `None`: there is none.
    pub(super) fn labels(&self, format: Format, topic: &str) -> Option<Vec<(&str, String)>> {
        let of = |program: &&Program| {
            program.subscribe.format == format && super::topic::fits(&program.subscribe.filter, topic)
        };
        let program = self.programs.iter().find(of)?;
        let found = Found::default();
        let context = Context { topic, pattern: program.pattern.as_ref(), properties: None, found: &found };
        let mut labels = super::apply::labels(&program.labels, &context, Instance::WHOLE);
        labels.sort_unstable();
        Some(labels)
    }

    /// Takes everything that came of one topic from the page.
    pub(super) fn silence(&mut self, topic: &str) {
        let Some(place) = self.table.place(topic) else { return };
        let Some((_, topic)) = self.table.at(place) else { return };
        let programs: Vec<_> = topic.hearers.iter().map(|hearer| hearer.program).collect();
        for program in programs {
            close(topic, program, None);
        }
    }
}

/// Takes the series of one subscription, or of one device of it, from the page.
fn close(topic: &mut Topic, program: u16, device: Option<&Arc<Device>>) {
    for hearer in topic.hearers.iter_mut().filter(|hearer| hearer.program == program) {
        let of_topic = match (&hearer.device, device) {
            (_, None) => true,
            (Whose::Device(_, Some(own)), Some(device)) => Arc::ptr_eq(own, device),
            (Whose::Nobody | Whose::Device(_, None) | Whose::Payload | Whose::Missing, Some(_)) => false,
        };
        for held in &mut hearer.rules {
            match &mut held.places {
                Places::One(Some(place)) if of_topic => place.close(),
                Places::One(_) => {}
                Places::Many(many) => {
                    let own = |place: &&mut Place| {
                        let own = place.device.as_ref().zip(device);
                        of_topic || own.is_some_and(|(own, device)| Arc::ptr_eq(own, device))
                    };
                    many.values_mut().filter(own).for_each(Place::close);
                }
            }
        }
    }
}

/// What is known from the topic alone.
fn hearer(
    number: u16,
    program: &Program,
    topic: &str,
    now: Now,
    state: &mut State,
    sink: &mut dyn Sink,
) -> Hearer {
    let rules = program.rules.iter().enumerate().filter(|(_, rule)| {
        rule.metric.topic.as_deref().is_none_or(|filter| super::topic::fits(filter, topic))
    });
    let whose = match &program.device {
        None => Whose::Nobody,
        Some(text) if !text.is_of_the_topic() => Whose::Payload,
        Some(text) => {
            let found = Found::default();
            let context =
                Context { topic, pattern: program.pattern.as_ref(), properties: None, found: &found };
            let mut name = String::new();
            if text.write(&context, Instance::WHOLE, &mut name) {
                let name = clip(&name);
                Whose::Device(name.into(), state.devices.enter(name, program.subscribe.interval, now, sink))
            } else {
                Whose::Missing
            }
        }
    };
    let one_series = !matches!(whose, Whose::Payload);
    let held = rules.map(|(at, rule)| Held {
        rule: u16::try_from(at).unwrap_or(u16::MAX),
        places: if rule.is_of_the_topic && one_series {
            Places::One(None)
        } else {
            Places::Many(HashMap::new())
        },
    });
    Hearer { program: number, device: whose, rules: held.collect() }
}

impl Listener for Mapper {
    fn begins(&mut self) {
        self.state.devices.ask_anew();
    }

    fn heard(&mut self, message: &Incoming, now: Now, sink: &mut dyn Sink) -> Option<Outcome> {
        let place = self.place(message, now, sink);
        self.state.message += 1;
        let mut found = std::mem::take(&mut self.found).reused();
        let Self { programs, table, state, .. } = self;
        let (_, topic) = table.at(place)?;
        if !topic.known {
            self.found = found.reused();
            return None;
        }
        if message.payload.len() > LARGEST {
            self.found = found.reused();
            sink.mapping_error(Reason::Oversize);
            return Some(Outcome::Oversize);
        }
        let mut words = Vec::new();
        for (number, device) in &topic.voices {
            let voice = programs.get(usize::from(*number)).and_then(|program| program.presence.as_ref());
            if let Some(is_there) = voice.and_then(|voice| voice.says(&message.payload, &mut found)) {
                words.push(Word { program: *number, device: device.clone(), is_there });
            }
        }
        let is_life = !words.iter().any(|word| message.retain || !word.is_there);
        let mut outcome = if words.is_empty() { Outcome::Ignored } else { Outcome::Decoded };
        let mut in_vain = false;
        let mut weight = 0;
        for hearer in &mut topic.hearers {
            let Some(program) = programs.get(usize::from(hearer.program)) else { continue };
            let rule = program.subscribe.retained;
            if message.retain && rule == Retained::Ignore {
                continue;
            }
            // A device that is retained once more is asked for, should it have made way meanwhile.
            if let Whose::Device(name, device) = &mut hearer.device
                && device.as_ref().is_none_or(|device| device.is_gone())
            {
                *device = state.devices.enter(name, program.subscribe.interval, now, sink);
                if device.is_none() {
                    sink.mapping_error(Reason::DeviceLimit);
                }
            }
            let how = How { now, retained: message.retain, rule, again: false };
            let work = Work { message, place, program, how, is_life };
            let made = apply(&work, hearer, &mut found, state, sink);
            outcome = worse(outcome, made.outcome);
            in_vain |= made.in_vain;
            weight += made.new;
        }
        // What one subscription leaves to another came to something.
        if in_vain && outcome == Outcome::Ignored {
            sink.mapping_error(Reason::NothingFound);
        }
        self.found = found.reused();
        if weight > 0 {
            self.table.grow(place, weight);
        }
        for word in &words {
            self.obey(word, now, sink);
        }
        Some(outcome)
    }

    fn unclaimed(&mut self, sink: &mut dyn Sink) {
        sink.mapping_error(Reason::UnknownTopic);
    }
}

/// What is said of a message that several subscriptions heard: that it became something, if it did for one of them.
const fn worse(one: Outcome, other: Outcome) -> Outcome {
    match (one, other) {
        (Outcome::Decoded, _) | (_, Outcome::Decoded) => Outcome::Decoded,
        (Outcome::Oversize, _) | (_, Outcome::Oversize) => Outcome::Oversize,
        (Outcome::Malformed, _) | (_, Outcome::Malformed) => Outcome::Malformed,
        (Outcome::Ignored, Outcome::Ignored) => Outcome::Ignored,
    }
}
