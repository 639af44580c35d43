//! A throw-away certificate authority and the server certificate it signed.
//!
//! Never written to disk by itself, and of no use after the process: the keys live in memory only.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;

use crate::clock::Now;

/// The authority's certificate, and what a server needs.
#[derive(Debug)]
pub(super) struct Certificates {
    /// PEM of the authority.
    pub(super) ca_pem: String,
    /// TLS with the server certificate.
    pub(super) server: Arc<ServerConfig>,
}

/// Makes an authority and a certificate for `host`, `localhost` and the loopback addresses, valid for a year.
pub(super) fn make(host: &str, now: Now) -> io::Result<Certificates> {
    let year =
        jiff::Timestamp::try_from(now.wall).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC).year();
    let year = i32::from(year);

    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "hangup demo cloud (throw-away)");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    authority.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
    authority.not_after = rcgen::date_time_ymd(year + 2, 1, 1);
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let authority = CertifiedIssuer::self_signed(authority, key).map_err(io::Error::other)?;

    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    let mut leaf = CertificateParams::new(names).map_err(io::Error::other)?;
    leaf.distinguished_name.push(DnType::CommonName, host);
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    leaf.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
    leaf.not_after = rcgen::date_time_ymd(year + 1, 12, 31);
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = leaf.signed_by(&key, &authority).map_err(io::Error::other)?;

    let mut server = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .map_err(io::Error::other)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Certificates { ca_pem: authority.pem(), server: Arc::new(server) })
}
