//! Why a client left its broker, in the broker's words made one closed set for all brokers. Pure.
//! Never keeps the text of a broker: what is not known is `other`.

use serde::Serialize;

use crate::diagnosis::Cause;

/// Why a client's connection ended, as its broker says. The label `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It was not or no longer allowed to do what it did.
    AuthError,
    /// It said goodbye itself: no drop.
    ClientInitiatedDisconnect,
    /// It broke a rule of the protocol.
    ClientError,
    /// The network connection broke under the broker.
    ConnectionLost,
    /// Another connection came with the same client id.
    DuplicateClientId,
    /// It may not connect at all.
    ForbiddenAccess,
    /// The broker heard nothing for 1.5 keep-alives.
    KeepAliveTimeout,
    /// A packet was larger than the broker takes.
    PayloadTooLarge,
    /// The broker had a fault.
    ServerError,
    /// The broker closed it for reasons of its operation.
    ServerInitiatedDisconnect,
    /// Somebody had it closed.
    ApiInitiatedDisconnect,
    /// Over a limit of rate or number.
    Throttled,
    /// Its WebSocket was older than allowed.
    WebsocketTtlExpiration,
    /// It was older than its authoriser allowed.
    CustomauthTtlExpiration,
    /// The broker has no reason on record.
    Unknown,
    /// A reason that we do not know.
    Other,
}

impl Reason {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::AuthError,
        Self::ClientInitiatedDisconnect,
        Self::ClientError,
        Self::ConnectionLost,
        Self::DuplicateClientId,
        Self::ForbiddenAccess,
        Self::KeepAliveTimeout,
        Self::PayloadTooLarge,
        Self::ServerError,
        Self::ServerInitiatedDisconnect,
        Self::ApiInitiatedDisconnect,
        Self::Throttled,
        Self::WebsocketTtlExpiration,
        Self::CustomauthTtlExpiration,
        Self::Unknown,
        Self::Other,
    ];

    /// The label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthError => "auth_error",
            Self::ClientInitiatedDisconnect => "client_initiated_disconnect",
            Self::ClientError => "client_error",
            Self::ConnectionLost => "connection_lost",
            Self::DuplicateClientId => "duplicate_client_id",
            Self::ForbiddenAccess => "forbidden_access",
            Self::KeepAliveTimeout => "keep_alive_timeout",
            Self::PayloadTooLarge => "payload_too_large",
            Self::ServerError => "server_error",
            Self::ServerInitiatedDisconnect => "server_initiated_disconnect",
            Self::ApiInitiatedDisconnect => "api_initiated_disconnect",
            Self::Throttled => "throttled",
            Self::WebsocketTtlExpiration => "websocket_ttl_expiration",
            Self::CustomauthTtlExpiration => "customauth_ttl_expiration",
            Self::Unknown => "unknown",
            Self::Other => "other",
        }
    }

    /// What it means for a person.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::AuthError => "not authorised",
            Self::ClientInitiatedDisconnect => "said goodbye itself",
            Self::ClientError => "broke a rule of the protocol",
            Self::ConnectionLost => "its network connection broke",
            Self::DuplicateClientId => "another connection took its client id",
            Self::ForbiddenAccess => "may not connect",
            Self::KeepAliveTimeout => "nothing heard of it for 1.5 keep-alives",
            Self::PayloadTooLarge => "sent a packet that is too large",
            Self::ServerError => "the broker had a fault",
            Self::ServerInitiatedDisconnect => "the broker closed it for its operation",
            Self::ApiInitiatedDisconnect => "somebody had it closed",
            Self::Throttled => "over a limit",
            Self::WebsocketTtlExpiration => "its WebSocket was too old",
            Self::CustomauthTtlExpiration => "older than its authoriser allows",
            Self::Unknown => "the broker does not say why",
            Self::Other => "a reason that is not known here",
        }
    }

    /// The cause of a drop of ours that the broker ends with this word (`connection-errors.md` section 7).
    #[must_use]
    pub const fn cause(self) -> Option<Cause> {
        match self {
            Self::AuthError | Self::ForbiddenAccess => Some(Cause::PolicyViolation),
            Self::ClientInitiatedDisconnect => Some(Cause::ClientShutdown),
            Self::ClientError => Some(Cause::ProtocolError),
            Self::ConnectionLost => Some(Cause::PathDead),
            Self::DuplicateClientId => Some(Cause::SessionTakenOver),
            Self::KeepAliveTimeout => Some(Cause::KeepaliveTimeoutServer),
            Self::PayloadTooLarge => Some(Cause::PayloadTooLarge),
            Self::ServerError => Some(Cause::ServerError),
            Self::ServerInitiatedDisconnect => Some(Cause::ServerMaintenance),
            Self::ApiInitiatedDisconnect => Some(Cause::Administrative),
            Self::Throttled => Some(Cause::Throttled),
            Self::WebsocketTtlExpiration | Self::CustomauthTtlExpiration => {
                Some(Cause::ConnectionLifetimeLimit)
            }
            Self::Unknown | Self::Other => None,
        }
    }

    /// Who ended the connection, as far as the reason tells.
    #[must_use]
    pub const fn by(self) -> By {
        match self {
            Self::ClientInitiatedDisconnect => By::Client,
            Self::ConnectionLost => By::Network,
            Self::AuthError
            | Self::ClientError
            | Self::DuplicateClientId
            | Self::ForbiddenAccess
            | Self::KeepAliveTimeout
            | Self::PayloadTooLarge
            | Self::ServerError
            | Self::ServerInitiatedDisconnect
            | Self::ApiInitiatedDisconnect
            | Self::Throttled
            | Self::WebsocketTtlExpiration
            | Self::CustomauthTtlExpiration => By::Broker,
            Self::Unknown | Self::Other => By::Unknown,
        }
    }

    /// Whether it is a drop: an end that the client did not ask for.
    #[must_use]
    pub const fn is_drop(self, by: By) -> bool {
        !matches!((self, by), (Self::ClientInitiatedDisconnect, _) | (_, By::Client))
    }
}

/// Who ended a connection. The label `initiated_by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The client.
    Client,
    /// The broker.
    Broker,
    /// Neither: what lies between them.
    Network,
    /// The broker does not say.
    Unknown,
}

impl By {
    /// The label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Broker => "broker",
            Self::Network => "network",
            Self::Unknown => "unknown",
        }
    }
}
