//! One connection's section of the report. Pure.
//! Never a rate without its range, never a finding without what would disprove it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::block::Block;
use super::lengths;
use super::rate::{Rate, figure, float};
use super::words::{code, counted, of_cause, of_error, of_evidence, span, told};
use crate::lifecycle::export::{Connection, Drop, Export, Finding, Past, Stamp, Sums};

/// Drops listed one by one.
const LISTED: usize = 10;
/// So many drops without a finding are worth a sentence (drop-diagnosis.md section 10).
const ENOUGH: u64 = 10;

/// The section of this connection.
pub(super) fn section(blocks: &mut Vec<Block>, connection: &Connection, export: &Export) {
    let past = &connection.past;
    let heading = match connection.name.as_str() {
        "" => "The connection".to_owned(),
        name => format!("Connection {}", code(name)),
    };
    blocks.push(Block::Heading(2, heading));
    facts(blocks, connection, export, Watched::of(connection, export));
    names(blocks, past);
    causes(blocks, past);
    findings(blocks, past, export);
    lengths::section(blocks, connection);
    newest(blocks, past);
}

/// For how long it was watched, in seconds.
#[derive(Clone, Copy)]
enum Watched {
    /// Nothing happened yet.
    Never,
    /// In the time of a baseline.
    For(f64),
    /// All the time since then.
    Since(Stamp, f64),
    /// Since then, and hangup started anew meanwhile: for how long it was away is not known, but how long the sessions were
    /// together is.
    Anew(Stamp, f64),
}

impl Watched {
    fn of(connection: &Connection, export: &Export) -> Self {
        if let Some(period) = &export.period {
            return Self::For(period.observed_seconds);
        }
        let Some(since) = connection.since else { return Self::Never };
        let started = export.exporter.as_ref().and_then(|exporter| exporter.started);
        if started.is_some_and(|started| started > since) {
            Self::Anew(since, in_sessions(&connection.past))
        } else {
            Self::Since(since, export.timestamp.since(since).as_secs_f64())
        }
    }

    fn words(self, export: &Export) -> String {
        match self {
            Self::Never => "nothing happened yet".to_owned(),
            Self::For(seconds) => span(seconds),
            Self::Since(since, seconds) => format!("{}, since {}", span(seconds), since.plain()),
            Self::Anew(since, seconds) => format!(
                "since {}, {} ago, but for the times when hangup did not run; the sessions lasted {} together",
                since.plain(),
                span(export.timestamp.since(since).as_secs_f64()),
                span(seconds)
            ),
        }
    }
}

/// How long all sessions were together, those that ended and the one that lives.
fn in_sessions(past: &Past) -> f64 {
    let Past { metrics, session_history_summary: ended, .. } = past;
    metrics.average_session_seconds * float(ended.total_sessions) + metrics.current_session_uptime_seconds
}

fn facts(blocks: &mut Vec<Block>, connection: &Connection, export: &Export, watched: Watched) {
    let metrics = &connection.past.metrics;
    if !connection.source.is_empty() {
        let keep_alive =
            connection.keep_alive_seconds.map(|seconds| format!(", keep-alive {}", span(seconds)));
        let what = format!(
            "{} over {}{}",
            told(&connection.source),
            told(&connection.transport),
            keep_alive.unwrap_or_default()
        );
        blocks.push(Block::Fact("Connection", what));
    }
    blocks.push(Block::Fact("Observed", watched.words(export)));
    if !connection.state.is_empty() {
        let up = metrics.current_session_uptime_seconds;
        let session = if up > 0.0 { format!(", the session has lasted {}", span(up)) } else { String::new() };
        blocks.push(Block::Fact("Now", format!("{}{session}", told(&connection.state))));
    }
    if let Some(failed) = not_up(connection) {
        blocks.push(Block::Fact("Last attempt", failed));
    }
    blocks.push(Block::Fact("Drops", drops(metrics.total_connection_drops, watched)));
    blocks.push(Block::Fact("Sessions", sessions(metrics)));
    blocks.push(Block::Fact("Outages", outages(&connection.past)));
    if let Some(around) = around(&connection.past) {
        blocks.push(Block::Fact("This machine", around));
    }
    if metrics.messages_published > 0 || metrics.messages_queued > 0 {
        let queued = match metrics.messages_queued {
            0 => String::new(),
            queued => format!(", {queued} had to wait for the connection"),
        };
        blocks
            .push(Block::Fact("Sent", format!("{}{queued}", counted(metrics.messages_published, "message"))));
    }
}

