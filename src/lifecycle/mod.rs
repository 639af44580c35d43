//! What happens to a connection, said once: [`Event`]s go to the [`Recorder`](recorder::Recorder), and only there become numbers,
//! log lines and history.

pub mod baseline;
pub mod board;
pub mod export;
pub mod history;
pub mod journal;
mod log;
mod narrate;
pub mod observer;
mod open;
pub mod presence;
pub mod record;
pub mod recorder;
pub mod summary;
pub mod testimony;
#[cfg(test)]
mod tests;
pub mod totals;
pub mod view;
mod why;

use std::time::{Duration, SystemTime};

use serde::Serialize;
pub use why::Why;

use crate::connection::ending::{Ending, PhaseTime};
use crate::connection::error::ErrorName;
use crate::connection::{Failure, Phase, Tier};
use crate::diagnosis::EventKind;

/// Why we closed a session ourselves. The label `cause` of `mqtt_client_closes_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseCause {
    /// The exporter stops.
    Shutdown,
    /// The configuration of this connection changed.
    Reload,
    /// Before a known lifetime runs out.
    Renewal,
    /// The devices do not answer although they are online: rebuild everything.
    DeepReconnect,
    /// A diagnostic probe.
    Probe,
}

impl CloseCause {
    /// Every cause.
    pub const ALL: &[Self] = &[Self::Shutdown, Self::Reload, Self::Renewal, Self::DeepReconnect, Self::Probe];

    /// The label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shutdown => "shutdown",
            Self::Reload => "reload",
            Self::Renewal => "renewal",
            Self::DeepReconnect => "deep_reconnect",
            Self::Probe => "probe",
        }
    }
}

/// How credentials were obtained. The label `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// By a refresh token.
    Refresh,
    /// By a full sign-in.
    SignIn,
}

impl CredentialKind {
    /// The label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refresh => "refresh",
            Self::SignIn => "sign_in",
        }
    }
}

/// One try to obtain credentials, as the source tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CredentialEvent {
    /// Refresh or sign-in.
    pub kind: CredentialKind,
    /// The new absolute expiry of what signs connections, or why it failed.
    pub outcome: Result<Option<SystemTime>, ErrorName>,
}

/// The state of a connection in an operator's words. The label `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    /// Not started.
    Idle,
    /// The source prepares credentials and a plan.
    Planning,
    /// Dialling, up to CONNACK.
    Connecting,
    /// Session up, subscriptions not all acknowledged.
    Subscribing,
    /// Working.
    Online,
    /// Between attempts.
    Waiting,
    /// Finished.
    Stopped,
}

impl StateName {
    /// Every state.
    pub const ALL: &[Self] = &[
        Self::Idle,
        Self::Planning,
        Self::Connecting,
        Self::Subscribing,
        Self::Online,
        Self::Waiting,
        Self::Stopped,
    ];

    /// The label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Planning => "planning",
            Self::Connecting => "connecting",
            Self::Subscribing => "subscribing",
            Self::Online => "online",
            Self::Waiting => "waiting",
            Self::Stopped => "stopped",
        }
    }
}

/// One fact in the life of a connection.
///
/// Every `AttemptStarted` ends in exactly one `AttemptFailed` or `Established`, every `Established` in exactly
/// one `Dropped` or `Closed` (an attempt or session that Stop interrupts ends so too); `Stopped` comes last.
#[derive(Clone, Debug)]
pub enum Event {
    /// An attempt begins. `number` counts from 1 within an outage.
    AttemptStarted {
        /// How much is rebuilt.
        tier: Tier,
        /// 1 for the first of an outage.
        number: u32,
    },
    /// Credentials were obtained or refused.
    Credentials(CredentialEvent),
    /// The attempt entered a phase (for the state and the status page).
    PhaseEntered(Phase),
    /// A phase of the connect is over.
    PhaseFinished(PhaseTime),
    /// The attempt failed. `interrupted` when we ended it (stop, reload): no failure to count.
    AttemptFailed {
        /// What it died of.
        failure: Failure,
        /// We interrupted it.
        interrupted: bool,
    },
    /// CONNACK accepted.
    Established {
        /// The broker remembered the session.
        session_present: bool,
        /// Attempts it took.
        attempts: u32,
        /// Address reached. Never in a label.
        peer: std::net::SocketAddr,
        /// Our own address.
        local: std::net::SocketAddr,
        /// Subscriptions wanted.
        subscriptions: usize,
        /// Keep-alive in force.
        keep_alive: Duration,
        /// Expiry of what signed the connection.
        credentials_expire: Option<SystemTime>,
        /// Expiry of the peer's certificate.
        certificate_expires: Option<SystemTime>,
    },
    /// All subscriptions are acknowledged.
    Restored {
        /// Acknowledged.
        active: usize,
        /// Refused, though optional.
        refused: usize,
    },
    /// The session ended and we did not ask for it.
    Dropped(Box<Ending>),
    /// We ended the session.
    Closed {
        /// Why.
        cause: CloseCause,
        /// What the link knew.
        ending: Option<Box<Ending>>,
    },
    /// The next attempt comes after this wait.
    Waiting {
        /// How long.
        delay: Duration,
        /// Why so long.
        why: Why,
    },
    /// Something happened beside the connection that a drop may follow: a command was sent, the configuration was read.
    Happened(EventKind),
    /// The connection is finished.
    Stopped,
}
