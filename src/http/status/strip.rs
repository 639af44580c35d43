//! The timeline as a picture: sessions, outages and drops, what we did, and what happened on this machine.
//! Never by colour alone: outages are hatched, drops have a head, closes are hollow; and a sentence says the same.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::legend;
use super::past::{Failed, Past};
use super::picture::{axis, grid, percent, pixel};
use super::timeline::{self, Bar, Bunch, Kind};
use super::view::View;
use super::words::{counted, span};
use crate::connection::Phase;
use crate::host::Signal;
use crate::lifecycle::history::{End, Happening, Session};

/// Things that a title lists by name.
const LISTED: usize = 8;
/// Rows below the sessions begin here.
const ROWS: f64 = 62.0;
/// Each of them takes this much.
const ROW: f64 = 26.0;

/// The timeline of a connection in the window of the page.
pub(super) fn strip(past: &Past, view: &View) -> Markup {
    let bars = timeline::bars(past, view.window, view.now);
    let drops = timeline::ends(past.drops(view.window), view.window);
    let closes = timeline::ends(past.ended(view.window).filter(|session| session.censored()), view.window);
    let place = |at| view.window.place(at);
    let failed =
        timeline::bunched(past.failed.iter().map(|failed| (place(failed.at), failed)), timeline::APART);
    let ours = past.happenings.iter().map(|happening| (place(happening.at.wall), happening));
    let ours = timeline::bunched(ours, timeline::LETTERS_APART);
    let (sleeps, changes) =
        (timeline::sleeps(&view.host, view.window), timeline::changes(&view.host, view.window));
    let machine = !sleeps.is_empty() || !changes.is_empty();
    let rows = u8::from(machine) + u8::from(!ours.is_empty());
    let bottom = ROWS + ROW * f64::from(rows);
    let summary = summary(past, view, &sleeps, &changes);
    html! {
        figure {
            svg.timeline width="100%" height=(pixel(bottom + 18.0)) role="img" aria-label=(summary) {
                (grid(view, bottom))
                rect.nothing x="0" width="100%" y="22" height="22" {}
                @for sleep in &sleeps { (slept(sleep, bottom, view)) }
                @for change in &changes { (guide(change.at, bottom)) }
                @for bar in &bars { (stretch(bar, view)) }
                @for bunch in &closes { (closed(bunch, view)) }
                @for bunch in &failed { (attempts(bunch, view)) }
                @for bunch in &drops { (dropped(bunch, past, view)) }
                @if machine {
                    (row("this machine", ROWS))
                    @for change in &changes { (changed(change, ROWS, view)) }
                }
                @if !ours.is_empty() {
                    @let top = ROWS + if machine { ROW } else { 0.0 };
                    (row("what we did", top))
                    @for bunch in &ours { (did(bunch, top, view)) }
                }
                (axis(view, bottom + 14.0))
            }
            figcaption {
                @if !bars.is_empty() { (legend::session()) }
                @if !drops.is_empty() { (legend::drop()) }
                @if !closes.is_empty() { (legend::close()) }
                @if !failed.is_empty() { (legend::failed()) }
                (legend::letters(&sleeps, &changes, &ours))
                span.key { (summary) }
            }
        }
    }
}

fn stretch(bar: &Bar, view: &View) -> Markup {
    let (x, width) = (percent(bar.left), percent(bar.width));
    let said = said(bar, view);
    match bar.kind {
        Kind::Up => html! { rect.up x=(x) width=(width) y="22" height="22" { title { (said) } } },
        Kind::Outage => html! {
            g.outage {
                title { (said) }
                rect.down x=(x) width=(width) y="27" height="12" {}
                rect x=(x) width=(width) y="27" height="12" fill="url(#hatch)" {}
            }
        },
    }
}

fn said(bar: &Bar, view: &View) -> String {
    let noun = match bar.kind {
        Kind::Up => "session",
        Kind::Outage => "outage",
    };
    let length = span(bar.to.duration_since(bar.from).unwrap_or_default());
    let until = if bar.open { "now".to_owned() } else { view.local(bar.to) };
    let what = if bar.count == 1 { noun.to_owned() } else { counted(bar.count as u64, noun) };
    format!("{what}: {} to {until}, {length}", view.local(bar.from))
}

