//! The phases of the last connects: how long each took, and in which one an attempt failed.
//! Never by colour alone: a failed phase carries a cross, and the words beside the bars say what the bars show.

use std::time::Duration;

use maud::{Markup, html};

use super::past::Past;
use super::picture::percent;
use super::view::View;
use super::words::{counted, span};
use crate::connection::Phase;
use crate::connection::error::ErrorName;
use crate::lifecycle::history::{Attempt, AttemptOutcome};

/// Height of a row in pixels.
const HEIGHT: f64 = 24.0;
/// The shortest and the longest time that a bar tells from others, in seconds.
const SCALE: (f64, f64) = (0.001, 30.0);
/// Connects that have room beside each other, however few there are.
const COLUMNS: f64 = 20.0;

/// What became of one phase in one attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Passed,
    Failed(ErrorName),
    Interrupted,
}

/// One phase of one attempt.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    /// Which attempt, from the oldest shown.
    column: usize,
    took: Duration,
    outcome: Outcome,
}

/// The cells of one phase, oldest first.
fn cells(connects: &[Attempt], phase: Phase) -> Vec<Cell> {
    let of = |(column, attempt): (usize, &Attempt)| {
        let passed = attempt.phases.iter().find(|time| time.phase == phase);
        let passed = passed.map(|time| Cell { column, took: time.took, outcome: Outcome::Passed });
        failed_in(attempt, phase).map(|(took, outcome)| Cell { column, took, outcome }).or(passed)
    };
    connects.iter().enumerate().filter_map(of).collect()
}

/// The time that an attempt spent in the phase in which it failed, if that is this one.
fn failed_in(attempt: &Attempt, phase: Phase) -> Option<(Duration, Outcome)> {
    let (at, outcome) = match &attempt.outcome {
        AttemptOutcome::Accepted => return None,
        AttemptOutcome::Failed(failure) => (failure.phase, Outcome::Failed(failure.error)),
        // We do not keep where we interrupted it: after the last phase that it passed.
        AttemptOutcome::Interrupted => {
            let last = attempt.phases.last().map(|time| time.phase);
            let next = Phase::ALL.iter().copied().find(|next| last.is_none_or(|last| *next > last))?;
            (next, Outcome::Interrupted)
        }
    };
    let before: Duration =
        attempt.phases.iter().filter(|time| time.phase != phase).map(|time| time.took).sum();
    let whole = attempt.end.at.saturating_since(attempt.start.at);
    (at == phase).then(|| (whole.saturating_sub(before), outcome))
}

/// Height of the bar for a length, logarithmic, in pixels.
fn height(took: Duration) -> f64 {
    let (shortest, longest) = SCALE;
    let share = (took.as_secs_f64().max(shortest) / shortest).ln() / (longest / shortest).ln();
    2.0 + (HEIGHT - 2.0) * share.clamp(0.0, 1.0)
}

/// One row per phase, one bar per connect.
pub(super) fn phases(past: &Past, view: &View) -> Markup {
    let connects = &past.connects;
    let rows: Vec<(Phase, Vec<Cell>)> = Phase::ALL
        .iter()
        .map(|phase| (*phase, cells(connects, *phase)))
        .filter(|(_, cells)| !cells.is_empty())
        .collect();
    html! {
        @if !rows.is_empty() {
            table.phases {
                caption { "Phases of the last " (counted(connects.len() as u64, "connect")) small { " oldest left; taller is longer (logarithmic); × failed there" } }
                thead { tr { th scope="col" { "phase" } th scope="col" { "each connect" } th.number scope="col" { "usual" } th.number scope="col" { "longest" } } }
                tbody { @for (phase, cells) in &rows { (row(*phase, cells, connects, view)) } }
            }
        }
    }
}

