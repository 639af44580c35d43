//! One network connection, from dialling to its end.
//!
//! Never reconnects: an error ends it.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::dialer::{self, Dialled, Progress};
pub use super::ending::{EndedBy, Ending, Gap, LastSent, LinkStats, PhaseTime};
use super::plan::Plan;
use super::session::Session;
use super::{Failure, Phase};
use crate::clock::{self, Now};
use crate::host::TcpInfo;

/// A message to publish.
#[derive(Clone)]
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
#[derive(Clone)]
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
pub struct Link {
    plan: Arc<Plan>,
    limits: Limits,
    state: State,
    reports: VecDeque<Report>,
}

/// What the link is doing.
enum State {
    /// Nothing yet. Next: `Dialling`.
    Fresh,
    /// On the way to an open connection. Next: `Open`, `Over`.
    Dialling { dial: BoxFuture<'static, Result<Dialled, Failure>>, progress: mpsc::UnboundedReceiver<Report> },
    /// Speaking MQTT. Next: `Over`.
    Open(Box<Session>),
    /// Finished; the socket is closed. Next: none.
    Over,
}

impl Link {
    /// A link that will dial when [`Link::next`] is first awaited.
    #[must_use]
    pub fn new(plan: Arc<Plan>, limits: Limits) -> Self {
        Self { plan, limits, state: State::Fresh, reports: VecDeque::new() }
    }

    /// The next report. Cancel safe. Pending for ever after [`Report::Failed`] or [`Report::Ended`].
    pub async fn next(&mut self) -> Report {
        loop {
            if let Some(report) = self.reports.pop_front() {
                return report;
            }
            match &mut self.state {
                State::Fresh => self.state = self.begin(),
                State::Dialling { dial, progress } => {
                    tokio::select! {
                        biased;
                        Some(report) = progress.recv() => self.reports.push_back(report),
                        outcome = dial => {
                            self.reports.extend(std::iter::from_fn(|| progress.try_recv().ok()));
                            self.dialled(outcome);
                        }
                    }
                }
                State::Open(session) => {
                    std::future::poll_fn(|cx| session.poll_turn(cx, &mut self.reports)).await;
                    if session.is_over() {
                        // The socket closes here, before anybody hears of the end: two connections with one
                        // client id must never exist at once.
                        self.state = State::Over;
                    }
                }
                State::Over => std::future::pending().await,
            }
        }
    }

    /// A report that is ready without waiting, so that a burst costs one wake-up.
    pub fn try_next(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// Accepts a message for sending; [`Link::next`] sends it.
    ///
    /// # Errors
    /// When it can not be sent on this connection. Nothing is lost silently and the connection lives on.
    pub fn publish(&mut self, message: Outgoing) -> Result<(), Refused> {
        match &mut self.state {
            State::Open(session) => session.publish(message),
            State::Fresh | State::Dialling { .. } | State::Over => Err(Refused::NotConnected),
        }
    }

    /// Messages sent with QoS above 0 and not yet acknowledged.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        match &self.state {
            State::Open(session) => session.in_flight(),
            State::Fresh | State::Dialling { .. } | State::Over => 0,
        }
    }

    /// Sends `farewell`, DISCONNECT and the closes of every layer, within the limit, and drops the socket.
    /// Safe in any phase. Returns what the link knew at the end of a session; `None` if there was none.
    pub async fn close(self, farewell: Vec<Outgoing>, now: Now) -> Option<Box<Ending>> {
        match self.state {
            State::Open(session) => session.close(farewell, now.at).await,
            State::Fresh | State::Dialling { .. } | State::Over => None,
        }
    }

    fn begin(&self) -> State {
        let (teller, progress) = mpsc::unbounded_channel();
        let (plan, limits) = (Arc::clone(&self.plan), self.limits);
        let dial = Box::pin(async move { dialer::dial(&plan, &limits, &Progress(teller)).await });
        State::Dialling { dial, progress }
    }

    fn dialled(&mut self, outcome: Result<Dialled, Failure>) {
        self.state = match outcome {
            Ok(dialled) => {
                let now = clock::now().at;
                State::Open(Box::new(Session::new(dialled, &self.plan, self.limits, now)))
            }
            Err(failure) => {
                self.reports.push_back(Report::Failed(failure));
                State::Over
            }
        };
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Fresh => "Fresh",
            State::Dialling { .. } => "Dialling",
            State::Open(_) => "Open",
            State::Over => "Over",
        };
        f.debug_struct("Link").field("state", &state).finish_non_exhaustive()
    }
}

// Topics and payloads may name a person or a device: they are not shown by accident.

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (token, size) = (self.token, self.payload.len());
        write!(f, "Outgoing {{ token: {token}, qos: {}, payload of {size} bytes, .. }}", self.qos)
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incoming {{ qos: {}, payload of {} bytes, .. }}", self.qos, self.payload.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Instant;

    #[test]
    fn topics_and_payloads_do_not_print() {
        let (topic, payload) = ("home/aabbccddeeff".to_owned(), Bytes::from_static(b"hunter2"));
        let outgoing =
            Outgoing { token: 1, topic: topic.clone(), payload: payload.clone(), qos: 1, retain: false };
        let sent = LastSent { packet: "PUBLISH", topic: Some(topic.clone()), at: Instant::default() };
        let report = Report::Message(Incoming { topic, payload, qos: 0, retain: true });
        let printed = format!("{outgoing:?} {sent:?} {report:?}");
        assert!(!printed.contains("aabb") && !printed.contains("hunter2"), "{printed}");
        assert_eq!(serde_json::to_string(&sent).ok().as_deref(), Some(r#"{"packet":"PUBLISH"}"#));
    }
}
