//! Invariants 2 and 10 over every short sequence of inputs, possible or not, and over long random ones.
//! Never opens a socket: the machine is pure and time is an argument.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::time::{Duration, SystemTime};

use hangup::clock::{Instant, Now};
use hangup::config::Policy;
use hangup::connection::ending::{EndedBy, Ending, LinkStats};
use hangup::connection::error::ErrorName;
use hangup::connection::machine::{Action, Facts, Input, LinkReport, Machine, Rebuild};
use hangup::connection::{Detail, Failure, Phase};
use hangup::lifecycle::{Event, StateName};
use proptest::prelude::*;

/// What can be done to a machine, told from outside: generations and times are filled in when it is done.
#[derive(Clone, Copy, Debug)]
enum Move {
    Planned,
    PlanFailed,
    Connack,
    Accepted,
    Restored,
    LinkFailed,
    /// A session ends at once, in the way of a takeover.
    EndedYoung,
    /// A session ends after a minute, for want of credentials.
    EndedOld,
    Closed,
    /// The deadline comes, if there is one.
    Tick,
    NetworkBack,
    Rebuild,
    Stop,
}

const MOVES: [Move; 13] = [
    Move::Planned,
    Move::PlanFailed,
    Move::Connack,
    Move::Accepted,
    Move::Restored,
    Move::LinkFailed,
    Move::EndedYoung,
    Move::EndedOld,
    Move::Closed,
    Move::Tick,
    Move::NetworkBack,
    Move::Rebuild,
    Move::Stop,
];

/// A machine, its clock, and what an observer of its actions knows.
#[derive(Clone)]
struct World {
    machine: Machine,
    now: Now,
    seen: Seen,
}

/// What an observer knows. Every rule that an action could break is checked when the action is seen.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "an observer's notes; that they agree is what is proved")]
struct Seen {
    generation: u64,
    planning: bool,
    attempt: bool,
    attempts: u32,
    session: bool,
    restored: bool,
    talk: bool,
    link: bool,
    closing: bool,
    stopped: bool,
}

impl Seen {
    fn action(&mut self, action: &Action) {
        assert!(!self.stopped, "after Stopped: {action:?}");
        match action {
            Action::Plan { generation, .. } => {
                assert!(*generation > self.generation && self.attempt && !self.planning && !self.link);
                (self.generation, self.planning) = (*generation, true);
            }
            Action::AbandonPlan => assert!(std::mem::take(&mut self.planning)),
            Action::Connect { generation } => {
                assert_eq!(*generation, self.generation);
                assert!(self.attempt && !self.link, "two links at once");
                (self.planning, self.link) = (false, true);
            }
            Action::Close { .. } => {
                assert!(self.link && !self.closing);
                self.closing = true;
            }
            Action::Abandon => {
                assert!(self.link && self.closing);
                (self.link, self.closing) = (false, false);
            }
            Action::TalkBegins => {
                assert!(self.session && self.restored && !self.talk);
                self.talk = true;
            }
            Action::TalkEnds => assert!(std::mem::take(&mut self.talk)),
            Action::Record(event) => self.event(event),
        }
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::AttemptStarted { number, .. } => {
                assert!(!self.attempt && !self.session && !self.link);
                self.attempts += 1;
                assert_eq!(*number, self.attempts, "attempts count from 1 within an outage");
                self.attempt = true;
            }
            Event::AttemptFailed { .. } => {
                assert!(self.attempt && !self.session);
                (self.attempt, self.planning) = (false, false);
            }
            Event::Established { attempts, .. } => {
                assert!(self.attempt && !self.session && self.link);
                assert_eq!(*attempts, self.attempts);
                (self.attempt, self.session, self.restored, self.attempts) = (false, true, false, 0);
            }
            Event::Restored { .. } => {
                assert!(self.session && !self.restored && !self.talk);
                self.restored = true;
            }
            Event::Dropped(_) | Event::Closed { .. } => {
                assert!(self.session && !self.talk && !self.link, "a session ends once, and after its link");
                self.session = false;
            }
            Event::Waiting { delay, .. } => {
                assert!(!self.attempt && !self.session && !self.link && !delay.is_zero());
            }
            Event::Stopped => {
                assert!(!self.attempt && !self.session && !self.link && !self.planning && !self.talk);
                self.stopped = true;
            }
            Event::PhaseEntered(_) | Event::PhaseFinished(_) => assert!(self.attempt || self.session),
            Event::Credentials(_) | Event::Happened(_) => panic!("not the machine's to tell"),
        }
    }
}

