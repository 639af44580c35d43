//! `/api/v1/diagnostics` and `/api/v1/drops`: everything that is known of the drops, as JSON.
//! Never shows more than the export, which is free of secrets, and never takes a place from a scrape.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::{Pages, answer};
use crate::clock::now;
use crate::config::Human;
use crate::lifecycle::board::ConnectionStatus;
use crate::lifecycle::export::{Drop, Export, Stamp};
use crate::lifecycle::history::DROPS;

/// Documents written at once: one after the other is soon enough, and the second thread stays free for a scrape.
pub(super) const WRITERS: usize = 1;
/// Drops told when nobody says how many.
const USUAL: usize = 100;

type Asked = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// `/api/v1/diagnostics`.
pub(super) async fn export(State(pages): State<Pages>) -> Response {
    written(pages, |pages| {
        let export = Export::of(&pages.board.snapshot(), &pages.host.all(), pages.started, now());
        serde_json::to_vec(&export)
    })
    .await
}

/// `/api/v1/drops`.
pub(super) async fn drops(State(pages): State<Pages>, asked: Asked) -> Response {
    let wish = match asked {
        Ok(Query(pairs)) => Wish::read(&pairs, &pages.board.snapshot(), Stamp(now().wall)),
        Err(_) => Err(format!("the query cannot be read; {RIGHT}")),
    };
    match wish {
        Ok(wish) => {
            written(pages, move |pages| {
                let mut connections = pages.board.snapshot();
                connections.retain(|status| wish.connection.as_ref().is_none_or(|name| *name == status.name));
                let mut drops = Export::drops(&connections, &pages.host.all());
                drops.retain(|drop| drop.timestamp >= wish.since);
                drops.truncate(wish.limit);
                serde_json::to_vec(&List { timestamp: Stamp(now().wall), drops })
            })
            .await
        }
        Err(fault) => answer::text(StatusCode::BAD_REQUEST, format!("{fault}.\n")),
    }
}

#[derive(Serialize)]
struct List {
    timestamp: Stamp,
    drops: Vec<Drop>,
}

/// Writes a document where nothing waits for it.
pub(super) async fn written(
    pages: Pages,
    write: impl FnOnce(&Pages) -> serde_json::Result<Vec<u8>> + Send + 'static,
) -> Response {
    let place = pages.documents.clone().acquire_owned().await;
    let written = tokio::task::spawn_blocking(move || {
        let _place = place;
        write(&pages)
    });
    match written.await {
        Ok(Ok(json)) => answer::typed("application/json", json),
        Ok(Err(_)) | Err(_) => answer::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The document could not be written; the log says why. Please report this.\n".to_owned(),
        ),
    }
}

/// A request that is right.
const RIGHT: &str = "write for example /api/v1/drops?connection=home&since=24h&limit=20";

/// Which drops are asked for.
#[derive(Debug, PartialEq)]
struct Wish {
    connection: Option<String>,
    since: Option<Stamp>,
    limit: usize,
}

impl Wish {
    fn read(pairs: &[(String, String)], known: &[ConnectionStatus], now: Stamp) -> Result<Self, String> {
        let mut wish = Self { connection: None, since: None, limit: USUAL };
        for (name, value) in pairs {
            match name.as_str() {
                "connection" => wish.connection = Some(connection(value, known)?),
                "since" => wish.since = Some(since(value, now)?),
                "limit" => wish.limit = limit(value)?,
                _ => return Err(format!("`connection`, `since` and `limit` can be asked for; {RIGHT}")),
            }
        }
        Ok(wish)
    }
}

fn connection(value: &str, known: &[ConnectionStatus]) -> Result<String, String> {
    let names: Vec<&str> = known.iter().map(|status| status.name.as_str()).collect();
    if names.contains(&value) {
        return Ok(value.to_owned());
    }
    let there = match names.first() {
        Some(first) => format!("{}; write for example connection={first}", names.join(", ")),
        None => "there is none yet".to_owned(),
    };
    Err(format!("`connection` is the name of a connection: {there}"))
}

/// A time, or how long ago it was.
fn since(value: &str, now: Stamp) -> Result<Stamp, String> {
    // In a query a `+` that was not written as `%2B` arrives as a space.
    let time = Stamp::parse(&value.replace(' ', "+"));
    let ago = value.parse().ok().and_then(|Human(ago)| now.0.checked_sub(ago)).map(Stamp);
    time.or(ago).ok_or_else(|| {
        "`since` is a time or how long ago it was; write for example since=24h or since=2026-03-01T12:00:00Z".to_owned()
    })
}

fn limit(value: &str) -> Result<usize, String> {
    let limit = value.parse().ok().filter(|limit| (1..=DROPS).contains(limit));
    limit.ok_or_else(|| format!("`limit` is a number from 1 to {DROPS}; write for example limit=20"))
}
