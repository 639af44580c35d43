//! The head of a new file: what the files before it said of a connection. Pure.
//! Never counts: it carries what was counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::attempt::Began;
use super::value::{LARGEST, Seconds, Wall, count, error_name};
use crate::diagnosis::Finding;
use crate::lifecycle::totals::Totals;

/// What must outlive the file that told it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The sums so far.
    pub totals: Sums,
    /// The number of the newest session.
    #[serde(deserialize_with = "count")]
    pub last_number: u64,
    /// The session that lives, and the age that it reached at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub living: Option<(Began, Seconds)>,
    /// The findings that stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// The sums of a connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    since: Wall,
    connects: u64,
    drops: u64,
    closes: u64,
    attempts: u64,
    failed_attempts: u64,
    outages_by_attempts: [u64; 4],
    drops_by_error: BTreeMap<String, u64>,
    longest: Option<Seconds>,
    shortest: Option<Seconds>,
    sum: Seconds,
    count: u64,
    last_drop: Option<Wall>,
    last_connect: Option<Wall>,
}

impl Sums {
    /// As a line tells them.
    #[must_use]
    pub fn of(totals: &Totals) -> Self {
        let by_error = totals.drops_by_error.iter();
        Self {
            since: Wall(totals.since),
            connects: totals.connects,
            drops: totals.drops,
            closes: totals.closes,
            attempts: totals.attempts,
            failed_attempts: totals.failed_attempts,
            outages_by_attempts: totals.outages_by_attempts,
            drops_by_error: by_error.map(|(error, drops)| (error.as_str().to_owned(), *drops)).collect(),
            longest: totals.longest.map(Seconds),
            shortest: totals.shortest.map(Seconds),
            sum: Seconds(totals.sum),
            count: totals.count,
            last_drop: totals.last_drop.map(Wall),
            last_connect: totals.last_connect.map(Wall),
        }
    }

    /// As the history keeps them. Drops of an error that this version does not know stay in the sum of all.
    #[must_use]
    pub fn back(&self) -> Totals {
        // So that counting goes on wherever it was.
        let within = |count: u64| count.min(LARGEST);
        let by_error = self.drops_by_error.iter();
        Totals {
            since: self.since.0,
            connects: within(self.connects),
            drops: within(self.drops),
            closes: within(self.closes),
            attempts: within(self.attempts),
            failed_attempts: within(self.failed_attempts),
            outages_by_attempts: self.outages_by_attempts.map(within),
            drops_by_error: by_error
                .filter_map(|(name, drops)| Some((error_name(name)?, within(*drops))))
                .collect(),
            longest: self.longest.map(|longest| longest.0),
            shortest: self.shortest.map(|shortest| shortest.0),
            sum: self.sum.0,
            count: within(self.count),
            last_drop: self.last_drop.map(|at| at.0),
            last_connect: self.last_connect.map(|at| at.0),
        }
    }
}
