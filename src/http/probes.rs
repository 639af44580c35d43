//! `/-/healthy` and `/-/ready`: for service managers and load balancers.
//! Never restarts a process for a fault that a restart does not mend: healthy says nothing about brokers.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Pages, answer};
use crate::connection::error::RetryClass;
use crate::lifecycle::StateName;
use crate::lifecycle::board::ConnectionStatus;

pub(super) async fn healthy() -> Response {
    answer::text(StatusCode::OK, "healthy\n".to_owned())
}

pub(super) async fn ready(State(pages): State<Pages>) -> Response {
    let connections = pages.board.snapshot();
    let (status, head) = if connections.iter().all(is_ready) {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    answer::text(status, lines(head, &connections))
}

/// Whether a connection has worked since the start, and no person is needed to make it work again.
///
/// A network that is away for a while leaves it ready: taking the exporter out of service would hide the outage.
pub(super) fn is_ready(connection: &ConnectionStatus) -> bool {
    match connection.state {
        StateName::Online => true,
        StateName::Stopped => false,
        StateName::Idle
        | StateName::Planning
        | StateName::Connecting
        | StateName::Subscribing
        | StateName::Waiting => connection.was_online && !needs_a_person(connection),
    }
}

/// Whether what went wrong last, a failed attempt or else a drop, will not pass by itself.
fn needs_a_person(connection: &ConnectionStatus) -> bool {
    let attempt = connection.last_failure.as_ref().filter(|_| connection.consecutive_failures > 0);
    // A session that was closed on purpose since then had worked.
    let is_past = connection.history.read(|history| {
        let (drop, session) = (history.drops().next_back(), history.sessions().next_back());
        drop.zip(session).is_some_and(|(drop, session)| session.number > drop.number)
    });
    let class = match (attempt, connection.last_drop.as_ref().filter(|_| !is_past)) {
        (Some(failure), _) => failure.class,
        (None, Some(drop)) => drop.class,
        (None, None) => return false,
    };
    match class {
        RetryClass::Setup | RetryClass::Credential => true,
        RetryClass::Network | RetryClass::Service => false,
    }
}

fn lines(head: &str, connections: &[ConnectionStatus]) -> String {
    let mut text = format!("{head}\n");
    if connections.is_empty() {
        text.push_str("no connection is configured\n");
    }
    for connection in connections {
        let mark = if is_ready(connection) { "ready" } else { "not ready" };
        let ConnectionStatus { name, state, why, .. } = connection;
        // Writing to a string cannot fail. A line break in a sentence must not look like another connection.
        let _ = writeln!(text, "{name}: {mark}, {}: {}", state.as_str(), why.replace(['\r', '\n'], " "));
    }
    text
}
