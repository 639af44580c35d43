//! Names for CONNACK codes and for packets that should not be.
//!
//! Never repeats a topic or a payload.

use rumqttc::mqttbytes::Error as CodecError;

use super::{during, io};
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Detail, Failure, Phase};

/// Names a refusal by CONNACK. Codes from 0x80 are MQTT 5 ones, which some brokers send to 3.1.1 clients too.
#[must_use]
pub fn connack(code: u8) -> Failure {
    let (class, reason) = match code {
        1 | 0x84 => (RetryClass::Setup, "the protocol version is refused"),
        2 | 0x85 => (RetryClass::Setup, "the client id is refused"),
        3 | 0x88 | 0x89 => (RetryClass::Service, "the server is unavailable"),
        4 | 0x86 => (RetryClass::Credential, "bad user name or password"),
        5 | 0x87 => (RetryClass::Credential, "not authorised"),
        0x8A => (RetryClass::Setup, "banned"),
        0x8C => (RetryClass::Setup, "bad authentication method"),
        0x95 | 0x97 | 0x9F => (RetryClass::Service, "a quota or rate is exceeded"),
        0x9C | 0x9D => (RetryClass::Setup, "another server should be used"),
        _ => (RetryClass::Service, "a code that has no meaning here"),
    };
    let message = format!("the broker refused the connection with CONNACK code {code}: {reason}");
    Failure::new(Phase::Connack, ErrorName::ConnackRefused, message)
        .with_detail(Detail::Connack(code))
        .with_class(class)
}

/// Names a packet that could not be decoded.
#[must_use]
pub fn codec(phase: Phase, error: &CodecError) -> Failure {
    match error {
        CodecError::PayloadSizeLimitExceeded(size) => too_large(phase, *size, "packet"),
        CodecError::MalformedRemainingLength => Failure::new(
            phase,
            ErrorName::InvalidRemainingLength,
            format!("the length field of a packet is malformed {}", during(phase)),
        ),
        CodecError::InvalidConnectReturnCode(code) if phase == Phase::Connack => connack(*code),
        CodecError::InvalidSubscribeReasonCode(code) if phase == Phase::Subscribe => Failure::new(
            phase,
            ErrorName::SubscribeFailure,
            format!("the broker refused a subscription with the code {code}"),
        ),
        CodecError::Io(error) => io(phase, error),
        CodecError::InvalidConnectReturnCode(_)
        | CodecError::InvalidSubscribeReasonCode(_)
        | CodecError::NotConnect(_)
        | CodecError::UnexpectedConnect
        | CodecError::InvalidProtocol
        | CodecError::InvalidProtocolLevel(_)
        | CodecError::IncorrectPacketFormat
        | CodecError::InvalidPacketType(_)
        | CodecError::InvalidPropertyType(_)
        | CodecError::InvalidQoS(_)
        | CodecError::PacketIdZero
        | CodecError::PayloadSizeIncorrect
        | CodecError::PayloadTooLong
        | CodecError::PayloadRequired
        | CodecError::TopicNotUtf8
        | CodecError::BoundaryCrossed(_)
        | CodecError::MalformedPacket
        | CodecError::EmptySubscription
        | CodecError::InsufficientBytes(_)
        | CodecError::OutgoingPacketTooLarge { .. } => breach(phase, "a packet could not be decoded"),
    }
}

/// Names a packet that is well-formed and impossible.
#[must_use]
pub fn breach(phase: Phase, what: &str) -> Failure {
    Failure::new(phase, ErrorName::ProtocolError, format!("{what} {}", during(phase)))
}

/// Looks at the first bytes after CONNECT: only a CONNACK, or the DISCONNECT of a rude broker, may come.
#[must_use]
pub fn first_bytes(bytes: &[u8]) -> Option<Failure> {
    match bytes.first() {
        None | Some(0x20 | 0xE0) => None,
        Some(_) if bytes.starts_with(b"HTTP/") => Some(not_mqtt("an HTTP server answered")),
        Some(_) => Some(not_mqtt("what answered")),
    }
}

/// Names a peer whose first packet is not a CONNACK.
#[must_use]
pub fn not_mqtt(who: &str) -> Failure {
    let message = format!("{who} instead of an MQTT broker: a captive portal, a proxy or a wrong port");
    Failure::new(Phase::Connack, ErrorName::PeerNotMqtt, message)
}

pub(super) fn too_large(phase: Phase, size: usize, what: &str) -> Failure {
    let message = format!("a {what} of {size} bytes is larger than we take; raise the limit to receive it");
    Failure::new(phase, ErrorName::InboundPacketTooLarge, message)
        .with_detail(Detail::Size(u64::try_from(size).unwrap_or(u64::MAX)))
}
