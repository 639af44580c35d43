//! Runs one connection: selects one input, steps the machine, performs its actions.
//! Never decides: what happens next is the machine's matter, what a message means the dialogue's.

mod orders;
mod talk;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::carried::Carried;
use super::ending::Ending;
use super::error::ErrorName;
use super::link::Link;
use super::machine::{Action, Facts, Input, LinkReport, Machine};
use super::order::Order;
use super::plan::Plan;
use super::quarantine::Quarantine;
use super::report::Report;
use super::{Failure, Phase, Tier, path};
use crate::clock::{self, Instant, Now};
use crate::config::Policy;
use crate::lifecycle::recorder::Recorder;
use crate::lifecycle::{Event, StateName};
use crate::source::{Answer, Dialogue, Inventory, Planned, Planner, Sink};
use orders::Orders;

/// Reports taken from the link before timers and orders get their turn.
const BURST: usize = 64;

/// The runtime's timers stand still while the machine is suspended: the clock is asked at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

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
    link: Option<Link>,
    /// What outlives a network connection.
    carried: Carried,
    closing: Option<Work<Option<Box<Ending>>>>,
    look_up: Option<Work<Answer<Inventory>>>,
    dialogue: Option<Box<dyn Dialogue>>,
    talking: bool,
    quarantine: Quarantine,
    /// The control channel still has a sender.
    listening: bool,
    /// `None`: it takes no commands.
    orders: Option<Orders>,
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
            link: None,
            carried: Carried::default(),
            closing: None,
            look_up: None,
            dialogue: None,
            talking: false,
            quarantine: Quarantine::default(),
            listening: true,
            orders: None,
        }
    }

    /// Connects and reconnects until it is told to stop, and returns when everything is closed.
    pub async fn run(mut self, mut control: mpsc::Receiver<Control>) {
        self.step(Input::Start, clock::now());
        while self.machine.state() != StateName::Stopped {
            let woken = self.wake(&mut control).await;
            self.handle(woken);
            self.serve_timers();
        }
        self.stop_orders();
    }

    async fn wake(&mut self, control: &mut mpsc::Receiver<Control>) -> Woken {
        let wake_at = self.wake_at();
        tokio::select! {
            order = control.recv(), if self.listening => Woken::Ordered(order),
            order = Orders::next(&mut self.orders) => Woken::Commanded(Box::new(order)),
            (generation, answer) = done(&mut self.planning) => {
                Woken::Planned(generation, Box::new(answer))
            }
            report = next(self.link.as_mut()) => Woken::Reported(report),
            (generation, ending) = done(&mut self.closing) => Woken::Closed(generation, ending),
            (_, answer) = done(&mut self.look_up) => Woken::LookedUp(answer),
            () = clock::sleep_until(wake_at) => Woken::ByTime,
        }
    }

    fn wake_at(&self) -> Instant {
        let talk = self.dialogue.as_ref().filter(|_| self.talking).and_then(|dialogue| dialogue.deadline());
        let latest = clock::now().at + LONGEST_SLEEP;
        let order = Orders::deadline(self.orders.as_ref());
        [self.machine.deadline(), talk, order].into_iter().flatten().fold(latest, Instant::min)
    }

    fn handle(&mut self, woken: Woken) {
        let now = clock::now();
        match woken {
            Woken::Ordered(Some(Control::Stop)) => self.step(Input::Stop, now),
            Woken::Ordered(Some(Control::Reload)) => self.step(Input::Reload, now),
            Woken::Ordered(Some(Control::NetworkBack)) => self.step(Input::NetworkBack, now),
            Woken::Ordered(Some(Control::Probe)) => self.probe(now),
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
    fn serve_timers(&mut self) {
        let now = clock::now();
        self.step(Input::Tick, now);
        if self.dialogue.as_ref().and_then(|dialogue| dialogue.deadline()).is_some_and(|due| due <= now.at) {
            self.converse(now);
        }
        self.serve_orders(now);
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

    /// The planner's answer, bounded, whatever happens inside it.
    fn ask_for_plan(&self, tier: Tier) -> BoxFuture<'static, Answer<Planned>> {
        bounded(Arc::clone(&self.planner).plan(tier), self.policy.credentials_limit).boxed()
    }

    fn planned(&mut self, generation: u64, answer: Answer<Planned>, now: Now) {
        for event in answer.credentials {
            self.recorder.record(Event::Credentials(event), now);
        }
        let outcome = match answer.result {
            Ok(Planned { mut plan, dialogue }) => {
                // What the quarantine leaves out is still wanted, and shows as not active.
                let facts = Facts::of(&plan);
                self.quarantine.thin(&mut plan.subscriptions, now.at);
                self.plan = Some(Arc::new(plan));
                self.dialogue = Some(dialogue);
                Ok(facts)
            }
            Err(failure) => Err(failure),
        };
        self.step(Input::Plan { generation, outcome }, now);
    }

    /// Takes what the link has ready, then lets the dialogue speak once.
    fn burst(&mut self, first: Report) {
        let mut report = Some(first);
        for _ in 0..BURST {
            let Some(next) = report.take() else { break };
            self.report(next, clock::now());
            report = self.link.as_mut().and_then(Link::try_next);
        }
        if let Some(last) = report {
            self.report(last, clock::now());
        }
        if let Some(link) = &self.link {
            self.recorder.traffic().in_flight(link.in_flight());
        }
        self.converse(clock::now());
    }

    fn report(&mut self, report: Report, now: Now) {
        let report = match report {
            Report::Entered(phase) => LinkReport::Entered(phase),
            Report::Finished(time) => LinkReport::Finished(time),
            Report::Terms(terms) => {
                tracing::debug!(connection = self.name, ?terms, "the broker has terms of its own");
                match terms.keep_alive {
                    Some(keep_alive) => LinkReport::KeepAlive(keep_alive),
                    None => LinkReport::Progress,
                }
            }
            Report::Accepted { session_present, peer, local, certificate_expires } => {
                self.quarantine.accepted(now.at);
                LinkReport::Accepted { session_present, peer, local, certificate_expires }
            }
            Report::Restored { active, refused } => LinkReport::Restored { active, refused },
            Report::Message(message) => {
                self.hear(&message, now);
                LinkReport::Progress
            }
            Report::Acknowledged(token) => {
                self.taken(token);
                LinkReport::Progress
            }
            Report::Refused { token, code } => {
                self.refused(token, code);
                LinkReport::Progress
            }
            Report::Pinged(took) => {
                self.recorder.traffic().pinged(took, now);
                LinkReport::Progress
            }
            Report::Tcp(info) => {
                self.recorder.traffic().tcp(&info);
                self.recorder.path(path::is_suspect(&info));
                LinkReport::Progress
            }
            // A finished link is dropped before the machine hears of it: the next one may be opened at once.
            Report::Failed(failure) => {
                self.link = None;
                LinkReport::Failed(failure)
            }
            Report::Ended(mut ending) => {
                self.link = None;
                self.judge_packets(&mut ending, now);
                LinkReport::Ended(ending)
            }
        };
        self.step(Input::Link { generation: self.machine.generation(), report }, now);
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

/// The answer of a planner, in time and without a panic.
async fn bounded<T>(answer: impl Future<Output = Answer<T>> + Send, limit: Duration) -> Answer<T> {
    let failure = match tokio::time::timeout(limit, AssertUnwindSafe(answer).catch_unwind()).await {
        Ok(Ok(answer)) => return answer,
        Ok(Err(_panic)) => Failure::new(
            Phase::Credentials,
            ErrorName::CredentialsUnexpectedResponse,
            "preparing the connection failed on an answer that the exporter can not digest",
        ),
        Err(_elapsed) => Failure::new(
            Phase::Credentials,
            ErrorName::CredentialsTimeout,
            format!("credentials and plan were not ready within {} s", limit.as_secs_f64()),
        ),
    };
    Answer { result: Err(failure), credentials: Vec::new() }
}

#[cfg(test)]
mod tests;
