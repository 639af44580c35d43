//! The past of a connection on the status page: drops by name, the newest sessions, older drops.
//! Never shows an address or a topic, which the history holds for the diagnosis.

use std::time::SystemTime;

use maud::{Markup, html};

use super::landing::time;
use super::words::{counted, span};
use crate::connection::Failure;
use crate::lifecycle::CloseCause;
use crate::lifecycle::board::ConnectionStatus;
use crate::lifecycle::history::{End, History, Session};

/// Rows of each list.
const ROWS: usize = 8;

/// How often each error ended a session, most frequent first.
pub(super) fn drops_by_error(connection: &ConnectionStatus) -> Markup {
    let mut drops: Vec<_> = connection.drops_by_error.iter().collect();
    drops.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    html! {
        @if !drops.is_empty() {
            h3 { "Drops by error" }
            table.counts {
                @for (error, &count) in drops {
                    tr {
                        td.number { (count) }
                        td { code { (error) } @if let Some(code) = error.code() { " " small { (code) } } }
                        td.share { meter min="0" max=(connection.drops.max(count)) value=(count) {} }
                    }
                }
            }
        }
    }
}

/// The newest sessions, and the newest of the drops before them.
pub(super) fn sessions(history: &History, now: SystemTime) -> Markup {
    let newest: Vec<&Session> = history.sessions().rev().take(ROWS).map(AsRef::as_ref).collect();
    let oldest_shown = newest.last().map_or(u64::MAX, |session| session.number);
    let earlier: Vec<&Session> = history
        .drops()
        .rev()
        .map(AsRef::as_ref)
        .filter(|session: &&Session| session.number < oldest_shown)
        .take(ROWS)
        .collect();
    html! {
        (list("Last sessions", &newest, now))
        (list("Drops before them", &earlier, now))
    }
}

fn list(title: &str, sessions: &[&Session], now: SystemTime) -> Markup {
    html! {
        @if !sessions.is_empty() {
            h3 { (title) }
            table.past {
                thead { tr { th { "ended" } th { "lasted" } th { "how it ended" } } }
                tbody { @for session in sessions { (row(session, now)) } }
            }
        }
    }
}

fn row(session: &Session, now: SystemTime) -> Markup {
    let attempts = counted(u64::from(session.attempts), "attempt");
    html! {
        tr {
            td { (time(session.end.wall, now)) }
            td title={ "session " (session.number) ", after " (attempts) } { (span(session.lasted())) }
            td { (ending(&session.ending)) }
        }
    }
}

fn ending(end: &End) -> Markup {
    match end {
        End::Dropped(Failure { error, message, .. }) => html! {
            span.dropped { "dropped" } " " (message) " " code { (error) }
        },
        End::Closed(cause) => html! { span.closed { "closed" } " " (closed(*cause)) },
    }
}

const fn closed(cause: CloseCause) -> &'static str {
    match cause {
        CloseCause::Shutdown => "by us: the exporter stopped",
        CloseCause::Reload => "by us: the configuration changed",
        CloseCause::Renewal => "by us: renewed before its lifetime ran out",
        CloseCause::DeepReconnect => "by us: everything was rebuilt",
        CloseCause::Probe => "by us: a diagnostic probe",
    }
}
