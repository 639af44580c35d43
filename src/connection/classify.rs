//! What an error of the system, of TLS, WebSocket, HTTP or MQTT is called, and how it is retried.
//!
//! Total: everything gets a name of the closed set. Never repeats a peer's text, a header or a URL.

use std::io;
use std::time::{Duration, SystemTime};

use rumqttc::mqttbytes::Error as CodecError;
use rustls::{CertificateError, Error as TlsError};
use tokio_tungstenite::tungstenite::Error as WebsocketError;
use tokio_tungstenite::tungstenite::error::CapacityError;

use super::error::{ErrorName, RetryClass};
use super::link::EndedBy;
use super::{Detail, Failure, Phase};

/// A server's clock this far from ours makes it refuse our signatures (`SigV4` allows about five minutes).
const SKEW: Duration = Duration::from_secs(300);

/// How a stream of bytes came to its end.
#[derive(Debug)]
pub enum Broken {
    /// TCP FIN with nothing politer before it.
    Fin,
    /// TLS `close_notify`.
    CloseNotify,
    /// WebSocket close frame, with its code if it had one.
    WebsocketClose(Option<u16>),
    /// A WebSocket frame that carries no MQTT.
    NotBinary,
    /// An error of the system or of TLS.
    Io(io::Error),
    /// An error of the WebSocket layer.
    Websocket(Box<WebsocketError>),
}

/// Names the end of a stream of bytes.
#[must_use]
pub fn broken(phase: Phase, broken: &Broken) -> Failure {
    match broken {
        Broken::Fin => hang_up(phase, Detail::Fin),
        Broken::CloseNotify => hang_up(phase, Detail::CloseNotify),
        Broken::WebsocketClose(code) => hang_up(phase, Detail::WebsocketClose(*code)),
        Broken::NotBinary => websocket_breach(phase, "a WebSocket frame was not binary"),
        Broken::Io(error) => io(phase, error),
        Broken::Websocket(error) => websocket(phase, error),
    }
}

/// Names a close by the peer: orderly ones and bare ones are different names (`connection-errors.md` §4).
#[must_use]
pub fn hang_up(phase: Phase, how: Detail) -> Failure {
    let orderly = matches!(how, Detail::CloseNotify | Detail::WebsocketClose(_));
    let in_mqtt = matches!(phase, Phase::Connack | Phase::Subscribe | Phase::Session);
    let error = match (phase, orderly && in_mqtt) {
        (Phase::Websocket, _) => ErrorName::HttpConnectionClosed,
        (_, true) => ErrorName::UnexpectedHangup,
        (_, false) => ErrorName::SocketClosed,
    };
    let manner = match how {
        Detail::Rst => "reset the connection",
        Detail::CloseNotify => "closed the connection in order (TLS close_notify)",
        Detail::WebsocketClose(_) => "closed the connection in order (WebSocket close frame)",
        Detail::None
        | Detail::Fin
        | Detail::HttpStatus(_)
        | Detail::VendorCode(_)
        | Detail::Connack(_)
        | Detail::Disconnect(_)
        | Detail::Alert(_)
        | Detail::Size(_)
        | Detail::Os(_) => "closed the connection without a word (TCP FIN)",
    };
    Failure::new(phase, error, format!("the peer {manner} {}", during(phase))).with_detail(how)
}

/// Names an error of the system; TLS errors travel inside these and are unpacked.
#[must_use]
pub fn io(phase: Phase, error: &io::Error) -> Failure {
    if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        return tls(phase, inner);
    }
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return hang_up(phase, Detail::Fin);
    }
    let number = error.raw_os_error().unwrap_or_else(|| number_of(error.kind()));
    if number == libc::ECONNRESET {
        return hang_up(phase, Detail::Rst);
    }
    let name = match number {
        libc::ECONNREFUSED => ErrorName::ConnectionRefused,
        libc::ETIMEDOUT => ErrorName::SocketTimeout,
        libc::EHOSTUNREACH | libc::ENETUNREACH => ErrorName::NoRouteToHost,
        libc::ENETDOWN => ErrorName::NetworkDown,
        libc::EPIPE => ErrorName::BrokenPipe,
        libc::ECONNABORTED => ErrorName::ConnectAborted,
        libc::EADDRNOTAVAIL => ErrorName::InvalidAddress,
        libc::EAFNOSUPPORT => ErrorName::UnsupportedAddressFamily,
        libc::EMFILE | libc::ENFILE => ErrorName::MaxFdsExceeded,
        libc::EACCES | libc::EPERM => ErrorName::NoPermission,
        _ => anonymous(phase),
    };
    // A name that cannot be met in this phase (a refusal in mid-session) would be a series nobody expects.
    let name = if name.phases().contains(&phase) { name } else { anonymous(phase) };
    let message = if number == 0 {
        format!("the connection broke {}", during(phase))
    } else {
        format!("{} {}", io::Error::from_raw_os_error(number), during(phase))
    };
    Failure::new(phase, name, message).with_detail(if number == 0 {
        Detail::None
    } else {
        Detail::Os(number)
    })
}

