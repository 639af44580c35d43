//! The virtual world: one clock, one list of what is to come, and everything that lives in it.
//! Never decides what a connection does: the machine does, and the rules watch it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hangup::clock::{Instant, Now};
use hangup::connection::machine::{Input, Machine};
use hangup::connection::{Failure, Phase};
use hangup::lifecycle::StateName;
use hangup::simulator::Settings;
use hangup::simulator::world::World;
use hangup::source::navien::dialogue::{Conversation, Memories};
use hangup::source::navien::tokens::Tokens;

use crate::health::Health;
use crate::network::{Path, Wire};
use crate::rules::Rules;
use crate::schedule::{Incident, Schedule};
use crate::session::Link;
use crate::summary::Summary;

/// Things that happen at one moment; more of them would mean that something spins.
const MOST_AT_ONCE: u32 = 20_000;

/// What is to come.
#[derive(Debug)]
pub(crate) enum Event {
    Incident(Incident),
    /// The last trouble is over.
    Calm,
    /// The planner answers.
    Planned {
        life: u32,
        generation: u64,
        failure: Option<Failure>,
    },
    /// A phase of dialling is over.
    Dialled {
        wire: u64,
        phase: Phase,
        failure: Option<Failure>,
    },
    /// Something arrives at the cloud.
    AtCloud {
        wire: u64,
    },
    /// Something arrives here.
    Here {
        wire: u64,
    },
    /// Our kernel gives up a connection on which nothing is acknowledged.
    GivesUp {
        wire: u64,
    },
    /// A connection whose path died is reset.
    Dies {
        wire: u64,
    },
    /// A polite close is done.
    Closed {
        life: u32,
        generation: u64,
        wire: u64,
    },
    LookedUp {
        life: u32,
        generation: u64,
    },
    /// Time to ask whether everything works.
    Probe,
}

/// What goes on for a while.
#[derive(Debug, Default)]
pub(crate) struct Spells {
    pub(crate) plan_fails: Option<(Instant, hangup::connection::error::RetryClass, Option<Duration>)>,
    pub(crate) plan_hangs: Instant,
    pub(crate) close_hangs: Instant,
    pub(crate) deaf: Instant,
    pub(crate) suspended: Instant,
    pub(crate) wall_ahead: i64,
}

/// Everything.
pub(crate) struct Universe<'a> {
    pub(crate) schedule: &'a Schedule,
    pub(crate) now: Now,
    began: Instant,
    events: BTreeMap<(Instant, u64), Event>,
    counter: u64,
    pub(crate) rng: fastrand::Rng,
    pub(crate) rules: Rules,
    pub(crate) spells: Spells,
    pub(crate) health: Health,
    // The cloud and the way to it.
    pub(crate) world: World,
    pub(crate) path: Path,
    pub(crate) wires: BTreeMap<u64, Wire>,
    // Our side: what the driver holds.
    pub(crate) machine: Machine,
    /// A reload makes a new machine.
    pub(crate) life: u32,
    pub(crate) planning: Option<u64>,
    pub(crate) tokens: Option<(Tokens, Instant)>,
    pub(crate) link: Option<Link>,
    /// The wire that closes politely.
    pub(crate) closing: Option<u64>,
    pub(crate) dialogue: Option<Conversation>,
    pub(crate) talking: bool,
    pub(crate) looking_up: bool,
    pub(crate) memories: Arc<Mutex<Memories>>,
    pub(crate) token: u64,
    pub(crate) probed: usize,
    reload: bool,
}

impl<'a> Universe<'a> {
    pub(crate) fn new(schedule: &'a Schedule, tell: bool) -> Self {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_768_000_000);
        let now = Now { at: Instant::from_boot(Duration::from_secs(10_000)), wall };
        let mut settings =
            Settings { speed: schedule.speed, model_speed: 0.0, seed: schedule.seed, ..Settings::default() };
        settings.heaters.truncate(1);
        let events = schedule.incidents.iter().map(|(at, incident)| (*at, Event::Incident(*incident)));
        let events = events.chain([(schedule.calm, Event::Calm)]);
        let events: BTreeMap<_, _> =
            events.zip(0..).map(|((at, event), number)| ((now.at + at, number), event)).collect();
        Self {
            schedule,
            now,
            began: now.at,
            counter: 1_000_000,
            events,
            rng: fastrand::Rng::with_seed(schedule.seed ^ 0xfeed),
            rules: Rules::new(schedule.seed, schedule.policy.clone(), now.at, tell),
            spells: Spells::default(),
            health: Health::Stormy,
            world: World::new(settings, jiff::tz::TimeZone::UTC, now),
            path: Path::new(schedule.seed),
            wires: BTreeMap::new(),
            machine: Machine::new(schedule.policy.clone(), schedule.seed),
            life: 0,
            planning: None,
            tokens: None,
            link: None,
            closing: None,
            dialogue: None,
            talking: false,
            looking_up: false,
            memories: Arc::default(),
            token: 0,
            probed: 0,
            reload: false,
        }
    }

    /// Lets everything happen; fails when a rule is broken.
    pub(crate) fn run(mut self) -> Summary {
        self.step(Input::Start);
        let mut at_once = 0;
        while self.machine.state() != StateName::Stopped || self.reload {
            let before = self.now.at;
            self.next();
            at_once = if self.now.at > before { 0 } else { at_once + 1 };
            self.rules.must(at_once < MOST_AT_ONCE, "nothing spins");
            self.judge();
        }
        let Summary { attempts, .. } = self.rules.summary;
        self.rules.must(attempts > 0, "something was tried");
        let mut summary = self.rules.summary;
        summary.schedules = 1;
        summary.virtual_time = self.now.at.saturating_since(self.began);
        summary
    }

