//! From claims to findings: which of them stand together, which are withdrawn, and the drops that they explain. Pure.
//! Never finds anything itself: a claim is a test's, and what happened is the case's.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::belongs::{belongs, speaks};
use super::claim::{Claim, Pattern};
use super::gather::is_explained;
use super::{Case, Evidence, Finding, Lived, Rule, Verdict, advice, pattern, words};
use crate::connection::ending::EndedBy;

/// So many later sessions must contradict a finding before it is withdrawn …
const CONTRADICTIONS: u32 = 10;
/// … and its test must not pass on the last so many.
const LAST: usize = 20;
/// With so many drops, that nothing was found says something.
const ENOUGH: usize = 10;
/// Fewer drops carry no pattern.
const FEWEST: usize = 3;
/// Silences that differ by less than this share are one length.
const ONE_LENGTH: f64 = 0.05;

/// What stands after a look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conclusion {
    /// The findings.
    pub findings: Vec<Finding>,
    /// Verdicts on single drops that a finding makes better known.
    pub verdicts: Vec<(u64, Verdict)>,
    /// Said when there are many drops and no finding.
    pub nothing: Option<String>,
    /// What cannot be known from what there is, and why.
    pub unknowable: Vec<String>,
}

/// What conclusions are drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Evident<'a> {
    /// The case.
    pub case: &'a Case,
    /// The findings that stand.
    pub before: &'a [Finding],
    /// The factor that the case's times were multiplied by.
    pub scale: f64,
    /// The time of this look.
    pub now: SystemTime,
}

/// Concludes from the claims of a look. A claim stays although it is not made again, until it is contradicted.
#[must_use]
pub fn conclude(evident: Evident<'_>, claims: Vec<Claim>) -> Conclusion {
    let Evident { case, before, .. } = evident;
    let old = before.iter().map(|finding| &finding.claim);
    let kept: Vec<Claim> =
        old.filter(|old| !claims.iter().any(|new| same(&new.pattern, &old.pattern))).cloned().collect();
    let mut standing: Vec<Claim> = claims.into_iter().chain(kept).collect();
    standing.retain(|claim| !withdrawn(claim, case));
    // The sort is stable: of one family, what was found now comes before what was found earlier.
    standing.sort_by_key(|claim| Family::of(&claim.pattern));
    let chosen = choose(standing, case);
    let findings: Vec<Finding> = chosen.into_iter().map(|claim| finding(claim, evident)).collect();
    Conclusion {
        verdicts: verdicts(&findings, case),
        nothing: nothing(&findings, case),
        unknowable: unknowable(&findings, case),
        findings,
    }
}

/// Looks again at what stands, between two looks: only to withdraw, and to explain the drops that came since.
#[must_use]
pub fn review(evident: Evident<'_>) -> Conclusion {
    conclude(evident, Vec::new())
}

/// Drops that direct evidence leaves open: what the tests explain.
pub fn open_drops(case: &Case) -> impl Iterator<Item = &Lived> {
    case.sessions.iter().filter(|session| session.ended_by != EndedBy::Us && !is_explained(&session.verdict))
}

/// Patterns of which at most one is shown, in the order in which they are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Packet,
    Event,
    Idle,
    Takeover,
    Count,
    AgeOrClock,
    Burst,
    Hint,
}

impl Family {
    const fn of(pattern: &Pattern) -> Self {
        match pattern {
            Pattern::Packet { .. } => Self::Packet,
            Pattern::AfterEvent { .. } => Self::Event,
            Pattern::IdleTimeout { .. } => Self::Idle,
            Pattern::Takeover { .. } => Self::Takeover,
            Pattern::MessageLimit { .. } | Pattern::LifetimeOrCount { .. } => Self::Count,
            Pattern::Lifetime { .. } | Pattern::Calendar { .. } | Pattern::LifetimeOrCalendar { .. } => {
                Self::AgeOrClock
            }
            Pattern::Burst { .. } => Self::Burst,
            Pattern::ClockHint { .. } => Self::Hint,
        }
    }
}

