//! Session lengths on a logarithmic axis against the time of their end: from a past to places, and from places to a picture.
//! Never by colour alone: what dropped is filled, what we closed is hollow, what lives points up.

use std::fmt::Write as _;
use std::time::Duration;

use maud::{Markup, html};

use super::limits::{self, Line};
use super::past::Past;
use super::picture::{axis, grid, percent, pixel};
use super::view::View;
use super::words::{counted, seconds, span};
use crate::lifecycle::history::Session;

/// Height of the plot itself in pixels.
const HEIGHT: f64 = 200.0;
/// An axis covers at least so many powers of ten.
const DECADES: f64 = 1.5;
/// Dots that are nearer to each other than this (percent of the width, pixels of the height) become one.
const CELL: (f64, f64) = (0.5, 4.0);
/// Lengths that get a line and a word, if they are on the axis.
const RULES: &[(f64, &str)] = &[
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3_600.0, "1 h"),
    (21_600.0, "6 h"),
    (86_400.0, "1 d"),
    (604_800.0, "7 d"),
    (2_592_000.0, "30 d"),
];

/// A logarithmic axis of lengths.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    /// Logarithms of the shortest and the longest length in seconds.
    low: f64,
    high: f64,
}

impl Scale {
    /// An axis that shows all of these, with room at its ends.
    fn of(lengths: impl Iterator<Item = f64> + Clone) -> Self {
        let floor = |length: f64| length.max(0.5);
        let low = lengths.clone().map(floor).fold(f64::INFINITY, f64::min).log10() - 0.2;
        let high = lengths.map(floor).fold(0.0, f64::max).log10() + 0.2;
        // Lengths that differ little must not look as if they differed much.
        let short = (DECADES - (high - low)).max(0.0);
        Self { low: low - short * 0.7, high: high + short * 0.3 }
    }

    /// Pixels from the top.
    fn place(self, length: f64) -> f64 {
        let share = (length.max(0.5).log10() - self.low) / (self.high - self.low);
        HEIGHT * (1.0 - share.clamp(0.0, 1.0))
    }
}

/// One dot: one session, or several too near to each other to be told apart.
#[derive(Clone, Debug)]
struct Dot<'a> {
    /// In percent of the width.
    x: f64,
    /// Pixels from the top.
    y: f64,
    dropped: bool,
    /// Never empty.
    sessions: Vec<&'a Session>,
}

/// The sessions that ended in the window as dots; what we closed first, so that drops lie above them.
fn dots<'a>(past: &'a Past, view: &View, scale: Scale) -> Vec<Dot<'a>> {
    let mut dots: std::collections::BTreeMap<(bool, i32, i32), Dot<'a>> = std::collections::BTreeMap::new();
    for session in past.ended(view.window) {
        let (x, y) = (view.window.place(session.end.wall), scale.place(session.age().as_secs_f64()));
        let dropped = !session.censored();
        let cell = (dropped, cell(x, CELL.0), cell(y, CELL.1));
        let dot = dots.entry(cell).or_insert_with(|| Dot { x, y, dropped, sessions: Vec::new() });
        dot.sessions.push(session);
    }
    dots.into_values().collect()
}

/// The cell of this width that a place (0 to some hundreds) lies in.
#[expect(clippy::cast_possible_truncation, reason = "places are below a thousand")]
fn cell(place: f64, width: f64) -> i32 {
    (place / width).round() as i32
}

/// The plot with its title and the words for what it shows.
pub(super) fn plot(past: &Past, view: &View) -> Markup {
    let lines = limits::relevant(past, view.window);
    let living = past
        .living
        .as_ref()
        .map(|living| view.now.duration_since(living.start.wall).unwrap_or_default())
        .filter(|_| view.window.holds(view.now));
    let ages: Vec<f64> = past
        .ended(view.window)
        .map(|session| session.lasted().as_secs_f64())
        .chain(living.map(|age| age.as_secs_f64()))
        .chain(lines.iter().map(|line| line.length))
        .collect();
    if ages.is_empty() {
        return html! {};
    }
    let scale = Scale::of(ages.iter().copied());
    let summary = summary(past, view, &lines);
    html! {
        h3 { "How long sessions lasted" }
        figure {
            svg.plot width="100%" height="226" role="img" aria-label=(summary) {
                (grid(view, HEIGHT))
                @for (length, word) in RULES {
                    @if (scale.low..scale.high).contains(&length.log10()) { (rule(scale.place(*length), word)) }
                }
                @for line in &lines { (limit(line, scale)) }
                @for dot in dots(past, view, scale) { (mark(&dot, past, view, scale)) }
                @if let Some(age) = living { (alive(age, view, scale)) }
                (axis(view, HEIGHT + 18.0))
            }
            figcaption {
                span.key { svg width="12" height="12" aria-hidden="true" { circle.dropped-dot cx="6" cy="6" r="3.5" {} } " dropped" }
                span.key { svg width="12" height="12" aria-hidden="true" { circle.closed-dot cx="6" cy="6" r="3.5" {} } " closed by us" }
                span.key { svg width="12" height="12" aria-hidden="true" { use.living-dot href="#living" x="6" y="6" {} } " lives now" }
                span.key { (summary) }
            }
        }
    }
}

fn rule(y: f64, word: &str) -> Markup {
    html! {
        line.rule x1="0" x2="100%" y1=(pixel(y)) y2=(pixel(y)) {}
        text.scale x="2" y=(pixel(y - 3.0)) { (word) }
    }
}

