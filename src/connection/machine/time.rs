//! What the passing of time does to a connection: deadlines, guards, renewal, waits.
//! Never keeps a timer: the deadline is derived from the state whenever it is asked for.

use super::retry::Rest;
use super::state::{Attempt, Parting, Session, State, Then};
use super::words::Action;
use super::{Machine, guard};
use crate::clock::Instant;
use crate::connection::{Failure, Phase};
use crate::lifecycle::Why;
use crate::lifecycle::{CloseCause, Event};

impl Machine {
    /// When [`Input::Tick`](super::Input::Tick) is needed next. Asked after every step: derived from the state, it cannot be stale.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Idle | State::Stopped => None,
            State::Planning { guard, .. }
            | State::Connecting { guard, .. }
            | State::Subscribing { guard, .. }
            | State::Closing { guard, .. } => Some(*guard),
            State::Online { session, heard } => {
                let silent = guard::silence(&self.policy, &session.facts).map(|silence| *heard + silence);
                [session.renew, silent].into_iter().flatten().min()
            }
            State::Waiting { rest, .. } => Some(rest.until),
        }
    }

    /// Does what the time demands, if it demands anything.
    pub(super) fn tick(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.state {
            State::Idle | State::Stopped => {}
            State::Planning { attempt, .. } => {
                actions.push(Action::AbandonPlan);
                let limit = guard::limit(&self.policy, Phase::Credentials, None);
                self.attempt_failed(attempt, guard::expired(Phase::Credentials, limit), now, actions);
            }
            State::Connecting { attempt, phase, .. } => {
                let failure = guard::expired(phase, guard::limit(&self.policy, phase, None));
                let rest = self.retry.after_failure(&failure, attempt.tier, now);
                actions.push(Action::Record(Event::AttemptFailed { failure, interrupted: false }));
                let then = Then::Rest { rest, number: attempt.number.saturating_add(1) };
                self.close(Parting::Silent, then, now, actions);
            }
            State::Subscribing { session, .. } => {
                let limit = now.saturating_since(session.since);
                self.give_up(session, guard::expired(Phase::Subscribe, limit), now, actions);
            }
            State::Online { session, heard } => self.tick_online(session, heard, now, actions),
            State::Closing { .. } => {
                actions.push(Action::Abandon);
                self.link_closed(None, now, actions);
            }
            State::Waiting { rest, number } => self.begin(Attempt { tier: rest.tier, number }, now, actions),
        }
    }

    fn tick_online(&mut self, session: Session, heard: Instant, now: Instant, actions: &mut Vec<Action>) {
        if session.renew.is_some_and(|renew| renew <= now) {
            let rest = self.retry.after_renewal(now);
            let parting = Parting::Closed(CloseCause::Renewal);
            self.close(parting, Then::Rest { rest, number: 1 }, now, actions);
            return;
        }
        let Some(silence) = guard::silence(&self.policy, &session.facts) else { return };
        let overdue = now.saturating_since(heard + silence);
        if overdue <= guard::GRACE {
            self.give_up(session, guard::stalled(silence), now, actions);
        } else if let State::Online { heard, .. } = &mut self.state {
            // A tick that is itself late says that this machine slept, and nothing about the link.
            *heard = now;
        }
    }

    /// A session whose link hangs: that is a drop, although it is we who close.
    fn give_up(&mut self, session: Session, failure: Failure, now: Instant, actions: &mut Vec<Action>) {
        let age = now.saturating_since(session.since);
        let rest = self.retry.after_drop(&failure, session.tier, age, &session.facts, now);
        self.close(Parting::Dropped(failure), Then::Rest { rest, number: 1 }, now, actions);
    }

    pub(super) fn network_back(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let State::Waiting { rest, number } = self.state else { return };
        if rest.for_network && rest.floor < rest.until {
            // Not for the network any more: a flapping route does not shorten the wait twice.
            let sooner =
                Rest { until: rest.floor.max(now), for_network: false, why: Why::NetworkBack, ..rest };
            self.rest(sooner, number, now, actions);
        }
    }
}