/// Whether two claims are about one thing, perhaps better known now.
pub(super) fn same(one: &Pattern, other: &Pattern) -> bool {
    let (about, against) = (age_or_count(one), age_or_count(other));
    match (one, other) {
        (Pattern::Packet { topic: a, packet: p, .. }, Pattern::Packet { topic: b, packet: q, .. }) => {
            a == b && p == q
        }
        (Pattern::AfterEvent { event: a, .. }, Pattern::AfterEvent { event: b, .. }) => a == b,
        (Pattern::Burst { at: a, .. }, Pattern::Burst { at: b, .. }) => (a - b).abs() < 60.0,
        _ if Family::of(one) != Family::of(other) => false,
        _ => match (about, against) {
            (Some(a), Some(b)) => (a - b).abs() <= 0.1 * a.max(b),
            // A clock, a silence, a takeover: there is one of each at a time.
            (Some(_) | None, _) => true,
        },
    }
}

const fn age_or_count(pattern: &Pattern) -> Option<f64> {
    match pattern {
        Pattern::Lifetime { age, .. }
        | Pattern::LifetimeOrCalendar { age, .. }
        | Pattern::LifetimeOrCount { age, .. } => Some(*age),
        Pattern::MessageLimit { count, .. } => Some(*count),
        Pattern::Calendar { .. }
        | Pattern::ClockHint { .. }
        | Pattern::AfterEvent { .. }
        | Pattern::Packet { .. }
        | Pattern::IdleTimeout { .. }
        | Pattern::Takeover { .. }
        | Pattern::Burst { .. } => None,
    }
}

/// The drops in the case that belong to a claim: those that its test named, and those that came since.
fn members<'a>(claim: &'a Claim, case: &'a Case) -> impl Iterator<Item = &'a Lived> {
    let newest = claim.members.iter().max().copied().unwrap_or(0);
    open_drops(case).filter(move |session| {
        claim.members.contains(&session.number)
            || (session.number > newest && belongs(&claim.pattern, session, case))
    })
}

/// Sessions since the last that belongs to it which speak against it.
fn contradictions(claim: &Claim, case: &Case) -> u32 {
    let last = members(claim, case).map(|session| session.number).chain(claim.members.iter().copied()).max();
    let against = case.sessions.iter().filter(|session| {
        Some(session.number) > last && !is_explained(&session.verdict) && speaks(&claim.pattern, session)
    });
    u32::try_from(against.count()).unwrap_or(u32::MAX)
}

fn withdrawn(claim: &Claim, case: &Case) -> bool {
    if contradictions(claim, case) < CONTRADICTIONS {
        return false;
    }
    let from = case.sessions.len().saturating_sub(LAST);
    let last = Case { sessions: case.sessions.iter().skip(from).cloned().collect(), ..case.clone() };
    !pattern::claims(&last).iter().any(|again| same(&again.pattern, &claim.pattern))
}

/// At most one of a family, and a further one only if most of what it explains is not explained yet. What is only suspected
/// explains nothing to a test that passed: sessions that all end at 60 s are told so, although that many quick closes look
/// like a second client too. What passed comes first.
fn choose(standing: Vec<Claim>, case: &Case) -> Vec<Claim> {
    let firm = |claim: &Claim| words::evidence(&claim.pattern) != Evidence::Suspected;
    let mut chosen: Vec<Claim> = Vec::new();
    let mut explained: BTreeSet<u64> = BTreeSet::new();
    let mut firmly: BTreeSet<u64> = BTreeSet::new();
    for claim in standing {
        let family = Family::of(&claim.pattern);
        let numbers: BTreeSet<u64> = members(&claim, case)
            .map(|session| session.number)
            .chain(claim.members.iter().copied())
            .collect();
        let known = if firm(&claim) { &firmly } else { &explained };
        let alone = !chosen.iter().any(|other| firm(other) || !firm(&claim));
        let fresh = numbers.difference(known).count();
        let stands = match family {
            _ if chosen.iter().any(|other| Family::of(&other.pattern) == family) => false,
            // A hint is for when nothing else is known. A burst takes only one drop of each connection.
            Family::Hint => chosen.is_empty(),
            Family::Burst => fresh > 0,
            Family::Packet
            | Family::Event
            | Family::Idle
            | Family::Takeover
            | Family::Count
            | Family::AgeOrClock => alone || (fresh >= 2 && fresh * 2 > numbers.len()),
        };
        if stands {
            if firm(&claim) {
                firmly.extend(&numbers);
            }
            explained.extend(numbers);
            chosen.push(claim);
        }
    }
    chosen.sort_by_key(|claim| !firm(claim));
    chosen
}

