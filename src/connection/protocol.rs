//! One MQTT 3.1.1 session as a client: packets and moments in, packets and notices out.
//!
//! Pure: no socket, no clock. Never ends without a notice that says of what, and never resends.

mod connect;
mod receive;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use connect::{connect, encodable};
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Connect, Packet, Publish, Subscribe};

use super::ending::{EndedBy, LinkStats, PhaseTime};
use super::error::{ErrorName, RetryClass};
use super::inflight::InFlight;
use super::limits::Limits;
use super::message::{Incoming, Outgoing, Refused};
use super::plan::Plan;
use super::subscriptions::{Fault, Subscriptions, qos};
use super::traffic::Traffic;
use super::{Failure, Phase, classify};
use crate::clock::Instant;
use crate::diagnosis::Sends;

/// MQTT strings carry their length in two bytes.
const LONGEST: usize = u16::MAX as usize;

/// What the protocol has to say.
#[derive(Debug)]
pub enum Notice {
    /// A phase begins.
    Entered(Phase),
    /// A phase is over.
    Finished(PhaseTime),
    /// CONNACK accepted.
    Accepted {
        /// The broker remembered the session.
        session_present: bool,
    },
    /// Every SUBACK is in.
    Restored {
        /// Acknowledged subscriptions.
        active: usize,
        /// Refused optional ones.
        refused: usize,
    },
    /// A message arrived.
    Message(Incoming),
    /// The broker acknowledged the message with this token.
    Acknowledged(u64),
    /// A PINGRESP arrived this long after its PINGREQ.
    Pinged(Duration),
    /// It is over; the network connection must be dropped. Said once, and last.
    Over(Failure, EndedBy),
}

/// Where the session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing sent. Next: `Connecting`, `Over`.
    Fresh,
    /// CONNECT sent. Next: `Subscribing`, `Online`, `Over`.
    Connecting { since: Instant },
    /// A SUBSCRIBE is unanswered. Next: `Subscribing` (the next batch), `Online`, `Over`.
    Subscribing { began: Instant, since: Instant, identifier: u16 },
    /// All subscriptions are back. Next: `Over`.
    Online,
    /// Finished. Next: none.
    Over,
}

/// One session.
pub struct Protocol {
    state: State,
    /// Taken by [`Protocol::start`].
    connect: Option<Connect>,
    subscriptions: Subscriptions,
    inflight: InFlight,
    traffic: Traffic,
    /// `None`: the plan wants no pings.
    keep_alive: Option<Duration>,
    max_outgoing_size: usize,
    limits: Limits,
    ping_sent: Option<Instant>,
    packets: VecDeque<Packet>,
    notices: VecDeque<Notice>,
}

impl Protocol {
    /// A session that has sent nothing yet.
    #[must_use]
    pub fn new(plan: &Plan, limits: &Limits, now: Instant) -> Self {
        Self {
            state: State::Fresh,
            connect: Some(connect(plan)),
            subscriptions: Subscriptions::new(&plan.subscriptions, plan.filters_per_subscribe),
            inflight: InFlight::default(),
            traffic: Traffic::new(&plan.client_id, limits.silence, now),
            keep_alive: Some(plan.keep_alive).filter(|interval| !interval.is_zero()),
            max_outgoing_size: plan.max_outgoing_size,
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
            self.send(Packet::Connect(connect), now);
        } else {
            let message = "the client id, login or last will is longer than MQTT allows";
            let failure = Failure::new(Phase::Connack, ErrorName::ProtocolError, message);
            self.end(failure.with_class(RetryClass::Setup), EndedBy::LocalError);
        }
    }

    /// A packet arrived.
    pub fn handle(&mut self, packet: Packet, now: Instant) {
        match self.state {
            State::Fresh | State::Over => {}
            State::Connecting { since } => {
                self.traffic.received(&packet, now);
                self.handshake(&packet, since, now);
            }
            State::Subscribing { .. } | State::Online => {
                self.traffic.received(&packet, now);
                self.converse(packet, now);
            }
        }
    }

