//! What names mean, in a phrase each, and lengths as people say them. Pure.
//! Never a cause behind an error name: a name says what was observed.

use crate::connection::error::ErrorName;
use crate::diagnosis::{Cause, Evidence};
use crate::lifecycle::export::redacted;

/// A text of a document may be this long; nobody reads on.
const LONGEST: usize = 600;

/// A text of a document as it may be printed: without identities, and without what a terminal would obey.
pub(super) fn told(text: &str) -> String {
    let plain = text.chars().filter(|c| c.is_whitespace() || !(c.is_control() || turns(*c)));
    let clean = redacted(&plain.collect::<String>()).split_whitespace().collect::<Vec<_>>().join(" ");
    let short: String = clean.chars().take(LONGEST).collect();
    // A backtick alone would make code of all that follows.
    if short.matches('`').count().is_multiple_of(2) { short } else { short.replace('`', "'") }
}

/// Characters that are not seen and change what is: the direction of a line, the joins of letters.
const fn turns(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A name of a document as code.
pub(super) fn code(name: &str) -> String {
    format!("`{}`", told(name).replace('`', ""))
}

/// A length in its two largest units: `3 d 4 h`, `12 min 5 s`.
pub(super) fn span(seconds: f64) -> String {
    let exact = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    // Rounded as in the log and on the page: 14.997 s are 15 s.
    let seconds = (exact + std::time::Duration::from_millis(500)).as_secs();
    let fine = exact.as_secs_f64() < 9.95 && (50..950).contains(&exact.subsec_millis());
    let ((large, unit), (small, smaller)) = match seconds {
        _ if fine => return format!("{:.1} s", exact.as_secs_f64()),
        0..60 => return format!("{seconds} s"),
        60..3_600 => ((seconds / 60, "min"), (seconds % 60, "s")),
        3_600..86_400 => ((seconds / 3_600, "h"), (seconds % 3_600 / 60, "min")),
        86_400.. => ((seconds / 86_400, "d"), (seconds % 86_400 / 3_600, "h")),
    };
    if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {smaller}") }
}

/// `1 drop`, `2 drops`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// What a name means; nothing for a name that is none of ours.
pub(super) fn of_error(name: &str) -> &'static str {
    let known = ErrorName::ALL.iter().find(|known| known.as_str() == name);
    known.map_or("a name that this version of hangup does not know", |known| meaning(*known))
}

/// What a cause means.
pub(super) fn of_cause(name: &str) -> &'static str {
    let known = Cause::ALL.iter().find(|known| known.as_str() == name);
    known.map_or("a cause that this version of hangup does not know", |known| reason(*known))
}

/// What a kind of evidence means.
pub(super) fn of_evidence(name: &str) -> &'static str {
    let known = Evidence::ALL.iter().find(|known| known.as_str() == name);
    known.map_or("", |known| match known {
        Evidence::Stated => "the server or the kernel said so",
        Evidence::Observed => "seen directly",
        Evidence::Inferred => "a test passed: it fits",
        Evidence::Suspected => "it looks like it, and other causes look the same",
        // The cause says it already.
        Evidence::None => "",
    })
}

