//! The account's tokens and keys: had by sign-in, kept alive by refresh, given out while they last.
//!
//! Never two exchanges at once: a rotating refresh token would make each the other's end. Never to disk.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::sync::Mutex;

use super::rest::{Rest, envelope};
use super::sigv4::Keys;
use super::wire;
use crate::clock::{self, Instant, Now};
use crate::config::{Secret, SecretSource};
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Failure, Phase};
use crate::lifecycle::{CredentialEvent, CredentialKind};

/// What has less time left than this is renewed before it is used.
const LEAST_LEFT: Duration = Duration::from_secs(300);
/// Lifetimes outside these bounds are not believed …
const BELIEVABLE: std::ops::RangeInclusive<i64> = 300..=86_400;
/// … and taken to be this.
const ASSUMED_LIFETIME: Duration = Duration::from_secs(50 * 60);
/// After a refused sign-in a session that lives does not try again for so long: vendors lock accounts.
const AFTER_REFUSAL: Duration = Duration::from_secs(30 * 60);

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
    refresh: Secret,
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
enum Step {
    Nothing,
    Refresh,
    SignIn,
}

/// Keys are renewed by a full sign-in only; an access token that lapses before them is refreshed.
fn step(tokens: Option<&Tokens>, need: Need, now: Instant) -> Step {
    let Some(tokens) = tokens else { return Step::SignIn };
    match need {
        Need::Anew => Step::SignIn,
        Need::Keys if tokens.keys_expire.lasts(now) => Step::Nothing,
        Need::Keys => Step::SignIn,
        Need::Access if tokens.access_expires.lasts(now) => Step::Nothing,
        Need::Access if tokens.refresh.is_empty() => Step::SignIn,
        Need::Access => Step::Refresh,
    }
}

/// The one holder of an account's tokens.
#[derive(Debug)]
pub struct Credentials {
    email: Secret,
    password: SecretSource,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tokens: Option<Arc<Tokens>>,
    /// The last sign-in that was refused for good, and when.
    refused: Option<(Failure, Instant)>,
}

impl Credentials {
    /// Without tokens yet.
    #[must_use]
    pub fn new(email: Secret, password: SecretSource) -> Self {
        Self { email, password, state: Mutex::new(State::default()) }
    }

    /// The account's e-mail.
    #[must_use]
    pub fn email(&self) -> &Secret {
        &self.email
    }

    /// Tokens that serve the need. `patient`: rather fail again than repeat a sign-in that was just refused.
    ///
    /// # Errors
    /// When they cannot be had; each try is told in `events`.
    pub async fn obtain(
        &self,
        rest: &Rest,
        need: Need,
        patient: bool,
        events: &mut Vec<CredentialEvent>,
    ) -> Result<Arc<Tokens>, Failure> {
        // Who waited here finds what the one before has got, and decides on that.
        let mut state = self.state.lock().await;
        let step = step(state.tokens.as_deref(), need, clock::now().at);
        self.take(step, &mut state, rest, patient, events).await
    }

    /// New tokens after a call refused `stale`, unless somebody else has got new ones already.
    ///
    /// # Errors
    /// When they cannot be had; each try is told in `events`.
    pub async fn replace(
        &self,
        rest: &Rest,
        stale: &Tokens,
        patient: bool,
        events: &mut Vec<CredentialEvent>,
    ) -> Result<Arc<Tokens>, Failure> {
        let mut state = self.state.lock().await;
        let step = match state.tokens.as_deref() {
            Some(tokens) if tokens.access != stale.access => Step::Nothing,
            Some(tokens) if !tokens.refresh.is_empty() => Step::Refresh,
            Some(_) | None => Step::SignIn,
        };
        self.take(step, &mut state, rest, patient, events).await
    }