/// Names an error of TLS: in the handshake by its reason, later as a read failure.
#[must_use]
pub fn tls(phase: Phase, error: &TlsError) -> Failure {
    if let TlsError::AlertReceived(alert) = error {
        let message = format!("the peer sent the TLS alert {alert:?} {}", during(phase));
        return Failure::new(phase, ErrorName::TlsAlertReceived, message)
            .with_detail(Detail::Alert(u8::from(*alert)));
    }
    if !matches!(phase, Phase::Tls | Phase::Credentials) {
        return Failure::new(
            phase,
            ErrorName::TlsReadFailure,
            format!("TLS could not be read {}", during(phase)),
        );
    }
    if let TlsError::InvalidCertificate(reason) = error {
        let (name, message) = certificate(reason);
        return Failure::new(phase, name, message);
    }
    let message =
        "the TLS handshake failed: the peer may not speak TLS on this port, or no version in common";
    Failure::new(phase, ErrorName::TlsNegotiationFailure, message)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not ours and open; the rest has one name")]
fn certificate(reason: &CertificateError) -> (ErrorName, &'static str) {
    match reason {
        CertificateError::UnknownIssuer => (
            ErrorName::TlsUnknownRoot,
            "the peer's certificate was issued by an authority that is not trusted",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            (ErrorName::TlsHostNameMismatch, "the peer's certificate is for another name")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            (ErrorName::TlsCertificateExpired, "the peer's certificate has expired, or our clock is wrong")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            ErrorName::TlsCertificateNotYetValid,
            "the peer's certificate is not valid yet, or our clock is wrong",
        ),
        CertificateError::Revoked => (ErrorName::TlsCertificateRevoked, "the peer's certificate was revoked"),
        _ => (ErrorName::TlsBadCertificate, "the peer's certificate is damaged or of a kind we do not take"),
    }
}

/// Names an error of the WebSocket layer after the upgrade.
#[must_use]
pub fn websocket(phase: Phase, error: &WebsocketError) -> Failure {
    match error {
        WebsocketError::Io(error) => io(phase, error),
        WebsocketError::Capacity(CapacityError::MessageTooLong { size, .. }) => {
            too_large(phase, *size, "WebSocket frame")
        }
        WebsocketError::ConnectionClosed | WebsocketError::AlreadyClosed => {
            hang_up(phase, Detail::WebsocketClose(None))
        }
        WebsocketError::Capacity(CapacityError::TooManyHeaders)
        | WebsocketError::Tls(_)
        | WebsocketError::Protocol(_)
        | WebsocketError::WriteBufferFull(_)
        | WebsocketError::Utf8(_)
        | WebsocketError::AttackAttempt
        | WebsocketError::Url(_)
        | WebsocketError::Http(_)
        | WebsocketError::HttpFormat(_) => websocket_breach(phase, "the peer broke the WebSocket protocol"),
    }
}

/// Names a breach of the WebSocket rules: a wrong setup when connecting, bad luck in a session.
#[must_use]
pub fn websocket_breach(phase: Phase, what: &str) -> Failure {
    let class = if phase == Phase::Websocket { RetryClass::Setup } else { RetryClass::Network };
    Failure::new(phase, ErrorName::WebsocketProtocolError, format!("{what} {}", during(phase)))
        .with_class(class)
}

/// Names an answer to the WebSocket upgrade other than 101. `date` is the server's clock by its header.
#[must_use]
pub fn upgrade_status(status: u16, date: Option<SystemTime>, wall: SystemTime) -> Failure {
    let apart = date
        .map(|date| date.duration_since(wall).unwrap_or_else(|earlier| earlier.duration()))
        .unwrap_or_default();
    let detail = Detail::HttpStatus(status);
    if matches!(status, 401 | 403) && apart > SKEW {
        let message = format!(
            "the upgrade was refused with HTTP {status}, and our clock is {} s away from the server's",
            apart.as_secs()
        );
        return Failure::new(Phase::Websocket, ErrorName::ClockSkew, message).with_detail(detail);
    }
    let (class, reason) = match status {
        401 | 403 => (RetryClass::Credential, "the credentials are expired or wrong, or a policy forbids it"),
        408 | 425 | 429 => (RetryClass::Service, "the service throttles"),
        500..=599 => (RetryClass::Service, "the service is in trouble"),
        _ => (RetryClass::Setup, "this is not the address of an MQTT endpoint"),
    };
    Failure::new(
        Phase::Websocket,
        ErrorName::WebsocketUpgradeFailure,
        format!("the upgrade to WebSocket was answered with HTTP {status}: {reason}"),
    )
    .with_detail(detail)
    .with_class(class)
}

/// Names a proxy's answer to CONNECT other than a success.
#[must_use]
pub fn proxy_status(status: u16) -> Failure {
    let (class, reason) = match status {
        407 => (RetryClass::Setup, "it wants other credentials"),
        _ => (RetryClass::Network, "it would not or could not connect"),
    };
    let message = format!("the proxy answered CONNECT with HTTP {status}: {reason}");
    Failure::new(Phase::Proxy, ErrorName::ProxyConnectFailed, message)
        .with_detail(Detail::HttpStatus(status))
        .with_class(class)
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

/// Names a failed name lookup by the number of `getaddrinfo`; `os` is the system's error when it says so.
#[must_use]
pub fn lookup(phase: Phase, number: i32, os: Option<i32>) -> Failure {
    let (name, reason) = match number {
        libc::EAI_NONAME | libc::EAI_SERVICE => (ErrorName::DnsInvalidName, "there is no such name"),
        libc::EAI_AGAIN => (ErrorName::DnsQueryAgain, "the resolver can not be reached or can not tell now"),
        libc::EAI_NODATA | libc::EAI_FAMILY => (ErrorName::DnsNoAddress, "the name has no address"),
        libc::EAI_SYSTEM if matches!(os, Some(libc::EMFILE | libc::ENFILE)) => {
            (ErrorName::MaxFdsExceeded, "no file descriptor is left")
        }
        _ => (ErrorName::DnsQueryFailed, "the resolver failed"),
    };
    Failure::new(phase, name, format!("the name lookup failed: {reason}")).with_detail(Detail::Os(number))
}

/// Who ended a session that died of this.
#[must_use]
pub fn ended_by(failure: &Failure) -> EndedBy {
    const TIMEOUTS: &[ErrorName] = &[
        ErrorName::SocketTimeout,
        ErrorName::MqttTimeout,
        ErrorName::PingTimeout,
        ErrorName::ConnackTimeout,
    ];
    match failure.detail {
        Detail::Fin
        | Detail::Rst
        | Detail::CloseNotify
        | Detail::WebsocketClose(_)
        | Detail::HttpStatus(_)
        | Detail::VendorCode(_)
        | Detail::Connack(_)
        | Detail::Disconnect(_)
        | Detail::Alert(_) => EndedBy::Peer,
        Detail::None | Detail::Size(_) | Detail::Os(_) => {
            if TIMEOUTS.contains(&failure.error) {
                EndedBy::Timeout
            } else if failure.error == ErrorName::BrokenPipe {
                EndedBy::Peer
            } else {
                EndedBy::LocalError
            }
        }
    }
}

fn too_large(phase: Phase, size: usize, what: &str) -> Failure {
    let message = format!("a {what} of {size} bytes is larger than we take; raise the limit to receive it");
    Failure::new(phase, ErrorName::InboundPacketTooLarge, message)
        .with_detail(Detail::Size(u64::try_from(size).unwrap_or(u64::MAX)))
}

/// The name for an error of the system that has none of its own.
fn anonymous(phase: Phase) -> ErrorName {
    if phase == Phase::Websocket { ErrorName::HttpConnectionClosed } else { ErrorName::SocketClosed }
}

/// Errors that the standard library made up carry a kind and no number.
#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not ours and open; the rest has no number")]
fn number_of(kind: io::ErrorKind) -> i32 {
    match kind {
        io::ErrorKind::ConnectionRefused => libc::ECONNREFUSED,
        io::ErrorKind::TimedOut => libc::ETIMEDOUT,
        io::ErrorKind::HostUnreachable => libc::EHOSTUNREACH,
        io::ErrorKind::NetworkUnreachable => libc::ENETUNREACH,
        io::ErrorKind::NetworkDown => libc::ENETDOWN,
        io::ErrorKind::BrokenPipe | io::ErrorKind::WriteZero => libc::EPIPE,
        io::ErrorKind::ConnectionReset => libc::ECONNRESET,
        io::ErrorKind::ConnectionAborted => libc::ECONNABORTED,
        io::ErrorKind::AddrNotAvailable => libc::EADDRNOTAVAIL,
        io::ErrorKind::PermissionDenied => libc::EACCES,
        _ => 0,
    }
}

fn during(phase: Phase) -> &'static str {
    match phase {
        Phase::Credentials => "while signing in",
        Phase::Dns => "while looking up the name",
        Phase::Tcp => "while connecting",
        Phase::Proxy => "while the proxy was to connect",
        Phase::Tls => "in the TLS handshake",
        Phase::Websocket => "in the upgrade to WebSocket",
        Phase::Connack => "before CONNACK",
        Phase::Subscribe => "while subscribing",
        Phase::Session => "in the session",
        Phase::Shutdown => "while closing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MET_BY_THE_LINK: [Phase; 8] = [
        Phase::Credentials,
        Phase::Tcp,
        Phase::Proxy,
        Phase::Tls,
        Phase::Websocket,
        Phase::Connack,
        Phase::Subscribe,
        Phase::Session,
    ];

    #[test]
    fn every_error_number_has_a_name_that_its_phase_expects() {
        for phase in MET_BY_THE_LINK {
            for number in 1..200 {
                let failure = io(phase, &io::Error::from_raw_os_error(number));
                assert!(failure.error.phases().contains(&phase), "{number} in {phase:?}: {}", failure.error);
            }
        }
    }

    #[test]
    fn every_close_has_a_name_that_its_phase_expects() {
        for phase in MET_BY_THE_LINK {
            for how in [Detail::Fin, Detail::Rst, Detail::CloseNotify, Detail::WebsocketClose(Some(1008))] {
                let failure = hang_up(phase, how);
                assert!(failure.error.phases().contains(&phase), "{how:?} in {phase:?}: {}", failure.error);
                assert_eq!(ended_by(&failure), EndedBy::Peer);
            }
        }
    }

    #[test]
    fn an_orderly_close_is_told_from_a_bare_one() {
        assert_eq!(hang_up(Phase::Session, Detail::CloseNotify).error, ErrorName::UnexpectedHangup);
        assert_eq!(hang_up(Phase::Session, Detail::WebsocketClose(None)).error, ErrorName::UnexpectedHangup);
        assert_eq!(hang_up(Phase::Session, Detail::Fin).error, ErrorName::SocketClosed);
        assert_eq!(hang_up(Phase::Websocket, Detail::CloseNotify).error, ErrorName::HttpConnectionClosed);
    }

    #[test]
    fn connack_codes_decide_the_class() {
        let class = |code| connack(code).class;
        assert_eq!(class(1), RetryClass::Setup);
        assert_eq!(class(2), RetryClass::Setup);
        assert_eq!(class(3), RetryClass::Service);
        assert_eq!(class(4), RetryClass::Credential);
        assert_eq!(class(5), RetryClass::Credential);
        assert_eq!(class(0x86), RetryClass::Credential);
        assert_eq!(class(0x9F), RetryClass::Service);
        assert_eq!(connack(77).detail, Detail::Connack(77));
    }

    #[test]
    fn upgrade_statuses_decide_the_class() {
        let class = |status| upgrade_status(status, None, SystemTime::UNIX_EPOCH).class;
        assert_eq!(class(401), RetryClass::Credential);
        assert_eq!(class(403), RetryClass::Credential);
        assert_eq!(class(404), RetryClass::Setup);
        assert_eq!(class(426), RetryClass::Setup);
        assert_eq!(class(429), RetryClass::Service);
        assert_eq!(class(503), RetryClass::Service);
        assert_eq!(class(200), RetryClass::Setup);
    }

    #[test]
    fn a_refusal_by_a_server_with_another_clock_is_clock_skew() {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let skewed = |apart: Duration, status| upgrade_status(status, Some(wall + apart), wall).error;
        assert_eq!(skewed(Duration::from_secs(301), 403), ErrorName::ClockSkew);
        assert_eq!(skewed(Duration::from_secs(300), 403), ErrorName::WebsocketUpgradeFailure);
        assert_eq!(skewed(Duration::from_secs(301), 503), ErrorName::WebsocketUpgradeFailure);
        let early = upgrade_status(403, Some(wall), wall + Duration::from_secs(400));
        assert_eq!((early.error, early.class), (ErrorName::ClockSkew, RetryClass::Credential));
    }

    #[test]
    fn an_http_answer_is_not_mqtt() {
        assert!(first_bytes(b"HTTP/1.1 200 OK").is_some_and(|f| f.message.starts_with("an HTTP server")));
        assert!(first_bytes(b"SSH-2.0").is_some());
        assert!(first_bytes(&[0x20, 2, 0, 0]).is_none());
        assert!(first_bytes(&[]).is_none());
    }

    #[test]
    fn resolver_numbers_have_names_of_the_dns_family() {
        assert_eq!(lookup(Phase::Dns, libc::EAI_NONAME, None).error, ErrorName::DnsInvalidName);
        assert_eq!(lookup(Phase::Dns, libc::EAI_AGAIN, None).error, ErrorName::DnsQueryAgain);
        assert_eq!(lookup(Phase::Dns, libc::EAI_NODATA, None).error, ErrorName::DnsNoAddress);
        assert_eq!(lookup(Phase::Dns, libc::EAI_FAIL, None).error, ErrorName::DnsQueryFailed);
        assert_eq!(lookup(Phase::Dns, libc::EAI_SYSTEM, Some(libc::EMFILE)).error, ErrorName::MaxFdsExceeded);
    }
}
