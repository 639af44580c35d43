//! The reconnecting connection as a pure machine: an input and the time in, actions out.
//! Never does anything itself: no socket, no timer, no clock, no log line.

mod guard;
mod retry;
mod state;
#[cfg(test)]
mod tests;
mod time;
mod words;

use std::sync::Arc;

use retry::{Rest, Retry};
use state::{Attempt, Parting, Session, State, Then};

pub use words::{Action, Facts, Input, LinkReport, Rebuild};

use super::ending::{EndedBy, Ending, LinkStats};
use super::error::ErrorName;
use super::{Failure, Phase};
use crate::clock::{Instant, Now};
use crate::config::Policy;
use crate::lifecycle::{CloseCause, Event, StateName};

/// The reconnecting connection. See [`Input`], [`Action`] and the states in this file.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    policy: Arc<Policy>,
    retry: Retry,
    state: State,
    /// The number of the attempt under way; older reports are late.
    generation: u64,
}

impl Machine {
    /// A machine that waits for [`Input::Start`]. The seed makes its jitter.
    #[must_use]
    pub fn new(policy: Policy, seed: u64) -> Self {
        let policy = Arc::new(policy);
        Self { retry: Retry::new(Arc::clone(&policy), seed), policy, state: State::Idle, generation: 0 }
    }

    /// What it is doing, in an operator's words. While a link closes the connection is between attempts.
    #[must_use]
    pub const fn state(&self) -> StateName {
        match self.state {
            State::Idle => StateName::Idle,
            State::Planning { .. } => StateName::Planning,
            State::Connecting { .. } => StateName::Connecting,
            State::Subscribing { .. } => StateName::Subscribing,
            State::Online { .. } => StateName::Online,
            State::Closing { .. } | State::Waiting { .. } => StateName::Waiting,
            State::Stopped => StateName::Stopped,
        }
    }

    /// Whether time alone brings the next attempt: nothing is under way, and no link closes.
    #[must_use]
    pub const fn rests(&self) -> bool {
        match self.state {
            State::Idle | State::Waiting { .. } => true,
            State::Planning { .. }
            | State::Connecting { .. }
            | State::Subscribing { .. }
            | State::Online { .. }
            | State::Closing { .. }
            | State::Stopped => false,
        }
    }

    /// The number of the attempt under way or last made.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Takes one input and appends what is to be done.
    pub fn step(&mut self, input: Input, now: Now, actions: &mut Vec<Action>) {
        match input {
            Input::Start => match self.state {
                State::Idle => self.begin(Attempt { tier: self.retry.tier(), number: 1 }, now.at, actions),
                State::Planning { .. }
                | State::Connecting { .. }
                | State::Subscribing { .. }
                | State::Online { .. }
                | State::Closing { .. }
                | State::Waiting { .. }
                | State::Stopped => {}
            },
            Input::Plan { generation, outcome } if generation == self.generation => {
                self.planned(outcome, now.at, actions);
            }
            Input::Link { generation, report } if generation == self.generation => {
                self.reported(report, now.at, actions);
            }
            Input::Rebuild { generation, rebuild } if generation == self.generation => {
                self.rebuild(rebuild, now.at, actions);
            }
            Input::Plan { .. } | Input::Link { .. } | Input::Rebuild { .. } => {}
            Input::Tick => self.tick(now.at, actions),
            Input::NetworkBack => self.network_back(now.at, actions),
            Input::Stop => self.stop(CloseCause::Shutdown, now.at, actions),
            Input::Reload => self.stop(CloseCause::Reload, now.at, actions),
        }
    }

    fn begin(&mut self, attempt: Attempt, now: Instant, actions: &mut Vec<Action>) {
        let Attempt { tier, number } = attempt;
        self.generation += 1;
        self.retry.attempt_begins(now);
        self.state =
            State::Planning { attempt, guard: now + guard::limit(&self.policy, Phase::Credentials, None) };
        actions.push(Action::Record(Event::AttemptStarted { tier, number }));
        actions.push(Action::Plan { generation: self.generation, tier });
    }

    fn planned(&mut self, outcome: Result<Facts, Failure>, now: Instant, actions: &mut Vec<Action>) {
        let State::Planning { attempt, .. } = self.state else { return };
        match outcome {
            Ok(facts) => {
                self.retry.planned(&facts);
                let guard = now + guard::limit(&self.policy, Phase::Dns, None);
                self.state = State::Connecting { attempt, facts, phase: Phase::Dns, guard };
                actions.push(Action::Connect { generation: self.generation });
            }
            Err(failure) => self.attempt_failed(attempt, failure, now, actions),
        }
    }

