//! The account's tokens and keys: had by sign-in, kept alive by refresh, given out while they last.
//!
//! Never two exchanges at once: a rotating refresh token would make each the other's end. Never to disk.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::rest::{Rest, envelope};
use super::tokens::{Need, Step, Tokens, step};
use crate::clock::{self, Instant};
use crate::config::{Secret, SecretSource};
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Failure, Phase};
use crate::lifecycle::{CredentialEvent, CredentialKind};

/// After a refused sign-in a session that lives does not try again for so long: vendors lock accounts.
const AFTER_REFUSAL: Duration = Duration::from_secs(30 * 60);

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

    /// New tokens after a call refused these, unless somebody else has got new ones already.
    ///
    /// # Errors
    /// When they cannot be had; each try is told in `events`.
    pub async fn replace(
        &self,
        rest: &Rest,
        refused: &Tokens,
        patient: bool,
        events: &mut Vec<CredentialEvent>,
    ) -> Result<Arc<Tokens>, Failure> {
        let mut state = self.state.lock().await;
        let step = match state.tokens.as_deref() {
            Some(tokens) if tokens.access != refused.access => Step::Nothing,
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
