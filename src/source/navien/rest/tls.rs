//! The TLS settings that REST and MQTT share: ring, the system's roots or those of a file.
//!
//! Never verifies less than the defaults do.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::connection::error::ErrorName;
use crate::connection::{Failure, Phase};

/// Loads the roots and builds the settings. Reads files: call it where blocking is allowed.
///
/// # Errors
/// When there is no certificate to trust: the file cannot be read or holds none, or the system has none.
pub fn load(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, Failure> {
    let mut roots = rustls::RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let certificates: Result<Vec<_>, _> =
                CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
            let certificates =
                certificates.map_err(|_| none(format!("`{}` cannot be read as PEM", path.display())))?;
            for certificate in certificates {
                roots.add(certificate).map_err(|_| {
                    none(format!("`{}` holds something that is no root certificate", path.display()))
                })?;
            }
        }
        None => {
            // A few odd certificates among the system's are usual and harmless.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(none(match ca_file {
            Some(path) => format!("`{}` holds no certificate", path.display()),
            None => {
                "the system has no root certificates; install ca-certificates or set `ca_file`".to_owned()
            }
        }));
    }
    let builder =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|_| {
        Failure::new(
            Phase::Credentials,
            ErrorName::TlsNegotiationFailure,
            "TLS 1.2 and 1.3 are not available",
        )
    })?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    // Both the REST service and AWS's WebSocket gateway are spoken to in HTTP/1.1.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn none(message: String) -> Failure {
    Failure::new(Phase::Credentials, ErrorName::TlsNoRootCertificate, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_an_empty_and_a_wrong_file_are_told_apart_from_a_good_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        assert_eq!(load(Some(&path)).unwrap_err().error, ErrorName::TlsNoRootCertificate);
        std::fs::write(&path, "no certificate").unwrap();
        assert!(load(Some(&path)).unwrap_err().message.contains("holds no certificate"));
        let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&path, authority.cert.pem()).unwrap();
        assert_eq!(load(Some(&path)).unwrap().alpn_protocols, [b"http/1.1"]);
    }
}
