//! From the history of a connection to its [`Case`]: plain numbers for the tests. Pure.
//! Never judges: what a test may use of a session is the test's own matter.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use super::evidence::is_orderly;
use super::{Case, Counts, EventKind, Events, Evidence, Lived, Rule, Verdict};
use crate::clock::{Now, unix_seconds};
use crate::connection::Detail;
use crate::connection::ending::EndedBy;
use crate::connection::error::ErrorName;
use crate::host::{SIGNALS, Signal, SignalKind};
use crate::lifecycle::history::{self, AttemptOutcome, End, History, Session};

/// Drops that the tests look at (drop-diagnosis.md section 3).
pub const DROPS: usize = 50;
/// Limits taken from the lifetimes of credentials: more of them would only cost every test its sharpness.
const LIFETIMES: usize = 4;
/// The reason code of MQTT 5 for a takeover.
const TAKEN_OVER: u8 = 0x8E;

/// What the history of a connection does not know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Session lengths to try beside the known limits, in seconds.
    pub limits: Vec<f64>,
    /// Offset of local time from UTC, in seconds.
    pub utc_offset: f64,
    /// Other offsets before it, each with the moment until which it held, oldest first.
    pub earlier_offsets: Vec<(SystemTime, f64)>,
    /// Every length and every time is multiplied by this: a test in compressed time lives an hour in seconds. 1 else.
    pub scale: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { limits: Vec::new(), utc_offset: 0.0, earlier_offsets: Vec::new(), scale: 1.0 }
    }
}

/// What happened beside a connection.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// On this machine.
    pub host: Vec<Signal>,
    /// When other connections of this process dropped.
    pub other_drops: Vec<SystemTime>,
    /// From when on all of these are known, where those before were not looked at.
    pub other_drops_since: Option<SystemTime>,
}

/// The case of a connection.
#[must_use]
pub fn case(history: &History, beside: &Beside, settings: &Settings, now: Now) -> Case {
    let scale = settings.scale;
    let sessions: Vec<Lived> =
        latest(history).into_iter().map(|session| lived(history, session, scale)).collect();
    let since = sessions.first().map_or(f64::INFINITY, |first| first.start);
    let until = (now.unix_seconds() + CREDENTIAL_WINDOW) * scale;
    Case {
        living: history
            .living()
            .map(|living| now.at.saturating_since(living.start.at).as_secs_f64() * scale)
            .filter(|age| age.is_finite()),
        survived_gaps: history.survived_gaps().map(|gap| gap.length.as_secs_f64() * scale).collect(),
        events: events(history, beside, scale, since..=until),
        limits: limits(history, settings),
        utc_offset: settings.utc_offset,
        earlier_offsets: settings
            .earlier_offsets
            .iter()
            .map(|(until, offset)| (unix_seconds(*until) * scale, *offset))
            .collect(),
        sessions,
    }
}

/// Whether direct evidence explains a drop, so that the tests leave it aside (drop-diagnosis.md section 3).
#[must_use]
pub fn is_explained(verdict: &Verdict) -> bool {
    let seen = match verdict.rule {
        Rule::Suspend | Rule::AddressRemoved | Rule::NotMqtt => true,
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
        | Rule::Nothing => false,
    };
    match verdict.evidence {
        Evidence::Stated => true,
        Evidence::Observed => seen,
        Evidence::Inferred | Evidence::Suspected | Evidence::None => false,
    }
}

/// An expiry counts for a drop that comes this long before it.
const CREDENTIAL_WINDOW: f64 = 60.0;

/// The last drops that direct evidence leaves open, and every other session since the first of them.
fn latest(history: &History) -> Vec<&Arc<Session>> {
    let open = |session: &&Arc<Session>| !history.verdict(session.number).is_some_and(is_explained);
    let drops: Vec<_> = history.drops().rev().filter(open).take(DROPS).collect();
    // With fewer drops than that, what was closed before the first of them lived long enough to be told.
    let from = if drops.len() < DROPS { 0 } else { drops.last().map_or(0, |oldest| oldest.number) };
    let mut sessions: BTreeMap<u64, &Arc<Session>> = BTreeMap::new();
    for session in history.drops().chain(history.sessions()) {
        if session.number >= from {
            sessions.insert(session.number, session);
        }
    }
    sessions.into_values().collect()
}

fn lived(history: &History, session: &Session, scale: f64) -> Lived {
    let (orderly, taken_over, reset) = session.failure().map_or((true, false, false), |failure| {
        let orderly = is_orderly(failure.detail);
        let taken_over = failure.error == ErrorName::DisconnectReceived
            && failure.detail == Detail::Disconnect(Some(TAKEN_OVER));
        (orderly, taken_over, failure.detail == Detail::Rst)
    });
    let (reconnected_at_once, connects_failed) = afterwards(history, session);
    let stats = &session.stats;
    Lived {
        number: session.number,
        // From the end back on the boot clock: where the wall clock was stepped meanwhile, as on a machine that boots
        // without one, its later time is the right one.
        start: (unix_seconds(session.end.wall) - session.lasted().as_secs_f64()) * scale,
        age: session.age().as_secs_f64() * scale,
        uncertainty: session.uncertainty().as_secs_f64() * scale,
        ended_by: match session.ending {
            End::Dropped(_) => session.ended_by,
            End::Closed(_) => EndedBy::Us,
        },
        orderly,
        taken_over,
        reset,
        verdict: history.verdict(session.number).cloned().unwrap_or_else(Verdict::unknown),
        keep_alive: session.keep_alive.as_secs_f64() * scale,
        counts: Counts {
            messages_received: stats.messages_received,
            messages_sent: stats.messages_sent,
            bytes: stats.bytes_received.saturating_add(stats.bytes_sent),
        },
        reconnected_at_once,
        connects_failed,
        fatal_gaps: session.fatal_gaps.iter().map(|gap| gap.as_secs_f64() * scale).collect(),
        sends: stats.sends.clone(),
    }
}

