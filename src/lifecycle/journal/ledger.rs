//! What a journal knows of one connection beside its records: sums, the newest number, the living session. Pure.
//! Never counts an end twice; reader and writer keep the same books, so that a new file begins where the old one ended.

use std::time::Duration;

use crate::diagnosis::Finding;
use crate::lifecycle::history::{Attempt, Session};
use crate::lifecycle::record::{Began, Checkpoint, Record, Seconds, Sums, cut_off};
use crate::lifecycle::totals::Totals;

/// The books of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    totals: Totals,
    last_number: u64,
    /// The newest session that ended.
    ended: u64,
    living: Option<(Began, Duration)>,
    findings: Vec<Finding>,
}

impl Ledger {
    pub(super) fn totals(&self) -> &Totals {
        &self.totals
    }

    pub(super) fn last_number(&self) -> u64 {
        self.last_number
    }

    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The number of the session that has no end yet.
    pub(super) fn living(&self) -> Option<u64> {
        self.living.as_ref().map(|(began, _)| began.number)
    }

    /// Books a record.
    pub(super) fn hear(&mut self, record: &Record) {
        match record {
            Record::Attempt(tried) => self.attempt(&tried.back()),
            Record::Began(began) => {
                if self.is_news(began) {
                    self.cut_off();
                    self.began(began);
                }
            }
            Record::Alive { session, age } => self.alive(*session, age.0),
            Record::Over(over) => {
                self.over(&over.back());
            }
            Record::Concluded { at: _, findings } => self.findings.clone_from(findings),
            Record::Checkpoint(checkpoint) => self.checkpoint(checkpoint),
            Record::Started { .. } => {
                self.cut_off();
            }
            Record::Stopped { .. }
            | Record::Explained { .. }
            | Record::Happened { .. }
            | Record::Signal(_) => {}
        }
    }

    pub(super) fn attempt(&mut self, attempt: &Attempt) {
        self.totals.attempt(attempt);
    }

    /// Whether this session is not known yet.
    pub(super) fn is_news(&self, began: &Began) -> bool {
        began.number > self.last_number
    }

    /// A session begins that is news.
    pub(super) fn began(&mut self, began: &Began) {
        self.totals.began(&began.back());
        self.last_number = began.number;
        self.living = Some((began.clone(), Duration::ZERO));
    }

    pub(super) fn alive(&mut self, session: u64, age: Duration) {
        if let Some((_, reached)) = self.living.as_mut().filter(|(began, _)| began.number == session) {
            *reached = age.max(*reached);
        }
    }

    /// A session is over, unless it was already.
    pub(super) fn over(&mut self, session: &Session) -> bool {
        if session.number <= self.ended {
            return false;
        }
        self.totals.over(session);
        self.ended = session.number;
        self.last_number = self.last_number.max(session.number);
        self.living.take_if(|(began, _)| began.number <= session.number);
        true
    }

    /// The session whose end nobody wrote down: its process died. It is a close, and its length stays out of the sums,
    /// because it is only known to have been at least so long.
    pub(super) fn cut_off(&mut self) -> Option<Session> {
        let (began, age) = self.living.take()?;
        self.totals.closes += 1;
        self.ended = self.ended.max(began.number);
        Some(cut_off(&began, age))
    }

    /// What the head of a new file says of this connection.
    pub(super) fn carried(&self) -> Checkpoint {
        Checkpoint {
            totals: Sums::of(&self.totals),
            last_number: self.last_number,
            living: self.living.as_ref().map(|(began, age)| (began.clone(), Seconds(*age))),
            findings: self.findings.clone(),
        }
    }

    /// The head of a file knows all that was before it, whether or not that was read.
    pub(super) fn checkpoint(&mut self, carried: &Checkpoint) {
        self.totals = carried.totals.back();
        self.last_number = self.last_number.max(carried.last_number);
        self.findings.clone_from(&carried.findings);
        self.living = carried.living.as_ref().map(|(began, age)| (began.clone(), age.0));
        let ended = self.living().map_or(self.last_number, |living| living.saturating_sub(1));
        self.ended = self.ended.max(ended);
    }
}
