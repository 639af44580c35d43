//! TLS settings of the sources: ring, the system's roots or those of a file, and a client certificate where one is wanted.
//!
//! Never verifies less than the defaults do, but for the very certificate that a file names (`pinned`), and never keeps a
//! client's key longer than the settings that hold it.

mod pinned;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::CertificateDer;

use crate::clock::{self, Instant};
use crate::config::{self, Tls, TlsFault};
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Failure, Phase, Tier};
use pinned::Pinned;

/// ALPN of whatever is spoken to in HTTP/1.1: REST services and WebSocket gateways.
pub(super) const HTTP: &[u8] = b"http/1.1";

/// A deep attempt reads the system's roots anew, unless that was done this lately.
const ROOTS_LAST: Duration = Duration::from_secs(60);

/// The system's roots, which all connections share: two thousand copies would be hundreds of megabytes.
static SYSTEM: Mutex<Option<(Arc<RootCertStore>, Instant)>> = Mutex::new(None);

/// Loads the roots and builds the settings for HTTP. Reads files: call it where blocking is allowed.
///
/// # Errors
/// When there is no certificate to trust: the file cannot be read or holds none, or the system has none.
pub fn load(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, Failure> {
    build(&Tls { ca_file: ca_file.map(Path::to_owned), ..Tls::default() }, &[HTTP], Tier::Quick)
}

/// Settings for a client that never speaks TLS: nobody is trusted.
pub(super) fn nobody() -> Result<rustls::ClientConfig, Failure> {
    let nothing = RootCertStore::empty();
    Ok(versions()?.with_root_certificates(nothing).with_no_client_auth())
}

/// The settings of one connection: made when they are needed, and anew when a file of theirs has changed. As long as they
/// stay the same, TLS sessions are resumed.
#[derive(Debug)]
pub(super) struct Settings {
    tls: Tls,
    alpn: Option<&'static [u8]>,
    made: Mutex<Option<(Vec<Stamp>, Arc<rustls::ClientConfig>)>>,
}

/// What tells a file from its successor: time of change and size. `None`: it cannot be seen.
type Stamp = Option<(SystemTime, u64)>;

impl Settings {
    /// For a server that is offered this one protocol, or none.
    pub(super) fn new(tls: &Tls, alpn: Option<&'static [u8]>) -> Arc<Self> {
        Arc::new(Self { tls: tls.clone(), alpn, made: Mutex::new(None) })
    }

    /// The settings as they are now; a deep attempt reads everything anew.
    ///
    /// # Errors
    /// When a file cannot be read or used, or the system has no root to trust.
    pub(super) async fn get(self: &Arc<Self>, tier: Tier) -> Result<Arc<rustls::ClientConfig>, Failure> {
        let this = Arc::clone(self);
        let made = tokio::task::spawn_blocking(move || this.make(tier)).await;
        made.unwrap_or_else(|_| {
            let message = "reading the certificates was interrupted";
            Err(Failure::new(Phase::Credentials, ErrorName::TlsNoRootCertificate, message)
                .with_class(RetryClass::Network))
        })
    }

    fn make(&self, tier: Tier) -> Result<Arc<rustls::ClientConfig>, Failure> {
        let stamps = self.stamps();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((then, config)) = &*made
            && tier == Tier::Quick
            && *then == stamps
        {
            return Ok(Arc::clone(config));
        }
        let alpn: Vec<&[u8]> = self.alpn.into_iter().collect();
        let config = Arc::new(build(&self.tls, &alpn, tier)?);
        *made = Some((stamps, Arc::clone(&config)));
        Ok(config)
    }

    fn stamps(&self) -> Vec<Stamp> {
        let client = self.tls.client.iter().flat_map(|client| [&client.certificate_file, &client.key_file]);
        let stamp = |path: &std::path::PathBuf| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        self.tls.ca_file.iter().chain(client).map(stamp).collect()
    }
}

fn build(tls: &Tls, alpn: &[&[u8]], tier: Tier) -> Result<rustls::ClientConfig, Failure> {
    let builder = match tls.roots().map_err(|fault| named(ErrorName::TlsNoRootCertificate, &fault))? {
        Some(file) => versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Pinned::new(trusting(&file)?, file))),
        None => versions()?.with_root_certificates(system(tier)?),
    };
    let mut config = match &tls.client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let (chain, key) = client.read().map_err(|fault| named(ErrorName::PemMalformed, &fault))?;
            builder.with_client_auth_cert(chain, key).map_err(|_| {
                let message = "the client certificate and its key cannot be used";
                Failure::new(Phase::Credentials, ErrorName::PemMalformed, message)
            })?
        }
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

