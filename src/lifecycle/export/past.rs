//! One connection's part of the export: copied under the history's lock, written without it. Pure.
//! Never keeps the lock for more than copies of pointers and of what is small.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::document::{
    Before, CauseCount, Connect, Connection, Drop, FailedAttempt, Finding, Lengths, Past, Sums,
};
use super::redact::redacted;
use super::stamp::Stamp;
use super::{RECENT, SAMPLE, newest};
use crate::clock::{Instant, Now};
use crate::connection::Tier;
use crate::connection::ending::EndedBy;
use crate::diagnosis::{self, Cause, Evidence, Verdict};
use crate::host::Signal;
use crate::lifecycle::board::{ConnectionStatus, LastFailure};
use crate::lifecycle::history::{Living, Session, Totals};
use crate::telemetry::Traffic;

/// What happened on the machine so long before a drop is told beside it.
const SHORTLY: Duration = Duration::from_secs(120);
/// So much of it at most: a network that flaps says the same again and again.
const SIGNALS: usize = 20;

/// A copy of one connection's history.
#[derive(Debug)]
pub struct Copied<'a> {
    status: &'a ConnectionStatus,
    totals: Totals,
    drops: Vec<(Arc<Session>, Option<Verdict>)>,
    sessions: Vec<Arc<Session>>,
    living: Option<Living>,
    causes: BTreeMap<(Cause, Evidence), u64>,
    findings: Vec<diagnosis::Finding>,
}

impl<'a> Copied<'a> {
    /// Copies what the export needs of this connection.
    #[must_use]
    pub fn of(status: &'a ConnectionStatus) -> Self {
        status.history.read(|history| {
            let drops: Vec<_> = history
                .drops()
                .map(|session| (Arc::clone(session), history.verdict(session.number).cloned()))
                .collect();
            Self {
                status,
                totals: history.totals().clone(),
                drops,
                sessions: history.sessions().map(Arc::clone).collect(),
                living: history.living().cloned(),
                causes: BTreeMap::new(),
                findings: history.findings().to_vec(),
            }
            .counted()
        })
    }

    fn counted(mut self) -> Self {
        for verdict in self.drops.iter().filter_map(|(_, verdict)| verdict.as_ref()) {
            *self.causes.entry((verdict.cause, verdict.evidence)).or_default() += 1;
        }
        self
    }

    /// Its part of the document.
    #[must_use]
    pub fn connection(&self, signals: &[Signal], now: Now) -> Connection {
        let status = self.status;
        let newest_session = self.sessions.last().map(|session| session.keep_alive);
        let keep_alive = self.living.as_ref().map(|living| living.keep_alive).or(newest_session);
        Connection {
            name: status.name.clone(),
            source: status.source.to_owned(),
            transport: status.transport.to_owned(),
            state: status.state.as_str().to_owned(),
            since: (self.totals.since > SystemTime::UNIX_EPOCH).then_some(Stamp(self.totals.since)),
            keep_alive_seconds: keep_alive.map(|keep_alive| keep_alive.as_secs_f64()),
            last_failure: status.last_failure.as_ref().map(FailedAttempt::of),
            past: Past {
                metrics: self.sums(now),
                recent_drops: self.drops(RECENT, signals),
                recent_connections: self.connects(),
                aws_error_counts: self.by_error().filter(|(name, _)| name.starts_with("AWS_")).collect(),
                session_history_summary: self.lengths(),
                causes: self.causes(),
                findings: self.findings(),
            },
        }
    }

    /// The newest drops, oldest first.
    #[must_use]
    pub fn drops(&self, count: usize, signals: &[Signal]) -> Vec<Drop> {
        let attempts = self.attempts();
        let first = self.drops.len().saturating_sub(count);
        let shown = self.drops.iter().skip(first);
        shown.map(|(session, verdict)| self.drop(session, verdict.as_ref(), &attempts, signals)).collect()
    }

