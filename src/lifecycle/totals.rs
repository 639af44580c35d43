//! What happened to one connection since its first record: sums that outlive the rings of the history. Pure.
//! Never shrinks, and goes on over a restart where a journal is kept.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::history::{Attempt, AttemptOutcome, Living, Session};
use crate::connection::error::ErrorName;

/// Sums over all sessions and attempts of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The first record; the Unix epoch before it.
    pub since: SystemTime,
    /// Sessions that began.
    pub connects: u64,
    /// Sessions that ended and we did not ask for it.
    pub drops: u64,
    /// Sessions that we ended; one that a restart cut off is among them.
    pub closes: u64,
    /// Attempts that are over, however they ended.
    pub attempts: u64,
    /// Of these, those that failed by themselves.
    pub failed_attempts: u64,
    /// Outages that ended, by the attempts that it took: 1, 2 to 5, 6 to 10, 11 and more.
    pub outages_by_attempts: [u64; 4],
    /// Drops by what they died of, those that happened.
    pub drops_by_error: BTreeMap<ErrorName, u64>,
    /// The longest session that ended, dropped or closed.
    pub longest: Option<Duration>,
    /// The shortest.
    pub shortest: Option<Duration>,
    /// The lengths of all sessions that ended, together.
    pub sum: Duration,
    /// How many these are.
    pub count: u64,
    /// When the newest drop was noticed.
    pub last_drop: Option<SystemTime>,
    /// When the newest session began.
    pub last_connect: Option<SystemTime>,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            since: SystemTime::UNIX_EPOCH,
            connects: 0,
            drops: 0,
            closes: 0,
            attempts: 0,
            failed_attempts: 0,
            outages_by_attempts: [0; 4],
            drops_by_error: BTreeMap::new(),
            longest: None,
            shortest: None,
            sum: Duration::ZERO,
            count: 0,
            last_drop: None,
            last_connect: None,
        }
    }
}

impl Totals {
    /// The mean length of the sessions that ended.
    #[must_use]
    pub fn average(&self) -> Option<Duration> {
        (self.count > 0).then(|| self.sum.div_f64(count(self.count)))
    }

    /// An attempt is over.
    pub fn attempt(&mut self, attempt: &Attempt) {
        self.first(attempt.start.wall);
        self.attempts += 1;
        self.failed_attempts += match attempt.outcome {
            AttemptOutcome::Failed(_) => 1,
            AttemptOutcome::Accepted | AttemptOutcome::Interrupted => 0,
        };
    }

    /// A session began.
    pub fn began(&mut self, living: &Living) {
        self.first(living.start.wall);
        self.connects += 1;
        self.last_connect = Some(living.start.wall);
        if living.outage.is_some() {
            let [one, few, some, many] = &mut self.outages_by_attempts;
            *match living.attempts {
                0 | 1 => one,
                2..=5 => few,
                6..=10 => some,
                11.. => many,
            } += 1;
        }
    }

    /// A session is over.
    pub fn over(&mut self, session: &Session) {
        self.first(session.start.wall);
        match session.failure() {
            Some(failure) => {
                self.drops += 1;
                *self.drops_by_error.entry(failure.error).or_default() += 1;
                self.last_drop = Some(session.end.wall);
            }
            None => self.closes += 1,
        }
        let lasted = session.lasted();
        self.longest = Some(self.longest.map_or(lasted, |longest| longest.max(lasted)));
        self.shortest = Some(self.shortest.map_or(lasted, |shortest| shortest.min(lasted)));
        self.sum = self.sum.saturating_add(lasted);
        self.count += 1;
    }

    fn first(&mut self, wall: SystemTime) {
        if self.since == SystemTime::UNIX_EPOCH {
            self.since = wall;
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 sessions")]
fn count(sessions: u64) -> f64 {
    sessions as f64
}
