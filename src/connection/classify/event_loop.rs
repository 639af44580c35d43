//! Names for the errors of rumqttc's own event loop, for programs that use it and let this crate explain its drops.
//!
//! Never more than that loop tells: a FIN, a close_notify and a WebSocket close are one thing to it, an abrupt end.

use rumqttc::v5;
use rumqttc::{ConnectReturnCode, ConnectionError, StateError};

use super::mqtt::codec;
use super::{breach, connack, disconnect, ended_by, hang_up, io, ping_timeout};
use crate::connection::ending::EndedBy;
use crate::connection::error::ErrorName;
use crate::connection::plan::Version;
use crate::connection::{Detail, Failure, Phase};

/// Names an error of `rumqttc::EventLoop::poll` (MQTT 3.1.1). `in_session`: CONNACK had come.
#[must_use]
#[allow(
    clippy::wildcard_enum_match_arm,
    unreachable_patterns,
    reason = "another crate's features add variants to this enum; without them every variant is named"
)]
pub fn event_loop(error: &ConnectionError, in_session: bool) -> (Failure, EndedBy) {
    match error {
        ConnectionError::MqttState(error) => state(error, in_session),
        ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => timeout(in_session, Version::V311),
        ConnectionError::Io(error) => by_itself(io(phase(in_session, Phase::Tcp), error)),
        ConnectionError::ConnectionRefused(code) => by_itself(connack(refusal(*code))),
        ConnectionError::NotConnAck(_) => {
            by_itself(breach(Phase::Connack, Version::V311, "another packet came in the place of CONNACK"))
        }
        ConnectionError::RequestsDone => ours(in_session),
        _ => below(in_session),
    }
}

/// Names an error of `rumqttc::v5::EventLoop::poll` (MQTT 5). `in_session`: CONNACK had come.
#[must_use]
#[allow(
    clippy::wildcard_enum_match_arm,
    unreachable_patterns,
    reason = "another crate's features add variants to this enum; without them every variant is named"
)]
pub fn event_loop_v5(error: &v5::ConnectionError, in_session: bool) -> (Failure, EndedBy) {
    match error {
        v5::ConnectionError::MqttState(error) => state_v5(error, in_session),
        v5::ConnectionError::Timeout(_) => timeout(in_session, Version::V5),
        v5::ConnectionError::Io(error) => by_itself(io(phase(in_session, Phase::Tcp), error)),
        v5::ConnectionError::ConnectionRefused(code) => by_itself(connack(refusal_v5(*code))),
        v5::ConnectionError::NotConnAck(_) => {
            by_itself(breach(Phase::Connack, Version::V5, "another packet came in the place of CONNACK"))
        }
        v5::ConnectionError::RequestsDone => ours(in_session),
        _ => below(in_session),
    }
}

fn state(error: &StateError, in_session: bool) -> (Failure, EndedBy) {
    let phase = phase(in_session, Phase::Connack);
    match error {
        StateError::Io(error) => by_itself(io(phase, error)),
        StateError::AwaitPingResp => no_answer(ErrorName::MqttTimeout, phase),
        StateError::CollisionTimeout => no_acknowledgement(phase, Version::V311),
        StateError::Deserialization(error) => by_itself(codec(phase, Version::V311, error)),
        StateError::ConnectionAborted => aborted(phase),
        StateError::Unsolicited(_) => {
            by_itself(breach(phase, Version::V311, "an acknowledgement came of nothing that was sent"))
        }
        StateError::InvalidState | StateError::WrongPacket | StateError::EmptySubscription => by_itself(
            breach(phase, Version::V311, "a packet came, or was to be sent, that does not belong here"),
        ),
    }
}

fn state_v5(error: &v5::StateError, in_session: bool) -> (Failure, EndedBy) {
    let phase = phase(in_session, Phase::Connack);
    match error {
        v5::StateError::Io(error) => by_itself(io(phase, error)),
        v5::StateError::AwaitPingResp => no_answer(ErrorName::PingTimeout, phase),
        v5::StateError::CollisionTimeout => no_acknowledgement(phase, Version::V5),
        v5::StateError::ConnectionAborted => aborted(phase),
        v5::StateError::ServerDisconnect { reason_code, reason_string: _ } => {
            (disconnect(phase, Some(*reason_code as u8)), EndedBy::Peer)
        }
        v5::StateError::ConnFail { reason } => by_itself(connack(refusal_v5(*reason))),
        v5::StateError::IncomingPacketTooLarge { pkt_size, max } => {
            let message = format!("a packet of {pkt_size} bytes came, larger than the {max} allowed");
            let failure = Failure::new(phase, ErrorName::InboundPacketTooLarge, message)
                .with_detail(Detail::Size(*pkt_size as u64));
            (failure, EndedBy::LocalError)
        }
        v5::StateError::Unsolicited(_) => {
            by_itself(breach(phase, Version::V5, "an acknowledgement came of nothing that was sent"))
        }
        v5::StateError::InvalidAlias { .. } => {
            by_itself(Failure::new(phase, ErrorName::InvalidTopicAlias, "a topic alias is out of range"))
        }
        v5::StateError::Coversion(_)
        | v5::StateError::InvalidState
        | v5::StateError::WrongPacket
        | v5::StateError::EmptySubscription
        | v5::StateError::Deserialization(_)
        | v5::StateError::OutgoingPacketTooLarge { .. } => by_itself(breach(
            phase,
            Version::V5,
            "a packet came, or was to be sent, that does not belong here",
        )),
    }
}

