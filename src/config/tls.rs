//! TLS of a connection: whom to trust, what to show, which name to expect.
//!
//! Never skips a verification, and never keeps a key: files are tried when the configuration is read, and read again
//! when a connection needs them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use toml::de::DeValue;

use super::file::Fields;
use super::secret_field::{self, Surroundings};
use super::value;

/// How TLS is spoken with a broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tls {
    /// Trust these certificates (PEM) instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// What the broker wants to see of us.
    pub client: Option<ClientCertificate>,
    /// The name that the broker's certificate must have, and SNI; `None`: the host.
    pub server_name: Option<String>,
}

/// A client certificate in two PEM files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    /// The certificate, and those that lead to its authority.
    pub certificate_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
}

/// What is wrong with a file of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFault {
    /// The field that names the file.
    pub field: &'static str,
    /// What is wrong with the file.
    pub message: String,
}

const CA: &str = "ca_file";
const CERTIFICATE: &str = "client_certificate_file";
const KEY: &str = "client_key_file";
const SERVER_NAME: &str = "server_name";

/// The fields that only TLS gives a meaning.
pub(super) const FIELDS: [&str; 4] = [CA, CERTIFICATE, KEY, SERVER_NAME];

impl Tls {
    /// The certificates of `ca_file`; `None` when the system's are trusted.
    ///
    /// # Errors
    /// When the file cannot be read, is not PEM or holds no certificate.
    pub fn roots(&self) -> Result<Option<Vec<CertificateDer<'static>>>, TlsFault> {
        self.ca_file.as_deref().map(|path| certificates(CA, path)).transpose()
    }
}

impl ClientCertificate {
    /// The certificates and the key, which belong together.
    ///
    /// # Errors
    /// When a file cannot be read or is not PEM, and when the key is not that of the certificate.
    pub fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsFault> {
        let chain = certificates(CERTIFICATE, &self.certificate_file)?;
        let fault = |message: &str| TlsFault { field: KEY, message: message.to_owned() };
        let key = PrivateKeyDer::from_pem_file(&self.key_file).map_err(|error| {
            if matches!(error, PemError::NoItemsFound) {
                return fault(
                    "the file named here holds no private key that is not encrypted (`-----BEGIN PRIVATE KEY-----`)",
                );
            }
            TlsFault { field: KEY, message: pem_fault(&error) }
        })?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        match CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider) {
            Ok(_) => Ok((chain, key)),
            Err(rustls::Error::InconsistentKeys(_)) => Err(fault(
                "the key in the file named here does not belong to the certificate in `client_certificate_file`",
            )),
            Err(_) => Err(fault(
                "the key in the file named here, or the certificate beside it, is of a kind that is not known: RSA, \
                 ECDSA (P-256, P-384) and Ed25519 are",
            )),
        }
    }
}

fn certificates(field: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let fault = |message: String| TlsFault { field, message };
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let certificates = read.map_err(|error| fault(pem_fault(&error)))?;
    if certificates.is_empty() {
        let message = "the file named here holds no certificate (`-----BEGIN CERTIFICATE-----`)";
        return Err(fault(message.to_owned()));
    }
    Ok(certificates)
}

/// Never the parser's own words: they may quote the file.
fn pem_fault(error: &PemError) -> String {
    let PemError::Io(error) = error else { return "the file named here is not PEM".to_owned() };
    if error.kind() == std::io::ErrorKind::NotFound {
        return "the file named here does not exist (a relative path begins where the configuration file is)"
            .to_owned();
    }
    format!("the file named here cannot be read: {}", error.kind())
}

/// Reads the fields of TLS, and tries the files that they name.
pub(super) fn read(fields: &mut Fields<'_, '_>, around: &Surroundings<'_>) -> Tls {
    let path = |fields: &mut Fields<'_, '_>, key| {
        fields.read(key, |value| value::text(value).map(|file| around.directory.join(file)))
    };
    let ca_file = path(fields, CA);
    let (certificate, key) = (path(fields, CERTIFICATE), path(fields, KEY));
    for (one, other) in [(CERTIFICATE, KEY), (KEY, CERTIFICATE)] {
        if fields.has(one) && !fields.has(other) {
            fields.problem(one, format!("needs its other half: write `{other}` too"));
        }
    }
    let client = certificate
        .zip(key)
        .map(|(certificate_file, key_file)| ClientCertificate { certificate_file, key_file });
    let server_name = fields.read(SERVER_NAME, server_name);
    let tls = Tls { ca_file, client, server_name };
    let client = tls.client.as_ref().and_then(|client| client.read().err());
    for TlsFault { field, message } in tls.roots().err().into_iter().chain(client) {
        fields.problem(field, message);
    }
    if let Some(client) = &tls.client {
        secret_field::warn_if_open(fields, KEY, &client.key_file);
    }
    tls
}

/// Refuses the fields of TLS where none is spoken.
pub(super) fn refuse(fields: &Fields<'_, '_>, instead: &str) {
    for key in FIELDS.into_iter().filter(|key| fields.has(key)) {
        fields.problem(key, format!("needs TLS, which this connection does not speak: {instead}"));
    }
}

fn server_name(field: &DeValue<'_>) -> Result<String, String> {
    let text = value::text(field)?;
    match ServerName::try_from(text.clone()) {
        Ok(_) => Ok(text),
        Err(_) => Err(format!(
            "{} is not a name that a certificate can have (write for example `broker.example.com`)",
            value::shown(field)
        )),
    }
}
