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

/// The version of MQTT that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1.
    #[default]
    V311,
    /// 5.
    V5,
}

impl Version {
    /// The label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V311 => "3.1.1",
            Self::V5 => "5",
        }
    }
}

/// What only MQTT 5 can say in CONNECT; without effect on a 3.1.1 connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mqtt5 {
    /// How long the broker keeps the session after its connection. Zero: not at all.
    pub session_expiry: Duration,
    /// So many unacknowledged messages of QoS 1 and 2 may be under way to us; `None`: as many as MQTT allows.
    pub receive_maximum: Option<u16>,
    /// User properties. The values may be secrets.
    pub user_properties: Vec<(String, Secret)>,
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

/// Whether the broker sends what it retains when we subscribe. MQTT 5 only; 3.1.1 brokers always do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetainHandling {
    /// At each SUBSCRIBE.
    #[default]
    Always,
    /// Only when the subscription is new.
    New,
    /// Never.
    Never,
}

/// One topic filter to subscribe to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// The topic filter.
    pub filter: String,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Refused means the session is useless and ends; otherwise it is counted and lived with.
    pub required: bool,
    /// What this client publishes does not come back to it (MQTT 5).
    pub no_local: bool,
    /// What is retained (MQTT 5).
    pub retain: RetainHandling,
}

impl Subscription {
    /// A subscription without the options of MQTT 5.
    #[must_use]
    pub fn new(filter: impl Into<String>, qos: u8, required: bool) -> Self {
        Self { filter: filter.into(), qos, required, ..Self::default() }
    }
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
    /// How long the broker waits before it publishes it (MQTT 5).
    pub delay: Duration,
}

/// How a broker is told who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Not at all.
    Anonymous,
    /// By user name and password.
    Login,
    /// By a client certificate alone.
    Certificate,
}

/// What of a plan a person wrote: a failure may say where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByHand {
    /// What was configured of it.
    pub identity: Identity,
    /// A session was accepted at this address before: it is right.
    pub reached: bool,
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
    /// The version of MQTT.
    pub version: Version,
    /// What only version 5 can say.
    pub mqtt5: Mqtt5,
    /// Proxy to go through.
    pub proxy: Option<Proxy>,
    /// TLS settings; present when the transport has TLS.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// The name that the broker's certificate must have, and SNI; `None`: the host.
    pub server_name: Option<String>,
    /// Path and query of the WebSocket upgrade, sent byte for byte. A presigned one is a credential.
    pub request_target: Secret,
    /// Further headers of the WebSocket upgrade (a custom authoriser's token): they may be credentials.
    pub upgrade_headers: Vec<(String, Secret)>,
    /// MQTT client id.
    pub client_id: String,
    /// Each attempt has another client id: who took this one cannot take the next.
    pub one_time_client_id: bool,
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
    /// What to unsubscribe from before that, if the broker remembers the session: it knows these filters from then.
    pub leave: Vec<String>,
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
    /// Address and login are of the configuration; `None`: a service gave them out.
    pub by_hand: Option<ByHand>,
}

impl Plan {
    /// A plan for this broker in which everything else is at its default: MQTT 3.1.1, a clean session, keep-alive of 60 s,
    /// no subscription, packets of at most 1 MiB, no known lifetime.
    #[must_use]
    pub fn to(
        host: impl Into<String>,
        port: u16,
        transport: Transport,
        client_id: impl Into<String>,
    ) -> Self {
        Self {
            host: host.into(),
            port,
            transport,
            version: Version::V311,
            mqtt5: Mqtt5::default(),
            proxy: None,
            tls: None,
            server_name: None,
            request_target: Secret::new("/mqtt"),
            upgrade_headers: Vec::new(),
            client_id: client_id.into(),
            one_time_client_id: false,
            login: None,
            last_will: None,
            clean_session: true,
            keep_alive: Duration::from_secs(60),
            subscriptions: Vec::new(),
            leave: Vec::new(),
            filters_per_subscribe: 8,
            max_packet_size: 1024 * 1024,
            max_outgoing_size: 1024 * 1024,
            lifetime: None,
            credentials_expire: None,
            min_connect_interval: Duration::ZERO,
            hangup_means_credentials: false,
            by_hand: None,
        }
    }
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
