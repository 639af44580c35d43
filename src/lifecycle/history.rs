//! What happened lately to one connection: a ring of attempts, of sessions, and of drops, kept longer. Pure.
//! Never grows without bound, and never holds what it does not need: memory is taken as facts come.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use std::sync::Arc;

use super::CloseCause;
pub use super::totals::Totals;
use super::view::SessionView;
use crate::clock::{Instant, Now};
use crate::connection::ending::{EndedBy, Gap, LinkStats, PhaseTime};
use crate::connection::{Failure, Tier};
use crate::diagnosis::{EventKind, Finding, Verdict};
use crate::host::TcpInfo;

/// Sessions kept, however they ended.
pub const SESSIONS: usize = 200;
/// Attempts kept: a day of the longest waits, an hour of the shortest.
pub const ATTEMPTS: usize = 500;
/// Drops kept, longer than other sessions: causes that come once a day need weeks to show.
pub const DROPS: usize = 1000;
/// Survived silences kept (drop-diagnosis.md section 1).
pub const SURVIVED_GAPS: usize = 400;
/// Happenings kept.
pub const HAPPENINGS: usize = 500;

/// One session, from CONNACK to its end.
#[derive(Clone)]
pub struct Session {
    /// Counts the sessions of this connection from 1; goes on over a restart where a journal is kept.
    pub number: u64,
    /// CONNACK accepted.
    pub start: Now,
    /// The end was noticed.
    pub end: Now,
    /// The last moment the peer proved to be there.
    pub alive: Instant,
    /// Who ended it.
    pub ended_by: EndedBy,
    /// How it ended.
    pub ending: End,
    /// Attempts it took; all but the last failed.
    pub attempts: u32,
    /// The phases of the connect, in order.
    pub phases: Vec<PhaseTime>,
    /// The broker remembered an earlier session.
    pub session_present: bool,
    /// Subscriptions wanted.
    pub subscriptions: usize,
    /// Keep-alive in force.
    pub keep_alive: Duration,
    /// Address reached. Stays in memory.
    pub peer: SocketAddr,
    /// Our own address. Stays in memory.
    pub local: SocketAddr,
    /// When the credentials that signed it were obtained.
    pub credentials_issued: Option<SystemTime>,
    /// When they lapse.
    pub credentials_expire: Option<SystemTime>,
    /// What moved; its gaps are moved to [`History::survived_gaps`] and `fatal_gaps`.
    pub stats: LinkStats,
    /// Silences after which nothing arrived any more, if we did not end the session ourselves.
    pub fatal_gaps: Vec<Duration>,
    /// The kernel's view at the end.
    pub tcp: Option<TcpInfo>,
    /// How much was rebuilt to get it.
    pub tier: Tier,
    /// The outage that it ended; `None` when it did not follow a drop.
    pub outage: Option<Duration>,
}

/// The session that lives now.
#[derive(Clone, Debug)]
pub struct Living {
    /// Its number.
    pub number: u64,
    /// CONNACK accepted.
    pub start: Now,
    /// Attempts it took.
    pub attempts: u32,
    /// How much was rebuilt to get it.
    pub tier: Tier,
    /// The broker remembered an earlier session.
    pub session_present: bool,
    /// The outage that it ended; `None` when it did not follow a drop.
    pub outage: Option<Duration>,
    /// Keep-alive in force.
    pub keep_alive: Duration,
}

/// Something that happened beside the connection, which a drop may follow (drop-diagnosis.md section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happening {
    /// What.
    pub kind: EventKind,
    /// When.
    pub at: Now,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// We did not ask for it.
    Dropped(Failure),
    /// We did. The session is *censored*: it lived at least so long.
    Closed(CloseCause),
}

impl Session {
    /// From CONNACK until the end was noticed, on the boot clock.
    #[must_use]
    pub fn lasted(&self) -> Duration {
        self.end.at.saturating_since(self.start.at)
    }

    /// How far back the true end may lie: time since the last sign of life when the end was a timeout, else zero.
    #[must_use]
    pub fn uncertainty(&self) -> Duration {
        match self.ended_by {
            EndedBy::Timeout => self.end.at.saturating_since(self.alive.max(self.start.at)),
            EndedBy::Peer | EndedBy::LocalError | EndedBy::Us => Duration::ZERO,
        }
    }

    /// The age at which it died: until the last sign of life for a timeout, else until the end.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.lasted().saturating_sub(self.uncertainty())
    }

    /// The silence in which it died: the first that nothing came back from. Those after it are its echo.
    #[must_use]
    pub fn fatal_gap(&self) -> Option<Duration> {
        self.fatal_gaps.first().copied()
    }

    /// Whether we ended it, so that its age is only a lower bound.
    #[must_use]
    pub fn censored(&self) -> bool {
        matches!(self.ending, End::Closed(_))
    }

    /// What it died of, if it was dropped.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match &self.ending {
            End::Dropped(failure) => Some(failure),
            End::Closed(_) => None,
        }
    }
}

/// Prints what may leave the process: the topics of the last packets and the addresses stay inside.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        SessionView::of(self).fmt(f)
    }
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// When it began.
    pub start: Now,
    /// When its outcome was known.
    pub end: Now,
    /// 1 for the first of an outage.
    pub number: u32,
    /// How much was rebuilt.
    pub tier: Tier,
    /// The phases that succeeded, in order.
    pub phases: Vec<PhaseTime>,
    /// What became of it.
    pub outcome: AttemptOutcome,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// A session.
    Accepted,
    /// A failure.
    Failed(Failure),
    /// We ended it ourselves.
    Interrupted,
}

