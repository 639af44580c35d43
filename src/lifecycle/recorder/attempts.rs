//! What the recorder makes of attempts: their phases, their credentials, how they fail.
//! Never of what follows an accepted one: that is a session.

use super::Recorder;
use crate::clock::Now;
use crate::connection::ending::PhaseTime;
use crate::connection::{Failure, Phase, Tier};
use crate::diagnosis::EventKind;
use crate::lifecycle::board::{LastFailure, lock};
use crate::lifecycle::history::{AttemptOutcome, Happening};
use crate::lifecycle::observer::Fact;
use crate::lifecycle::open::OpenAttempt;
use crate::lifecycle::{CredentialEvent, StateName, log, narrate};

impl Recorder {
    pub(super) fn attempt_started(&mut self, tier: Tier, number: u32, now: Now) {
        self.tries_again(now);
        self.attempt = Some(OpenAttempt { start: now, number, tier, phases: Vec::new() });
        self.next_attempt = number.saturating_add(1);
        self.metrics.attempt_started(tier);
        self.enter(StateName::Planning, narrate::attempting(number, tier, None), now, |status| {
            status.attempt = Some((number, tier));
            status.next_attempt = None;
        });
        log::attempt_started(&self.name, tier, number);
    }

    pub(super) fn credentials(&mut self, event: &CredentialEvent, now: Now) {
        self.metrics.credentials(event);
        log::credentials(&self.name, event);
        if event.outcome.is_ok() {
            self.credentials_issued = Some(now.wall);
            self.happened(Happening { kind: EventKind::CredentialRefresh, at: now });
        }
    }

    pub(super) fn phase_entered(&mut self, phase: Phase, now: Now) {
        let state = match phase {
            Phase::Credentials => Some(StateName::Planning),
            Phase::Dns | Phase::Tcp | Phase::Proxy | Phase::Tls | Phase::Websocket | Phase::Connack => {
                Some(StateName::Connecting)
            }
            // These follow a session's own events, which say more.
            Phase::Subscribe | Phase::Session | Phase::Shutdown => None,
        };
        if state == Some(StateName::Connecting) {
            self.planning_finished(now);
        }
        match (state, &self.attempt) {
            (Some(state), Some(attempt)) => {
                let why = narrate::attempting(attempt.number, attempt.tier, Some(phase));
                self.enter(state, why, now, |status| status.phase = Some(phase));
            }
            (Some(_) | None, _) => lock(&self.status).phase = Some(phase),
        }
    }

    /// The first phase of the dialling ends the planning, which is the phase of credentials.
    pub(super) fn planning_finished(&mut self, now: Now) {
        if let Some(attempt) = self.attempt.as_ref().filter(|attempt| attempt.phases.is_empty()) {
            let took = now.at.saturating_since(attempt.start.at);
            self.phase_finished(PhaseTime { phase: Phase::Credentials, took });
        }
    }

    pub(super) fn phase_finished(&mut self, time: PhaseTime) {
        self.metrics.phase_finished(time);
        if let Some(session) = &mut self.session {
            session.phases.push(time);
        } else if let Some(attempt) = &mut self.attempt {
            attempt.phases.push(time);
        }
    }

    pub(super) fn attempt_interrupted(&mut self, attempt: Option<OpenAttempt>, now: Now) {
        self.keep_attempt(attempt, AttemptOutcome::Interrupted, now);
        self.last_failure = None;
        self.enter(StateName::Waiting, "the attempt was interrupted".to_owned(), now, |_| {});
        log::attempt_interrupted(&self.name);
    }

    pub(super) fn attempt_failed(&mut self, attempt: Option<OpenAttempt>, failure: Failure, now: Now) {
        self.keep_attempt(attempt, AttemptOutcome::Failed(failure.clone()), now);
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        self.metrics.attempt_failed(failure.phase, failure.error, self.consecutive_failures);
        let consecutive_failures = self.consecutive_failures;
        self.enter(StateName::Waiting, narrate::reason(&failure), now, |status| {
            status.consecutive_failures = consecutive_failures;
            status.last_failure = Some(LastFailure::of(&failure, now));
        });
        let (times, loudness) = self.repeats.hear(&failure);
        log::attempt_failed(&self.name, &failure, times, loudness);
        self.attempt_after_drop(&failure, now);
        self.last_loudness = loudness;
        self.last_failure = Some(failure);
    }

    pub(super) fn keep_attempt(&mut self, attempt: Option<OpenAttempt>, outcome: AttemptOutcome, now: Now) {
        if let Some(attempt) = attempt {
            let attempt = attempt.over(outcome, now);
            self.history.write(|history| history.add_attempt(attempt.clone()));
            self.tell(&Fact::Attempt(&attempt), now);
        }
    }
}
