//! The observer: sees every action, packet and socket, and fails at the first one that breaks an invariant.
//! Never helps: it knows only what it saw.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use hangup::clock::Instant;
use hangup::config::Policy;
use hangup::connection::Failure;
use hangup::connection::machine::{Action, Machine};
use hangup::lifecycle::{Event, StateName, Why};

use crate::summary::Summary;

/// Sessions shorter than this, one after the other, are a kick loop (`machine/retry.rs`).
const SHORT_SESSION: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// A kick loop is recognised within its first minutes.
const FIRST_MINUTES: Duration = Duration::from_secs(300);
const KICKS_AN_HOUR: usize = 60;

/// What was seen.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "an observer's notes; that they agree is what is checked")]
pub(crate) struct Rules {
    seed: u64,
    policy: Policy,
    pub(crate) now: Instant,
    began: Instant,
    tell: bool,
    pub(crate) summary: Summary,
    // The lifecycle.
    planning: Option<u64>,
    generation: u64,
    attempt: bool,
    attempts: u32,
    session: Option<Instant>,
    restored: bool,
    talk: bool,
    link: bool,
    closing: bool,
    stopped: bool,
    retry_after: Duration,
    offline_since: Instant,
    // The network.
    sockets: BTreeSet<u64>,
    last_connect: Option<Instant>,
    subscriptions: usize,
    acknowledged_filters: usize,
    // Messages of the session under way.
    accepted: BTreeMap<u64, Instant>,
    accepted_count: usize,
    on_the_wire: usize,
    /// Starts of short sessions in a row.
    kicks: VecDeque<Instant>,
    kicks_began: Instant,
}

impl Rules {
    pub(crate) fn new(seed: u64, policy: Policy, now: Instant, tell: bool) -> Self {
        Self {
            seed,
            policy,
            now,
            began: now,
            tell,
            summary: Summary::default(),
            planning: None,
            generation: 0,
            attempt: false,
            attempts: 0,
            session: None,
            restored: false,
            talk: false,
            link: false,
            closing: false,
            stopped: false,
            retry_after: Duration::ZERO,
            offline_since: now,
            sockets: BTreeSet::new(),
            last_connect: None,
            subscriptions: 0,
            acknowledged_filters: 0,
            accepted: BTreeMap::new(),
            accepted_count: 0,
            on_the_wire: 0,
            kicks: VecDeque::new(),
            kicks_began: now,
        }
    }

    /// An invariant.
    #[track_caller]
    pub(crate) fn must(&self, holds: bool, invariant: &str) {
        assert!(holds, "{}: {invariant}", self.place());
    }

    fn place(&self) -> String {
        let at = self.now.saturating_since(self.began).as_secs_f64();
        format!("HANGUP_SEED={} at {at:.3} s", self.seed)
    }

    #[expect(clippy::print_stdout, reason = "a replay is told to whoever asks for it")]
    pub(crate) fn say(&self, what: impl FnOnce() -> String) {
        if self.tell {
            println!("{:>11.3} {}", self.now.saturating_since(self.began).as_secs_f64(), what());
        }
    }

    /// Another machine begins in the place of the one that stopped.
    pub(crate) fn reloaded(&mut self) {
        self.must(self.stopped, "a successor begins only when its predecessor has stopped");
        (self.stopped, self.generation, self.last_connect, self.attempts) = (false, 0, None, 0);
        self.kicks.clear();
    }

    // What the machine wants.

    pub(crate) fn action(&mut self, action: &Action) {
        self.must(!self.stopped, "nothing comes after Stopped");
        match action {
            Action::Plan { generation, .. } => {
                let free = self.attempt && self.planning.is_none() && !self.link && !self.closing;
                self.must(free && *generation > self.generation, "one attempt at a time");
                (self.generation, self.planning) = (*generation, Some(*generation));
            }
            Action::AbandonPlan => {
                let planned = self.planning.take().is_some();
                self.must(planned, "only a plan under way is abandoned");
            }
            Action::Connect { generation } => {
                let planned = self.planning.take();
                self.must(planned == Some(*generation), "a link follows its own plan");
                self.must(!self.link && self.sockets.is_empty(), "never two connections with one client id");
                self.link = true;
            }
            Action::Close { generation } => {
                let right = self.link && !self.closing && *generation == self.generation;
                self.must(right, "only the open link is closed, once");
                self.closing = true;
            }
            Action::Abandon => {
                self.must(self.closing, "only a close under way is abandoned");
                (self.link, self.closing) = (false, false);
            }
            Action::TalkBegins => {
                self.must(self.session.is_some() && self.restored && !self.talk, "talk needs subscriptions");
                self.talk = true;
            }
            Action::TalkEnds => {
                let talked = std::mem::take(&mut self.talk);
                self.must(talked, "a talk ends once");
            }
            Action::Record(event) => self.event(event),
        }
    }

