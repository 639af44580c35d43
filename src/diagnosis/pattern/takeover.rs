//! Test 4.7: short sessions that end politely and come back at once look like another client with our client id. Pure.
//! Never more than suspected: only the server sees the other client.

use super::super::{Case, Cause, Claim, Evidence, Lived, Pattern};
use super::math::{count, number};
use super::view::{Role, numbers, role};
use crate::connection::ending::EndedBy;

const LEVEL: f64 = 0.002;
/// Shorter than this, in seconds.
const SHORT: f64 = 120.0;
/// So many in a row, at least.
const LEAST: usize = 3;
/// The mean age before them needs so many sessions …
const EARLIER: usize = 5;
/// … or is taken to be an hour.
const USUAL: f64 = 3600.0;

/// The claim, for the row of quick closes that the history ends with.
pub(super) fn claim(case: &Case) -> Option<Claim> {
    let newest = case.sessions.len().checked_sub(1)?;
    let quick = |(position, session): &(usize, &Lived)| {
        // Whether the newest came back at once is not known before it is back; a failed connect would speak against it.
        let unknown = *position == newest && case.living.is_none() && !session.connects_failed;
        polite(session) && session.age < SHORT && (session.reconnected_at_once || unknown)
    };
    let row: Vec<&Lived> =
        case.sessions.iter().enumerate().rev().take_while(quick).map(|(_, session)| session).collect();
    if row.len() < LEAST {
        return None;
    }
    let earlier: Vec<f64> = case
        .sessions
        .iter()
        .take(case.sessions.len() - row.len())
        .map(|session| session.age)
        .filter(|age| age.is_finite() && *age >= 0.0)
        .collect();
    let mean =
        if earlier.len() >= EARLIER { earlier.iter().sum::<f64>() / number(earlier.len()) } else { USUAL };
    let shorter = -(-SHORT / mean).exp_m1();
    let p = shorter.powf(number(row.len()));
    (p <= LEVEL).then(|| Claim {
        // What was assumed is not told as if it had been seen.
        pattern: Pattern::Takeover {
            sessions: count(row.len()),
            mean: if earlier.len() >= EARLIER { mean } else { 0.0 },
        },
        support: count(row.len()),
        of: count(row.len()),
        members: numbers(row),
        p,
    })
}

/// An orderly end without another reason, or one by reason 0x8E.
fn polite(session: &Lived) -> bool {
    let stated = session.verdict.evidence == Evidence::Stated;
    if session.taken_over || (stated && session.verdict.cause == Cause::SessionTakenOver) {
        return true;
    }
    session.orderly && session.ended_by == EndedBy::Peer && role(session) == Role::Drop
}

#[cfg(test)]
mod tests {
    use super::super::super::{Rule, Verdict};
    use super::super::examples::aged;
    use super::*;

    fn v10() -> Case {
        let mut case = aged(&[3600.0, 3000.0, 4200.0, 3500.0, 3700.0, 14.0, 9.0, 31.0]);
        for session in &mut case.sessions {
            session.orderly = true;
            session.reconnected_at_once = true;
        }
        case.living = Some(5.0);
        case
    }

    #[test]
    fn v10_three_quick_closes_after_hours_of_peace_are_a_takeover() {
        let found = claim(&v10()).unwrap();
        assert_eq!(found.pattern, Pattern::Takeover { sessions: 3, mean: 3600.0 });
        assert!((found.p / 3.5e-5 - 1.0).abs() < 0.01, "{}", found.p);
        assert_eq!(found.members, [6, 7, 8]);
    }

    #[test]
    fn how_long_sessions_lasted_before_is_not_told_where_there_were_none() {
        let mut case = v10();
        case.sessions.drain(..5);
        assert_eq!(claim(&case).unwrap().pattern, Pattern::Takeover { sessions: 3, mean: 0.0 });
    }

    #[test]
    fn a_failed_connect_a_reset_or_a_long_session_in_the_row_speaks_against_it() {
        let spoilt: [fn(&mut Lived); 5] = [
            |session| session.reconnected_at_once = false,
            |session| session.orderly = false,
            |session| session.age = 121.0,
            |session| session.ended_by = EndedBy::Us,
            |session| {
                session.verdict =
                    Verdict { evidence: Evidence::Stated, rule: Rule::PeerGaveReason, ..Verdict::unknown() }
            },
        ];
        for spoil in spoilt {
            let mut case = v10();
            spoil(&mut case.sessions[6]);
            assert_eq!(claim(&case), None);
        }
    }

    #[test]
    fn what_is_not_known_yet_of_the_newest_is_not_held_against_it() {
        let mut case = v10();
        case.living = None;
        case.sessions[7].reconnected_at_once = false;
        assert!(claim(&case).is_some());
        case.sessions[7].connects_failed = true;
        assert_eq!(claim(&case), None);
    }

    #[test]
    fn takeovers_that_the_peer_states_count() {
        let mut case = v10();
        for session in case.sessions.iter_mut().skip(5) {
            session.taken_over = true;
            session.verdict = Verdict {
                cause: Cause::SessionTakenOver,
                evidence: Evidence::Stated,
                rule: Rule::PeerGaveReason,
                words: String::new(),
            };
        }
        assert!(claim(&case).is_some());
    }

    #[test]
    fn where_sessions_are_always_short_three_more_are_nothing() {
        let mut case = v10();
        for session in case.sessions.iter_mut().take(5) {
            session.age = 130.0;
        }
        assert_eq!(claim(&case), None);
    }
}
