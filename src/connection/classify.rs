//! What an error of the system, of TLS, WebSocket, HTTP or MQTT is called, and how it is retried.
//!
//! Total: everything gets a name of the closed set. Never repeats a peer's text, a header or a URL.

mod event_loop;
mod hint;
mod http;
mod mqtt;
mod tls;

use std::io;

pub use event_loop::{event_loop, event_loop_v5};
pub use hint::hinted;
pub use http::{proxy_status, upgrade_status, websocket, websocket_breach};
pub use mqtt::{
    breach, connack, disconnect, fault, first_bytes, not_mqtt, ping_timeout, protocol_error, speaks_tls,
    suback, told,
};
use rustls::Error as TlsError;
pub use tls::{is_authority, tls};
use tokio_tungstenite::tungstenite::Error as WebsocketError;

use super::ending::EndedBy;
use super::error::ErrorName;
use super::{Detail, Failure, Phase};

/// How a stream of bytes came to its end.
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

/// Names a failed name lookup by the number of `getaddrinfo`; `os` is the system's error when it says so.
#[must_use]
pub fn lookup(phase: Phase, number: i32, os: Option<i32>) -> Failure {
    let (name, reason) = match number {
        libc::EAI_NONAME | libc::EAI_SERVICE => (ErrorName::DnsInvalidName, "there is no such name"),
        libc::EAI_AGAIN => (ErrorName::DnsQueryAgain, "the resolver cannot be reached or cannot tell now"),
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
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::connection::error::RetryClass;

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
        assert!(first_bytes(&[0x15, 3, 1, 0, 2, 2, 70]).is_some_and(|f| f.message.contains("`mqtts://`")));
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
