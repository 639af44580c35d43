//! What was known of a session at its end: counts, silences, the last packets, the kernel's view.
//!
//! Data only. Topics are kept for the diagnosis and never shown.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::{Failure, Phase};
use crate::clock::Instant;
use crate::diagnosis::Sends;
use crate::host::TcpInfo;

/// Who ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The peer closed.
    Peer,
    /// Something awaited did not come.
    Timeout,
    /// This machine's own error.
    LocalError,
    /// We closed.
    Us,
}

/// The last packet sent, for the question what provoked an end.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct LastSent {
    /// `CONNECT`, `PUBLISH`, `SUBSCRIBE`, `PINGREQ` …
    pub packet: &'static str,
    /// Topic of a PUBLISH, first filter of a SUBSCRIBE. May hold an identity: never in a label or an export.
    #[serde(skip)]
    pub topic: Option<String>,
    /// When.
    #[serde(skip)]
    pub at: Instant,
}

/// A silence in both directions of at least 5 s that a packet of ours ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// How long nothing moved.
    pub length: Duration,
    /// Whether anything arrived afterwards.
    pub survived: bool,
}

/// What one network connection did, counted by the link.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LinkStats {
    /// MQTT packets received and sent.
    pub packets_received: u64,
    /// MQTT packets sent.
    pub packets_sent: u64,
    /// Bytes of MQTT received.
    pub bytes_received: u64,
    /// Bytes of MQTT sent.
    pub bytes_sent: u64,
    /// PUBLISH received.
    pub messages_received: u64,
    /// PUBLISH sent.
    pub messages_sent: u64,
    /// PINGREQ sent.
    pub pings_sent: u64,
    /// Of these, answered: all of them, or all before those that nothing was heard of since.
    pub pings_answered: u64,
    /// Time of the last ping's round trip.
    pub last_ping: Option<Duration>,
    /// Silences that a packet of ours ended (the newest 64).
    pub gaps: Vec<Gap>,
    /// The last packet sent.
    pub last_sent: Option<LastSent>,
    /// The last PUBLISH sent.
    pub last_publish: Option<LastSent>,
    /// The last SUBSCRIBE sent.
    pub last_subscribe: Option<LastSent>,
    /// When the last packet of the peer came, its end not counted; unknown of sessions that a journal gave back.
    #[serde(skip)]
    pub last_received: Option<Instant>,
    /// The peer was in the middle of a packet when we gave up waiting for an answer behind it; unknown like that.
    #[serde(skip)]
    pub still_arriving: bool,
    /// When the last PINGREQ was sent.
    #[serde(skip)]
    pub last_ping_sent: Option<Instant>,
    /// When the packet was sent that ended the newest silence, if nothing has proved since that it was survived.
    #[serde(skip)]
    pub silence_broken: Option<Instant>,
    /// When the kernel gave the view that [`Ending::tcp`] keeps.
    #[serde(skip)]
    pub tcp_at: Option<Instant>,
    /// Commands to devices that waited for their turn when the session ended.
    pub queued_commands: u64,
    /// What was published and subscribed to, by topic.
    #[serde(skip)]
    pub sends: Vec<Sends>,
}

/// How long a phase of the connect took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PhaseTime {
    /// The phase.
    pub phase: Phase,
    /// Its length.
    pub took: Duration,
}

/// The end of a session: what was observed, and what the link knew at that moment.
#[derive(Clone, Debug, Serialize)]
pub struct Ending {
    /// What it died of.
    pub failure: Failure,
    /// Who ended it.
    pub ended_by: EndedBy,
    /// The last moment the peer proved to be there: a byte received or a TCP acknowledgement.
    #[serde(skip)]
    pub alive: Instant,
    /// What moved.
    pub stats: LinkStats,
    /// The kernel's view at the end, where the system gives it.
    pub tcp: Option<TcpInfo>,
}

impl fmt::Debug for LastSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LastSent {{ packet: {}, at: {:?}, .. }}", self.packet, self.at)
    }
}
