//! Runs one connection: selects one input, steps the machine, performs its actions.
//! Never decides: what happens next is the machine's matter, what a message means the dialogue's.

mod orders;
mod planning;
mod reports;
mod talk;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::carried::Carried;
use super::ending::Ending;
use super::leaving::Leaving;
use super::link::Link;
use super::machine::{Action, Input, LinkReport, Machine};
use super::order::Order;
use super::plan::Plan;
use super::quarantine::Quarantine;
use super::report::Report;
use super::turn::Turns;
use crate::clock::{self, Alarm, Instant, Now};
use crate::config::Policy;
use crate::lifecycle::recorder::Recorder;
use crate::lifecycle::{Event, StateName, Why};
use crate::source::{Answer, Dialogue, Inventory, Planned, Planner, Sink};
use orders::Orders;

/// The runtime's timers stand still while the machine is suspended: the clock is asked at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// A shorter wait for a turn is nothing to tell of.
const NOTED: Duration = Duration::from_secs(1);

/// An order to a running connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Close politely and end. So does a control channel without a sender.
    Stop,
    /// The same because the configuration changed: the successor may be started when [`Connection::run`] returns,
    /// and not before, or two connections with one client id would throw each other out.
    Reload,
    /// The system has an address or a default route again.
    NetworkBack,
    /// Close politely and begin another session, if nothing is under way: the diagnosis wants to see how that one ends.
    Probe,
    /// The broker said something of this client, on another connection: the recorder knows where.
    Told,
}

/// One reconnecting connection with everything that it owns.
pub struct Connection {
    name: String,
    policy: Policy,
    machine: Machine,
    planner: Arc<dyn Planner>,
    recorder: Recorder,
    sink: Box<dyn Sink + Send>,
    planning: Option<Work<Answer<Planned>>>,
    plan: Option<Arc<Plan>>,
    /// A session was accepted at this address.
    reached: bool,
    link: Option<Link>,
    /// What outlives a network connection.
    carried: Carried,
    /// What the broker still knows of a configuration before.
    leaving: Leaving,
    closing: Option<Work<Option<Box<Ending>>>>,
    look_up: Option<Work<Answer<Inventory>>>,
    dialogue: Option<Box<dyn Dialogue>>,
    talking: bool,
    /// The last sign of life of a session that just ended.
    alive: Option<Instant>,
    quarantine: Quarantine,
    /// The control channel still has a sender.
    listening: bool,
    /// `None`: it takes no commands.
    orders: Option<Orders>,
    alarm: Alarm,
    /// Whose turn it is to connect, where connections wait for each other.
    turns: Option<Turns>,
    /// The turn that was given for the attempt to come.
    turn: Option<Instant>,
}

/// Something that is under way, for the attempt of this generation.
struct Work<T> {
    generation: u64,
    future: BoxFuture<'static, T>,
}

/// What woke the driver.
enum Woken {
    /// `None`: nobody is left to give orders.
    Ordered(Option<Control>),
    Commanded(Box<Order>),
    Planned(u64, Box<Answer<Planned>>),
    Reported(Report),
    Closed(u64, Option<Box<Ending>>),
    LookedUp(Answer<Inventory>),
    ByTime,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.machine.state();
        f.debug_struct("Connection").field("name", &self.name).field("state", &state).finish_non_exhaustive()
    }
}

