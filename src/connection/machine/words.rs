//! What the machine hears and what it wants done.
//! Only data: no socket, no future, no clock.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use crate::connection::ending::{Ending, PhaseTime};
use crate::connection::plan::{Plan, Transport};
use crate::connection::{Failure, Phase, Tier};
use crate::lifecycle::Event;

/// What happened.
///
/// A `generation` is the number of the attempt that a report belongs to, from the action that began it. Reports of
/// another generation change nothing.
#[derive(Clone, Debug)]
pub enum Input {
    /// Begin. Once.
    Start,
    /// The planner answered.
    Plan {
        /// Of [`Action::Plan`].
        generation: u64,
        /// The facts of the plan, or why there is none.
        outcome: Result<Facts, Failure>,
    },
    /// The link says something.
    Link {
        /// Of [`Action::Connect`].
        generation: u64,
        /// What.
        report: LinkReport,
    },
    /// The dialogue of the session wants another session.
    Rebuild {
        /// Of [`Action::Connect`].
        generation: u64,
        /// How much is to be rebuilt.
        rebuild: Rebuild,
    },
    /// Time has passed; needed when [`super::Machine::deadline`] has come, harmless at any other time.
    Tick,
    /// The system has an address or a default route again.
    NetworkBack,
    /// The exporter stops: everything ends politely.
    Stop,
    /// The configuration of this connection changed: as `Stop`, and another connection takes over afterwards.
    Reload,
}

/// What a link says, as far as it matters here.
#[derive(Clone, Debug)]
pub enum LinkReport {
    /// A phase begins.
    Entered(Phase),
    /// A phase is over.
    Finished(PhaseTime),
    /// The broker set another keep-alive than ours. Comes before `Accepted`.
    KeepAlive(Duration),
    /// CONNACK accepted.
    Accepted {
        /// The broker remembered the session.
        session_present: bool,
        /// The address reached.
        peer: SocketAddr,
        /// Our own address.
        local: SocketAddr,
        /// Expiry of the peer's certificate.
        certificate_expires: Option<SystemTime>,
    },
    /// Every SUBACK is in.
    Restored {
        /// Acknowledged.
        active: usize,
        /// Refused, though optional.
        refused: usize,
    },
    /// Anything else: the link is at work.
    Progress,
    /// The attempt failed; the link is finished.
    Failed(Failure),
    /// The session ended; the link is finished.
    Ended(Box<Ending>),
    /// The close that [`Action::Close`] began is done; the link is finished.
    Closed(Option<Box<Ending>>),
}

/// Why another session is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuild {
    /// The session is of no use although it lives: everything new.
    Everything,
    /// The set of devices changed: a new plan with the same credentials.
    Plan,
    /// The diagnosis wants to see how another session ends: the same credentials, a planned close.
    Probe,
}

/// What the machine wants done, in this order.
#[derive(Clone, Debug)]
pub enum Action {
    /// Ask the source for a plan.
    Plan {
        /// To be named in the answer.
        generation: u64,
        /// How much is rebuilt.
        tier: Tier,
    },
    /// The planner's answer is no longer wanted.
    AbandonPlan,
    /// Open a link by the plan of this generation. Comes in the step that was told of the plan.
    Connect {
        /// To be named in reports.
        generation: u64,
    },
    /// Close the link politely, with a farewell if the talk is on. [`LinkReport::Closed`] is awaited.
    Close {
        /// To be named in the report.
        generation: u64,
    },
    /// The polite close took too long: drop the socket. Nothing is awaited.
    Abandon,
    /// The session is fully subscribed: the dialogue begins.
    TalkBegins,
    /// The dialogue is over. Follows `TalkBegins` exactly once.
    TalkEnds,
    /// Tell the recorder.
    Record(Event),
}

/// What the machine needs to know of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Subscriptions wanted.
    pub subscriptions: usize,
    /// SUBSCRIBE packets that they take.
    pub subscribe_packets: u32,
    /// MQTT keep-alive; zero when there is none.
    pub keep_alive: Duration,
    /// The service closes sessions of this age.
    pub lifetime: Option<Duration>,
    /// Expiry of what signs the connection.
    pub credentials_expire: Option<SystemTime>,
    /// At least this long between two CONNECTs.
    pub min_connect_interval: Duration,
    /// The next attempt has another client id.
    pub one_time_client_id: bool,
    /// A bare FIN is the most orderly end that this transport has.
    pub fin_is_orderly: bool,
}

impl Facts {
    /// The facts of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let packets = plan.subscriptions.len().div_ceil(plan.filters_per_subscribe.max(1));
        Self {
            subscriptions: plan.subscriptions.len(),
            subscribe_packets: u32::try_from(packets).unwrap_or(u32::MAX),
            keep_alive: plan.keep_alive,
            lifetime: plan.lifetime,
            credentials_expire: plan.credentials_expire,
            min_connect_interval: plan.min_connect_interval,
            one_time_client_id: plan.one_time_client_id,
            fin_is_orderly: plan.transport == Transport::Tcp,
        }
    }
}
