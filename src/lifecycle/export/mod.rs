//! The export: what happened to every connection, as a document that may be shown to anybody. Pure.
//!
//! Never holds an e-mail, an address, a token or a topic with an identity, and never a history's lock while it is written.
//!
//! Its names are those of nwp500-python's `export_json`, so that scripts written for it keep working; what we know beside
//! them stands beside them. Four things are right here that are not there: the uptime stops with the session, the buckets of
//! attempts never shrink, lengths are measured on a clock that does not step, and every drop has a name.

mod document;
mod past;
mod redact;
mod stamp;

use std::collections::{BTreeMap, BTreeSet};

pub use document::{
    Before, CauseCount, Connect, Connection, Drop, Export, Exporter, FailedAttempt, Finding, HostEvent,
    Lengths, Past, Period, Sums,
};
pub use past::Copied;
pub use redact::redacted;
pub use stamp::Stamp;

use super::board::ConnectionStatus;
use crate::clock::Now;
use crate::host::Signal;

/// Drops and connects of one connection in the document; `/api/v1/drops` tells all that are kept.
pub const RECENT: usize = 100;
/// Events of the machine in the document.
const HOST_EVENTS: usize = 200;
/// Lengths in the sample, as in nwp500-python.
const SAMPLE: usize = 20;

impl Export {
    /// What these connections tell now, on a machine with these signals (oldest first). `started`: this process.
    #[must_use]
    pub fn of(connections: &[ConnectionStatus], signals: &[Signal], started: Now, now: Now) -> Self {
        let connections: Vec<Connection> =
            connections.iter().map(|status| Copied::of(status).connection(signals, now)).collect();
        let since = connections.iter().filter_map(|connection| connection.since).min();
        let newest = signals.iter().rev().take(HOST_EVENTS).rev();
        Self {
            timestamp: Stamp(now.wall),
            past: together(connections.iter().map(|connection| &connection.past)),
            exporter: Some(Exporter {
                name: env!("CARGO_PKG_NAME").to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                started: Some(Stamp(started.wall)),
            }),
            since: Some(since.unwrap_or(Stamp(started.wall))),
            period: None,
            host_events: newest.map(HostEvent::of).collect(),
            limits_of_knowledge: limits(&connections),
            connections,
        }
    }

    /// The drops of these connections with everything that is known of each, newest first.
    #[must_use]
    pub fn drops(connections: &[ConnectionStatus], signals: &[Signal]) -> Vec<Drop> {
        let mut drops: Vec<Drop> =
            connections.iter().flat_map(|status| Copied::of(status).drops(usize::MAX, signals)).collect();
        drops.sort_by_key(|drop| std::cmp::Reverse(drop.timestamp));
        drops
    }
}

impl HostEvent {
    fn of(signal: &Signal) -> Self {
        Self { timestamp: Stamp(signal.at.wall), kind: signal.kind.as_str().to_owned() }
    }
}

/// The past of several connections as one.
#[must_use]
pub fn together<'a>(pasts: impl Iterator<Item = &'a Past> + Clone) -> Past {
    let sums = pasts.clone().map(|past| &past.metrics);
    let mut recent_drops: Vec<Drop> =
        pasts.clone().flat_map(|past| past.recent_drops.iter().cloned()).collect();
    recent_drops.sort_by_key(|drop| drop.timestamp);
    let mut recent_connections: Vec<Connect> =
        pasts.clone().flat_map(|past| past.recent_connections.iter().cloned()).collect();
    recent_connections.sort_by_key(|connect| connect.timestamp);
    let mut causes: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for count in pasts.clone().flat_map(|past| &past.causes) {
        *causes.entry((&count.cause, &count.evidence)).or_default() += count.count;
    }
    let lengths = pasts.clone().map(|past| &past.session_history_summary);
    Past {
        metrics: Sums::together(&sums),
        recent_drops: newest(recent_drops, RECENT),
        recent_connections: newest(recent_connections, RECENT),
        aws_error_counts: added(pasts.clone().map(|past| &past.aws_error_counts)),
        session_history_summary: Lengths {
            total_sessions: lengths.clone().map(|lengths| lengths.total_sessions).sum(),
            sample_durations: newest(
                lengths.flat_map(|lengths| lengths.sample_durations.iter().copied()).collect(),
                SAMPLE,
            ),
        },
        causes: causes
            .into_iter()
            .map(|((cause, evidence), count)| CauseCount {
                cause: cause.to_owned(),
                evidence: evidence.to_owned(),
                count,
            })
            .collect(),
        findings: pasts.flat_map(|past| past.findings.iter().cloned()).collect(),
    }
}

