//! `/`: what every connection is doing and why, for people.
//! Never needs a script or another host, and never writes a word of the world unescaped.

use std::time::SystemTime;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use maud::{DOCTYPE, Markup, html};

use super::probes::is_ready;
use super::words::{counted, distance, exact, seconds, span};
use super::{Pages, answer, past, timeline};
use crate::clock::now;
use crate::connection::error::RetryClass;
use crate::lifecycle::StateName;
use crate::lifecycle::board::{ConnectionStatus, LastDrop, LastFailure, SessionStatus};

/// The page asks for itself again after so many seconds.
const REFRESH_SECONDS: u32 = 15;

pub(super) async fn page(State(pages): State<Pages>, RawQuery(query): RawQuery) -> Response {
    let refreshes = query.as_deref() != Some("refresh=off");
    let page = document(&pages.board.snapshot(), refreshes, now().wall);
    answer::typed("text/html; charset=utf-8", page.into_string())
}

pub(super) async fn style() -> Response {
    answer::typed("text/css; charset=utf-8", include_str!("style.css"))
}

/// The whole page. Its links are relative, so that it may stand behind a proxy under any path.
fn document(connections: &[ConnectionStatus], refreshes: bool, now: SystemTime) -> Markup {
    let online = connections.iter().filter(|connection| connection.state == StateName::Online).count();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if refreshes { meta http-equiv="refresh" content=(REFRESH_SECONDS); }
                title { (online) "/" (connections.len()) " online · hangup" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="style.css";
            }
            body {
                header {
                    h1 { "hangup " small { (env!("CARGO_PKG_VERSION")) } }
                    p { (online) " of " (counted(connections.len() as u64, "connection")) " online" }
                    nav {
                        a href="metrics" { "metrics" }
                        a href="-/ready" { "ready?" }
                        a href="api/v1/connections" { "JSON" }
                    }
                }
                main {
                    @if connections.is_empty() {
                        p { "No connection is configured." }
                    }
                    @for connection in connections { (card(connection, now)) }
                }
                footer { (footer(refreshes, now)) }
            }
        }
    }
}

fn footer(refreshes: bool, now: SystemTime) -> Markup {
    html! {
        "As of " (exact(now)) ". "
        @if refreshes {
            "Refreshes every " (REFRESH_SECONDS) " s; " a href="?refresh=off" { "stop" } "."
        } @else {
            "Does not refresh; " a href="?" { "start" } "."
        }
    }
}

/// One connection.
fn card(connection: &ConnectionStatus, now: SystemTime) -> Markup {
    html! {
        section class=(mood(connection)) {
            h2 {
                span.name { (connection.name) }
                span.badge { (connection.state.as_str()) }
                small { (connection.source) " over " (connection.transport) }
            }
            p.why { (connection.why) }
            dl {
                (fact("changed state", &time(connection.since, now)))
                @if let Some(at) = connection.next_attempt {
                    (fact("next attempt", &time(at, now)))
                }
                @if let Some(session) = &connection.session { (session_facts(session, now)) }
                @if connection.consecutive_failures > 0 {
                    (fact("failed attempts in a row", &html! { (connection.consecutive_failures) }))
                }
                (fact("so far", &totals(connection)))
                @if let Some(failure) = &connection.last_failure {
                    @let matters = connection.consecutive_failures > 0;
                    (fact("last failed attempt", &last_failure(failure, matters, now)))
                }
                @if let Some(drop) = &connection.last_drop {
                    (fact("last drop", &last_drop(drop, now)))
                }
            }
            (timeline::strip(connection, now))
            (past::drops_by_error(connection))
            (connection.history.read(|history| past::sessions(history, now)))
        }
    }
}

/// The colour of a card.
fn mood(connection: &ConnectionStatus) -> &'static str {
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

fn fact(term: &str, value: &Markup) -> Markup {
    html! { div { dt { (term) } dd { (value) } } }
}

fn session_facts(session: &SessionStatus, now: SystemTime) -> Markup {
    let SessionStatus { since, attempts, subscriptions, subscriptions_active, .. } = session;
    let took = counted(u64::from(*attempts), "attempt");
    html! {
        (fact("session began", &html! { (time(*since, now)) ", after " (took) }))
        (fact("subscriptions", &html! { (subscriptions_active) " of " (subscriptions) " active" }))
        (fact("keep-alive", &html! { (session.keep_alive_seconds) " s" }))
        @if let Some(expiry) = session.credentials_expire {
            (fact("credentials lapse", &time(expiry, now)))
        }
    }
}

fn totals(connection: &ConnectionStatus) -> Markup {
    html! { (counted(connection.sessions, "session")) ", " (counted(connection.drops, "drop")) }
}

/// What failed; what it means only while it matters.
fn last_failure(failure: &LastFailure, matters: bool, now: SystemTime) -> Markup {
    html! {
        (time(failure.at, now)) ", in phase " (failure.phase.as_str()) ": " (failure.message)
        " " code { (failure.error) }
        @if matters { " " span.advice { (advice(failure.class)) } }
    }
}

fn last_drop(drop: &LastDrop, now: SystemTime) -> Markup {
    html! {
        (time(drop.at, now)) ", after " (span(seconds(drop.session_seconds))) ": " (drop.message)
        " " code { (drop.error) }
    }
}

/// What the class of a failure means for the person who reads.
const fn advice(class: RetryClass) -> &'static str {
    match class {
        RetryClass::Network => "The network: tried again soon.",
        RetryClass::Service => "The service: tried again after a while.",
        RetryClass::Credential => "Credentials: check the account and its password.",
        RetryClass::Setup => "The setup: does not pass by itself.",
    }
}

/// A time relative to now, with the exact one at hand.
pub(super) fn time(at: SystemTime, now: SystemTime) -> Markup {
    let exact = exact(at);
    html! { time datetime=(exact) title=(exact) { (distance(at, now)) } }
}