    fn reported(&mut self, report: LinkReport, now: Instant, actions: &mut Vec<Action>) {
        self.heard(now);
        match report {
            LinkReport::Entered(phase) => self.entered(phase, now, actions),
            LinkReport::Finished(phase) => {
                if self.has_link() {
                    actions.push(Action::Record(Event::PhaseFinished(phase)));
                }
            }
            LinkReport::KeepAlive(keep_alive) => {
                if let State::Connecting { facts, .. } = &mut self.state {
                    facts.keep_alive = keep_alive;
                }
            }
            LinkReport::Accepted { session_present, peer, local, certificate_expires } => {
                let State::Connecting { attempt, facts, .. } = self.state else { return };
                self.retry.accepted();
                let renew = self.retry.renewal_age(&facts).map(|age| now + age);
                let guard = now + guard::limit(&self.policy, Phase::Subscribe, Some(&facts));
                let session = Session { tier: attempt.tier, facts, since: now, renew };
                self.state = State::Subscribing { session, guard };
                actions.push(Action::Record(Event::Established {
                    session_present,
                    attempts: attempt.number,
                    peer,
                    local,
                    subscriptions: facts.subscriptions,
                    keep_alive: facts.keep_alive,
                    credentials_expire: facts.credentials_expire,
                    certificate_expires,
                }));
            }
            LinkReport::Restored { active, refused } => {
                let State::Subscribing { session, .. } = self.state else { return };
                self.state = State::Online { session, heard: now };
                actions.push(Action::Record(Event::Restored { active, refused }));
                actions.push(Action::TalkBegins);
            }
            LinkReport::Progress => {}
            LinkReport::Failed(failure) => self.link_over(failure, None, now, actions),
            LinkReport::Ended(ending) => self.link_over(ending.failure.clone(), Some(ending), now, actions),
            LinkReport::Closed(ending) => self.link_closed(ending, now, actions),
        }
    }

    /// Whether a link dials or works, and is not being closed.
    const fn has_link(&self) -> bool {
        match self.state {
            State::Connecting { .. } | State::Subscribing { .. } | State::Online { .. } => true,
            State::Idle
            | State::Planning { .. }
            | State::Closing { .. }
            | State::Waiting { .. }
            | State::Stopped => false,
        }
    }

    fn heard(&mut self, now: Instant) {
        match &mut self.state {
            State::Online { heard, .. } => *heard = now,
            // A SUBACK stands behind what the broker had kept for us.
            State::Subscribing { session, guard } => {
                let last = session.since + guard::patience(&self.policy, &session.facts);
                *guard = (*guard).max((now + guard::limit(&self.policy, Phase::Subscribe, None)).min(last));
            }
            State::Idle
            | State::Planning { .. }
            | State::Connecting { .. }
            | State::Closing { .. }
            | State::Waiting { .. }
            | State::Stopped => {}
        }
    }

    fn entered(&mut self, entered: Phase, now: Instant, actions: &mut Vec<Action>) {
        if !self.has_link() {
            return;
        }
        if entered == Phase::Connack {
            self.retry.connect_sent(now);
        }
        if let State::Connecting { phase, guard, .. } = &mut self.state {
            *phase = entered;
            *guard = now + guard::limit(&self.policy, entered, None);
        }
        actions.push(Action::Record(Event::PhaseEntered(entered)));
    }

    /// The link is finished, and says of what.
    fn link_over(
        &mut self,
        failure: Failure,
        ending: Option<Box<Ending>>,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        match self.state {
            State::Connecting { attempt, .. } => self.attempt_failed(attempt, failure, now, actions),
            State::Subscribing { session, .. } | State::Online { session, .. } => {
                self.end_talk(actions);
                let age = now.saturating_since(session.since);
                let rest = self.retry.after_drop(&failure, session.tier, age, &session.facts, now);
                let ending = ending.unwrap_or_else(|| bare_ending(failure, EndedBy::LocalError, now));
                actions.push(Action::Record(Event::Dropped(ending)));
                self.rest(rest, 1, now, actions);
            }
            // It ended while we closed it: closed is closed.
            State::Closing { .. } => self.link_closed(ending, now, actions),
            State::Idle | State::Planning { .. } | State::Waiting { .. } | State::Stopped => {}
        }
    }

    fn attempt_failed(
        &mut self,
        attempt: Attempt,
        failure: Failure,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let rest = self.retry.after_failure(&failure, attempt.tier, now);
        actions.push(Action::Record(Event::AttemptFailed { failure, interrupted: false }));
        self.rest(rest, attempt.number.saturating_add(1), now, actions);
    }

