//! One MQTT session as a client, 3.1.1 or 5: packets and moments in, packets and notices out.
//!
//! Pure: no socket, no clock. Never ends without a notice that says of what, and never resends.

mod connect;
mod notice;
mod receive;
mod time;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use connect::{connect, encodable};
pub use notice::{Notice, Terms};

use super::carried::Carried;
use super::ending::{EndedBy, LinkStats, PhaseTime};
use super::error::{ErrorName, RetryClass};
use super::inflight::InFlight;
use super::limits::Limits;
use super::message::{Outgoing, Refused};
use super::packet::{Connect, Inbound, Outbound, Publish, Subscribe, Unsubscribe};
use super::plan::{Plan, Version};
use super::subscriptions::{Fault, Subscriptions};
use super::traffic::Traffic;
use super::{Failure, Phase, classify};
use crate::clock::Instant;
use crate::diagnosis::Sends;

/// MQTT strings carry their length in two bytes.
const LONGEST: usize = u16::MAX as usize;

/// Where the session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing sent. Next: `Connecting`, `Over`.
    Fresh,
    /// CONNECT sent. Next: `Subscribing`, `Online`, `Over`.
    Connecting { since: Instant },
    /// A SUBSCRIBE is unanswered; `heard`: when a message, or a part of a packet, came last. Next: `Subscribing` (the next
    /// batch), `Online`, `Over`.
    Subscribing { began: Instant, since: Instant, heard: Instant, identifier: u16 },
    /// All subscriptions are back. Next: `Over`.
    Online,
    /// Finished. Next: none.
    Over,
}

/// One session.
pub struct Protocol {
    state: State,
    version: Version,
    carried: Carried,
    /// What a broker may repeat in a text and must not be shown.
    hidden: Vec<String>,
    /// Taken by [`Protocol::start`].
    connect: Option<Connect>,
    subscriptions: Subscriptions,
    /// What to unsubscribe from, packet by packet, if the broker remembers the session.
    leave: Vec<Vec<String>>,
    /// UNSUBSCRIBEs without an answer.
    leaving: usize,
    inflight: InFlight,
    traffic: Traffic,
    /// `None`: the plan wants no pings.
    keep_alive: Option<Duration>,
    max_outgoing_size: usize,
    maximum_qos: u8,
    retain_available: bool,
    limits: Limits,
    /// When the PINGREQ was sent that has no answer. Those that followed it, to be heard in time, wait for none.
    ping_sent: Option<Instant>,
    packets: VecDeque<Outbound>,
    notices: VecDeque<Notice>,
}

impl Protocol {
    /// A session that has sent nothing yet, of a client that remembers nothing.
    #[must_use]
    pub fn new(plan: &Plan, limits: &Limits, now: Instant) -> Self {
        Self::resuming(plan, limits, Carried::default(), now)
    }

    /// The same of a client that remembers this of its connection before.
    #[must_use]
    pub fn resuming(plan: &Plan, limits: &Limits, carried: Carried, now: Instant) -> Self {
        let connect = connect(plan, &carried);
        let login = connect.login.iter().flat_map(|(user, password)| [user.as_str(), password.expose()]);
        let hidden = login.chain([connect.client_id.as_str()]).map(str::to_owned).collect();
        Self {
            state: State::Fresh,
            version: plan.version,
            hidden,
            subscriptions: Subscriptions::new(&plan.subscriptions, plan.filters_per_subscribe),
            leave: plan.leave.chunks(plan.filters_per_subscribe.max(1)).map(<[_]>::to_vec).collect(),
            leaving: 0,
            inflight: InFlight::new(carried.clone()),
            traffic: Traffic::new(&connect.client_id, plan.version, limits.silence, now),
            connect: Some(connect),
            carried,
            keep_alive: Some(plan.keep_alive).filter(|interval| !interval.is_zero()),
            max_outgoing_size: plan.max_outgoing_size,
            maximum_qos: 2,
            retain_available: true,
            limits: *limits,
            ping_sent: None,
            packets: VecDeque::new(),
            notices: VecDeque::new(),
        }
    }

    /// The network connection stands: sends CONNECT.
    pub fn start(&mut self, now: Instant) {
        let Some(connect) = self.connect.take() else { return };
        self.state = State::Connecting { since: now };
        self.notices.push_back(Notice::Entered(Phase::Connack));
        if encodable(&connect) {
            self.send(Outbound::Connect(Box::new(connect)), now);
        } else {
            let message = "the client id, login, last will or a user property is longer than MQTT allows";
            let failure = Failure::new(Phase::Connack, classify::protocol_error(self.version), message);
            self.end(failure.with_class(RetryClass::Setup), EndedBy::LocalError);
        }
    }

    /// A packet arrived.
    pub fn handle(&mut self, packet: Inbound, now: Instant) {
        match self.state {
            State::Fresh | State::Over => {}
            State::Connecting { since } => {
                self.traffic.received(&packet, now);
                self.handshake(packet, since, now);
            }
            State::Subscribing { .. } | State::Online => {
                self.traffic.received(&packet, now);
                self.converse(packet, now);
            }
        }
    }

