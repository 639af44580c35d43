//! `[connection.source.navien]`: one Navien account.
//!
//! Never repeats an e-mail, a MAC or a URL with a password in a message.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use toml::de::DeValue;

use super::file::{Fields, article};
use super::secret_field::{self, Inline, Surroundings};
use super::{Navien, Secret, SecretSource, value};

impl Navien {
    /// An account with every other setting at its default (navien-cloud.md §2, §4).
    #[must_use]
    pub fn new(email: Secret, password: SecretSource) -> Self {
        Self {
            email,
            password,
            base_url: "https://nlus.naviensmartcontrol.com/api/v2.1".to_owned(),
            mqtt_host: "a1t30mldyslmuq-ats.iot.us-east-1.amazonaws.com".to_owned(),
            mqtt_port: 443,
            region: "us-east-1".to_owned(),
            ca_file: None,
            proxy: None,
            status_interval: Duration::from_secs(60),
            features_interval: Duration::from_secs(30 * 60),
            energy_interval: Duration::from_secs(30 * 60),
            request_limit: Duration::from_secs(20),
            diagnostic_readings: false,
            devices: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for Navien {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Navien")
            .field("base_url", &self.base_url)
            .field("mqtt_host", &self.mqtt_host)
            .field("mqtt_port", &self.mqtt_port)
            .field("status_interval", &self.status_interval)
            .field("devices", &self.devices.len())
            .finish_non_exhaustive()
    }
}

/// Reads the account; `None` when e-mail or password are missing or wrong.
pub(super) fn account(mut fields: Fields<'_, '_>, around: &Surroundings<'_>) -> Option<Navien> {
    let email = needed(&mut fields, "email", "email = \"owner@example.com\"")
        .then(|| secret_field::read_now(&mut fields, "email", Inline::Allowed, around))
        .flatten();
    if email.as_ref().is_some_and(|email| !is_email(email.expose())) {
        fields.problem("email", "is not an e-mail address (write for example `owner@example.com`)");
    }
    let password = needed(&mut fields, "password", "password = { file = \"navien-password\" }")
        .then(|| secret_field::read(&mut fields, "password", Inline::Refused, around))
        .flatten();
    let mut navien = Navien::new(Secret::default(), SecretSource::Value(Secret::default()));
    cloud(&mut fields, &mut navien, around);
    requests(&mut fields, &mut navien);
    if let Some(devices) = fields.table("devices") {
        navien.devices = aliases(&devices);
    }
    fields.finish();
    Some(Navien { email: email?, password: password?, ..navien })
}

/// The least that tells an e-mail address from a slip: something on both sides of one `@`.
pub(super) fn is_email(text: &str) -> bool {
    let parts: Vec<_> = text.split('@').collect();
    parts.len() == 2 && parts.iter().all(|part| !part.is_empty()) && !text.contains(char::is_whitespace)
}

fn needed(fields: &mut Fields<'_, '_>, key: &'static str, example: &str) -> bool {
    fields.require(key, example, |_| Ok(())).is_some()
}

fn cloud(fields: &mut Fields<'_, '_>, navien: &mut Navien, around: &Surroundings<'_>) {
    fields.set("base_url", &mut navien.base_url, base_url);
    fields.set("mqtt_host", &mut navien.mqtt_host, host);
    let port = fields.read("mqtt_port", value::integer(1..=65_535));
    if let Some(port) = port.and_then(|port| u16::try_from(port).ok()) {
        navien.mqtt_port = port;
    }
    fields.set("region", &mut navien.region, region);
    navien.ca_file = fields.read("ca_file", |value| ca_file(value, &around.directory));
    navien.proxy = proxy(fields, around);
}

fn requests(fields: &mut Fields<'_, '_>, navien: &mut Navien) {
    let day = Duration::from_secs(86_400);
    let minute = Duration::from_secs(60);
    // Every request wakes the heater's Wi-Fi module: less than 15 s is not kind to it.
    let status = value::duration(Duration::from_secs(15)..=day);
    fields.set("status_interval", &mut navien.status_interval, status);
    fields.set("features_interval", &mut navien.features_interval, value::duration(minute..=day));
    fields.set("energy_interval", &mut navien.energy_interval, value::duration(minute..=day));
    let limit = value::duration(Duration::from_secs(1)..=2 * minute);
    fields.set("request_limit", &mut navien.request_limit, limit);
    fields.set("diagnostic_readings", &mut navien.diagnostic_readings, value::boolean);
}

fn base_url(field: &DeValue<'_>) -> Result<String, String> {
    const EXAMPLE: &str = "write for example `https://nlus.naviensmartcontrol.com/api/v2.1`";
    let text = value::text(field)?;
    let url = Url::parse(&text).ok().filter(Url::has_host);
    let url = url.ok_or_else(|| format!("is not a URL ({EXAMPLE})"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("must not hold a user name or a password ({EXAMPLE})"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("must end with the path, without `?` or `#` ({EXAMPLE})"));
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if url.scheme() != "https" && !(url.scheme() == "http" && here) {
        return Err(format!("must begin with `https://`: the password is sent there ({EXAMPLE})"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn host(field: &DeValue<'_>) -> Result<String, String> {
    let text = value::text(field)?;
    if is_host(&text) {
        return Ok(text);
    }
    Err(format!("{} is not a host name: only the name; the port is `mqtt_port`", value::shown(field)))
}

/// An IP address without brackets, or what can be looked up.
pub(super) fn is_host(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let name = (1..=253).contains(&text.len()) && text.chars().all(fits);
    name || text.parse::<IpAddr>().is_ok()
}

pub(super) fn region(field: &DeValue<'_>) -> Result<String, String> {
    let text = value::text(field)?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.len() <= 32 && text.chars().all(fits) {
        return Ok(text);
    }
    Err(format!("{} is not an AWS region (write for example `us-east-1`)", value::shown(field)))
}

fn ca_file(field: &DeValue<'_>, directory: &Path) -> Result<PathBuf, String> {
    let path = directory.join(value::text(field)?);
    if let Some(message) = secret_field::file_fault(&path) {
        return Err(message);
    }
    let certificates = CertificateDer::pem_file_iter(&path).map(Iterator::collect::<Result<Vec<_>, _>>);
    match certificates {
        Ok(Ok(certificates)) if !certificates.is_empty() => Ok(path),
        Ok(Ok(_)) => {
            Err("the file named here holds no certificate (`-----BEGIN CERTIFICATE-----`)".to_owned())
        }
        Ok(Err(_)) | Err(_) => Err("the file named here is not PEM".to_owned()),
    }
}

/// `proxy`, as every source has it.
pub(super) fn proxy(fields: &mut Fields<'_, '_>, around: &Surroundings<'_>) -> Option<Secret> {
    let proxy = secret_field::read_now(fields, "proxy", Inline::Allowed, around)?;
    let inline = fields.read("proxy", |value| Ok(value.is_str())) == Some(true);
    match proxy_fault(proxy.expose(), inline) {
        Some(message) => {
            fields.problem("proxy", message);
            None
        }
        None => Some(proxy),
    }
}

fn proxy_fault(text: &str, inline: bool) -> Option<String> {
    const EXAMPLE: &str = "write for example `http://proxy.example.com:3128`";
    let Some(url) = Url::parse(text).ok().filter(|url| url.scheme() == "http" && url.has_host()) else {
        return Some(format!("is not the URL of an HTTP proxy ({EXAMPLE})"));
    };
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Some(format!("must end with the port ({EXAMPLE})"));
    }
    let with_login = !url.username().is_empty() || url.password().is_some();
    (inline && with_login).then(|| {
        "holds a password, and backups and other people see this file: put the whole URL into a file \
         (`proxy = { file = \"proxy-url\" }`) or a variable (`proxy = { env = \"HANGUP_PROXY\" }`)"
            .to_owned()
    })
}

/// Aliases by MAC. The MAC is personal: messages give the line instead.
fn aliases(fields: &Fields<'_, '_>) -> BTreeMap<String, String> {
    let mut devices = BTreeMap::new();
    let mut labels = BTreeSet::new();
    for (key, value) in fields.entries() {
        let Some(mac) = mac(key.get_ref()) else {
            let message = "this key is not a MAC address (write for example `\"020000aabb01\"`, as `hangup devices` shows it)";
            fields.problem_at(key.span(), "…", message);
            continue;
        };
        if devices.contains_key(&mac) {
            fields.problem_at(key.span(), "…", "this MAC address is there twice (in two spellings)");
            continue;
        }
        match alias(value.get_ref()) {
            Err(message) => fields.problem_at(value.span(), "…", message),
            Ok(label) if !labels.insert(label.clone()) => {
                fields.problem_at(value.span(), "…", format!("the alias `{label}` is there twice"));
            }
            Ok(label) => {
                devices.insert(mac, label);
            }
        }
    }
    devices
}

/// 12 lower-case hex digits from any usual spelling.
fn mac(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    let fits = digits.len() == 12 && digits.chars().all(|c| c.is_ascii_hexdigit());
    fits.then(|| digits.to_ascii_lowercase())
}

fn alias(field: &DeValue<'_>) -> Result<String, String> {
    let Some(text) = field.as_str() else {
        return Err(format!("an alias must be a string in quotes, not {}", article(field)));
    };
    let tidy = text.trim() == text && !text.is_empty() && !text.contains(char::is_control);
    if tidy && text.chars().count() <= 64 {
        return Ok(text.to_owned());
    }
    Err("is not an alias: 1 to 64 visible characters (write for example `basement`)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_may_be_written_in_any_usual_way() {
        for text in ["020000aabb01", "02:00:00:AA:BB:01", "02-00-00-aa-bb-01", "0200.00AA.BB01"] {
            assert_eq!(mac(text).as_deref(), Some("020000aabb01"), "{text}");
        }
        for text in ["", "020000aabb0", "020000aabb011", "020000aabbxx"] {
            assert_eq!(mac(text), None, "{text}");
        }
    }

    #[test]
    fn an_account_does_not_print_what_is_personal() {
        let mut account =
            Navien::new(Secret::new("owner@example.com"), SecretSource::Value(Secret::new("hunter2")));
        account.devices.insert("020000aabb01".to_owned(), "basement".to_owned());
        let printed = format!("{account:?}");
        assert!(["owner", "hunter2", "aabb"].iter().all(|word| !printed.contains(word)), "{printed}");
    }

    #[test]
    fn the_password_does_not_travel_in_the_clear() {
        let check = |text: &str| base_url(&DeValue::String(text.into()));
        assert_eq!(check("https://cloud.example/api/"), Ok("https://cloud.example/api".to_owned()));
        assert!(check("http://127.0.0.1:8080").is_ok());
        assert!(check("http://[::1]:8080").is_ok());
        assert!(check("http://cloud.example/api").unwrap_err().contains("https://"));
        assert!(!check("https://me:hunter2@cloud.example").unwrap_err().contains("hunter2"));
    }

    #[test]
    fn a_proxy_with_a_password_stays_out_of_the_file() {
        assert_eq!(proxy_fault("http://proxy:3128", true), None);
        assert_eq!(proxy_fault("http://me:hunter2@proxy:3128", false), None);
        assert!(!proxy_fault("http://me:hunter2@proxy:3128", true).unwrap().contains("hunter2"));
        assert!(proxy_fault("socks5://proxy:1080", true).is_some());
    }
}