fn limit(line: &Line, scale: Scale) -> Markup {
    let y = scale.place(line.length);
    let said = format!("{}: {}", span(seconds(line.length)), tally(line));
    html! {
        g.limit {
            title { (said) }
            line x1="0" x2="100%" y1=(pixel(y)) y2=(pixel(y)) {}
            text x="97%" y=(pixel(if y > 14.0 { y - 4.0 } else { y + 12.0 })) text-anchor="end" {
                (span(seconds(line.length)))
                @if !line.owner.is_empty() { " · " (line.owner) }
            }
        }
    }
}

fn tally(line: &Line) -> String {
    format!(
        "{} of the {} that got so old",
        counted(line.drops as u64, "drop"),
        counted(line.reached as u64, "session")
    )
}

fn mark(dot: &Dot<'_>, past: &Past, view: &View, scale: Scale) -> Markup {
    let radius = match dot.sessions.len() {
        0..=1 => "3.5",
        2..=9 => "4.5",
        10.. => "6",
    };
    let x = percent(dot.x);
    // How late the end may have been noticed.
    let late = dot.sessions.iter().map(|session| session.lasted()).max().unwrap_or_default();
    let top = scale.place(late.as_secs_f64());
    html! {
        g.(if dot.dropped { "dropped-dot" } else { "closed-dot" }) {
            title { (told(dot, past, view)) }
            @if dot.sessions.len() == 1 && dot.y - top > 4.0 {
                line x1=(x) x2=(x) y1=(pixel(dot.y)) y2=(pixel(top)) {}
            }
            circle cx=(x) cy=(pixel(dot.y)) r=(radius) {}
        }
    }
}

/// What a pointer that rests on a dot reads.
fn told(dot: &Dot<'_>, past: &Past, view: &View) -> String {
    const LISTED: usize = 6;
    let mut said = String::new();
    for session in dot.sessions.iter().take(LISTED) {
        let how = session.failure().map_or("closed by us", |failure| failure.error.as_str());
        // Writing to a string cannot fail.
        let _ = writeln!(
            said,
            "session {}: {}, ended {}, {how}",
            session.number,
            span(session.age()),
            view.local(session.end.wall)
        );
        if let Some(verdict) = past.verdicts.get(&session.number) {
            let _ = writeln!(said, "{} ({})", verdict.cause, verdict.evidence);
        }
    }
    if dot.sessions.len() > LISTED {
        let _ = writeln!(said, "and {} more", dot.sessions.len() - LISTED);
    }
    said.truncate(said.trim_end().len());
    said
}

fn alive(age: Duration, view: &View, scale: Scale) -> Markup {
    let (x, y) = (view.window.place(view.now).min(99.0), scale.place(age.as_secs_f64()));
    html! {
        g.living-dot {
            title { "lives now, for " (span(Duration::from_secs(age.as_secs()))) }
            use href="#living" x=(percent(x)) y=(pixel(y)) {}
        }
    }
}

/// What the plot shows, in words.
fn summary(past: &Past, view: &View, lines: &[Line]) -> String {
    let mut ages: Vec<Duration> = past.drops(view.window).map(Session::age).collect();
    ages.sort_unstable();
    let (Some(shortest), Some(longest)) = (ages.first(), ages.last()) else {
        return "no session was dropped in this time".to_owned();
    };
    let median = ages.get(ages.len() / 2).copied().unwrap_or_default();
    let drops = counted(ages.len() as u64, "session");
    let mut said = format!("{drops} dropped, after {}", span(whole(*shortest)));
    if ages.len() > 1 {
        let _ = write!(said, " to {}, half of them before {}", span(whole(*longest)), span(whole(median)));
    }
    match lines {
        [] => said.push_str("; no known limit stands out"),
        lines => {
            for line in lines {
                let owner = if line.owner.is_empty() { String::new() } else { format!(" ({})", line.owner) };
                let _ = write!(said, "; at {}{owner}: {}", span(seconds(line.length)), tally(line));
            }
        }
    }
    said
}

/// Tenths of a second say nothing about minutes.
fn whole(length: Duration) -> Duration {
    if length.as_secs() < 10 { length } else { Duration::from_secs(length.as_secs()) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Story;
    use super::*;

    #[test]
    fn the_axis_is_logarithmic_and_holds_everything() {
        let scale = Scale::of([10.0, 100.0, 1_000.0, 86_400.0].into_iter());
        let [ten, hundred, thousand] = [10.0, 100.0, 1_000.0].map(|length| scale.place(length));
        assert!(((ten - hundred) - (hundred - thousand)).abs() < 1e-9);
        for length in [0.0, 10.0, 86_400.0, 1e9] {
            assert!((0.0..=HEIGHT).contains(&scale.place(length)), "{length}");
        }
    }

    #[test]
    fn sessions_that_can_not_be_told_apart_are_one_dot() {
        let mut story = Story::new();
        story.drops_after(10, 500).closes_after(10, 3);
        let view = story.view(Duration::from_secs(86_400));
        let past = story.past(Duration::from_secs(86_400));
        let dots = dots(&past, &view, Scale::of([10.0].into_iter()));
        assert!(dots.len() < 30, "{}", dots.len());
        assert_eq!(dots.iter().map(|dot| dot.sessions.len()).sum::<usize>(), 503);
        assert!(dots.first().is_some_and(|dot| !dot.dropped), "drops lie above");
    }

    #[test]
    fn the_picture_is_told_in_words_too() {
        let mut story = Story::new();
        story.drops_after(86_400, 3).drops_after(500, 1);
        let month = Duration::from_secs(30 * 86_400);
        let page = plot(&story.past(month), &story.view(month)).into_string();
        assert!(page.contains("role=\"img\""), "{page}");
        assert!(
            page.contains("4 sessions dropped, after 8 min 20 s to 1 d, half of them before 1 d"),
            "{page}"
        );
        assert!(
            page.contains("at 1 d (AWS IoT WebSockets): 3 drops of the 3 sessions that got so old"),
            "{page}"
        );
    }
}
