//! What a link says to the one who drives it.
//!
//! Data only: the link tells, the machine decides.

use std::net::SocketAddr;
use std::time::Duration;

use super::ending::{Ending, PhaseTime};
use super::message::Incoming;
use super::protocol::Terms;
use super::{Failure, Phase};
use crate::host::TcpInfo;

/// What a link has to say.
#[derive(Debug)]
pub enum Report {
    /// A phase begins.
    Entered(Phase),
    /// A phase of the connect is over.
    Finished(PhaseTime),
    /// What a broker of MQTT 5 wants. Comes right before `Accepted`.
    Terms(Terms),
    /// CONNACK accepted: a session begins. What may be published before [`Report::Restored`] is nothing.
    Accepted {
        /// The broker remembered the session.
        session_present: bool,
        /// The address reached.
        peer: SocketAddr,
        /// Our own address.
        local: SocketAddr,
        /// Expiry of the peer's TLS certificate.
        certificate_expires: Option<std::time::SystemTime>,
    },
    /// Every SUBACK is in. `refused` lists how many optional filters were refused.
    Restored {
        /// Acknowledged subscriptions.
        active: usize,
        /// Refused optional ones.
        refused: usize,
    },
    /// A message arrived (already acknowledged as its QoS demands).
    Message(Incoming),
    /// The broker acknowledged the message with this token.
    Acknowledged(u64),
    /// The broker refused the message with this token, with this reason code (MQTT 5).
    Refused {
        /// The sender's number.
        token: u64,
        /// From 0x80 on.
        code: u8,
    },
    /// A PINGRESP arrived this long after its PINGREQ.
    Pinged(Duration),
    /// Parts of a packet came, and it is not whole yet. Told once a second at most.
    Arriving,
    /// The kernel's view of the connection, sampled.
    Tcp(TcpInfo),
    /// The attempt failed before CONNACK was accepted. The link is finished.
    Failed(Failure),
    /// The session is over. The link is finished.
    Ended(Box<Ending>),
}