    /// Waits, or begins at once when nothing is left to wait for. No link may be open.
    fn rest(&mut self, rest: Rest, number: u32, now: Instant, actions: &mut Vec<Action>) {
        let delay = rest.until.saturating_since(now);
        if delay.is_zero() {
            self.begin(Attempt { tier: rest.tier, number }, now, actions);
            return;
        }
        self.state = State::Waiting { rest, number };
        actions.push(Action::Record(Event::Waiting { delay, why: rest.why }));
    }

    fn rebuild(&mut self, rebuild: Rebuild, now: Instant, actions: &mut Vec<Action>) {
        match self.state {
            State::Subscribing { session, .. } | State::Online { session, .. } => {
                let age = now.saturating_since(session.since);
                let rest = self.retry.after_rebuild(rebuild, age, now);
                let cause = match rebuild {
                    Rebuild::Everything => CloseCause::DeepReconnect,
                    Rebuild::Plan => CloseCause::Reload,
                    Rebuild::Probe => CloseCause::Probe,
                };
                self.close(Parting::Closed(cause), Then::Rest { rest, number: 1 }, now, actions);
            }
            State::Idle
            | State::Planning { .. }
            | State::Connecting { .. }
            | State::Closing { .. }
            | State::Waiting { .. }
            | State::Stopped => {}
        }
    }

    /// Closes the link that is open. Nothing else happens until it is closed or its limit is over.
    fn close(&mut self, parting: Parting, then: Then, now: Instant, actions: &mut Vec<Action>) {
        let guard = now + guard::limit(&self.policy, Phase::Shutdown, None);
        let alive = match &self.state {
            State::Online { heard, .. } => *heard,
            State::Idle
            | State::Planning { .. }
            | State::Connecting { .. }
            | State::Subscribing { .. }
            | State::Closing { .. }
            | State::Waiting { .. }
            | State::Stopped => now,
        };
        // The farewell is the dialogue's last word, so the talk ends after the close has begun.
        actions.push(Action::Close { generation: self.generation });
        self.end_talk(actions);
        self.state = State::Closing { parting, then, alive, guard };
    }

    fn end_talk(&self, actions: &mut Vec<Action>) {
        if matches!(self.state, State::Online { .. }) {
            actions.push(Action::TalkEnds);
        }
    }

    fn link_closed(&mut self, ending: Option<Box<Ending>>, now: Instant, actions: &mut Vec<Action>) {
        let State::Closing { parting, then, alive, .. } = &self.state else { return };
        let (parting, then, alive) = (parting.clone(), *then, *alive);
        match parting {
            Parting::Silent => {}
            Parting::Closed(cause) => actions.push(Action::Record(Event::Closed { cause, ending })),
            Parting::Dropped(failure) => {
                let ending = match ending {
                    Some(known) => Box::new(Ending { failure, ended_by: EndedBy::Timeout, ..*known }),
                    None => bare_ending(failure, EndedBy::Timeout, alive),
                };
                actions.push(Action::Record(Event::Dropped(ending)));
            }
        }
        match then {
            Then::Rest { rest, number } => self.rest(rest, number, now, actions),
            Then::Stop => self.stopped(actions),
        }
    }

    fn stop(&mut self, cause: CloseCause, now: Instant, actions: &mut Vec<Action>) {
        match &mut self.state {
            State::Idle | State::Waiting { .. } => self.stopped(actions),
            State::Planning { .. } => {
                actions.push(Action::AbandonPlan);
                actions.push(Action::Record(interrupted(Phase::Credentials, cause)));
                self.stopped(actions);
            }
            State::Connecting { phase, .. } => {
                actions.push(Action::Record(interrupted(*phase, cause)));
                self.close(Parting::Silent, Then::Stop, now, actions);
            }
            State::Subscribing { .. } | State::Online { .. } => {
                self.close(Parting::Closed(cause), Then::Stop, now, actions);
            }
            State::Closing { then, .. } => *then = Then::Stop,
            State::Stopped => {}
        }
    }

    fn stopped(&mut self, actions: &mut Vec<Action>) {
        self.state = State::Stopped;
        actions.push(Action::Record(Event::Stopped));
    }
}

fn interrupted(phase: Phase, cause: CloseCause) -> Event {
    let message = format!("interrupted by {}", cause.as_str());
    let failure = Failure::new(phase, ErrorName::UserRequestedStop, message);
    Event::AttemptFailed { failure, interrupted: true }
}

/// The end of a session of which the link told nothing.
fn bare_ending(failure: Failure, ended_by: EndedBy, alive: Instant) -> Box<Ending> {
    Box::new(Ending { failure, ended_by, alive, stats: LinkStats::default(), tcp: None })
}
