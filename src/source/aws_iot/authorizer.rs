//! What a custom authorizer is told, in the two forms that AWS IoT Core knows: headers of the upgrade to WebSocket, or a
//! query behind the MQTT user name (AWS IoT Core Developer Guide, "Connecting by using custom authentication").
//!
//! Pure. Never puts a token into the target of the upgrade: proxies and servers log targets, headers they do not.

use crate::config::Secret;
use crate::source::sigv4::encode;

/// ALPN of MQTT with custom authentication on port 443 (the same guide, "Device communication protocols").
pub(super) const ALPN: &[u8] = b"mqtt";

const NAME: &str = "x-amz-customauthorizer-name";
const SIGNATURE: &str = "x-amz-customauthorizer-signature";

/// What it is told, with every secret read.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) name: Option<String>,
    pub(super) token: Option<(String, Secret)>,
    pub(super) signature: Option<Secret>,
}

impl Told {
    /// Names and values, in the order in which AWS writes them.
    fn pairs(&self) -> Vec<(String, Secret)> {
        let name = self.name.as_ref().map(|name| (NAME.to_owned(), Secret::new(name.clone())));
        let signature = self.signature.as_ref().map(|signature| (SIGNATURE.to_owned(), signature.clone()));
        name.into_iter().chain(signature).chain(self.token.clone()).collect()
    }

    /// Headers of the upgrade.
    pub(super) fn headers(&self) -> Vec<(String, Secret)> {
        self.pairs()
    }

    /// The MQTT user name with everything behind it. A signature is Base64, whose `+`, `/` and `=` would be read as
    /// something else if they were not encoded.
    pub(super) fn username(&self, username: &str) -> String {
        let pairs = self.pairs();
        let query = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value.expose())));
        let query: Vec<_> = query.collect();
        if query.is_empty() { username.to_owned() } else { format!("{username}?{}", query.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_carries_all_of_it_encoded() {
        let told = Told {
            name: Some("mine".to_owned()),
            token: Some(("Token-Key".to_owned(), Secret::new("a b"))),
            signature: Some(Secret::new("x+/=")),
        };
        assert_eq!(
            told.username("me"),
            "me?x-amz-customauthorizer-name=mine&x-amz-customauthorizer-signature=x%2B%2F%3D&Token-Key=a%20b"
        );
        let headers: Vec<_> =
            told.headers().into_iter().map(|(name, value)| (name, value.expose().to_owned())).collect();
        let expected = [(NAME, "mine"), (SIGNATURE, "x+/="), ("Token-Key", "a b")];
        assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(Told::default().username("me"), "me");
    }
}