impl World {
    fn new(policy: Policy) -> Self {
        let now = Now { at: Instant::from_boot(Duration::from_secs(1_000)), wall: SystemTime::UNIX_EPOCH };
        let mut world = Self { machine: Machine::new(policy, 7), now, seen: Seen::default() };
        world.step(Input::Start, &mut Vec::new());
        world
    }

    /// Does a move, checks what comes of it, and tells whether anything did.
    fn make(&mut self, to_make: Move, facts: Facts, actions: &mut Vec<Action>) -> bool {
        let deadline = self.machine.deadline();
        if let (Move::Tick, Some(deadline)) = (to_make, deadline) {
            self.now = self.now.plus(deadline.saturating_since(self.now.at));
        }
        if let (Move::EndedOld, true) = (to_make, self.seen.session) {
            self.now = self.now.plus(Duration::from_secs(60));
        }
        let finished = matches!(to_make, Move::LinkFailed | Move::EndedYoung | Move::EndedOld);
        if self.seen.link && (finished || (self.seen.closing && matches!(to_make, Move::Closed))) {
            (self.seen.link, self.seen.closing) = (false, false);
        }
        self.step(input(to_make, self.machine.generation(), facts), actions);
        if matches!(to_make, Move::Tick) && deadline.is_some() {
            let moved_on = self.machine.deadline().is_none_or(|next| next > self.now.at);
            assert!(moved_on, "a deadline that comes again at once would spin");
        }
        !actions.is_empty()
    }

    fn step(&mut self, input: Input, actions: &mut Vec<Action>) {
        actions.clear();
        self.machine.step(input, self.now, actions);
        for action in &*actions {
            self.seen.action(action);
        }
        let waits = match self.machine.state() {
            StateName::Planning
            | StateName::Connecting
            | StateName::Subscribing
            | StateName::Online
            | StateName::Waiting => true,
            StateName::Idle | StateName::Stopped => false,
        };
        assert_eq!(self.machine.deadline().is_some(), waits, "who waits has a deadline");
        assert_eq!(self.seen.stopped, self.machine.state() == StateName::Stopped);
        assert_eq!(self.seen.talk, self.machine.state() == StateName::Online);
    }
}

fn input(to_make: Move, generation: u64, facts: Facts) -> Input {
    let link = |report| Input::Link { generation, report };
    let failure = |phase, error| Failure::new(phase, error, "");
    match to_make {
        Move::Planned => Input::Plan { generation, outcome: Ok(facts) },
        Move::PlanFailed => {
            let failure = failure(Phase::Credentials, ErrorName::CredentialsHttpStatus);
            Input::Plan { generation, outcome: Err(failure) }
        }
        Move::Connack => link(LinkReport::Entered(Phase::Connack)),
        Move::Accepted => link(LinkReport::Accepted {
            session_present: false,
            peer: ([192, 0, 2, 1], 443).into(),
            local: ([192, 0, 2, 2], 50_000).into(),
            certificate_expires: None,
        }),
        Move::Restored => link(LinkReport::Restored { active: 1, refused: 0 }),
        Move::LinkFailed => link(LinkReport::Failed(failure(Phase::Tcp, ErrorName::ConnectionRefused))),
        Move::EndedYoung => {
            let failure = failure(Phase::Session, ErrorName::UnexpectedHangup);
            link(LinkReport::Ended(ending(failure.with_detail(Detail::CloseNotify))))
        }
        Move::EndedOld => {
            let failure = failure(Phase::Session, ErrorName::SigningNoCredentials);
            link(LinkReport::Ended(ending(failure)))
        }
        Move::Closed => link(LinkReport::Closed(None)),
        Move::Tick => Input::Tick,
        Move::NetworkBack => Input::NetworkBack,
        Move::Rebuild => Input::Rebuild { generation, rebuild: Rebuild::Everything },
        Move::Stop => Input::Stop,
    }
}

