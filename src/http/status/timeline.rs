//! From a past to the places of its bars and marks on the axis of time. Pure.
//! Never draws, and never gives more pieces than fit beside each other: what would overlap becomes one.

use std::time::SystemTime;

use super::past::Past;
use super::window::Window;
use crate::host::{Signal, SignalKind};
use crate::lifecycle::history::Session;

/// What is narrower (in percent of the width) is drawn so wide, so that it can be seen.
pub(super) const NARROWEST: f64 = 0.25;
/// Marks of sessions and attempts that are nearer to each other (in percent) become one.
pub(super) const APART: f64 = 1.5;
/// The same for marks that carry a letter, on a phone as well.
pub(super) const LETTERS_APART: f64 = 3.0;

/// What a bar stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A session, or several with little between them.
    Up,
    /// From a drop to the next session.
    Outage,
}

/// A stretch of the axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bar {
    pub(super) kind: Kind,
    /// In percent of the width.
    pub(super) left: f64,
    /// In percent of the width.
    pub(super) width: f64,
    /// It began.
    pub(super) from: SystemTime,
    /// It ended.
    pub(super) to: SystemTime,
    /// How many sessions or outages it stands for.
    pub(super) count: usize,
    /// It is not over.
    pub(super) open: bool,
}

/// Some things so near to each other that they are one mark.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bunch<T> {
    /// In percent of the width: the middle of them.
    pub(super) at: f64,
    /// In order of time; never empty.
    pub(super) members: Vec<T>,
}

/// When sessions were up and when there was an outage, in order of time within each kind.
pub(super) fn bars(past: &Past, window: Window, now: SystemTime) -> Vec<Bar> {
    let over = past.sessions.iter().map(|session| (session.start.wall, session.end.wall, false));
    let living = past.living.iter().map(|living| (living.start.wall, now.max(living.start.wall), true));
    let mut bars = merged(Kind::Up, over.chain(living), window);
    bars.extend(merged(Kind::Outage, outages(past, now), window));
    bars
}

/// The outages that are known: from a drop to the very next session, or until now.
fn outages(past: &Past, now: SystemTime) -> impl Iterator<Item = (SystemTime, SystemTime, bool)> {
    past.sessions.iter().filter(|session| !session.censored()).filter_map(move |drop| {
        let from = drop.end.wall;
        if drop.number == past.last_number {
            return Some((from, now.max(from), true));
        }
        let living = past.living.as_ref().filter(|living| living.number == drop.number + 1);
        let next = past.next(drop).map(|next| next.start.wall).or(living.map(|living| living.start.wall))?;
        Some((from, next.max(from), false))
    })
}

/// Bars of one kind, clipped to the window; those too narrow to be told apart become one.
fn merged(
    kind: Kind,
    stretches: impl Iterator<Item = (SystemTime, SystemTime, bool)>,
    window: Window,
) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    for (from, to, open) in stretches.filter(|(from, to, _)| window.meets(*from, *to)) {
        let (left, right) = (window.place(from), window.place(to));
        let bar = Bar { kind, left, width: right - left, from, to, count: 1, open };
        match bars.last_mut() {
            Some(last) if blends(last, &bar) => {
                last.width = right.max(last.left + last.width) - last.left;
                last.to = to.max(last.to);
                last.count += 1;
                last.open |= open;
            }
            Some(_) | None => bars.push(bar),
        }
    }
    for bar in &mut bars {
        bar.width = bar.width.max(NARROWEST);
        bar.left = bar.left.min(100.0 - bar.width);
    }
    bars
}

/// Whether two bars cannot be told apart: the gap between them, and one of them, are too narrow to be seen.
fn blends(last: &Bar, next: &Bar) -> bool {
    let gap = next.left - (last.left + last.width);
    gap < NARROWEST && (gap < NARROWEST / 4.0 || last.width.min(next.width) < NARROWEST)
}

/// The sessions that ended in the window as marks.
pub(super) fn ends<'a>(
    sessions: impl Iterator<Item = &'a Session>,
    window: Window,
) -> Vec<Bunch<&'a Session>> {
    bunched(sessions.map(|session| (window.place(session.end.wall), session)), APART)
}

/// Things with their places, in order of time, those near to each other together.
pub(super) fn bunched<T>(things: impl Iterator<Item = (f64, T)>, apart: f64) -> Vec<Bunch<T>> {
    let mut bunches: Vec<(f64, f64, Vec<T>)> = Vec::new();
    for (at, thing) in things {
        match bunches.last_mut() {
            Some((first, last, members)) if at - *first < apart => {
                *last = at;
                members.push(thing);
            }
            Some(_) | None => bunches.push((at, at, vec![thing])),
        }
    }
    let middle = |(first, last, members)| Bunch { at: f64::midpoint(first, last), members };
    bunches.into_iter().map(middle).collect()
}

