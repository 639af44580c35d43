//! MQTT packets of a client as this crate speaks of them, whatever the version: what goes out and what comes in.
//!
//! Data only. Never printed with a topic, a payload or a login: they may hold an identity.

use std::fmt;

use bytes::Bytes;

use super::message::Properties;
use super::plan::{RetainHandling, Version};
use crate::config::Secret;

/// A packet that a client sends.
#[derive(Clone, PartialEq, Eq)]
pub enum Outbound {
    /// CONNECT.
    Connect(Box<Connect>),
    /// PUBLISH.
    Publish(Publish),
    /// PUBACK.
    PubAck(u16),
    /// PUBREC.
    PubRec(u16),
    /// PUBREL.
    PubRel(Ack),
    /// PUBCOMP.
    PubComp(Ack),
    /// SUBSCRIBE.
    Subscribe(Subscribe),
    /// UNSUBSCRIBE.
    Unsubscribe(Unsubscribe),
    /// PINGREQ.
    PingReq,
    /// DISCONNECT: we mean to, so the broker forgets the last will.
    Disconnect,
}

/// A packet that a broker sends.
#[derive(Clone, PartialEq, Eq)]
pub enum Inbound {
    /// CONNACK.
    ConnAck(Box<ConnAck>),
    /// PUBLISH.
    Publish(Publish),
    /// PUBACK.
    PubAck(Ack),
    /// PUBREC.
    PubRec(Ack),
    /// PUBREL.
    PubRel(Ack),
    /// PUBCOMP.
    PubComp(Ack),
    /// SUBACK.
    SubAck(SubAck),
    /// UNSUBACK.
    UnsubAck,
    /// PINGRESP.
    PingResp,
    /// DISCONNECT.
    Disconnect(Box<Disconnect>),
    /// AUTH (MQTT 5).
    Auth,
    /// What only clients send: CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ.
    OfClients,
}

/// CONNECT.
#[derive(Clone, PartialEq, Eq)]
pub struct Connect {
    /// The version that is asked for.
    pub version: Version,
    /// Client id; empty: the broker makes one up.
    pub client_id: String,
    /// User name and password.
    pub login: Option<(String, Secret)>,
    /// Last will.
    pub will: Option<Will>,
    /// The broker forgets what it knew of this client (and, in 3.1.1, what it learns from now on).
    pub clean: bool,
    /// Seconds; zero: none.
    pub keep_alive: u16,
    /// Seconds that the session lives on after its connection (MQTT 5).
    pub session_expiry: u32,
    /// Unacknowledged messages that may be under way to us (MQTT 5).
    pub receive_maximum: Option<u16>,
    /// Bytes of the largest packet that we take (MQTT 5).
    pub maximum_packet_size: u32,
    /// User properties (MQTT 5).
    pub user_properties: Vec<(String, Secret)>,
}

/// A last will.
#[derive(Clone, PartialEq, Eq)]
pub struct Will {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Whether the broker retains it.
    pub retain: bool,
    /// Seconds that the broker waits before it publishes it (MQTT 5).
    pub delay: u32,
}

/// CONNACK. What a broker left out has the meaning that MQTT 5 gives it.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the packet has four flags, and none follows from another")]
pub struct ConnAck {
    /// The broker remembered the session.
    pub session_present: bool,
    /// Zero: accepted.
    pub code: u8,
    /// Seconds; `None`: as asked for.
    pub session_expiry: Option<u32>,
    /// Unacknowledged messages that we may have under way.
    pub receive_maximum: u16,
    /// The highest quality of service that we may publish with.
    pub maximum_qos: u8,
    /// Whether we may publish retained messages.
    pub retain_available: bool,
    /// Bytes of the largest packet that we may send.
    pub maximum_packet_size: Option<u32>,
    /// The client id, if the broker made one up.
    pub assigned_client_id: Option<String>,
    /// Whether `+` and `#` may be subscribed to.
    pub wildcard_available: bool,
    /// Whether `$share/…` may be subscribed to.
    pub shared_available: bool,
    /// Seconds of the keep-alive that counts; `None`: ours.
    pub keep_alive: Option<u16>,
    /// Text of the broker for people. Untrusted.
    pub reason: Option<String>,
    /// Where the broker would have us go. Untrusted.
    pub server: Option<String>,
}

