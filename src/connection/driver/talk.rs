//! The driver's half that carries a dialogue: messages to it, its wants to link and planner.
//! Never lets a dialogue stop the connection: a message that makes it panic is a malformed message.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures_util::FutureExt;

use super::orders::Orders;
use super::planning::bounded;
use super::{Connection, Work};
use crate::clock::{Instant, Now};
use crate::connection::ending::Ending;
use crate::connection::error::RetryClass;
use crate::connection::machine::{Input, LinkReport, Rebuild};
use crate::connection::message::{Incoming, Outgoing};
use crate::lifecycle::Event;
use crate::source::{Answer, Inventory, Outcome, Want};
use crate::telemetry::{Loss, Tally};

impl Connection {
    /// The subscriptions are back: the dialogue may speak. `burst` or `serve_timers` collect what it wants.
    pub(super) fn begin_talk(&mut self, now: Now) {
        self.talking = true;
        self.sink.link_up();
        self.open_orders();
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.restored(now, &mut *self.sink);
        }
    }

    /// The session is over, and with it everything that was asked in it.
    pub(super) fn end_talk(&mut self, now: Now) {
        self.talking = false;
        self.close_orders(now);
        self.dialogue = None;
        self.look_up = None;
        self.recorder.traffic().in_flight(0);
        self.sink.link_down(self.alive.take().unwrap_or(now.at));
    }

    /// A session ends before its talk began: messages may have come, and what they said is no longer renewed.
    pub(super) fn stop_hearing(&mut self, since: Instant) {
        if !self.talking {
            self.sink.link_down(since);
        }
    }

    /// The last words before a polite close; none when the talk has not begun.
    pub(super) fn farewell(&mut self, now: Now) -> Vec<Outgoing> {
        let mut words = match &mut self.dialogue {
            Some(dialogue) if self.talking => dialogue.farewell(now),
            Some(_) | None => Vec::new(),
        };
        words.retain(|message| !self.quarantine.refuses(&message.topic, now.at));
        words
    }

    /// Gives a message to the dialogue and counts it. Messages may come before the last SUBACK.
    pub(super) fn hear(&mut self, message: &Incoming, now: Now, tally: &mut Tally) {
        let Some(dialogue) = &mut self.dialogue else { return };
        let sink = &mut *self.sink;
        let heard = catch_unwind(AssertUnwindSafe(|| dialogue.heard(message, now, sink)));
        let outcome = heard.unwrap_or_else(|_panic| {
            tracing::error!(
                connection = self.name,
                bytes = message.payload.len(),
                "a message broke its decoder"
            );
            Outcome::Malformed
        });
        tally.add(message.qos, message.payload.len(), outcome);
    }

    /// Counts what was heard so far, and lets the machine know that the link is at work.
    pub(super) fn heard(&mut self, tally: &mut Tally, now: Now) {
        let tally = std::mem::take(tally);
        if !tally.is_empty() {
            self.recorder.traffic().count(&tally, now);
            self.step(
                Input::Link { generation: self.machine.generation(), report: LinkReport::Progress },
                now,
            );
        }
    }

    /// Lets the dialogue say what it wants, and does it.
    pub(super) fn converse(&mut self, now: Now) {
        let mut wants = Vec::new();
        match &mut self.dialogue {
            Some(dialogue) if self.talking => dialogue.due(now, &mut *self.sink, &mut wants),
            Some(_) | None => return,
        }
        for want in wants {
            // A rebuild ends the talk, and what was wanted of this session with it.
            if !self.talking {
                break;
            }
            match want {
                Want::Publish(message) => {
                    // What is lost is counted; a dialogue asks again.
                    let _ = self.publish(message, now);
                }
                Want::LookUp => self.begin_look_up(),
                Want::Reconnect(why) => self.rebuild(Rebuild::Everything, why, now),
                Want::Replan(why) => self.rebuild(Rebuild::Plan, why, now),
            }
        }
    }

    /// Answers the dialogue's question about its devices.
    pub(super) fn looked_up(&mut self, answer: Answer<Inventory>, now: Now) {
        for event in answer.credentials {
            self.recorder.record(Event::Credentials(event), now);
        }
        if let Err(failure) = &answer.result {
            let error = failure.error.as_str();
            tracing::warn!(
                connection = self.name,
                error,
                "the devices could not be looked up: {}",
                failure.message
            );
        }
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.inventory(answer.result.as_ref().ok(), now, &mut *self.sink);
        }
        self.converse(now);
    }

    /// Hands a message to the link, or tells why it is lost. Nothing is queued.
    pub(super) fn publish(&mut self, message: Outgoing, now: Now) -> Result<(), Loss> {
        let qos = message.qos;
        if self.quarantine.refuses(&message.topic, now.at) {
            self.recorder.traffic().lost(Loss::Quarantined);
            return Err(Loss::Quarantined);
        }
        let Some(link) = &mut self.link else { return Err(Loss::Refused) };
        let sent = link.publish(message);
        let traffic = self.recorder.traffic();
        match sent {
            Ok(()) => {
                traffic.published(qos);
                traffic.in_flight(link.in_flight());
            }
            Err(refused) => {
                traffic.lost(Loss::Refused);
                tracing::warn!(connection = self.name, "a message was not sent: {refused}");
            }
        }
        sent.map_err(|_| Loss::Refused)
    }

    /// The broker refused a message of ours.
    pub(super) fn refused(&mut self, token: u64, code: u8) {
        self.recorder.traffic().lost(Loss::Refused);
        tracing::warn!(connection = self.name, code, "the broker refused a message of ours");
        self.order_refused(token);
    }

    /// Looks which packet may have provoked the end, and says once what is not sent any more.
    pub(super) fn judge_packets(&mut self, ending: &mut Ending, now: Now) {
        ending.stats.queued_commands = Orders::waiting(self.orders.as_ref());
        let sentence = self.quarantine.ended(ending, now.at);
        let connection = self.name.as_str();
        // One line: two devices have topics of one shape, and a shape is all that may be told.
        let told: BTreeSet<String> =
            sentence.quarantined.iter().map(|(packet, shape)| format!("{packet} {shape}")).collect();
        let told = told.into_iter().collect::<Vec<_>>().join(", ");
        let minutes = sentence.lasts.as_secs() / 60;
        let how_long = if minutes < 120 { format!("{minutes} min") } else { format!("{} h", minutes / 60) };
        match sentence.quarantined.len() {
            0 => {}
            1 => tracing::warn!(
                connection,
                packet = told,
                "the broker closed twice right after this packet: it is not sent for {how_long}"
            ),
            topics => tracing::warn!(
                connection,
                packets = told,
                topics,
                "the broker closed twice right after these packets, and one of them may provoke it: they are not sent \
                 for {how_long}"
            ),
        }
        if sentence.acquitted > 0 {
            let topics = sentence.acquitted;
            tracing::info!(
                connection,
                topics,
                "the closes go on without the packets in quarantine: free again"
            );
        }
        if sentence.cannot_be_left_out && ending.failure.class == RetryClass::Network {
            tracing::error!(
                connection,
                "the broker closes right after a subscription without which the session is useless, again and again: \
                 waiting longer between attempts; does the account's policy allow it?"
            );
            ending.failure.class = RetryClass::Service;
        }
    }

    /// One question at a time: a second one would get the same answer.
    fn begin_look_up(&mut self) {
        if self.look_up.is_none() {
            let answer = bounded(Arc::clone(&self.planner).look_up(), self.policy.credentials_limit);
            self.look_up = Some(Work { generation: self.machine.generation(), future: answer.boxed() });
        }
    }

    /// Another session for the diagnosis, unless something is under way in this one: the desk asks again.
    pub(super) fn probe(&mut self, now: Now) {
        let idle = self.link.as_ref().is_some_and(|link| link.in_flight() == 0) && self.look_up.is_none();
        if self.talking && idle && !Orders::any(self.orders.as_ref()) {
            self.rebuild(Rebuild::Probe, "a probe of the diagnosis", now);
        }
    }

    fn rebuild(&mut self, rebuild: Rebuild, why: &'static str, now: Now) {
        tracing::info!(connection = self.name, "another session is wanted: {why}");
        self.step(Input::Rebuild { generation: self.machine.generation(), rebuild }, now);
    }
}
