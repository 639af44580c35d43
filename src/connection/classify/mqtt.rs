//! Names for CONNACK codes and for packets that should not be.
//!
//! Never repeats a topic or a payload.

use rumqttc::mqttbytes::Error as CodecError;

use super::{during, io};
use crate::connection::codec::Fault;
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::plan::Version;
use crate::connection::{Detail, Failure, Phase};

/// What a breach of the rules is called by this version of MQTT.
#[must_use]
pub const fn protocol_error(version: Version) -> ErrorName {
    match version {
        Version::V311 => ErrorName::ProtocolError,
        Version::V5 => ErrorName::DecodeProtocolError,
    }
}

/// What a missing answer is called by this version of MQTT.
#[must_use]
pub const fn ping_timeout(version: Version) -> ErrorName {
    match version {
        Version::V311 => ErrorName::MqttTimeout,
        Version::V5 => ErrorName::PingTimeout,
    }
}

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
    let message = format!("the broker refused the connection with CONNACK code {}: {reason}", shown(code));
    Failure::new(Phase::Connack, ErrorName::ConnackRefused, message)
        .with_detail(Detail::Connack(code))
        .with_class(class)
}

/// The code of a reason: the table of MQTT 5 is in hexadecimal, the one of 3.1.1 is not.
fn shown(code: u8) -> String {
    if code < 0x80 { code.to_string() } else { format!("0x{code:02X}") }
}

/// Names a DISCONNECT of the broker; `None` for the bare packet that MQTT 3.1.1 does not let it send.
#[must_use]
pub fn disconnect(phase: Phase, code: Option<u8>) -> Failure {
    let Some(code) = code else {
        let message = "the broker sent DISCONNECT, which MQTT 3.1.1 does not let it";
        return Failure::new(phase, ErrorName::DisconnectReceived, message)
            .with_detail(Detail::Disconnect(None));
    };
    let (class, reason) = match code {
        0x00 => (RetryClass::Network, "it meant to"),
        0x04 => (RetryClass::Network, "with the last will"),
        0x81 | 0x82 => (RetryClass::Network, "it could not make sense of a packet"),
        0x87 => (RetryClass::Credential, "not authorised"),
        0x88 => (RetryClass::Service, "it is unavailable"),
        0x89 => (RetryClass::Service, "it is busy"),
        0x8B => (RetryClass::Network, "it is shutting down"),
        0x8C => (RetryClass::Setup, "bad authentication method"),
        0x8D => (RetryClass::Network, "it heard nothing from us for 1.5 keep-alives"),
        0x8E => (RetryClass::Setup, "another client connected with the same client id"),
        0x93 => (RetryClass::Network, "we sent more at once than it takes"),
        0x95 => (RetryClass::Network, "a packet was too large"),
        0x96 => (RetryClass::Service, "messages come too fast"),
        0x97 => (RetryClass::Service, "a quota is exceeded"),
        0x98 => (RetryClass::Network, "its operator ended the connection"),
        0x9A | 0x9B | 0x9E | 0xA1 | 0xA2 => (RetryClass::Setup, "we used something that it does not offer"),
        0x9C | 0x9D => (RetryClass::Setup, "another server should be used"),
        0x9F => (RetryClass::Service, "we connect too often"),
        0xA0 => (RetryClass::Network, "the longest time of a connection is over"),
        0x80 | 0x83 => (RetryClass::Service, "for a reason that it does not give"),
        0x8F | 0x90 | 0x94 | 0x99 => (RetryClass::Network, "it does not take something in a packet"),
        _ => (RetryClass::Network, "a code that has no meaning here"),
    };
    let message = format!("the broker sent DISCONNECT with the reason code 0x{code:02X}: {reason}");
    Failure::new(phase, ErrorName::DisconnectReceived, message)
        .with_detail(Detail::Disconnect(Some(code)))
        .with_class(class)
}

/// Names a refusal of a subscription without which the session is useless.
#[must_use]
pub fn suback(code: u8) -> Failure {
    let (class, reason) = match code {
        0x87 => (RetryClass::Setup, "not authorised"),
        0x8F => (RetryClass::Setup, "it does not take this filter"),
        0x97 => (RetryClass::Service, "a quota is exceeded"),
        0x9E => (RetryClass::Setup, "it offers no shared subscriptions"),
        0xA2 => (RetryClass::Setup, "it offers no wildcards"),
        _ => (RetryClass::Setup, "it does not say why"),
    };
    let message = format!(
        "the broker refused a subscription without which the session is useless (reason code 0x{code:02X}: {reason})"
    );
    Failure::new(Phase::Subscribe, ErrorName::SubscribeFailure, message).with_class(class)
}

/// Longest text of a broker that is repeated, in characters.
const LONGEST_TEXT: usize = 160;

/// The failure with what the broker itself said of it, for people: its reason, and the server that it would have us go
/// to. Both are untrusted: what could pretend to be another line or hide itself is left out, the rest is cut, and what
/// is in `hidden` (client id, login) is not repeated.
#[must_use]
pub fn told(mut failure: Failure, reason: Option<&str>, server: Option<&str>, hidden: &[String]) -> Failure {
    for (what, text) in [("it says", reason), ("it names the server", server)] {
        let Some(text) = text.map(|text| harmless(text, hidden)).filter(|text| !text.is_empty()) else {
            continue;
        };
        failure.message.extend(["; ", what, " `", text.as_str(), "`"]);
    }
    failure
}

