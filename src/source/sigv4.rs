//! The presigned WebSocket target of AWS IoT Core: AWS Signature Version 4 in the query string.
//!
//! Never logs or prints a target: it is a credential for as long as its date holds.
//!
//! Two things are special to this gateway: the service is `iotdevicegateway`, and the session token is appended
//! *after* signing. A signature that covers the token is refused with 403.

use std::fmt::Write as _;
use std::time::SystemTime;

use ring::{digest, hmac};

use crate::config::Secret;

/// Keys that sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// Access key id.
    pub key_id: Secret,
    /// Secret access key.
    pub secret: Secret,
    /// Session token; empty when there is none.
    pub session_token: Secret,
}

/// What is signed: everything but the keys.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The bare host, as the server sees it in the `Host` header. A port in it would break the signature.
    pub host: &'a str,
    /// AWS region, `us-east-1`.
    pub region: &'a str,
    /// When it is signed. More than about five minutes off is refused.
    pub at: SystemTime,
    /// `X-Amz-Expires` in seconds; `None` leaves it out.
    pub expires: Option<u32>,
}

const SERVICE: &str = "iotdevicegateway";
const PATH: &str = "/mqtt";
/// SHA-256 of the empty string: an upgrade has no body.
const EMPTY_HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Path and query of the upgrade request, to be sent byte for byte.
#[must_use]
pub fn presign(keys: &Keys, target: Target<'_>) -> Secret {
    let parts = Parts::new(keys, target);
    let signature = parts.signature(keys, target.region);
    let mut query = format!("{PATH}?{}&X-Amz-Signature={signature}", parts.query);
    if !keys.session_token.is_empty() {
        query.push_str("&X-Amz-Security-Token=");
        query.push_str(&encode(keys.session_token.expose()));
    }
    Secret::new(query)
}

/// The strings on the way to a signature.
struct Parts {
    day: String,
    query: String,
    string_to_sign: String,
}

impl Parts {
    fn new(keys: &Keys, target: Target<'_>) -> Self {
        let stamp = stamp(target.at);
        let day = stamp.split('T').next().unwrap_or_default().to_owned();
        let scope = format!("{day}/{}/{SERVICE}/aws4_request", target.region);
        let credential = encode(&format!("{}/{scope}", keys.key_id.expose()));
        let mut query =
            format!("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={stamp}");
        if let Some(expires) = target.expires {
            // Writing to a String cannot fail.
            let _ = write!(query, "&X-Amz-Expires={expires}");
        }
        query.push_str("&X-Amz-SignedHeaders=host");
        let request = canonical_request(&query, target.host);
        let hash = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
        let string_to_sign = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hash}");
        Self { day, query, string_to_sign }
    }

    fn signature(&self, keys: &Keys, region: &str) -> String {
        let seed = format!("AWS4{}", keys.secret.expose());
        let key = [self.day.as_str(), region, SERVICE, "aws4_request"]
            .iter()
            .fold(seed.into_bytes(), |key, part| mac(&key, part.as_bytes()));
        hex(&mac(&key, self.string_to_sign.as_bytes()))
    }
}

fn canonical_request(query: &str, host: &str) -> String {
    format!("GET\n{PATH}\n{query}\nhost:{host}\n\nhost\n{EMPTY_HASH}")
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref().to_vec()
}

/// `20260115T120000Z`.
fn stamp(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string()
}

/// Percent-encodes all but the unreserved characters, with upper-case digits, as AWS wants it.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(id: &str, secret: &str, token: &str) -> Keys {
        Keys { key_id: Secret::new(id), secret: Secret::new(secret), session_token: Secret::new(token) }
    }

    fn time(text: &str) -> SystemTime {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    #[test]
    fn every_vector_of_the_fixture_is_reproduced_with_its_intermediate_strings() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/navien/sigv4-vectors.json")).unwrap();
        let vectors = vectors["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 4);
        for vector in vectors {
            let text = |part: &str, key: &str| vector[part][key].as_str().unwrap();
            let keys = keys(
                text("input", "access_key_id"),
                text("input", "secret_key"),
                text("input", "session_token"),
            );
            let target = Target {
                host: text("input", "host"),
                region: text("input", "region"),
                at: time(text("input", "time")),
                expires: vector["input"]["expires_seconds"].as_u64().map(|s| u32::try_from(s).unwrap()),
            };
            let parts = Parts::new(&keys, target);
            assert_eq!(canonical_request(&parts.query, target.host), text("expected", "canonical_request"));
            assert_eq!(parts.string_to_sign, text("expected", "string_to_sign"));
            assert_eq!(parts.signature(&keys, target.region), text("expected", "signature"));
            let url = format!("wss://{}{}", target.host, presign(&keys, target).expose());
            assert_eq!(url, text("expected", "url"));
        }
    }

    #[test]
    fn the_signatures_of_other_implementations_are_reproduced() {
        let token = "TOK/EN+=with special";
        for (expires, signature) in [
            (Some(86_400), "8fecb92673c2af866a1766cb0ab6776d13bde9d3ab86758eb0dd7b1fb2bed4b8"),
            (None, "6298b2262e4020b389c61403c0c7f8000463e0ea940ce29c96c5bf88c54a87f2"),
        ] {
            let keys = keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token);
            let target = Target {
                host: "abc123-ats.iot.us-east-1.amazonaws.com",
                region: "us-east-1",
                at: time("2015-08-30T12:36:00Z"),
                expires,
            };
            let signed = presign(&keys, target);
            assert!(signed.expose().contains(&format!("&X-Amz-Signature={signature}&")));
            assert!(signed.expose().ends_with("&X-Amz-Security-Token=TOK%2FEN%2B%3Dwith%20special"));
        }
    }

    #[test]
    fn keys_and_targets_do_not_print() {
        let keys = keys("AKIDEXAMPLE", "wJalrXUtnFEMI", "TOKEN");
        let printed = format!("{keys:?}");
        assert!(!printed.contains("AKID") && !printed.contains("wJalr") && !printed.contains("TOKEN"));
    }
}
