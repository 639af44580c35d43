//! Many connections at a glance: one row each, those with trouble first, a page at a time.
//! Never takes more of a history than its row shows.

use std::time::SystemTime;

use maud::{Markup, html};

use super::card::{kept, mood, segment, state};
use super::causes::{known, meaning, words};
use super::view::View;
use super::window::Window;
use super::words::{counted, span};
use crate::diagnosis::{Cause, Evidence};
use crate::lifecycle::StateName;
use crate::lifecycle::board::ConnectionStatus;
use crate::lifecycle::history::History;

/// Rows of a page.
pub(super) const ROWS: usize = 50;

/// What a row shows of a history.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Glance {
    /// Drops in the window.
    pub(super) drops: usize,
    /// When the newest of them was.
    pub(super) newest: Option<SystemTime>,
    /// What is thought of it.
    pub(super) cause: Option<(Cause, Evidence)>,
    /// The first finding in words.
    pub(super) finding: Option<String>,
}

impl Glance {
    pub(super) fn of(history: &History, window: Window) -> Self {
        let mut drops = history.drops().rev().filter(|drop| window.holds(drop.end.wall)).peekable();
        let newest = drops.peek().map(|drop| (drop.end.wall, history.verdict(drop.number)));
        Self {
            newest: newest.map(|(at, _)| at),
            cause: newest.and_then(|(_, verdict)| verdict).map(|verdict| (verdict.cause, verdict.evidence)),
            finding: history.findings().first().map(|finding| finding.words.clone()),
            drops: drops.count(),
        }
    }
}

/// One connection and its glance.
pub(super) struct Row<'a> {
    pub(super) connection: &'a ConnectionStatus,
    pub(super) glance: Glance,
}

/// Rows of all connections, those that need a look first: what is bad, what is not online, what dropped most.
pub(super) fn rows(connections: &[ConnectionStatus], window: Window) -> Vec<Row<'_>> {
    let row = |connection: &ConnectionStatus| connection.history.read(|history| Glance::of(history, window));
    let mut rows: Vec<Row<'_>> =
        connections.iter().map(|connection| Row { connection, glance: row(connection) }).collect();
    rows.sort_by_key(|row| (urgency(row.connection), std::cmp::Reverse(row.glance.drops)));
    rows
}

fn urgency(connection: &ConnectionStatus) -> u8 {
    match (mood(connection), connection.state) {
        ("bad", _) => 0,
        (_, StateName::Stopped) => 1,
        (
            _,
            StateName::Idle
            | StateName::Planning
            | StateName::Connecting
            | StateName::Subscribing
            | StateName::Waiting,
        ) => 2,
        (_, StateName::Online) => 3,
    }
}

/// The overview of all connections.
pub(super) fn overview(rows: &[Row<'_>], view: &View) -> Markup {
    let pages = rows.len().div_ceil(ROWS).max(1);
    let page = view.ask.page.min(pages);
    let drops: usize = rows.iter().map(|row| row.glance.drops).sum();
    let with: usize = rows.iter().filter(|row| row.glance.drops > 0).count();
    html! {
        section.overview id="overview" {
            h2 { "All connections" small {
                (counted(drops as u64, "drop")) " of " (counted(with as u64, "connection"))
                " in the last " (view.window.words())
            } }
            table.fleet {
                caption.hidden { "Connections, those that need a look first" }
                thead { tr {
                    th scope="col" { "connection" } th scope="col" { "state" } th.number scope="col" { "drops" }
                    th scope="col" { "newest drop" } th scope="col" { "why, and what stands out" }
                } }
                tbody { @for row in rows.iter().skip((page - 1) * ROWS).take(ROWS) { (line(row, view)) } }
            }
            @if pages > 1 { (paging(page, pages, view)) }
        }
    }
}

fn line(row: &Row<'_>, view: &View) -> Markup {
    let Row { connection, glance } = row;
    html! {
        tr.(mood(connection)) {
            th scope="row" { a.name href={ "connections/" (segment(&connection.name)) (kept(view)) } { (connection.name) } }
            td { (state(connection)) }
            td.number { (glance.drops) }
            td {
                @if let Some(at) = glance.newest { (view.ago(at)) }
                @if let Some((cause, evidence)) = glance.cause {
                    br;
                    (words(cause)) " " span.evidence.(evidence.as_str()) title=(meaning(evidence)) { (known(evidence)) }
                }
            }
            td {
                @if let Some(finding) = &glance.finding { span.said { (finding) } br; }
                small { (lasting(connection, view)) ": " (connection.why) }
            }
        }
    }
}

fn lasting(connection: &ConnectionStatus, view: &View) -> String {
    let since = view.now.duration_since(connection.since).unwrap_or_default();
    format!("for {}", span(std::time::Duration::from_secs(since.as_secs())))
}

fn paging(page: usize, pages: usize, view: &View) -> Markup {
    let link = |page: usize| view.ask.link(view.ask.stretch(), Some(format!("page={page}")));
    html! {
        nav.paging aria-label="pages of the overview" {
            @if page > 1 { a href=(link(page - 1)) { "‹ previous" } }
            span { "page " (page) " of " (pages) }
            @if page < pages { a href=(link(page + 1)) { "next ›" } }
        }
    }
}
