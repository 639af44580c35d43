//! What a sign-in gives: the token for REST, the keys that sign connections, and how long each lasts.
//!
//! Never prints any of it, and never recomputes an expiry: it is an instant, fixed when the reply came. Pure.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::wire;
use crate::clock::{Instant, Now};
use crate::config::Secret;
use crate::source::sigv4::Keys;

/// What has less time left than this is renewed before it is used.
const LEAST_LEFT: Duration = Duration::from_secs(300);
/// Lifetimes outside these bounds are not believed …
const BELIEVABLE: std::ops::RangeInclusive<i64> = 300..=86_400;
/// … and taken to be this.
const ASSUMED_LIFETIME: Duration = Duration::from_secs(50 * 60);
/// When something lapses: on the boot clock for decisions, on the wall clock for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    at: Instant,
    /// The wall clock's.
    pub wall: SystemTime,
}

impl Expiry {
    /// From the lifetime in a reply, counted from the moment the reply arrived.
    fn after(lifetime: Option<i64>, now: Now) -> Self {
        let believed = lifetime.filter(|seconds| BELIEVABLE.contains(seconds));
        let lifetime = believed
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map_or(ASSUMED_LIFETIME, Duration::from_secs);
        Self { at: now.at + lifetime, wall: now.wall + lifetime }
    }

    fn lasts(&self, now: Instant) -> bool {
        self.at.saturating_since(now) >= LEAST_LEFT
    }
}

/// Everything a sign-in gave.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Authorises REST calls.
    pub access: Secret,
    access_expires: Expiry,
    /// Exchanged for a new access token; empty when there is none.
    pub(super) refresh: Secret,
    /// Signs connections.
    pub keys: Keys,
    /// When the keys lapse.
    pub keys_expire: Expiry,
    /// The account's number.
    pub user: Option<i64>,
}

impl Tokens {
    /// From the `data` of a sign-in; `None` when a token or a key is missing, without which nothing works.
    #[must_use]
    pub fn from_sign_in(data: &Value, now: Now) -> Option<Self> {
        let token = data.get("token").or_else(|| data.get("tokens"))?;
        Some(Self {
            access: text(token, "accessToken", "access_token")?,
            access_expires: Expiry::after(
                seconds(token, "authenticationExpiresIn", "authentication_expires_in"),
                now,
            ),
            refresh: text(token, "refreshToken", "refresh_token").unwrap_or_default(),
            keys: keys(token)?,
            keys_expire: Expiry::after(
                seconds(token, "authorizationExpiresIn", "authorization_expires_in"),
                now,
            ),
            user: data.pointer("/userInfo/userSeq").and_then(wire::integer),
        })
    }

    /// The same after a refresh. Keys do not come with it, but are used if they ever do; what is missing stays.
    #[must_use]
    pub fn refreshed(&self, data: &Value, now: Now) -> Option<Self> {
        let mut tokens = self.clone();
        tokens.access = text(data, "accessToken", "access_token")?;
        tokens.access_expires =
            Expiry::after(seconds(data, "authenticationExpiresIn", "authentication_expires_in"), now);
        if let Some(refresh) = text(data, "refreshToken", "refresh_token") {
            tokens.refresh = refresh;
        }
        if let Some(keys) = keys(data) {
            tokens.keys = keys;
            tokens.keys_expire =
                Expiry::after(seconds(data, "authorizationExpiresIn", "authorization_expires_in"), now);
        }
        Some(tokens)
    }
}

/// The camel-case key, or its snake-case twin where that one is missing or empty.
fn text(object: &Value, camel: &str, snake: &str) -> Option<Secret> {
    [camel, snake]
        .into_iter()
        .filter_map(|key| object.get(key)?.as_str())
        .find(|text| !text.is_empty())
        .map(Secret::new)
}

fn seconds(object: &Value, camel: &str, snake: &str) -> Option<i64> {
    [camel, snake].into_iter().find_map(|key| object.get(key).and_then(wire::integer))
}

