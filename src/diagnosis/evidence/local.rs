//! D2 to D4: what happened on this machine around the end. Pure.
//! Never says which address or which interface.

use std::time::Duration;

use super::{BEFORE, Cause, DropFacts, Evidence, Rule, Session, Verdict, spoken, verdict};
use crate::clock::Instant;
use crate::host::{Signal, SignalKind};

/// Shorter sleeps end no connection.
const SLEPT: Duration = Duration::from_secs(2);

/// A sleep may be noticed so long after the drop that it led to: the clocks are compared every few seconds.
pub(super) const NOTICED_WITHIN: Duration = Duration::from_secs(10);

/// D2: the machine slept between the last sign of life and the detection.
pub(super) fn suspended(facts: &DropFacts<'_>) -> Option<Verdict> {
    let (heard, end) = (last_heard(facts.session), facts.session.end.at);
    asleep(facts.signals.iter().filter(|signal| (heard..=end).contains(&signal.at.at)))
}

/// D2 for a sleep that was noticed after the drop. It was over before it, or nobody could have recorded the drop.
pub(super) fn suspended_before(session: &Session, signals: &[Signal]) -> Option<Verdict> {
    let end = session.end.at;
    asleep(signals.iter().filter(|signal| match signal.kind {
        SignalKind::Suspended(length) => signal.at.at >= end && signal.at.at - length < end,
        SignalKind::ClockForward(_)
        | SignalKind::ClockBack(_)
        | SignalKind::LinkDown(_)
        | SignalKind::LinkUp(_)
        | SignalKind::AddressAdded(..)
        | SignalKind::AddressRemoved(..)
        | SignalKind::RouteAdded
        | SignalKind::RouteRemoved
        | SignalKind::ResolverChanged => false,
    }))
}

/// The last sign of life before the end itself: a FIN or a reset that a machine finds when it wakes is no sign that the
/// connection lived while it slept.
pub(super) fn last_heard(session: &Session) -> Instant {
    session.stats.last_received.map_or(session.alive, |heard| heard.min(session.alive))
}

fn asleep<'a>(signals: impl Iterator<Item = &'a Signal>) -> Option<Verdict> {
    let longest = signals
        .filter_map(|signal| match signal.kind {
            SignalKind::Suspended(length) => Some(length),
            SignalKind::ClockForward(_)
            | SignalKind::ClockBack(_)
            | SignalKind::LinkDown(_)
            | SignalKind::LinkUp(_)
            | SignalKind::AddressAdded(..)
            | SignalKind::AddressRemoved(..)
            | SignalKind::RouteAdded
            | SignalKind::RouteRemoved
            | SignalKind::ResolverChanged => None,
        })
        .max()
        .filter(|longest| *longest >= SLEPT)?;
    let words = format!("this machine slept for {} while the connection was open", spoken(longest));
    Some(verdict(Cause::HostSuspended, Evidence::Observed, Rule::Suspend, words))
}

/// D3: our own address went away, or the link under it.
pub(super) fn our_network(facts: &DropFacts<'_>) -> Option<Verdict> {
    let (signal, what) = window(facts).find_map(|signal| match &signal.kind {
        SignalKind::AddressRemoved(_, address) if *address == facts.session.local.ip() => {
            Some((signal, "the address of this machine that the connection used was removed"))
        }
        SignalKind::LinkDown(index) if facts.interface == Some(*index) => {
            Some((signal, "the network link of this machine that the connection used went down"))
        }
        SignalKind::Suspended(_)
        | SignalKind::ClockForward(_)
        | SignalKind::ClockBack(_)
        | SignalKind::LinkDown(_)
        | SignalKind::LinkUp(_)
        | SignalKind::AddressAdded(..)
        | SignalKind::AddressRemoved(..)
        | SignalKind::RouteAdded
        | SignalKind::RouteRemoved
        | SignalKind::ResolverChanged => None,
    })?;
    let words = format!("{what}, {}", when(facts, signal));
    Some(verdict(Cause::LocalNetworkChange, Evidence::Observed, Rule::AddressRemoved, words))
}

/// D4: something else of the machine's network changed.
pub(super) fn near_network(facts: &DropFacts<'_>) -> Option<Verdict> {
    let (signal, what) = window(facts).find_map(|signal| match &signal.kind {
        SignalKind::RouteAdded => Some((signal, "a default route of this machine came")),
        SignalKind::RouteRemoved => Some((signal, "a default route of this machine went")),
        SignalKind::AddressAdded(..) => Some((signal, "another address of this machine came")),
        SignalKind::AddressRemoved(..) => Some((signal, "another address of this machine went")),
        // Which link carried the connection is not always known: then any may have been it.
        SignalKind::LinkDown(_) if facts.interface.is_none() => {
            Some((signal, "a network link of this machine went down"))
        }
        SignalKind::Suspended(_)
        | SignalKind::ClockForward(_)
        | SignalKind::ClockBack(_)
        | SignalKind::LinkDown(_)
        | SignalKind::LinkUp(_)
        | SignalKind::ResolverChanged => None,
    })?;
    let words = format!("{what}, {}", when(facts, signal));
    Some(verdict(Cause::LocalNetworkChange, Evidence::Suspected, Rule::RouteChanged, words))
}

fn window<'a>(facts: &DropFacts<'a>) -> impl Iterator<Item = &'a Signal> {
    let (from, to) = (facts.session.alive - BEFORE, facts.session.end.at);
    facts.signals.iter().filter(move |signal| (from..=to).contains(&signal.at.at))
}

fn when(facts: &DropFacts<'_>, signal: &Signal) -> String {
    format!("{} before the end was noticed", spoken(facts.session.end.at.saturating_since(signal.at.at)))
}
