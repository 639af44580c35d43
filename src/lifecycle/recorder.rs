//! The only place where lifecycle becomes numbers, log lines and history.
//! Never decides anything: it is told what happened and when.

mod attempts;
mod explain;
mod told;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use explain::Unsettled;
use told::Ear;

use super::board::{ConnectionStatus, LastDrop, SharedHistory, lock};
use super::history::{AttemptOutcome, End, Happening, History, Session};
use super::narrate::{self, Loudness, Repeats};
use super::observer::{Fact, Observer};
use super::open::{OpenAttempt, OpenSession};
use super::{CloseCause, Event, StateName, log};
use crate::clock::Now;
use crate::connection::ending::Ending;
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Failure, Tier};
use crate::diagnosis::Verdict;
use crate::diagnosis::evidence::NextAttempt;
use crate::host::Timeline;
use crate::lifecycle::Why;
use crate::telemetry::{ConnectionMetrics, Traffic};

/// Records the life of one connection.
pub struct Recorder {
    name: String,
    metrics: ConnectionMetrics,
    status: Arc<Mutex<ConnectionStatus>>,
    history: SharedHistory,
    attempt: Option<OpenAttempt>,
    session: Option<OpenSession>,
    /// Since when there is an outage: a drop began it, an accepted session ends it. A first connect and a close of
    /// our own begin none, however long the connect after them takes.
    outage: Option<Now>,
    consecutive_failures: u32,
    /// The number of the attempt to come.
    next_attempt: u32,
    sessions: u64,
    /// What the wait that may come is about.
    last_failure: Option<Failure>,
    last_loudness: Loudness,
    repeats: Repeats,
    credentials_issued: Option<SystemTime>,
    observers: Vec<Box<dyn Observer>>,
    host: Timeline,
    /// Session lengths that are known beside the catalogue.
    limits: Vec<Duration>,
    /// The newest drop, while its verdict waits for what follows.
    unsettled: Option<Unsettled>,
    /// While the path is suspect: what the board said before.
    calm_why: Option<String>,
    /// What the broker says of us.
    ear: Ear,
}

