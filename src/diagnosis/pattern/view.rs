//! Which sessions of a case count for the tests (drop-diagnosis.md section 3). Pure.
//! Never decides anything else.

use super::super::{Case, Evidence, Lived, Rule};
use crate::connection::ending::EndedBy;

/// The tests look at so many drops at most.
const DROPS: usize = 50;

/// Times beyond this (in seconds, three million years) are no times of this world, not even of one that runs 50,000 times
/// faster, and would not be exact to a fiftieth of a second.
const LATEST: f64 = 1e14;

/// What a session is to the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A drop to be explained.
    Drop,
    /// It lived at least so long: we ended it.
    Censored,
    /// Direct evidence explains it.
    Explained,
}

/// The part of a case that the tests look at.
pub(super) struct View<'a> {
    /// Every session since the first drop that counts, oldest first.
    pub(super) sessions: &'a [Lived],
    /// The drops that count.
    pub(super) drops: Vec<&'a Lived>,
    /// Those whose age is known well.
    pub(super) aged: Vec<&'a Lived>,
    /// Ages that sessions reached without a drop: those that we ended, and the one that lives.
    pub(super) reached: Vec<f64>,
    /// Sessions that we ended.
    pub(super) censored: Vec<&'a Lived>,
}

impl<'a> View<'a> {
    pub(super) fn of(case: &'a Case) -> Self {
        let drops = || case.sessions.iter().enumerate().filter(|(_, session)| role(session) == Role::Drop);
        let surplus = drops().count().saturating_sub(DROPS);
        let first = if surplus == 0 { 0 } else { drops().nth(surplus).map_or(0, |(position, _)| position) };
        let sessions = case.sessions.get(first..).unwrap_or_default();
        let with = |wanted: Role| sessions.iter().filter(move |session| role(session) == wanted);
        let drops: Vec<&Lived> = with(Role::Drop).collect();
        let censored: Vec<&Lived> = with(Role::Censored).collect();
        let living = case.living.filter(|age| age.is_finite() && *age >= 0.0);
        Self {
            sessions,
            aged: drops.iter().copied().filter(|session| well_aged(session)).collect(),
            drops,
            reached: censored.iter().map(|session| session.age).chain(living).collect(),
            censored,
        }
    }
}

/// What a session is to the tests. One with impossible times explains nothing and is not to be explained.
pub(super) fn role(session: &Lived) -> Role {
    let possible = session.start.abs() < LATEST && (0.0..LATEST).contains(&session.age);
    if !possible {
        return Role::Explained;
    }
    if session.ended_by == EndedBy::Us {
        return Role::Censored;
    }
    match session.verdict.evidence {
        Evidence::Stated => Role::Explained,
        Evidence::Observed => match session.verdict.rule {
            Rule::Suspend | Rule::AddressRemoved | Rule::NotMqtt => Role::Explained,
            Rule::PeerGaveReason
            | Rule::RouteChanged
            | Rule::AfterSilence
            | Rule::NotAcknowledged
            | Rule::NotAnswered
            | Rule::WeWereSilent
            | Rule::AfterPacket
            | Rule::ConnectsRefused
            | Rule::KnownLimit
            | Rule::Named
            | Rule::Pattern
            | Rule::Nothing => Role::Drop,
        },
        Evidence::Inferred | Evidence::Suspected | Evidence::None => Role::Drop,
    }
}

/// Whether the age is known to 5 %.
pub(super) fn well_aged(session: &Lived) -> bool {
    session.uncertainty <= 0.05 * session.age
}

/// When a session died.
pub(super) fn died(session: &Lived) -> f64 {
    session.start + session.age
}

/// The numbers of sessions, ascending.
pub(super) fn numbers<'a>(sessions: impl IntoIterator<Item = &'a Lived>) -> Vec<u64> {
    let mut numbers: Vec<u64> = sessions.into_iter().map(|session| session.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use super::super::super::{Cause, Verdict};
    use super::super::examples::aged;
    use super::*;

    fn judged(cause: Cause, evidence: Evidence, rule: Rule) -> Verdict {
        Verdict { cause, evidence, rule, words: String::new() }
    }

    #[test]
    fn what_direct_evidence_explains_is_left_out_and_what_we_ended_is_censored() {
        let mut case = aged(&[100.0, 200.0, 300.0, 400.0, 500.0, 600.0]);
        case.sessions[0].verdict = judged(Cause::ServerMaintenance, Evidence::Stated, Rule::PeerGaveReason);
        case.sessions[1].verdict = judged(Cause::HostSuspended, Evidence::Observed, Rule::Suspend);
        case.sessions[2].verdict = judged(Cause::PathDead, Evidence::Observed, Rule::NotAcknowledged);
        case.sessions[3].ended_by = EndedBy::Us;
        case.sessions[4].uncertainty = 26.0;
        case.sessions[5].uncertainty = 30.0;
        case.living = Some(7.0);
        let view = View::of(&case);
        assert_eq!(numbers(view.drops.iter().copied()), [3, 5, 6]);
        assert_eq!(
            numbers(view.aged.iter().copied()),
            [3, 6],
            "26 s are more than 5 % of 500 s, 30 s of 600 s are not"
        );
        assert_eq!(view.reached, [400.0, 7.0]);
    }

    #[test]
    fn a_world_that_runs_fifty_thousand_times_faster_is_possible_and_a_damaged_time_is_not() {
        let mut case = aged(&[100.0, 200.0, 300.0]);
        case.sessions[0].start = 1.8e9 * 50_000.0;
        case.sessions[1].start = f64::INFINITY;
        case.sessions[2].age = f64::NAN;
        assert_eq!(numbers(View::of(&case).drops.iter().copied()), [1]);
    }

    #[test]
    fn only_the_last_fifty_drops_count() {
        let case = aged(&vec![60.0; 73]);
        assert_eq!(numbers(View::of(&case).drops.iter().copied()), (24..=73).collect::<Vec<u64>>());
    }
}
