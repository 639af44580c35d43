//! Cases for the tests of the tests. Never in the program.

use super::super::{Case, Counts, Lived, Verdict};
use crate::connection::ending::EndedBy;

/// Sessions that the peer ended at these ages, one after the other with five seconds between; keep-alive 60 s.
pub(in super::super) fn aged(ages: &[f64]) -> Case {
    let mut start = 1_700_000_000.0;
    let mut sessions = Vec::new();
    for (number, age) in (1..).zip(ages) {
        sessions.push(Lived {
            number,
            start,
            age: *age,
            uncertainty: 0.0,
            ended_by: EndedBy::Peer,
            orderly: false,
            taken_over: false,
            reset: false,
            verdict: Verdict::unknown(),
            keep_alive: 60.0,
            counts: Counts::default(),
            reconnected_at_once: false,
            connects_failed: false,
            fatal_gaps: Vec::new(),
            sends: Vec::new(),
        });
        start += age + 5.0;
    }
    Case { sessions, ..Case::default() }
}
