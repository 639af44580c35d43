//! D10 and D11: what is said when a drop shows nothing by itself. Pure.
//! Never a claim: one drop at a known age is a hint, and the tests over many drops decide.

use std::time::Duration;

use super::{Cause, DropFacts, Evidence, Failure, Rule, Verdict, orderly, spoken, verdict};
use crate::diagnosis::pattern::limits;

/// D10: after the drop nobody listened.
pub(super) fn connects_refused() -> Verdict {
    let words =
        "the connect after it was refused: for a while nobody listened at the broker's port, as in a restart";
    verdict(Cause::BrokerRestart, Evidence::Inferred, Rule::ConnectsRefused, words)
}

/// D11: an orderly close at a known age.
pub(super) fn known_limit(facts: &DropFacts<'_>, failure: &Failure) -> Option<Verdict> {
    let session = facts.session;
    if !orderly(session, failure) {
        return None;
    }
    let age = session.age();
    let extra: Vec<f64> = facts.limits.iter().map(Duration::as_secs_f64).collect();
    let limit = limits::window_of(age.as_secs_f64(), session.keep_alive.as_secs_f64(), &extra)?;
    let words = format!(
        "the broker closed in order {} after connecting; a limit of {} is usual",
        spoken(age),
        spoken(Duration::try_from_secs_f64(limit).ok()?)
    );
    Some(verdict(Cause::ConnectionLifetimeLimit, Evidence::Suspected, Rule::KnownLimit, words))
}