fn harmless(text: &str, hidden: &[String]) -> String {
    let mut text = text.to_owned();
    // The longest first: one may be a part of another.
    let mut hidden: Vec<_> = hidden.iter().filter(|word| !word.is_empty()).collect();
    hidden.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in hidden {
        text = text.replace(word.as_str(), "…");
    }
    let visible = |c: char| c.is_alphanumeric() || c == ' ' || c == '…' || c.is_ascii_punctuation();
    let clean = text.chars().map(|c| if visible(c) && c != '`' { c } else { ' ' });
    let words: Vec<_> = clean.collect::<String>().split_whitespace().map(str::to_owned).collect();
    let text = words.join(" ");
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Names bytes that are no packet.
#[must_use]
pub fn fault(phase: Phase, version: Version, fault: Fault) -> Failure {
    match fault {
        Fault::TooLarge(size) => too_large(phase, size, "packet"),
        Fault::RemainingLength => remaining_length(phase),
        // Nobody may know what a topic stands for before it was agreed that it may.
        Fault::TopicAlias if phase != Phase::Connack => {
            let message = format!("a message has a topic alias, which we do not allow, {}", during(phase));
            Failure::new(phase, ErrorName::InvalidTopicAlias, message)
        }
        Fault::TopicAlias => breach(phase, version, "a message came"),
        Fault::Malformed(what) => breach(phase, version, &format!("a packet could not be decoded ({what})")),
    }
}

/// Names what rumqttc could not decode.
pub(super) fn codec(phase: Phase, version: Version, error: &CodecError) -> Failure {
    match error {
        CodecError::PayloadSizeLimitExceeded(size) => too_large(phase, *size, "packet"),
        CodecError::MalformedRemainingLength => remaining_length(phase),
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
        | CodecError::OutgoingPacketTooLarge { .. } => {
            breach(phase, version, "a packet could not be decoded")
        }
    }
}

/// Names a packet that is well-formed and impossible.
#[must_use]
pub fn breach(phase: Phase, version: Version, what: &str) -> Failure {
    Failure::new(phase, protocol_error(version), format!("{what} {}", during(phase)))
}

fn remaining_length(phase: Phase) -> Failure {
    let message = format!("the length field of a packet is malformed {}", during(phase));
    Failure::new(phase, ErrorName::InvalidRemainingLength, message)
}

/// Looks at the first bytes after CONNECT: only a CONNACK, or the DISCONNECT or AUTH of a rude broker, may come.
#[must_use]
pub fn first_bytes(bytes: &[u8]) -> Option<Failure> {
    match bytes.first() {
        None | Some(0x20 | 0xE0 | 0xF0) => None,
        Some(_) if speaks_tls(bytes) => Some(Failure::new(
            Phase::Connack,
            ErrorName::PeerNotMqtt,
            "what answered speaks TLS, and we do not on this connection: `mqtts://` or another port",
        )),
        Some(_) if bytes.starts_with(b"HTTP/") => Some(not_mqtt("an HTTP server answered")),
        Some(_) => Some(not_mqtt("what answered")),
    }
}

/// Whether an answer to something else begins with an alert of TLS: its content type, and the first half of its version.
#[must_use]
pub fn speaks_tls(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x15, 0x03])
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_a_disconnect_has_the_class_of_its_remedy() {
        let class = |code| disconnect(Phase::Session, Some(code)).class;
        for (code, expected) in [
            (0x00, RetryClass::Network),
            (0x82, RetryClass::Network),
            (0x87, RetryClass::Credential),
            (0x89, RetryClass::Service),
            (0x8B, RetryClass::Network),
            (0x8D, RetryClass::Network),
            (0x8E, RetryClass::Setup),
            (0x95, RetryClass::Network),
            (0x96, RetryClass::Service),
            (0x97, RetryClass::Service),
            (0x98, RetryClass::Network),
            (0x9D, RetryClass::Setup),
            (0x9F, RetryClass::Service),
            (0xA0, RetryClass::Network),
        ] {
            assert_eq!(class(code), expected, "0x{code:02X}");
        }
        for code in 0..=u8::MAX {
            let failure = disconnect(Phase::Session, Some(code));
            assert_eq!(failure.detail, Detail::Disconnect(Some(code)));
            assert!(failure.message.contains(&format!("0x{code:02X}")));
        }
    }

    #[test]
    fn what_a_broker_says_is_repeated_without_what_could_do_harm() {
        let said = |reason: &str| {
            let hidden = ["heater-17".to_owned(), "hunter2".to_owned(), String::new(), "heater".to_owned()];
            told(disconnect(Phase::Session, Some(0x8E)), Some(reason), None, &hidden).message
        };
        assert!(said("client heater-17 came again").ends_with("; it says `client … came again`"));
        assert!(!said("hunter2 hunter2").contains("hunter2"));
        assert!(said("a\r\nlevel=error \u{1b}[31m\u{202e}red`").ends_with("`a level=error [31m red`"));
        assert!(said(" \n ").ends_with("same client id"));
        let long = said(&"ä".repeat(70_000));
        assert!(long.chars().count() < 300, "{long}");
        let moved = told(connack(0x9D), None, Some("other.example:8883"), &[]);
        assert!(moved.message.ends_with("; it names the server `other.example:8883`"));
    }

    #[test]
    fn the_versions_name_the_same_breach_differently() {
        let name = |version| fault(Phase::Session, version, Fault::Malformed("x")).error;
        assert_eq!(name(Version::V311), ErrorName::ProtocolError);
        assert_eq!(name(Version::V5), ErrorName::DecodeProtocolError);
    }

    #[test]
    fn every_fault_has_a_name_that_its_phase_expects() {
        for phase in [Phase::Connack, Phase::Subscribe, Phase::Session] {
            for kind in [Fault::TooLarge(9), Fault::RemainingLength, Fault::TopicAlias, Fault::Malformed("x")]
            {
                let failure = fault(phase, Version::V5, kind);
                assert!(failure.error.phases().contains(&phase), "{failure:?}");
            }
        }
    }
}
