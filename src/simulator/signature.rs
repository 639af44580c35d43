//! Checks the SigV4 signature of a WebSocket upgrade, from what the server received (navien-cloud.md §4.1). Pure.
//!
//! Never shares code with a signer: it must be able to disagree.

use std::time::{Duration, SystemTime};

use ring::{digest, hmac};

use super::vault::Key;
use crate::clock::Now;

/// Clocks may differ by this much.
const SKEW: Duration = Duration::from_secs(300);
/// The service that IoT WebSockets are signed for.
const SERVICE: &str = "iotdevicegateway";

/// What matters of an upgrade request.
#[derive(Clone, Copy, Debug)]
pub struct Upgrade<'a> {
    /// The path as received.
    pub path: &'a str,
    /// The query as received, without `?`. A credential.
    pub query: &'a str,
    /// The `Host` header as received.
    pub host: &'a str,
}

/// Why an upgrade is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A parameter is missing or unreadable.
    Malformed,
    /// Another algorithm, region, service or set of signed headers.
    Scope,
    /// Not a host of this cloud.
    Host,
    /// No such key id.
    UnknownKey,
    /// The session token is missing or belongs to another key.
    Token,
    /// The credentials have lapsed.
    CredentialsExpired,
    /// The URL itself has lapsed.
    UrlExpired,
    /// The clocks differ too much.
    Skew,
    /// The signature is not the one we make.
    Mismatch,
}

impl Refusal {
    /// A word for the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "a signing parameter is missing or unreadable",
            Self::Scope => "signed for another region or service",
            Self::Host => "signed for another host",
            Self::UnknownKey => "unknown access key",
            Self::Token => "missing or wrong session token",
            Self::CredentialsExpired => "expired credentials",
            Self::UrlExpired => "expired URL",
            Self::Skew => "clock skew",
            Self::Mismatch => "wrong signature",
        }
    }
}

/// What is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm {
    /// Host names of this cloud, without port.
    pub hosts: Vec<String>,
    /// The region.
    pub region: String,
}

/// The account that signed this upgrade.
pub fn verify<'k>(
    upgrade: Upgrade<'_>,
    realm: &Realm,
    key: impl FnOnce(&str) -> Option<&'k Key>,
    now: Now,
) -> Result<usize, Refusal> {
    let query = Query::parse(upgrade.query).ok_or(Refusal::Malformed)?;
    let host = without_port(upgrade.host);
    if !realm.hosts.iter().any(|known| known.eq_ignore_ascii_case(host)) {
        return Err(Refusal::Host);
    }
    let get = |name| query.get(name).ok_or(Refusal::Malformed);
    let (credential, date) = (get("X-Amz-Credential")?, get("X-Amz-Date")?);
    let scope: Vec<&str> = credential.split('/').collect();
    let [key_id, day, region, service, terminator] = scope.as_slice() else { return Err(Refusal::Malformed) };
    if get("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256"
        || get("X-Amz-SignedHeaders")? != "host"
        || *region != realm.region
        || *service != SERVICE
        || *terminator != "aws4_request"
        || !date.starts_with(day)
        || day.len() != 8
    {
        return Err(Refusal::Scope);
    }
    let key = key(key_id).ok_or(Refusal::UnknownKey)?;
    if query.get("X-Amz-Security-Token") != Some(key.session.expose()) {
        return Err(Refusal::Token);
    }
    check_time(date, query.get("X-Amz-Expires"), now.wall)?;

    let canonical =
        format!("GET\n{}\n{}\nhost:{host}\n\nhost\n{}", upgrade.path, query.canonical(), hash(b""));
    let scope = format!("{day}/{region}/{service}/{terminator}");
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hash(canonical.as_bytes()));
    let mut secret = format!("AWS4{}", key.secret.expose()).into_bytes();
    for part in [day, region, service, terminator] {
        secret = hmac::sign(&signing(&secret), part.as_bytes()).as_ref().to_vec();
    }
    let given = from_hex(get("X-Amz-Signature")?).ok_or(Refusal::Malformed)?;
    hmac::verify(&signing(&secret), to_sign.as_bytes(), &given).map_err(|_| Refusal::Mismatch)?;
    // Last, so that only who holds the key learns that it has lapsed.
    if now.at >= key.expires { Err(Refusal::CredentialsExpired) } else { Ok(key.account) }
}

fn check_time(date: &str, expires: Option<&str>, now: SystemTime) -> Result<(), Refusal> {
    let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .and_then(|civil| jiff::tz::TimeZone::UTC.to_timestamp(civil))
        .map_err(|_| Refusal::Malformed)?;
    let signed = SystemTime::from(signed);
    let ahead = signed.duration_since(now).unwrap_or_default();
    let age = now.duration_since(signed).unwrap_or_default();
    if let Some(expires) = expires {
        let seconds: u64 = expires.parse().map_err(|_| Refusal::Malformed)?;
        if !(1..=604_800).contains(&seconds) {
            return Err(Refusal::Malformed);
        }
        if age > Duration::from_secs(seconds) {
            return Err(Refusal::UrlExpired);
        }
    }
    if ahead > SKEW || age > SKEW { Err(Refusal::Skew) } else { Ok(()) }
}

