//! What a broker says of one of its clients, in one form for all brokers. Pure.
//! Never trusts it: a client id is text that a stranger chose.

use std::borrow::Cow;
use std::time::Duration;

use crate::lifecycle::presence::{By, Reason};

/// So many bytes of a client id are kept to be shown; AWS allows 128, and MQTT 65,535.
pub(super) const LONGEST_CLIENT_ID: usize = 256;

/// A client came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Which: untrusted.
    pub client: Cow<'a, str>,
    /// The same without what looks like an address that the broker added, where the text leaves that open.
    pub bare: Option<Cow<'a, str>>,
    /// What it did.
    pub what: What,
    /// Where the broker numbers the events of one client: later is higher. Two events with one number are one event.
    pub order: Option<u64>,
    /// Where the broker numbers the connections of one client: which one this is about.
    pub session: Option<u64>,
    /// How long the session lasted, where the broker itself says so.
    pub lasted: Option<Duration>,
    /// The broker makes room for a new connection: what it says next of the old one is no news.
    pub takeover: bool,
}

/// What a client did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It connected.
    Connected,
    /// Its connection ended.
    Disconnected(Reason, By),
}

/// What a message turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// An event.
    Event(Event<'a>),
    /// Something else that belongs here: another line of the log.
    Other,
    /// It should have been an event and is none.
    Malformed,
}

impl<'a> Event<'a> {
    /// An event whose broker says no more; `None` for a client id that nobody can have.
    pub(super) fn plain(client: impl Into<Cow<'a, str>>, what: What) -> Option<Self> {
        let client = client.into();
        (!client.is_empty()).then_some(Self {
            client,
            bare: None,
            what,
            order: None,
            session: None,
            lasted: None,
            takeover: false,
        })
    }
}

impl<'a> From<Option<Event<'a>>> for Parsed<'a> {
    fn from(event: Option<Event<'a>>) -> Self {
        event.map_or(Self::Malformed, Self::Event)
    }
}
