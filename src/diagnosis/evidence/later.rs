//! D10 and D11: what is said when a drop shows nothing by itself. Pure.
//! Never a claim: one drop at a known age is a hint, and the tests over many drops decide.

use std::time::Duration;

use super::{Cause, DropFacts, Evidence, Failure, Rule, Verdict, orderly, spoken, verdict};

/// Lengths at which somebody usually ends a connection, in seconds (drop-diagnosis.md section 4.2).
const KNOWN: [u64; 17] =
    [60, 90, 120, 180, 240, 300, 350, 600, 900, 1200, 1800, 3600, 7200, 14_400, 28_800, 43_200, 86_400];

/// D10: after the drop nobody listened.
pub(super) fn connects_refused() -> Verdict {
    let words =
        "the connect after it was refused: for a while nobody listened at the broker's port, as in a restart";
    verdict(Cause::BrokerRestart, Evidence::Inferred, Rule::ConnectsRefused, words)
}

/// D11: an orderly close at a known age.
pub(super) fn known_limit(facts: &DropFacts<'_>, failure: &Failure) -> Option<Verdict> {
    let session = facts.session;
    let age = session.age();
    let catalogue = KNOWN.iter().map(|seconds| Duration::from_secs(*seconds));
    let near = |limit: &Duration| within(age, *limit, session.keep_alive);
    let limit = catalogue
        .chain(facts.limits.iter().copied())
        .filter(|limit| near(limit) && orderly(session, failure))
        .min_by_key(|limit| age.abs_diff(*limit))?;
    let words = format!(
        "the broker closed in order {} after connecting; a limit of {} is usual",
        spoken(age),
        spoken(limit)
    );
    Some(verdict(Cause::ConnectionLifetimeLimit, Evidence::Suspected, Rule::KnownLimit, words))
}

/// Whether this age lies in the window of a limit: a hundredth (5 s at least) around it, and later by the longest
/// silence, because a server may notice only at the next message.
fn within(age: Duration, limit: Duration, keep_alive: Duration) -> bool {
    let margin = (limit / 100).max(Duration::from_secs(5));
    (limit.saturating_sub(margin)..=limit + margin + keep_alive.min(limit)).contains(&age)
}
