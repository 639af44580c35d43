//! The web configuration file in force: TLS, passwords and headers of the server, read anew when they change.
//! Never loses what works to a file that does not: a broken one is logged and the old settings stay.

mod file;
mod guests;
mod password;
mod tls;
mod yaml;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use rustls::ServerConfig;
use tracing::{error, info};

use super::answer;
use crate::config::Problems;
use file::Settings;

/// The settings that the server goes by. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Web {
    /// `None` without a file: no TLS, no passwords, for ever.
    shared: Option<Arc<Shared>>,
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    settings: Arc<Settings>,
    /// How the files looked when they were read last, whether what they said was right or not.
    seen: Seen,
}

/// Length and time of a file; `None` while it cannot be seen.
type Stamp = Option<(u64, SystemTime)>;

/// Files that settings depend on, and how each looked before it was read: a change meanwhile shows.
type Seen = Vec<(PathBuf, Stamp)>;

/// Every fault of a web configuration file; the files that it names are opened.
///
/// # Errors
/// Every problem there is, none of which repeats a secret.
pub fn check(path: &Path) -> Result<(), Problems> {
    file::read(path).0.map(|_| ())
}

impl Web {
    /// The settings of this file, or none without one.
    ///
    /// # Errors
    /// Every problem there is, none of which repeats a secret.
    pub fn open(path: Option<&Path>) -> Result<Self, Problems> {
        let Some(path) = path else { return Ok(Self::default()) };
        let (settings, seen) = file::read(path);
        let state = Mutex::new(State { settings: Arc::new(settings?), seen });
        Ok(Self { shared: Some(Arc::new(Shared { path: path.to_owned(), state })) })
    }

    /// Reads the file anew, changed or not.
    ///
    /// # Errors
    /// Every problem of the new file; the old settings stay in force.
    pub fn reload(&self) -> Result<(), Problems> {
        let Some(shared) = &self.shared else { return Ok(()) };
        shared.take(&mut shared.lock())
    }

    /// What clients are called by: `https` or `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls().is_some() { "https" } else { "http" }
    }

    /// TLS for the next client.
    pub(super) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.settings()?.tls.clone()
    }

    /// The settings, read anew if a file has changed.
    fn settings(&self) -> Option<Arc<Settings>> {
        let shared = self.shared.as_ref()?;
        let mut state = shared.lock();
        if state.seen.iter().any(|(path, seen)| stamp(path) != *seen) {
            match shared.take(&mut state) {
                Ok(()) => info!("the web configuration file changed and is in force"),
                Err(problems) => {
                    error!("the web configuration changed and the old one stays in force:\n{problems}");
                }
            }
        }
        Some(Arc::clone(&state.settings))
    }

    /// The answer to a request with these headers: that of `pages`, if who asks may. Pages that are `guarded` by a
    /// token ask for no password beside it: there is one header for both.
    pub(super) async fn answer(
        &self,
        headers: &HeaderMap,
        guarded: bool,
        pages: impl Future<Output = Response>,
    ) -> Response {
        let Some(settings) = self.settings() else { return pages.await };
        let admitted = match &settings.passwords {
            Some(passwords) if !guarded => passwords.admit(headers).await,
            Some(_) | None => true,
        };
        let mut response = if admitted { pages.await } else { refusal().await };
        for (name, value) in &settings.headers {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, state: &mut State) -> Result<(), Problems> {
        let (settings, seen) = file::read(&self.path);
        state.seen = seen;
        state.settings = Arc::new(settings?);
        Ok(())
    }
}

fn stamp(path: &Path) -> Stamp {
    let data = std::fs::metadata(path).ok()?;
    Some((data.len(), data.modified().ok()?))
}

async fn refusal() -> Response {
    let sentence = "This page is for users with a password only.\n".to_owned();
    let mut response = answer::guarded(answer::text(StatusCode::UNAUTHORIZED, sentence)).await;
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"hangup\""));
    response
}
