//! Presence events: `$aws/events/presence/connected/{clientId}` and its opposite, to those who may hear them. Pure.
//!
//! Never told of a client id that no topic can hold, as AWS has it.

use bytes::Bytes;
use rumqttc::mqttbytes::QoS;
use serde_json::json;

use super::rules::Reason;
use super::{Broker, Client, Effect};
use crate::clock::Instant;

impl Broker {
    /// A client was accepted.
    pub(super) fn tell_come(&mut self, client_id: &str, now: Instant, effects: &mut Vec<Effect>) {
        let event = json!({
            "clientId": client_id,
            "eventType": "connected",
            "versionNumber": self.accepted,
        });
        self.tell("connected", client_id, &event, now, effects);
    }

    /// A client's connection ended: by the broker, or (`None`) with its network connection.
    pub(super) fn tell_gone(
        &mut self,
        client: &Client,
        reason: Option<Reason>,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        let event = json!({
            "clientId": client.id,
            "eventType": "disconnected",
            "clientInitiatedDisconnect": reason == Some(Reason::ClientLeft),
            "disconnectReason": word(reason),
            "versionNumber": client.version,
        });
        self.tell("disconnected", &client.id, &event, now, effects);
    }

    fn tell(
        &mut self,
        what: &str,
        client_id: &str,
        event: &serde_json::Value,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) {
        if client_id.contains(['#', '+']) {
            return;
        }
        let topic = format!("$aws/events/presence/{what}/{client_id}");
        self.deliver(&topic, &Bytes::from(event.to_string()), QoS::AtLeastOnce, now, effects);
    }
}

/// The word of AWS for it.
const fn word(reason: Option<Reason>) -> &'static str {
    match reason {
        None => "CONNECTION_LOST",
        Some(Reason::ClientLeft) => "CLIENT_INITIATED_DISCONNECT",
        Some(Reason::TakenOver) => "DUPLICATE_CLIENTID",
        Some(Reason::KeepAlive) => "MQTT_KEEP_ALIVE_TIMEOUT",
        Some(Reason::Lifetime) => "WEBSOCKET_TTL_EXPIRATION",
        Some(Reason::Denied) => "AUTH_ERROR",
        Some(Reason::Protocol | Reason::Limit) => "CLIENT_ERROR",
        Some(Reason::TooSoon) => "THROTTLED",
        Some(Reason::Refused) => "FORBIDDEN_ACCESS",
        Some(Reason::Fault) => "SERVER_INITIATED_DISCONNECT",
    }
}