fn phase(in_session: bool, otherwise: Phase) -> Phase {
    if in_session { Phase::Session } else { otherwise }
}

fn by_itself(failure: Failure) -> (Failure, EndedBy) {
    let by = ended_by(&failure);
    (failure, by)
}

fn timeout(in_session: bool, version: Version) -> (Failure, EndedBy) {
    let failure = if in_session {
        Failure::new(Phase::Session, ping_timeout(version), "the broker takes no more bytes")
    } else {
        Failure::new(Phase::Connack, ErrorName::ConnackTimeout, "no session came about in time")
    };
    (failure, EndedBy::Timeout)
}

fn no_answer(name: ErrorName, phase: Phase) -> (Failure, EndedBy) {
    (Failure::new(phase, name, "the broker did not answer the ping in time"), EndedBy::Timeout)
}

fn no_acknowledgement(phase: Phase, version: Version) -> (Failure, EndedBy) {
    let message = "the broker did not acknowledge a message in time";
    (Failure::new(phase, ping_timeout(version), message), EndedBy::Timeout)
}

/// The stream ended. How is not told: as a FIN, which says nothing politer.
fn aborted(phase: Phase) -> (Failure, EndedBy) {
    (hang_up(phase, Detail::Fin), EndedBy::Peer)
}

fn ours(in_session: bool) -> (Failure, EndedBy) {
    let phase = phase(in_session, Phase::Shutdown);
    let message = "the program asks for nothing more: every client of the event loop is gone";
    (Failure::new(phase, ErrorName::UserRequestedStop, message), EndedBy::Us)
}

/// TLS, WebSocket or proxy as rumqttc does them: the layer is all that is known.
fn below(in_session: bool) -> (Failure, EndedBy) {
    let phase = phase(in_session, Phase::Tls);
    let name = if in_session { ErrorName::SocketClosed } else { ErrorName::TlsNegotiationFailure };
    (Failure::new(phase, name, "a layer below MQTT failed (TLS, WebSocket or proxy)"), EndedBy::LocalError)
}

fn refusal(code: ConnectReturnCode) -> u8 {
    code as u8
}

/// rumqttc gives the reasons of MQTT 5 without their numbers.
fn refusal_v5(code: v5::mqttbytes::v5::ConnectReturnCode) -> u8 {
    use v5::mqttbytes::v5::ConnectReturnCode as Code;
    match code {
        Code::Success => 0,
        Code::RefusedProtocolVersion => 1,
        Code::BadClientId => 2,
        Code::ServiceUnavailable => 3,
        Code::UnspecifiedError => 0x80,
        Code::MalformedPacket => 0x81,
        Code::ProtocolError => 0x82,
        Code::ImplementationSpecificError => 0x83,
        Code::UnsupportedProtocolVersion => 0x84,
        Code::ClientIdentifierNotValid => 0x85,
        Code::BadUserNamePassword => 0x86,
        Code::NotAuthorized => 0x87,
        Code::ServerUnavailable => 0x88,
        Code::ServerBusy => 0x89,
        Code::Banned => 0x8A,
        Code::BadAuthenticationMethod => 0x8C,
        Code::TopicNameInvalid => 0x90,
        Code::PacketTooLarge => 0x95,
        Code::QuotaExceeded => 0x97,
        Code::PayloadFormatInvalid => 0x99,
        Code::RetainNotSupported => 0x9A,
        Code::QoSNotSupported => 0x9B,
        Code::UseAnotherServer => 0x9C,
        Code::ServerMoved => 0x9D,
        Code::ConnectionRateExceeded => 0x9F,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_error_has_another_name_before_and_in_a_session() {
        let reset = || ConnectionError::Io(std::io::Error::from_raw_os_error(libc::ECONNREFUSED));
        let (before, _) = event_loop(&reset(), false);
        assert_eq!((before.phase, before.error), (Phase::Tcp, ErrorName::ConnectionRefused));
        let (waiting, by) = event_loop(&ConnectionError::NetworkTimeout, false);
        assert_eq!((waiting.error, by), (ErrorName::ConnackTimeout, EndedBy::Timeout));
        let (stuck, by) = event_loop(&ConnectionError::NetworkTimeout, true);
        assert_eq!((stuck.error, by), (ErrorName::MqttTimeout, EndedBy::Timeout));
    }

    #[test]
    fn a_missing_pingresp_is_named_as_the_version_of_mqtt_names_it() {
        let (old, _) = event_loop(&ConnectionError::MqttState(StateError::AwaitPingResp), true);
        let (new, _) = event_loop_v5(&v5::ConnectionError::MqttState(v5::StateError::AwaitPingResp), true);
        assert_eq!((old.error, new.error), (ErrorName::MqttTimeout, ErrorName::PingTimeout));
    }

    #[test]
    fn the_reason_of_a_broker_is_kept() {
        let taken = v5::StateError::ServerDisconnect {
            reason_code: v5::mqttbytes::v5::DisconnectReasonCode::SessionTakenOver,
            reason_string: Some("hunter2".to_owned()),
        };
        let (failure, by) = event_loop_v5(&v5::ConnectionError::MqttState(taken), true);
        assert_eq!((failure.detail, by), (Detail::Disconnect(Some(0x8E)), EndedBy::Peer));
        assert!(!failure.message.contains("hunter2"));
        let (refused, _) =
            event_loop(&ConnectionError::ConnectionRefused(ConnectReturnCode::NotAuthorized), false);
        assert_eq!(refused.detail, Detail::Connack(5));
    }
}