fn versions() -> Result<rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier>, Failure> {
    let builder = rustls::ClientConfig::builder_with_provider(provider());
    builder.with_safe_default_protocol_versions().map_err(|_| {
        let message = "TLS 1.2 and 1.3 are not available";
        Failure::new(Phase::Credentials, ErrorName::TlsNegotiationFailure, message)
    })
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Trusts what these certificates signed.
fn trusting(certificates: &[CertificateDer<'static>]) -> Result<Arc<WebPkiServerVerifier>, Failure> {
    let unusable = |()| none("`ca_file`: the file holds something that is no root certificate".to_owned());
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone()).map_err(|_| unusable(()))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    verifier.map_err(|_| unusable(()))
}

fn system(tier: Tier) -> Result<Arc<RootCertStore>, Failure> {
    let mut shared = SYSTEM.lock().unwrap_or_else(PoisonError::into_inner);
    let now = clock::now().at;
    let lasting = |read: Instant| tier == Tier::Quick || now.saturating_since(read) < ROOTS_LAST;
    if let Some((roots, _)) = shared.as_ref().filter(|(_, read)| lasting(*read)) {
        return Ok(Arc::clone(roots));
    }
    let mut roots = RootCertStore::empty();
    // A few odd certificates among the system's are usual and harmless.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let message = "the system has no root certificates; install ca-certificates or set `ca_file`";
        return Err(none(message.to_owned()));
    }
    let roots = Arc::new(roots);
    *shared = Some((Arc::clone(&roots), now));
    Ok(roots)
}

fn named(error: ErrorName, fault: &TlsFault) -> Failure {
    let config::TlsFault { field, message } = fault;
    Failure::new(Phase::Credentials, error, format!("`{field}`: {message}"))
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

    #[test]
    fn settings_stay_while_their_files_do_and_a_key_must_be_that_of_its_certificate() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name| directory.path().join(name);
        let [one, other] =
            ["one", "other"].map(|name| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap());
        let write = |certificate: &rcgen::CertifiedKey<rcgen::KeyPair>,
                     key: &rcgen::CertifiedKey<rcgen::KeyPair>| {
            std::fs::write(path("client.pem"), certificate.cert.pem()).unwrap();
            std::fs::write(path("key.pem"), key.signing_key.serialize_pem()).unwrap();
        };
        std::fs::write(path("ca.pem"), one.cert.pem()).unwrap();
        write(&one, &one);
        let client =
            config::ClientCertificate { certificate_file: path("client.pem"), key_file: path("key.pem") };
        let tls = Tls { ca_file: Some(path("ca.pem")), client: Some(client), server_name: None };
        let settings = Settings::new(&tls, None);
        let first = settings.make(Tier::Quick).unwrap();
        assert!(Arc::ptr_eq(&first, &settings.make(Tier::Quick).unwrap()));
        assert!(!Arc::ptr_eq(&first, &settings.make(Tier::Deep).unwrap()), "deep means anew");

        // The name is longer, and so is the file: another stamp however coarse the times of the file system are.
        write(&other, &one);
        let failure = settings.make(Tier::Quick).unwrap_err();
        assert_eq!((failure.error, failure.class), (ErrorName::PemMalformed, RetryClass::Setup));
        assert!(failure.message.contains("does not belong to the certificate"), "{}", failure.message);
        write(&other, &other);
        assert!(!Arc::ptr_eq(&first, &settings.make(Tier::Quick).unwrap()));
        std::fs::write(path("key.pem"), "no key").unwrap();
        assert!(settings.make(Tier::Quick).unwrap_err().message.contains("holds no private key"));
    }
}