/// When this machine slept, in the window.
pub(super) fn sleeps(signals: &[Signal], window: Window) -> Vec<Bar> {
    let slept = signals.iter().filter_map(|signal| match signal.kind {
        SignalKind::Suspended(length) => {
            Some((signal.at.wall.checked_sub(length).unwrap_or(signal.at.wall), signal.at.wall, false))
        }
        SignalKind::ClockForward(_)
        | SignalKind::ClockBack(_)
        | SignalKind::LinkDown(_)
        | SignalKind::LinkUp(_)
        | SignalKind::AddressAdded(..)
        | SignalKind::AddressRemoved(..)
        | SignalKind::RouteAdded
        | SignalKind::RouteRemoved
        | SignalKind::ResolverChanged => None,
    });
    merged(Kind::Outage, slept, window)
}

/// What else happened on this machine, in the window.
pub(super) fn changes(signals: &[Signal], window: Window) -> Vec<Bunch<&Signal>> {
    let others = signals.iter().filter(|signal| !matches!(signal.kind, SignalKind::Suspended(_)));
    let seen = others.filter(|signal| window.holds(signal.at.wall));
    bunched(seen.map(|signal| (window.place(signal.at.wall), signal)), LETTERS_APART)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::Story;
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-6
    }

    #[test]
    fn sessions_and_outages_follow_each_other() {
        let mut story = Story::new();
        story.outage(120).drops_after(600, 2).begins().waits(360);
        let bars = bars(&story.past(HOUR), story.window(HOUR), story.now());
        let up: Vec<&Bar> = bars.iter().filter(|bar| bar.kind == Kind::Up).collect();
        let down: Vec<&Bar> = bars.iter().filter(|bar| bar.kind == Kind::Outage).collect();
        assert_eq!((up.len(), down.len()), (3, 2));
        assert!(near(up[0].width, 100.0 / 6.0), "{up:?}");
        assert!(near(down[0].left, up[0].left + up[0].width), "{bars:?}");
        assert!(near(down[0].width, 100.0 / 30.0), "{down:?}");
        assert!(up[2].open && near(up[2].left + up[2].width, 100.0), "{up:?}");
    }

    #[test]
    fn an_outage_that_is_not_over_lasts_until_now() {
        let mut story = Story::new();
        story.drops_after(600, 1).waits(900);
        let bars = bars(&story.past(HOUR), story.window(HOUR), story.now());
        assert!(bars[1].open && near(bars[1].width, 25.0), "{bars:?}");
    }

    #[test]
    fn what_began_before_the_window_is_cut_off_there() {
        let mut story = Story::new();
        story.drops_after(7_200, 1);
        let bars = bars(&story.past(HOUR), story.window(HOUR), story.now());
        assert!(near(bars[0].left, 0.0) && near(bars[0].width, 100.0), "{bars:?}");
    }

    #[test]
    fn a_thousand_drops_are_not_a_thousand_marks() {
        let mut story = Story::new();
        story.drops_after(60, 1000);
        let day = Duration::from_secs(86_400);
        let past = story.past(day);
        let marks = ends(past.drops(story.window(day)), story.window(day));
        assert!(marks.len() < 90, "{}", marks.len());
        assert_eq!(marks.iter().map(|mark| mark.members.len()).sum::<usize>(), 1000);
        assert!(marks.windows(2).all(|pair| pair[1].at - pair[0].at > APART / 2.0));
        let bars = bars(&past, story.window(day), story.now());
        assert!(bars.len() < 500, "{}", bars.len());
        assert!(bars.iter().all(|bar| bar.left >= 0.0 && bar.left + bar.width < 100.01));
    }

    #[test]
    fn a_sleep_lies_before_the_signal_that_tells_of_it() {
        let mut story = Story::new();
        story.waits(1_800);
        let signals = [
            story.signal(SignalKind::Suspended(Duration::from_secs(900))),
            story.signal(SignalKind::LinkUp(2)),
        ];
        let slept = sleeps(&signals, story.window(HOUR));
        assert_eq!(slept.len(), 1);
        assert!(near(slept[0].left, 75.0) && near(slept[0].width, 25.0), "{slept:?}");
        assert_eq!(changes(&signals, story.window(HOUR)).len(), 1);
    }
}