    async fn take(
        &self,
        step: Step,
        state: &mut State,
        rest: &Rest,
        patient: bool,
        events: &mut Vec<CredentialEvent>,
    ) -> Result<Arc<Tokens>, Failure> {
        if let (Step::Nothing, Some(tokens)) = (step, &state.tokens) {
            return Ok(Arc::clone(tokens));
        }
        if let (Step::Refresh, Some(tokens)) = (step, state.tokens.clone()) {
            let refreshed = self.refresh(rest, &tokens).await;
            events.push(event(CredentialKind::Refresh, &refreshed));
            if let Ok(tokens) = refreshed {
                return Ok(Arc::clone(state.tokens.insert(Arc::new(tokens))));
            }
            // Refused or broken: a full sign-in tells which.
        }
        if let Some((failure, at)) = state.refused.as_ref().filter(|_| patient)
            && clock::now().at.saturating_since(*at) < AFTER_REFUSAL
        {
            return Err(failure.clone());
        }
        let signed_in = self.sign_in(rest).await;
        events.push(event(CredentialKind::SignIn, &signed_in));
        match signed_in {
            Ok(tokens) => {
                state.refused = None;
                Ok(Arc::clone(state.tokens.insert(Arc::new(tokens))))
            }
            Err(failure) => {
                if failure.class == RetryClass::Setup {
                    state.refused = Some((failure.clone(), clock::now().at));
                }
                Err(failure)
            }
        }
    }

    async fn refresh(&self, rest: &Rest, tokens: &Tokens) -> Result<Tokens, Failure> {
        let data = rest.refresh(&tokens.refresh).await?;
        tokens.refreshed(&data, clock::now()).ok_or_else(|| unexpected("the refresh brought no token"))
    }

    async fn sign_in(&self, rest: &Rest) -> Result<Tokens, Failure> {
        let password = self.password().await?;
        let data = rest.sign_in(&self.email, &password).await?;
        Tokens::from_sign_in(&data, clock::now()).ok_or_else(|| {
            unexpected("the sign-in brought no token or no AWS keys, without which MQTT is impossible")
        })
    }

    /// Read anew each time, so that a changed password needs no restart.
    async fn password(&self) -> Result<Secret, Failure> {
        let path = match &self.password {
            SecretSource::Value(secret) => return Ok(secret.clone()),
            SecretSource::File(path) => path.clone(),
        };
        let shown = path.display().to_string();
        let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
        let missing = |why: &str| {
            let message = format!("the password file `{shown}` {why}");
            Failure::new(Phase::Credentials, ErrorName::SigningNoCredentials, message)
                .with_class(RetryClass::Setup)
        };
        let Ok(Ok(text)) = read else { return Err(missing("cannot be read")) };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() { Err(missing("is empty")) } else { Ok(Secret::new(text)) }
    }
}

fn unexpected(message: &str) -> Failure {
    Failure::new(Phase::Credentials, ErrorName::CredentialsUnexpectedResponse, message)
        .with_class(RetryClass::Service)
}

fn event(kind: CredentialKind, outcome: &Result<Tokens, Failure>) -> CredentialEvent {
    let outcome = match outcome {
        Ok(tokens) => Ok(Some(tokens.keys_expire.wall)),
        Err(failure) => Err(failure.error),
    };
    CredentialEvent { kind, outcome }
}

/// Lists every device of the account, page by page.
///
/// # Errors
/// When a page cannot be had or read. An access token that was refused is replaced once.
pub async fn list(
    credentials: &Credentials,
    rest: &Rest,
    patient: bool,
    events: &mut Vec<CredentialEvent>,
) -> Result<Vec<super::devices::Entry>, Failure> {
    /// Far more pages than any account has: a list that never ends must end.
    const MOST_PAGES: usize = 25;
    let mut tokens = credentials.obtain(rest, Need::Access, patient, events).await?;
    let mut entries = Vec::new();
    let mut replaced = false;
    for page in 0..MOST_PAGES {
        let offset = page * super::devices::PAGE;
        let mut data = rest.device_list(&tokens.access, &credentials.email, offset).await;
        if !replaced && data.as_ref().is_err_and(envelope::is_stale_token) {
            replaced = true;
            tokens = credentials.replace(rest, &tokens, patient, events).await?;
            data = rest.device_list(&tokens.access, &credentials.email, offset).await;
        }
        let page = super::devices::page(&data?)
            .ok_or_else(|| unexpected("the device list has a shape that is not known"))?;
        entries.extend(page.entries);
        if page.length < super::devices::PAGE {
            break;
        }
    }
    Ok(entries)
}
