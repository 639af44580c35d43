//! What the link reports, from its queue to the machine, the dialogue and the counts.
//!
//! Never lets a flood of messages keep timers and orders from their turn.

use std::time::Duration;

use super::super::classify;
use super::super::link::Link;
use super::super::machine::{Input, LinkReport};
use super::super::path;
use super::super::report::Report;
use super::Connection;
use crate::clock::{self, Now};
use crate::telemetry::Tally;

/// Reports taken from the link before timers and orders get their turn …
const BURST: usize = 512;
/// … if they take no longer than this, however long each of them takes …
const TURN: Duration = Duration::from_millis(5);
/// … which is looked at after so many.
const LOOK: usize = 16;

impl Connection {
    /// Takes what the link has ready, then lets the dialogue speak once.
    pub(super) fn burst(&mut self, first: Report) {
        let (mut now, mut tally) = (clock::now(), Tally::default());
        let (ends, mut report) = (now.at + TURN, Some(first));
        for count in 1..=BURST {
            match report {
                None => break,
                Some(Report::Message(message)) => self.hear(&message, now, &mut tally),
                Some(other) => {
                    self.heard(&mut tally, now);
                    self.report(other, now);
                }
            }
            if count.is_multiple_of(LOOK) {
                now = clock::now();
                if now.at >= ends {
                    break;
                }
            }
            report = if count < BURST { self.link.as_mut().and_then(Link::try_next) } else { None };
        }
        self.heard(&mut tally, now);
        if let Some(link) = &self.link {
            self.recorder.traffic().in_flight(link.in_flight());
        }
        self.converse(now);
    }

    /// What the broker counts as delivered is heard before the link is closed.
    pub(super) fn hear_the_rest(&mut self, now: Now) {
        let mut tally = Tally::default();
        while let Some(report) = self.link.as_mut().and_then(Link::try_next) {
            if let Report::Message(message) = report {
                self.hear(&message, now, &mut tally);
            }
        }
        if !tally.is_empty() {
            self.recorder.traffic().count(&tally, now);
        }
    }

    fn report(&mut self, report: Report, now: Now) {
        let report = match report {
            Report::Entered(phase) => LinkReport::Entered(phase),
            Report::Finished(time) => LinkReport::Finished(time),
            Report::Terms(terms) => {
                tracing::debug!(connection = self.name, ?terms, "the broker has terms of its own");
                match terms.keep_alive {
                    Some(keep_alive) => LinkReport::KeepAlive(keep_alive),
                    None => LinkReport::Progress,
                }
            }
            Report::Accepted { session_present, peer, local, certificate_expires } => {
                self.quarantine.accepted(now.at);
                self.reached = true;
                let filters = self.leaving.accepted(session_present);
                if filters > 0 {
                    tracing::info!(
                        connection = self.name,
                        filters,
                        "the broker kept the session with filters that are not configured any more: unsubscribing from \
                         them (what it had queued for them may still come and is ignored; nothing else is lost)"
                    );
                }
                LinkReport::Accepted { session_present, peer, local, certificate_expires }
            }
            Report::Restored { active, refused } => {
                self.leaving.restored();
                LinkReport::Restored { active, refused }
            }
            Report::Message(message) => {
                let mut tally = Tally::default();
                self.hear(&message, now, &mut tally);
                self.recorder.traffic().count(&tally, now);
                LinkReport::Progress
            }
            Report::Acknowledged(token) => {
                self.taken(token);
                LinkReport::Progress
            }
            Report::Refused { token, code } => {
                self.refused(token, code);
                LinkReport::Progress
            }
            Report::Pinged(took) => {
                self.recorder.traffic().pinged(took, now);
                LinkReport::Progress
            }
            Report::Arriving => LinkReport::Progress,
            Report::Tcp(info) => {
                self.recorder.traffic().tcp(&info);
                self.recorder.path(path::is_suspect(&info));
                LinkReport::Progress
            }
            // A finished link is dropped before the machine hears of it: the next one may be opened at once.
            Report::Failed(failure) => {
                let failure = match self.link.take() {
                    Some(link) => classify::hinted(failure, link.plan()),
                    None => failure,
                };
                LinkReport::Failed(failure)
            }
            Report::Ended(mut ending) => {
                self.link = None;
                self.judge_packets(&mut ending, now);
                // Without a talk nobody takes it, and it would be told of the next session.
                self.alive = self.talking.then_some(ending.alive);
                self.stop_hearing(ending.alive);
                LinkReport::Ended(ending)
            }
        };
        self.step(Input::Link { generation: self.machine.generation(), report }, now);
    }
}