    /// Lets the next thing happen, whatever it is.
    fn next(&mut self) {
        if self.machine.state() == StateName::Stopped {
            self.succeed();
        }
        let event = self.events.keys().next().map(|(at, _)| *at);
        let ours = self.our_deadline().map(|at| at.max(self.spells.suspended));
        let cloud = self.world.deadline();
        let at = [event, ours].into_iter().flatten().fold(cloud, Instant::min).max(self.now.at);
        self.now = self.now.plus(at.saturating_since(self.now.at));
        self.rules.now = at;
        // After a sleep timers and reports are there at the same time, and either may have its turn first.
        let timers_first = self.rng.bool();
        if timers_first && ours.is_some_and(|ours| ours <= at) {
            self.timers();
        } else if event.is_some_and(|event| event <= at) {
            let (_, event) = self.events.pop_first().expect("there is one");
            self.happen(event);
        } else if cloud <= at {
            let outputs = self.world.tick(self.now);
            self.cloud_says(outputs);
        } else {
            self.timers();
        }
    }

    fn happen(&mut self, event: Event) {
        if Self::is_ours(&event) && self.now.at < self.spells.suspended {
            return self.at(self.spells.suspended, event);
        }
        match event {
            Event::Incident(incident) => self.incident(incident),
            Event::Calm => self.calm(),
            Event::Planned { life, generation, failure } => self.planner_answers(life, generation, failure),
            Event::Dialled { wire, phase, failure } => self.dialled(wire, phase, failure),
            Event::AtCloud { wire } => self.at_cloud(wire),
            Event::Here { wire } => self.here(wire),
            Event::GivesUp { wire } => self.kernel_gives_up(wire),
            Event::Dies { wire } => self.dies(wire),
            Event::Closed { life, generation, wire } => self.closed(life, generation, wire),
            Event::LookedUp { life, generation } => self.looked_up(life, generation),
            Event::Probe => self.probe(),
        }
    }

    /// What a sleeping machine does only when it wakes.
    fn is_ours(event: &Event) -> bool {
        match event {
            Event::Incident(incident) => match incident {
                Incident::LinkHangs
                | Incident::NetworkBack
                | Incident::WallStep(_)
                | Incident::Burst(_)
                | Incident::Reload
                | Incident::Stop => true,
                Incident::Cloud(_)
                | Incident::PathLost(_)
                | Incident::Slow(..)
                | Incident::PlanFails(..)
                | Incident::PlanHangs(_)
                | Incident::CloseHangs(_)
                | Incident::Suspend(_) => false,
            },
            Event::AtCloud { .. } | Event::Dies { .. } | Event::Calm => false,
            Event::Planned { .. }
            | Event::Dialled { .. }
            | Event::Here { .. }
            | Event::GivesUp { .. }
            | Event::Closed { .. }
            | Event::LookedUp { .. }
            | Event::Probe => true,
        }
    }

    fn incident(&mut self, incident: Incident) {
        self.rules.say(|| format!("· {incident:?}"));
        let now = self.now.at;
        match incident {
            Incident::Cloud(fault) => self.inject(fault),
            Incident::PathLost(lasts) => self.path.lost_until = self.path.lost_until.max(now + lasts),
            Incident::Slow(slow, lasts) => {
                (self.path.slow, self.path.slow_until) = (slow, now + lasts);
            }
            Incident::PlanFails(class, after, lasts) => {
                self.spells.plan_fails = Some((now + lasts, class, after));
            }
            Incident::PlanHangs(lasts) => self.spells.plan_hangs = now + lasts,
            Incident::LinkHangs => self.link.iter_mut().for_each(|link| link.hung = true),
            Incident::CloseHangs(lasts) => self.spells.close_hangs = now + lasts,
            Incident::NetworkBack => self.step(Input::NetworkBack),
            Incident::Suspend(lasts) => self.spells.suspended = self.spells.suspended.max(now + lasts),
            Incident::WallStep(seconds) => self.spells.wall_ahead += seconds,
            Incident::Burst(count) => self.burst(count),
            Incident::Reload => {
                if self.machine.state() != StateName::Stopped {
                    self.reload = true;
                    self.step(Input::Reload);
                }
            }
            Incident::Stop => {
                self.health = Health::Stopping { by: now + self.stop_limit() };
                self.step(Input::Stop);
            }
        }
        self.serve_timers();
    }

    /// The machine of before has stopped for a reload: the next one begins.
    fn succeed(&mut self) {
        self.reload = false;
        self.life += 1;
        self.rules.reloaded();
        self.machine = Machine::new(self.schedule.policy.clone(), self.rng.u64(..));
        (self.tokens, self.memories) = (None, Arc::default());
        self.step(Input::Start);
    }

    /// Our clocks: the wall clock steps now and then.
    pub(crate) fn our_now(&self) -> Now {
        let by = Duration::from_secs(self.spells.wall_ahead.unsigned_abs());
        let ahead = self.spells.wall_ahead >= 0;
        let wall = if ahead { self.now.wall + by } else { self.now.wall - by };
        Now { wall, ..self.now }
    }

    pub(crate) fn at(&mut self, at: Instant, event: Event) {
        self.counter += 1;
        self.events.insert((at.max(self.now.at), self.counter), event);
    }

    pub(crate) fn after(&mut self, wait: Duration, event: Event) {
        self.at(self.now.at + wait, event);
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }
}
