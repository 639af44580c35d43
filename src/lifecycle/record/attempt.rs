//! Attempts, the beginnings of sessions and failures as lines. Pure.
//! Never more than was recorded, and of each attempt no more than its phases: there may be thousands.

use serde::{Deserialize, Serialize};

use super::value::{Named, Seconds, Wall, count};
use crate::clock::{Instant, Now};
use crate::connection::ending::PhaseTime;
use crate::connection::error::RetryClass;
use crate::connection::{Detail, Failure, Phase, Tier};
use crate::lifecycle::history::{Attempt, AttemptOutcome, Living};

/// An attempt that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    start: Wall,
    took: Seconds,
    number: u32,
    tier: Tier,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    phases: Vec<(Phase, Seconds)>,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Accepted,
    Failed(Fault),
    Interrupted,
}

impl Tried {
    /// As a line tells it.
    #[must_use]
    pub fn of(attempt: &Attempt) -> Self {
        let Attempt { start, end, number, tier, phases, outcome } = attempt;
        Self {
            start: Wall(start.wall),
            took: Seconds(end.at.saturating_since(start.at)),
            number: *number,
            tier: *tier,
            phases: timed(phases),
            outcome: match outcome {
                AttemptOutcome::Accepted => Outcome::Accepted,
                AttemptOutcome::Failed(failure) => Outcome::Failed(Fault::of(failure)),
                AttemptOutcome::Interrupted => Outcome::Interrupted,
            },
        }
    }

    /// As the history keeps it.
    #[must_use]
    pub fn back(&self) -> Attempt {
        let start = Now { at: Instant::default(), wall: self.start.0 };
        Attempt {
            start,
            end: start.plus(self.took.0),
            number: self.number,
            tier: self.tier,
            phases: untimed(&self.phases),
            outcome: match &self.outcome {
                Outcome::Accepted => AttemptOutcome::Accepted,
                Outcome::Failed(fault) => AttemptOutcome::Failed(fault.back()),
                Outcome::Interrupted => AttemptOutcome::Interrupted,
            },
        }
    }
}

/// The beginning of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Began {
    /// Its number.
    #[serde(deserialize_with = "count")]
    pub number: u64,
    start: Wall,
    attempts: u32,
    tier: Tier,
    session_present: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outage: Option<Seconds>,
    keep_alive: Seconds,
}

impl Began {
    /// As a line tells it.
    #[must_use]
    pub fn of(living: &Living) -> Self {
        let Living { number, start, attempts, tier, session_present, outage, keep_alive } = living;
        Self {
            number: *number,
            start: Wall(start.wall),
            attempts: *attempts,
            tier: *tier,
            session_present: *session_present,
            outage: outage.map(Seconds),
            keep_alive: Seconds(*keep_alive),
        }
    }

    /// As the history keeps it.
    #[must_use]
    pub fn back(&self) -> Living {
        Living {
            number: self.number,
            start: Now { at: Instant::default(), wall: self.start.0 },
            attempts: self.attempts,
            tier: self.tier,
            session_present: self.session_present,
            outage: self.outage.map(|outage| outage.0),
            keep_alive: self.keep_alive.0,
        }
    }
}

/// What an attempt or a session died of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Fault {
    phase: Phase,
    error: Named,
    class: RetryClass,
    #[serde(default = "nothing", skip_serializing_if = "is_nothing")]
    detail: Detail,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<Seconds>,
}

fn nothing() -> Detail {
    Detail::None
}

fn is_nothing(detail: &Detail) -> bool {
    *detail == Detail::None
}

impl Fault {
    pub(super) fn of(failure: &Failure) -> Self {
        let Failure { phase, error, class, detail, message, retry_after } = failure;
        Self {
            phase: *phase,
            error: Named(*error),
            class: *class,
            detail: *detail,
            message: message.clone(),
            retry_after: retry_after.map(Seconds),
        }
    }

    pub(super) fn back(&self) -> Failure {
        Failure {
            phase: self.phase,
            error: self.error.0,
            class: self.class,
            detail: self.detail,
            message: self.message.clone(),
            retry_after: self.retry_after.map(|after| after.0),
        }
    }
}

pub(super) fn timed(phases: &[PhaseTime]) -> Vec<(Phase, Seconds)> {
    phases.iter().map(|time| (time.phase, Seconds(time.took))).collect()
}

pub(super) fn untimed(phases: &[(Phase, Seconds)]) -> Vec<PhaseTime> {
    phases.iter().map(|(phase, took)| PhaseTime { phase: *phase, took: took.0 }).collect()
}
