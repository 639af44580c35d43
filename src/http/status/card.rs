//! One connection in full: what it does and why, its findings, its timeline, its drops, its connects.
//! Never writes a word of the world unescaped, and never shows an address, a topic or a client id.

use maud::{Markup, html};

use super::past::Past;
use super::view::View;
use super::words::{counted, seconds, span};
use super::{clients, drops, findings, lengths, phases, strip};
use crate::connection::error::RetryClass;
use crate::http::probes::is_ready;
use crate::lifecycle::StateName;
use crate::lifecycle::board::{ConnectionStatus, LastDrop, LastFailure, SessionStatus};

/// How much of a connection is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// On the page of all connections.
    Short,
    /// On its own page.
    Full,
}

impl Detail {
    /// Rows of each list.
    const fn rows(self) -> usize {
        match self {
            Self::Short => 8,
            Self::Full => 60,
        }
    }
}

/// One connection.
pub(super) fn card(connection: &ConnectionStatus, past: &Past, view: &View, detail: Detail) -> Markup {
    let id = segment(&connection.name);
    let rows = detail.rows();
    html! {
        section.(mood(connection)) id={ "connection-" (id) } {
            h2 {
                @match detail {
                    Detail::Short => a.name href={ "connections/" (id) (kept(view)) } { (connection.name) },
                    Detail::Full => span.name { (connection.name) },
                }
                (state(connection))
                small { (connection.source) " over " (connection.transport) }
            }
            p.why { (connection.why) }
            (facts(connection, past, view))
            (findings::findings(past, view, &id))
            h3 { "Sessions, outages and drops" }
            (strip::strip(past, view))
            (lengths::plot(past, view))
            (drops::tallies(past, view))
            (drops::last(past, view, rows))
            (phases::phases(past, view))
            (drops::sessions(past, view, rows))
            @if let Some(fleet) = &connection.fleet { (clients::clients(fleet, view)) }
        }
    }
}

/// The state as a badge.
pub(super) fn state(connection: &ConnectionStatus) -> Markup {
    html! { span.badge { (connection.state.as_str()) } }
}

/// What of the address a link to another page keeps.
pub(super) fn kept(view: &View) -> String {
    match view.ask.link(view.ask.stretch(), None) {
        nothing if nothing == "?" => String::new(),
        words => words,
    }
}

/// A name as one segment of an address.
pub(super) fn segment(name: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    name.bytes()
        .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The colour of a card, and whether it needs a look.
pub(super) fn mood(connection: &ConnectionStatus) -> &'static str {
    match connection.state {
        StateName::Online => "good",
        StateName::Stopped => "over",
        StateName::Idle
        | StateName::Planning
        | StateName::Connecting
        | StateName::Subscribing
        | StateName::Waiting => {
            let failed = connection.consecutive_failures > 0 && connection.last_failure.is_some();
            if failed && !is_ready(connection) { "bad" } else { "busy" }
        }
    }
}

fn facts(connection: &ConnectionStatus, past: &Past, view: &View) -> Markup {
    html! {
        dl.facts {
            (fact("in this state", &html! { "since " (view.when(connection.since)) }))
            @if let Some(at) = connection.next_attempt { (fact("next attempt", &view.when(at))) }
            @if let Some(session) = &connection.session { (session_facts(session, past, view)) }
            @if connection.consecutive_failures > 0 {
                (fact("failed attempts in a row", &html! { (connection.consecutive_failures) }))
            }
            (fact("since the start", &totals(connection)))
            @if let Some(failure) = &connection.last_failure {
                @let matters = connection.consecutive_failures > 0;
                (fact("last failed attempt", &last_failure(failure, matters, view)))
            }
            @if let Some(drop) = &connection.last_drop { (fact("last drop", &last_drop(drop, view))) }
        }
    }
}

fn fact(term: &str, value: &Markup) -> Markup {
    html! { div { dt { (term) } dd { (value) } } }
}

fn session_facts(session: &SessionStatus, past: &Past, view: &View) -> Markup {
    let SessionStatus { since, attempts, subscriptions, subscriptions_active, .. } = session;
    let took = counted(u64::from(*attempts), "attempt");
    let since = past.living.as_ref().map_or(*since, |living| living.start.wall);
    html! {
        (fact("session began", &html! { (view.when(since)) ", after " (took) }))
        (fact("subscriptions", &html! { (subscriptions_active) " of " (subscriptions) " active" }))
        (fact("keep-alive", &html! { (session.keep_alive_seconds) " s" }))
        @if let Some(expiry) = session.credentials_expire { (fact("credentials lapse", &view.when(expiry))) }
    }
}

fn totals(connection: &ConnectionStatus) -> Markup {
    html! { (counted(connection.sessions, "session")) ", " (counted(connection.drops, "drop")) }
}

/// What failed; what it means only while it matters.
fn last_failure(failure: &LastFailure, matters: bool, view: &View) -> Markup {
    html! {
        (view.ago(failure.at)) ", in phase " (failure.phase.as_str()) ": " (failure.message)
        " " code { (failure.error) }
        @if matters { " " span.advice { (advice(failure.class)) } }
    }
}

fn last_drop(drop: &LastDrop, view: &View) -> Markup {
    html! {
        (view.ago(drop.at)) ", after " (span(seconds(drop.session_seconds))) ": " (drop.message)
        " " code { (drop.error) }
    }
}

/// What the class of a failure means for the person who reads.
const fn advice(class: RetryClass) -> &'static str {
    match class {
        RetryClass::Network => "The network: tried again soon.",
        RetryClass::Service => "The service: tried again after a while.",
        RetryClass::Credential => "Credentials: correct them where they are configured.",
        RetryClass::Setup => "The setup: does not pass by itself.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_segment_of_an_address() {
        assert_eq!(segment("home-1.a_b~"), "home-1.a_b~");
        assert_eq!(segment("a/b?<\"ü"), "a%2Fb%3F%3C%22%C3%BC");
    }
}
