//! What the passing of time does to a session: pings, and the limits of what is awaited.
//!
//! Pure. Never keeps a timer: the deadline is derived from the state whenever it is asked for.

use super::{Protocol, State};
use crate::clock::Instant;
use crate::connection::ending::EndedBy;
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::limits::{PACKET_PATIENCE, SUBACK_PATIENCE};
use crate::connection::packet::Outbound;
use crate::connection::{Failure, classify};

impl Protocol {
    /// Time has passed: pings, and ends what waited too long.
    pub fn tick(&mut self, now: Instant) {
        match self.state {
            State::Fresh | State::Over => return,
            State::Connecting { since } => {
                if now >= since + self.limits.connack {
                    let message = "the broker did not answer CONNECT in time";
                    self.timed_out(ErrorName::ConnackTimeout, message, now);
                }
                return;
            }
            State::Subscribing { since, heard, .. } => {
                if now >= self.suback_due(since, heard) {
                    let message = "the broker did not answer SUBSCRIBE in time";
                    self.timed_out(ErrorName::SubscribeFailure, message, now);
                    return;
                }
            }
            State::Online => {}
        }
        match self.ping_sent {
            Some(sent) if now >= self.answer_due(sent) => {
                let error = classify::ping_timeout(self.version);
                self.timed_out(error, "the broker did not answer PINGREQ in time", now);
            }
            Some(_) => {
                if self.word_due().is_some_and(|due| now >= due) {
                    self.send(Outbound::PingReq, now);
                }
            }
            None => {
                if self.ping_due().is_some_and(|due| now >= due) {
                    self.ping_sent = Some(now);
                    self.send(Outbound::PingReq, now);
                }
            }
        }
    }

    /// When [`Protocol::tick`] wants to be called next. Derived from the state, so it cannot be stale.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let ping = match self.ping_sent {
            Some(sent) => [Some(self.answer_due(sent)), self.word_due()].into_iter().flatten().min(),
            None => self.ping_due(),
        };
        match self.state {
            State::Fresh | State::Over => None,
            State::Connecting { since } => Some(since + self.limits.connack),
            State::Subscribing { since, heard, .. } => {
                let suback = self.suback_due(since, heard);
                Some(ping.map_or(suback, |ping| ping.min(suback)))
            }
            State::Online => ping,
        }
    }

    /// A session that only sends would never notice a frozen broker, so silence of either side makes a ping due.
    fn ping_due(&self) -> Option<Instant> {
        self.keep_alive.map(|interval| self.traffic.last_sent.min(self.traffic.last_received) + interval)
    }

    /// When the broker has to hear from us again. It owes us an answer meanwhile, and that does not count for it: it
    /// closes what says nothing for one and a half keep-alives.
    fn word_due(&self) -> Option<Instant> {
        self.keep_alive.map(|interval| self.traffic.last_sent + interval)
    }

    /// Who still sends is alive: the answer may stand behind much that came before it and is read more slowly than it
    /// comes. A frozen broker sends nothing. One packet may take its time, and not for ever.
    fn answer_due(&self, sent: Instant) -> Instant {
        let limit = self.limits.ping;
        let whole = sent.max(self.traffic.last_received);
        (whole.max(self.traffic.last_part) + limit).min(whole + limit.saturating_mul(PACKET_PATIENCE))
    }

    /// A SUBACK stands behind what the broker had kept for the filters before; not for ever, or a broker that forgets one and
    /// has much to say would keep the session from its work.
    fn suback_due(&self, sent: Instant, heard: Instant) -> Instant {
        let limit = self.limits.suback;
        (heard + limit).min(sent + limit.saturating_mul(SUBACK_PATIENCE))
    }

    /// An answer that is missing is a matter of the network or the broker, and never one of set-up as a refusal is.
    fn timed_out(&mut self, error: ErrorName, message: &str, now: Instant) {
        self.traffic.gave_up(self.limits.ping, now);
        let failure = Failure::new(self.phase(), error, message).with_class(RetryClass::Network);
        self.end(failure, EndedBy::Timeout);
    }
}
