//! `POST /api/v1/devices/{device}/commands` and `GET /api/v1/commands/{id}`: commands and what became of them.
//!
//! Never does anything without the token, and never for a browser's sake: no cookies, no cross-origin headers.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, State};
use axum::http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::{Pages, answer};
use crate::clock::{Now, now};
use crate::commands::{self, Accepted, Admission, Fault, Request, Ticket};
use crate::config::Human;
use crate::connection::order::{Fate, Refusal};

/// A command fits into so many bytes.
const MOST_BYTES: usize = 4096;
/// A body must be complete so soon.
const BODY_TIME: Duration = Duration::from_secs(5);
/// A connection looks at a command at once; what takes longer is told later.
const FIRST_LOOK: Duration = Duration::from_secs(2);
/// Nobody may wait longer for a fate.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The sender's own id, as a header.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const HOW: &str = "write a token of at least 16 characters into a file (`openssl rand -hex 24`) and name it with \
                   `token_file` in `[commands]` of the configuration";

/// Whether commands are posted to this path.
pub(super) fn are_taken_at(path: &str) -> bool {
    path.strip_prefix("/api/v1/devices/").is_some_and(|rest| rest.ends_with("/commands"))
}

/// Whether what is at this path asks for the token.
pub(super) fn ask_for_a_token(path: &str) -> bool {
    are_taken_at(path) || path.starts_with("/api/v1/commands/")
}

/// Takes a command.
pub(super) async fn submit(
    State(pages): State<Pages>,
    Path(device): Path<String>,
    query: Result<Query<HashMap<String, String>>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let now = now();
    if let Err(refusal) = admit(&pages, &headers, now) {
        return refusal;
    }
    let asked = match Asked::of(query.map(|Query(query)| query).unwrap_or_default()) {
        Ok(asked) => asked,
        Err(sentence) => return fault(StatusCode::BAD_REQUEST, "bad_query", &sentence),
    };
    let (mut fields, id) = match content(&headers, body).await {
        Ok(content) => content,
        Err(refusal) => return *refusal,
    };
    fields.retain(|(key, _)| key != "id");
    let connection = asked.connection.as_deref();
    let request = Request { device: &device, connection, fields: &fields, id: id.as_deref() };
    let Accepted { mut ticket, again } = match pages.office.submit(&request, now) {
        Ok(accepted) => accepted,
        Err(why) => return not_accepted(&why),
    };
    let looked_at = |fate: &Fate| *fate != Fate::Received;
    let _ = tokio::time::timeout(FIRST_LOOK, ticket.until(looked_at)).await;
    if let Some(wait) = asked.wait {
        let _ = tokio::time::timeout(wait, ticket.until(Fate::is_final)).await;
    }
    let fate = ticket.fate();
    let status = if let (Fate::Refused(refusal), false) = (&fate, again) {
        status_of(refusal)
    } else if fate.is_final() {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    let mut response = told(status, &ticket, &fate);
    if let Ok(place) = HeaderValue::try_from(format!("/api/v1/commands/{}", ticket.id)) {
        response.headers_mut().insert(LOCATION, place);
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
    }
    response
}

/// What became of a command.
pub(super) async fn fate(State(pages): State<Pages>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let now = now();
    if let Err(refusal) = admit(&pages, &headers, now) {
        return refusal;
    }
    match pages.office.ticket(&id, now) {
        Some(ticket) => told(StatusCode::OK, &ticket, &ticket.fate()),
        None => fault(
            StatusCode::NOT_FOUND,
            "no_such_command",
            "there is no command with this id; the last 1000 are kept for 24 hours, and not over a restart",
        ),
    }
}

/// What the query asks for.
struct Asked {
    wait: Option<Duration>,
    connection: Option<String>,
}

impl Asked {
    fn of(mut query: HashMap<String, String>) -> Result<Self, String> {
        let connection = query.remove("connection");
        let wait = match query.remove("wait") {
            None => None,
            Some(text) => Some(
                text.parse()
                    .ok()
                    .map(|Human(wait)| wait)
                    .filter(|wait| *wait <= LONGEST_WAIT)
                    .ok_or("`wait` must be a duration of at most 30s, for example `wait=5s`")?,
            ),
        };
        if !query.is_empty() {
            return Err("only `wait` and `connection` can be asked for, for example `?wait=5s`".to_owned());
        }
        Ok(Self { wait, connection })
    }
}

#[expect(clippy::result_large_err, reason = "an answer is what the caller wants, either way")]
fn admit(pages: &Pages, headers: &HeaderMap, now: Now) -> Result<(), Response> {
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    // Two of them are none: which one counts would be a matter of taste.
    let one = shown.next().filter(|_| shown.next().is_none()).map(HeaderValue::as_bytes);
    let (status, word, sentence) = match pages.office.admit(one, now) {
        Admission::Granted => return Ok(()),
        Admission::Closed => {
            return Err(fault(
                StatusCode::FORBIDDEN,
                "off",
                &format!("commands are off; to switch them on, {HOW}"),
            ));
        }
        Admission::Wrong => (
            StatusCode::UNAUTHORIZED,
            "wrong_token",
            "send the token of the token file: `Authorization: Bearer TOKEN`".to_owned(),
        ),
        Admission::TooOften => (
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_wrong_tokens",
            "too many wrong tokens; wait a minute".to_owned(),
        ),
        Admission::Broken(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "no_token",
            format!("the token file is of no use (the log says why); {HOW}"),
        ),
    };
    let mut response = fault(status, word, &sentence);
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hangup\""));
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("60"));
    }
    Err(response)
}

