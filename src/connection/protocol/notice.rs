//! What a session has to say to whoever runs it.
//!
//! Never holds a password; a message holds its topic and payload, and nothing prints them.

use std::time::Duration;

use super::super::ending::{EndedBy, PhaseTime};
use super::super::message::Incoming;
use super::super::{Failure, Phase};

/// What a broker of MQTT 5 said of itself and of the session in CONNACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The keep-alive that counts, if the broker set another one than ours.
    pub keep_alive: Option<Duration>,
    /// How long it keeps the session, if not as long as was asked for.
    pub session_expiry: Option<Duration>,
    /// The highest quality of service that it takes.
    pub maximum_qos: u8,
    /// Whether it takes retained messages.
    pub retain_available: bool,
    /// So many messages may wait for their acknowledgement.
    pub receive_maximum: u16,
    /// Bytes of the largest packet that it takes.
    pub maximum_packet_size: Option<u32>,
}

/// What the protocol has to say.
#[derive(Debug)]
pub enum Notice {
    /// A phase begins.
    Entered(Phase),
    /// A phase is over.
    Finished(PhaseTime),
    /// What the broker of MQTT 5 wants. Said before `Accepted`.
    Terms(Terms),
    /// CONNACK accepted.
    Accepted {
        /// The broker remembered the session.
        session_present: bool,
    },
    /// Every SUBACK is in.
    Restored {
        /// Acknowledged subscriptions.
        active: usize,
        /// Refused optional ones.
        refused: usize,
    },
    /// A message arrived.
    Message(Incoming),
    /// The broker acknowledged the message with this token.
    Acknowledged(u64),
    /// The broker refused the message with this token, with this reason code.
    Refused {
        /// The sender's number.
        token: u64,
        /// From 0x80 on.
        code: u8,
    },
    /// A PINGRESP arrived this long after its PINGREQ.
    Pinged(Duration),
    /// It is over; the network connection must be dropped. Said once, and last.
    Over(Failure, EndedBy),
}
