//! Client events of EMQX, as it publishes them below `$SYS` and as its rules republish them; RMQTT has the same. Pure.
//! Never takes a client id from a topic where the payload has one: a topic has no room for every id.

use std::time::Duration;

use serde::Deserialize;

use super::event::{Event, Parsed, What};
use crate::lifecycle::presence::Reason;

/// What is subscribed to.
pub(super) const FILTERS: &[&str] =
    &["$SYS/brokers/+/clients/+/connected", "$SYS/brokers/+/clients/+/disconnected"];

#[derive(Deserialize)]
struct Payload {
    #[serde(alias = "client_id")]
    clientid: Option<String>,
    event: Option<String>,
    reason: Option<String>,
    #[serde(alias = "timestamp")]
    ts: Option<u64>,
    connected_at: Option<u64>,
    disconnected_at: Option<u64>,
}

/// Reads a message.
#[must_use]
pub(super) fn parse<'a>(topic: &str, payload: &'a [u8]) -> Parsed<'a> {
    let Ok(payload) = serde_json::from_slice::<Payload>(payload) else { return Parsed::Malformed };
    event(topic, payload).into()
}

fn event<'a>(topic: &str, payload: Payload) -> Option<Event<'a>> {
    let mut levels = topic.rsplit('/');
    let (last, before) = (levels.next(), levels.next());
    let word = payload.event.as_deref().or(last).unwrap_or_default();
    let ended = word.ends_with("disconnected") || payload.disconnected_at.is_some();
    let what = if ended {
        let reason = payload.reason.as_deref().map_or(Reason::Unknown, reason);
        What::Disconnected(reason, reason.by())
    } else if word.ends_with("connected") || payload.connected_at.is_some() {
        What::Connected
    } else {
        return None;
    };
    let client = payload.clientid.or_else(|| before.map(str::to_owned))?;
    let at = payload.ts.or(if ended { payload.disconnected_at } else { payload.connected_at });
    let order = at.map(|at| milliseconds(at).saturating_mul(2).saturating_add(u64::from(ended)));
    // Older versions give the time of the disconnect twice, or that of the connect.
    let both = payload.connected_at.zip(payload.disconnected_at).filter(|_| ended);
    let lasted = both.and_then(|(from, to)| milliseconds(to).checked_sub(milliseconds(from)));
    let lasted = lasted.filter(|lasted| *lasted > 0).map(Duration::from_millis);
    Some(Event { order, lasted, ..Event::plain(client, what)? })
}

/// Older versions count seconds.
fn milliseconds(at: u64) -> u64 {
    const YEAR_5138: u64 = 100_000_000_000;
    if at < YEAR_5138 { at.saturating_mul(1000) } else { at }
}

fn reason(word: &str) -> Reason {
    match word {
        "normal" => Reason::ClientInitiatedDisconnect,
        "kicked" => Reason::ApiInitiatedDisconnect,
        "keepalive_timeout" => Reason::KeepAliveTimeout,
        "not_authorized" | "authentication_expired" => Reason::AuthError,
        "banned" => Reason::ForbiddenAccess,
        "tcp_closed" | "ssl_closed" | "sock_closed" | "closed" | "einval" | "econnreset" | "etimedout" => {
            Reason::ConnectionLost
        }
        "discarded" | "takenover" | "takeovered" | "takeover" => Reason::DuplicateClientId,
        "internal_error" => Reason::ServerError,
        "server_shutdown" | "shutdown" | "evacuated" => Reason::ServerInitiatedDisconnect,
        "protocol_error" | "frame_error" => Reason::ClientError,
        "frame_too_large" | "packet_too_large" => Reason::PayloadTooLarge,
        "quota_exceeded" | "rate_limit" => Reason::Throttled,
        "" | "unknown" => Reason::Unknown,
        _ => Reason::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::presence::By;

    fn read<'a>(topic: &str, payload: &'a str) -> Option<Event<'a>> {
        match parse(topic, payload.as_bytes()) {
            Parsed::Event(event) => Some(event),
            Parsed::Other | Parsed::Malformed => None,
        }
    }

    #[test]
    fn events_below_sys_are_read() {
        let connected = read(
            "$SYS/brokers/emqx@127.0.0.1/clients/meter/connected",
            r#"{"username":"foo","ts":1625572213873,"keepalive":60,"connected_at":1625572213873,"clientid":"meter"}"#,
        )
        .unwrap();
        assert_eq!((&*connected.client, connected.what), ("meter", What::Connected));
        let gone = read(
            "$SYS/brokers/emqx@127.0.0.1/clients/meter/disconnected",
            r#"{"ts":1625572223900,"reason":"tcp_closed","connected_at":1625572213873,
                "disconnected_at":1625572223873,"clientid":"meter"}"#,
        )
        .unwrap();
        assert_eq!(gone.what, What::Disconnected(Reason::ConnectionLost, By::Network));
        assert_eq!(gone.lasted, Some(Duration::from_secs(10)));
        assert!(connected.order < gone.order);
    }

    #[test]
    fn events_that_a_rule_republishes_anywhere_are_read() {
        let gone = read(
            "fleet/events",
            r#"{"event":"client.disconnected","clientid":"a/b","reason":"takenover","timestamp":1625572223900}"#,
        )
        .unwrap();
        assert_eq!(gone.what, What::Disconnected(Reason::DuplicateClientId, By::Broker));
        assert_eq!((&*gone.client, gone.lasted), ("a/b", None));
        let came = read("fleet/events", r#"{"event":"client.connected","clientid":"a/b"}"#).unwrap();
        assert_eq!((came.what, came.order), (What::Connected, None));
    }

    #[test]
    fn the_reasons_of_the_table_have_names() {
        for (word, expected) in [
            ("normal", Reason::ClientInitiatedDisconnect),
            ("kicked", Reason::ApiInitiatedDisconnect),
            ("keepalive_timeout", Reason::KeepAliveTimeout),
            ("not_authorized", Reason::AuthError),
            ("tcp_closed", Reason::ConnectionLost),
            ("discarded", Reason::DuplicateClientId),
            ("takenover", Reason::DuplicateClientId),
            ("internal_error", Reason::ServerError),
            ("{shutdown,strange}", Reason::Other),
        ] {
            assert_eq!(reason(word), expected, "{word}");
        }
    }

    #[test]
    fn what_is_no_event_is_malformed() {
        for payload in
            ["", "{}", r#"{"clientid":"a","event":"session.subscribed"}"#, r#"{"ts":"soon"}"#, "nul"]
        {
            assert_eq!(parse("fleet/events", payload.as_bytes()), Parsed::Malformed, "{payload}");
        }
    }
}
