//! The last day of a connection as one strip: when a session was up, and where a drop ended one.
//! Never says anything by colour alone: the lists below it say the same in words.

use std::time::{Duration, SystemTime};

use maud::{Markup, html};

use crate::lifecycle::board::ConnectionStatus;
use crate::lifecycle::history::History;

/// What the strip covers.
const SPAN: Duration = Duration::from_secs(86_400);
/// Units across the strip; what is shorter than one (86 s) is drawn as one, so that it can be seen.
const WIDTH: f64 = 1000.0;

/// The strip, once there is anything to see.
pub(super) fn strip(connection: &ConnectionStatus, now: SystemTime) -> Markup {
    let (mut sessions, drops) = connection.history.read(|history| marks(history, now));
    sessions.extend(connection.session.as_ref().map(|session| (place(session.since, now), WIDTH)));
    html! {
        @if !sessions.is_empty() {
            h3 { "Last 24 hours: when a session was up, and where one was dropped" }
            svg.strip viewBox={ "0 0 " (WIDTH) " 20" } preserveAspectRatio="none" aria-hidden="true" {
                @for (start, end) in &sessions {
                    rect.up x=(unit(*start)) width=(unit((end - start).max(1.0))) height="20" {}
                }
                @for at in &drops {
                    rect.drop x=(unit(at - 3.0)) width="3" height="20" {}
                }
            }
            div.axis { span { "24 h ago" } span { "12 h" } span { "now" } }
        }
    }
}

/// Where sessions that are over lie on the strip, and where drops ended them.
fn marks(history: &History, now: SystemTime) -> (Vec<(f64, f64)>, Vec<f64>) {
    let seen = |end: SystemTime| now.duration_since(end).is_ok_and(|ago| ago < SPAN);
    let ended = |end| place(end, now);
    let sessions = history.sessions().filter(|session| seen(session.end.wall));
    let drops = history.drops().filter(|session| seen(session.end.wall));
    (
        sessions.map(|session| (place(session.start.wall, now), ended(session.end.wall))).collect(),
        drops.map(|session| ended(session.end.wall)).collect(),
    )
}

/// Where a time lies on the strip; earlier and later ones lie at its ends.
fn place(time: SystemTime, now: SystemTime) -> f64 {
    let ago = now.duration_since(time).unwrap_or_default();
    WIDTH * (1.0 - (ago.as_secs_f64() / SPAN.as_secs_f64()).min(1.0))
}

/// A tenth of a unit is finer than a pixel.
fn unit(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_lie_between_the_ends_of_the_strip() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600);
        for (ago, expected) in [(0, 1000.0), (43_200, 500.0), (86_400, 0.0), (900_000, 0.0)] {
            assert!((place(now - Duration::from_secs(ago), now) - expected).abs() < 1e-9, "{ago}");
        }
        // The wall clock may have been set back.
        assert!((place(now + Duration::from_secs(5), now) - WIDTH).abs() < 1e-9);
    }
}
