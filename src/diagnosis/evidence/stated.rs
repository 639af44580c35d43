//! D1: what the peer itself gave as the reason, by the tables of `connection-errors.md`. Pure.
//! Never repeats a peer's text: only codes of closed sets are read.

use super::{Cause, DropFacts, Evidence, Failure, Rule, Verdict, verdict};
use crate::connection::Detail;
use crate::connection::ending::EndedBy;
use crate::connection::error::ErrorName;
use crate::lifecycle::presence::Reason;

/// D1.
pub(super) fn rule(facts: &DropFacts<'_>, failure: &Failure) -> Option<Verdict> {
    let say = |(cause, words): (Cause, String)| verdict(cause, Evidence::Stated, Rule::PeerGaveReason, words);
    let refused = failure.error == ErrorName::SubscribeFailure && facts.session.ended_by != EndedBy::Timeout;
    if refused {
        let words = "the broker refused a subscription without which the session is useless";
        return Some(say((Cause::PolicyViolation, words.to_owned())));
    }
    let (cause, words) = stated(failure).or_else(|| lifecycle(facts.lifecycle?, facts.session.ended_by))?;
    // Credentials that have lapsed are not authorised any more: that says more than "a rule forbids it".
    let lapsed = facts.session.credentials_expire.is_some_and(|expire| expire <= facts.session.end.wall);
    let not_authorised =
        matches!(failure.detail, Detail::Disconnect(Some(0x87)) | Detail::HttpStatus(401 | 403));
    if lapsed && not_authorised {
        return Some(say((Cause::CredentialExpired, format!("{words}, and the credentials had lapsed"))));
    }
    Some(say((cause, words)))
}

/// The cause that a failure states, of an attempt or of a session, with a sentence.
#[must_use]
pub fn stated(failure: &Failure) -> Option<(Cause, String)> {
    match failure.detail {
        Detail::Disconnect(Some(code)) => disconnect(code).map(|(cause, meaning)| {
            (cause, format!("the broker said why with DISCONNECT code 0x{code:02X}: {meaning}"))
        }),
        Detail::Connack(code) => connack(code).map(|(cause, meaning)| {
            (cause, format!("the broker refused with CONNACK code {code}: {meaning}"))
        }),
        Detail::WebsocketClose(Some(code)) => websocket(code)
            .map(|(cause, meaning)| (cause, format!("the WebSocket was closed with code {code}: {meaning}"))),
        Detail::HttpStatus(status) if failure.error != ErrorName::ClockSkew => {
            http(status).map(|(cause, meaning)| {
                (cause, format!("an HTTP server answered with status {status}: {meaning}"))
            })
        }
        Detail::Alert(number) => alert(number)
            .map(|(cause, meaning)| (cause, format!("the peer sent the TLS alert {number}: {meaning}"))),
        Detail::None
        | Detail::Fin
        | Detail::Rst
        | Detail::CloseNotify
        | Detail::WebsocketClose(None)
        | Detail::HttpStatus(_)
        | Detail::VendorCode(_)
        | Detail::Disconnect(None)
        | Detail::Size(_)
        | Detail::Os(_) => None,
    }
}

/// The cause behind what the broker's own event says of our client (`connection-errors.md` section 7).
///
/// "Its connection broke" explains no end that the peer made: Mosquitto says so of WebSockets that it closes itself when it
/// is stopped.
#[must_use]
pub fn lifecycle(reason: Reason, ended_by: EndedBy) -> Option<(Cause, String)> {
    if reason == Reason::ConnectionLost && ended_by == EndedBy::Peer {
        return None;
    }
    let said = (reason.as_str(), reason.words());
    reason
        .cause()
        .map(|cause| (cause, format!("the broker's own event for this client says {}: {}", said.0, said.1)))
}

/// The verdict on a drop that such an event comes for later.
#[must_use]
pub fn told(reason: Reason, ended_by: EndedBy) -> Option<Verdict> {
    let (cause, words) = lifecycle(reason, ended_by)?;
    Some(verdict(cause, Evidence::Stated, Rule::PeerGaveReason, words))
}

