//! What the marks of the timeline mean: the keys of what is there, the letters of events and their words.
//! Never a letter without its words: the reader need not know any.

use maud::{Markup, html};

use super::timeline::{Bar, Bunch};
use crate::diagnosis::EventKind;
use crate::host::{Signal, SignalKind};
use crate::lifecycle::history::Happening;

/// A session, as a bar.
pub(super) fn session() -> Markup {
    key(&html! { rect.up width="16" height="12" {} }, "session")
}

/// An outage and the drop that begins it.
pub(super) fn drop() -> Markup {
    let outage = html! { g.outage { rect.down width="16" height="12" {} rect width="16" height="12" fill="url(#hatch)" {} } };
    html! { (key(&outage, "outage")) (key(&html! { g.drop { circle cx="8" cy="6" r="4" {} } }, "drop")) }
}

/// A close of our own.
pub(super) fn close() -> Markup {
    key(&html! { g.close { circle cx="8" cy="6" r="3" {} } }, "closed by us")
}

/// An attempt that failed.
pub(super) fn failed() -> Markup {
    key(&html! { g.failed { text x="8" y="10" text-anchor="middle" { "×" } } }, "failed connect")
}

fn key(shape: &Markup, words: &str) -> Markup {
    html! { span.key { svg width="16" height="12" aria-hidden="true" { (shape) } " " (words) } }
}

/// What the letters mean that are there.
pub(super) fn letters(sleeps: &[Bar], changes: &[Bunch<&Signal>], ours: &[Bunch<&Happening>]) -> Markup {
    let mut known: Vec<(&str, &str)> = Vec::new();
    let signals = changes.iter().flat_map(|bunch| &bunch.members);
    let signals = signals.map(|signal| (signal_letter(&signal.kind), signal_words(&signal.kind)));
    let happenings = ours.iter().flat_map(|bunch| &bunch.members);
    let happenings = happenings.map(|happening| (event_letter(happening.kind), event_words(happening.kind)));
    for (letter, words) in signals.chain(happenings) {
        if !known.contains(&(letter, words)) {
            known.push((letter, words));
        }
    }
    html! {
        @if !sleeps.is_empty() {
            span.key { svg width="16" height="12" aria-hidden="true" { rect.asleep width="16" height="9" y="2" rx="2" {} } " this machine slept" }
        }
        @for (letter, words) in known { span.key { b { (letter) } " " (words) } }
    }
}

pub(super) const fn signal_letter(kind: &SignalKind) -> &'static str {
    match kind {
        SignalKind::Suspended(_) => "Z",
        SignalKind::ClockForward(_) | SignalKind::ClockBack(_) => "T",
        SignalKind::LinkDown(_) => "↓",
        SignalKind::LinkUp(_) => "↑",
        SignalKind::AddressAdded(..) => "A",
        SignalKind::AddressRemoved(..) => "a",
        SignalKind::RouteAdded => "R",
        SignalKind::RouteRemoved => "r",
        SignalKind::ResolverChanged => "N",
    }
}

pub(super) const fn signal_words(kind: &SignalKind) -> &'static str {
    match kind {
        SignalKind::Suspended(_) => "this machine slept",
        SignalKind::ClockForward(_) | SignalKind::ClockBack(_) => "the wall clock was stepped",
        SignalKind::LinkDown(_) => "a link went down",
        SignalKind::LinkUp(_) => "a link came up",
        SignalKind::AddressAdded(..) => "an address came",
        SignalKind::AddressRemoved(..) => "an address went",
        SignalKind::RouteAdded => "a default route came",
        SignalKind::RouteRemoved => "a default route went",
        SignalKind::ResolverChanged => "the resolver's configuration changed",
    }
}

pub(super) const fn event_letter(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Command => "C",
        EventKind::CredentialRefresh => "K",
        EventKind::CredentialExpiry => "E",
        EventKind::Reload => "L",
        EventKind::Scrape => "S",
        EventKind::OtherDrop => "D",
        EventKind::Link
        | EventKind::Address
        | EventKind::Route
        | EventKind::Resolver
        | EventKind::ClockStep => "H",
    }
}

pub(super) const fn event_words(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Command => "a command was sent",
        EventKind::CredentialRefresh => "credentials were obtained",
        EventKind::CredentialExpiry => "credentials lapsed",
        EventKind::Reload => "the configuration was read",
        EventKind::Scrape => "a scrape",
        EventKind::OtherDrop => "another connection dropped",
        EventKind::Link
        | EventKind::Address
        | EventKind::Route
        | EventKind::Resolver
        | EventKind::ClockStep => "something changed on this machine",
    }
}