/// The fields of the body, and the sender's id from it or from the header.
async fn content(
    headers: &HeaderMap,
    body: Body,
) -> Result<(Vec<(String, Value)>, Option<String>), Box<Response>> {
    let wrong = |status, word, sentence: &str| Box::new(fault(status, word, sentence));
    let is_json = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    });
    if !is_json {
        let sentence = "the body must be JSON and say so: `Content-Type: application/json`";
        return Err(wrong(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", sentence));
    }
    let too_large = || {
        let sentence = format!("a command has at most {MOST_BYTES} bytes");
        Box::new(fault(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &sentence))
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > MOST_BYTES) {
        return Err(too_large());
    }
    let bytes = match tokio::time::timeout(BODY_TIME, to_bytes(body, MOST_BYTES)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return Err(too_large()),
        Err(_) => {
            return Err(wrong(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not come within 5 s"));
        }
    };
    let bad = |sentence: &str| wrong(StatusCode::BAD_REQUEST, "bad_command", sentence);
    let fields = commands::read(&bytes).map_err(|error| bad(&error.to_string()))?;
    let key = match headers.get(IDEMPOTENCY_KEY) {
        Some(key) => Some(key.to_str().map_err(|_| bad("`Idempotency-Key` must be plain text"))?.to_owned()),
        None => None,
    };
    let mut ids =
        fields.iter().filter(|(key, _)| key == "id").map(|(_, value)| value.as_str().map(str::to_owned));
    let named = match (ids.next(), ids.next()) {
        (None, _) => None,
        (Some(Some(id)), None) => Some(id),
        (Some(_), _) => return Err(bad("`id` must be one text, for example \"id\": \"2026-01-15:1\"")),
    };
    match (key, named) {
        (Some(one), Some(other)) if one != other => {
            Err(bad("`id` and `Idempotency-Key` differ: give one of them"))
        }
        (key, named) => Ok((fields, key.or(named))),
    }
}

fn not_accepted(why: &Fault) -> Response {
    match why {
        Fault::Wrong(sentence) => fault(StatusCode::BAD_REQUEST, "bad_command", sentence),
        Fault::NoSuchDevice(sentence) => fault(StatusCode::NOT_FOUND, "no_such_device", sentence),
        Fault::DevicesUnknown => retry(fault(
            StatusCode::SERVICE_UNAVAILABLE,
            "devices_unknown",
            "no connection that was up has this device, and not every connection was up yet: try again in some seconds",
        )),
        Fault::Ambiguous(connections) => {
            let sentence = format!(
                "several connections have a device of this name ({}): add for example `?connection={}`",
                connections.join(", "),
                connections.first().map_or("home", String::as_str)
            );
            fault(StatusCode::CONFLICT, "ambiguous", &sentence)
        }
        Fault::IdTaken => fault(
            StatusCode::CONFLICT,
            "id_taken",
            "this id belongs to another command of the last 24 hours: a new command wants a new id",
        ),
        Fault::TooMany => retry(fault(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many",
            "1000 commands have no fate yet: wait for theirs",
        )),
    }
}

fn retry(mut response: Response) -> Response {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
    response
}

const fn status_of(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::BadValue(_) => StatusCode::BAD_REQUEST,
        Refusal::Unsupported(_) => StatusCode::CONFLICT,
        Refusal::ByBroker => StatusCode::BAD_GATEWAY,
        Refusal::NoSuchDevice => StatusCode::NOT_FOUND,
        Refusal::FeaturesUnknown
        | Refusal::NotConnected
        | Refusal::QueueFull
        | Refusal::Stopping
        | Refusal::NotSent
        | Refusal::Quarantined => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// A command and its fate.
fn told(status: StatusCode, ticket: &Ticket, fate: &Fate) -> Response {
    let accepted = jiff::Timestamp::try_from(ticket.accepted.wall).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let mut body = json!({
        "id": ticket.id,
        "connection": ticket.connection,
        "device": ticket.device,
        "command": ticket.command.name(),
        "accepted": accepted.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        "fate": fate.as_str(),
        "final": fate.is_final(),
        "message": fate.to_string(),
    });
    let more = match fate {
        Fate::Refused(refusal) => Some(("reason", json!(refusal.as_str()))),
        Fate::Failed { code, .. } => Some(("fail_code", json!(code))),
        Fate::Unconfirmed { taken, .. } => Some(("broker_has_it", json!(taken))),
        Fate::Received | Fate::Queued | Fate::Sent | Fate::Acknowledged | Fate::Expired => None,
    };
    if let (Some((key, value)), Some(fields)) = (more, body.as_object_mut()) {
        fields.insert(key.to_owned(), value);
    }
    answer::typed("application/json", (status, format!("{body}\n")))
}

/// A request that came to nothing.
fn fault(status: StatusCode, word: &str, sentence: &str) -> Response {
    let body = json!({ "error": word, "message": sentence });
    answer::typed("application/json", (status, format!("{body}\n")))
}