/// The decoded parameters.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(query: &str) -> Option<Self> {
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((decode(name)?, decode(value)?))
        };
        query.split('&').map(pair).collect::<Option<Vec<_>>>().map(Self)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Sorted and encoded anew, without the signature and, as IoT wants it, without the session token.
    fn canonical(&self) -> String {
        let mut pairs: Vec<String> = self
            .0
            .iter()
            .filter(|(name, _)| name != "X-Amz-Signature" && name != "X-Amz-Security-Token")
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        pairs.sort();
        pairs.join("&")
    }
}

/// A host without its port: the bare host is what is signed, whatever the port of this cloud.
fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.split(':').next().unwrap_or(host)
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let (digits, tail) = tail.split_at_checked(2)?;
            bytes.extend(from_hex(std::str::from_utf8(digits).ok()?)?);
            rest = tail;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
            _ => None,
        })
        .collect()
}

fn signing(secret: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}

fn hash(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    digest::digest(&digest::SHA256, bytes).as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Instant;
    use crate::config::Secret;

    /// The vectors of the reference: made by another implementation than ours, and than this one.
    fn vectors() -> Vec<serde_json::Value> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/navien/sigv4-vectors.json");
        let all: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        all["vectors"].as_array().unwrap().clone()
    }

    struct Case {
        url: String,
        host: String,
        key: Key,
        realm: Realm,
        now: Now,
    }

    impl Case {
        fn of(vector: &serde_json::Value) -> Self {
            let input = |name: &str| vector["input"][name].as_str().unwrap_or_default().to_owned();
            let time: jiff::Timestamp = input("time").parse().unwrap();
            let url = vector["expected"]["url"].as_str().unwrap().to_owned();
            Self {
                url,
                host: input("host"),
                key: Key {
                    id: input("access_key_id"),
                    secret: Secret::new(input("secret_key")),
                    session: Secret::new(input("session_token")),
                    account: 3,
                    expires: Instant::from_boot(Duration::from_secs(100)),
                },
                realm: Realm { hosts: vec![input("host")], region: input("region") },
                now: Now { at: Instant::default(), wall: time.into() },
            }
        }

        fn check(&self) -> Result<usize, Refusal> {
            let (_, query) = self.url.split_once('?').unwrap();
            let upgrade = Upgrade { path: "/mqtt", query, host: &self.host };
            verify(upgrade, &self.realm, |id| (id == self.key.id).then_some(&self.key), self.now)
        }
    }

    fn case() -> Case {
        Case::of(&vectors()[0])
    }

    #[test]
    fn every_vector_with_a_session_token_is_accepted() {
        let mut checked = 0;
        for vector in vectors().iter().filter(|v| v["input"]["session_token"] != "") {
            assert_eq!(Case::of(vector).check(), Ok(3), "{}", vector["about"]);
            checked += 1;
        }
        assert!(checked > 0);
    }

    #[test]
    fn a_key_without_its_session_token_is_refused() {
        let mut case = case();
        case.url = case.url.split("&X-Amz-Security-Token").next().unwrap().to_owned();
        assert_eq!(case.check(), Err(Refusal::Token));
    }

    #[test]
    fn one_changed_letter_is_a_mismatch() {
        let mut case = case();
        case.key.secret = Secret::new("fake/secret+key/0002");
        assert_eq!(case.check(), Err(Refusal::Mismatch));
        let mut case = self::case();
        case.url = case.url.replace("&X-Amz-SignedHeaders", "&X-Amz-Expires=60&X-Amz-SignedHeaders");
        assert_eq!(case.check(), Err(Refusal::Mismatch), "an added parameter was not signed");
    }

    #[test]
    fn six_minutes_of_skew_are_refused_both_ways_and_four_are_not() {
        for (minutes, expected) in [(4, Ok(3)), (6, Err(Refusal::Skew))] {
            let by = Duration::from_secs(minutes * 60);
            let mut slow = case();
            slow.now.wall += by;
            let mut fast = case();
            fast.now.wall -= by;
            assert_eq!((slow.check(), fast.check()), (expected, expected), "{minutes}");
        }
    }

    #[test]
    fn lapsed_credentials_a_foreign_host_and_a_foreign_service_are_refused() {
        let mut lapsed = case();
        lapsed.now.at = Instant::from_boot(Duration::from_secs(100));
        assert_eq!(lapsed.check(), Err(Refusal::CredentialsExpired));
        let mut elsewhere = case();
        elsewhere.host = "example.com".to_owned();
        assert_eq!(elsewhere.check(), Err(Refusal::Host));
        let mut service = case();
        service.url = service.url.replace("iotdevicegateway", "iot");
        assert_eq!(service.check(), Err(Refusal::Scope));
        let mut region = case();
        region.realm.region = "eu-west-1".to_owned();
        assert_eq!(region.check(), Err(Refusal::Scope));
    }

    #[test]
    fn double_encoding_and_rubbish_are_refused() {
        let mut twice = case();
        twice.url = twice.url.replace("%2F", "%252F");
        assert!(twice.check().is_err());
        for query in
            ["", "a", "X-Amz-Credential=%", "X-Amz-Credential=%zz", "X-Amz-Credential=a%2Fb&X-Amz-Date=1"]
        {
            let mut case = case();
            case.url = format!("wss://x/mqtt?{query}");
            assert!(case.check().is_err(), "{query}");
        }
    }

    #[test]
    fn the_port_is_not_part_of_the_host() {
        for (given, bare) in
            [("localhost:8883", "localhost"), ("[::1]:443", "::1"), ("127.0.0.1", "127.0.0.1")]
        {
            assert_eq!(without_port(given), bare);
        }
    }
}
