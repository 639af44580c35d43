//! A command on its way to a device, and what becomes of it.
//!
//! Never holds what the command says in words of the wire: the dialogue of its session puts it.

use std::fmt;

use tokio::sync::watch;

use super::message::Outgoing;
use super::queue::End;
use crate::clock::Instant;
use crate::source::Command;

/// A command that was given to a connection.
#[derive(Debug)]
pub struct Order {
    /// The connection's own number for it; echoed by the acknowledgement of the broker. Never 0.
    pub number: u64,
    /// The device's label.
    pub device: String,
    /// What it shall do.
    pub command: Command,
    /// When it was accepted: its age counts from here.
    pub accepted: Instant,
    /// Where its fate is told.
    pub fate: watch::Sender<Fate>,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The connection has not looked at it yet. Next: any other.
    Received,
    /// It waits. Next: `Sent`, `Expired`, `Refused`.
    Queued,
    /// It was handed to the network. Next: `Acknowledged`, `Failed`, `Unconfirmed`; a question may be `Queued` again.
    Sent,
    /// The device answered that it has it. Final.
    Acknowledged,
    /// It was too old to be sent. Final.
    Expired,
    /// It was not sent. Final.
    Refused(Refusal),
    /// The device answered that it will not. Final.
    Failed {
        /// The device's own code.
        code: i64,
        /// What the code means.
        words: &'static str,
    },
    /// It was sent, and whether the device has it is not known. Final: it is not sent again.
    Unconfirmed {
        /// The session ended before the answer; else the answer just did not come.
        interrupted: bool,
        /// The broker has it.
        taken: bool,
    },
}

impl Fate {
    /// Every word of [`Fate::as_str`].
    pub const ALL: &[&str] =
        &["received", "queued", "sent", "acknowledged", "expired", "refused", "failed", "unconfirmed"];

    /// The label value, and the word of the answer.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Acknowledged => "acknowledged",
            Self::Expired => "expired",
            Self::Refused(_) => "refused",
            Self::Failed { .. } => "failed",
            Self::Unconfirmed { .. } => "unconfirmed",
        }
    }

    /// Whether it stays so.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Received | Self::Queued | Self::Sent => false,
            Self::Acknowledged
            | Self::Expired
            | Self::Refused(_)
            | Self::Failed { .. }
            | Self::Unconfirmed { .. } => true,
        }
    }
}

impl From<End> for Fate {
    fn from(end: End) -> Self {
        match end {
            End::Displaced => Self::Refused(Refusal::QueueFull),
            End::Expired => Self::Expired,
            End::NotConnected => Self::Refused(Refusal::NotConnected),
            End::Stopped => Self::Refused(Refusal::Stopping),
            End::Unanswered { taken } => Self::Unconfirmed { interrupted: false, taken },
            End::Interrupted { taken } => Self::Unconfirmed { interrupted: true, taken },
        }
    }
}

/// A sentence for people.
impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Received => f.write_str("it was received"),
            Self::Queued => f.write_str("it waits for its turn"),
            Self::Sent => f.write_str("it was sent, and the answer of the device is awaited"),
            Self::Acknowledged => f.write_str("the device has it"),
            Self::Expired => f.write_str("it grew too old before it could be sent, and was not sent"),
            Self::Refused(refusal) => write!(f, "it was not sent: {refusal}"),
            Self::Failed { code, words } => write!(f, "the device refused it with code {code}: {words}"),
            Self::Unconfirmed { interrupted, taken } => {
                let broker = if *taken { "the broker has it" } else { "not even the broker confirmed it" };
                let why = if *interrupted {
                    "the connection ended before the device answered"
                } else {
                    "the device did not answer in time"
                };
                write!(f, "it was sent and may have been obeyed, but {why} ({broker}); it is not sent again")
            }
        }
    }
}

/// Why a command was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The value is not one that the device takes; a sentence with right ones.
    BadValue(String),
    /// The device cannot do it; a sentence.
    Unsupported(String),
    /// What the device can do is not known yet.
    FeaturesUnknown,
    /// The connection has no such device.
    NoSuchDevice,
    /// It would change the device, and the connection is away.
    NotConnected,
    /// Newer ones needed its place.
    QueueFull,
    /// The connection ends: a stop or a reload.
    Stopping,
    /// The connection did not take it.
    NotSent,
    /// The broker refused it (MQTT 5).
    ByBroker,
    /// The broker closed the connection after messages like it, and none is sent for a while.
    Quarantined,
}

impl Refusal {
    /// The word of the answer.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::BadValue(_) => "bad_value",
            Self::Unsupported(_) => "unsupported",
            Self::FeaturesUnknown => "features_unknown",
            Self::NoSuchDevice => "no_such_device",
            Self::NotConnected => "not_connected",
            Self::QueueFull => "queue_full",
            Self::Stopping => "stopping",
            Self::NotSent => "not_sent",
            Self::ByBroker => "by_broker",
            Self::Quarantined => "quarantined",
        }
    }
}

/// A sentence that says what to do.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadValue(sentence) | Self::Unsupported(sentence) => sentence,
            Self::FeaturesUnknown => {
                "what the device can do is not known yet; it is asked at every connect: try again in some seconds"
            }
            Self::NoSuchDevice => "the device is not there any more; `hangup devices` lists those that are",
            Self::NotConnected => {
                "there is no connection now, and what changes a device does not wait for one; try again when it is \
                 back, or let changes wait with `queue_changes = true` in `[commands]`"
            }
            Self::QueueFull => "the queue was full and newer commands needed its place; send fewer at once",
            Self::Stopping => "the connection ends (a stop or a reload); try again when it is back",
            Self::NotSent => "the connection does not take it now; try again in some seconds",
            Self::ByBroker => "the broker refused it; may this account publish to the device's topic?",
            Self::Quarantined => {
                "the broker closed the connection right after messages to this device twice, so none like it is sent for a \
                 day; does the account's policy allow it?"
            }
        })
    }
}

/// A command in the words of the wire.
#[derive(Debug)]
pub struct Worded {
    /// What to publish.
    pub message: Outgoing,
    /// How long its answer may take.
    pub patience: std::time::Duration,
    /// How long the device must be left alone with further changes.
    pub rest: std::time::Duration,
}

/// What a device said to the last command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has it.
    Done,
    /// It will not.
    Failed {
        /// The device's own code.
        code: i64,
        /// What the code means.
        words: &'static str,
        /// How long the device must be left alone with further changes.
        rest: std::time::Duration,
    },
}