impl Default for ConnAck {
    fn default() -> Self {
        Self {
            session_present: false,
            code: 0,
            session_expiry: None,
            receive_maximum: u16::MAX,
            maximum_qos: 2,
            retain_available: true,
            maximum_packet_size: None,
            assigned_client_id: None,
            wildcard_available: true,
            shared_available: true,
            keep_alive: None,
            reason: None,
            server: None,
        }
    }
}

/// PUBLISH.
#[derive(Clone, PartialEq, Eq)]
pub struct Publish {
    /// Sent before, perhaps.
    pub dup: bool,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Retained.
    pub retain: bool,
    /// Packet identifier; 0 with QoS 0.
    pub id: u16,
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
    /// What MQTT 5 says beside it.
    pub properties: Option<Box<Properties>>,
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Packet identifier.
    pub id: u16,
    /// Reason code; from 0x80 on it is a refusal. Always 0 in 3.1.1.
    pub code: u8,
}

/// SUBSCRIBE.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// Packet identifier.
    pub id: u16,
    /// What is subscribed to.
    pub filters: Vec<Filter>,
}

/// One filter of a SUBSCRIBE.
#[derive(Clone, PartialEq, Eq)]
pub struct Filter {
    /// The topic filter.
    pub path: String,
    /// 0, 1 or 2.
    pub qos: u8,
    /// What this client publishes does not come back to it (MQTT 5).
    pub no_local: bool,
    /// What is retained (MQTT 5).
    pub retain: RetainHandling,
}

/// UNSUBSCRIBE.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Packet identifier.
    pub id: u16,
    /// The topic filters that are given back.
    pub filters: Vec<String>,
}

/// SUBACK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubAck {
    /// Packet identifier.
    pub id: u16,
    /// One code a filter: the granted quality of service, or from 0x80 on a refusal.
    pub codes: Vec<u8>,
}

/// DISCONNECT of a broker.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Disconnect {
    /// Reason code; `None` in 3.1.1, which does not let a broker send it.
    pub code: Option<u8>,
    /// Text of the broker for people. Untrusted.
    pub reason: Option<String>,
    /// Where the broker would have us go. Untrusted.
    pub server: Option<String>,
}

impl Outbound {
    /// Its name in the standard.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connect(_) => "CONNECT",
            Self::Publish(_) => "PUBLISH",
            Self::PubAck(_) => "PUBACK",
            Self::PubRec(_) => "PUBREC",
            Self::PubRel(_) => "PUBREL",
            Self::PubComp(_) => "PUBCOMP",
            Self::Subscribe(_) => "SUBSCRIBE",
            Self::Unsubscribe(_) => "UNSUBSCRIBE",
            Self::PingReq => "PINGREQ",
            Self::Disconnect => "DISCONNECT",
        }
    }
}

impl Inbound {
    /// Its name in the standard.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ConnAck(_) => "CONNACK",
            Self::Publish(_) => "PUBLISH",
            Self::PubAck(_) => "PUBACK",
            Self::PubRec(_) => "PUBREC",
            Self::PubRel(_) => "PUBREL",
            Self::PubComp(_) => "PUBCOMP",
            Self::SubAck(_) => "SUBACK",
            Self::UnsubAck => "UNSUBACK",
            Self::PingResp => "PINGRESP",
            Self::Disconnect(_) => "DISCONNECT",
            Self::Auth => "AUTH",
            Self::OfClients => "a packet of clients",
        }
    }
}

impl Ack {
    /// Nothing is wrong.
    #[must_use]
    pub const fn fine(id: u16) -> Self {
        Self { id, code: 0 }
    }

    /// Whether the broker refused.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        self.code >= 0x80
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A filter may hold an identity.
impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter {{ qos: {}, .. }}", self.qos)
    }
}

impl fmt::Debug for Inbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