    /// Time has passed: pings, and ends what waited too long.
    pub fn tick(&mut self, now: Instant) {
        match self.state {
            State::Fresh | State::Over => return,
            State::Connecting { since } => {
                if now >= since + self.limits.connack {
                    let message = "the broker did not answer CONNECT in time";
                    self.timed_out(ErrorName::ConnackTimeout, message);
                }
                return;
            }
            State::Subscribing { since, .. } => {
                if now >= since + self.limits.suback {
                    let message = "the broker did not answer SUBSCRIBE in time";
                    self.timed_out(ErrorName::SubscribeFailure, message);
                    return;
                }
            }
            State::Online => {}
        }
        match self.ping_sent {
            Some(sent) if now >= sent + self.limits.ping => {
                self.timed_out(ErrorName::MqttTimeout, "the broker did not answer PINGREQ in time");
            }
            Some(_) => {}
            None => {
                if self.ping_due().is_some_and(|due| now >= due) {
                    self.ping_sent = Some(now);
                    self.send(Packet::PingReq, now);
                }
            }
        }
    }

    /// When [`Protocol::tick`] wants to be called next. Derived from the state, so it cannot be stale.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let ping = match self.ping_sent {
            Some(sent) => Some(sent + self.limits.ping),
            None => self.ping_due(),
        };
        match self.state {
            State::Fresh | State::Over => None,
            State::Connecting { since } => Some(since + self.limits.connack),
            State::Subscribing { since, .. } => {
                let suback = since + self.limits.suback;
                Some(ping.map_or(suback, |ping| ping.min(suback)))
            }
            State::Online => ping,
        }
    }

    /// Accepts a message for sending.
    ///
    /// # Errors
    /// When it can not be sent; the session lives on. Nothing is taken before the subscriptions are back.
    pub fn publish(&mut self, message: Outgoing, now: Instant) -> Result<(), Refused> {
        if self.state != State::Online {
            return Err(Refused::NotConnected);
        }
        let forbidden = |c| matches!(c, '+' | '#' | '\0');
        if message.topic.is_empty() || message.topic.len() > LONGEST || message.topic.contains(forbidden) {
            return Err(Refused::BadTopic);
        }
        let mut publish = Publish::from_bytes(message.topic, qos(message.qos), message.payload);
        publish.retain = message.retain;
        // Any identifier serves to learn the size.
        publish.pkid = 1;
        let (size, limit) = (publish.size(), self.max_outgoing_size);
        if size > limit {
            return Err(Refused::TooLarge { size, limit });
        }
        publish.pkid = match publish.qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce => {
                self.inflight.publish(message.token, false).ok_or(Refused::TooManyInFlight)?
            }
            QoS::ExactlyOnce => self.inflight.publish(message.token, true).ok_or(Refused::TooManyInFlight)?,
        };
        self.send(Packet::Publish(publish), now);
        Ok(())
    }

    /// We leave: DISCONNECT is the last packet, and nothing is said any more.
    pub fn leave(&mut self, now: Instant) {
        if !matches!(self.state, State::Fresh | State::Over) {
            self.send(Packet::Disconnect, now);
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

    /// The kernel says when the peer last acknowledged anything.
    pub fn acknowledged_by_kernel(&mut self, at: Instant) {
        self.traffic.acknowledged(at);
    }

    /// The next packet to put on the wire.
    pub fn poll_packet(&mut self) -> Option<Packet> {
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
                self.state = State::Subscribing { began, since: now, identifier };
                self.send(Packet::Subscribe(Subscribe { pkid: identifier, filters }), now);
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

    fn faulty(&mut self, fault: Fault) {
        match fault {
            Fault::RequiredRefused => {
                let message = "the broker refused a subscription without which the session is useless";
                let failure = Failure::new(Phase::Subscribe, ErrorName::SubscribeFailure, message);
                self.end(failure, EndedBy::LocalError);
            }
            Fault::WrongCount => self.breach("a SUBACK does not fit its SUBSCRIBE"),
        }
    }

    fn breach(&mut self, what: &str) {
        self.end(classify::breach(self.phase(), what), EndedBy::LocalError);
    }

    fn timed_out(&mut self, error: ErrorName, message: &str) {
        self.end(Failure::new(self.phase(), error, message), EndedBy::Timeout);
    }

    fn finished(&mut self, phase: Phase, since: Instant, now: Instant) {
        self.notices.push_back(Notice::Finished(PhaseTime { phase, took: now.saturating_since(since) }));
    }

    /// A session that only sends would never notice a frozen broker, so silence of either side makes a ping due.
    fn ping_due(&self) -> Option<Instant> {
        self.keep_alive.map(|interval| self.traffic.last_sent.min(self.traffic.last_received) + interval)
    }

    fn send(&mut self, packet: Packet, now: Instant) {
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
