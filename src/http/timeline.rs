//! The near past of a connection as one strip: when a session was up, and where a drop ended one.
//! Never says anything by colour alone: the lists below it say the same in words.

use std::time::{Duration, SystemTime};

use maud::{Markup, html};

use crate::lifecycle::board::ConnectionStatus;
use crate::lifecycle::history::History;

/// What the strip may cover, and the words of its title, its left end and its middle.
const SCALES: [Scale; 4] = [
    Scale { span: 900, title: "Last 15 minutes", left: "15 min ago", middle: "7 min 30 s" },
    Scale { span: 3_600, title: "Last hour", left: "1 h ago", middle: "30 min" },
    Scale { span: 21_600, title: "Last 6 hours", left: "6 h ago", middle: "3 h" },
    DAY,
];
const DAY: Scale = Scale { span: 86_400, title: "Last 24 hours", left: "24 h ago", middle: "12 h" };
/// Units across the strip; what is shorter than one is drawn as one, so that it can be seen.
const WIDTH: f64 = 1000.0;

/// What a strip covers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    /// Seconds.
    span: u32,
    title: &'static str,
    left: &'static str,
    middle: &'static str,
}

/// The strip, once there is anything to see: as long as what there is, a day at most.
pub(super) fn strip(connection: &ConnectionStatus, now: SystemTime) -> Markup {
    let scale = connection.history.read(|history| Scale::of(began(connection, history), now));
    let (mut sessions, drops) = connection.history.read(|history| scale.marks(history, now));
    sessions.extend(connection.session.as_ref().map(|session| (scale.place(session.since, now), WIDTH)));
    html! {
        @if !sessions.is_empty() {
            h3 { (scale.title) ": when a session was up, and where one was dropped" }
            svg.strip viewBox={ "0 0 " (WIDTH) " 20" } preserveAspectRatio="none" aria-hidden="true" {
                @for (start, end) in &sessions {
                    rect.up x=(unit(*start)) width=(unit((end - start).max(1.0))) height="20" {}
                }
                @for at in &drops {
                    rect.drop x=(unit(at - 3.0)) width="3" height="20" {}
                }
            }
            div.axis { span { (scale.left) } span { (scale.middle) } span { "now" } }
        }
    }
}

/// When there was a session first, as far back as is known.
fn began(connection: &ConnectionStatus, history: &History) -> Option<SystemTime> {
    let first = history.sessions().next().map(|session| session.start.wall);
    first.into_iter().chain(connection.session.as_ref().map(|session| session.since)).min()
}

impl Scale {
    /// The shortest that holds what began then.
    fn of(began: Option<SystemTime>, now: SystemTime) -> Self {
        let age = began.and_then(|began| now.duration_since(began).ok()).unwrap_or_default();
        SCALES.into_iter().find(|scale| age <= scale.span()).unwrap_or(DAY)
    }

    fn span(self) -> Duration {
        Duration::from_secs(self.span.into())
    }

    /// Where sessions that are over lie on the strip, and where drops ended them.
    fn marks(self, history: &History, now: SystemTime) -> (Vec<(f64, f64)>, Vec<f64>) {
        let seen = |end: SystemTime| now.duration_since(end).is_ok_and(|ago| ago < self.span());
        let at = |time| self.place(time, now);
        let sessions = history.sessions().filter(|session| seen(session.end.wall));
        let drops = history.drops().filter(|session| seen(session.end.wall));
        (
            sessions.map(|session| (at(session.start.wall), at(session.end.wall))).collect(),
            drops.map(|session| at(session.end.wall)).collect(),
        )
    }

    /// Where a time lies on the strip; earlier and later ones lie at its ends.
    fn place(self, time: SystemTime, now: SystemTime) -> f64 {
        let ago = now.duration_since(time).unwrap_or_default();
        WIDTH * (1.0 - (ago.as_secs_f64() / f64::from(self.span)).min(1.0))
    }
}

/// A tenth of a unit is finer than a pixel.
fn unit(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600)
    }

    #[test]
    fn times_lie_between_the_ends_of_the_strip() {
        for (ago, expected) in [(0, 1000.0), (43_200, 500.0), (86_400, 0.0), (900_000, 0.0)] {
            assert!((DAY.place(now() - Duration::from_secs(ago), now()) - expected).abs() < 1e-9, "{ago}");
        }
        // The wall clock may have been set back.
        assert!((DAY.place(now() + Duration::from_secs(5), now()) - WIDTH).abs() < 1e-9);
    }

    #[test]
    fn a_strip_is_as_long_as_what_it_shows() {
        let title = |ago| Scale::of(Some(now() - Duration::from_secs(ago)), now()).title;
        let cases = [
            (0, "Last 15 minutes"),
            (900, "Last 15 minutes"),
            (901, "Last hour"),
            (3_601, "Last 6 hours"),
            (21_601, "Last 24 hours"),
            (900_000, "Last 24 hours"),
        ];
        for (ago, expected) in cases {
            assert_eq!(title(ago), expected, "{ago}");
        }
        assert_eq!(Scale::of(None, now()).title, "Last 15 minutes");
    }
}