fn row(phase: Phase, cells: &[Cell], connects: &[Attempt], view: &View) -> Markup {
    let mut passed: Vec<Duration> =
        cells.iter().filter(|cell| cell.outcome == Outcome::Passed).map(|cell| cell.took).collect();
    passed.sort_unstable();
    let failed = cells.iter().filter(|cell| matches!(cell.outcome, Outcome::Failed(_))).count();
    let said = format!("{}: {} passed, {failed} failed", phase.as_str(), passed.len());
    html! {
        tr {
            th scope="row" { (words(phase)) @if failed > 0 { br; small.dropped { (failed) " failed" } } }
            td {
                svg.bars width="100%" height="26" role="img" aria-label=(said) {
                    line.rule x1="0" x2="100%" y1="25.5" y2="25.5" {}
                    @for cell in cells { (bar(cell, connects, view)) }
                }
            }
            td.number { (passed.get(passed.len() / 2).map_or_else(String::new, |took| short(*took))) }
            td.number { (passed.last().map_or_else(String::new, |took| short(*took))) }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "some tens of columns")]
fn bar(cell: &Cell, connects: &[Attempt], view: &View) -> Markup {
    let columns = (connects.len() as f64).max(COLUMNS);
    let (left, width) = (100.0 * cell.column as f64 / columns, 100.0 / columns);
    let tall = height(cell.took);
    let when = connects.get(cell.column).map(|attempt| view.local(attempt.start.wall)).unwrap_or_default();
    let (class, what) = match cell.outcome {
        Outcome::Passed => ("passed", String::new()),
        Outcome::Failed(error) => ("lost", format!(", failed: {error}")),
        Outcome::Interrupted => ("interrupted", ", interrupted by us".to_owned()),
    };
    html! {
        g.(class) {
            title { (when) ": " (short(cell.took)) (what) }
            rect x=(percent(left + width * 0.12)) width=(percent(width * 0.76)) y=(format!("{:.1}", 25.0 - tall)) height=(format!("{tall:.1}")) {}
            @if class == "lost" {
                text x=(percent(left + width / 2.0)) y=(if tall > 13.0 { "21" } else { "10" }) text-anchor="middle" { "×" }
            }
        }
    }
}

/// Milliseconds below a second.
fn short(took: Duration) -> String {
    match took.as_secs_f64() {
        seconds if seconds < 0.001 => "< 1 ms".to_owned(),
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1000.0),
        _ => span(took),
    }
}

const fn words(phase: Phase) -> &'static str {
    match phase {
        Phase::Credentials => "credentials",
        Phase::Dns => "name lookup",
        Phase::Tcp => "TCP",
        Phase::Proxy => "proxy",
        Phase::Tls => "TLS",
        Phase::Websocket => "WebSocket",
        Phase::Connack => "MQTT connect",
        Phase::Subscribe => "subscribe",
        Phase::Session => "session",
        Phase::Shutdown => "shutdown",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Story;
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn the_phase_that_failed_is_marked_with_the_time_it_took() {
        let mut story = Story::new();
        story.connects(&[(Phase::Dns, 3), (Phase::Tcp, 20)], None);
        story.connects(&[(Phase::Dns, 3)], Some((Phase::Tcp, 5_000)));
        let past = story.past(DAY);
        let tcp = cells(&past.connects, Phase::Tcp);
        assert_eq!(tcp[0], Cell { column: 0, took: Duration::from_millis(20), outcome: Outcome::Passed });
        assert_eq!(tcp[1].took, Duration::from_secs(5));
        assert_eq!(tcp[1].outcome, Outcome::Failed(ErrorName::ConnectionRefused));
        assert_eq!(cells(&past.connects, Phase::Dns).len(), 2);
        assert_eq!(cells(&past.connects, Phase::Proxy), []);
        let page = phases(&past, &story.view(DAY)).into_string();
        assert!(page.contains("aria-label=\"tcp: 1 passed, 1 failed\""), "{page}");
        assert!(page.contains("5 s, failed: AWS_IO_SOCKET_CONNECTION_REFUSED"), "{page}");
        assert!(page.contains("Phases of the last 2 connects"), "{page}");
    }

    #[test]
    fn bars_grow_with_the_logarithm_and_stay_in_their_row() {
        let [one, ten, hundred] = [1, 10, 100].map(|ms| height(Duration::from_millis(ms)));
        assert!(((ten - one) - (hundred - ten)).abs() < 1e-9);
        assert!(height(Duration::ZERO) >= 2.0 && height(DAY) <= HEIGHT);
    }
}
