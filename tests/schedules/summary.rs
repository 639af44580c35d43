//! What happened in many schedules, in one line.
//! Never judges: the rules do.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

/// Counts over schedules.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) schedules: u64,
    pub(crate) virtual_time: Duration,
    pub(crate) attempts: u64,
    pub(crate) sessions: u64,
    /// Sessions that we closed ourselves.
    pub(crate) closes: u64,
    /// By error name.
    pub(crate) drops: BTreeMap<&'static str, u64>,
    /// Failed attempts by error name.
    pub(crate) failures: BTreeMap<&'static str, u64>,
    /// Messages that a session took for sending.
    pub(crate) messages: u64,
    /// Reports of links that had been given up.
    pub(crate) late: u64,
}

impl AddAssign for Summary {
    fn add_assign(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.virtual_time += other.virtual_time;
        self.attempts += other.attempts;
        self.sessions += other.sessions;
        self.closes += other.closes;
        self.messages += other.messages;
        self.late += other.late;
        for (into, from) in [(&mut self.drops, other.drops), (&mut self.failures, other.failures)] {
            for (name, count) in from {
                *into.entry(name).or_default() += count;
            }
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let listed = |counts: &BTreeMap<&str, u64>| {
            let words: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
            words.join(", ")
        };
        write!(
            f,
            "{} schedules, {} virtual hours, {} attempts, {} sessions, {} messages, {} late reports, {} closes, \
             {} drops ({}), failed attempts ({})",
            self.schedules,
            self.virtual_time.as_secs() / 3600,
            self.attempts,
            self.sessions,
            self.messages,
            self.late,
            self.closes,
            self.drops.values().sum::<u64>(),
            listed(&self.drops),
            listed(&self.failures),
        )
    }
}
