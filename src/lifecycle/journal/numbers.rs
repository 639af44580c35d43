//! The numbers of sessions in the file, where they are not those of this process. Pure.
//! Never gives a number of the file twice.

use super::ledger::Ledger;
use crate::lifecycle::record::Record;

/// What is added to the number of a session to get that of the file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offset {
    /// From this number on: the sessions before it were restored, and keep theirs.
    from: u64,
    by: u64,
}

impl Offset {
    /// From the numbers of this process to those of the file. They differ where a history began anew although the journal
    /// goes on: it could not be read at the start, or the connection was taken out of the configuration and came back.
    pub(super) fn translate(&mut self, record: &mut Record, ledger: &Ledger) {
        match record {
            Record::Began(began) => {
                self.raise(began.number, ledger.last_number());
                began.number = self.of(began.number);
            }
            Record::Over(over) => {
                if ledger.living() != Some(self.of(over.number)) {
                    self.raise(over.number, ledger.last_number());
                }
                over.number = self.of(over.number);
            }
            Record::Alive { session, .. } | Record::Explained { session, .. } => {
                *session = self.of(*session);
            }
            Record::Concluded { findings, .. } => {
                for member in findings.iter_mut().flat_map(|finding| &mut finding.claim.members) {
                    *member = self.of(*member);
                }
            }
            Record::Started { .. }
            | Record::Stopped { .. }
            | Record::Attempt(_)
            | Record::Happened { .. }
            | Record::Signal(_)
            | Record::Checkpoint(_) => {}
        }
    }

    fn of(self, number: u64) -> u64 {
        if number >= self.from { number + self.by } else { number }
    }

    /// A session begins or ends whose number must be above `last`.
    fn raise(&mut self, number: u64, last: u64) {
        if self.of(number) <= last {
            *self = Self { from: number, by: (last + 1).saturating_sub(number) };
        }
    }
}
