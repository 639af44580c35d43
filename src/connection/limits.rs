//! How long each step of a link may take.
//!
//! Values only; the defaults stand in `config::policy`.

use std::time::Duration;

/// Shorter silences tell nothing about idle limits on the way (drop-diagnosis.md section 1).
pub const SILENCE: Duration = Duration::from_secs(5);

/// While messages arrive, a SUBACK is waited for so many times its limit: it may stand behind what the broker had kept.
pub const SUBACK_PATIENCE: u32 = 12;

/// While parts of a packet arrive, an answer is waited for so many times its limit: it stands behind that packet.
pub const PACKET_PATIENCE: u32 = 12;

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
    /// Not a limit on a step: silences from this length on are told to the diagnosis. Shorter ones say nothing about
    /// what forgets silent connections.
    pub silence: Duration,
}
