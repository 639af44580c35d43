//! `tls_server_config`: certificates, versions and ciphers as rustls wants them.
//! Never falls back to something weaker: what cannot be had is a fault.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{NamedGroup, RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::guests::{Guests, Invitation};
use super::yaml::{At, Faults, Table};
use super::{Seen, stamp};

/// Named by the format, not built in here.
const INLINE: &str = "is not supported: name a file instead (`cert_file`, `key_file`, `client_ca_file`)";

/// TLS as the table says; `None` when (as the faults then say) something is wrong.
pub(super) fn server(
    mut table: Table<'_, '_>,
    directory: &Path,
    files: &mut Seen,
    faults: &mut Faults,
) -> Option<Arc<ServerConfig>> {
    let before = faults.0.len();
    for inline in ["cert", "key", "client_ca"] {
        table.refuse(inline, INLINE, faults);
    }
    let mut path = |key: &'static str, table: &mut Table<'_, '_>, faults: &mut Faults| {
        let file = table.text(key, faults)?;
        let value = directory.join(file.value);
        files.push((value.clone(), stamp(&value)));
        Some(At { line: file.line, place: file.place, value })
    };
    let chain = path("cert_file", &mut table, faults);
    let key = path("key_file", &mut table, faults);
    let roots = path("client_ca_file", &mut table, faults);
    for (key, file) in [("cert_file", &chain), ("key_file", &key)] {
        if file.is_none() {
            table.fault(format!("`{key}` is missing (write for example `{key}: server.pem`)"), faults);
        }
    }
    let certificates = chain.as_ref().and_then(|file| certificates(file, faults));
    let private = key.as_ref().and_then(|file| private_key(file, faults));
    let guests = guests(&mut table, roots.as_ref(), faults);
    let versions = versions(&mut table, faults);
    let provider = Arc::new(provider(&mut table, faults));
    // Accepted and without meaning: rustls always prefers its own order, as Go does by now.
    table.boolean("prefer_server_cipher_suites", faults);
    let line = table.line;
    table.finish(faults);
    let (certificates, private) = (certificates?, private?);
    if faults.0.len() > before {
        return None;
    }
    let built = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map(|builder| match guests {
            Some(guests) => builder.with_client_cert_verifier(guests),
            None => builder.with_no_client_auth(),
        })
        .and_then(|builder| builder.with_single_cert(certificates, private));
    match built {
        Ok(mut config) => {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Some(Arc::new(config))
        }
        Err(error) => {
            let message = format!("cannot be used: {error}; `cert_file` and `key_file` must belong together");
            faults.add(Some(line), "tls_server_config", message);
            None
        }
    }
}

fn certificates(file: &At<PathBuf>, faults: &mut Faults) -> Option<Vec<CertificateDer<'static>>> {
    let message = match CertificateDer::pem_file_iter(&file.value).map(Iterator::collect::<Result<Vec<_>, _>>)
    {
        Ok(Ok(list)) if !list.is_empty() => return Some(list),
        Ok(Ok(_)) => "the file named here holds no certificate (`-----BEGIN CERTIFICATE-----`)".to_owned(),
        Ok(Err(error)) | Err(error) => format!("the file named here cannot be read: {error}"),
    };
    faults.add(Some(file.line), &file.place, message);
    None
}

fn private_key(file: &At<PathBuf>, faults: &mut Faults) -> Option<PrivateKeyDer<'static>> {
    // Not the error's own words: they might quote the file.
    let message = match PrivateKeyDer::from_pem_file(&file.value) {
        Ok(key) => return Some(key),
        Err(rustls::pki_types::pem::Error::Io(error)) => {
            format!("the file named here cannot be read: {}", error.kind())
        }
        Err(_) => "the file named here holds no private key (`-----BEGIN PRIVATE KEY-----`)".to_owned(),
    };
    faults.add(Some(file.line), &file.place, message);
    None
}

