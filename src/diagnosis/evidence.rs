//! What one drop shows by itself: the rules D1 to D12 of `drop-diagnosis.md` section 2, in their order. Pure.
//! Never looks at another drop, and never says an address, a topic or a client id.

mod later;
mod local;
mod stated;
#[cfg(test)]
mod tests;
mod transport;

use std::time::Duration;

pub use stated::{lifecycle, stated, told};

use super::{Cause, Evidence, Rule, Verdict};
use crate::clock::Instant;
use crate::connection::ending::EndedBy;
use crate::connection::{Detail, Failure};
use crate::host::Signal;
use crate::lifecycle::history::Session;
use crate::lifecycle::presence::Reason;

/// Signals of the machine count from so long before the last sign of life: what breaks a path shows on it later.
pub const BEFORE: Duration = Duration::from_secs(5);

/// All that the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct DropFacts<'a> {
    /// The session that ended, as it stands in the history.
    pub session: &'a Session,
    /// What happened on this machine since [`signals_from`] until the end was noticed.
    pub signals: &'a [Signal],
    /// The interface that has the session's own address, if that is known.
    pub interface: Option<u32>,
    /// Session lengths that are known beside the catalogue.
    pub limits: &'a [Duration],
    /// The test for idle timeouts (4.6) had at least five fatal silences and found none.
    pub no_idle_timeout: bool,
    /// What a lifecycle event for our own client id said, within 150 s and not used for another drop.
    pub lifecycle: Option<Reason>,
}

/// A first verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preliminary {
    /// What is thought now.
    pub verdict: Verdict,
    /// Nothing that follows can change it; else [`settle`] does.
    pub settled: bool,
}

/// What came after a drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextAttempt {
    /// Nobody listens at the broker's address.
    Refused,
    /// It failed in another way.
    Failed,
    /// A session.
    Accepted,
    /// There will be none.
    Stopped,
}

/// What the drop shows at once.
#[must_use]
pub fn direct(facts: &DropFacts<'_>) -> Preliminary {
    let Some(failure) = facts.session.failure() else {
        return Preliminary { verdict: Verdict::unknown(), settled: true };
    };
    let observed = |verdict: &Verdict| verdict.evidence == Evidence::Observed;
    let settled = stated::rule(facts, failure)
        .or_else(|| local::suspended(facts))
        .or_else(|| local::our_network(facts))
        .or_else(|| match local::near_network(facts) {
            // It only might be the machine's network: what the transport shows for certain says more.
            Some(suspected) => Some(transport::rules(facts, failure).filter(observed).unwrap_or(suspected)),
            None => transport::rules(facts, failure),
        });
    match settled {
        Some(verdict) => Preliminary { settled: !may_yield(&verdict), verdict },
        None => Preliminary {
            verdict: later::known_limit(facts, failure).unwrap_or_else(Verdict::unknown),
            settled: false,
        },
    }
}

/// Whether what follows can show more than this. A suspicion about the last packet or about a silence yields to a connect
/// that is refused, which is better evidence (D10 is inferred): a broker that restarts often ends its sessions right after
/// a packet. And a broker that heard nothing of us for long enough heard nothing because we slept, if we did. A suspicion
/// about this machine's network (D4) is not touched: on another network somebody else may refuse.
const fn may_yield(verdict: &Verdict) -> bool {
    match verdict.rule {
        Rule::AfterSilence | Rule::WeWereSilent | Rule::AfterPacket | Rule::KnownLimit | Rule::Nothing => {
            true
        }
        Rule::PeerGaveReason
        | Rule::Suspend
        | Rule::AddressRemoved
        | Rule::RouteChanged
        | Rule::NotAcknowledged
        | Rule::NotAnswered
        | Rule::ConnectsRefused
        | Rule::NotMqtt
        | Rule::Named
        | Rule::Pattern => false,
    }
}

/// From when on signals of this machine may bear on the end of a session.
#[must_use]
pub fn signals_from(session: &Session) -> Instant {
    local::last_heard(session).min(session.alive) - BEFORE
}

/// Until when a sleep that ended a session may be noticed.
#[must_use]
pub fn signals_until(session: &Session) -> Instant {
    session.end.at + local::NOTICED_WITHIN
}

/// That the machine slept before the end of this session, from signals that came after it.
#[must_use]
pub fn slept_before(session: &Session, later: &[Signal]) -> Option<Verdict> {
    local::suspended_before(session, later)
}

/// What the first attempt that tells says of a drop that is not settled by itself; `None` while none has told, and
/// for a drop that needs no more.
#[must_use]
pub fn settle(preliminary: &Preliminary, next: NextAttempt) -> Option<Verdict> {
    if preliminary.settled {
        return None;
    }
    match next {
        NextAttempt::Refused => Some(match preliminary.verdict.evidence {
            Evidence::Suspected | Evidence::None => later::connects_refused(),
            Evidence::Stated | Evidence::Observed | Evidence::Inferred => preliminary.verdict.clone(),
        }),
        NextAttempt::Failed => None,
        NextAttempt::Accepted | NextAttempt::Stopped => Some(preliminary.verdict.clone()),
    }
}

/// How soon after a packet an end counts as its answer: five round trips, and a second at least.
#[must_use]
pub fn answer_time(rtt: Option<Duration>) -> Duration {
    (rtt.unwrap_or_default() * 5).max(Duration::from_secs(1))
}

/// The same for this session: by the kernel's round trip, else by that of the last ping.
fn w5(session: &Session) -> Duration {
    answer_time(session.tcp.map(|tcp| tcp.rtt).or(session.stats.last_ping))
}

/// The peer closed in order. On plain TCP a FIN is as orderly as it gets.
fn orderly(session: &Session, failure: &Failure) -> bool {
    session.ended_by == EndedBy::Peer && is_orderly(failure.detail)
}

/// Whether a close like this is one that somebody on the far side decided.
#[must_use]
pub const fn is_orderly(detail: Detail) -> bool {
    match detail {
        Detail::Fin | Detail::CloseNotify | Detail::WebsocketClose(_) | Detail::Disconnect(_) => true,
        Detail::None
        | Detail::Rst
        | Detail::HttpStatus(_)
        | Detail::VendorCode(_)
        | Detail::Connack(_)
        | Detail::Alert(_)
        | Detail::Size(_)
        | Detail::Os(_) => false,
    }
}

fn verdict(cause: Cause, evidence: Evidence, rule: Rule, words: impl Into<String>) -> Verdict {
    Verdict { cause, evidence, rule, words: words.into() }
}

/// A length of time as people say it.
fn spoken(length: Duration) -> String {
    let (seconds, whole) = (length.as_secs_f64(), length.as_secs());
    if length < Duration::from_millis(1) {
        "less than 1 ms".to_owned()
    } else if seconds < 1.0 {
        format!("{} ms", length.as_millis())
    } else if seconds < 120.0 {
        format!("{seconds:.1} s")
    } else if whole < 7200 {
        format!("{} min {} s", whole / 60, whole % 60)
    } else {
        format!("{} h {} min", whole / 3600, whole % 3600 / 60)
    }
}

fn counted(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