impl Connection {
    /// A connection that begins when it is [run](Self::run). The seed makes its jitter: take a random one.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        policy: Policy,
        planner: Arc<dyn Planner>,
        recorder: Recorder,
        sink: Box<dyn Sink + Send>,
        seed: u64,
    ) -> Self {
        Self {
            name: name.into(),
            machine: Machine::new(policy.clone(), seed),
            policy,
            planner,
            recorder,
            sink,
            planning: None,
            plan: None,
            reached: false,
            link: None,
            carried: Carried::default(),
            leaving: Leaving::default(),
            closing: None,
            look_up: None,
            dialogue: None,
            talking: false,
            alive: None,
            quarantine: Quarantine::default(),
            listening: true,
            orders: None,
            alarm: Alarm::default(),
            turns: None,
            turn: None,
        }
    }

    /// The same, which begins its attempts when it is its turn.
    #[must_use]
    pub fn in_turn(mut self, turns: Turns) -> Self {
        self.turns = Some(turns);
        self
    }

    /// The same, which unsubscribes from these filters where the broker remembers its session: an earlier connection with
    /// its client id had them.
    #[must_use]
    pub fn leaving(mut self, filters: Vec<String>) -> Self {
        self.leaving = Leaving::new(filters);
        self
    }

    /// Connects and reconnects until it is told to stop, and returns when everything is closed.
    pub async fn run(mut self, mut control: mpsc::Receiver<Control>) {
        let mut now = clock::now();
        self.serve_timers(now);
        while self.machine.state() != StateName::Stopped {
            let woken = self.wake(&mut control, now.at).await;
            self.handle(woken);
            now = clock::now();
            self.serve_timers(now);
        }
        self.stop_orders();
    }

    async fn wake(&mut self, control: &mut mpsc::Receiver<Control>, now: Instant) -> Woken {
        self.alarm.set(self.wake_at(now), now);
        tokio::select! {
            order = control.recv(), if self.listening => Woken::Ordered(order),
            order = Orders::next(&mut self.orders) => Woken::Commanded(Box::new(order)),
            (generation, answer) = done(&mut self.planning) => {
                Woken::Planned(generation, Box::new(answer))
            }
            report = next(self.link.as_mut()) => Woken::Reported(report),
            (generation, ending) = done(&mut self.closing) => Woken::Closed(generation, ending),
            (_, answer) = done(&mut self.look_up) => Woken::LookedUp(answer),
            () = self.alarm.rings() => Woken::ByTime,
        }
    }

    fn wake_at(&self, now: Instant) -> Instant {
        let talk = self.dialogue.as_ref().filter(|_| self.talking).and_then(|dialogue| dialogue.deadline());
        let latest = now + LONGEST_SLEEP;
        let order = Orders::deadline(self.orders.as_ref());
        [self.turn.or_else(|| self.machine.deadline()), talk, order]
            .into_iter()
            .flatten()
            .fold(latest, Instant::min)
    }

    fn handle(&mut self, woken: Woken) {
        let now = clock::now();
        match woken {
            Woken::Ordered(Some(Control::Stop)) => self.step(Input::Stop, now),
            Woken::Ordered(Some(Control::Reload)) => self.step(Input::Reload, now),
            Woken::Ordered(Some(Control::NetworkBack)) => self.step(Input::NetworkBack, now),
            Woken::Ordered(Some(Control::Probe)) => self.probe(now),
            Woken::Ordered(Some(Control::Told)) => self.recorder.told(now),
            Woken::Ordered(None) => {
                self.listening = false;
                self.step(Input::Stop, now);
            }
            Woken::Commanded(order) => self.ordered(*order, now),
            Woken::Planned(generation, answer) => self.planned(generation, *answer, now),
            Woken::Reported(report) => self.burst(report),
            Woken::Closed(generation, ending) => {
                self.step(Input::Link { generation, report: LinkReport::Closed(ending) }, now);
            }
            Woken::LookedUp(answer) => self.looked_up(answer, now),
            Woken::ByTime => {}
        }
    }

    /// Timers are looked at after every input, so that no flood of messages keeps them from their turn.
    fn serve_timers(&mut self, now: Now) {
        if self.is_free_to_begin(now) {
            let begun = self.machine.state() != StateName::Idle;
            self.step(if begun { Input::Tick } else { Input::Start }, now);
        }
        self.recorder.passed(now);
        if self.dialogue.as_ref().and_then(|dialogue| dialogue.deadline()).is_some_and(|due| due <= now.at) {
            self.converse(now);
        }
        self.serve_orders(now);
    }

    /// Whether time may pass for the machine: `false` while the next attempt waits for its turn.
    fn is_free_to_begin(&mut self, now: Now) -> bool {
        let due = self.machine.deadline().is_none_or(|deadline| deadline <= now.at);
        if !self.machine.rests() || !due {
            self.turn = None;
            return true;
        }
        let Some(turns) = &self.turns else { return true };
        let given = self.turn.is_some();
        let turn = *self.turn.get_or_insert_with(|| turns.take(now.at));
        let mine = turn <= now.at;
        if mine {
            self.turn = None;
        } else if !given {
            let delay = turn.saturating_since(now.at);
            if delay >= NOTED {
                self.recorder.record(Event::Waiting { delay, why: Why::Turn }, now);
            }
        }
        mine
    }

    /// Steps the machine and performs what it wants.
    fn step(&mut self, input: Input, now: Now) {
        let mut actions = Vec::new();
        self.machine.step(input, now, &mut actions);
        for action in actions {
            self.perform(action, now);
        }
    }

    fn perform(&mut self, action: Action, now: Now) {
        match action {
            Action::Plan { generation, tier } => {
                self.dialogue = None;
                self.planning = Some(Work { generation, future: self.ask_for_plan(tier) });
            }
            Action::AbandonPlan => self.planning = None,
            Action::Connect { .. } => {
                let (limits, carried) = (self.policy.limits, self.carried.clone());
                self.link = self.plan.take().map(|plan| Link::resuming(plan, limits, carried));
            }
            Action::Close { generation } => {
                self.hear_the_rest(now);
                self.stop_hearing(now.at);
                let farewell = self.farewell(now);
                let link = self.link.take();
                let future = async move {
                    match link {
                        Some(link) => link.close(farewell, now).await,
                        None => None,
                    }
                };
                self.closing = Some(Work { generation, future: future.boxed() });
            }
            Action::Abandon => self.closing = None,
            Action::TalkBegins => self.begin_talk(now),
            Action::TalkEnds => self.end_talk(now),
            Action::Record(event) => self.recorder.record(event, now),
        }
    }
}

/// The result of what is under way; pending for ever when nothing is. Cancel safe.
async fn done<T>(work: &mut Option<Work<T>>) -> (u64, T) {
    let Some(Work { generation, future }) = work else { return std::future::pending().await };
    let done = (*generation, future.await);
    *work = None;
    done
}

/// The next report of the link; pending for ever when there is none. Cancel safe as [`Link::next`] is.
async fn next(link: Option<&mut Link>) -> Report {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