    fn drop(
        &self,
        session: &Session,
        verdict: Option<&Verdict>,
        attempts: &BTreeMap<u64, u32>,
        signals: &[Signal],
    ) -> Drop {
        let failure = session.failure();
        let came_back = attempts.get(&(session.number + 1)).copied();
        // The newest drop's outage may go on.
        let so_far = if self.living.is_none() { self.status.consecutive_failures } else { 0 };
        Drop {
            timestamp: Some(Stamp(session.end.wall)),
            error_name: failure.map(|failure| failure.error.as_str().to_owned()),
            error_message: failure.map(|failure| redacted(&failure.message)),
            error_code: failure.and_then(|failure| failure.error.code()),
            reconnect_attempt: came_back.unwrap_or(so_far),
            duration_connected_seconds: Some(session.lasted().as_secs_f64()),
            active_subscriptions: session.subscriptions,
            queued_commands: usize::try_from(session.stats.queued_commands).unwrap_or(usize::MAX),
            connection: Some(self.status.name.clone()),
            session: Some(session.number),
            age_seconds: Some(session.age().as_secs_f64()),
            uncertainty_seconds: Some(session.uncertainty().as_secs_f64()),
            phase: failure.map(|failure| failure.phase.as_str().to_owned()),
            detail: failure.map(|failure| failure.detail.to_string()),
            ended_by: Some(ended_by(session.ended_by).to_owned()),
            cause: verdict.map(|verdict| verdict.cause.to_string()),
            evidence: verdict.map(|verdict| verdict.evidence.to_string()),
            rule: verdict.map(|verdict| verdict.rule.to_string()),
            words: verdict.map(|verdict| redacted(&verdict.words)),
            host_events: before(session, signals),
        }
    }

    /// Attempts by the number of the session that they led to.
    fn attempts(&self) -> BTreeMap<u64, u32> {
        let ended = self.drops.iter().map(|(session, _)| session).chain(&self.sessions);
        let ended = ended.map(|session| (session.number, session.attempts));
        ended.chain(self.living.iter().map(|living| (living.number, living.attempts))).collect()
    }

    fn connects(&self) -> Vec<Connect> {
        let ended = self.sessions.iter().map(|session| {
            self.connect(session.number, session.start, session.attempts, session.tier, session.outage)
                .remembered(session.session_present)
        });
        let living = self.living.iter().map(|living| {
            self.connect(living.number, living.start, living.attempts, living.tier, living.outage)
                .remembered(living.session_present)
        });
        newest(ended.chain(living).collect(), RECENT)
    }

    fn connect(
        &self,
        number: u64,
        start: Now,
        attempts: u32,
        tier: Tier,
        outage: Option<Duration>,
    ) -> Connect {
        let event_type = match (outage, tier) {
            (None, _) => "connected",
            (Some(_), Tier::Quick) => "resumed",
            (Some(_), Tier::Deep) => "deep_reconnected",
        };
        Connect {
            timestamp: Some(Stamp(start.wall)),
            event_type: event_type.to_owned(),
            session_present: false,
            return_code: Some(0),
            attempt_number: if outage.is_none() { 0 } else { attempts },
            time_to_reconnect_seconds: outage.map(|outage| outage.as_secs_f64()),
            connection: Some(self.status.name.clone()),
            session: Some(number),
            attempts: Some(attempts),
        }
    }

    fn sums(&self, now: Now) -> Sums {
        let Totals { connects, drops, closes, attempts, failed_attempts, outages_by_attempts, .. } =
            &self.totals;
        let recovered: u64 = outages_by_attempts.iter().sum();
        let first = connects.saturating_sub(recovered);
        let seconds = |length: Option<Duration>| length.map(|length| length.as_secs_f64());
        let living = self.living.as_ref();
        Sums {
            total_connections: first,
            total_disconnects: drops + closes,
            total_connection_drops: *drops,
            // Where none succeeded yet, the first attempt was no reconnect.
            total_reconnect_attempts: attempts.saturating_sub(first.max(1)),
            longest_session_seconds: seconds(self.totals.longest).unwrap_or(0.0),
            shortest_session_seconds: seconds(self.totals.shortest),
            average_session_seconds: seconds(self.totals.average()).unwrap_or(0.0),
            current_session_uptime_seconds: living
                .map_or(0.0, |living| now.at.saturating_since(living.start.at).as_secs_f64()),
            connection_drops_by_error: self.by_error().collect(),
            reconnection_attempts_distribution: ["1", "2-5", "6-10", "11+"]
                .map(str::to_owned)
                .into_iter()
                .zip(*outages_by_attempts)
                .collect(),
            last_drop_timestamp: self.totals.last_drop.map(Stamp),
            last_successful_connect_timestamp: self.totals.last_connect.map(Stamp),
            connection_recovered: recovered,
            messages_published: self.status.flow.as_ref().map_or(0, Traffic::published_so_far),
            messages_queued: self.status.flow.as_ref().map_or(0, Traffic::queued_so_far),
            sessions: *connects,
            closes: *closes,
            failed_attempts: *failed_attempts,
        }
    }

