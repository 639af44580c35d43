//! How to connect now: made anew by the source for every attempt, consumed by the dialer and the link.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::config::Secret;

/// What lies under MQTT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Plain TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// WebSocket over TCP.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Transport {
    /// The label value.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// Whether TLS errors can be met.
    #[must_use]
    pub const fn has_tls(&self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// Whether WebSocket errors can be met.
    #[must_use]
    pub const fn has_websocket(&self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }
}

/// An HTTP proxy to reach the broker through.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Host of the proxy.
    pub host: String,
    /// Port of the proxy.
    pub port: u16,
    /// `user:password` for basic authorisation.
    pub credentials: Option<Secret>,
}

/// One topic filter to subscribe to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The topic filter.
    pub filter: String,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Refused means the session is useless and ends; otherwise it is counted and lived with.
    pub required: bool,
}

/// A last will.
#[derive(Clone)]
pub struct LastWill {
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: bytes::Bytes,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Whether the broker retains it.
    pub retain: bool,
}

/// Everything one attempt needs to know.
#[derive(Clone)]
pub struct Plan {
    /// Broker host: resolved, sent as SNI and (bare) as the `Host` header.
    pub host: String,
    /// Broker port.
    pub port: u16,
    /// What lies under MQTT.
    pub transport: Transport,
    /// Proxy to go through.
    pub proxy: Option<Proxy>,
    /// TLS settings; present when the transport has TLS.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// Path and query of the WebSocket upgrade, sent byte for byte. A presigned one is a credential.
    pub request_target: Secret,
    /// MQTT client id.
    pub client_id: String,
    /// MQTT user name and password.
    pub login: Option<(String, Secret)>,
    /// Last will.
    pub last_will: Option<LastWill>,
    /// Whether the broker forgets the session at its end.
    pub clean_session: bool,
    /// MQTT keep-alive.
    pub keep_alive: Duration,
    /// What to subscribe to before the session counts as online.
    pub subscriptions: Vec<Subscription>,
    /// Filters per SUBSCRIBE packet (AWS allows 8).
    pub filters_per_subscribe: usize,
    /// Larger packets from the broker end the session with a name of its own.
    pub max_packet_size: usize,
    /// Larger packets are refused before they are sent (AWS: 128 KiB payload).
    pub max_outgoing_size: usize,
    /// The service closes sessions of this age; we renew before. `None` if unknown.
    pub lifetime: Option<Duration>,
    /// When the credentials that sign this plan lapse.
    pub credentials_expire: Option<SystemTime>,
    /// At least this long between two CONNECTs with one client id (AWS: 1 s).
    pub min_connect_interval: Duration,
    /// An orderly close before CONNACK points at credentials rather than at the network (AWS).
    pub hangup_means_credentials: bool,
}

/// Client id, user name and topics may name a person: they are not shown by accident.
impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("transport", &self.transport)
            .field("subscriptions", &self.subscriptions.len())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for LastWill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LastWill {{ qos: {}, payload of {} bytes, .. }}", self.qos, self.payload.len())
    }
}
