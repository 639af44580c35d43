//! What every connection is doing and why, for the status page, `/-/ready` and `/api/v1/connections`.
//!
//! Written by the [`super::recorder::Recorder`], read by HTTP. Holds no secret, no MAC, no e-mail, no client id.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::StateName;
use super::history::History;
use super::view::Summary;
use crate::clock::Now;
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Detail, Failure, Phase, Tier};
use crate::diagnosis::{Cause, Evidence, Verdict};
use crate::source::fleet;
use crate::telemetry::Traffic;

/// All connections of this process.
#[derive(Debug, Default)]
pub struct Board {
    entries: Mutex<BTreeMap<String, Arc<Mutex<ConnectionStatus>>>>,
}

impl Board {
    /// A place for one connection to write to; replaces an older one of the same name and inherits its past, as
    /// the counters on the page go on too.
    pub fn enter(&self, mut status: ConnectionStatus) -> Arc<Mutex<ConnectionStatus>> {
        let mut entries = lock(&self.entries);
        if let Some(before) = entries.get(&status.name) {
            status.inherit(&lock(before));
        }
        let name = status.name.clone();
        let entry = Arc::new(Mutex::new(status));
        entries.insert(name, Arc::clone(&entry));
        entry
    }

    /// Forgets a connection that was removed from the configuration.
    pub fn remove(&self, name: &str) {
        lock(&self.entries).remove(name);
    }

    /// A copy of one connection's status.
    #[must_use]
    pub fn status(&self, name: &str) -> Option<ConnectionStatus> {
        let entry = lock(&self.entries).get(name).map(Arc::clone)?;
        let status = lock(&entry).clone();
        Some(status.told_as_known())
    }

    /// A copy of the status of so many connections, sorted by name, from the one after this on.
    #[must_use]
    pub fn page(&self, after: Option<&str>, limit: usize) -> Vec<ConnectionStatus> {
        use std::ops::Bound::{Excluded, Unbounded};

        let from = after.map_or(Unbounded, Excluded);
        let entries: Vec<_> = lock(&self.entries)
            .range::<str, _>((from, Unbounded))
            .take(limit)
            .map(|(_, entry)| Arc::clone(entry))
            .collect();
        entries.iter().map(|entry| lock(entry).clone().told_as_known()).collect()
    }

    /// The names of the connections that wait for their next attempt.
    #[must_use]
    pub fn waiting(&self) -> Vec<String> {
        let entries: Vec<_> = lock(&self.entries).values().map(Arc::clone).collect();
        let waiting =
            entries.iter().map(|entry| lock(entry)).filter(|status| status.state == StateName::Waiting);
        waiting.map(|status| status.name.clone()).collect()
    }

    /// A copy of every connection's status, sorted by name.
    #[must_use]
    pub fn snapshot(&self) -> Vec<ConnectionStatus> {
        let entries: Vec<_> = lock(&self.entries).values().map(Arc::clone).collect();
        entries.iter().map(|entry| lock(entry).clone().told_as_known()).collect()
    }
}

/// A poisoned lock still holds a readable status: a panic elsewhere must not take the page down.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// One connection, now.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionStatus {
    /// Its name.
    pub name: String,
    /// `navien`, `broker` …
    pub source: &'static str,
    /// `wss`, `tcp` …
    pub transport: &'static str,
    /// What it is doing.
    pub state: StateName,
    /// The phase of an attempt under way.
    pub phase: Option<Phase>,
    /// Since when it is in this state.
    #[serde(serialize_with = "rfc3339")]
    pub since: SystemTime,
    /// Why, in a sentence for a person.
    pub why: String,
    /// Number and tier of the attempt under way or last made.
    pub attempt: Option<(u32, Tier)>,
    /// Failed attempts since the last success.
    pub consecutive_failures: u32,
    /// It rests until a person helps or a long time has passed.
    #[serde(skip)]
    pub waits_for_a_person: bool,
    /// When the next attempt begins, while waiting.
    #[serde(serialize_with = "rfc3339_option")]
    pub next_attempt: Option<SystemTime>,
    /// The session, while there is one.
    pub session: Option<SessionStatus>,
    /// The newest failure of an attempt.
    pub last_failure: Option<LastFailure>,
    /// The newest drop.
    pub last_drop: Option<LastDrop>,
    /// Accepted sessions so far.
    pub sessions: u64,
    /// Drops so far.
    pub drops: u64,
    /// Drops by error name, those that happened.
    pub drops_by_error: BTreeMap<ErrorName, u64>,
    /// It has been online since the start of the process.
    pub was_online: bool,
    /// Recent attempts, sessions and drops; shown in short.
    pub history: SharedHistory,
    /// The counters of what flows, once a recorder counts.
    #[serde(skip)]
    pub flow: Option<Traffic>,
    /// What its broker says of its clients, where it listens; `/api/v1/fleet` shows it.
    #[serde(skip)]
    pub fleet: Option<Arc<fleet::View>>,
}

impl ConnectionStatus {
    /// The status of a connection that has not started.
    #[must_use]
    pub fn new(name: impl Into<String>, source: &'static str, transport: &'static str, now: Now) -> Self {
        Self {
            name: name.into(),
            source,
            transport,
            state: StateName::Idle,
            phase: None,
            since: now.wall,
            why: "not started yet".to_owned(),
            attempt: None,
            consecutive_failures: 0,
            waits_for_a_person: false,
            next_attempt: None,
            session: None,
            last_failure: None,
            last_drop: None,
            sessions: 0,
            drops: 0,
            drops_by_error: BTreeMap::new(),
            was_online: false,
            history: SharedHistory::default(),
            flow: None,
            fleet: None,
        }
    }