impl Sums {
    /// The sums of several connections as one.
    fn together<'a>(all: &(impl Iterator<Item = &'a Self> + Clone)) -> Self {
        let sum = |field: fn(&Self) -> u64| all.clone().map(field).sum::<u64>();
        // Each mean counts as often as it has sessions.
        let ended = sum(|one| one.total_disconnects);
        let lengths: f64 =
            all.clone().map(|one| one.average_session_seconds * past::float(one.total_disconnects)).sum();
        let uptimes = all.clone().map(|one| one.current_session_uptime_seconds);
        Self {
            total_connections: sum(|one| one.total_connections),
            total_disconnects: ended,
            total_connection_drops: sum(|one| one.total_connection_drops),
            total_reconnect_attempts: sum(|one| one.total_reconnect_attempts),
            longest_session_seconds: all.clone().map(|one| one.longest_session_seconds).fold(0.0, f64::max),
            shortest_session_seconds: all
                .clone()
                .filter_map(|one| one.shortest_session_seconds)
                .reduce(f64::min),
            average_session_seconds: if ended == 0 { 0.0 } else { lengths / past::float(ended) },
            current_session_uptime_seconds: uptimes.reduce(f64::min).unwrap_or(0.0),
            connection_drops_by_error: added(all.clone().map(|one| &one.connection_drops_by_error)),
            reconnection_attempts_distribution: added(
                all.clone().map(|one| &one.reconnection_attempts_distribution),
            ),
            last_drop_timestamp: all.clone().filter_map(|one| one.last_drop_timestamp).max(),
            last_successful_connect_timestamp: all
                .clone()
                .filter_map(|one| one.last_successful_connect_timestamp)
                .max(),
            connection_recovered: sum(|one| one.connection_recovered),
            messages_published: sum(|one| one.messages_published),
            messages_queued: sum(|one| one.messages_queued),
            sessions: sum(|one| one.sessions),
            closes: sum(|one| one.closes),
            failed_attempts: sum(|one| one.failed_attempts),
        }
    }
}

fn added<'a>(maps: impl Iterator<Item = &'a BTreeMap<String, u64>>) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for (name, count) in maps.flatten() {
        *all.entry(name.clone()).or_default() += count;
    }
    all
}

/// The last `count` of a list.
fn newest<T>(mut list: Vec<T>, count: usize) -> Vec<T> {
    list.split_off(list.len().saturating_sub(count))
}

/// What cannot be known from what was seen (drop-diagnosis.md section 9), as far as it concerns these connections.
#[must_use]
pub fn limits(connections: &[Connection]) -> Vec<String> {
    let mut limits = BTreeSet::new();
    for Connection { past, .. } in connections {
        let drops = past.metrics.total_connection_drops;
        if drops < 3 {
            limits.insert("Fewer than three drops carry no pattern: a cause that shows only over many drops is not found yet.");
        }
        let cause = |name: &str| past.causes.iter().any(|count| count.cause == name);
        if drops > 0 {
            limits.insert(
                "A takeover by a second client that is not seen here and a server that throws out at random look alike \
                 without the broker's own events.",
            );
            limits.insert(
                "In MQTT 3.1.1 the broker gives no reason when it closes: a breach of its policy shows only by the time \
                 after a packet.",
            );
        }
        if cause("path_dead") || cause("nat_idle_timeout") {
            limits
                .insert("The direction of a broken path: TCP says that acknowledgements stopped, not where.");
        }
        if past.findings.iter().any(|finding| finding.or.is_some()) {
            limits.insert(
                "A limit on age, a limit on messages and a time of the clock cannot be told apart while the client always \
                 reconnects at once and the rate of messages does not change.",
            );
        }
        if past.findings.iter().any(|finding| finding.cause == "credential_expired")
            || cause("credential_expired")
        {
            limits.insert(
                "Expired credentials do not end a session at AWS; they show at the next connect. A drop at their expiry is a \
                 coincidence unless a finding says otherwise.",
            );
        }
    }
    limits.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
