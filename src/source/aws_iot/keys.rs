//! AWS keys as they are now: from files and the environment at each attempt, from a container's endpoint before they lapse.
//!
//! Never to disk, never into a log, and never two fetches of one connection at once.

use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::sync::Mutex;

use crate::clock::{self, Instant, Now};
use crate::config::{Credentials, Secret, SecretSource, aws_profile};
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Detail, Failure, Phase, Tier};
use crate::lifecycle::{CredentialEvent, CredentialKind};
use crate::source::sigv4::Keys;
use crate::source::{fault, secrets, tls};

/// What has less time left than this is renewed before it is used.
const LEAST_LEFT: Duration = Duration::from_secs(300);
/// The endpoint is on this host: it answers at once or not at all.
const LIMIT: Duration = Duration::from_secs(10);
/// An answer has some two kilobytes.
const LONGEST: usize = 64 * 1024;

/// Keys, and when they lapse where that is known.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) keys: Keys,
    pub(super) expires: Option<SystemTime>,
    /// The same on the boot clock, for decisions.
    until: Option<Instant>,
}

impl Held {
    fn new(keys: Keys, expires: Option<SystemTime>, now: Now) -> Self {
        let left = |expires: SystemTime| expires.duration_since(now.wall).unwrap_or_default();
        Self { keys, expires, until: expires.map(|expires| now.at + left(expires)) }
    }

    fn lasts(&self, now: Instant, least: Duration) -> bool {
        self.until.is_none_or(|until| until.saturating_since(now) > least)
    }
}

/// The one holder of a connection's keys.
#[derive(Debug)]
pub(super) struct Keeper {
    source: Credentials,
    held: Mutex<Option<Held>>,
}

impl Keeper {
    pub(super) fn new(source: Credentials) -> Self {
        Self { source, held: Mutex::new(None) }
    }

    /// Keys that last for some minutes; a deep attempt has new ones. What was fetched is told in `events`.
    ///
    /// # Errors
    /// When there are none to be had, and none left that still hold.
    pub(super) async fn obtain(
        &self,
        tier: Tier,
        events: &mut Vec<CredentialEvent>,
    ) -> Result<Held, Failure> {
        let mut held = self.held.lock().await;
        match &self.source {
            Credentials::Static { access_key_id, secret_access_key, session_token, .. } => {
                let keys = Keys {
                    key_id: secrets::read(access_key_id, "access_key_id").await?,
                    secret: secrets::read(secret_access_key, "secret_access_key").await?,
                    session_token: secrets::read_if(session_token.as_ref(), "session_token")
                        .await?
                        .unwrap_or_default(),
                };
                Ok(Held::new(keys, None, clock::now()))
            }
            Credentials::Profile { file, name } => {
                let (path, name) = (file.clone(), name.clone());
                let read = tokio::task::spawn_blocking(move || profile(&path, &name)).await;
                let read =
                    read.unwrap_or_else(|_| Err(unusable("the credentials file was not read: interrupted")));
                let read = read.and_then(|fresh| {
                    let now = clock::now().at;
                    let lasts = fresh.lasts(now, Duration::ZERO);
                    if lasts {
                        Ok(fresh)
                    } else {
                        Err(unusable("the keys in the credentials file have lapsed"))
                    }
                });
                // Most attempts find what the one before found: that is no news.
                let same = |old: &Held, new: &Held| old.keys == new.keys && old.expires == new.expires;
                let news = match (&*held, &read) {
                    (Some(old), Ok(new)) => !same(old, new),
                    (_, Err(_)) | (None, Ok(_)) => true,
                };
                if news {
                    events.push(event(&read));
                }
                let fresh = read?;
                *held = Some(fresh.clone());
                Ok(fresh)
            }
            Credentials::Container { url, token } => {
                let now = clock::now().at;
                if let Some(known) =
                    held.as_ref().filter(|known| tier == Tier::Quick && known.lasts(now, LEAST_LEFT))
                {
                    return Ok(known.clone());
                }
                let fetched = fetch(url, token.as_ref()).await;
                events.push(event(&fetched));
                match (fetched, &*held) {
                    (Ok(fresh), _) => {
                        *held = Some(fresh.clone());
                        Ok(fresh)
                    }
                    // The last minutes of the old ones are better than an outage.
                    (Err(_), Some(known)) if tier == Tier::Quick && known.lasts(now, Duration::ZERO) => {
                        Ok(known.clone())
                    }
                    (Err(failure), _) => Err(failure),
                }
            }
        }
    }
}

fn event(outcome: &Result<Held, Failure>) -> CredentialEvent {
    let outcome = match outcome {
        Ok(held) => Ok(held.expires),
        Err(failure) => Err(failure.error),
    };
    CredentialEvent { kind: CredentialKind::Refresh, outcome }
}

