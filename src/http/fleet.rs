//! `/api/v1/fleet`: what brokers say of their clients, as JSON.
//! Never a client id unless the configuration shows them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::{Pages, answer};
use crate::lifecycle::board::rfc3339;
use crate::lifecycle::presence::{By, Reason};
use crate::source::fleet::{Burst, LENGTHS, Offender, View};

#[derive(Serialize)]
struct List {
    fleets: Vec<Fleet>,
}

/// One fleet: what one connection hears of the clients of its broker.
#[derive(Serialize)]
struct Fleet {
    connection: String,
    kind: &'static str,
    #[serde(serialize_with = "rfc3339")]
    at: SystemTime,
    #[serde(serialize_with = "rfc3339")]
    listening_since: SystemTime,
    clients_tracked: usize,
    client_limit: usize,
    clients_connected: usize,
    clients_dropped_recently: usize,
    burst: bool,
    bursts_total: u64,
    connects_total: u64,
    disconnects: Vec<Disconnects>,
    events: BTreeMap<&'static str, u64>,
    session_lengths: Vec<Lengths>,
    bursts: Vec<Together>,
    clients_dropped_last_day: usize,
    offenders: Vec<Worst>,
}

#[derive(Serialize)]
struct Disconnects {
    reason: Reason,
    initiated_by: By,
    words: &'static str,
    count: u64,
}

/// Sessions that a drop ended before this many seconds, and not in an earlier group.
#[derive(Serialize)]
struct Lengths {
    below_seconds: Option<u64>,
    count: u64,
}

#[derive(Serialize)]
struct Together {
    #[serde(serialize_with = "rfc3339")]
    began: SystemTime,
    #[serde(serialize_with = "rfc3339")]
    ended: SystemTime,
    clients: usize,
    reasons: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Worst {
    client: String,
    drops_last_day: u32,
    shortest_session_seconds: Option<f64>,
    connected: Option<bool>,
    heard_seconds_ago: f64,
}

pub(super) async fn list(State(pages): State<Pages>) -> Response {
    let connections = pages.board.snapshot();
    let heard = connections.iter().filter_map(|status| Some((&status.name, status.fleet.as_ref()?)));
    let fleets = heard.map(|(name, view)| Fleet::of(name, view)).collect();
    match serde_json::to_vec(&List { fleets }) {
        Ok(json) => answer::typed("application/json", json),
        Err(error) => answer::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("The fleet cannot be written as JSON: {error}. Please report this.\n"),
        ),
    }
}

impl Fleet {
    fn of(connection: &str, view: &View) -> Self {
        let View { at, since, kind, shows_clients: _, client_limit, standing, tally, bursts, offenders } =
            view;
        let disconnects = tally.disconnects.iter().map(|((reason, by), count)| Disconnects {
            reason: *reason,
            initiated_by: *by,
            words: reason.words(),
            count: *count,
        });
        let events = tally.events.iter().map(|(fate, count)| (fate.as_str(), *count));
        let lengths = LENGTHS
            .iter()
            .zip(tally.lengths)
            .map(|(below, count)| Lengths { below_seconds: (*below < u64::MAX).then_some(*below), count });
        Self {
            connection: connection.to_owned(),
            kind,
            at: *at,
            listening_since: *since,
            clients_tracked: standing.clients,
            client_limit: *client_limit,
            clients_connected: standing.connected,
            clients_dropped_recently: standing.dropped_recently,
            burst: standing.burst,
            bursts_total: standing.bursts,
            connects_total: tally.connects,
            disconnects: disconnects.collect(),
            events: events.chain([("malformed", tally.malformed)]).collect(),
            session_lengths: lengths.collect(),
            bursts: bursts.iter().rev().map(Together::of).collect(),
            clients_dropped_last_day: offenders.clients,
            offenders: offenders.worst.iter().map(Worst::of).collect(),
        }
    }
}

impl Together {
    fn of(burst: &Burst) -> Self {
        let Burst { began, ended, clients, reasons } = burst;
        let reasons = reasons.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
        Self { began: *began, ended: *ended, clients: *clients, reasons }
    }
}

impl Worst {
    fn of(offender: &Offender) -> Self {
        Self {
            client: offender.name(),
            drops_last_day: offender.drops,
            shortest_session_seconds: offender.shortest.map(|shortest| shortest.as_secs_f64()),
            connected: offender.connected,
            heard_seconds_ago: offender.heard_ago.as_secs_f64(),
        }
    }
}
