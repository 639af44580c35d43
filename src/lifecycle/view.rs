//! What of the history may leave the process: times, names and counts. Pure.
//! Never a topic, an address, a client id or a secret.

use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use super::CloseCause;
use super::board::{rfc3339, rfc3339_option};
use super::history::{Attempt, AttemptOutcome, End, History, Session};
use crate::clock::{Instant, Now};
use crate::connection::ending::{EndedBy, LastSent, LinkStats, PhaseTime};
use crate::connection::error::{ErrorName, RetryClass};
use crate::connection::{Detail, Failure, Phase, Tier};
use crate::diagnosis::Verdict;
use crate::host::TcpInfo;

/// Sessions and drops shown by `/api/v1/connections`.
const SHOWN: usize = 20;

/// The newest drops and sessions in short, newest first.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Dropped sessions.
    pub drops: Vec<Line>,
    /// Sessions, however they ended.
    pub sessions: Vec<Line>,
}

impl Summary {
    /// Of this history.
    #[must_use]
    pub fn of(history: &History) -> Self {
        Self {
            drops: history.drops().rev().take(SHOWN).map(|session| Line::of(session, history)).collect(),
            sessions: history
                .sessions()
                .rev()
                .take(SHOWN)
                .map(|session| Line::of(session, history))
                .collect(),
        }
    }
}

/// One session in short.
#[derive(Debug, Serialize)]
pub struct Line {
    /// Counts from 1 since the start of the process.
    pub number: u64,
    /// CONNACK accepted.
    #[serde(serialize_with = "rfc3339")]
    pub start: SystemTime,
    /// The end was noticed.
    #[serde(serialize_with = "rfc3339")]
    pub end: SystemTime,
    /// Age at which it died, or that it reached at least when we ended it.
    pub age_seconds: f64,
    /// How far back the true end may lie.
    pub uncertainty_seconds: f64,
    /// Who ended it.
    pub ended_by: EndedBy,
    /// What it died of, if it was dropped.
    pub error: Option<ErrorName>,
    /// The same in words.
    pub message: Option<String>,
    /// Why we closed it, if we did.
    pub close: Option<CloseCause>,
    /// Attempts it took.
    pub attempts: u32,
    /// Type of the last packet sent.
    pub last_sent: Option<&'static str>,
    /// What is thought to have caused the drop, how well that is known, by which rule, and what was seen.
    pub verdict: Option<Verdict>,
}

impl Line {
    fn of(session: &Session, history: &History) -> Self {
        let failure = session.failure();
        Self {
            number: session.number,
            start: session.start.wall,
            end: session.end.wall,
            age_seconds: session.age().as_secs_f64(),
            uncertainty_seconds: session.uncertainty().as_secs_f64(),
            ended_by: session.ended_by,
            error: failure.map(|failure| failure.error),
            message: failure.map(|failure| failure.message.clone()),
            close: close_cause(session),
            attempts: session.attempts,
            last_sent: session.stats.last_sent.as_ref().map(|sent| sent.packet),
            verdict: history.verdict(session.number).cloned(),
        }
    }
}

/// One session in full, for the JSON export.
#[derive(Debug, Serialize)]
pub struct SessionView<'a> {
    number: u64,
    #[serde(serialize_with = "rfc3339")]
    start: SystemTime,
    #[serde(serialize_with = "rfc3339")]
    end: SystemTime,
    /// The same on the boot clock, for ages and gaps that a step of the wall clock must not change.
    start_boot_seconds: f64,
    end_boot_seconds: f64,
    alive_boot_seconds: f64,
    age_seconds: f64,
    uncertainty_seconds: f64,
    ended_by: EndedBy,
    close: Option<CloseCause>,
    failure: Option<FailureView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'a Verdict>,
    attempts: u32,
    phases: Vec<PhaseView>,
    session_present: bool,
    subscriptions: usize,
    keep_alive_seconds: f64,
    #[serde(serialize_with = "rfc3339_option")]
    credentials_issued: Option<SystemTime>,
    #[serde(serialize_with = "rfc3339_option")]
    credentials_expire: Option<SystemTime>,
    moved: Moved,
    last_ping_seconds: Option<f64>,
    last_sent: Option<SentView>,
    last_publish: Option<SentView>,
    last_subscribe: Option<SentView>,
    fatal_gap_seconds: Vec<f64>,
    tcp: Option<TcpView>,
}

