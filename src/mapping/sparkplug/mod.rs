//! Sparkplug B: births, data and deaths of nodes and devices, made into what the rules of a mapping read.
//!
//! Pure. Never publishes: a node whose birth was missed is not asked for another one.
//!
//! A subscription with `format = "sparkplug"` sees a birth and the data after it as messages of one topic, the one of the data:
//! `spBv1.0/group/DDATA/node/device` and `spBv1.0/group/NDATA/node`. Their payload is an object with one member for each metric: its
//! `number` or its `text`. So `path = "*.number"` makes a series of each number, and `path = "'Inputs/Level'.number"` of one. A death
//! takes everything that came of its topics from the page at once, and a new birth of a node that of its devices.
//!
//! What is null, bad or stale (property `Quality` 0 or 500) takes its series from the page, as does a birth that no longer has it.
//! What is historical is passed over, as are `bdSeq` and the commands below `Node Control/` and `Device Control/`. Times are
//! seconds since 1970. Births are not retained by brokers: of a node that was born before this program began, only metrics with
//! their names are understood until it is born again; a host application can ask for that (`Node Control/Rebirth`).

mod births;
mod payload;
mod plainly;
mod wire;

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;

pub(super) use self::plainly::{Plainly, plainly};

use self::births::{Births, Known};
use self::payload::{Metric, Raw, Value};
use super::mapper::{LARGEST, Mapper};
use super::reason::Reason;
use super::topic::fits;
use crate::clock::{Instant, Now};
use crate::config::Subscribe;
use crate::config::mapping::Format;
use crate::connection::message::Incoming;
use crate::reading::{Kind, Quantity, Reading};
use crate::source::listen::Listener;
use crate::source::{Outcome, Sink};

/// The level of a topic that says what it is.
const NAMESPACE: &str = "spBv1.0";
/// Metrics that are handed on at once: a payload of the mapping has a limit of its own.
const AT_ONCE: usize = 500;
/// Metrics of one message at most.
const METRICS: usize = 20_000;
/// A name or a text that is longer is passed over.
const LONGEST: usize = 512;
/// The metric that numbers the sessions of a node.
const SESSION: &str = "bdSeq";
/// Metrics that are commands.
const COMMANDS: [&str; 2] = ["Node Control/", "Device Control/"];

static MISSED: Quantity = Quantity::fixed(
    "sparkplug_missed_messages_total",
    Kind::Counter,
    "Messages of a node that never came, by the gaps in their numbers.",
);

/// A mapping that hears of Sparkplug.
#[derive(Debug)]
pub(super) struct Ear {
    mapper: Mapper,
    filters: Vec<String>,
    births: Births,
}

/// What a topic of Sparkplug says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Address<'t> {
    kind: What,
    /// Everything before the type.
    group: &'t str,
    node: &'t str,
    /// Empty: the node itself.
    device: &'t str,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Birth,
    Data,
    Death,
    Command,
}

impl Ear {
    /// The filters of the subscriptions that ask for it; without one the mapping hears for itself.
    pub(super) fn filters(subscribes: &[Subscribe]) -> Vec<String> {
        let wanted = subscribes.iter().filter(|subscribe| subscribe.format == Format::Sparkplug);
        wanted.map(|subscribe| subscribe.filter.clone()).collect()
    }

    /// A mapping that hears of Sparkplug by these filters.
    pub(super) fn around(mapper: Mapper, filters: Vec<String>) -> Self {
        Self { mapper, filters, births: Births::default() }
    }

    fn birth(&mut self, address: Address<'_>, message: &Incoming, now: Now, sink: &mut dyn Sink) -> Outcome {
        let key = address.key();
        // A birth that cannot be read to its end makes nobody forget anything.
        if payload::read(&message.payload, |_| ()).is_err() {
            sink.mapping_error(Reason::Malformed);
            return Outcome::Malformed;
        }
        if address.device.is_empty() {
            self.close_devices(address);
        }
        if self.births.enter(&key, address.device, now.at).is_none() {
            sink.mapping_error(Reason::DeviceLimit);
            return Outcome::Malformed;
        }
        let (mut session, mut fits) = (None, true);
        let births = &mut self.births;
        births.begin(&key, address.device);
        let read = payload::read(&message.payload, |metric| {
            if let (Some(SESSION), Some(Raw::Int(number) | Raw::Long(number))) = (metric.name, metric.value) {
                session = Some(number);
            }
            if let (Some(name), Some(alias)) = (metric.name, metric.alias) {
                let known = Known { name: name.into(), datatype: metric.datatype };
                fits &= name.len() <= LONGEST && births.learn(&key, address.device, alias, known);
            }
        });
        let Ok(payload) = read else {
            sink.mapping_error(Reason::Malformed);
            return Outcome::Malformed;
        };
        if !fits {
            sink.mapping_error(Reason::TooManyValues);
        }
        if address.device.is_empty() {
            if let Some(node) = self.births.node(&key) {
                node.born(session, payload.seq);
            }
            self.tell_missed(address, sink);
        } else {
            self.follow(address, payload.seq, now, sink);
        }
        // It says everything that there is from now on.
        self.mapper.silence(&address.topic_of_data());
        self.data(address, message, now, sink)
    }