    /// The link is finished: failed, ended or closed.
    pub(crate) fn link_finished(&mut self) {
        (self.link, self.closing) = (false, false);
    }

    fn event(&mut self, event: &Event) {
        if !matches!(event, Event::PhaseEntered(_) | Event::PhaseFinished(_)) {
            self.say(|| format!("{event:?}"));
        }
        match event {
            Event::AttemptStarted { number, .. } => {
                self.must(!self.attempt && self.session.is_none() && !self.link, "attempts do not overlap");
                self.attempts += 1;
                self.must(*number == self.attempts, "attempts count from 1 within an outage");
                self.attempt = true;
                self.summary.attempts += 1;
            }
            Event::AttemptFailed { failure, interrupted } => {
                self.must(self.attempt && self.session.is_none(), "an attempt ends once");
                (self.attempt, self.planning) = (false, None);
                self.remember_wait(failure);
                if !interrupted {
                    *self.summary.failures.entry(failure.error.as_str()).or_default() += 1;
                }
            }
            Event::Established { attempts, .. } => {
                self.must(self.attempt && self.session.is_none() && self.link, "a session has one attempt");
                self.must(*attempts == self.attempts, "a session knows its attempts");
                (self.attempt, self.restored, self.attempts) = (false, false, 0);
                self.session = Some(self.now);
                self.summary.sessions += 1;
            }
            Event::Restored { active, refused } => {
                self.must(self.session.is_some() && !self.restored && !self.talk, "restored once a session");
                let all = self.acknowledged_filters == self.subscriptions;
                self.must(all && active + refused == self.subscriptions, "restored means every SUBACK");
                self.restored = true;
            }
            Event::Dropped(ending) => {
                *self.summary.drops.entry(ending.failure.error.as_str()).or_default() += 1;
                self.remember_wait(&ending.failure);
                self.session_over();
            }
            Event::Closed { .. } => {
                self.summary.closes += 1;
                self.retry_after = Duration::ZERO;
                self.session_over();
            }
            Event::Happened(_) => {}
            Event::Waiting { delay, why } => {
                self.must(
                    !self.attempt && self.session.is_none() && !self.link,
                    "a wait is between attempts",
                );
                self.must(
                    !delay.is_zero() && *delay <= self.longest(*why),
                    "no wait is longer than its policy",
                );
            }
            Event::Stopped => {
                let over = !self.attempt && self.session.is_none() && !self.link && !self.talk;
                self.must(over && self.planning.is_none(), "Stopped comes last");
                self.must(self.sockets.is_empty(), "nothing is open after Stopped");
                self.stopped = true;
            }
            Event::PhaseEntered(_) | Event::PhaseFinished(_) => {
                self.must(
                    self.attempt || self.session.is_some(),
                    "a phase belongs to an attempt or a session",
                );
            }
            Event::Credentials(_) => self.must(false, "credentials are not the machine's to tell"),
        }
    }

    fn remember_wait(&mut self, failure: &Failure) {
        self.retry_after = failure.retry_after.unwrap_or_default();
    }

