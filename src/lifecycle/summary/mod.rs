//! The report: what a document of diagnostics says, in words for a person. Pure.
//!
//! Never says more than the document holds: what is missing in it is named as missing, what fits is not called the cause.

mod block;
mod connection;
mod lengths;
mod rate;
mod words;

pub use block::{Block, markdown, terminal};

use super::export::{Connection, Export, Period, Stamp};
use std::fmt::Write as _;
use words::{counted, span, told};

/// The text of a report.
#[must_use]
pub fn report(export: &Export) -> Vec<Block> {
    let mut blocks = vec![Block::Heading(1, title(export)), Block::Text(origin(export))];
    if let Some(period) = &export.period {
        blocks.push(Block::Text(observed(period)));
    }
    if export.exporter.is_none() {
        blocks.push(Block::Text(MISSING.to_owned()));
    }
    let anonymous = [whole(export)];
    let connections = if export.connections.is_empty() && export.exporter.is_none() {
        anonymous.as_slice()
    } else {
        export.connections.as_slice()
    };
    if connections.is_empty() {
        blocks.push(Block::Text("There was no connection.".to_owned()));
    }
    for connection in connections {
        connection::section(&mut blocks, connection, export);
    }
    machine(&mut blocks, export);
    if !export.limits_of_knowledge.is_empty() {
        blocks.push(Block::Heading(2, "What cannot be known".to_owned()));
        let limits = export.limits_of_knowledge.iter();
        blocks.extend(limits.map(|limit| Block::Text(told(limit))));
    }
    blocks
}

fn title(export: &Export) -> String {
    match &export.period {
        Some(period) => format!("Baseline of {}", span(period.to.since(period.from).as_secs_f64())),
        None => "Connection report".to_owned(),
    }
}

fn origin(export: &Export) -> String {
    let made = export.timestamp.plain();
    match &export.exporter {
        Some(exporter) => {
            let started = exporter.started.map(|started| export.timestamp.since(started).as_secs_f64());
            let running =
                started.map_or_else(String::new, |length| format!(", running for {}", span(length)));
            format!("Made {made} by {} {}{running}.", told(&exporter.name), told(&exporter.version))
        }
        None => format!("Made {made}, by nwp500-python or by a program that uses its names."),
    }
}

/// What a document of nwp500-python does not hold.
const MISSING: &str = "Not in this document: causes, findings, closes of the client's own, events of the machine, failed \
    attempts, and how late the end of a session was noticed. Its lengths follow the wall clock, and its uptime runs on while \
    there is no connection.";

fn observed(period: &Period) -> String {
    let whole = period.to.since(period.from).as_secs_f64();
    let missed = (whole - period.observed_seconds).max(0.0);
    let mut text = format!("From {} to {}.", period.from.plain(), period.to.plain());
    if missed >= 1.0 {
        let _ = write!(
            text,
            " hangup could not be asked for {} of it; rates are those of the other {}.",
            span(missed),
            span(period.observed_seconds)
        );
    }
    if period.restarts > 0 {
        let _ = write!(text, " It started anew {} meanwhile.", times(period.restarts));
    }
    text
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// A document without a list of connections is about one.
fn whole(export: &Export) -> Connection {
    Connection {
        name: String::new(),
        source: String::new(),
        transport: String::new(),
        state: String::new(),
        since: export.since.or_else(|| earliest(export)),
        keep_alive_seconds: None,
        last_failure: None,
        past: export.past.clone(),
    }
}

/// The earliest time in a document that does not say since when it knows.
fn earliest(export: &Export) -> Option<Stamp> {
    let connects = export.past.recent_connections.iter().filter_map(|connect| connect.timestamp);
    connects.chain(export.past.recent_drops.iter().filter_map(|drop| drop.timestamp)).min()
}

/// What happened on the machine, beside the connections.
fn machine(blocks: &mut Vec<Block>, export: &Export) {
    if export.host_events.is_empty() {
        return;
    }
    let mut kinds = std::collections::BTreeMap::<&str, (u64, Stamp)>::new();
    for event in &export.host_events {
        let entry = kinds.entry(&event.kind).or_insert((0, event.timestamp));
        *entry = (entry.0 + 1, entry.1.max(event.timestamp));
    }
    blocks.push(Block::Heading(2, "This machine".to_owned()));
    let all = export.host_events.len() as u64;
    blocks.push(Block::Text(format!("{} that connections may suffer from:", counted(all, "event"))));
    let rows = kinds
        .into_iter()
        .map(|(kind, (count, last))| vec![count.to_string(), words::code(kind), last.plain()]);
    blocks.push(Block::Table(vec!["events", "kind", "last"], rows.collect()));
}

#[cfg(test)]
mod tests;