/// Why it is not up: its newest attempt, where nothing came after it.
fn not_up(connection: &Connection) -> Option<String> {
    let failed = connection.last_failure.as_ref()?;
    let metrics = &connection.past.metrics;
    let newer = metrics.last_successful_connect_timestamp.max(metrics.last_drop_timestamp);
    (connection.state != "online" && newer.is_none_or(|newer| failed.timestamp >= newer)).then(|| {
        let (name, message) = (code(&failed.error_name), told(&failed.error_message));
        format!("failed {}, in phase {}: {message}; {name}", failed.timestamp.plain(), told(&failed.phase))
    })
}

/// `3 drops in 1 d: between 0.6 and 8.8 a day would fit`. Never over a time of which nobody knows how much was watched.
fn drops(count: u64, watched: Watched) -> String {
    let drops = match count {
        0 => "none".to_owned(),
        count => counted(count, "drop"),
    };
    let (seconds, what) = match watched {
        Watched::Never => return drops,
        Watched::For(seconds) | Watched::Since(_, seconds) => (seconds, ""),
        Watched::Anew(_, seconds) => (seconds, " of sessions"),
    };
    if seconds <= 0.0 {
        return drops;
    }
    let within = format!("{drops} in {}{what}", span(seconds));
    match Rate::of(count, seconds) {
        Some(rate) if count > 0 => format!("{within}, {} a day: {}", figure(rate.per_day), rate.words()),
        Some(rate) => format!("{within}: {}", rate.words()),
        None => format!("{within}, too short a time for a rate"),
    }
}

fn sessions(metrics: &Sums) -> String {
    let began = metrics.sessions.max(metrics.total_connections.saturating_add(metrics.connection_recovered));
    let mut text = format!("{began} began");
    if metrics.closes > 0 {
        let _ = write!(text, ", hangup itself ended {}", metrics.closes);
    }
    if let Some(shortest) = metrics.shortest_session_seconds {
        let _ = write!(
            text,
            "; those that ended lasted {} to {}, {} in the mean",
            span(shortest),
            span(metrics.longest_session_seconds),
            span(metrics.average_session_seconds)
        );
    }
    text
}

fn outages(past: &Past) -> String {
    let metrics = &past.metrics;
    let mut lengths: Vec<f64> =
        past.recent_connections.iter().filter_map(|connect| connect.time_to_reconnect_seconds).collect();
    lengths.sort_by(f64::total_cmp);
    if metrics.connection_recovered == 0 && lengths.is_empty() {
        return match metrics.failed_attempts {
            0 => "none ended yet".to_owned(),
            failed => format!("none ended yet; {} failed", counted(failed, "attempt")),
        };
    }
    let mut text = format!("{} ended", metrics.connection_recovered);
    if let [only] = lengths.as_slice() {
        let _ = write!(text, ", the last within {}", span(*only));
    } else if let (Some(median), Some(longest)) = (lengths.get(lengths.len() / 2), lengths.last()) {
        let _ = write!(
            text,
            ", half within {}, the longest of the last {} took {}",
            span(*median),
            lengths.len(),
            span(*longest)
        );
    }
    let buckets: Vec<String> = ["1", "2-5", "6-10", "11+"]
        .into_iter()
        .filter_map(|bucket| {
            let count = metrics.reconnection_attempts_distribution.get(bucket).filter(|count| **count > 0)?;
            let noun = if bucket == "1" { "attempt" } else { "attempts" };
            Some(format!("{count} took {} {noun}", bucket.replace('-', " to ").replace('+', " or more")))
        })
        .collect();
    if !buckets.is_empty() {
        let _ = write!(text, "; {}", buckets.join(", "));
    }
    if metrics.failed_attempts > 0 {
        let _ = write!(text, "; {} failed in all", counted(metrics.failed_attempts, "attempt"));
    }
    text
}

fn names(blocks: &mut Vec<Block>, past: &Past) {
    let mut counts: Vec<_> = past.metrics.connection_drops_by_error.iter().collect();
    counts.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), (*name).clone()));
    let named = counts.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(**count));
    let mut rows: Vec<_> = counts
        .iter()
        .map(|(name, count)| vec![count.to_string(), code(name), of_error(name).to_owned()])
        .collect();
    let nameless = past.metrics.total_connection_drops.saturating_sub(named);
    if nameless > 0 {
        rows.push(vec![nameless.to_string(), "-".to_owned(), "no name was recorded".to_owned()]);
    }
    if !rows.is_empty() {
        blocks.push(Block::Heading(3, "What was observed when sessions ended".to_owned()));
        blocks.push(Block::Table(vec!["drops", "name", "what it means"], rows));
    }
}