/// Whether the next session came at the first attempt, and whether attempts failed before it (or fail still).
pub(super) fn afterwards(history: &History, session: &Session) -> (bool, bool) {
    let ended = session.end.wall;
    if let Some(attempts) = next(history, session.number) {
        return (attempts <= 1, attempts > 1);
    }
    let failed =
        history.attempts().rev().take_while(|attempt| attempt.start.wall >= ended).any(
            |attempt| match attempt.outcome {
                AttemptOutcome::Failed(_) => true,
                AttemptOutcome::Accepted | AttemptOutcome::Interrupted => false,
            },
        );
    (false, failed)
}

/// The attempts that the session after this one took.
fn next(history: &History, number: u64) -> Option<u32> {
    let living = history.living().filter(|living| living.number == number + 1).map(|living| living.attempts);
    living.or_else(|| {
        let among = |session: &&Arc<Session>| session.number == number + 1;
        let closed = history.sessions().rev().find(among);
        closed.or_else(|| history.drops().rev().find(among)).map(|session| session.attempts)
    })
}

/// The limits of the configuration, and the lifetimes of the credentials that sessions began with.
fn limits(history: &History, settings: &Settings) -> Vec<f64> {
    let mut limits: Vec<f64> = settings.limits.iter().map(|limit| limit * settings.scale).collect();
    let lifetimes = history.sessions().rev().filter_map(|session| {
        let lifetime =
            session.credentials_expire?.duration_since(session.credentials_issued?).ok()?.as_secs_f64();
        // Issued and expiry are of two clocks: a minute is as sharp as they are together.
        let lifetime = if lifetime >= 600.0 { (lifetime / 60.0).round() * 60.0 } else { lifetime.round() };
        (lifetime >= 10.0).then_some(lifetime * settings.scale)
    });
    let mut found: Vec<f64> = Vec::new();
    for lifetime in lifetimes {
        if found.len() < LIFETIMES && !found.iter().chain(&limits).any(|known| near(*known, lifetime)) {
            found.push(lifetime);
        }
    }
    limits.append(&mut found);
    limits
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 0.01 * one.max(other)
}

fn events(
    history: &History,
    beside: &Beside,
    scale: f64,
    span: std::ops::RangeInclusive<f64>,
) -> Vec<Events> {
    let mut streams: BTreeMap<EventKind, Vec<f64>> = BTreeMap::new();
    let mut add = |kind, at: SystemTime| {
        let at = unix_seconds(at) * scale;
        if span.contains(&at) {
            streams.entry(kind).or_default().push(at);
        }
    };
    for happening in history.happenings() {
        add(happening.kind, happening.at.wall);
    }
    for signal in &beside.host {
        if let Some(kind) = kind_of(&signal.kind) {
            add(kind, signal.at.wall);
        }
    }
    for at in &beside.other_drops {
        add(EventKind::OtherDrop, *at);
    }
    for expiry in history.sessions().filter_map(|session| session.credentials_expire) {
        add(EventKind::CredentialExpiry, expiry);
    }
    streams
        .into_iter()
        .map(|(kind, mut times)| {
            times.sort_by(f64::total_cmp);
            // Sessions may share credentials, and a signal may come for each interface: one moment is one event.
            times.dedup_by(|later, earlier| (*later - *earlier).abs() < 0.001 * scale);
            Events { kind, times, since: since(kind, history, beside).map(|at| unix_seconds(at) * scale) }
        })
        .collect()
}

/// From when on all events of a kind are known, where a ring that is full has forgotten those before.
fn since(kind: EventKind, history: &History, beside: &Beside) -> Option<SystemTime> {
    match kind {
        EventKind::Command | EventKind::CredentialRefresh | EventKind::Reload | EventKind::Scrape => {
            let forgotten = history.happenings().len() >= history::HAPPENINGS;
            history.happenings().next().filter(|_| forgotten).map(|oldest| oldest.at.wall)
        }
        // Those that happened are the sessions' own.
        EventKind::CredentialExpiry => {
            let forgotten = history.sessions().len() >= history::SESSIONS;
            history.sessions().next().filter(|_| forgotten).map(|oldest| oldest.start.wall)
        }
        EventKind::Link
        | EventKind::Address
        | EventKind::Route
        | EventKind::Resolver
        | EventKind::ClockStep => {
            beside.host.first().filter(|_| beside.host.len() >= SIGNALS).map(|oldest| oldest.at.wall)
        }
        EventKind::OtherDrop => beside.other_drops_since,
    }
}

/// A suspend is no event of these: it explains its drop by itself.
const fn kind_of(signal: &SignalKind) -> Option<EventKind> {
    match signal {
        SignalKind::Suspended(_) => None,
        SignalKind::ClockForward(_) | SignalKind::ClockBack(_) => Some(EventKind::ClockStep),
        SignalKind::LinkDown(_) | SignalKind::LinkUp(_) => Some(EventKind::Link),
        SignalKind::AddressAdded(..) | SignalKind::AddressRemoved(..) => Some(EventKind::Address),
        SignalKind::RouteAdded | SignalKind::RouteRemoved => Some(EventKind::Route),
        SignalKind::ResolverChanged => Some(EventKind::Resolver),
    }
}

#[cfg(test)]
mod tests;