fn profile(path: &std::path::Path, name: &str) -> Result<Held, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| unusable(&format!("the credentials file cannot be read: {}", error.kind())))?;
    let found = aws_profile::find(&text, name);
    let found = found.map_err(|fault| unusable(&format!("the credentials file {fault}")))?;
    let keys = Keys {
        key_id: found.access_key_id,
        secret: found.secret_access_key,
        session_token: found.session_token,
    };
    Ok(Held::new(keys, found.expires, clock::now()))
}

/// One request to the container's endpoint.
async fn fetch(url: &str, token: Option<&SecretSource>) -> Result<Held, Failure> {
    const WHAT: &str = "the credentials of the container";
    let token = secrets::read_if(token, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").await?;
    // Where TLS is spoken, the system's roots are trusted; reading them takes a while.
    let secured = url.starts_with("https:");
    let settings =
        tokio::task::spawn_blocking(move || if secured { tls::load(None) } else { tls::nobody() }).await;
    let settings = settings.map_err(|_| unusable("reading the root certificates was interrupted"))??;
    let broken = |error: reqwest::Error| fault::classify(&error, WHAT);
    // Neither a proxy nor another host: the token and the keys are for this host only.
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(settings)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(LIMIT)
        .user_agent(concat!("hangup/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(broken)?;
    let mut request = client.get(url);
    if let Some(token) = &token {
        let value = reqwest::header::HeaderValue::from_str(token.expose());
        let mut value =
            value.map_err(|_| unusable("the token for the container's endpoint is none that HTTP allows"))?;
        value.set_sensitive(true);
        request = request.header(reqwest::header::AUTHORIZATION, value);
    }
    let mut response = request.send().await.map_err(broken)?;
    let status = response.status().as_u16();
    if status != 200 {
        let class = if matches!(status, 400..=404) { RetryClass::Setup } else { RetryClass::Service };
        let message = format!("{WHAT}: the endpoint answered {status}");
        return Err(Failure::new(Phase::Credentials, ErrorName::CredentialsHttpStatus, message)
            .with_detail(Detail::HttpStatus(status))
            .with_class(class));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > LONGEST {
            return Err(unexpected());
        }
        body.extend_from_slice(&chunk);
    }
    let answer = serde_json::from_slice(&body).map_err(|_| unexpected())?;
    understand(&answer, clock::now()).ok_or_else(unexpected)
}

/// The answer of the endpoint; `None` when a key is missing or they have lapsed already.
fn understand(answer: &Value, now: Now) -> Option<Held> {
    let text = |key| answer.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(Secret::new);
    let keys = Keys {
        key_id: text("AccessKeyId")?,
        secret: text("SecretAccessKey")?,
        session_token: text("Token").unwrap_or_default(),
    };
    let expires = answer.get("Expiration").and_then(Value::as_str).and_then(aws_profile::time);
    let held = Held::new(keys, expires, now);
    held.lasts(now.at, Duration::ZERO).then_some(held)
}

fn unexpected() -> Failure {
    let message = "the credentials of the container: the answer holds no keys that last";
    Failure::new(Phase::Credentials, ErrorName::CredentialsUnexpectedResponse, message)
        .with_class(RetryClass::Service)
}

/// Only a person can help.
fn unusable(message: &str) -> Failure {
    Failure::new(Phase::Credentials, ErrorName::SigningNoCredentials, message).with_class(RetryClass::Setup)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn now() -> Now {
        let wall = aws_profile::time("2026-11-30T12:00:00Z").unwrap();
        Now { at: Instant::from_boot(Duration::from_secs(1_000)), wall }
    }

    fn answer(expiration: &str) -> Value {
        json!({"AccessKeyId": "AKID", "SecretAccessKey": "secret", "Token": "token", "Expiration": expiration})
    }

    #[test]
    fn an_answer_is_understood_and_lasts_until_five_minutes_before_its_end() {
        let held = understand(&answer("2026-11-30T13:00:00Z"), now()).unwrap();
        assert_eq!((held.keys.key_id.expose(), held.keys.session_token.expose()), ("AKID", "token"));
        let after = |minutes: u64| now().at + Duration::from_secs(60 * minutes);
        assert!(held.lasts(after(54), LEAST_LEFT) && !held.lasts(after(55), LEAST_LEFT));
        assert!(held.lasts(after(59), Duration::ZERO) && !held.lasts(after(60), Duration::ZERO));
        assert!(!format!("{held:?}").contains("AKID"));
    }

    #[test]
    fn an_answer_without_keys_or_with_lapsed_ones_is_none() {
        assert!(understand(&answer("2026-11-30T11:59:00Z"), now()).is_none());
        assert!(understand(&json!({"code": "AccessDenied", "message": "no"}), now()).is_none());
        assert!(understand(&json!([]), now()).is_none());
        let for_ever = understand(&json!({"AccessKeyId": "a", "SecretAccessKey": "b"}), now()).unwrap();
        assert!(for_ever.lasts(now().at + Duration::from_secs(1 << 40), LEAST_LEFT));
    }
}