/// A silence that the connection survived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurvivedGap {
    /// The session it belongs to.
    pub session: u64,
    /// How long nothing moved.
    pub length: Duration,
}

/// What happened lately to one connection. Newest last.
#[derive(Debug, Default)]
pub struct History {
    sessions: VecDeque<Arc<Session>>,
    drops: VecDeque<Arc<Session>>,
    attempts: VecDeque<Attempt>,
    survived_gaps: VecDeque<SurvivedGap>,
    happenings: VecDeque<Happening>,
    verdicts: BTreeMap<u64, Verdict>,
    findings: Vec<Finding>,
    remarks: Vec<String>,
    no_idle_timeout: bool,
    living: Option<Living>,
    last_number: u64,
    totals: Totals,
}

impl History {
    /// Sums over all that was ever recorded, also of what the rings have forgotten.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Goes on from these sums and this number: those of a life that a journal tells of.
    pub fn resume(&mut self, totals: Totals, last_number: u64) {
        self.totals = totals;
        self.last_number = self.last_number.max(last_number);
    }

    /// The session that lives now.
    #[must_use]
    pub fn living(&self) -> Option<&Living> {
        self.living.as_ref()
    }

    /// The number of the newest session, living or not; 0 before the first.
    #[must_use]
    pub fn last_number(&self) -> u64 {
        self.last_number
    }

    /// A session begins.
    pub fn begin_session(&mut self, living: Living) {
        self.last_number = self.last_number.max(living.number);
        self.totals.began(&living);
        self.living = Some(living);
    }

    /// What happened beside the connection, oldest first.
    #[must_use]
    pub fn happenings(&self) -> impl DoubleEndedIterator<Item = &Happening> + ExactSizeIterator {
        self.happenings.iter()
    }

    /// Adds something that happened beside the connection, now or a while ago.
    pub fn add_happening(&mut self, happening: Happening) {
        while self.happenings.len() >= HAPPENINGS {
            self.happenings.pop_front();
        }
        let after = self.happenings.iter().rposition(|earlier| earlier.at.at <= happening.at.at);
        self.happenings.insert(after.map_or(0, |index| index + 1), happening);
    }

    /// What is thought of the drop that ended this session.
    #[must_use]
    pub fn verdict(&self, session: u64) -> Option<&Verdict> {
        self.verdicts.get(&session)
    }

    /// Keeps what is thought of a drop, in the place of what was thought before.
    pub fn explain(&mut self, session: u64, verdict: Verdict) {
        while self.verdicts.len() >= DROPS && !self.verdicts.contains_key(&session) {
            self.verdicts.pop_first();
        }
        self.verdicts.insert(session, verdict);
    }

    /// The findings that stand now.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Takes these findings in the place of the earlier ones.
    pub fn conclude(&mut self, findings: Vec<Finding>) {
        self.findings = findings;
    }

    /// What the diagnosis says beside its findings: that there is no pattern, and what cannot be known.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Takes these remarks in the place of the earlier ones.
    pub fn remark(&mut self, remarks: Vec<String>) {
        self.remarks = remarks;
    }

    /// Whether the test for idle timeouts had enough fatal silences to find one and did not (drop-diagnosis.md, D5).
    #[must_use]
    pub fn no_idle_timeout(&self) -> bool {
        self.no_idle_timeout
    }

    /// Keeps what the test for idle timeouts came to.
    pub fn rule_out_idle_timeout(&mut self, ruled_out: bool) {
        self.no_idle_timeout = ruled_out;
    }

    /// The newest sessions, drops and closes alike, oldest first.
    #[must_use]
    pub fn sessions(&self) -> impl DoubleEndedIterator<Item = &Arc<Session>> + ExactSizeIterator {
        self.sessions.iter()
    }

    /// The newest sessions that were dropped, oldest first.
    #[must_use]
    pub fn drops(&self) -> impl DoubleEndedIterator<Item = &Arc<Session>> + ExactSizeIterator {
        self.drops.iter()
    }

    /// The newest attempts, oldest first.
    #[must_use]
    pub fn attempts(&self) -> impl DoubleEndedIterator<Item = &Attempt> + ExactSizeIterator {
        self.attempts.iter()
    }

    /// The newest silences that the connection survived, oldest first.
    #[must_use]
    pub fn survived_gaps(&self) -> impl DoubleEndedIterator<Item = &SurvivedGap> + ExactSizeIterator {
        self.survived_gaps.iter()
    }

    /// Adds an attempt.
    pub fn add_attempt(&mut self, attempt: Attempt) {
        self.totals.attempt(&attempt);
        push(&mut self.attempts, ATTEMPTS, attempt);
    }

    /// Adds a session that ended.
    pub fn add_session(&mut self, mut session: Session) -> Arc<Session> {
        for Gap { length, survived } in std::mem::take(&mut session.stats.gaps) {
            if survived {
                let gap = SurvivedGap { session: session.number, length };
                push(&mut self.survived_gaps, SURVIVED_GAPS, gap);
            } else if !session.censored() {
                session.fatal_gaps.push(length);
            }
        }
        self.last_number = self.last_number.max(session.number);
        self.totals.over(&session);
        self.living = None;
        let session = Arc::new(session);
        if !session.censored() {
            push(&mut self.drops, DROPS, Arc::clone(&session));
        }
        push(&mut self.sessions, SESSIONS, Arc::clone(&session));
        session
    }
}

fn push<T>(ring: &mut VecDeque<T>, limit: usize, item: T) {
    while ring.len() >= limit {
        ring.pop_front();
    }
    ring.push_back(item);
}
