//! A baseline: what happened in one period, put together from documents of diagnostics that were read now and then. Pure.
//!
//! Never counts a drop twice and never takes a time for observed in which nobody watched: an exporter that was away or
//! started anew, a reader that was interrupted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::export::{
    self, CauseCount, Connect, Connection, Drop, Export, HostEvent, Lengths, Past, Period, Stamp, Sums,
};

/// Drops and connects kept one by one; what comes beyond is counted.
const KEPT: usize = 5_000;

/// What is known of the period so far. It can be written to a file and gone on with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The version of this form.
    pub hangup_baseline: u32,
    /// Where the documents come from. Without a user and a password.
    pub url: String,
    /// Only these connections; none: all.
    pub only: Vec<String>,
    /// Its beginning.
    pub from: Stamp,
    /// Its end.
    pub until: Stamp,
    observed_seconds: f64,
    restarts: u64,
    latest: Option<Export>,
    connections: BTreeMap<String, Watched>,
    host_events: Vec<HostEvent>,
}

/// What is known of one connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Watched {
    /// The sums of the last document.
    last: Sums,
    /// Since when these are.
    since: Option<Stamp>,
    /// What came to them in the period.
    gained: Sums,
    drops: Vec<Drop>,
    connects: Vec<Connect>,
}

impl Baseline {
    /// A baseline that begins now.
    #[must_use]
    pub fn new(url: String, only: Vec<String>, from: Stamp, length: Duration) -> Self {
        Self {
            hangup_baseline: 1,
            url,
            only,
            from,
            until: Stamp(from.0 + length),
            observed_seconds: 0.0,
            restarts: 0,
            latest: None,
            connections: BTreeMap::new(),
            host_events: Vec::new(),
        }
    }

    /// Nothing was looked at yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.latest.is_none()
    }

    /// Drops so far.
    #[must_use]
    pub fn drops(&self) -> u64 {
        self.connections.values().map(|watched| watched.gained.total_connection_drops).sum()
    }

    /// How much of the period is over, 0 to 1.
    #[must_use]
    pub fn progress(&self, now: Stamp) -> f64 {
        let whole = self.until.since(self.from).as_secs_f64();
        if whole > 0.0 { (now.since(self.from).as_secs_f64() / whole).min(1.0) } else { 1.0 }
    }

    /// Takes what this document adds.
    pub fn add(&mut self, mut export: Export) {
        if !self.only.is_empty() {
            export.connections.retain(|connection| self.only.contains(&connection.name));
        }
        let started = |export: &Export| export.exporter.as_ref().and_then(|exporter| exporter.started);
        let before = self.latest.as_ref().map(|latest| (latest.timestamp, started(latest)));
        let restarted = before.is_some_and(|(_, earlier)| earlier != started(&export));
        self.restarts += u64::from(restarted);
        if let Some((last, _)) = before {
            // Its counters went on between two looks, unless it was not there.
            let watched_since = if restarted {
                started(&export).map_or(export.timestamp, |began| began.max(last))
            } else {
                last
            };
            let (from, to) = (watched_since.max(self.from), export.timestamp.min(self.until));
            self.observed_seconds += to.since(from).as_secs_f64();
        }
        let first = self.latest.is_none();
        let (from, until) = (self.from, self.until);
        for connection in &export.connections {
            let known = self.connections.contains_key(&connection.name);
            let watched = self.connections.entry(connection.name.clone()).or_default();
            // What a new connection brings happened in the period; what the first document tells may be older.
            watched.take(connection, restarted, first && !known, from);
        }
        let known: BTreeSet<(Stamp, String)> =
            self.host_events.iter().map(|event| (event.timestamp, event.kind.clone())).collect();
        let new = export.host_events.iter().filter(|event| {
            (from..=until).contains(&event.timestamp)
                && !known.contains(&(event.timestamp, event.kind.clone()))
        });
        self.host_events.extend(new.cloned());
        // Only who made it, its states and its findings are asked of it later.
        for connection in &mut export.connections {
            connection.past.recent_drops.clear();
            connection.past.recent_connections.clear();
        }
        export.past.recent_drops.clear();
        export.past.recent_connections.clear();
        export.host_events.clear();
        self.latest = Some(export);
    }

    /// The document of the period: of exactly it, whatever was before and came after.
    #[must_use]
    pub fn export(&self, now: Stamp) -> Export {
        let states = self.latest.iter().flat_map(|latest| &latest.connections);
        let connections: Vec<Connection> = states
            .filter_map(|state| {
                Some(self.connections.get(&state.name)?.connection(state, self.from, self.until))
            })
            .collect();
        let mut limits = export::limits(&connections);
        limits.extend(self.gaps(&connections));
        Export {
            timestamp: now,
            past: export::together(connections.iter().map(|connection| &connection.past)),
            exporter: self.latest.as_ref().and_then(|latest| latest.exporter.clone()),
            since: Some(self.from),
            period: Some(Period {
                from: self.from,
                to: self.until.min(now),
                observed_seconds: self.observed_seconds,
                restarts: self.restarts,
            }),
            host_events: self.host_events.clone(),
            limits_of_knowledge: limits,
            connections,
        }
    }

    /// What may be missing.
    fn gaps(&self, connections: &[Connection]) -> Vec<String> {
        let mut gaps = Vec::new();
        if self.restarts > 0 {
            gaps.push(
                "hangup started anew: where it keeps no journal, what happened between the last look and its end is not known."
                    .to_owned(),
            );
        }
        let pasts = connections.iter().map(|connection| &connection.past);
        let counted: u64 = pasts.clone().map(|past| past.metrics.total_connection_drops).sum();
        let told: u64 = pasts.map(|past| past.recent_drops.len() as u64).sum();
        if counted > told {
            let more = counted - told;
            gaps.push(format!(
                "Of {more} more drops only the names are known: there were too many between two looks."
            ));
        }
        gaps
    }
}