    /// Hands what a birth or data says to the mapping.
    fn data(&mut self, address: Address<'_>, message: &Incoming, now: Now, sink: &mut dyn Sink) -> Outcome {
        let key = address.key();
        let Self { mapper, births, .. } = self;
        let mut told = Object::default();
        let (mut count, mut unknown, mut outcome) = (0_usize, false, None);
        let topic = address.topic_of_data();
        let mut hand_on = |told: &mut Object, sink: &mut dyn Sink| {
            let Some(payload) = told.take() else { return };
            let message = Incoming { topic: topic.clone(), payload, retain: false, ..message.clone() };
            outcome = mapper.heard(&message, now, sink).or(outcome);
        };
        let read = payload::read(&message.payload, |metric| {
            count += 1;
            if count > METRICS {
                return;
            }
            if let Some((name, value)) = resolved(metric, &key, address.device, births) {
                told.push(name, value);
            } else {
                let known = metric.alias.and_then(|alias| births.known(&key, address.device, alias));
                unknown |= metric.name.is_none() && known.is_none();
            }
            if told.count >= AT_ONCE {
                hand_on(&mut told, sink);
            }
        });
        if read.is_err() {
            sink.mapping_error(Reason::Malformed);
            return Outcome::Malformed;
        }
        hand_on(&mut told, sink);
        if count > METRICS {
            sink.mapping_error(Reason::TooManyValues);
        }
        if unknown {
            sink.mapping_error(Reason::UnknownWord);
        }
        outcome.unwrap_or(Outcome::Ignored)
    }

    fn death(&mut self, address: Address<'_>, message: &Incoming, now: Now, sink: &mut dyn Sink) -> Outcome {
        let mut session = None;
        let read = payload::read(&message.payload, |metric| {
            if let (Some(SESSION), Some(Raw::Int(number) | Raw::Long(number))) = (metric.name, metric.value) {
                session = Some(number);
            }
        });
        let Ok(payload) = read else {
            sink.mapping_error(Reason::Malformed);
            return Outcome::Malformed;
        };
        if address.device.is_empty() {
            let node = self.births.node(&address.key());
            let dies = node.is_none_or(|node| {
                node.is_dead |= node.dies(session);
                node.is_dead
            });
            if dies {
                self.mapper.silence(&address.topic_of_data());
                self.close_devices(address);
            }
        } else {
            self.mapper.silence(&address.topic_of_data());
            self.follow(address, payload.seq, now, sink);
        }
        Outcome::Decoded
    }

    /// The devices of a node are gone until they are born anew.
    fn close_devices(&mut self, address: Address<'_>) {
        for device in self.births.take_devices(&address.key()) {
            let device = &*device;
            self.mapper.silence(&Address { device, ..address }.topic_of_data());
        }
    }

    /// Counts what is missing before this message.
    fn follow(&mut self, address: Address<'_>, seq: Option<u8>, now: Now, sink: &mut dyn Sink) {
        let Some(node) = self.births.enter(&address.key(), address.device, now.at) else {
            sink.mapping_error(Reason::DeviceLimit);
            return;
        };
        if node.follows(seq) {
            self.tell_missed(address, sink);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "the page holds doubles")]
    fn tell_missed(&mut self, address: Address<'_>, sink: &mut dyn Sink) {
        let Some(node) = self.births.node(&address.key()) else { return };
        let group = address.group.rsplit('/').next().unwrap_or_default();
        // The topic of the node first: the labels are the same whichever of its devices spoke.
        let topics = [Address { device: "", ..address }, address].map(Address::topic_of_data);
        let given = topics.iter().find_map(|topic| self.mapper.labels(Format::Sparkplug, topic));
        let given = given.unwrap_or_default();
        let labels: Vec<_> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
        sink.reading(&Reading {
            quantity: &MISSED,
            device: &format!("{group}/{}", address.node),
            labels: &labels,
            value: node.missed as f64,
            lifetime: Duration::MAX,
        });
    }
}

impl Listener for Ear {
    fn begins(&mut self) {
        self.mapper.begins();
    }

    fn restored(&mut self, now: Now, sink: &mut dyn Sink) {
        self.mapper.restored(now, sink);
    }

    fn heard(&mut self, message: &Incoming, now: Now, sink: &mut dyn Sink) -> Option<Outcome> {
        let wanted = self.filters.iter().any(|filter| fits(filter, &message.topic));
        let Some(address) = wanted.then(|| Address::of(&message.topic)).flatten() else {
            return self.mapper.heard(message, now, sink);
        };
        if message.payload.len() > LARGEST {
            sink.mapping_error(Reason::Oversize);
            return Some(Outcome::Oversize);
        }
        Some(match address.kind {
            What::Birth => self.birth(address, message, now, sink),
            What::Data => {
                let seq = payload::read(&message.payload, |_| ()).ok().and_then(|payload| payload.seq);
                self.follow(address, seq, now, sink);
                self.data(address, message, now, sink)
            }
            What::Death => self.death(address, message, now, sink),
            What::Command => Outcome::Ignored,
        })
    }

