//! `/metrics`: the page for Prometheus, in the format and the encoding that it asks for.
//! Never writes a page on a thread that a connection needs.

use axum::extract::State;
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, HeaderName, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{Pages, answer};
use crate::clock::now;
use crate::telemetry::encode::{self, Exposition};

/// Pages written at once: a crowd of clients costs so many pages of memory and threads, not one each. Reading a
/// page takes no place, so that a slow reader delays nobody.
pub(super) const WRITERS: usize = 4;

pub(super) async fn page(State(pages): State<Pages>, headers: HeaderMap) -> Response {
    let exposition = Exposition::negotiate(all(&headers, &ACCEPT).as_deref());
    let zipped = encode::accepts_gzip(all(&headers, &ACCEPT_ENCODING).as_deref());
    let Ok(place) = pages.writers.clone().acquire_owned().await else {
        return failed();
    };
    let written = tokio::task::spawn_blocking(move || {
        let _place = place;
        let text = encode::page(&pages.metrics, &pages.store, exposition, now());
        if zipped { encode::gzip(&text) } else { text.into_bytes() }
    });
    match written.await {
        Ok(body) => with_headers(exposition, zipped, body),
        Err(_) => failed(),
    }
}

fn with_headers(exposition: Exposition, zipped: bool, body: Vec<u8>) -> Response {
    let mut response = answer::typed(exposition.content_type(), body.into_response());
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    if zipped {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// All values of a header that may be there several times, as one list.
fn all(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// The page broke: Prometheus must see a failed scrape, not an empty page.
fn failed() -> Response {
    answer::text(
        StatusCode::INTERNAL_SERVER_ERROR,
        "The metrics could not be written; the log says why. Please report this.\n".to_owned(),
    )
}