/// Prints whose it is: the rest is on the page.
impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Recorder {
    /// A recorder that writes to these metrics and this entry of the board.
    #[must_use]
    pub fn new(metrics: ConnectionMetrics, status: Arc<Mutex<ConnectionStatus>>) -> Self {
        let (name, history, sessions) = {
            let mut status = lock(&status);
            if let Some(before) = status.flow.replace(metrics.traffic().clone()) {
                metrics.traffic().goes_on_from(&before);
            }
            (status.name.clone(), status.history.clone(), status.sessions)
        };
        Self {
            name,
            metrics,
            status,
            history,
            attempt: None,
            session: None,
            outage: None,
            consecutive_failures: 0,
            next_attempt: 1,
            sessions,
            last_failure: None,
            last_loudness: Loudness::Quiet,
            repeats: Repeats::default(),
            credentials_issued: None,
            observers: Vec::new(),
            host: Timeline::default(),
            limits: Vec::new(),
            unsettled: None,
            calm_why: None,
            ear: Ear::default(),
        }
    }

    /// The same, heard by this observer too.
    #[must_use]
    pub fn heard_by(mut self, observer: Box<dyn Observer>) -> Self {
        self.observers.push(observer);
        self
    }

    /// The same on the machine with these signals.
    #[must_use]
    pub fn on_host(mut self, host: Timeline) -> Self {
        self.host = host;
        self
    }

    /// The same with session lengths that are known beside the catalogue.
    #[must_use]
    pub fn with_limits(mut self, limits: Vec<Duration>) -> Self {
        self.limits = limits;
        self
    }

    /// Records one fact.
    pub fn record(&mut self, event: Event, now: Now) {
        match event {
            Event::AttemptStarted { tier, number } => self.attempt_started(tier, number, now),
            Event::Credentials(event) => self.credentials(&event, now),
            Event::PhaseEntered(phase) => self.phase_entered(phase, now),
            Event::PhaseFinished(time) => self.phase_finished(time),
            Event::AttemptFailed { failure, interrupted } => {
                let attempt = self.attempt.take();
                if interrupted {
                    self.attempt_interrupted(attempt, now);
                } else {
                    self.attempt_failed(attempt, failure, now);
                }
            }
            Event::Established {
                session_present,
                attempts,
                peer,
                local,
                subscriptions,
                keep_alive,
                credentials_expire,
                certificate_expires,
            } => {
                let outage = self.outage.take().map(|since| now.at.saturating_since(since.at));
                let session = OpenSession {
                    number: self.history.read(History::last_number) + 1,
                    tier: self.attempt.as_ref().map_or(Tier::Quick, |attempt| attempt.tier),
                    outage,
                    start: now,
                    attempts,
                    phases: Vec::new(),
                    session_present,
                    subscriptions,
                    keep_alive,
                    peer,
                    local,
                    credentials_issued: self.credentials_issued,
                    credentials_expire,
                };
                self.established(session, certificate_expires, now);
            }
            Event::Restored { active, refused } => self.restored(active, refused, now),
            Event::Dropped(ending) => self.dropped(*ending, now),
            Event::Closed { cause, ending } => self.closed(cause, ending.map(|ending| *ending), now),
            Event::Waiting { delay, why } => self.waiting(delay, why, now),
            Event::Happened(kind) => self.happened(Happening { kind, at: now }),
            Event::Stopped => self.stopped(now),
        }
    }

    /// The counters of what flows; not lifecycle, so not an event each.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        self.metrics.traffic()
    }

    /// What the kernel says of the path of the living session. Sampled, so not an event each; its turns are told once.
    pub fn path(&mut self, suspect: bool) {
        if suspect == self.calm_why.is_some() || self.session.is_none() {
            return;
        }
        self.metrics.path_suspect(suspect);
        log::path(&self.name, suspect);
        let mut status = lock(&self.status);
        if suspect {
            let calm = std::mem::replace(&mut status.why, narrate::PATH_SUSPECT.to_owned());
            self.calm_why = Some(calm);
        } else if let Some(calm) = self.calm_why.take()
            && status.why == narrate::PATH_SUSPECT
        {
            // Whoever said something else meanwhile knew more.
            status.why = calm;
        }
    }

    fn established(&mut self, mut session: OpenSession, certificate_expires: Option<SystemTime>, now: Now) {
        let attempt = self.attempt.take();
        if let Some(attempt) = &attempt {
            session.phases.clone_from(&attempt.phases);
        }
        self.keep_attempt(attempt, AttemptOutcome::Accepted, now);
        self.followed_by(NextAttempt::Accepted, now);
        self.metrics.established(session.accepted(certificate_expires), now);
        let outage = session.outage;
        if let Some(lasted) = outage {
            self.metrics.outage_over(lasted, session.attempts);
        }
        self.sessions += 1;
        self.next_attempt = 1;
        self.consecutive_failures = 0;
        self.last_failure = None;
        self.repeats.forget();
        let status = session.status();
        let sessions = self.sessions;
        self.enter(StateName::Subscribing, narrate::subscribing(session.subscriptions), now, |entry| {
            entry.session = Some(status);
            entry.sessions = sessions;
            entry.consecutive_failures = 0;
            entry.next_attempt = None;
        });
        log::established(&self.name, &session, outage);
        let living = session.living();
        self.history.write(|history| history.begin_session(living.clone()));
        self.session = Some(session);
        self.tell(&Fact::Began(&living), now);
    }

    fn restored(&mut self, active: usize, refused: usize, now: Now) {
        self.metrics.restored(active, refused, now);
        let attempts = self.session.as_ref().map_or(1, |session| session.attempts);
        self.enter(StateName::Online, narrate::online(attempts, active, refused), now, |status| {
            status.was_online = true;
            if let Some(session) = &mut status.session {
                session.subscriptions_active = active;
            }
        });
        log::restored(&self.name, active, refused);
    }

    fn dropped(&mut self, ending: Ending, now: Now) {
        let failure = ending.failure.clone();
        self.note_lapsed_credentials(now);
        let session = self.session.take();
        self.calm_why = None;
        let lasted = session.as_ref().map(|session| session.lasted(now));
        self.sample_tcp(Some(&ending));
        self.metrics.dropped(failure.phase, failure.error, lasted, now);
        if pingresp_is_missing(&ending) {
            self.metrics.ping_timed_out();
        }
        self.outage = Some(now);
        let who = ending.ended_by;
        let session = self.keep_session(session, End::Dropped(failure.clone()), Some(ending), now);
        let verdict = self.verdict_on(session.as_ref(), now);
        log::dropped(&self.name, &failure, who, lasted, &verdict);
        self.enter(StateName::Waiting, narrate::reason(&failure), now, |status| {
            status.session = None;
            status.drops += 1;
            *status.drops_by_error.entry(failure.error).or_default() += 1;
            status.last_drop = Some(LastDrop::of(&failure, lasted, verdict, now));
        });
        self.last_loudness = Loudness::Warn;
        self.last_failure = Some(failure);
    }

    /// A drop without a session is of no connection of ours; it is counted all the same.
    fn verdict_on(&mut self, session: Option<&Arc<Session>>, now: Now) -> Verdict {
        let Some(session) = session else {
            let verdict = Verdict::unknown();
            self.metrics.explained(verdict.cause, verdict.evidence);
            return verdict;
        };
        let verdict = self.judge(session, now);
        self.explain(session.number, &verdict, now);
        verdict
    }

    fn closed(&mut self, cause: CloseCause, ending: Option<Ending>, now: Now) {
        self.note_lapsed_credentials(now);
        self.closed_by_us(now);
        let session = self.session.take();
        self.calm_why = None;
        let lasted = session.as_ref().map(|session| session.lasted(now));
        self.sample_tcp(ending.as_ref());
        self.metrics.closed(cause, now);
        self.keep_session(session, End::Closed(cause), ending, now);
        self.last_failure = None;
        self.enter(StateName::Waiting, narrate::closed(cause).to_owned(), now, |status| {
            status.session = None;
        });
        log::closed(&self.name, cause, lasted);
    }

    fn waiting(&mut self, delay: Duration, why: Why, now: Now) {
        self.metrics.waiting(delay);
        let next = self.next_attempt;
        let sentence = narrate::waiting(delay, next, why.as_str(), self.last_failure.as_ref());
        // Of the newest drop or attempt; a session that we closed has left none.
        let class = self.last_failure.as_ref().map(|failure| failure.class);
        let refused = matches!(class, Some(RetryClass::Setup | RetryClass::Credential));
        self.enter(StateName::Waiting, sentence, now, |status| {
            status.next_attempt = Some(now.wall + delay);
            status.waits_for_a_person = refused || why.keeps_away();
        });
        log::waiting(&self.name, delay, next, why, self.last_loudness);
    }

    fn stopped(&mut self, now: Now) {
        self.followed_by(NextAttempt::Stopped, now);
        self.count_now();
        self.metrics.waiting(Duration::ZERO);
        self.metrics.disconnected();
        self.enter(StateName::Stopped, "stopped".to_owned(), now, |status| {
            status.next_attempt = None;
            status.session = None;
        });
        log::stopped(&self.name);
    }

    /// Shows a state on the page and on the board.
    fn enter(&self, state: StateName, why: String, now: Now, more: impl FnOnce(&mut ConnectionStatus)) {
        self.metrics.state(state);
        let mut status = lock(&self.status);
        if status.state != state {
            status.since = now.wall;
        }
        status.state = state;
        status.phase = None;
        status.waits_for_a_person = false;
        status.why = why;
        more(&mut status);
    }

    /// The kernel's last word on the network connection, which also counts its last retransmissions.
    fn sample_tcp(&self, ending: Option<&Ending>) {
        if let Some(info) = ending.and_then(|ending| ending.tcp.as_ref()) {
            self.metrics.traffic().tcp(info);
        }
    }

    fn happened(&mut self, happening: Happening) {
        self.history.write(|history| history.add_happening(happening));
        self.tell(&Fact::Happened(&happening), happening.at);
    }

    fn keep_session(
        &mut self,
        session: Option<OpenSession>,
        end: End,
        ending: Option<Ending>,
        now: Now,
    ) -> Option<Arc<Session>> {
        let session = session?.over(end, ending, now);
        let session = self.history.write(|history| history.add_session(session));
        self.tell(&Fact::Over(&session), now);
        Some(session)
    }

    /// Outside of the history's lock: an observer may want to look at it.
    fn tell(&mut self, fact: &Fact<'_>, now: Now) {
        for observer in &mut self.observers {
            observer.heard(fact, now);
        }
    }
}

/// Whether the session ended because a PINGRESP did not come; other packets can be awaited in vain too.
fn pingresp_is_missing(ending: &Ending) -> bool {
    let awaited = ending.stats.pings_sent > ending.stats.pings_answered;
    let timed_out = [ErrorName::PingTimeout, ErrorName::MqttTimeout].contains(&ending.failure.error);
    timed_out && awaited
}
