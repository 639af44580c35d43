//! `/api/v1/connections`: the status of every connection, as JSON.
//! Never shows more than the board holds, which is free of secrets.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::{Pages, answer};
use crate::lifecycle::board::ConnectionStatus;

#[derive(Serialize)]
struct List {
    connections: Vec<ConnectionStatus>,
}

pub(super) async fn list(State(pages): State<Pages>) -> Response {
    match serde_json::to_vec(&List { connections: pages.board.snapshot() }) {
        Ok(json) => answer::typed("application/json", json),
        Err(error) => answer::text(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("The status can not be written as JSON: {error}. Please report this.\n"),
        ),
    }
}
