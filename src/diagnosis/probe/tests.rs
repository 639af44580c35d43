//! Tests of the probes: when one is due.
//! Times are those of a day in UTC.

use super::super::combine::{Evident, conclude};
use super::super::examples::{at, closed, dropped, living};
use super::super::{Case, Claim};
use super::*;

const HOUR: f64 = 3_600.0;
const DAY: f64 = 24.0 * HOUR;

/// A connection that drops daily at four and is back at once, with a finding that does not know why.
fn ambiguous() -> History {
    let mut history = History::default();
    for day in 0..3_u32 {
        history.add_session(dropped(u64::from(day) + 1, 4.0 * HOUR + f64::from(day) * DAY, DAY - 2.0));
    }
    history.begin_session(living(4, 3.0 * DAY + 4.0 * HOUR));
    let pattern = Pattern::LifetimeOrCalendar { age: DAY, period: DAY, phase: 4.0 * HOUR };
    let claim = Claim { pattern, support: 3, of: 3, members: vec![1, 2, 3], p: 1e-3 };
    let evident = Evident { case: &Case::default(), before: &[], scale: 1.0, now: at(3.0 * DAY).wall };
    history.conclude(conclude(evident, vec![claim]).findings);
    history
}

fn due(history: &History, seconds: f64) -> bool {
    is_due(history, Clock { now: at(seconds).wall, utc_offset: 0.0, scale: 1.0 })
}

#[test]
fn a_probe_is_due_far_from_the_time_at_which_drops_come() {
    let history = ambiguous();
    assert!(!due(&history, 3.0 * DAY + 5.0 * HOUR));
    assert!(due(&history, 3.0 * DAY + 11.0 * HOUR));
    assert!(!due(&history, 3.0 * DAY + 23.0 * HOUR));
}

#[test]
fn local_time_counts() {
    let clock = Clock { now: at(3.0 * DAY + 11.0 * HOUR).wall, utc_offset: 12.0 * HOUR, scale: 1.0 };
    assert!(!is_due(&ambiguous(), clock), "it is 23:00, and the session began at 16:00");
}

#[test]
fn a_session_that_will_tell_by_itself_is_left_alone() {
    let mut history = ambiguous();
    history.add_session(closed(4, 3.0 * DAY + 4.0 * HOUR, 8.0 * HOUR, CloseCause::Reload));
    assert!(!due(&history, 3.0 * DAY + 12.0 * HOUR), "none lives");
    history.begin_session(living(5, 3.0 * DAY + 12.0 * HOUR));
    assert!(!due(&history, 3.0 * DAY + 13.0 * HOUR));
}

#[test]
fn there_is_one_probe_a_day_at_most() {
    let mut history = ambiguous();
    history.add_session(closed(4, 3.0 * DAY + 4.0 * HOUR, 12.0 * HOUR, CloseCause::Probe));
    history.add_session(dropped(5, 3.0 * DAY + 16.0 * HOUR, 12.0 * HOUR));
    history.begin_session(living(6, 4.0 * DAY + 4.0 * HOUR));
    assert!(!due(&history, 4.0 * DAY + 15.9 * HOUR));
    assert!(due(&history, 4.0 * DAY + 16.1 * HOUR));
}

#[test]
fn without_that_question_there_is_no_probe() {
    let mut history = ambiguous();
    history.conclude(Vec::new());
    assert!(!due(&history, 3.0 * DAY + 11.0 * HOUR));
}