/// Section 6: reasons of DISCONNECT. 0x00 is "normal": the server meant to.
fn disconnect(code: u8) -> Option<(Cause, &'static str)> {
    Some(match code {
        0x00 => (Cause::ServerMaintenance, "a normal disconnection that it meant to make"),
        0x81 | 0x82 => (Cause::ProtocolError, "it could not make sense of a packet"),
        0x87 => (Cause::PolicyViolation, "not authorised"),
        0x88 | 0x89 => (Cause::BrokerOverloaded, "it is busy"),
        0x8A => (Cause::PolicyViolation, "banned"),
        0x8C => (Cause::Config, "bad authentication method"),
        0x8B => (Cause::BrokerRestart, "it is shutting down"),
        0x8D => (Cause::KeepaliveTimeoutServer, "it heard nothing from us for 1.5 keep-alives"),
        0x8E => (Cause::SessionTakenOver, "another client connected with the same client id"),
        0x93 => (Cause::ClientBug, "we sent more at once than it takes"),
        0x95 => (Cause::PayloadTooLarge, "a packet was too large"),
        0x96 | 0x97 | 0x9F => (Cause::Throttled, "a rate or a quota is exceeded"),
        0x98 => (Cause::ServerMaintenance, "its operator ended the connection"),
        0x9C | 0x9D => (Cause::Config, "another server should be used"),
        0xA0 => (Cause::ConnectionLifetimeLimit, "the longest time of a connection is over"),
        0x8F | 0x90 | 0x94 | 0x99 | 0x9A | 0x9B | 0x9E | 0xA1 | 0xA2 => {
            (Cause::ClientBug, "we used something that it does not take")
        }
        _ => return None,
    })
}

/// Section 5: codes of CONNACK.
fn connack(code: u8) -> Option<(Cause, &'static str)> {
    Some(match code {
        1 | 0x84 => (Cause::Config, "the protocol version is refused"),
        2 | 0x85 => (Cause::Config, "the client id is refused"),
        3 | 0x88 | 0x89 => (Cause::BrokerOverloaded, "the server is unavailable"),
        4 | 0x86 => (Cause::CredentialRejected, "bad user name or password"),
        5 | 0x87 => (Cause::CredentialRejected, "not authorised"),
        0x8A => (Cause::PolicyViolation, "banned"),
        0x8C => (Cause::Config, "bad authentication method"),
        0x95 | 0x97 | 0x9F => (Cause::Throttled, "a quota or a rate is exceeded"),
        0x9C | 0x9D => (Cause::Config, "another server should be used"),
        _ => return None,
    })
}

/// Codes of a WebSocket close that give a reason (RFC 6455 and its registry); 1000 says only "done".
fn websocket(code: u16) -> Option<(Cause, &'static str)> {
    Some(match code {
        1001 => (Cause::ServerMaintenance, "the server goes away"),
        1002 | 1003 | 1007 => (Cause::ProtocolError, "it could not make sense of a frame"),
        1008 => (Cause::PolicyViolation, "a policy forbids it"),
        1009 => (Cause::PayloadTooLarge, "a message was too large"),
        1011 => (Cause::ServerError, "the server has a fault"),
        1012 => (Cause::BrokerRestart, "the server restarts"),
        1013 => (Cause::BrokerOverloaded, "the server has too much to do"),
        _ => return None,
    })
}

/// Section 3.5: statuses of the upgrade, of a sign-in and of a proxy.
fn http(status: u16) -> Option<(Cause, &'static str)> {
    Some(match status {
        401 | 403 => (Cause::CredentialRejected, "the credentials are refused"),
        408 | 425 | 429 | 503 => (Cause::Throttled, "the service throttles"),
        500..=599 => (Cause::ServerError, "the service is in trouble"),
        300..=499 => (Cause::Config, "this is not the address of an MQTT endpoint"),
        _ => return None,
    })
}

/// Section 3.4: alerts of TLS; those about our own certificate first.
fn alert(number: u8) -> Option<(Cause, &'static str)> {
    Some(match number {
        42..=46 | 48 | 49 | 116 => (Cause::TlsClientCert, "it does not take our certificate"),
        40 | 70 | 71 | 86 | 120 => (Cause::Config, "there is no version or cipher for both"),
        80 => (Cause::ServerError, "the server has a fault"),
        10 | 20..=22 | 47 | 50 | 51 => (Cause::ProtocolError, "what it received was damaged or out of order"),
        _ => return None,
    })
}
