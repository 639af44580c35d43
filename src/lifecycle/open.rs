//! An attempt and a session while they last: what their records will need. Pure.
//! Never outlives its end: that turns it into a record of the history.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use super::board::SessionStatus;
use super::history::{Attempt, AttemptOutcome, End, Living, Session};
use crate::clock::Now;
use crate::connection::Tier;
use crate::connection::ending::{EndedBy, Ending, LinkStats, PhaseTime};
use crate::telemetry::Accepted;

/// An attempt under way.
#[derive(Debug)]
pub(super) struct OpenAttempt {
    pub(super) start: Now,
    pub(super) number: u32,
    pub(super) tier: Tier,
    pub(super) phases: Vec<PhaseTime>,
}

impl OpenAttempt {
    /// Its record.
    pub(super) fn over(self, outcome: AttemptOutcome, now: Now) -> Attempt {
        let Self { start, number, tier, phases } = self;
        Attempt { start, end: now, number, tier, phases, outcome }
    }
}

/// A session under way.
#[derive(Debug)]
pub(super) struct OpenSession {
    pub(super) number: u64,
    pub(super) tier: Tier,
    pub(super) outage: Option<Duration>,
    pub(super) start: Now,
    pub(super) attempts: u32,
    pub(super) phases: Vec<PhaseTime>,
    pub(super) session_present: bool,
    pub(super) subscriptions: usize,
    pub(super) keep_alive: Duration,
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) credentials_issued: Option<SystemTime>,
    pub(super) credentials_expire: Option<SystemTime>,
}

impl OpenSession {
    /// How long it has lasted.
    pub(super) fn lasted(&self, now: Now) -> Duration {
        now.at.saturating_since(self.start.at)
    }

    /// What the board shows of it at its start.
    pub(super) fn status(&self) -> SessionStatus {
        SessionStatus {
            since: self.start.wall,
            attempts: self.attempts,
            subscriptions: self.subscriptions,
            subscriptions_active: 0,
            keep_alive_seconds: self.keep_alive.as_secs(),
            credentials_expire: self.credentials_expire,
        }
    }

    /// What the metrics show of it at its start.
    pub(super) fn accepted(&self, certificate_expires: Option<SystemTime>) -> Accepted {
        Accepted {
            session_present: self.session_present,
            subscriptions: self.subscriptions,
            keep_alive: self.keep_alive,
            credentials_expire: self.credentials_expire,
            certificate_expires,
        }
    }

    /// What the history shows of it while it lives.
    pub(super) fn living(&self) -> Living {
        Living {
            number: self.number,
            start: self.start,
            attempts: self.attempts,
            tier: self.tier,
            session_present: self.session_present,
            outage: self.outage,
            keep_alive: self.keep_alive,
        }
    }

    /// Its record. A close is ours whoever was quicker: the session is censored.
    pub(super) fn over(self, end: End, ending: Option<Ending>, now: Now) -> Session {
        let (alive, ended_by, stats, tcp) = match ending {
            Some(Ending { failure: _, ended_by, alive, stats, tcp }) => (alive, ended_by, stats, tcp),
            None => (now.at, EndedBy::Us, LinkStats::default(), None),
        };
        let ended_by = match end {
            End::Dropped(_) => ended_by,
            End::Closed(_) => EndedBy::Us,
        };
        Session {
            number: self.number,
            start: self.start,
            end: now,
            alive,
            ended_by,
            ending: end,
            attempts: self.attempts,
            phases: self.phases,
            session_present: self.session_present,
            subscriptions: self.subscriptions,
            keep_alive: self.keep_alive,
            peer: self.peer,
            local: self.local,
            credentials_issued: self.credentials_issued,
            credentials_expire: self.credentials_expire,
            stats,
            fatal_gaps: Vec::new(),
            tcp,
            tier: self.tier,
            outage: self.outage,
        }
    }
}
