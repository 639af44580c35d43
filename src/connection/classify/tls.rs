//! Names for errors of TLS.
//!
//! Never repeats what a certificate says of its owner.

use rustls::{CertificateError, Error as TlsError};

use super::during;
use crate::connection::error::ErrorName;
use crate::connection::{Detail, Failure, Phase};

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

/// Whether a certificate was refused as a server's only because it is an authority's.
#[must_use]
pub fn is_authority(reason: &CertificateError) -> bool {
    let CertificateError::Other(other) = reason else { return false };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is not ours and open; the rest has one name")]
fn certificate(reason: &CertificateError) -> (ErrorName, &'static str) {
    match reason {
        CertificateError::UnknownIssuer => (
            ErrorName::TlsUnknownRoot,
            "the peer's certificate was issued by an authority that is not trusted",
        ),
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => (
            ErrorName::TlsHostNameMismatch,
            "the peer's certificate has no subject alternative name (SAN), and no other name in it counts: make one that \
             names the host (`openssl req -addext subjectAltName=DNS:broker.example …`, or `IP:` and the address)",
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
        reason if is_authority(reason) => (
            ErrorName::TlsBadCertificate,
            "the peer's certificate is that of an authority, used as a server's: name it in `ca_file`, or make one with \
             `CA:FALSE` (`openssl req -addext basicConstraints=critical,CA:FALSE …`)",
        ),
        CertificateError::Revoked => (ErrorName::TlsCertificateRevoked, "the peer's certificate was revoked"),
        _ => (ErrorName::TlsBadCertificate, "the peer's certificate is damaged or of a kind we do not take"),
    }
}
