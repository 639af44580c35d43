//! Runs the tests beside the connections: hears of drops, looks, and writes what it finds into the history.
//! Never decides what fits, and never makes a connection wait: a look has a thread of its own.

mod look;
mod scene;
mod tell;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use look::look;
pub use look::{earlier_offsets, look_now, utc_offset};
use scene::{Scene, beside};
use tell::tell;
use tokio::sync::Notify;
use tokio::sync::mpsc::WeakSender;
use tokio::time::MissedTickBehavior;
use tracing::error;

use super::fleet::came_with;
use super::gather::Settings;
use super::probe::{self, Clock};
use super::{Pattern, combine};
use crate::clock::{self, Now};
use crate::config;
use crate::connection::driver::Control;
use crate::host::Timeline;
use crate::lifecycle::board::SharedHistory;
use crate::lifecycle::observer::{Fact, Observer};
use crate::telemetry::FindingGauges;

/// How often it is asked whether a probe is due.
const PROBE_CHECK: Duration = Duration::from_secs(60);

/// After the looks of a round it rests so many times as long as they took, …
const REST: u32 = 4;
/// … but not longer than this.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// How the desk works.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Session lengths to try beside the known limits.
    pub limits: Vec<Duration>,
    /// Whether a session may be closed to tell two causes apart.
    pub probes: bool,
    /// Lengths and times are multiplied by this before they are looked at: for tests in compressed time. 1 else.
    pub scale: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { limits: Vec::new(), probes: false, scale: 1.0 }
    }
}

impl From<&config::Diagnosis> for Options {
    fn from(config: &config::Diagnosis) -> Self {
        let config::Diagnosis { limits, probes } = config;
        Self { limits: limits.clone(), probes: *probes, ..Self::default() }
    }
}

/// One connection, to the desk.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What happened to it; findings and better verdicts are written here.
    pub history: SharedHistory,
    /// Its gauges.
    pub gauges: FindingGauges,
    /// Where a probe is ordered. A sender that only the desk held would keep a connection from its end.
    pub control: Option<WeakSender<Control>>,
}

/// The diagnosis of all connections of this process. Clones share it.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    subjects: Mutex<BTreeMap<String, Subject>>,
    /// The connections to look at: a set, so that a storm of drops is one look.
    waiting: Mutex<BTreeSet<String>>,
    wake: Notify,
    host: Timeline,
    options: Mutex<Options>,
    /// Microseconds that rounds of looks took.
    #[cfg(test)]
    busy: std::sync::atomic::AtomicU64,
    /// Rounds of looks.
    #[cfg(test)]
    rounds: std::sync::atomic::AtomicU64,
    /// Who hears of what was concluded.
    listeners: Mutex<BTreeMap<String, Box<dyn Observer>>>,
}

impl Desk {
    /// A desk on the machine with these signals.
    #[must_use]
    pub fn new(host: Timeline, options: Options) -> Self {
        Self(Arc::new(Inner {
            subjects: Mutex::default(),
            waiting: Mutex::default(),
            wake: Notify::new(),
            host,
            options: Mutex::new(options),
            #[cfg(test)]
            busy: std::sync::atomic::AtomicU64::new(0),
            #[cfg(test)]
            rounds: std::sync::atomic::AtomicU64::new(0),
            listeners: Mutex::default(),
        }))
    }

    /// From now on this one hears what is concluded of a connection: [`Fact::Explained`] and [`Fact::Concluded`].
    pub fn tell_to(&self, name: &str, listener: Box<dyn Observer>) {
        lock(&self.0.listeners).insert(name.to_owned(), listener);
    }

    /// Works differently from the next look on.
    pub fn configure(&self, options: Options) {
        *lock(&self.0.options) = options;
        let names: Vec<String> = lock(&self.0.subjects).keys().cloned().collect();
        lock(&self.0.waiting).extend(names);
        self.0.wake.notify_one();
    }

    /// Takes a connection, in the place of an earlier one of that name. What is returned has to hear of its sessions.
    #[must_use]
    pub fn observer(&self, name: &str, subject: Subject) -> Box<dyn Observer> {
        lock(&self.0.subjects).insert(name.to_owned(), subject);
        let watch = Watch { name: name.to_owned(), desk: self.clone() };
        // What a journal restored shows on the page before the first drop of this run.
        watch.ask();
        Box::new(watch)
    }

    /// Forgets a connection that was removed from the configuration.
    pub fn forget(&self, name: &str) {
        lock(&self.0.subjects).remove(name);
        lock(&self.0.waiting).remove(name);
        lock(&self.0.listeners).remove(name);
    }