impl Watched {
    fn take(&mut self, connection: &Connection, restarted: bool, first: bool, from: Stamp) {
        let past = &connection.past;
        // What is there at the first look happened before.
        if !first {
            // Without a journal the sums begin anew with the process, and with a connection that was away from the
            // configuration; messages always do.
            let anew = self.since.is_some() && self.since != connection.since;
            self.gained.grow(&self.last, &past.metrics, anew, restarted || anew);
        }
        self.last = past.metrics.clone();
        self.since = connection.since;
        for drop in past.recent_drops.iter().filter(|drop| drop.timestamp >= Some(from)) {
            let mut drop = drop.clone();
            let told = [&mut drop.error_message, &mut drop.words];
            told.into_iter().flatten().for_each(|text| *text = export::redacted(text));
            let same = |known: &&mut Drop| known.timestamp == drop.timestamp && known.session == drop.session;
            let room = self.drops.len() < KEPT;
            match self.drops.iter_mut().rev().find(same) {
                // It may be better known by now.
                Some(known) => *known = drop,
                None if room => self.drops.push(drop),
                None => {}
            }
        }
        for connect in past.recent_connections.iter().filter(|connect| connect.timestamp >= Some(from)) {
            if self.connects.len() < KEPT && !self.connects.contains(connect) {
                self.connects.push(connect.clone());
            }
        }
    }

