//! One network connection, from dialling to its end.
//!
//! Never reconnects: an error ends it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::Failure;
use super::carried::Carried;
use super::dialer::{self, Dialled, Progress};
use super::ending::Ending;
use super::limits::Limits;
use super::message::{Outgoing, Refused};
use super::plan::Plan;
use super::report::Report;
use super::session::Session;
use crate::clock::{self, Now};

/// One network connection.
pub struct Link {
    plan: Arc<Plan>,
    limits: Limits,
    carried: Carried,
    state: State,
    reports: VecDeque<Report>,
}

/// What the link is doing.
enum State {
    /// Nothing yet. Next: `Dialling`.
    Fresh,
    /// On the way to an open connection. Next: `Open`, `Over`.
    Dialling { dial: BoxFuture<'static, Result<Dialled, Failure>>, progress: mpsc::UnboundedReceiver<Report> },
    /// Speaking MQTT. Next: `Over`.
    Open(Box<Session>),
    /// Finished; the socket is closed. Next: none.
    Over,
}

impl Link {
    /// A link that will dial when [`Link::next`] is first awaited.
    #[must_use]
    pub fn new(plan: Arc<Plan>, limits: Limits) -> Self {
        Self::resuming(plan, limits, Carried::default())
    }

    /// The same, that remembers this of the network connection before: they must be of one client.
    #[must_use]
    pub fn resuming(plan: Arc<Plan>, limits: Limits, carried: Carried) -> Self {
        Self { plan, limits, carried, state: State::Fresh, reports: VecDeque::new() }
    }

    /// What it was made by.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The next report. Cancel safe. Pending for ever after [`Report::Failed`] or [`Report::Ended`].
    pub async fn next(&mut self) -> Report {
        loop {
            if let Some(report) = self.reports.pop_front() {
                return report;
            }
            match &mut self.state {
                State::Fresh => self.state = self.begin(),
                State::Dialling { dial, progress } => {
                    tokio::select! {
                        biased;
                        Some(report) = progress.recv() => self.reports.push_back(report),
                        outcome = dial => {
                            self.reports.extend(std::iter::from_fn(|| progress.try_recv().ok()));
                            self.dialled(outcome);
                        }
                    }
                }
                State::Open(session) => {
                    std::future::poll_fn(|cx| session.poll_turn(cx, &mut self.reports)).await;
                    if session.is_over() {
                        // The socket closes here, before anybody hears of the end: two connections with one
                        // client id must never exist at once.
                        self.state = State::Over;
                    }
                }
                State::Over => std::future::pending().await,
            }
        }
    }

    /// A report that is ready without waiting, so that a burst costs one wake-up.
    pub fn try_next(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// Accepts a message for sending; [`Link::next`] sends it.
    ///
    /// # Errors
    /// When it cannot be sent on this connection. Nothing is lost silently and the connection lives on.
    pub fn publish(&mut self, message: Outgoing) -> Result<(), Refused> {
        match &mut self.state {
            State::Open(session) => session.publish(message),
            State::Fresh | State::Dialling { .. } | State::Over => Err(Refused::NotConnected),
        }
    }

    /// Messages sent with QoS above 0 and not yet acknowledged.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        match &self.state {
            State::Open(session) => session.in_flight(),
            State::Fresh | State::Dialling { .. } | State::Over => 0,
        }
    }

    /// Sends `farewell`, DISCONNECT and the closes of every layer, within the limit, and drops the socket.
    /// Safe in any phase. Returns what the link knew at the end of a session; `None` if there was none.
    pub async fn close(self, farewell: Vec<Outgoing>, now: Now) -> Option<Box<Ending>> {
        match self.state {
            State::Open(session) => session.close(farewell, now.at).await,
            State::Fresh | State::Dialling { .. } | State::Over => None,
        }
    }

    fn begin(&self) -> State {
        let (teller, progress) = mpsc::unbounded_channel();
        let (plan, limits) = (Arc::clone(&self.plan), self.limits);
        let dial = Box::pin(async move { dialer::dial(&plan, &limits, &Progress(teller)).await });
        State::Dialling { dial, progress }
    }

    fn dialled(&mut self, outcome: Result<Dialled, Failure>) {
        self.state = match outcome {
            Ok(dialled) => {
                let now = clock::now().at;
                let carried = self.carried.clone();
                State::Open(Box::new(Session::new(dialled, &self.plan, self.limits, carried, now)))
            }
            Err(failure) => {
                self.reports.push_back(Report::Failed(failure));
                State::Over
            }
        };
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Fresh => "Fresh",
            State::Dialling { .. } => "Dialling",
            State::Open(_) => "Open",
            State::Over => "Over",
        };
        f.debug_struct("Link").field("state", &state).finish_non_exhaustive()
    }
}
