//! Names for answers of HTTP servers and proxies, and for breaches of WebSocket.
//!
//! Never repeats a header, a body or a URL.

use std::time::{Duration, SystemTime};

use tokio_tungstenite::tungstenite::Error as WebsocketError;
use tokio_tungstenite::tungstenite::error::CapacityError;

use super::mqtt::too_large;
use super::{during, hang_up, io};
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Detail, Failure, Phase};

/// A server's clock this far from ours makes it refuse our signatures (`SigV4` allows about five minutes).
const SKEW: Duration = Duration::from_secs(300);

/// Names an error of the WebSocket layer after the upgrade.
#[must_use]
pub fn websocket(phase: Phase, error: &WebsocketError) -> Failure {
    match error {
        WebsocketError::Io(error) => io(phase, error),
        WebsocketError::Capacity(CapacityError::MessageTooLong { size, .. }) => {
            too_large(phase, *size, "WebSocket frame")
        }
        WebsocketError::ConnectionClosed | WebsocketError::AlreadyClosed => {
            hang_up(phase, Detail::WebsocketClose(None))
        }
        WebsocketError::Capacity(CapacityError::TooManyHeaders)
        | WebsocketError::Tls(_)
        | WebsocketError::Protocol(_)
        | WebsocketError::WriteBufferFull(_)
        | WebsocketError::Utf8(_)
        | WebsocketError::AttackAttempt
        | WebsocketError::Url(_)
        | WebsocketError::Http(_)
        | WebsocketError::HttpFormat(_) => websocket_breach(phase, "the peer broke the WebSocket protocol"),
    }
}

/// Names a breach of the WebSocket rules: a wrong setup when connecting, bad luck in a session.
#[must_use]
pub fn websocket_breach(phase: Phase, what: &str) -> Failure {
    let class = if phase == Phase::Websocket { RetryClass::Setup } else { RetryClass::Network };
    Failure::new(phase, ErrorName::WebsocketProtocolError, format!("{what} {}", during(phase)))
        .with_class(class)
}

/// Names an answer to the WebSocket upgrade other than 101. `date` is the server's clock by its header.
#[must_use]
pub fn upgrade_status(status: u16, date: Option<SystemTime>, wall: SystemTime) -> Failure {
    let apart = date
        .map(|date| date.duration_since(wall).unwrap_or_else(|earlier| earlier.duration()))
        .unwrap_or_default();
    let detail = Detail::HttpStatus(status);
    if matches!(status, 401 | 403) && apart > SKEW {
        let message = format!(
            "the upgrade was refused with HTTP {status}, and our clock is {} s away from the server's",
            apart.as_secs()
        );
        return Failure::new(Phase::Websocket, ErrorName::ClockSkew, message).with_detail(detail);
    }
    let (class, reason) = match status {
        401 | 403 => (RetryClass::Credential, "the credentials are expired or wrong, or a policy forbids it"),
        408 | 425 | 429 => (RetryClass::Service, "the service throttles"),
        500..=599 => (RetryClass::Service, "the service is in trouble"),
        _ => (RetryClass::Setup, "this is not the address of an MQTT endpoint"),
    };
    Failure::new(
        Phase::Websocket,
        ErrorName::WebsocketUpgradeFailure,
        format!("the upgrade to WebSocket was answered with HTTP {status}: {reason}"),
    )
    .with_detail(detail)
    .with_class(class)
}

/// Names a proxy's answer to CONNECT other than a success.
#[must_use]
pub fn proxy_status(status: u16) -> Failure {
    let (class, reason) = match status {
        407 => (RetryClass::Setup, "it wants other credentials"),
        _ => (RetryClass::Network, "it would not or could not connect"),
    };
    let message = format!("the proxy answered CONNECT with HTTP {status}: {reason}");
    Failure::new(Phase::Proxy, ErrorName::ProxyConnectFailed, message)
        .with_detail(Detail::HttpStatus(status))
        .with_class(class)
}
