//! One look at one connection: from its history to a case, from claims to findings, and back into the history.
//! Never decides which connection is looked at, nor when.

use std::time::SystemTime;

use super::super::combine::{Conclusion, Evident, conclude, review};
use super::super::gather::{Beside, Settings, case, is_explained};
use super::super::pattern::{self, idle};
use super::super::{Case, Claim, Finding, Pattern, Verdict};
use crate::clock::Now;
use crate::host::Timeline;
use crate::lifecycle::board::SharedHistory;
use crate::lifecycle::history::{self, History};

/// Changes of local time that are looked back at: two years of them.
const CHANGES: usize = 4;

/// Looks at one connection alone, here and now: what a program does that has no desk running.
#[expect(clippy::must_use_candidate, reason = "it writes into the history as well")]
pub fn look_now(history: &SharedHistory, host: &Timeline, settings: &Settings, now: Now) -> Conclusion {
    let beside = Beside { host: host.all(), ..Beside::default() };
    look(history, &beside, settings, None, now).1
}

/// Offset of this machine's local time from UTC, in seconds; zero where the system does not tell.
#[must_use]
pub fn utc_offset(at: SystemTime) -> f64 {
    let Ok(at) = jiff::Timestamp::try_from(at) else { return 0.0 };
    f64::from(jiff::tz::TimeZone::system().to_offset(at).seconds())
}

/// The offsets that this machine's local time had before the present one, for as long as the tests look back: each with the
/// moment until which it held, oldest first.
#[must_use]
pub fn earlier_offsets(at: SystemTime) -> Vec<(SystemTime, f64)> {
    let Ok(now) = jiff::Timestamp::try_from(at) else { return Vec::new() };
    let zone = jiff::tz::TimeZone::system();
    let mut changes: Vec<(SystemTime, f64)> = zone
        .preceding(now)
        .take(CHANGES)
        .filter_map(|change| {
            let before = change.timestamp().checked_sub(jiff::SignedDuration::from_secs(1)).ok()?;
            Some((change.timestamp().into(), f64::from(zone.to_offset(before).seconds())))
        })
        .collect();
    changes.reverse();
    changes
}

/// Looks, and writes what it found; the findings before it come back too, and the verdicts that are news. The history is not held meanwhile.
pub(super) fn look(
    shared: &SharedHistory,
    beside: &Beside,
    settings: &Settings,
    together: Option<Claim>,
    now: Now,
) -> (Vec<Finding>, Conclusion, Vec<(u64, Verdict)>) {
    let (case, before, drops, known) = shared.read(|history| {
        let case = case(history, beside, settings, now);
        (case, history.findings().to_vec(), counted(history), history.no_idle_timeout())
    });
    let evident = Evident { case: &case, before: &before, scale: settings.scale, now: now.wall };
    let claims = drops.filter(|drops| pattern::is_look(*drops)).map(|_| pattern::claims(&case));
    let is_idle = |claim: &Claim| matches!(claim.pattern, Pattern::IdleTimeout { .. });
    if let Some(claims) = &claims {
        let ruled_out = !claims.iter().any(is_idle) && idle::tried(&case);
        shared.write(|history| history.rule_out_idle_timeout(ruled_out));
    } else if !known && !before.iter().any(|finding| is_idle(&finding.claim)) && idle::tried(&case) {
        // What was ruled out before a restart is not in the journal: the drops that it follows from are.
        shared.write(|history| history.rule_out_idle_timeout(true));
    }
    let conclusion = match (claims, together) {
        (None, None) => review(evident),
        (claims, together) => conclude(evident, claims.into_iter().flatten().chain(together).collect()),
    };
    let explained = write(shared, &case, &conclusion);
    (before, conclusion, explained)
}

/// The drops that count, if it is a drop that gives reason to look: a planned close is none.
fn counted(history: &History) -> Option<u64> {
    let newest = history.drops().next_back()?;
    if history.sessions().next_back().is_some_and(|last| last.number > newest.number) {
        return None;
    }
    if history.drops().len() >= history::DROPS {
        // The ring is full and its length stands still: the number of the session goes on.
        return Some(newest.number);
    }
    let open = |number| !history.verdict(number).is_some_and(is_explained);
    u64::try_from(history.drops().filter(|session| open(session.number)).count()).ok()
}

fn write(shared: &SharedHistory, case: &Case, conclusion: &Conclusion) -> Vec<(u64, Verdict)> {
    let remarks = conclusion.nothing.iter().chain(&conclusion.unknowable).cloned().collect();
    shared.write(|history| {
        let mut news = Vec::new();
        for (number, verdict) in &conclusion.verdicts {
            let seen =
                case.sessions.iter().find(|session| session.number == *number).map(|seen| &seen.verdict);
            // What direct evidence said meanwhile is better known.
            if history.verdict(*number).is_none_or(|stands| Some(stands) == seen) {
                if history.verdict(*number) != Some(verdict) {
                    news.push((*number, verdict.clone()));
                }
                history.explain(*number, verdict.clone());
            }
        }
        history.conclude(conclusion.findings.clone());
        history.remark(remarks);
        news
    })
}