    /// Looks whenever there is something to look at, for ever.
    pub async fn run(self) {
        // However often it is woken, the time for probes comes.
        let mut probes = tokio::time::interval(PROBE_CHECK);
        probes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.0.wake.notified() => {}
                _ = probes.tick() => self.order_probes(clock::now()),
            }
            // One round for each turn: what comes meanwhile wakes again, and a storm that never pauses leaves probes their turn.
            let names = std::mem::take(&mut *lock(&self.0.waiting));
            if names.is_empty() {
                continue;
            }
            let began = clock::now().at;
            self.round(names).await;
            // However often connections drop, looking takes a share of one processor.
            let took = clock::now().at.saturating_since(began);
            #[cfg(test)]
            self.0.busy.fetch_add(
                u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                std::sync::atomic::Ordering::Relaxed,
            );
            tokio::time::sleep(took.saturating_mul(REST).min(LONGEST_REST)).await;
        }
    }

    /// Looks at each of these, beside the connections' threads. A bug in one look is not the others' loss.
    async fn round(&self, names: BTreeSet<String>) {
        let desk = self.clone();
        let Ok(scene) = tokio::task::spawn_blocking(move || desk.scene(clock::now())).await else { return };
        let scene = Arc::new(scene);
        for name in names {
            let (desk, scene) = (self.clone(), Arc::clone(&scene));
            let looked = tokio::task::spawn_blocking(move || desk.look(&name, &scene, clock::now()));
            if let Err(panicked) = looked.await {
                error!(%panicked, "a look of the diagnosis ended by a bug; please report it");
            }
        }
        let desk = self.clone();
        let _ = tokio::task::spawn_blocking(move || desk.pass_on(&scene)).await;
    }

    /// Looks at every connection that waits for it, here and now.
    pub fn look_at_all(&self, now: Now) {
        loop {
            let names = std::mem::take(&mut *lock(&self.0.waiting));
            if names.is_empty() {
                return;
            }
            let scene = self.scene(now);
            for name in &names {
                self.look(name, &scene, now);
            }
            self.pass_on(&scene);
        }
    }

    fn look(&self, name: &str, scene: &Scene, now: Now) {
        let Scene { subjects, settings, together, found, .. } = scene;
        let Some(subject) = subjects.get(name).filter(|_| lock(&self.0.subjects).contains_key(name)) else {
            return;
        };
        let beside = beside(name, scene);
        let together = together.get(name).cloned();
        let (before, conclusion, explained) = look(&subject.history, &beside, settings, together, now);
        subject.gauges.show(&conclusion.findings);
        tell(name, &before, &conclusion.findings);
        if let Some(listener) = lock(&self.0.listeners).get_mut(name) {
            for (session, verdict) in &explained {
                listener.heard(&Fact::Explained { session: *session, verdict }, now);
            }
            if before != conclusion.findings {
                listener.heard(&Fact::Concluded(&conclusion.findings), now);
            }
        }
        let patterns = conclusion.findings.iter().map(|finding| &finding.claim.pattern);
        let bursts = patterns.filter(|pattern| matches!(pattern, Pattern::Burst { .. }));
        let mut found = lock(found);
        for burst in bursts {
            // All that were in one find the same.
            if !found.contains(burst) {
                found.push(burst.clone());
            }
        }
    }

    /// A burst is found at one connection first: the others in it are to be looked at too, unless they know.
    fn pass_on(&self, scene: &Scene) {
        let Scene { subjects, fleet, .. } = scene;
        for together in &*lock(&scene.found) {
            let Pattern::Burst { clients, .. } = together else { continue };
            let knows = |name: &str| {
                subjects.get(name).is_some_and(|subject| {
                    subject.history.read(|history| {
                        history.findings().iter().any(|finding| {
                            let known = &finding.claim.pattern;
                            matches!(known, Pattern::Burst { clients: known, .. } if known >= clients)
                                && combine::same(known, together)
                        })
                    })
                })
            };
            let within: BTreeSet<&Arc<str>> =
                fleet.iter().filter(|drop| came_with(drop, together)).map(|drop| &drop.connection).collect();
            let names: BTreeSet<String> =
                within.into_iter().filter(|name| !knows(name)).map(ToString::to_string).collect();
            if !names.is_empty() {
                lock(&self.0.waiting).extend(names);
                self.0.wake.notify_one();
            }
        }
    }

    /// Orders the probes that are due. The connection refuses one that comes at a bad moment, and is asked again.
    pub fn order_probes(&self, now: Now) {
        if !lock(&self.0.options).probes {
            return;
        }
        let Settings { utc_offset, scale, .. } = self.settings(now);
        let subjects: Vec<Subject> = lock(&self.0.subjects).values().cloned().collect();
        for Subject { history, gauges: _, control } in subjects {
            let clock = Clock { now: now.wall, utc_offset, scale };
            if history.read(|history| probe::is_due(history, clock))
                && let Some(control) = control.and_then(|control| control.upgrade())
            {
                let _ = control.try_send(Control::Probe);
            }
        }
    }

    fn settings(&self, now: Now) -> Settings {
        let Options { limits, probes: _, scale } = lock(&self.0.options).clone();
        Settings {
            limits: limits.iter().map(Duration::as_secs_f64).collect(),
            utc_offset: utc_offset(now.wall),
            earlier_offsets: earlier_offsets(now.wall),
            scale,
        }
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("connections", &lock(&self.0.subjects).len()).finish_non_exhaustive()
    }
}

/// Hears of the sessions of one connection.
struct Watch {
    name: String,
    desk: Desk,
}

impl Watch {
    fn ask(&self) {
        lock(&self.desk.0.waiting).insert(self.name.clone());
        self.desk.0.wake.notify_one();
    }
}

impl Observer for Watch {
    fn heard(&mut self, fact: &Fact<'_>, _now: Now) {
        match fact {
            // The next session shows what came of a drop, and a verdict may set it aside.
            Fact::Over(_) | Fact::Began(_) | Fact::Explained { .. } => self.ask(),
            Fact::Attempt(_) | Fact::Happened(_) | Fact::Concluded(_) => {}
        }
    }
}

/// A poisoned lock holds what was there before the look that broke.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