const fn meaning(error: ErrorName) -> &'static str {
    match error {
        ErrorName::SigningNoCredentials => "there were no credentials to sign with",
        ErrorName::CredentialsHttpStatus => "sign-in or refresh was refused",
        ErrorName::CredentialsUnexpectedResponse => "sign-in was answered with something else",
        ErrorName::CredentialsTimeout => "sign-in was not answered in time",
        ErrorName::ClockSkew => "this machine's clock is wrong",
        ErrorName::DnsInvalidName => "the name does not exist",
        ErrorName::DnsQueryAgain => "the resolver did not answer",
        ErrorName::DnsQueryFailed => "the name could not be resolved",
        ErrorName::DnsNoAddress => "the name has no address",
        ErrorName::DnsTimeout => "the name was not resolved in time",
        ErrorName::ConnectionRefused => "nobody listens at the broker's port",
        ErrorName::SocketTimeout => "nothing came back any more",
        ErrorName::NoRouteToHost => "there is no way to the broker",
        ErrorName::NetworkDown => "the network of this machine is down",
        ErrorName::SocketClosed => "the connection was closed, reset or cut without a word before it",
        ErrorName::BrokenPipe => "the connection was gone when we wrote",
        ErrorName::ConnectAborted => "this machine aborted the connection",
        ErrorName::InvalidAddress => "the address cannot be used",
        ErrorName::UnsupportedAddressFamily => "this machine does not speak that kind of address",
        ErrorName::InvalidSocketOptions => "the system refused an option of the socket",
        ErrorName::MaxFdsExceeded => "this process has too many files open",
        ErrorName::NoPermission => "the system does not permit it",
        ErrorName::ProxyConnectFailed => "the proxy refused",
        ErrorName::ProxyTimeout => "the proxy did not answer in time",
        ErrorName::TlsTimeout => "TLS was not agreed on in time",
        ErrorName::TlsUnknownRoot => "the broker's certificate comes from an authority that is not trusted",
        ErrorName::TlsHostNameMismatch => "the broker's certificate is for another name",
        ErrorName::TlsCertificateExpired => "the broker's certificate has expired",
        ErrorName::TlsCertificateNotYetValid => "the broker's certificate is not valid yet",
        ErrorName::TlsCertificateRevoked => "the broker's certificate was revoked",
        ErrorName::TlsBadCertificate => "the broker's certificate cannot be used",
        ErrorName::TlsAlertReceived => "the broker refused in TLS",
        ErrorName::TlsNegotiationFailure => "TLS could not be agreed on",
        ErrorName::TlsReadFailure => "what came could not be deciphered",
        ErrorName::TlsNoRootCertificate => "there is no certificate of an authority to trust",
        ErrorName::TlsContextError => "TLS could not be set up",
        ErrorName::PemMalformed => "a certificate or a key could not be read",
        ErrorName::WebsocketUpgradeFailure => "the WebSocket was refused",
        ErrorName::WebsocketProtocolError => "the far side broke the WebSocket protocol",
        ErrorName::WebsocketTimeout => "the WebSocket was not answered in time",
        ErrorName::HttpConnectionClosed => "the far side closed before the WebSocket was there",
        ErrorName::ConnackTimeout => "the broker did not answer CONNECT in time",
        ErrorName::ConnackRefused => "the broker refused CONNECT",
        ErrorName::UnexpectedHangup => "the far side closed in good order, without a reason",
        ErrorName::PeerNotMqtt => "what answered does not speak MQTT",
        ErrorName::SubscribeFailure => "a subscription was refused",
        ErrorName::DisconnectReceived => "the broker said DISCONNECT",
        ErrorName::MqttTimeout => "the broker did not answer in time",
        ErrorName::PingTimeout => "the broker did not answer a ping",
        ErrorName::ProtocolError => "the broker broke the protocol",
        ErrorName::DecodeProtocolError => "a packet of the broker could not be read",
        ErrorName::InvalidRemainingLength => "a packet of the broker had no valid length",
        ErrorName::InvalidTopicAlias => "the broker used a topic alias that it never set",
        ErrorName::InboundPacketTooLarge => "a packet of the broker was larger than allowed",
        ErrorName::EngineStalled => "our own task stood still for too long",
        ErrorName::QueueFull => "the queue was full",
        ErrorName::OfflineQueuePolicy => "not queued while offline",
        ErrorName::CancelledForCleanSession => "given up with the old session",
        ErrorName::NotConnected => "there was no connection",
        ErrorName::AckReasonCodeFailure => "the broker refused a message",
        ErrorName::RequestResponseTimeout => "a request was not answered in time",
        ErrorName::PacketValidation => "a packet of ours was not valid",
        ErrorName::UserRequestedStop => "it was stopped",
        ErrorName::PlannedRotation => "renewed before its time ran out",
    }
}