fn causes(blocks: &mut Vec<Block>, past: &Past) {
    let rows: Vec<_> = past
        .causes
        .iter()
        .map(|count| {
            let evidence = told(&count.evidence);
            let parts = [of_cause(&count.cause), of_evidence(&count.evidence)];
            let means = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
            vec![count.count.to_string(), code(&count.cause), evidence, means]
        })
        .collect();
    if !rows.is_empty() {
        blocks.push(Block::Heading(3, "What is known of their causes".to_owned()));
        blocks.push(Block::Table(vec!["drops", "cause", "evidence", "what it means"], rows));
    }
}

fn findings(blocks: &mut Vec<Block>, past: &Past, export: &Export) {
    let drops = past.metrics.total_connection_drops;
    if past.findings.is_empty() {
        if drops >= ENOUGH && export.exporter.is_some() {
            blocks.push(Block::Heading(3, "Findings".to_owned()));
            let none = format!(
                "{}, no pattern in age, time of day, message count, commands or idle time.",
                counted(drops, "drop")
            );
            blocks.push(Block::Text(none));
        }
        return;
    }
    blocks.push(Block::Heading(3, "Findings".to_owned()));
    if export.period.is_some() {
        let whole = "They rest on all drops that hangup knows, those before this baseline among them.";
        blocks.push(Block::Text(whole.to_owned()));
    }
    for finding in &past.findings {
        blocks.push(Block::Text(told(&finding.words)));
        blocks.push(Block::Fact("Fits", fits(finding)));
        blocks.push(Block::Fact("Evidence", evidence(finding)));
        blocks.push(Block::Fact("Advice", told(&finding.advice)));
        blocks.push(Block::Fact("Disproved by", told(&finding.disproof)));
        blocks.push(Block::Fact("Test", told(&finding.test)));
    }
}

fn fits(finding: &Finding) -> String {
    let one = format!("{} ({})", code(&finding.cause), of_cause(&finding.cause));
    match &finding.or {
        Some(or) => format!("{one}, or as well {} ({})", code(or), of_cause(or)),
        None => one,
    }
}

fn evidence(finding: &Finding) -> String {
    let contradicted = match finding.contradicted {
        0 => String::new(),
        1 => "; 1 session contradicts it since".to_owned(),
        count => format!("; {} contradict it since", counted(count.into(), "session")),
    };
    format!(
        "{} ({}): {} of {} in the test, {:.0} % of all drops that can be explained, from {} to {}{contradicted}",
        told(&finding.evidence),
        of_evidence(&finding.evidence),
        finding.support,
        finding.of,
        100.0 * finding.share,
        finding.first.plain(),
        finding.last.plain(),
    )
}

/// What the machine did shortly before drops.
fn around(past: &Past) -> Option<String> {
    let mut kinds = BTreeMap::<&str, u64>::new();
    let mut beside = 0;
    for drop in past.recent_drops.iter().filter(|drop| !drop.host_events.is_empty()) {
        beside += 1;
        let seen: BTreeSet<&str> = drop.host_events.iter().map(|event| event.kind.as_str()).collect();
        for kind in seen {
            *kinds.entry(kind).or_default() += 1;
        }
    }
    let kinds: Vec<_> = kinds.into_iter().map(|(kind, count)| format!("{} ({count})", code(kind))).collect();
    let drops = counted(past.recent_drops.len() as u64, "drop");
    (beside > 0)
        .then(|| format!("{beside} of the last {drops} came within two minutes after {}", kinds.join(", ")))
}

fn newest(blocks: &mut Vec<Block>, past: &Past) {
    let rows: Vec<_> = past.recent_drops.iter().rev().take(LISTED).map(row).collect();
    if !rows.is_empty() {
        blocks.push(Block::Heading(3, "The newest drops".to_owned()));
        blocks.push(Block::Table(vec!["when", "lasted", "what was seen"], rows));
    }
}

fn row(drop: &Drop) -> Vec<String> {
    let message = drop.error_message.as_deref().filter(|message| !message.is_empty());
    // nwp500-python's messages begin with the name.
    let said = |name: &&str| drop.cause.is_some() || !message.is_some_and(|message| message.contains(name));
    let name = drop.error_name.as_deref().filter(said).map(code);
    let mut seen: Vec<String> = name.into_iter().collect();
    match (&drop.cause, &drop.words) {
        (Some(cause), Some(words)) => seen.push(format!("{}: {}", code(cause), told(words))),
        (Some(cause), None) => seen.push(code(cause)),
        (None, _) => seen.extend(message.map(told)),
    }
    vec![
        drop.timestamp.map_or_else(|| "-".to_owned(), Stamp::plain),
        drop.duration_connected_seconds.map_or_else(|| "-".to_owned(), span),
        seen.join("; "),
    ]
}
