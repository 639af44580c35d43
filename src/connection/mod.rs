//! One reconnecting connection: from a plan to sessions, drops and the waits between them.
//!
//! Knows nothing of devices or payloads: a [`crate::source`] says how to connect and what messages mean.

mod appetite;
pub mod backoff;
pub mod carried;
pub mod classify;
pub mod codec;
pub mod dialer;
pub mod driver;
pub mod ending;
pub mod error;
mod gather;
mod inflight;
mod leaving;
pub mod limits;
pub mod link;
pub mod machine;
pub mod message;
pub mod order;
pub mod packet;
pub mod path;
mod pipe;
pub mod plan;
pub mod protocol;
pub mod quarantine;
pub mod queue;
pub mod report;
pub(crate) mod sends;
mod session;
pub mod subscriptions;
pub mod takeover;
pub(crate) mod traffic;
pub mod turn;

use std::time::Duration;

use error::{ErrorName, RetryClass};

/// Where an attempt or a session is, or was when it failed. The label `phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Sign-in, refresh, signing.
    Credentials,
    /// Name lookup.
    Dns,
    /// TCP handshake.
    Tcp,
    /// HTTP CONNECT through a proxy.
    Proxy,
    /// TLS handshake.
    Tls,
    /// HTTP upgrade to WebSocket.
    Websocket,
    /// CONNECT sent, CONNACK awaited.
    Connack,
    /// SUBSCRIBE sent, SUBACKs awaited.
    Subscribe,
    /// Subscribed and working.
    Session,
    /// Closing on purpose.
    Shutdown,
}

impl Phase {
    /// Every phase, in the order in which an attempt passes them.
    pub const ALL: &[Self] = &[
        Self::Credentials,
        Self::Dns,
        Self::Tcp,
        Self::Proxy,
        Self::Tls,
        Self::Websocket,
        Self::Connack,
        Self::Subscribe,
        Self::Session,
        Self::Shutdown,
    ];

    /// The label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Websocket => "websocket",
            Self::Connack => "connack",
            Self::Subscribe => "subscribe",
            Self::Session => "session",
            Self::Shutdown => "shutdown",
        }
    }
}

/// How much is rebuilt by an attempt. The label `tier`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Same credentials while they last, new network connection.
    Quick,
    /// New sign-in, everything rebuilt.
    Deep,
}

impl Tier {
    /// The label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Deep => "deep",
        }
    }
}

/// The finer observation behind an error name. Never a secret, an address of a person or free text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// Nothing finer is known.
    None,
    /// TCP FIN.
    Fin,
    /// TCP RST.
    Rst,
    /// TLS `close_notify`.
    CloseNotify,
    /// WebSocket close frame with its code, if it had one.
    WebsocketClose(Option<u16>),
    /// HTTP status of an upgrade, a proxy or a sign-in.
    HttpStatus(u16),
    /// The vendor's own code in a sign-in reply.
    VendorCode(i64),
    /// CONNACK return code (3.1.1) or reason code (MQTT 5).
    Connack(u8),
    /// DISCONNECT reason code; `None` for the bare 3.1.1 packet.
    Disconnect(Option<u8>),
    /// TLS alert received, by its number.
    Alert(u8),
    /// Announced size in bytes of an oversize packet.
    Size(u64),
    /// An error number of the system.
    Os(i32),
}

impl std::fmt::Display for Detail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Fin => f.write_str("fin"),
            Self::Rst => f.write_str("rst"),
            Self::CloseNotify => f.write_str("close_notify"),
            Self::WebsocketClose(Some(code)) => write!(f, "websocket_close:{code}"),
            Self::WebsocketClose(None) => f.write_str("websocket_close"),
            Self::HttpStatus(status) => write!(f, "http_status:{status}"),
            Self::VendorCode(code) => write!(f, "vendor_code:{code}"),
            Self::Connack(code) => write!(f, "connack:{code}"),
            Self::Disconnect(Some(code)) => write!(f, "disconnect:{code}"),
            Self::Disconnect(None) => f.write_str("disconnect"),
            Self::Alert(alert) => write!(f, "alert:{alert}"),
            Self::Size(bytes) => write!(f, "size:{bytes}"),
            Self::Os(number) => write!(f, "os:{number}"),
        }
    }
}

/// One failure, classified: what an attempt or a session died of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Failure {
    /// Where it was observed.
    pub phase: Phase,
    /// What was observed.
    pub error: ErrorName,
    /// How to retry: the error's own class unless the detail says otherwise.
    pub class: RetryClass,
    /// The finer observation.
    pub detail: Detail,
    /// One sentence for the log and the status page. Carries no secret and no personal data.
    pub message: String,
    /// The peer asked for at least this wait (`Retry-After`).
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure of the error's own class without further detail.
    #[must_use]
    pub fn new(phase: Phase, error: ErrorName, message: impl Into<String>) -> Self {
        Self {
            phase,
            error,
            class: error.class(),
            detail: Detail::None,
            message: message.into(),
            retry_after: None,
        }
    }

    /// The same with a finer observation.
    #[must_use]
    pub fn with_detail(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    /// The same with another retry class.
    #[must_use]
    pub fn with_class(mut self, class: RetryClass) -> Self {
        self.class = class;
        self
    }
}