    fn session_over(&mut self) {
        let Some(since) = self.session.take() else {
            return self.must(false, "one drop a session");
        };
        self.must(!self.talk && !self.link, "a session ends after its talk and its link");
        self.must(self.accepted_count == self.on_the_wire, "a message taken for sending was sent");
        self.offline_since = self.now;
        if self.now.saturating_since(since) >= SHORT_SESSION {
            self.kicks.clear();
            return;
        }
        if self.kicks.is_empty() {
            self.kicks_began = since;
        }
        if since.saturating_since(self.kicks_began) >= FIRST_MINUTES {
            self.kicks.push_back(since);
        } else if self.kicks.is_empty() {
            // Holds the place of the first minutes.
            self.kicks.push_back(self.kicks_began);
        }
        self.kicks.retain(|start| since.saturating_since(*start) < HOUR);
        self.must(self.kicks.len() <= KICKS_AN_HOUR + 1, "a kick loop is at most 60 sessions an hour");
    }

    /// What the policy promises of a wait for this reason.
    fn longest(&self, why: Why) -> Duration {
        let spacing = Duration::from_secs(1);
        let Policy { max_delay_network, max_delay_service, max_delay_setup, takeover_rest, .. } = self.policy;
        let own = match why {
            Why::Network | Why::Credentials => max_delay_network,
            // A drop is the first failure of its row, whatever its class.
            Why::Dropped => self.policy.initial_delay,
            Why::Service => max_delay_service,
            Why::CredentialsRefused | Why::Setup | Why::Kicked => max_delay_setup,
            Why::Takeover => takeover_rest.mul_f64(1.5),
            Why::AttemptLimit => max_delay_setup.mul_f64(1.5),
            Why::NetworkBack | Why::Spacing | Why::Turn => spacing,
        };
        own.max(spacing).max(self.retry_after) + Duration::from_micros(1)
    }

    /// After every step.
    pub(crate) fn stepped(&self, machine: &Machine) {
        let waits = match machine.state() {
            StateName::Planning
            | StateName::Connecting
            | StateName::Subscribing
            | StateName::Online
            | StateName::Waiting => true,
            StateName::Idle | StateName::Stopped => false,
        };
        self.must(machine.deadline().is_some() == waits, "who waits has a deadline");
        self.must(self.stopped == (machine.state() == StateName::Stopped), "Stopped is recorded");
        self.must(self.talk == (machine.state() == StateName::Online), "talk is on exactly while online");
    }

    // What passes on the network.

    pub(crate) fn socket_opened(&mut self, wire: u64, subscriptions: usize) {
        self.must(self.sockets.is_empty(), "the old connection is closed before the new one is opened");
        self.sockets.insert(wire);
        (self.subscriptions, self.acknowledged_filters) = (subscriptions, 0);
        self.accepted.clear();
        (self.accepted_count, self.on_the_wire) = (0, 0);
    }

    pub(crate) fn socket_closed(&mut self, wire: u64) {
        let open = self.sockets.remove(&wire);
        self.must(open, "a socket is closed once");
    }

    pub(crate) fn connect_sent(&mut self) {
        let apart = self.last_connect.map(|last| self.now.saturating_since(last));
        let enough = apart.is_none_or(|apart| apart >= Duration::from_secs(1));
        self.must(enough, "two CONNECTs are at least a second apart");
        self.last_connect = Some(self.now);
    }

    pub(crate) fn suback_heard(&mut self, filters: usize) {
        self.acknowledged_filters += filters;
    }

    pub(crate) fn publish_sent(&mut self) {
        let all = self.acknowledged_filters == self.subscriptions;
        self.must(all && self.restored, "subscriptions are restored before anything is published");
        self.on_the_wire += 1;
        self.must(self.on_the_wire <= self.accepted_count, "a message goes on the wire once");
    }

    /// The session takes a message: it will be sent once, or the session ends.
    pub(crate) fn accepted(&mut self, token: u64) {
        let new = self.accepted.insert(token, self.now).is_none();
        self.must(new, "tokens are unique");
        self.accepted_count += 1;
        self.summary.messages += 1;
    }

    pub(crate) fn acknowledged(&mut self, token: u64) {
        let known = self.accepted.remove(&token).is_some();
        self.must(known, "a message is acknowledged at most once, and in its own session");
    }

    /// In calm weather nothing stays unacknowledged.
    pub(crate) fn all_acknowledged_before(&self, then: Instant) {
        let none = self.accepted.values().all(|at| *at > then);
        self.must(none, "no message is lost silently");
    }
}
