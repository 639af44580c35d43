//! Names for what can go wrong below HTTP: the chain of an error is walked to the system's or the TLS stack's own.
//!
//! Never prints the chain: it holds the URL.

use std::error::Error;
use std::io;

use rustls::CertificateError as Cert;

use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Detail, Failure, Phase};

/// Classifies an error of the HTTP client. `what` is the call, without host or query.
pub(super) fn classify(error: &reqwest::Error, what: &str) -> Failure {
    let (name, detail) = walk(error).unwrap_or_else(|| (fallback(error), Detail::None));
    let failure =
        Failure::new(Phase::Credentials, name, format!("{what}: {}", words(name))).with_detail(detail);
    // A proxy that wants another password wants it for ever.
    if detail == Detail::HttpStatus(407) { failure.with_class(RetryClass::Setup) } else { failure }
}

/// The first error of the chain that has a name.
fn walk(error: &reqwest::Error) -> Option<(ErrorName, Detail)> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    let mut in_dns = false;
    let mut in_tunnel = None;
    while let Some(link) = next {
        if let Some(tls) = link.downcast_ref::<rustls::Error>() {
            return Some(of_tls(tls));
        }
        if let Some(io) = link.downcast_ref::<io::Error>() {
            if in_dns {
                return Some((of_dns(&io.to_string()), Detail::None));
            }
            if let Some(name) = of_io(io) {
                return Some((name, io.raw_os_error().map_or(Detail::None, Detail::Os)));
            }
            // What an error of the system carries is not its source; TLS errors come in two such layers.
            if let Some(inner) = io.get_ref() {
                next = Some(inner);
                continue;
            }
        }
        // The client wraps what the system's resolver says into an error with this text and nothing else.
        let text = link.to_string();
        in_dns |= text == "dns error";
        // So it is with what went wrong between the proxy and us.
        if let Some(why) = text.strip_prefix("tunnel error: ") {
            let refused = why == "proxy authorization required";
            let detail = if refused { Detail::HttpStatus(407) } else { Detail::None };
            in_tunnel = Some((ErrorName::ProxyConnectFailed, detail));
        }
        next = link.source();
    }
    in_tunnel
}

fn fallback(error: &reqwest::Error) -> ErrorName {
    if error.is_timeout() {
        // Not connected in time, or not answered in time.
        if error.is_connect() { ErrorName::SocketTimeout } else { ErrorName::CredentialsTimeout }
    } else if error.is_decode() || error.is_body() {
        ErrorName::CredentialsUnexpectedResponse
    } else {
        ErrorName::SocketClosed
    }
}

fn of_io(error: &io::Error) -> Option<ErrorName> {
    use io::ErrorKind as Kind;
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is the library's and open")]
    Some(match error.kind() {
        Kind::ConnectionRefused => ErrorName::ConnectionRefused,
        Kind::ConnectionReset | Kind::UnexpectedEof => ErrorName::SocketClosed,
        Kind::ConnectionAborted => ErrorName::ConnectAborted,
        Kind::BrokenPipe => ErrorName::BrokenPipe,
        Kind::HostUnreachable | Kind::NetworkUnreachable => ErrorName::NoRouteToHost,
        Kind::NetworkDown => ErrorName::NetworkDown,
        Kind::AddrNotAvailable => ErrorName::InvalidAddress,
        Kind::PermissionDenied => ErrorName::NoPermission,
        _ => match error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => ErrorName::MaxFdsExceeded,
            Some(libc::EAFNOSUPPORT) => ErrorName::UnsupportedAddressFamily,
            Some(libc::ETIMEDOUT) => ErrorName::SocketTimeout,
            _ => return None,
        },
    })
}

