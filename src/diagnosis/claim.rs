//! What a test over many drops claims, with its numbers and the drops that it explains. Pure data.
//! Never words: they are made where claims become findings.

use serde::{Deserialize, Serialize};

use super::case::{EventKind, TopicKey};

/// A counter whose value at the end may be regular.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    /// Messages received.
    MessagesReceived,
    /// Messages sent.
    MessagesSent,
    /// Bytes, both ways.
    Bytes,
}

/// What was found, with its parameters. Lengths and ages in seconds, phases in seconds of local time after the start of the
/// period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "pattern", rename_all = "snake_case")]
pub enum Pattern {
    /// Sessions die at one age (4.1, 4.2, 5).
    Lifetime {
        /// The age: the median of those that belong to it.
        age: f64,
        /// Youngest and oldest of them.
        from: f64,
        /// See `from`.
        to: f64,
        /// The known limit that it fits.
        limit: Option<f64>,
    },
    /// Sessions die at one time of the clock (5).
    Calendar {
        /// The period.
        period: f64,
        /// Where in the period.
        phase: f64,
    },
    /// One of the two; not separable yet (5).
    LifetimeOrCalendar {
        /// The age.
        age: f64,
        /// The period.
        period: f64,
        /// Where in the period.
        phase: f64,
    },
    /// Sessions die at one count (4.3).
    MessageLimit {
        /// Of what.
        counter: Counter,
        /// The count: the median of those that belong to it.
        count: f64,
        /// Least and most of them.
        from: f64,
        /// See `from`.
        to: f64,
    },
    /// Age or count; not separable because the rate was constant (4.3).
    LifetimeOrCount {
        /// The age.
        age: f64,
        /// Of what.
        counter: Counter,
        /// The count.
        count: f64,
    },
    /// Sessions die after an event (4.4).
    AfterEvent {
        /// Which.
        event: EventKind,
        /// At most this long after it.
        window: f64,
        /// Usually this long after it: the median.
        lag: f64,
        /// How many times more often than by chance.
        lift: f64,
    },
    /// Sessions die after a packet of ours (4.5).
    Packet {
        /// `PUBLISH` or `SUBSCRIBE`.
        packet: String,
        /// Which topic.
        topic: TopicKey,
        /// The topic without identities.
        shape: String,
        /// How often it was sent.
        sent: u32,
        /// How often a close followed.
        closed: u32,
        /// The largest packet, in bytes.
        largest: u64,
    },
    /// Sessions die of silence (4.6).
    IdleTimeout {
        /// The longest silence below the cut that was survived.
        survived: f64,
        /// The shortest silence above the cut that was not.
        fatal: f64,
        /// They died by a reset; else nothing came back.
        reset: bool,
    },
    /// Short sessions that end politely and come back at once (4.7).
    Takeover {
        /// How many of the last.
        sessions: u32,
        /// Mean age of the earlier ones.
        mean: f64,
    },
    /// Drops cluster at one time of the clock although no age is regular (5.4).
    ClockHint {
        /// The period.
        period: f64,
        /// Where in the period.
        phase: f64,
    },
    /// Many clients dropped at once (4.8).
    Burst {
        /// How many of them.
        clients: u32,
        /// Within so long.
        window: f64,
        /// When it began: seconds since the Unix epoch.
        at: f64,
        /// New connects failed too.
        connects_failed: bool,
    },
}

/// What one test claims.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// What was found.
    pub pattern: Pattern,
    /// So many …
    pub support: u32,
    /// … of so many that could have shown it.
    pub of: u32,
    /// The sessions that belong to it, by number, ascending.
    pub members: Vec<u64>,
    /// For the test's own record (`p`, `p_local`, `LR`); never shown to a person as it is.
    pub p: f64,
}
