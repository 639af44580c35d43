//! When to try again and how deep, remembered from attempt to attempt.
//! Never looks at the machine's state: it is told what ended and answers with a [`Rest`].

use std::sync::Arc;
use std::time::Duration;

use super::words::{Facts, Rebuild};
use crate::clock::Instant;
use crate::config::{Policy, Recovery};
use crate::connection::backoff::{self, Pace};
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::takeover::{self, Takeovers};
use crate::connection::{Failure, Tier};
use crate::lifecycle::Why;

/// Attempts begin at least this far apart, however short the jitter and however often the network comes back.
const ATTEMPT_SPACING: Duration = Duration::from_millis(500);

/// Sessions at least this long may end and begin for ever without a growing wait: there are sixty an hour.
const SHORT_SESSION: Duration = Duration::from_secs(60);

/// A longer `Retry-After` is a mistake of the peer.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// A wait, and what comes after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rest {
    /// When the next attempt begins.
    pub(super) until: Instant,
    /// Not before this, whatever good news comes: the peer asked for it, or two CONNECTs need their distance.
    pub(super) floor: Instant,
    /// The network coming back ends it.
    pub(super) for_network: bool,
    /// Tier of the next attempt.
    pub(super) tier: Tier,
    /// Why.
    pub(super) why: Why,
}

/// The memory of the policy.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Retry {
    policy: Arc<Policy>,
    rng: fastrand::Rng,
    /// Attempts that failed or led to an unstable session, in a row.
    failures: u32,
    /// Short sessions, not interrupted by a longer one.
    kicks: u32,
    /// The credentials at hand were refused; forgotten when a session is accepted.
    refused: bool,
    takeovers: Takeovers,
    attempt_began: Instant,
    connect_sent: Option<Instant>,
    min_connect_interval: Duration,
}

impl Retry {
    pub(super) fn new(policy: Arc<Policy>, seed: u64) -> Self {
        Self {
            policy,
            rng: fastrand::Rng::with_seed(seed),
            failures: 0,
            kicks: 0,
            refused: false,
            takeovers: Takeovers::default(),
            attempt_began: Instant::default(),
            connect_sent: None,
            min_connect_interval: Duration::ZERO,
        }
    }

    pub(super) const fn attempt_begins(&mut self, now: Instant) {
        self.attempt_began = now;
    }

    pub(super) const fn planned(&mut self, facts: &Facts) {
        self.min_connect_interval = facts.min_connect_interval;
    }

    /// CONNECT went out: the distance to the next one counts from here, however long dialling took.
    pub(super) const fn connect_sent(&mut self, now: Instant) {
        self.connect_sent = Some(now);
    }

    pub(super) const fn accepted(&mut self) {
        self.refused = false;
    }

    /// The age at which a session is renewed, if it has to be. Below the service's limit by a 24th (an hour of a
    /// day) and a random part of half as much, so that many connections do not renew together.
    pub(super) fn renewal_age(&mut self, facts: &Facts) -> Option<Duration> {
        let from_lifetime = facts.lifetime.filter(|lifetime| !lifetime.is_zero()).map(|lifetime| {
            let hour = lifetime / 24;
            lifetime.saturating_sub(hour).saturating_sub(hour.mul_f64(0.5 * self.rng.f64()))
        });
        self.policy.renew_after.or(from_lifetime)
    }

    /// An attempt failed before a session was accepted.
    pub(super) fn after_failure(&mut self, failure: &Failure, tier: Tier, now: Instant) -> Rest {
        self.failures = self.failures.saturating_add(1);
        let step = self.failures - 1;
        if failure.error == ErrorName::ConnectionRefused {
            self.takeovers.take_back();
        }
        let rest = match failure.class {
            RetryClass::Network => self.rest(Pace::Network, step, Why::Network, now),
            RetryClass::Service => self.rest(Pace::Service, step, Why::Service, now),
            RetryClass::Credential => self.after_refusal(tier, now),
            RetryClass::Setup => self.rest(Pace::Setup, step, Why::Setup, now),
        };
        self.at_limit(heeding(failure, rest, now), now)
    }

    /// A session ended without our asking.
    pub(super) fn after_drop(
        &mut self,
        failure: &Failure,
        tier: Tier,
        age: Duration,
        facts: &Facts,
        now: Instant,
    ) -> Rest {
        let stable = self.judge(age);
        let taken_over = !facts.one_time_client_id
            && takeover::looks_like(failure, age, facts.fin_is_orderly)
            && self.takeovers.note(&self.policy, now);
        let rest = match failure.class {
            // Refused after a stable session: that is no repetition of the sign-in before it.
            RetryClass::Credential => self.after_refusal(if stable { Tier::Quick } else { tier }, now),
            // What worked for long is not set up wrongly, whatever it died of.
            RetryClass::Setup if !stable => self.rest(Pace::Setup, 0, Why::Setup, now),
            RetryClass::Service | RetryClass::Setup => self.rest(Pace::Service, 0, Why::Dropped, now),
            RetryClass::Network => self.rest(Pace::Network, 0, Why::Dropped, now),
        };
        let rest = self.after_kicks(rest, now);
        let rest = self.at_limit(heeding(failure, rest, now), now);
        if taken_over {
            let away = now + backoff::spread(self.policy.takeover_rest, &mut self.rng);
            return Rest { until: away.max(rest.until), for_network: false, why: Why::Takeover, ..rest };
        }
        rest
    }

