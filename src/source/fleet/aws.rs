//! Presence events of AWS IoT Core: `$aws/events/presence/connected/{clientId}` and its opposite. Pure.
//! Never relies on their `timestamp`, which is good to two minutes only.

use serde::Deserialize;

use super::event::{Event, Parsed, What};
use crate::lifecycle::presence::{By, Reason};

/// What is subscribed to.
pub(super) const FILTERS: &[&str] =
    &["$aws/events/presence/connected/+", "$aws/events/presence/disconnected/+"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    client_id: Option<String>,
    event_type: Option<String>,
    disconnect_reason: Option<String>,
    client_initiated_disconnect: Option<bool>,
    version_number: Option<u64>,
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
    let word = payload.event_type.as_deref().or(before)?;
    let what = match word {
        "connected" => What::Connected,
        "disconnected" => {
            let reason = payload.disconnect_reason.as_deref().map_or(Reason::Unknown, reason);
            What::Disconnected(reason, by(reason, payload.client_initiated_disconnect))
        }
        _ => return None,
    };
    let client = payload.client_id.or_else(|| last.map(str::to_owned))?;
    // The connect and the disconnect of one connection have the same number.
    let after = u64::from(matches!(what, What::Disconnected(..)));
    let order = payload.version_number.map(|number| number.saturating_mul(2).saturating_add(after));
    Some(Event { order, session: payload.version_number, ..Event::plain(client, what)? })
}

/// The flag says whether it was the client; where it was not, the reason says who.
fn by(reason: Reason, client: Option<bool>) -> By {
    match (client, reason.by()) {
        (Some(true), _) => By::Client,
        (Some(false), By::Client) => By::Unknown,
        (Some(false) | None, by) => by,
    }
}

fn reason(word: &str) -> Reason {
    match word {
        "AUTH_ERROR" => Reason::AuthError,
        "CLIENT_INITIATED_DISCONNECT" => Reason::ClientInitiatedDisconnect,
        "CLIENT_ERROR" => Reason::ClientError,
        "CONNECTION_LOST" => Reason::ConnectionLost,
        "DUPLICATE_CLIENTID" | "DUPLICATE_CLIENT_ID" => Reason::DuplicateClientId,
        "FORBIDDEN_ACCESS" => Reason::ForbiddenAccess,
        "MQTT_KEEP_ALIVE_TIMEOUT" => Reason::KeepAliveTimeout,
        "SERVER_ERROR" => Reason::ServerError,
        "SERVER_INITIATED_DISCONNECT" => Reason::ServerInitiatedDisconnect,
        "API_INITIATED_DISCONNECT" => Reason::ApiInitiatedDisconnect,
        "THROTTLED" => Reason::Throttled,
        "WEBSOCKET_TTL_EXPIRATION" => Reason::WebsocketTtlExpiration,
        "CUSTOMAUTH_TTL_EXPIRATION" => Reason::CustomauthTtlExpiration,
        "UNKNOWN" | "NONE" => Reason::Unknown,
        _ => Reason::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(topic: &str, payload: &str) -> Option<(String, What, Option<u64>)> {
        match parse(topic, payload.as_bytes()) {
            Parsed::Event(event) => Some((event.client.into_owned(), event.what, event.order)),
            Parsed::Other | Parsed::Malformed => None,
        }
    }

    #[test]
    fn both_events_of_a_connection_are_read_and_the_later_one_is_higher() {
        let (client, what, first) = read(
            "$aws/events/presence/connected/pump-7",
            r#"{"clientId":"pump-7","timestamp":1573002230757,"eventType":"connected","sessionIdentifier":"a",
                "principalIdentifier":"b","ipAddress":"192.0.2.1","versionNumber":3}"#,
        )
        .unwrap();
        assert_eq!((client.as_str(), what), ("pump-7", What::Connected));
        let (_, what, second) = read(
            "$aws/events/presence/disconnected/pump-7",
            r#"{"clientId":"pump-7","eventType":"disconnected","clientInitiatedDisconnect":false,
                "disconnectReason":"MQTT_KEEP_ALIVE_TIMEOUT","versionNumber":3}"#,
        )
        .unwrap();
        assert_eq!(what, What::Disconnected(Reason::KeepAliveTimeout, By::Broker));
        assert!(first < second);
    }

    #[test]
    fn every_reason_of_the_service_has_a_name_and_the_rest_is_other() {
        for (word, expected) in [
            ("AUTH_ERROR", Reason::AuthError),
            ("CLIENT_INITIATED_DISCONNECT", Reason::ClientInitiatedDisconnect),
            ("CLIENT_ERROR", Reason::ClientError),
            ("CONNECTION_LOST", Reason::ConnectionLost),
            ("DUPLICATE_CLIENTID", Reason::DuplicateClientId),
            ("FORBIDDEN_ACCESS", Reason::ForbiddenAccess),
            ("MQTT_KEEP_ALIVE_TIMEOUT", Reason::KeepAliveTimeout),
            ("SERVER_ERROR", Reason::ServerError),
            ("SERVER_INITIATED_DISCONNECT", Reason::ServerInitiatedDisconnect),
            ("API_INITIATED_DISCONNECT", Reason::ApiInitiatedDisconnect),
            ("THROTTLED", Reason::Throttled),
            ("WEBSOCKET_TTL_EXPIRATION", Reason::WebsocketTtlExpiration),
            ("CUSTOMAUTH_TTL_EXPIRATION", Reason::CustomauthTtlExpiration),
            ("UNKNOWN", Reason::Unknown),
            ("NONE", Reason::Unknown),
            ("<script>", Reason::Other),
        ] {
            let payload = format!(r#"{{"clientId":"a","disconnectReason":"{word}"}}"#);
            let (_, what, order) = read("$aws/events/presence/disconnected/a", &payload).unwrap();
            assert_eq!((what, order), (What::Disconnected(expected, expected.by()), None), "{word}");
        }
    }

    #[test]
    fn what_is_missing_is_taken_from_the_topic() {
        let read = read("$aws/events/presence/disconnected/a b", r#"{"clientInitiatedDisconnect":true}"#);
        assert_eq!(read.unwrap(), ("a b".to_owned(), What::Disconnected(Reason::Unknown, By::Client), None));
    }

    #[test]
    fn what_is_no_event_is_malformed() {
        for payload in [
            "",
            "{",
            "[]",
            "7",
            r#"{"eventType":"renamed"}"#,
            r#"{"clientId":"","eventType":"connected"}"#,
            r#"{"versionNumber":-1}"#,
            r#"{"versionNumber":"1"}"#,
            r#"{"clientId":7}"#,
        ] {
            let parsed = parse("$aws/events/presence/connected/", payload.as_bytes());
            assert_eq!(parsed, Parsed::Malformed, "{payload}");
        }
    }
}
