//! A message on its way in or out, and why one cannot go out.
//!
//! Never prints a topic or a payload: they may hold an identity.

use std::fmt;

use bytes::Bytes;

/// A message to publish.
#[derive(Clone)]
pub struct Outgoing {
    /// The sender's own number, echoed by [`Report::Acknowledged`](super::report::Report::Acknowledged); 0 if it does not care.
    pub token: u64,
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Whether the broker keeps it.
    pub retain: bool,
}

/// A message that arrived.
#[derive(Clone)]
pub struct Incoming {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Sent because we subscribed, not because it is new.
    pub retain: bool,
    /// What MQTT 5 said beside it; `None` where it said nothing.
    pub properties: Option<Box<Properties>>,
}

/// What MQTT 5 says beside a message.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// User properties, in their order, duplicates included.
    pub user: Vec<(String, String)>,
    /// The content type.
    pub content_type: Option<String>,
}

/// Why a message was not accepted for sending; the connection lives on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The topic is empty, too long or holds a wildcard.
    #[error("the topic is not one to publish to")]
    BadTopic,
    /// Larger than the broker takes.
    #[error("the packet of {size} bytes is larger than the {limit} bytes that the broker takes")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// All packet identifiers are waiting for acknowledgement.
    #[error("too many messages wait for their acknowledgement")]
    TooManyInFlight,
    /// The broker takes no retained messages.
    #[error("the broker takes no retained messages")]
    NoRetain,
    /// There is no session.
    #[error("not connected")]
    NotConnected,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (token, size) = (self.token, self.payload.len());
        write!(f, "Outgoing {{ token: {token}, qos: {}, payload of {size} bytes, .. }}", self.qos)
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Properties {{ user: {}, .. }}", self.user.len())
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incoming {{ qos: {}, payload of {} bytes, .. }}", self.qos, self.payload.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Instant;
    use crate::connection::ending::LastSent;
    use crate::connection::report::Report;

    #[test]
    fn topics_and_payloads_do_not_print() {
        let (topic, payload) = ("home/aabbccddeeff".to_owned(), Bytes::from_static(b"hunter2"));
        let outgoing =
            Outgoing { token: 1, topic: topic.clone(), payload: payload.clone(), qos: 1, retain: false };
        let sent = LastSent { packet: "PUBLISH", topic: Some(topic.clone()), at: Instant::default() };
        let report = Report::Message(Incoming { topic, payload, qos: 0, retain: true, properties: None });
        let printed = format!("{outgoing:?} {sent:?} {report:?}");
        assert!(!printed.contains("aabb") && !printed.contains("hunter2"), "{printed}");
        assert_eq!(serde_json::to_string(&sent).ok().as_deref(), Some(r#"{"packet":"PUBLISH"}"#));
    }
}