    fn by_error(&self) -> impl Iterator<Item = (String, u64)> {
        self.totals.drops_by_error.iter().map(|(error, count)| (error.as_str().to_owned(), *count))
    }

    fn lengths(&self) -> Lengths {
        let lengths = self.sessions.iter().map(|session| session.lasted().as_secs_f64());
        Lengths { total_sessions: self.totals.count, sample_durations: newest(lengths.collect(), SAMPLE) }
    }

    fn causes(&self) -> Vec<CauseCount> {
        let mut causes: Vec<_> = self
            .causes
            .iter()
            .map(|((cause, evidence), count)| CauseCount {
                cause: cause.to_string(),
                evidence: evidence.to_string(),
                count: *count,
            })
            .collect();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
        causes
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings.iter().map(|finding| self.finding(finding)).collect()
    }

    fn finding(&self, finding: &diagnosis::Finding) -> Finding {
        // The hash of a topic can be reversed by trying every device: it stays here.
        let mut pattern = serde_json::to_value(&finding.claim.pattern).unwrap_or_default();
        if let Some(fields) = pattern.as_object_mut() {
            fields.remove("topic");
            if let Some(serde_json::Value::String(shape)) = fields.get_mut("shape") {
                *shape = redacted(shape);
            }
        }
        Finding {
            connection: Some(self.status.name.clone()),
            cause: finding.cause.to_string(),
            or: finding.or.map(|or| or.to_string()),
            evidence: finding.evidence.to_string(),
            support: finding.claim.support,
            of: finding.claim.of,
            share: finding.share,
            first: Stamp(finding.first),
            last: Stamp(finding.last),
            since: Stamp(finding.since),
            contradicted: finding.contradicted,
            words: redacted(&finding.words),
            advice: redacted(&finding.advice),
            disproof: redacted(&finding.disproof),
            test: redacted(&finding.test),
            sessions: finding.claim.members.clone(),
            pattern,
        }
    }
}

impl FailedAttempt {
    fn of(failure: &LastFailure) -> Self {
        Self {
            timestamp: Stamp(failure.at),
            error_name: failure.error.as_str().to_owned(),
            error_message: redacted(&failure.message),
            phase: failure.phase.as_str().to_owned(),
            detail: failure.detail.to_string(),
        }
    }
}

impl Connect {
    fn remembered(mut self, session_present: bool) -> Self {
        self.session_present = session_present;
        self
    }
}

/// What happened on the machine shortly before the end of a session was noticed: the last of it.
fn before(session: &Session, signals: &[Signal]) -> Vec<Before> {
    let near = signals.iter().rev().filter_map(|signal| {
        let before = time_before(session, signal).filter(|before| *before <= SHORTLY)?;
        Some(Before { kind: signal.kind.as_str().to_owned(), seconds_before: before.as_secs_f64() })
    });
    let mut near: Vec<_> = near.take(SIGNALS).collect();
    near.reverse();
    near
}

/// How long before the end a signal came; `None`: it came after it. What is of an earlier process has no place on the clock
/// of this one, and its wall clock counts.
fn time_before(session: &Session, signal: &Signal) -> Option<Duration> {
    let unplaced = Instant::default();
    if session.start.at == unplaced || signal.at.at == unplaced {
        return session.end.wall.duration_since(signal.at.wall).ok();
    }
    (signal.at.at <= session.end.at).then(|| session.end.at.saturating_since(signal.at.at))
}

const fn ended_by(who: EndedBy) -> &'static str {
    match who {
        EndedBy::Peer => "peer",
        EndedBy::Timeout => "timeout",
        EndedBy::LocalError => "local_error",
        EndedBy::Us => "us",
    }
}

/// A count as a number to divide by.
#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 sessions")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
