//! Which of the known session lengths a connection's drops lie at (drop-diagnosis.md section 4.2). Pure.
//! Never a claim: a line at which drops lie is a place to look at; what may be claimed is a finding.

use std::time::Duration;

use super::past::Past;
use super::window::Window;
use crate::diagnosis::Pattern;
use crate::diagnosis::catalogue::{self, LIMITS, window};
use crate::lifecycle::history::Session;

/// More lines hide the dots.
const LINES: usize = 4;

/// A line across the plot of session lengths.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    /// Seconds.
    pub(super) length: f64,
    /// What usually has this limit; may be empty.
    pub(super) owner: &'static str,
    /// Drops that lie at it.
    pub(super) drops: usize,
    /// Sessions that got so old.
    pub(super) reached: usize,
    /// A finding says so.
    pub(super) found: bool,
}

/// The limits that matter to the sessions in the window, the most telling first.
pub(super) fn relevant(past: &Past, shown: Window) -> Vec<Line> {
    let ages: Vec<(f64, f64, bool)> = past.ended(shown).map(|session| seen(session, past)).collect();
    let found: Vec<f64> = past.findings.iter().filter_map(|finding| limit(&finding.claim.pattern)).collect();
    let mut lines: Vec<Line> = candidates(&found)
        .filter_map(|(length, owner)| {
            let is_found = found.iter().any(|limit| (limit - length).abs() < 0.5);
            let line = count(length, owner, is_found, &ages);
            (is_found || enough(&line)).then_some(line)
        })
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse((line.found, line.drops)));
    lines.truncate(LINES);
    lines
}

/// The catalogue, and what findings add to it.
fn candidates(found: &[f64]) -> impl Iterator<Item = (f64, &'static str)> {
    let others =
        found.iter().copied().filter(|limit| catalogue::find(*limit).is_none()).map(|limit| (limit, ""));
    LIMITS.iter().map(|limit| (limit.seconds, limit.owner)).chain(others)
}

fn limit(pattern: &Pattern) -> Option<f64> {
    match pattern {
        Pattern::Lifetime { limit, age, .. } => Some(limit.unwrap_or(*age)),
        Pattern::LifetimeOrCalendar { age, .. } | Pattern::LifetimeOrCount { age, .. } => Some(*age),
        Pattern::Calendar { .. }
        | Pattern::MessageLimit { .. }
        | Pattern::AfterEvent { .. }
        | Pattern::Packet { .. }
        | Pattern::IdleTimeout { .. }
        | Pattern::Takeover { .. }
        | Pattern::ClockHint { .. }
        | Pattern::Burst { .. } => None,
    }
}

/// Age, keep-alive and whether it was dropped by what may be its age: not by what a finding explains otherwise.
fn seen(session: &Session, past: &Past) -> (f64, f64, bool) {
    let finding = past.finding(session.number).and_then(|number| past.findings.get(number - 1));
    let otherwise = finding.is_some_and(|finding| limit(&finding.claim.pattern).is_none());
    (seconds(session.age()), seconds(session.keep_alive), !session.censored() && !otherwise)
}

fn seconds(length: Duration) -> f64 {
    length.as_secs_f64()
}

/// Drops from a little before the limit until the first packet that must come after it.
fn count(length: f64, owner: &'static str, found: bool, ages: &[(f64, f64, bool)]) -> Line {
    let reached = ages.iter().filter(|(age, ..)| *age >= window(length, 0.0).0);
    let at =
        |(age, keep_alive, dropped): &&(f64, f64, bool)| *dropped && *age <= window(length, *keep_alive).1;
    let (reached, drops) = (reached.clone().count(), reached.filter(at).count());
    Line { length, owner, drops, reached, found }
}

/// The effect that section 4.2 asks for, without its test: most of those that got so old died there.
fn enough(line: &Line) -> bool {
    let least = if line.length < 600.0 { 3 } else { 2 };
    line.drops >= least && line.drops * 2 >= line.reached
}

#[cfg(test)]
mod tests {
    use super::super::tests::Story;
    use super::*;

    const MONTH: Duration = Duration::from_secs(30 * 86_400);

    #[test]
    fn a_limit_at_which_most_sessions_die_gets_a_line() {
        let mut story = Story::new();
        story.drops_after(86_400, 4).drops_after(5_000, 6);
        let lines = relevant(&story.past(MONTH), story.window(MONTH));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!((lines[0].length, lines[0].owner), (86_400.0, "AWS IoT WebSockets"));
        assert_eq!((lines[0].drops, lines[0].reached), (4, 4));
    }

    #[test]
    fn a_limit_that_many_outlive_gets_none() {
        let mut story = Story::new();
        story.drops_after(3_600, 3).closes_after(50_000, 6);
        assert_eq!(relevant(&story.past(MONTH), story.window(MONTH)), []);
    }

    #[test]
    fn drops_that_a_finding_explains_otherwise_are_not_the_limits() {
        let mut story = Story::new();
        story.drops_after(86_400, 5);
        assert_eq!(relevant(&story.past(MONTH), story.window(MONTH)).len(), 1);
        story.finds(Pattern::Calendar { period: 86_400.0, phase: 14_400.0 });
        assert_eq!(relevant(&story.past(MONTH), story.window(MONTH)), []);
    }

    #[test]
    fn what_a_finding_names_has_a_line_even_if_nobody_else_knows_it() {
        let mut story = Story::new();
        story.drops_after(5_000, 1).finds(Pattern::Lifetime {
            age: 5_003.0,
            from: 5_000.0,
            to: 5_006.0,
            limit: None,
        });
        let lines = relevant(&story.past(MONTH), story.window(MONTH));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].found && (lines[0].length - 5_003.0).abs() < 1e-9);
    }
}
