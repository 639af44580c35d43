//! The TLS handshake, and the client configuration that it uses.
//!
//! Certificates are always verified; there is no switch to leave it out.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::Wire;
use crate::connection::error::ErrorName;
use crate::connection::plan::Plan;
use crate::connection::{Failure, Phase, classify};

/// A configuration that trusts `roots` and shows no certificate of its own.
///
/// # Errors
/// When no root is left to trust (a container without a CA bundle): every handshake would fail for a reason that
/// leads nowhere.
pub fn client_config(
    roots: impl IntoIterator<Item = CertificateDer<'static>>,
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
        .map_err(|_| Failure::new(Phase::Tls, ErrorName::TlsContextError, "no TLS version is available"))?;
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

/// Handshakes with the broker over `wire`. SNI is the broker's host.
pub(super) async fn connect(wire: Wire, plan: &Plan) -> Result<Wire, Failure> {
    let config = plan.tls.clone().ok_or_else(no_roots)?;
    let name = ServerName::try_from(plan.host.trim_matches(['[', ']']).to_owned()).map_err(|_| {
        Failure::new(Phase::Tls, ErrorName::TlsHostNameMismatch, "no certificate can be issued for this host")
    })?;
    let Some(tcp) = wire.into_plain() else {
        let message = "TLS inside TLS is not spoken";
        return Err(Failure::new(Phase::Tls, ErrorName::TlsContextError, message));
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