fn ending(failure: Failure) -> Box<Ending> {
    Box::new(Ending {
        failure,
        ended_by: EndedBy::Peer,
        alive: Instant::default(),
        stats: LinkStats::default(),
        tcp: None,
    })
}

/// With keep-alive the deadline of a session is that of a hanging link, without it is the renewal.
fn facts(keep_alive: u64) -> Facts {
    Facts {
        one_time_client_id: false,
        subscriptions: 1,
        subscribe_packets: 1,
        keep_alive: Duration::from_secs(keep_alive),
        lifetime: Some(Duration::from_secs(24 * 60 * 60)),
        credentials_expire: None,
        min_connect_interval: Duration::from_secs(1),
        fin_is_orderly: false,
    }
}

/// Goes through every sequence of `left` more moves; returns how many steps that took.
///
/// A move that changes nothing at all (asserted by comparing the whole machine) is not followed: what can come
/// after it comes after the sequence without it, too.
fn explore(world: &World, facts: Facts, left: u32, actions: &mut Vec<Action>) -> u64 {
    if left == 0 {
        return 0;
    }
    let mut steps = 0;
    for to_make in MOVES {
        let mut next = world.clone();
        let acted = next.make(to_make, facts, actions);
        steps += 1;
        if acted || next.machine != world.machine {
            steps += explore(&next, facts, left - 1, actions);
        }
    }
    late_reports_change_nothing(world, facts, actions);
    steps
}

fn late_reports_change_nothing(world: &World, facts: Facts, actions: &mut Vec<Action>) {
    let Some(old) = world.machine.generation().checked_sub(1) else { return };
    for late in
        [Move::Planned, Move::Accepted, Move::LinkFailed, Move::EndedYoung, Move::Closed, Move::Rebuild]
    {
        let mut machine = world.machine.clone();
        actions.clear();
        machine.step(input(late, old, facts), world.now, actions);
        assert!(actions.is_empty() && machine == world.machine, "a late {late:?} changed something");
    }
}

/// The design asks for 7; what changes nothing is not followed, so a second is enough for 13^9 = 10 thousand million.
const LENGTH: u32 = 9;

#[expect(clippy::print_stdout, reason = "the figure is for whoever asks with --nocapture")]
fn every_sequence(policy: Policy, facts: Facts) {
    let steps = explore(&World::new(policy), facts, LENGTH, &mut Vec::new());
    println!("{} sequences in {steps} steps", MOVES.len().pow(LENGTH));
    assert!(steps > 10_000, "the sequences lead nowhere: {steps} steps");
}

#[test]
fn every_sequence_pairs_under_the_default_policy() {
    every_sequence(Policy::default(), facts(30));
}

#[test]
fn every_sequence_pairs_when_sessions_are_renewed() {
    every_sequence(Policy::default(), facts(0));
}

#[test]
fn every_sequence_pairs_under_the_shortest_limits() {
    let policy =
        Policy { takeover_count: 1, max_attempts: Some(1), deep_after: Some(1), ..Policy::default() };
    every_sequence(policy, facts(30));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn long_random_sequences_pair(
        moves in prop::collection::vec(prop::sample::select(MOVES[..12].to_vec()), 0..200),
        keep_alive in prop::sample::select(vec![0_u64, 30]),
        stop: bool,
    ) {
        let (facts, mut actions) = (facts(keep_alive), Vec::new());
        let mut world = World::new(Policy::default());
        for to_make in moves {
            world.make(to_make, facts, &mut actions);
        }
        if stop {
            world.make(Move::Stop, facts, &mut actions);
            world.make(Move::Tick, facts, &mut actions);
            prop_assert!(world.seen.stopped, "a stop ends within the limit of the close");
        }
    }
}
