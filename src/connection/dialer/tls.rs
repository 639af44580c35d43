//! The TLS handshake, with the settings that the plan brings.
//!
//! Never makes settings of its own: whom to trust and what to show is the source's to say.

use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::Wire;
use crate::connection::error::ErrorName;
use crate::connection::plan::Plan;
use crate::connection::{Failure, Phase, classify};

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

fn context(message: &str) -> Failure {
    Failure::new(Phase::Tls, ErrorName::TlsContextError, message)
}
