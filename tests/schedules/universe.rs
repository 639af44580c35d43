//! The virtual world: one clock, one list of what is to come, and everything that lives in it.
//! Never decides what a connection does: the machine does, and the rules watch it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hangup::clock::{Instant, Now};
use hangup::connection::machine::{Action, Input, Machine};
use hangup::connection::{Failure, Phase};
use hangup::lifecycle::StateName;
use hangup::simulator::world::World;
use hangup::simulator::{Fault, Settings};
use hangup::source::Dialogue as _;
use hangup::source::navien::dialogue::{Conversation, Memories};
use hangup::source::navien::tokens::Tokens;

use crate::network::{Path, Wire};
use crate::rules::Rules;
use crate::schedule::{Incident, RETRY_AFTER, Schedule};
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

/// Whether all works again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// Trouble may come at any time.
    Stormy,
    /// No more trouble: it must work again by then.
    Calm { by: Instant },
    /// Everything works; the rest of the messages come in.
    Works { since: Instant, closes: u64, drops: u64 },
    /// The last thing to check is the end.
    Stopping { by: Instant },
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
        if self.is_ours(&event) && self.now.at < self.spells.suspended {
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
    fn is_ours(&self, event: &Event) -> bool {
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

    fn calm(&mut self) {
        self.rules.say(|| "· calm".to_owned());
        self.inject(Fault::PolicyClose(0));
        self.inject(Fault::Storm { times: 0, after: Duration::ZERO, lasts: Duration::ZERO });
        if !matches!(self.health, Health::Stopping { .. }) {
            self.health = Health::Calm { by: self.now.at + self.recovery() };
            self.at(self.now.at, Event::Probe);
        }
    }

    /// How soon everything works again after the last trouble, by the policy: the wait under way and one more
    /// (what was under way may still fail), the silence after which a link counts as dead, an attempt.
    fn recovery(&self) -> Duration {
        let policy = &self.schedule.policy;
        let wait = policy.max_delay_setup.max(policy.takeover_rest).mul_f64(1.5);
        // This policy never signs in anew for keys that were withdrawn: it waits until they lapse.
        let keys = match policy.recovery {
            hangup::config::Recovery::ResetAndRetry => Duration::from_secs(3600),
            hangup::config::Recovery::TwoTier
            | hangup::config::Recovery::RecreateClient
            | hangup::config::Recovery::RefreshCredentials
            | hangup::config::Recovery::Exponential => Duration::ZERO,
        };
        wait * 2 + RETRY_AFTER + self.schedule.keep_alive * 2 + Duration::from_secs(300) + keys
    }

    fn stop_limit(&self) -> Duration {
        self.schedule.policy.limits.close + Duration::from_secs(6)
    }

    /// After everything that happens.
    fn judge(&mut self) {
        match self.health {
            Health::Stormy => {}
            Health::Calm { by } => {
                self.rules
                    .must(self.now.at <= by, "online again, with all subscriptions, as the policy promises");
            }
            Health::Works { since, closes, drops } => {
                let summary = &self.rules.summary;
                self.rules.must(summary.drops.values().sum::<u64>() == drops, "no drop without a reason");
                if self.now.at > since + Duration::from_secs(90) {
                    if summary.closes == closes {
                        self.rules.all_acknowledged_before(self.now.at - Duration::from_secs(20));
                    }
                    self.health = Health::Stopping { by: self.now.at + self.stop_limit() };
                    self.step(Input::Stop);
                }
            }
            Health::Stopping { by } => {
                self.rules.must(self.now.at <= by.max(self.spells.suspended), "a stop is obeyed in time");
            }
        }
    }

    // What the driver does.

    fn our_deadline(&self) -> Option<Instant> {
        let talk = self.dialogue.as_ref().filter(|_| self.talking).and_then(|dialogue| dialogue.deadline());
        let link = self.link.as_ref().and_then(Link::deadline);
        [self.machine.deadline(), talk, link].into_iter().flatten().min()
    }

    fn timers(&mut self) {
        let now = self.now.at;
        let due = self.machine.deadline().filter(|due| *due <= now);
        self.link_ticks();
        self.serve_timers();
        let moved_on = due.is_none() || self.machine.deadline().is_none_or(|next| next > now);
        self.rules.must(moved_on, "a deadline that has come is over");
    }

    pub(crate) fn serve_timers(&mut self) {
        self.step(Input::Tick);
        let due = self.dialogue.as_ref().and_then(|dialogue| dialogue.deadline());
        if due.is_some_and(|due| due <= self.now.at) {
            self.converse();
        }
    }

    /// Steps the machine and performs what it wants.
    pub(crate) fn step(&mut self, input: Input) {
        let mut actions = Vec::new();
        self.machine.step(input, self.our_now(), &mut actions);
        for action in actions {
            self.rules.action(&action);
            self.perform(action);
        }
        self.rules.stepped(&self.machine);
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Plan { generation, tier } => {
                self.dialogue = None;
                self.ask_for_plan(generation, tier);
            }
            Action::AbandonPlan => self.planning = None,
            Action::Connect { generation } => self.dial(generation),
            Action::Close { generation } => self.close(generation),
            Action::Abandon => {
                let wire = self.closing.take();
                wire.into_iter().for_each(|wire| self.hang_up(wire));
            }
            Action::TalkBegins => self.begin_talk(),
            Action::TalkEnds => {
                (self.talking, self.dialogue, self.looking_up) = (false, None, false);
            }
            Action::Record(_) => {}
        }
    }

    /// A report that comes after the end of what it reports on: it must change nothing.
    pub(crate) fn late(&mut self, input: Input) {
        let (before, mut actions) = (self.machine.clone(), Vec::new());
        self.machine.step(input, self.our_now(), &mut actions);
        let nothing = actions.is_empty() && self.machine == before;
        self.rules.must(nothing, "a late report of a link that was given up changes nothing");
        self.rules.summary.late += 1;
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