    /// Takes over what an earlier life of the same connection left.
    fn inherit(&mut self, before: &Self) {
        self.last_failure.clone_from(&before.last_failure);
        self.last_drop.clone_from(&before.last_drop);
        self.sessions = before.sessions;
        self.drops = before.drops;
        self.drops_by_error.clone_from(&before.drops_by_error);
        self.was_online = before.was_online;
        self.history = before.history.clone();
        self.flow.clone_from(&before.flow);
    }
}

/// The history of one connection: written by its recorder, read by the diagnosis and by HTTP. Clones share it.
#[derive(Clone, Default)]
pub struct SharedHistory(Arc<Mutex<History>>);

impl SharedHistory {
    /// Looks at the history. It cannot be written meanwhile: be quick.
    pub fn read<T>(&self, look: impl FnOnce(&History) -> T) -> T {
        look(&lock(&self.0))
    }

    /// Adds to the history.
    pub fn write<T>(&self, add: impl FnOnce(&mut History) -> T) -> T {
        add(&mut lock(&self.0))
    }
}

/// Prints how much there is, not what: a log line needs no thousand drops.
impl std::fmt::Debug for SharedHistory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let history = lock(&self.0);
        f.debug_struct("SharedHistory")
            .field("sessions", &history.sessions().len())
            .field("drops", &history.drops().len())
            .field("attempts", &history.attempts().len())
            .finish()
    }
}

/// The newest drops and sessions in short; the diagnostics export shows the rest.
impl Serialize for SharedHistory {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.read(Summary::of).serialize(serializer)
    }
}

/// The session of a connection.
#[derive(Clone, Debug, Serialize)]
pub struct SessionStatus {
    /// CONNACK accepted.
    #[serde(serialize_with = "rfc3339")]
    pub since: SystemTime,
    /// Attempts it took.
    pub attempts: u32,
    /// Subscriptions wanted.
    pub subscriptions: usize,
    /// Subscriptions acknowledged.
    pub subscriptions_active: usize,
    /// Keep-alive in force, in seconds.
    pub keep_alive_seconds: u64,
    /// When the credentials that signed it lapse.
    #[serde(serialize_with = "rfc3339_option")]
    pub credentials_expire: Option<SystemTime>,
}

/// A failed attempt.
#[derive(Clone, Debug, Serialize)]
pub struct LastFailure {
    /// When.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
    /// Where.
    pub phase: Phase,
    /// What.
    pub error: ErrorName,
    /// How it is retried.
    pub class: RetryClass,
    /// Finer.
    pub detail: Detail,
    /// In words.
    pub message: String,
}

impl LastFailure {
    /// Of a failure now.
    pub(super) fn of(failure: &Failure, now: Now) -> Self {
        let Failure { phase, error, class, detail, message, retry_after: _ } = failure.clone();
        Self { at: now.wall, phase, error, class, detail, message }
    }
}

/// A drop.
#[derive(Clone, Debug, Serialize)]
pub struct LastDrop {
    /// When.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
    /// What.
    pub error: ErrorName,
    /// Finer.
    pub detail: Detail,
    /// In words.
    pub message: String,
    /// How it is retried.
    pub class: RetryClass,
    /// Length of the session, in seconds.
    pub session_seconds: f64,
    /// What is thought to have caused it.
    pub cause: Cause,
    /// How well that is known.
    pub evidence: Evidence,
    /// What it rests on, in a sentence.
    pub words: String,
}

impl ConnectionStatus {
    /// The tests over many drops may know the last drop better than it was known when it came.
    fn told_as_known(mut self) -> Self {
        let newest = self.history.read(|history| {
            let newest = history.drops().next_back()?;
            Some((newest.end.wall, history.verdict(newest.number)?.clone()))
        });
        if let (Some(drop), Some((at, verdict))) = (&mut self.last_drop, newest)
            && drop.at == at
        {
            drop.explain(verdict);
        }
        self
    }
}

impl LastDrop {
    /// Of a session that lasted so long and ends now.
    pub(super) fn of(failure: &Failure, lasted: Option<Duration>, verdict: Verdict, now: Now) -> Self {
        let Failure { phase: _, error, class, detail, message, retry_after: _ } = failure.clone();
        let session_seconds = lasted.unwrap_or_default().as_secs_f64();
        let Verdict { cause, evidence, rule: _, words } = verdict;
        Self { at: now.wall, error, class, detail, message, session_seconds, cause, evidence, words }
    }

    /// The same drop, better known.
    pub(super) fn explain(&mut self, verdict: Verdict) {
        let Verdict { cause, evidence, rule: _, words } = verdict;
        (self.cause, self.evidence, self.words) = (cause, evidence, words);
    }
}

/// Writes a time as RFC 3339 in UTC with milliseconds.
///
/// # Errors
/// Only those of the serializer.
pub fn rfc3339<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*time))
}

/// The same for a time that may be absent.
///
/// # Errors
/// Only those of the serializer.
pub fn rfc3339_option<S: serde::Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => rfc3339(time, serializer),
        None => serializer.serialize_none(),
    }
}