    /// Accepts a message for sending.
    ///
    /// # Errors
    /// When it cannot be sent; the session lives on. Nothing is taken before the subscriptions are back.
    pub fn publish(&mut self, message: Outgoing, now: Instant) -> Result<(), Refused> {
        if self.state != State::Online {
            return Err(Refused::NotConnected);
        }
        let forbidden = |c| matches!(c, '+' | '#' | '\0');
        if message.topic.is_empty() || message.topic.len() > LONGEST || message.topic.contains(forbidden) {
            return Err(Refused::BadTopic);
        }
        if message.retain && !self.retain_available {
            return Err(Refused::NoRetain);
        }
        let Outgoing { token, topic, payload, qos, retain } = message;
        // What a broker does not offer, it would give a subscriber less of anyway.
        let qos = qos.min(self.maximum_qos);
        let mut publish = Publish { dup: false, qos, retain, id: 0, topic, payload, properties: None };
        let (size, limit) = (publish.size(self.version), self.max_outgoing_size);
        if size > limit {
            return Err(Refused::TooLarge { size, limit });
        }
        if qos > 0 {
            publish.id = self.inflight.publish(token, qos > 1).ok_or(Refused::TooManyInFlight)?;
        }
        self.send(Outbound::Publish(publish), now);
        Ok(())
    }

    /// We leave: DISCONNECT is the last packet, and nothing is said any more.
    pub fn leave(&mut self, now: Instant) {
        if !matches!(self.state, State::Fresh | State::Over) {
            self.send(Outbound::Disconnect, now);
            self.state = State::Over;
        }
    }

    /// The network connection failed, or what came could not be decoded.
    pub fn end(&mut self, failure: Failure, by: EndedBy) {
        if self.state != State::Over {
            self.state = State::Over;
            self.packets.clear();
            self.notices.push_back(Notice::Over(failure, by));
        }
    }

    /// Bytes came that make no whole packet yet.
    pub const fn arriving(&mut self, now: Instant) {
        self.traffic.last_part = now;
        if let State::Subscribing { heard, .. } = &mut self.state {
            *heard = now;
        }
    }

    /// The kernel says when the peer last acknowledged anything.
    pub fn acknowledged_by_kernel(&mut self, at: Instant) {
        self.traffic.acknowledged(at);
    }

    /// The next packet to put on the wire.
    pub fn poll_packet(&mut self) -> Option<Outbound> {
        self.packets.pop_front()
    }

    /// The next thing to report.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// Where the session is, or was when it ended in the middle of something.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        match self.state {
            State::Fresh | State::Connecting { .. } => Phase::Connack,
            State::Subscribing { .. } => Phase::Subscribe,
            State::Online => Phase::Session,
            State::Over => Phase::Shutdown,
        }
    }

    /// Messages sent with QoS above 0 and not yet acknowledged.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.inflight.len()
    }

    /// What moved so far, in packets. Bytes are counted where they pass.
    #[must_use]
    pub const fn stats(&self) -> &LinkStats {
        &self.traffic.stats
    }

    /// What was sent by packet type and topic, for a session that ends now; see `traffic`.
    #[must_use]
    pub fn sends(&self, closed_by_peer: bool, answer_time: Duration, now: Instant) -> Vec<Sends> {
        self.traffic.sends(closed_by_peer, answer_time, now)
    }

    /// When a packet last arrived.
    #[must_use]
    pub const fn last_received(&self) -> Instant {
        self.traffic.last_received
    }

    /// Sends the next SUBSCRIBE, or goes online when there is none.
    fn subscribe(&mut self, began: Instant, now: Instant) {
        match self.subscriptions.next_batch() {
            Ok(Some(filters)) => {
                let identifier = self.inflight.identifier();
                self.state = State::Subscribing { began, since: now, heard: now, identifier };
                self.send(Outbound::Subscribe(Subscribe { id: identifier, filters }), now);
            }
            Ok(None) => {
                self.state = State::Online;
                self.finished(Phase::Subscribe, began, now);
                let (active, refused) = (self.subscriptions.active(), self.subscriptions.refused());
                self.notices.push_back(Notice::Restored { active, refused });
                self.notices.push_back(Notice::Entered(Phase::Session));
            }
            Err(fault) => self.faulty(fault),
        }
    }

    /// What was subscribed to in the time that the broker remembers, and is not wanted any more. The answers change nothing
    /// and are not waited for: who answers the SUBSCRIBE behind it has read it.
    fn unsubscribe(&mut self, now: Instant) {
        for filters in std::mem::take(&mut self.leave) {
            self.leaving += 1;
            let id = self.inflight.identifier();
            self.send(Outbound::Unsubscribe(Unsubscribe { id, filters }), now);
        }
    }

    fn faulty(&mut self, fault: Fault) {
        match fault {
            Fault::RequiredRefused(code) => self.end(classify::suback(code), EndedBy::LocalError),
            Fault::RequiredImpossible => {
                let message = "a subscription without which the session is useless is of a kind that MQTT or this \
                               broker does not take";
                let failure = Failure::new(Phase::Subscribe, ErrorName::SubscribeFailure, message);
                self.end(failure, EndedBy::LocalError);
            }
            Fault::WrongCount => self.breach("a SUBACK does not fit its SUBSCRIBE"),
        }
    }

    fn breach(&mut self, what: &str) {
        self.end(classify::breach(self.phase(), self.version, what), EndedBy::LocalError);
    }

    fn finished(&mut self, phase: Phase, since: Instant, now: Instant) {
        self.notices.push_back(Notice::Finished(PhaseTime { phase, took: now.saturating_since(since) }));
    }

    /// A failure with what the broker said of it, for people.
    fn told(&self, failure: Failure, reason: Option<&str>, server: Option<&str>) -> Failure {
        classify::told(failure, reason, server, &self.hidden)
    }

    fn send(&mut self, packet: Outbound, now: Instant) {
        self.traffic.sent(&packet, now);
        self.packets.push_back(packet);
    }
}

/// CONNECT holds the password, and packets hold topics.
impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protocol").field("state", &self.state).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
