//! The case of one connection: all that the tests over many drops look at. Pure data.
//!
//! Plain numbers in seconds, so that a simulation, a restored journal and a live history are one input. Never an address.

use super::Verdict;
use crate::connection::ending::EndedBy;

/// The history of one connection identity, as the tests want it.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// Sessions that ended, oldest first: the last 50 drops and every close of ours among them.
    pub sessions: Vec<Lived>,
    /// Age of the session that lives now.
    pub living: Option<f64>,
    /// Silences that were survived (the last 400).
    pub survived_gaps: Vec<f64>,
    /// What happened beside the connection.
    pub events: Vec<Events>,
    /// Limits to try beside the catalogue: from the configuration or from the server.
    pub limits: Vec<f64>,
    /// Offset of local time from UTC, for times of the clock.
    pub utc_offset: f64,
    /// Other offsets before it, as where summer time ends: each with the moment until which it held, oldest first.
    pub earlier_offsets: Vec<(f64, f64)>,
}

impl Case {
    /// This moment on the clock on the wall.
    #[must_use]
    pub fn local(&self, time: f64) -> f64 {
        let earlier = self.earlier_offsets.iter().find(|(until, _)| time < *until);
        let offset = earlier.map_or(self.utc_offset, |(_, offset)| *offset);
        time + if offset.is_finite() { offset } else { 0.0 }
    }
}

/// One session that ended.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not states")]
pub struct Lived {
    /// Its number, unique within its connection.
    pub number: u64,
    /// CONNACK accepted: seconds since the Unix epoch.
    pub start: f64,
    /// Its age when it died, or that it reached at least if we ended it.
    pub age: f64,
    /// How far after `start + age` the end was noticed.
    pub uncertainty: f64,
    /// Who ended it; `us`: the session is censored.
    pub ended_by: EndedBy,
    /// The end was orderly: FIN, close_notify, a WebSocket close or DISCONNECT.
    pub orderly: bool,
    /// The peer said that a takeover ended it (reason 0x8E).
    pub taken_over: bool,
    /// The connection died by a reset (for the words about a middlebox).
    pub reset: bool,
    /// What direct evidence says.
    pub verdict: Verdict,
    /// Keep-alive in force.
    pub keep_alive: f64,
    /// What moved.
    pub counts: Counts,
    /// The next session came at the first attempt.
    pub reconnected_at_once: bool,
    /// Connects failed before the next session.
    pub connects_failed: bool,
    /// Silences after which nothing arrived any more, oldest first; see [`Lived::fatal_gap`].
    pub fatal_gaps: Vec<f64>,
    /// Packets sent, by type and topic.
    pub sends: Vec<Sends>,
}

impl Lived {
    /// The silence in which it died: the first that nothing came back from. Those after it are its echo.
    #[must_use]
    pub fn fatal_gap(&self) -> Option<f64> {
        self.fatal_gaps.iter().copied().find(|gap| possible_gap(*gap))
    }
}

/// Whether a silence can be so long.
pub(super) fn possible_gap(gap: f64) -> bool {
    gap.is_finite() && gap > 0.0
}

/// What moved in one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// PUBLISH received.
    pub messages_received: u64,
    /// PUBLISH sent.
    pub messages_sent: u64,
    /// Bytes of MQTT, both ways.
    pub bytes: u64,
}

/// A topic without its text: the first 8 bytes of its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct TopicKey(pub u64);

/// The packets of one type to one topic in one session.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sends {
    /// `PUBLISH` or `SUBSCRIBE`.
    pub packet: String,
    /// Which topic.
    pub topic: TopicKey,
    /// The topic with everything that may be an identity replaced by `+`.
    pub shape: String,
    /// Packets that were observed for at least `w5` or that a close followed.
    pub sent: u32,
    /// Of these, how many an orderly close or a reset by the peer followed within `w5`: 0 or 1.
    pub closed: u32,
    /// The largest packet, in bytes.
    pub largest: u64,
}

/// A kind of event that drops may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A command was sent to a device.
    Command,
    /// Credentials were renewed.
    CredentialRefresh,
    /// The credentials that signed the session lapsed.
    CredentialExpiry,
    /// The configuration was read anew.
    Reload,
    /// A scrape of `/metrics`.
    Scrape,
    /// A link of this machine went up or down.
    Link,
    /// An address of this machine came or went.
    Address,
    /// A route of this machine changed.
    Route,
    /// The resolver's configuration changed.
    Resolver,
    /// The wall clock was stepped.
    ClockStep,
    /// Another connection of this process dropped.
    OtherDrop,
}

/// The times of one kind of event.
#[derive(Clone, Debug, PartialEq)]
pub struct Events {
    /// What.
    pub kind: EventKind,
    /// When: seconds since the Unix epoch, ascending.
    pub times: Vec<f64>,
    /// From when on all of them are known, where those before were forgotten.
    pub since: Option<f64>,
}