    fn unclaimed(&mut self, sink: &mut dyn Sink) {
        self.mapper.unclaimed(sink);
    }

    fn deadline(&self) -> Option<Instant> {
        self.mapper.deadline()
    }

    fn due(&mut self, now: Now, sink: &mut dyn Sink) {
        self.mapper.due(now, sink);
    }
}

/// Name and value of a metric; `None`: there is nothing to be shown.
fn resolved<'m>(
    metric: Metric<'m>,
    node: &str,
    device: &str,
    births: &'m Births,
) -> Option<(&'m str, Value<'m>)> {
    let known = metric.alias.and_then(|alias| births.known(node, device, alias));
    let name = metric.name.or(known.map(|known| &*known.name))?;
    let datatype = metric.datatype.or(known.and_then(|known| known.datatype));
    let value = metric.value?.of_type(datatype);
    let shown =
        name.len() <= LONGEST && name != SESSION && !COMMANDS.iter().any(|begin| name.starts_with(begin));
    shown.then_some((name, value))
}

impl<'t> Address<'t> {
    /// `None`: the topic is not of a node or a device.
    fn of(topic: &'t str) -> Option<Self> {
        let at = topic.find(NAMESPACE)?;
        let (_, from) = topic.split_at_checked(at)?;
        let behind = from.strip_prefix(NAMESPACE)?.strip_prefix('/')?;
        if at > 0 && !topic.get(..at)?.ends_with('/') {
            return None;
        }
        let (group, rest) = behind.split_once('/')?;
        let (kind, rest) = rest.split_once('/')?;
        let (kind, of_device) = match kind {
            "NBIRTH" => (What::Birth, false),
            "DBIRTH" => (What::Birth, true),
            "NDATA" => (What::Data, false),
            "DDATA" => (What::Data, true),
            "NDEATH" => (What::Death, false),
            "DDEATH" => (What::Death, true),
            "NCMD" => (What::Command, false),
            "DCMD" => (What::Command, true),
            _ => return None,
        };
        let (node, device) = if of_device { rest.split_once('/')? } else { (rest, "") };
        let whole = !group.is_empty() && !node.is_empty() && !node.contains('/') && !device.contains('/');
        let before = topic.get(..at + NAMESPACE.len() + 1 + group.len())?;
        (whole && device.is_empty() != of_device).then_some(Self { kind, group: before, node, device })
    }

    fn key(self) -> String {
        format!("{}/{}", self.group, self.node)
    }

    /// Where births and data are one.
    fn topic_of_data(self) -> String {
        let Self { group, node, device, .. } = self;
        if device.is_empty() {
            format!("{group}/NDATA/{node}")
        } else {
            format!("{group}/DDATA/{node}/{device}")
        }
    }
}

/// The object that the mapping reads, as it grows.
#[derive(Default)]
struct Object {
    text: String,
    count: usize,
}

impl Object {
    fn push(&mut self, name: &str, value: Value<'_>) {
        let text = &mut self.text;
        let value = match value {
            // In the spelling of the mapping's reader, which knows what is no number.
            Value::Number(number) if number.is_nan() => "{\"number\":NaN}".to_owned(),
            Value::Number(number) if number.is_infinite() => {
                format!("{{\"number\":{}Infinity}}", sign(number))
            }
            Value::Number(number) => format!("{{\"number\":{number}}}"),
            Value::Text(value) if value.len() > LONGEST => return,
            Value::Text(value) => format!("{{\"text\":{}}}", quoted(value)),
            // It was one of the two.
            Value::Nothing => "{\"number\":null,\"text\":null}".to_owned(),
        };
        text.push(if self.count == 0 { '{' } else { ',' });
        // Writing to a string does not fail.
        let _ = write!(text, "{}:{value}", quoted(name));
        self.count += 1;
    }

    fn take(&mut self) -> Option<Bytes> {
        let Self { mut text, count } = std::mem::take(self);
        text.push('}');
        (count > 0).then(|| text.into())
    }
}

const fn sign(number: f64) -> &'static str {
    if number.is_sign_negative() { "-" } else { "" }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_an_address() {
        let address = Address::of("site/spBv1.0/G/DDATA/N/D").unwrap();
        assert_eq!(address, Address { kind: What::Data, group: "site/spBv1.0/G", node: "N", device: "D" });
        assert_eq!(address.topic_of_data(), "site/spBv1.0/G/DDATA/N/D");
        assert_eq!(
            Address::of("spBv1.0/G/NBIRTH/N").map(Address::topic_of_data).as_deref(),
            Some("spBv1.0/G/NDATA/N")
        );
        for other in [
            "spBv1.0/STATE/host",
            "spBv1.0/G/NDATA",
            "spBv1.0/G/DDATA/N",
            "spBv1.0/G/DDATA/N/",
            "spBv1.0/G/NDATA/N/D",
            "spBv1.0/G/XDATA/N",
            "xspBv1.0/G/NDATA/N",
            "spBv1.0//NDATA/N",
            "a/b",
        ] {
            assert_eq!(Address::of(other), None, "{other}");
        }
    }
}
