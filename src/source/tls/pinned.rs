//! A server's own certificate in `ca_file`, trusted by identity: the usual self-signed one is that of an authority too, which
//! no chain of certificates may end in.
//!
//! Never trusts by a name, a key or an issuer what is not, byte for byte, in the file, and never takes back another refusal.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::connection::classify;

/// The verifier of rustls, and what it refuses only for being an authority's is looked for in the file.
#[derive(Debug)]
pub(super) struct Pinned {
    /// Decides everything else, and who signed the handshake: that the server has the key is always proven.
    standard: Arc<WebPkiServerVerifier>,
    /// All certificates of `ca_file`.
    file: Vec<CertificateDer<'static>>,
}

impl Pinned {
    /// `standard` trusts what these certificates signed.
    pub(super) fn new(standard: Arc<WebPkiServerVerifier>, file: Vec<CertificateDer<'static>>) -> Self {
        Self { standard, file }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.standard.verify_server_cert(certificate, intermediates, name, ocsp_response, now);
        match verdict {
            Err(Error::InvalidCertificate(reason))
                if classify::is_authority(&reason) && self.file.contains(certificate) =>
            {
                valid(certificate, now)?;
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            decided => decided,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.standard.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.standard.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.standard.supported_verify_schemes()
    }
}

/// What a chain would have been asked too: both ends of its time, and that it may be a server's where it says what it is for.
fn valid(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let damaged = || Error::InvalidCertificate(CertificateError::BadEncoding);
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| damaged())?;
    let now = i64::try_from(now.as_secs()).map_err(|_| damaged())?;
    let validity = parsed.validity();
    if now < validity.not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > validity.not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    let purposes = parsed.extended_key_usage().map_err(|_| damaged())?;
    if purposes.is_some_and(|purposes| !purposes.value.server_auth) {
        return Err(CertificateError::InvalidPurpose.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, SerialNumber};
    use rustls::RootCertStore;

    use super::*;

    /// 2026-01-01, within the certificates below.
    const NOW: u64 = 1_767_225_600;

    /// As `openssl req -x509` makes it: signed by itself, and an authority's.
    fn params() -> CertificateParams {
        let mut params = CertificateParams::new(vec!["other.example".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "other.example");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = rcgen::date_time_ymd(2025, 6, 1);
        params.not_after = rcgen::date_time_ymd(2026, 6, 1);
        params
    }

    fn made(params: &CertificateParams, key: &KeyPair) -> CertificateDer<'static> {
        params.self_signed(key).unwrap().der().clone()
    }

    fn verify(
        file: &[CertificateDer<'static>],
        certificate: &CertificateDer<'_>,
        name: &str,
        seconds: u64,
    ) -> Result<(), Error> {
        let mut roots = RootCertStore::empty();
        for certificate in file {
            roots.add(certificate.clone()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let standard =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let name = ServerName::try_from(name).unwrap();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        Pinned::new(standard, file.to_vec()).verify_server_cert(certificate, &[], &name, &[], now).map(|_| ())
    }

    fn refused(outcome: Result<(), Error>) -> CertificateError {
        match outcome {
            Err(Error::InvalidCertificate(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_very_certificate_of_the_file_is_trusted_for_its_name_and_its_time() {
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let certificate = made(&params(), &key);
        let mut further = params();
        further.distinguished_name.push(DnType::CommonName, "further.example");
        let file = [made(&further, &other), certificate.clone()];
        assert_eq!(verify(&file, &certificate, "other.example", NOW), Ok(()));
        let name = refused(verify(&file, &certificate, "another.example", NOW));
        assert!(matches!(name, CertificateError::NotValidForNameContext { .. }), "{name:?}");
        let early = refused(verify(&file, &certificate, "other.example", NOW - 300 * 86_400));
        assert!(matches!(early, CertificateError::NotValidYetContext { .. }), "{early:?}");
        let late = refused(verify(&file, &certificate, "other.example", NOW + 300 * 86_400));
        assert!(matches!(late, CertificateError::ExpiredContext { .. }), "{late:?}");
    }

    #[test]
    fn what_is_not_byte_for_byte_in_the_file_is_refused() {
        let key = KeyPair::generate().unwrap();
        let mut twin = params();
        twin.serial_number = Some(SerialNumber::from(7_u64));
        let (certificate, twin) = (made(&params(), &key), made(&twin, &key));
        assert_ne!(certificate, twin, "same subject and key, other bytes");
        assert!(classify::is_authority(&refused(verify(&[twin], &certificate, "other.example", NOW))));

        let mut stranger = params();
        stranger.distinguished_name.push(DnType::CommonName, "stranger.example");
        let stranger = made(&stranger, &KeyPair::generate().unwrap());
        assert!(classify::is_authority(&refused(verify(&[stranger], &certificate, "other.example", NOW))));
    }

    /// The checks of our own hold by themselves, whatever order those of the standard verifier have.
    #[test]
    fn its_time_and_its_purpose_are_looked_at_again() {
        let key = KeyPair::generate().unwrap();
        let at = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let certificate = made(&params(), &key);
        assert_eq!(valid(&certificate, at(NOW)), Ok(()));
        assert_eq!(
            refused(valid(&certificate, at(NOW - 300 * 86_400))),
            CertificateError::NotValidYet,
            "before its time"
        );
        assert_eq!(
            refused(valid(&certificate, at(NOW + 300 * 86_400))),
            CertificateError::Expired,
            "after its time"
        );
        let mut client = params();
        client.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let client = made(&client, &key);
        assert_eq!(
            refused(verify(std::slice::from_ref(&client), &client, "other.example", NOW)),
            CertificateError::InvalidPurpose
        );
        let mut server = params();
        server.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        let server = made(&server, &key);
        assert_eq!(verify(std::slice::from_ref(&server), &server, "other.example", NOW), Ok(()));
    }

    /// What a client with `certificate` in its `ca_file` says of a server that shows it and signs with `key`.
    fn handshake(
        certificate: &rcgen::Certificate,
        key: &KeyPair,
        version: &'static rustls::SupportedProtocolVersion,
    ) -> Result<(), Error> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        std::fs::write(&path, certificate.pem()).unwrap();
        let settings = super::super::load(Some(&path)).unwrap();
        let name = ServerName::try_from("other.example").unwrap();
        let mut client = rustls::ClientConnection::new(Arc::new(settings), name).unwrap();

        let provider = rustls::crypto::ring::default_provider();
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let key = provider.key_provider.load_private_key(key).unwrap();
        let shown = rustls::sign::CertifiedKey::new(vec![certificate.der().clone()], key);
        let server = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(shown)));
        let mut server = rustls::ServerConnection::new(Arc::new(server)).unwrap();

        while client.is_handshaking() {
            let mut bytes = Vec::new();
            client.write_tls(&mut bytes).unwrap();
            server.read_tls(&mut bytes.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut bytes = Vec::new();
            server.write_tls(&mut bytes).unwrap();
            client.read_tls(&mut bytes.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    /// The certificate is public: whoever shows it must have its key.
    #[test]
    fn who_has_the_certificate_and_not_its_key_is_refused() {
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut current = params();
        current.not_after = rcgen::date_time_ymd(2100, 1, 1);
        let certificate = current.self_signed(&key).unwrap();
        for version in rustls::ALL_VERSIONS {
            assert_eq!(handshake(&certificate, &key, version), Ok(()), "{version:?}");
            let refused = refused(handshake(&certificate, &other, version));
            assert_eq!(refused, CertificateError::BadSignature, "{version:?}");
        }
    }
}