impl<'a> SessionView<'a> {
    /// What may be shown of this session.
    #[must_use]
    pub fn of(session: &'a Session) -> Self {
        let stats = &session.stats;
        let sent = |sent: &Option<LastSent>| sent.as_ref().map(|sent| SentView::of(sent, session.end.at));
        Self {
            number: session.number,
            start: session.start.wall,
            end: session.end.wall,
            start_boot_seconds: boot_seconds(session.start.at),
            end_boot_seconds: boot_seconds(session.end.at),
            alive_boot_seconds: boot_seconds(session.alive),
            age_seconds: session.age().as_secs_f64(),
            uncertainty_seconds: session.uncertainty().as_secs_f64(),
            ended_by: session.ended_by,
            close: close_cause(session),
            failure: session.failure().map(FailureView::of),
            verdict: None,
            attempts: session.attempts,
            phases: session.phases.iter().map(PhaseView::of).collect(),
            session_present: session.session_present,
            subscriptions: session.subscriptions,
            keep_alive_seconds: session.keep_alive.as_secs_f64(),
            credentials_issued: session.credentials_issued,
            credentials_expire: session.credentials_expire,
            moved: Moved::of(stats),
            last_ping_seconds: stats.last_ping.map(|took| took.as_secs_f64()),
            last_sent: sent(&stats.last_sent),
            last_publish: sent(&stats.last_publish),
            last_subscribe: sent(&stats.last_subscribe),
            fatal_gap_seconds: session.fatal_gaps.iter().map(Duration::as_secs_f64).collect(),
            tcp: session.tcp.as_ref().map(TcpView::of),
        }
    }
}

impl<'a> SessionView<'a> {
    /// The same with what is thought of its end, which stands beside it in the history.
    #[must_use]
    pub fn explained(self, verdict: Option<&'a Verdict>) -> Self {
        Self { verdict, ..self }
    }
}

impl Serialize for Session {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SessionView::of(self).serialize(serializer)
    }
}

/// One attempt, for the JSON export.
#[derive(Debug, Serialize)]
struct AttemptView<'a> {
    #[serde(serialize_with = "rfc3339")]
    start: SystemTime,
    start_boot_seconds: f64,
    took_seconds: f64,
    number: u32,
    tier: Tier,
    phases: Vec<PhaseView>,
    outcome: &'static str,
    failure: Option<FailureView<'a>>,
}

impl Serialize for Attempt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (outcome, failure) = match &self.outcome {
            AttemptOutcome::Accepted => ("accepted", None),
            AttemptOutcome::Failed(failure) => ("failed", Some(FailureView::of(failure))),
            AttemptOutcome::Interrupted => ("interrupted", None),
        };
        let Now { at, wall } = self.start;
        AttemptView {
            start: wall,
            start_boot_seconds: boot_seconds(at),
            took_seconds: self.end.at.saturating_since(at).as_secs_f64(),
            number: self.number,
            tier: self.tier,
            phases: self.phases.iter().map(PhaseView::of).collect(),
            outcome,
            failure,
        }
        .serialize(serializer)
    }
}

#[derive(Debug, Serialize)]
struct FailureView<'a> {
    phase: Phase,
    error: ErrorName,
    code: Option<u16>,
    class: RetryClass,
    detail: Detail,
    message: &'a str,
}

impl<'a> FailureView<'a> {
    fn of(failure: &'a Failure) -> Self {
        let Failure { phase, error, class, detail, message, retry_after: _ } = failure;
        Self { phase: *phase, error: *error, code: error.code(), class: *class, detail: *detail, message }
    }
}

#[derive(Debug, Serialize)]
struct PhaseView {
    phase: Phase,
    seconds: f64,
}

impl PhaseView {
    fn of(time: &PhaseTime) -> Self {
        Self { phase: time.phase, seconds: time.took.as_secs_f64() }
    }
}

#[derive(Debug, Serialize)]
struct SentView {
    packet: &'static str,
    seconds_before_end: f64,
}

impl SentView {
    fn of(sent: &LastSent, end: Instant) -> Self {
        Self { packet: sent.packet, seconds_before_end: end.saturating_since(sent.at).as_secs_f64() }
    }
}

#[derive(Debug, Serialize)]
struct Moved {
    packets_received: u64,
    packets_sent: u64,
    bytes_received: u64,
    bytes_sent: u64,
    messages_received: u64,
    messages_sent: u64,
    pings_sent: u64,
    pings_answered: u64,
}

impl Moved {
    fn of(stats: &LinkStats) -> Self {
        Self {
            packets_received: stats.packets_received,
            packets_sent: stats.packets_sent,
            bytes_received: stats.bytes_received,
            bytes_sent: stats.bytes_sent,
            messages_received: stats.messages_received,
            messages_sent: stats.messages_sent,
            pings_sent: stats.pings_sent,
            pings_answered: stats.pings_answered,
        }
    }
}

#[derive(Debug, Serialize)]
struct TcpView {
    state: u8,
    unacked: u32,
    retransmits: u8,
    probes: u8,
    backoff: u8,
    rtt_seconds: f64,
    total_retransmits: u32,
    last_data_received_seconds: f64,
    last_ack_received_seconds: f64,
}

impl TcpView {
    fn of(info: &TcpInfo) -> Self {
        Self {
            state: info.state,
            unacked: info.unacked,
            retransmits: info.retransmits,
            probes: info.probes,
            backoff: info.backoff,
            rtt_seconds: info.rtt.as_secs_f64(),
            total_retransmits: info.total_retransmits,
            last_data_received_seconds: info.last_data_received.as_secs_f64(),
            last_ack_received_seconds: info.last_ack_received.as_secs_f64(),
        }
    }
}

fn close_cause(session: &Session) -> Option<CloseCause> {
    match session.ending {
        End::Dropped(_) => None,
        End::Closed(cause) => Some(cause),
    }
}

fn boot_seconds(at: Instant) -> f64 {
    at.since_boot().as_secs_f64()
}