fn keys(object: &Value) -> Option<Keys> {
    Some(Keys {
        key_id: text(object, "accessKeyId", "access_key_id")?,
        secret: text(object, "secretKey", "secret_key")?,
        session_token: text(object, "sessionToken", "session_token")?,
    })
}

/// What must be good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Keys to sign a connection with.
    Keys,
    /// A token for REST.
    Access,
    /// Everything new, whatever is left.
    Anew,
}

/// What is to be done for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// What is there will do.
    Nothing,
    /// A new access token.
    Refresh,
    /// Everything new.
    SignIn,
}

/// Keys are renewed by a full sign-in only; an access token that lapses before them is refreshed.
pub(super) fn step(tokens: Option<&Tokens>, need: Need, now: Instant) -> Step {
    let Some(tokens) = tokens else { return Step::SignIn };
    match need {
        Need::Keys if tokens.keys_expire.lasts(now) => Step::Nothing,
        Need::Keys | Need::Anew => Step::SignIn,
        Need::Access if tokens.access_expires.lasts(now) => Step::Nothing,
        Need::Access if tokens.refresh.is_empty() => Step::SignIn,
        Need::Access => Step::Refresh,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> Now {
        Now {
            at: Instant::from_boot(Duration::from_secs(1_000)),
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1),
        }
    }

    fn tokens(access_seconds: i64, keys_seconds: i64) -> Tokens {
        let data = json!({"token": {
            "accessToken": "a", "refreshToken": "r", "accessKeyId": "k", "secretKey": "s", "sessionToken": "t",
            "authenticationExpiresIn": access_seconds, "authorizationExpiresIn": keys_seconds
        }});
        Tokens::from_sign_in(&data, now()).unwrap()
    }

    fn at(minutes: u64) -> Instant {
        now().at + Duration::from_secs(60 * minutes)
    }

    #[test]
    fn keys_are_renewed_by_a_sign_in_once_less_than_five_minutes_are_left() {
        let tokens = tokens(3_600, 3_600);
        assert_eq!(step(Some(&tokens), Need::Keys, at(55)), Step::Nothing);
        assert_eq!(step(Some(&tokens), Need::Keys, at(56)), Step::SignIn);
        assert_eq!(step(None, Need::Keys, at(0)), Step::SignIn);
    }

    #[test]
    fn an_access_token_that_lapses_is_refreshed_and_deep_means_anew() {
        let tokens = tokens(600, 3_600);
        assert_eq!(step(Some(&tokens), Need::Access, at(5)), Step::Nothing);
        assert_eq!(step(Some(&tokens), Need::Access, at(6)), Step::Refresh);
        assert_eq!(step(Some(&tokens), Need::Anew, at(0)), Step::SignIn);
        let mut without = tokens;
        without.refresh = Secret::default();
        assert_eq!(step(Some(&without), Need::Access, at(6)), Step::SignIn);
    }

    #[test]
    fn lifetimes_that_cannot_be_are_taken_for_fifty_minutes() {
        for insane in [-1, 0, 299, 86_401, i64::MAX] {
            let expiry = Expiry::after(Some(insane), now());
            assert_eq!(expiry.wall, now().wall + Duration::from_secs(3_000), "{insane}");
        }
        assert_eq!(Expiry::after(None, now()).at, at(50));
        assert_eq!(Expiry::after(Some(86_400), now()).at, at(24 * 60));
    }

    #[test]
    fn a_refresh_does_not_stretch_the_life_of_the_keys() {
        let tokens = tokens(3_600, 3_600);
        let later = now().plus(Duration::from_secs(1_800));
        let refreshed =
            tokens.refreshed(&json!({"accessToken": "b", "authenticationExpiresIn": 3_600}), later).unwrap();
        assert_eq!(refreshed.access.expose(), "b");
        assert_eq!(refreshed.refresh.expose(), "r", "it was not echoed: the old one stays");
        assert_eq!(refreshed.keys_expire, tokens.keys_expire);
    }

    #[test]
    fn tokens_do_not_print() {
        let printed = format!("{:?}", tokens(3_600, 3_600));
        assert!(!printed.contains('"'), "{printed}");
    }
}