const fn reason(cause: Cause) -> &'static str {
    match cause {
        Cause::NatIdleTimeout => "a NAT or firewall forgot a silent connection",
        Cause::PathDead => "packets did not arrive any more",
        Cause::BrokerStalled => "the broker's machine answered and the broker did not",
        Cause::KeepaliveTimeoutServer => "the broker heard nothing from us for too long",
        Cause::SessionTakenOver => "another client used the same client id",
        Cause::PolicyViolation => "the broker does not allow what we published or subscribed to",
        Cause::CredentialExpired => "the credentials lapsed",
        Cause::CredentialRejected => "the credentials were refused",
        Cause::ConnectionLifetimeLimit => "sessions of this age are closed",
        Cause::CalendarEvent => "something happens at this time of the clock",
        Cause::MessageLimit => "sessions are closed after so many messages or bytes",
        Cause::PayloadTooLarge => "a message was larger than allowed",
        Cause::Throttled => "we asked for too much",
        Cause::ProvokedByEvent => "it follows an event",
        Cause::DnsFailure => "the name was not resolved",
        Cause::TcpRefused => "nobody listened there",
        Cause::TcpUnreachable => "there was no way there",
        Cause::TlsTrust => "the broker's certificate was not trusted",
        Cause::TlsClientCert => "our certificate was not accepted",
        Cause::ClockSkew => "our clock is wrong",
        Cause::HostSuspended => "this machine slept",
        Cause::LocalNetworkChange => "an address, a link or a route of this machine changed",
        Cause::BrokerRestart => "the broker started anew",
        Cause::BrokerOverloaded => "the broker had too much to do",
        Cause::ServerMaintenance => "the broker's operator moved its clients",
        Cause::ServerError => "a fault inside the broker",
        Cause::Administrative => "somebody disconnected us on purpose",
        Cause::ProxyOrPortal => "something in between answered in the broker's place",
        Cause::ProtocolError => "the broker broke the protocol",
        Cause::ClientBug => "hangup broke the protocol",
        Cause::ClientShutdown => "hangup stopped",
        Cause::PlannedRotation => "hangup closed to prevent something worse",
        Cause::Config => "a setting is wrong",
        Cause::Unknown => "nothing that was seen points to a cause",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_a_document_commands_no_terminal_and_names_nobody() {
        assert_eq!(told("a\u{1b}[2Jb `c`\n d\u{7}"), "a[2Jb `c` d");
        assert_eq!(told("a\u{9b}31m\u{7f}\u{202e}b\u{200b}c"), "a31mbc");
        assert_eq!(told("one ` alone"), "one ' alone");
        assert_eq!(told("jane@example.com left"), "… left");
        assert_eq!(told(&"x ".repeat(10_000)).chars().count(), LONGEST);
    }

    #[test]
    fn a_length_has_two_units_at_most() {
        let cases = [
            (0.0, "0 s"),
            (0.44, "0.4 s"),
            (14.997, "15 s"),
            (59.4, "59 s"),
            (59.9, "1 min"),
            (90.0, "1 min 30 s"),
            (86_400.0, "1 d"),
            (100_000.0, "1 d 3 h"),
        ];
        for (seconds, said) in cases {
            assert_eq!(span(seconds), said);
        }
        assert_eq!(
            [span(-1.0), span(f64::NAN), span(f64::INFINITY)],
            ["0 s", "0 s", "0 s"].map(str::to_owned)
        );
    }

    #[test]
    fn a_name_of_another_version_is_no_fault() {
        assert!(of_error("AWS_ERROR_OF_TOMORROW").contains("does not know"));
        assert!(of_cause("moon_phase").contains("does not know"));
        assert_eq!(of_evidence("certain"), "");
    }
}