    /// We closed a session because its dialogue asked for another one. Short ones count as kicks: we must not run
    /// in a loop of our own making either.
    pub(super) fn after_rebuild(&mut self, rebuild: Rebuild, age: Duration, now: Instant) -> Rest {
        self.judge(age);
        let rest = self.after_kicks(self.at_floor(Why::Spacing, now), now);
        match rebuild {
            Rebuild::Everything => Rest { tier: self.deepest(), ..rest },
            Rebuild::Plan | Rebuild::Probe => rest,
        }
    }

    /// We closed a session to renew it in time.
    pub(super) fn after_renewal(&self, now: Instant) -> Rest {
        self.at_floor(Why::Spacing, now)
    }

    /// Decides whether a session was stable, and forgives or counts.
    fn judge(&mut self, age: Duration) -> bool {
        let stable = age >= self.policy.stable_after;
        self.failures = if stable { 0 } else { self.failures.saturating_add(1) };
        let kicked = age < self.policy.stable_after.max(SHORT_SESSION);
        self.kicks = if kicked { self.kicks.saturating_add(1) } else { 0 };
        stable
    }

    /// From the second short session in a row on, waits grow, whatever ended them.
    fn after_kicks(&mut self, rest: Rest, now: Instant) -> Rest {
        let Some(step) = self.kicks.checked_sub(1).filter(|step| *step > 0) else { return rest };
        let kicked = self.rest(Pace::Kicked, step, Why::Kicked, now);
        if kicked.until > rest.until { Rest { tier: rest.tier, ..kicked } } else { rest }
    }

    /// Refused credentials: new ones at once, unless these were new or this policy obtains none.
    fn after_refusal(&mut self, tier: Tier, now: Instant) -> Rest {
        self.refused = true;
        match (tier, self.deepest()) {
            (Tier::Quick, Tier::Deep) => self.rest(Pace::Network, 0, Why::Credentials, now),
            (Tier::Deep, _) | (Tier::Quick, Tier::Quick) => {
                self.rest(Pace::Setup, 0, Why::CredentialsRefused, now)
            }
        }
    }

    fn rest(&mut self, pace: Pace, step: u32, why: Why, now: Instant) -> Rest {
        let floor = self.floor();
        let until = (now + backoff::wait(&self.policy, pace, step, &mut self.rng)).max(floor);
        let for_network = match pace {
            Pace::Network => true,
            Pace::Service | Pace::Setup | Pace::Kicked => false,
        };
        Rest { until, floor, for_network, tier: self.tier(), why }
    }

    fn at_floor(&self, why: Why, now: Instant) -> Rest {
        let floor = self.floor();
        Rest { until: floor.max(now), floor, for_network: false, tier: self.tier(), why }
    }

    /// After so many failures in a row: a long rest, then a new count that begins with everything rebuilt.
    /// The kicks are not forgiven, or a kick-out loop would begin at short waits again.
    fn at_limit(&mut self, rest: Rest, now: Instant) -> Rest {
        if self.policy.max_attempts.is_none_or(|limit| self.failures < limit.max(1)) {
            return rest;
        }
        self.failures = 0;
        let until = now + backoff::spread(self.policy.max_delay_setup, &mut self.rng);
        let tier = if self.policy.deep_after.is_some() { self.deepest() } else { rest.tier };
        Rest { until: until.max(rest.until), for_network: false, tier, why: Why::AttemptLimit, ..rest }
    }

    fn floor(&self) -> Instant {
        let attempt = self.attempt_began + ATTEMPT_SPACING;
        self.connect_sent.map_or(attempt, |sent| attempt.max(sent + self.min_connect_interval))
    }

    /// Tier of the next attempt: by count, or because new credentials are needed.
    pub(super) fn tier(&self) -> Tier {
        let always = self.policy.recovery == Recovery::RefreshCredentials;
        let counted = self
            .policy
            .deep_after
            .is_some_and(|n| self.failures > 0 && self.failures.is_multiple_of(n.max(1)));
        if always || counted || self.refused { self.deepest() } else { Tier::Quick }
    }

    /// How deep this policy goes at all.
    fn deepest(&self) -> Tier {
        match self.policy.recovery {
            Recovery::ResetAndRetry => Tier::Quick,
            Recovery::TwoTier
            | Recovery::RecreateClient
            | Recovery::RefreshCredentials
            | Recovery::Exponential => Tier::Deep,
        }
    }
}

/// The peer's own wish for a wait goes above everything of ours.
fn heeding(failure: &Failure, rest: Rest, now: Instant) -> Rest {
    match failure.retry_after {
        None => rest,
        Some(after) => {
            let floor = rest.floor.max(now + after.min(LONGEST_RETRY_AFTER));
            Rest { until: rest.until.max(floor), floor, ..rest }
        }
    }
}
