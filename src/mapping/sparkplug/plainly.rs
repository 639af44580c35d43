//! What the rules see of one message of Sparkplug, for who explains it.
//!
//! Pure. Never knows what was said before: an alias has a name only where the message itself says it.

use super::births::Births;
use super::{AT_ONCE, Address, Ear, LARGEST, METRICS, Object, What, fits, payload, resolved};
use crate::config::Subscribe;
use crate::connection::message::Incoming;

/// What becomes of a message before the rules see it.
pub(crate) enum Plainly {
    /// They see this one in its place; and what is to be known of that.
    Message(Incoming, String),
    /// They see nothing, and why.
    Nothing(String),
}

/// `None`: no subscription takes it for Sparkplug, and it is what it is.
pub(crate) fn plainly(subscribes: &[Subscribe], message: &Incoming) -> Option<Plainly> {
    let wanted = Ear::filters(subscribes).iter().any(|filter| fits(filter, &message.topic));
    let address = wanted.then(|| Address::of(&message.topic)).flatten()?;
    let who = if address.device.is_empty() { "node" } else { "device" };
    Some(match address.kind {
        What::Command => Plainly::Nothing("a command of Sparkplug: it tells no value".to_owned()),
        What::Death => Plainly::Nothing(format!(
            "the death of a {who} of Sparkplug: what came of `{}` leaves the page at once{}",
            address.topic_of_data(),
            if address.device.is_empty() { ", if it is that of its present session" } else { "" }
        )),
        What::Birth | What::Data if message.payload.len() > LARGEST => Plainly::Nothing(format!(
            "the payload of {} bytes is larger than {LARGEST}",
            message.payload.len()
        )),
        What::Birth | What::Data => data(address, message),
    })
}

fn data(address: Address<'_>, message: &Incoming) -> Plainly {
    let (births, mut told) = (Births::default(), Object::default());
    let (mut all, mut nameless) = (0_usize, 0_usize);
    let read = payload::read(&message.payload, |metric| {
        all += 1;
        nameless += usize::from(metric.name.is_none());
        if all <= METRICS
            && told.count < AT_ONCE
            && let Some((name, value)) = resolved(metric, "", "", &births)
        {
            told.push(name, value);
        }
    });
    if read.is_err() {
        return Plainly::Nothing("the payload is not one of Sparkplug B".to_owned());
    }
    let (count, topic) = (told.count, address.topic_of_data());
    let mut note =
        format!("Sparkplug: to the rules it is a message of `{topic}` with {count} of its {all} metrics");
    if nameless > 0 {
        let known = "of them say an alias only, whose name `hangup run` knows from the birth before it";
        note = format!("{note}; {nameless} {known}");
    }
    let Some(payload) = told.take() else { return Plainly::Nothing(note) };
    Plainly::Message(Incoming { topic, payload, retain: false, ..message.clone() }, note)
}
