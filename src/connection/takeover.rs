//! Recognises that another client with our client id throws us out, again and again.
//! Never decides what to do about it: two clients that both reconnect at once loop for ever, so the policy rests.

use std::time::Duration;

use super::error::ErrorName;
use super::{Detail, Failure};
use crate::clock::Instant;
use crate::config::Policy;

/// Orderly closes of older sessions have other reasons (lifetime limits, deployments of the service).
const YOUNG_SESSION: Duration = Duration::from_secs(120);

/// MQTT 5 DISCONNECT reason "session taken over".
const SESSION_TAKEN_OVER: u8 = 0x8E;

/// Takeover-like drops of late.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Takeovers {
    seen: Vec<Instant>,
    /// The newest of them may still turn out to be something else.
    open: bool,
}

impl Takeovers {
    /// Notes a takeover-like drop; true when there were so many of late that it is time to stay away.
    ///
    /// Then the count begins anew: each rest needs its own evidence. A limit of 0 turns the rule off.
    pub fn note(&mut self, policy: &Policy, now: Instant) -> bool {
        self.seen.retain(|then| now.saturating_since(*then) < policy.takeover_window);
        self.seen.push(now);
        self.open = true;
        let limit = usize::try_from(policy.takeover_count).unwrap_or(usize::MAX);
        let reached = limit > 0 && self.seen.len() >= limit;
        if reached || limit == 0 {
            self.seen.clear();
        }
        reached
    }

    /// The last one was none: nobody listens there any more, so it was the broker that went.
    pub fn take_back(&mut self) {
        if std::mem::take(&mut self.open) {
            self.seen.pop();
        }
    }
}

/// Whether a session that ended so, at this age, may have been taken over.
///
/// A broker without TLS and WebSocket has no more orderly end than a FIN (`fin_is_orderly`): Mosquitto 2.0.11 says
/// nothing else on a takeover.
#[must_use]
pub fn looks_like(failure: &Failure, age: Duration, fin_is_orderly: bool) -> bool {
    if failure.error == ErrorName::DisconnectReceived {
        return failure.detail == Detail::Disconnect(Some(SESSION_TAKEN_OVER));
    }
    let orderly = failure.error == ErrorName::UnexpectedHangup
        || (fin_is_orderly && failure.error == ErrorName::SocketClosed && failure.detail == Detail::Fin);
    orderly && age < YOUNG_SESSION
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Phase;

    fn at(seconds: u64) -> Instant {
        Instant::from_boot(Duration::from_secs(seconds))
    }

    fn ended(error: ErrorName, detail: Detail) -> Failure {
        Failure::new(Phase::Session, error, "test").with_detail(detail)
    }

    #[test]
    fn the_third_in_ten_minutes_is_too_many() {
        let (policy, mut takeovers) = (Policy::default(), Takeovers::default());
        assert_eq!([0, 100, 599].map(|t| takeovers.note(&policy, at(t))), [false, false, true]);
    }

    #[test]
    fn three_in_more_than_ten_minutes_are_not() {
        let (policy, mut takeovers) = (Policy::default(), Takeovers::default());
        assert_eq!([0, 100, 600].map(|t| takeovers.note(&policy, at(t))), [false, false, false]);
    }

    #[test]
    fn a_rest_forgets_the_evidence_for_it() {
        let (policy, mut takeovers) = (Policy::default(), Takeovers::default());
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(|t| takeovers.note(&policy, at(t))).map(u8::from),
            [0, 0, 1, 0, 0, 1]
        );
    }

    #[test]
    fn a_drop_after_which_nobody_listens_is_taken_back_once() {
        let (policy, mut takeovers) = (Policy::default(), Takeovers::default());
        for restart in 0..9 {
            assert!(!takeovers.note(&policy, at(restart)));
            takeovers.take_back();
        }
        assert!(!takeovers.note(&policy, at(10)) && !takeovers.note(&policy, at(11)));
        takeovers.take_back();
        takeovers.take_back();
        assert_eq!([12, 13].map(|t| takeovers.note(&policy, at(t))), [false, true]);
    }

    #[test]
    fn a_limit_of_zero_turns_the_rule_off() {
        let policy = Policy { takeover_count: 0, ..Policy::default() };
        let mut takeovers = Takeovers::default();
        assert!((0..10).all(|t| !takeovers.note(&policy, at(t))));
    }

    #[test]
    fn only_young_sessions_that_end_in_order_look_taken_over() {
        let hangup = ended(ErrorName::UnexpectedHangup, Detail::CloseNotify);
        assert!(looks_like(&hangup, Duration::from_secs(119), false));
        assert!(!looks_like(&hangup, Duration::from_secs(120), false));
        assert!(!looks_like(&ended(ErrorName::SocketClosed, Detail::Rst), Duration::ZERO, true));
    }

    #[test]
    fn a_stated_takeover_counts_at_any_age() {
        let stated = ended(ErrorName::DisconnectReceived, Detail::Disconnect(Some(0x8E)));
        assert!(looks_like(&stated, Duration::from_secs(9999), false));
        let busy = ended(ErrorName::DisconnectReceived, Detail::Disconnect(Some(0x89)));
        assert!(!looks_like(&busy, Duration::ZERO, false));
    }

    #[test]
    fn a_fin_counts_where_nothing_is_more_orderly() {
        let fin = ended(ErrorName::SocketClosed, Detail::Fin);
        assert!(looks_like(&fin, Duration::ZERO, true));
        assert!(!looks_like(&fin, Duration::ZERO, false));
    }
}
