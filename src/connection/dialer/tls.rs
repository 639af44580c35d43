//! The TLS handshake, and the client configuration that it uses.
//!
//! Certificates are always verified; there is no switch to leave it out.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::Wire;
use crate::connection::error::ErrorName;
use crate::connection::plan::Plan;
use crate::connection::{Failure, Phase, classify};

/// A certificate of our own with its key.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads the certificate, with what leads from it to its authority, and its unencrypted key, both as PEM.
    ///
    /// # Errors
    /// When either holds none, or is no PEM.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, Failure> {
        let chain = certificates(certificate, "the client certificate")?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
            malformed("the key of the client certificate is no PEM with an unencrypted PRIVATE KEY in it")
        })?;
        Ok(Self { chain, key })
    }
}

/// The key does not print.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity {{ certificates: {}, .. }}", self.chain.len())
    }
}

/// The certificates in `pem`, for an authority of one's own.
///
/// # Errors
/// When it holds none, or is no PEM (DER was given).
pub fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Failure> {
    certificates(pem, "the file of the certificate authority")
}

/// A configuration that trusts `roots` and shows no certificate of its own.
///
/// # Errors
/// When no root is left to trust (a container without a CA bundle): every handshake would fail for a reason that
/// leads nowhere.
pub fn client_config(
    roots: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<ClientConfig, Failure> {
    client_config_as(roots, None, &[])
}

/// The same that shows `identity` to a server that asks for one, and offers these protocols (ALPN), the best one first.
/// None: nothing is offered.
///
/// # Errors
/// When no root is left to trust, or key and certificate do not fit together.
pub fn client_config_as(
    roots: impl IntoIterator<Item = CertificateDer<'static>>,
    identity: Option<Identity>,
    protocols: &[&str],
) -> Result<ClientConfig, Failure> {
    let mut store = RootCertStore::empty();
    // Systems ship roots that the verifier cannot read; the others still serve.
    store.add_parsable_certificates(roots);
    if store.is_empty() {
        return Err(no_roots());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| context("no TLS version is available"))?
        .with_root_certificates(store);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(Identity { chain, key }) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|_| context("the client certificate and its key do not fit together"))?,
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Ok(config)
}

/// Handshakes with the broker over `wire`. SNI and the name in its certificate are the broker's host, unless the plan
/// says otherwise.
pub(super) async fn connect(wire: Wire, plan: &Plan) -> Result<Wire, Failure> {
    let config = plan.tls.clone().ok_or_else(no_roots)?;
    let name = plan.server_name.as_ref().unwrap_or(&plan.host);
    let name = ServerName::try_from(name.trim_matches(['[', ']']).to_owned()).map_err(|_| {
        Failure::new(Phase::Tls, ErrorName::TlsHostNameMismatch, "no certificate can be issued for this host")
    })?;
    let Some(tcp) = wire.into_plain() else {
        return Err(context("TLS inside TLS is not spoken"));
    };
    match TlsConnector::from(config).connect(name, tcp).await {
        Ok(stream) => Ok(Wire::tls(stream)),
        Err(error) => Err(classify::io(Phase::Tls, &error)),
    }
}

fn no_roots() -> Failure {
    let message = "there is no certificate authority to trust: is a CA bundle installed?";
    Failure::new(Phase::Tls, ErrorName::TlsNoRootCertificate, message)
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| malformed(&format!("{what} is no PEM with a CERTIFICATE in it")))
}

fn malformed(message: &str) -> Failure {
    Failure::new(Phase::Tls, ErrorName::PemMalformed, message)
}

fn context(message: &str) -> Failure {
    Failure::new(Phase::Tls, ErrorName::TlsContextError, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate and a key as PEM, and the certificate as DER.
    fn certificate() -> (String, String, CertificateDer<'static>) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["client".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem(), certificate.der().clone())
    }

    #[test]
    fn a_certificate_and_its_key_make_a_configuration_with_the_protocols_that_it_offers() {
        let (pem, key, der) = certificate();
        let identity = Identity::from_pem(pem.as_bytes(), key.as_bytes()).unwrap();
        assert!(!format!("{identity:?}").contains("PRIVATE"));
        let config = client_config_as([der], Some(identity), &["x-amzn-mqtt-ca"]).unwrap();
        assert!(config.client_auth_cert_resolver.has_certs());
        assert_eq!(config.alpn_protocols, [b"x-amzn-mqtt-ca".to_vec()]);
    }

    #[test]
    fn wrong_files_have_names() {
        let ((pem, key, der), (_, stranger, _)) = (certificate(), certificate());
        let named = |certificate: &[u8], key: &[u8]| Identity::from_pem(certificate, key).unwrap_err().error;
        assert_eq!(named(der.as_ref(), key.as_bytes()), ErrorName::PemMalformed);
        assert_eq!(named(pem.as_bytes(), pem.as_bytes()), ErrorName::PemMalformed);
        assert_eq!(authorities(key.as_bytes()).unwrap_err().error, ErrorName::PemMalformed);
        assert_eq!(authorities(pem.as_bytes()).unwrap(), std::slice::from_ref(&der));
        let mixed = Identity::from_pem(pem.as_bytes(), stranger.as_bytes()).unwrap();
        let failure = client_config_as([der], Some(mixed), &[]).unwrap_err();
        assert_eq!(failure.error, ErrorName::TlsContextError);
    }
}