/// The resolver's number is lost on the way here; its words are those of glibc and musl.
fn of_dns(words: &str) -> ErrorName {
    if words.contains("emporary failure") || words.contains("Try again") {
        ErrorName::DnsQueryAgain
    } else if words.contains("not known") || words.contains("does not resolve") {
        ErrorName::DnsInvalidName
    } else if words.contains("No address") || words.contains("no usable address") {
        ErrorName::DnsNoAddress
    } else {
        ErrorName::DnsQueryFailed
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enums are the library's and open")]
fn of_tls(error: &rustls::Error) -> (ErrorName, Detail) {
    let name = match error {
        rustls::Error::AlertReceived(alert) => {
            return (ErrorName::TlsAlertReceived, Detail::Alert(u8::from(*alert)));
        }
        rustls::Error::InvalidCertificate(cert) => match cert {
            Cert::Expired | Cert::ExpiredContext { .. } => ErrorName::TlsCertificateExpired,
            Cert::NotValidYet | Cert::NotValidYetContext { .. } => ErrorName::TlsCertificateNotYetValid,
            Cert::NotValidForName | Cert::NotValidForNameContext { .. } => ErrorName::TlsHostNameMismatch,
            Cert::UnknownIssuer => ErrorName::TlsUnknownRoot,
            Cert::Revoked => ErrorName::TlsCertificateRevoked,
            _ => ErrorName::TlsBadCertificate,
        },
        _ => ErrorName::TlsNegotiationFailure,
    };
    (name, Detail::None)
}

/// One clause for a person; the name says the rest.
fn words(name: ErrorName) -> &'static str {
    if name == ErrorName::CredentialsTimeout {
        "no answer in time"
    } else if name == ErrorName::ConnectionRefused {
        "the connection was refused"
    } else if [
        ErrorName::DnsQueryAgain,
        ErrorName::DnsInvalidName,
        ErrorName::DnsNoAddress,
        ErrorName::DnsQueryFailed,
    ]
    .contains(&name)
    {
        "the name of the service could not be looked up"
    } else if name == ErrorName::ProxyConnectFailed {
        "the proxy did not connect through"
    } else if name == ErrorName::TlsUnknownRoot {
        "the certificate of the service is not signed by anyone trusted here"
    } else {
        "the service could not be reached"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_both_c_libraries_are_known() {
        let lookup = |words: &str| of_dns(&format!("failed to lookup address information: {words}"));
        assert_eq!(lookup("Temporary failure in name resolution"), ErrorName::DnsQueryAgain);
        assert_eq!(lookup("Try again"), ErrorName::DnsQueryAgain);
        assert_eq!(lookup("Name or service not known"), ErrorName::DnsInvalidName);
        assert_eq!(lookup("Name does not resolve"), ErrorName::DnsInvalidName);
        assert_eq!(lookup("No address associated with hostname"), ErrorName::DnsNoAddress);
        assert_eq!(lookup("Non-recoverable failure in name resolution"), ErrorName::DnsQueryFailed);
    }

    #[test]
    fn every_name_given_here_belongs_to_the_credentials_phase() {
        let kinds = [
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::ConnectionAborted,
            io::ErrorKind::BrokenPipe,
            io::ErrorKind::NetworkUnreachable,
            io::ErrorKind::NetworkDown,
            io::ErrorKind::AddrNotAvailable,
            io::ErrorKind::PermissionDenied,
        ];
        let mut names: Vec<_> = kinds.into_iter().filter_map(|kind| of_io(&kind.into())).collect();
        assert_eq!(names.len(), kinds.len());
        names.extend([
            ErrorName::SocketTimeout,
            ErrorName::CredentialsTimeout,
            ErrorName::CredentialsUnexpectedResponse,
            ErrorName::ProxyConnectFailed,
            of_tls(&rustls::Error::InvalidCertificate(Cert::UnknownIssuer)).0,
            of_tls(&rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure)).0,
            of_tls(&rustls::Error::DecryptError).0,
        ]);
        for name in names {
            assert!(name.phases().contains(&Phase::Credentials), "{name}");
        }
    }
}