/// Whom to ask for a certificate, and which ones are good.
fn guests(table: &mut Table<'_, '_>, ca: Option<&At<PathBuf>>, faults: &mut Faults) -> Option<Arc<Guests>> {
    let names =
        table.list("client_allowed_sans", faults).into_iter().map(|name| name.value).collect::<Vec<_>>();
    let auth = table.text("client_auth_type", faults);
    let Some(invitation) =
        auth.as_ref().map_or(Some(Invitation::None), |word| Invitation::parse(&word.value))
    else {
        let message =
            format!("is not one of {}", Invitation::WORDS.map(|(word, _)| format!("`{word}`")).join(", "));
        let (line, place) = auth.map(|word| (word.line, word.place)).unzip();
        faults.add(line, place.as_deref().unwrap_or_default(), message);
        return None;
    };
    if invitation == Invitation::None {
        if ca.is_some() || !names.is_empty() {
            table.fault(
                "`client_ca_file` and `client_allowed_sans` need a `client_auth_type` that asks for certificates \
                 (write for example `client_auth_type: RequireAndVerifyClientCert`)",
                faults,
            );
        }
        return None;
    }
    let verifier = match (invitation.verifies(), ca) {
        (false, _) => None,
        (true, None) => {
            table.fault(
                "`client_ca_file` is missing: it says whose certificates are good (write for example \
                 `client_ca_file: clients.pem`)",
                faults,
            );
            return None;
        }
        (true, Some(file)) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates(file, faults)?);
            let provider = Arc::new(ring::default_provider());
            match WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build() {
                Ok(verifier) => Some(verifier),
                Err(error) => {
                    faults.add(Some(file.line), &file.place, format!("cannot be used: {error}"));
                    return None;
                }
            }
        }
    };
    Some(Arc::new(Guests::new(invitation, verifier, names)))
}

fn versions(table: &mut Table<'_, '_>, faults: &mut Faults) -> Vec<&'static SupportedProtocolVersion> {
    let mut read = |key: &'static str, default: u8| match table.text(key, faults) {
        None => default,
        Some(word) => match word.value.as_str() {
            "TLS12" => 12,
            "TLS13" => 13,
            "TLS10" | "TLS11" => {
                faults.add(
                    Some(word.line),
                    &word.place,
                    "is not supported any more: write `TLS12` or `TLS13`",
                );
                default
            }
            _ => {
                faults.add(Some(word.line), &word.place, "is neither `TLS12` nor `TLS13`");
                default
            }
        },
    };
    let (least, most) = (read("min_version", 12), read("max_version", 13));
    if least > most {
        table.fault("`min_version` is above `max_version`", faults);
    }
    let all = [(12, &rustls::version::TLS12), (13, &rustls::version::TLS13)];
    all.into_iter().filter(|(version, _)| (least..=most).contains(version)).map(|(_, known)| known).collect()
}

/// The ciphers and curves that the table leaves.
fn provider(table: &mut Table<'_, '_>, faults: &mut Faults) -> CryptoProvider {
    let mut provider = ring::default_provider();
    // Go calls the ciphers as the standard does; rustls has `TLS13_` where that has `TLS_`.
    let name =
        |suite: &rustls::SupportedCipherSuite| format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
    let all: Vec<_> = provider.cipher_suites.iter().map(name).collect();
    let wanted = table.list("cipher_suites", faults);
    for suite in wanted.iter().filter(|suite| !all.contains(&suite.value)) {
        faults.add(Some(suite.line), &suite.place, format!("is not supported; there are {}", all.join(", ")));
    }
    if !wanted.is_empty() {
        // As in Go the list is one of TLS 1.2; the ciphers of TLS 1.3 are all good.
        provider.cipher_suites.retain(|suite| {
            suite.tls13().is_some() || wanted.iter().any(|wanted| wanted.value == name(suite))
        });
    }
    let curves = [
        ("X25519", NamedGroup::X25519),
        ("CurveP256", NamedGroup::secp256r1),
        ("CurveP384", NamedGroup::secp384r1),
    ];
    let wanted = table.list("curve_preferences", faults);
    let mut groups = Vec::new();
    for curve in &wanted {
        let known = curves.iter().find(|(name, _)| *name == curve.value).map(|(_, group)| *group);
        if let Some(group) = provider.kx_groups.iter().find(|group| Some(group.name()) == known) {
            groups.push(*group);
        } else {
            let names = curves.map(|(name, _)| format!("`{name}`")).join(", ");
            faults.add(Some(curve.line), &curve.place, format!("is not supported; there are {names}"));
        }
    }
    if !groups.is_empty() {
        provider.kx_groups = groups;
    }
    provider
}