    /// The connection as it was in the period.
    fn connection(&self, state: &Connection, from: Stamp, until: Stamp) -> Connection {
        let within = |time: Option<Stamp>| time.is_some_and(|time| time <= until);
        let (recent_drops, late): (Vec<Drop>, Vec<Drop>) =
            self.drops.iter().cloned().partition(|drop| within(drop.timestamp));
        let (recent_connections, late_connects): (Vec<Connect>, Vec<Connect>) =
            self.connects.iter().cloned().partition(|connect| within(connect.timestamp));
        let mut metrics = self.gained.clone();
        metrics.without(&late, &late_connects);
        let lengths: Vec<f64> =
            recent_drops.iter().filter_map(|drop| drop.duration_connected_seconds).collect();
        metrics.longest_session_seconds = lengths.iter().copied().fold(0.0, f64::max);
        metrics.shortest_session_seconds = lengths.iter().copied().reduce(f64::min);
        let count = u32::try_from(lengths.len()).unwrap_or(u32::MAX).max(1);
        metrics.average_session_seconds = lengths.iter().sum::<f64>() / f64::from(count);
        metrics.current_session_uptime_seconds = state.past.metrics.current_session_uptime_seconds;
        metrics.last_drop_timestamp = recent_drops.iter().filter_map(|drop| drop.timestamp).max();
        metrics.last_successful_connect_timestamp =
            recent_connections.iter().filter_map(|connect| connect.timestamp).max();
        let aws = metrics.connection_drops_by_error.iter().filter(|(name, _)| name.starts_with("AWS_"));
        Connection {
            since: Some(from),
            last_failure: state.last_failure.clone().filter(|failure| failure.timestamp >= from),
            past: Past {
                aws_error_counts: aws.map(|(name, count)| (name.clone(), *count)).collect(),
                session_history_summary: Lengths {
                    total_sessions: metrics.total_disconnects,
                    sample_durations: lengths.iter().rev().take(20).rev().copied().collect(),
                },
                causes: causes(&recent_drops),
                findings: state.past.findings.clone(),
                metrics,
                recent_drops,
                recent_connections,
            },
            ..state.clone()
        }
    }
}

fn causes(drops: &[Drop]) -> Vec<CauseCount> {
    let mut counts = BTreeMap::<(String, String), u64>::new();
    for drop in drops {
        if let (Some(cause), Some(evidence)) = (&drop.cause, &drop.evidence) {
            *counts.entry((cause.clone(), evidence.clone())).or_default() += 1;
        }
    }
    counts.into_iter().map(|((cause, evidence), count)| CauseCount { cause, evidence, count }).collect()
}

impl Sums {
    /// Each sum by field, for what is done to all of them alike.
    fn counters(&mut self) -> [&mut u64; 8] {
        [
            &mut self.total_connections,
            &mut self.total_disconnects,
            &mut self.total_connection_drops,
            &mut self.total_reconnect_attempts,
            &mut self.connection_recovered,
            &mut self.sessions,
            &mut self.closes,
            &mut self.failed_attempts,
        ]
    }

    /// Adds what came between two looks; `anew`: the second counts from zero, `messages` too.
    fn grow(&mut self, before: &Self, after: &Self, anew: bool, messages: bool) {
        let nothing = Self::default();
        let (mut base, mut now) = (if anew { nothing } else { before.clone() }, after.clone());
        for ((sum, base), now) in self.counters().into_iter().zip(base.counters()).zip(now.counters()) {
            *sum += now.saturating_sub(*base);
        }
        let errors = &mut self.connection_drops_by_error;
        gain(errors, &base.connection_drops_by_error, &now.connection_drops_by_error);
        errors.retain(|_, count| *count > 0);
        let buckets = &mut self.reconnection_attempts_distribution;
        gain(buckets, &base.reconnection_attempts_distribution, &now.reconnection_attempts_distribution);
        let past = |count: u64| if messages { 0 } else { count };
        self.messages_published += after.messages_published.saturating_sub(past(before.messages_published));
        self.messages_queued += after.messages_queued.saturating_sub(past(before.messages_queued));
    }

    /// Takes out what came after the end of the period.
    fn without(&mut self, drops: &[Drop], connects: &[Connect]) {
        for drop in drops {
            self.total_connection_drops = self.total_connection_drops.saturating_sub(1);
            self.total_disconnects = self.total_disconnects.saturating_sub(1);
            if let Some(count) =
                drop.error_name.as_ref().and_then(|name| self.connection_drops_by_error.get_mut(name))
            {
                *count = count.saturating_sub(1);
            }
        }
        self.connection_drops_by_error.retain(|_, count| *count > 0);
        for connect in connects {
            self.sessions = self.sessions.saturating_sub(1);
            let first = connect.event_type == "connected";
            let kind = if first { &mut self.total_connections } else { &mut self.connection_recovered };
            *kind = kind.saturating_sub(1);
        }
    }
}

fn gain(sums: &mut BTreeMap<String, u64>, base: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>) {
    for (name, now) in now {
        let base = base.get(name).copied().unwrap_or(0);
        *sums.entry(name.clone()).or_default() += now.saturating_sub(base);
    }
}

#[cfg(test)]
mod tests;