fn dropped(bunch: &Bunch<&Session>, past: &Past, view: &View) -> Markup {
    let x = percent(bunch.at.clamp(0.4, 99.6));
    html! {
        g.drop {
            title { (bunched(bunch, view, |session| drop_line(session, past))) }
            line x1=(x) x2=(x) y1="16" y2="46" {}
            circle cx=(x) cy="15" r="4" {}
            @if bunch.members.len() > 1 { text x=(x) y="8" text-anchor=(anchor(bunch.at)) { (bunch.members.len()) } }
        }
    }
}

fn drop_line(session: &Session, past: &Past) -> String {
    let name = session.failure().map_or("", |failure| failure.error.as_str());
    let mut said = format!("drop of session {} after {}: {name}", session.number, span(session.age()));
    if let Some(verdict) = past.verdicts.get(&session.number) {
        // Writing to a string cannot fail.
        let _ = write!(said, ", {} ({})", verdict.cause, verdict.evidence);
    }
    if let Some(finding) = past.finding(session.number) {
        let _ = write!(said, ", fits finding {finding}");
    }
    said
}

fn closed(bunch: &Bunch<&Session>, view: &View) -> Markup {
    let x = percent(bunch.at.clamp(0.4, 99.6));
    let told = bunched(bunch, view, |session| match session.ending {
        End::Dropped(_) => "dropped".to_owned(),
        End::Closed(cause) => format!(
            "session {} closed by us after {}: {}",
            session.number,
            span(session.lasted()),
            cause.as_str()
        ),
    });
    html! {
        g.close {
            title { (told) }
            line x1=(x) x2=(x) y1="22" y2="47" {}
            circle cx=(x) cy="50" r="3" {}
        }
    }
}

fn attempts(bunch: &Bunch<&Failed>, view: &View) -> Markup {
    let told = bunched(bunch, view, |failed| {
        format!("connect failed in phase {}: {}", failed.phase.as_str(), failed.error)
    });
    html! {
        g.failed {
            title { (told) }
            text x=(percent(bunch.at.clamp(0.6, 99.4))) y="55" text-anchor="middle" { "×" }
        }
    }
}

fn slept(bar: &Bar, bottom: f64, view: &View) -> Markup {
    let length = span(bar.to.duration_since(bar.from).unwrap_or_default());
    let what = if bar.count == 1 {
        "this machine slept".to_owned()
    } else {
        format!("this machine slept {} times", bar.count)
    };
    html! {
        g.sleep {
            title { (what) ": " (view.local(bar.from)) " to " (view.local(bar.to)) ", " (length) }
            rect.night x=(percent(bar.left)) width=(percent(bar.width)) y="22" height=(pixel(bottom - 22.0)) {}
            rect.asleep x=(percent(bar.left)) width=(percent(bar.width)) y=(pixel(ROWS + 13.0)) height="9" rx="2" {}
        }
    }
}

fn guide(at: f64, bottom: f64) -> Markup {
    html! { line.guide x1=(percent(at)) x2=(percent(at)) y1="22" y2=(pixel(bottom)) {} }
}

fn row(name: &str, top: f64) -> Markup {
    html! {
        text.row x="2" y=(pixel(top + 9.0)) { (name) }
        line.rule x1="0" x2="100%" y1=(pixel(top + 22.0)) y2=(pixel(top + 22.0)) {}
    }
}

fn changed(bunch: &Bunch<&Signal>, top: f64, view: &View) -> Markup {
    let letter = one(bunch.members.iter().map(|signal| legend::signal_letter(&signal.kind)));
    let told =
        list(bunch.members.iter().map(|signal| (signal.at.wall, legend::signal_words(&signal.kind))), view);
    glyph(bunch.at, top, letter, bunch.members.len(), "host", &told)
}

fn did(bunch: &Bunch<&Happening>, top: f64, view: &View) -> Markup {
    let letter = one(bunch.members.iter().map(|happening| legend::event_letter(happening.kind)));
    let told = list(
        bunch.members.iter().map(|happening| (happening.at.wall, legend::event_words(happening.kind))),
        view,
    );
    glyph(bunch.at, top, letter, bunch.members.len(), "ours", &told)
}

