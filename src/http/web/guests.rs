//! Certificates of clients: whether one is asked for, needed, verified, and of whom.
//! Never believes a certificate whose key the client cannot prove to have, whatever else is waived.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

/// `client_auth_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invitation {
    /// None is asked for.
    None,
    /// One is asked for, whatever it is.
    Any,
    /// One is needed, whatever it is.
    NeedAny,
    /// One that is there must be good.
    Good,
    /// A good one is needed.
    NeedGood,
}

impl Invitation {
    /// The words of the file.
    pub(super) const WORDS: [(&'static str, Self); 5] = [
        ("NoClientCert", Self::None),
        ("RequestClientCert", Self::Any),
        ("RequireAnyClientCert", Self::NeedAny),
        ("VerifyClientCertIfGiven", Self::Good),
        ("RequireAndVerifyClientCert", Self::NeedGood),
    ];

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, invitation)| *invitation)
    }

    /// Whether certificates are compared with those of a `client_ca_file`.
    pub(super) fn verifies(self) -> bool {
        match self {
            Self::None | Self::Any | Self::NeedAny => false,
            Self::Good | Self::NeedGood => true,
        }
    }
}

/// Decides about a client's certificate.
#[derive(Debug)]
pub(super) struct Guests {
    invitation: Invitation,
    /// Who signed it; `None`: anybody.
    signed: Option<Arc<dyn ClientCertVerifier>>,
    /// One of these names must be in it; empty: any.
    names: Vec<String>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Guests {
    pub(super) fn new(
        invitation: Invitation,
        signed: Option<Arc<dyn ClientCertVerifier>>,
        names: Vec<String>,
    ) -> Self {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        Self { invitation, signed, names, algorithms }
    }
}

impl ClientCertVerifier for Guests {
    fn client_auth_mandatory(&self) -> bool {
        match self.invitation {
            Invitation::NeedAny | Invitation::NeedGood => true,
            Invitation::None | Invitation::Any | Invitation::Good => false,
        }
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.signed.as_ref().map_or(&[], |signed| signed.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(signed) = &self.signed {
            signed.verify_client_cert(certificate, others, now)?;
        }
        if self.names.is_empty() || names_of(certificate).iter().any(|name| self.names.contains(name)) {
            return Ok(ClientCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The names, mail and IP addresses and URIs that a certificate is for.
fn names_of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = parse_x509_certificate(certificate) else { return Vec::new() };
    let Ok(Some(names)) = parsed.subject_alternative_name() else { return Vec::new() };
    names.value.general_names.iter().filter_map(name).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "not our enum: other kinds of names are never compared")]
fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            Some((*text).to_owned())
        }
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(|four| std::net::IpAddr::from(four).to_string());
            let six = || <[u8; 16]>::try_from(*bytes).map(|six| std::net::IpAddr::from(six).to_string());
            four.or_else(|_| six()).ok()
        }
        _ => None,
    }
}
