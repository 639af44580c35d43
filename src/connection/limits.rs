//! How long each step of a link may take.
//!
//! Values only; the defaults stand in `config::policy`.

use std::time::Duration;

/// Time limits of one link. Each failed limit has an error name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Name lookup.
    pub dns: Duration,
    /// TCP handshake, all addresses together.
    pub tcp: Duration,
    /// Proxy CONNECT.
    pub proxy: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// WebSocket upgrade.
    pub websocket: Duration,
    /// CONNECT to CONNACK.
    pub connack: Duration,
    /// SUBSCRIBE to its SUBACK.
    pub suback: Duration,
    /// PINGREQ to PINGRESP.
    pub ping: Duration,
    /// Polite close, all together.
    pub close: Duration,
}