/// A letter where all are of one kind, else how many there are.
fn glyph(at: f64, top: f64, letter: Option<&'static str>, count: usize, class: &str, told: &str) -> Markup {
    let x = percent(at.clamp(0.8, 99.2));
    html! {
        g.(class) {
            title { (told) }
            circle cx=(x) cy=(pixel(top + 17.0)) r="7" {}
            text x=(x) y=(pixel(top + 20.5)) text-anchor="middle" {
                @if let Some(letter) = letter { (letter) } @else { (count.min(99)) }
            }
        }
    }
}

fn one(mut letters: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let first = letters.next()?;
    letters.all(|letter| letter == first).then_some(first)
}

const fn anchor(at: f64) -> &'static str {
    match at {
        ..3.0 => "start",
        97.0.. => "end",
        _ => "middle",
    }
}

fn bunched<T>(bunch: &Bunch<&T>, view: &View, line: impl Fn(&T) -> String) -> String
where
    T: Ended,
{
    list(bunch.members.iter().map(|member| (member.at(), line(member))), view)
}

/// Lines with their times, and how many more there are.
fn list(
    lines: impl ExactSizeIterator<Item = (std::time::SystemTime, impl AsRef<str>)>,
    view: &View,
) -> String {
    let more = lines.len().saturating_sub(LISTED);
    let mut said: Vec<String> =
        lines.take(LISTED).map(|(at, line)| format!("{} {}", view.local(at), line.as_ref())).collect();
    if more > 0 {
        said.push(format!("and {more} more"));
    }
    said.join("\n")
}

/// What has a time of its own.
trait Ended {
    fn at(&self) -> std::time::SystemTime;
}

impl Ended for Session {
    fn at(&self) -> std::time::SystemTime {
        self.end.wall
    }
}

impl Ended for Failed {
    fn at(&self) -> std::time::SystemTime {
        self.at
    }
}

/// What the picture shows, in words.
fn summary(past: &Past, view: &View, sleeps: &[Bar], changes: &[Bunch<&Signal>]) -> String {
    let drops = past.drops(view.window).count();
    let closes = past.ended(view.window).count() - drops;
    let failed = past.failed.iter().filter(|failed| failed.phase != Phase::Shutdown).count();
    let events: usize =
        changes.iter().map(|bunch| bunch.members.len()).chain(sleeps.iter().map(|bar| bar.count)).sum();
    let mut said =
        format!("{} and {} of our own", counted(drops as u64, "drop"), counted(closes as u64, "close"));
    if failed > 0 {
        let _ = write!(said, ", {}", counted(failed as u64, "failed connect"));
    }
    let _ = match events {
        0 => write!(said, ", nothing noticed on this machine"),
        events => write!(said, ", {} of this machine", counted(events as u64, "event")),
    };
    said
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::Story;
    use super::*;
    use crate::host::SignalKind;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn drops_closes_and_events_of_the_machine_are_told_apart() {
        let mut story = Story::new();
        story.outage(30).drops_after(600, 2).closes_after(300, 1).begins().waits(60);
        let mut view = story.view(HOUR);
        view.host = vec![
            story.signal(SignalKind::Suspended(Duration::from_secs(20))),
            story.signal(SignalKind::RouteRemoved),
        ];
        let page = strip(&story.past(HOUR), &view).into_string();
        for said in [
            "aria-label=\"2 drops and 1 close of our own, 2 events of this machine\"",
            "drop of session 1 after 10 min: AWS_ERROR_MQTT_UNEXPECTED_HANGUP, path_dead (observed)",
            "session 3 closed by us after 5 min: renewal",
            "this machine slept: 1 Jan",
            "a default route went",
            "<b>r</b>",
            "closed by us",
        ] {
            assert!(page.contains(said), "{said} is not in {page}");
        }
    }

    #[test]
    fn marks_that_stand_for_many_say_how_many() {
        let mut story = Story::new();
        story.drops_after(20, 30);
        let day = Duration::from_secs(30 * 86_400);
        let page = strip(&story.past(day), &story.view(day)).into_string();
        assert!(page.contains(">30</text>"), "{page}");
        assert!(page.contains("and 22 more"), "{page}");
    }

    #[test]
    fn a_route_is_said_to_have_gone_without_an_address() {
        let story = Story::new();
        let mut view = story.view(HOUR);
        view.host = vec![story.signal(SignalKind::AddressRemoved(3, "192.0.2.7".parse().unwrap()))];
        let page = strip(&story.past(HOUR), &view).into_string();
        assert!(page.contains("an address went") && !page.contains("192.0.2.7"), "{page}");
    }
}