fn finding(claim: Claim, evident: Evident<'_>) -> Finding {
    let Evident { case, before, scale, now } = evident;
    let earlier = before.iter().find(|finding| same(&finding.claim.pattern, &claim.pattern));
    let open = open_drops(case).count();
    let ends = || members(&claim, case).map(|session| (session.start + session.age) / scale);
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let counted = match ends().count() {
        // All that it rests on has left the case.
        0 => (claim.support, claim.of),
        belong => (count(belong), count(open)),
    };
    let first = ends().reduce(f64::min).map_or(now, wall);
    let last = ends().reduce(f64::max).map_or(now, wall);
    let (cause, or) = words::causes(&claim.pattern);
    Finding {
        cause,
        or,
        evidence: words::evidence(&claim.pattern),
        share: share(ends().count(), open),
        // What a finding rests on may have left the case, and its first drop with it.
        first: earlier.map_or(first, |finding| finding.first.min(first)),
        last: earlier.map_or(last, |finding| if ends().next().is_some() { last } else { finding.last }),
        since: earlier.map_or(now, |finding| finding.since),
        contradicted: contradictions(&claim, case),
        words: words::seen(&claim, counted),
        advice: advice::advice(&claim.pattern),
        disproof: words::disproof(&claim.pattern),
        test: words::test(&claim.pattern),
        claim,
    }
}

/// What a finding makes better known: nothing that was stated or seen, and nothing that another finding took first.
fn verdicts(findings: &[Finding], case: &Case) -> Vec<(u64, Verdict)> {
    let mut taken = BTreeSet::new();
    let mut better = Vec::new();
    for finding in findings {
        for session in members(&finding.claim, case) {
            if !taken.insert(session.number) || !yields(&session.verdict, finding) {
                continue;
            }
            let words = words::of_drop(&finding.claim.pattern, session.age);
            let Finding { cause, evidence, .. } = *finding;
            better.push((session.number, Verdict { cause, evidence, rule: Rule::Pattern, words }));
        }
    }
    better
}

fn yields(verdict: &Verdict, finding: &Finding) -> bool {
    let known_so = verdict.cause == finding.cause && verdict.evidence == finding.evidence;
    match verdict.evidence {
        Evidence::Stated | Evidence::Observed => false,
        // A rule of direct evidence that infers has seen more of this one drop than a pattern can.
        Evidence::Inferred => verdict.rule == Rule::Pattern && !known_so,
        Evidence::Suspected => {
            finding.evidence == Evidence::Inferred || verdict.rule == Rule::Pattern && !known_so
        }
        Evidence::None => true,
    }
}

fn nothing(findings: &[Finding], case: &Case) -> Option<String> {
    let drops = open_drops(case).count();
    (findings.is_empty() && drops >= ENOUGH).then(|| {
        format!("{drops} drops, no pattern in age, time of day, message count, commands or idle time")
    })
}

fn unknowable(findings: &[Finding], case: &Case) -> Vec<String> {
    let mut told: Vec<String> = findings
        .iter()
        .filter_map(|finding| words::unknowable(&finding.claim.pattern))
        .map(str::to_owned)
        .collect();
    let drops = open_drops(case).count();
    if (1..FEWEST).contains(&drops) {
        let so_many = if drops == 1 { "One drop carries" } else { "Two drops carry" };
        told.push(format!("{so_many} no pattern: from the third on there may be one."));
        told.extend(pattern::limits::of_two(case).map(words::two_at));
    }
    if let Some(length) = one_length(case) {
        told.push(format!(
            "Whether a NAT or firewall forgets silent connections cannot be known: all silences were {} long.",
            super::lengths::length(length)
        ));
    }
    if case.sessions.iter().any(|session| session.verdict.cause == super::Cause::PathDead) {
        told.push(
            "In which direction a dead path was broken cannot be known: TCP says that acknowledgements stopped, not where."
                .to_owned(),
        );
    }
    told
}

/// The length of all silences, if they are too alike to tell anything and some of them ended a session.
fn one_length(case: &Case) -> Option<f64> {
    let fatal: Vec<f64> = open_drops(case).filter_map(Lived::fatal_gap).collect();
    if fatal.len() < 2 {
        return None;
    }
    let gaps = || case.survived_gaps.iter().copied().chain(fatal.iter().copied());
    let (least, most) = (gaps().reduce(f64::min)?, gaps().reduce(f64::max)?);
    (most - least <= ONE_LENGTH * most).then_some(most)
}

#[expect(clippy::cast_precision_loss, reason = "at most a few hundred drops")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn wall(seconds: f64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests;
