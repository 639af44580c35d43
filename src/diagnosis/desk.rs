//! Runs the tests beside the connections: hears of drops, looks, and writes what it finds into the history.
//! Never decides what fits, and never makes a connection wait: a look has a thread of its own.

mod look;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use look::look;
pub use look::{earlier_offsets, look_now, utc_offset};
use tokio::sync::Notify;
use tokio::sync::mpsc::WeakSender;
use tracing::{error, info};

use super::fleet::{Dropped, burst, came_with};
use super::gather::{Beside, Settings, is_explained};
use super::probe::{self, Clock};
use super::{Finding, Pattern, combine};
use crate::clock::{self, Now};
use crate::config;
use crate::connection::driver::Control;
use crate::host::Timeline;
use crate::lifecycle::board::SharedHistory;
use crate::lifecycle::observer::{Fact, Observer};
use crate::telemetry::FindingGauges;

/// How often it is asked whether a probe is due.
const PROBE_CHECK: Duration = Duration::from_secs(60);

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
        loop {
            tokio::select! {
                () = self.0.wake.notified() => {}
                () = tokio::time::sleep(PROBE_CHECK) => self.order_probes(clock::now()),
            }
            while let Some(name) = self.next() {
                let desk = self.clone();
                let looked = tokio::task::spawn_blocking(move || desk.look(&name, clock::now()));
                if let Err(panicked) = looked.await {
                    error!(%panicked, "a look of the diagnosis ended by a bug; please report it");
                }
            }
        }
    }

    /// Looks at every connection that waits for it, here and now.
    pub fn look_at_all(&self, now: Now) {
        while let Some(name) = self.next() {
            self.look(&name, now);
        }
    }

    fn next(&self) -> Option<String> {
        lock(&self.0.waiting).pop_first()
    }

    fn look(&self, name: &str, now: Now) {
        let subjects = lock(&self.0.subjects).clone();
        let Some(subject) = subjects.get(name) else { return };
        let settings = self.settings(now);
        let fleet = fleet(&subjects, settings.scale);
        let beside = Beside { host: self.0.host.all(), other_drops: others(name, &fleet, settings.scale) };
        let together = burst(name, &fleet, subjects.len());
        let (before, conclusion, explained) = look(&subject.history, &beside, &settings, together, now);
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
        self.pass_on(&conclusion.findings, &fleet, &subjects);
    }

    /// A burst is found at one connection first: the others in it are to be looked at too, unless they know.
    fn pass_on(&self, findings: &[Finding], fleet: &[Dropped], subjects: &BTreeMap<String, Subject>) {
        for together in findings.iter().map(|finding| &finding.claim.pattern) {
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
            let within = fleet.iter().filter(|drop| came_with(drop, together));
            let names: BTreeSet<String> =
                within.map(|drop| drop.connection.to_string()).filter(|name| !knows(name)).collect();
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

/// The drops of all connections that direct evidence leaves open.
fn fleet(subjects: &BTreeMap<String, Subject>, scale: f64) -> Vec<Dropped> {
    if subjects.len() < 2 {
        return Vec::new();
    }
    let mut fleet = Vec::new();
    for (name, subject) in subjects {
        let connection: Arc<str> = name.as_str().into();
        subject.history.read(|history| {
            let open =
                history.drops().rev().filter(|drop| !history.verdict(drop.number).is_some_and(is_explained));
            fleet.extend(open.take(super::gather::DROPS).map(|drop| Dropped {
                connection: Arc::clone(&connection),
                session: drop.number,
                at: clock::unix_seconds(drop.end.wall) * scale,
                connects_failed: super::gather::afterwards(history, drop).1,
            }));
        });
    }
    fleet
}

fn others(name: &str, fleet: &[Dropped], scale: f64) -> Vec<SystemTime> {
    let others = fleet.iter().filter(|drop| &*drop.connection != name);
    let wall = |at: f64| Duration::try_from_secs_f64(at / scale).unwrap_or_default();
    others.map(|drop| SystemTime::UNIX_EPOCH + wall(drop.at)).collect()
}

/// One line when a finding appears, when it becomes another and when it goes.
fn tell(connection: &str, before: &[Finding], after: &[Finding]) {
    let alike = |one: &Finding, other: &Finding| combine::same(&one.claim.pattern, &other.claim.pattern);
    for finding in after {
        let earlier = before.iter().find(|earlier| alike(earlier, finding));
        let what = match earlier {
            None => "a pattern in the drops",
            Some(earlier) if (earlier.cause, earlier.or) != (finding.cause, finding.or) => {
                "a pattern in the drops is better known"
            }
            Some(_) => continue,
        };
        let Finding { cause, evidence, words, advice, .. } = finding;
        info!(connection, %cause, %evidence, "{what}: {words} {advice}");
    }
    for finding in before.iter().filter(|finding| !after.iter().any(|later| alike(finding, later))) {
        let Finding { cause, contradicted, .. } = finding;
        info!(connection, %cause, contradicted, "a pattern in the drops does not stand any more: {}", finding.words);
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
