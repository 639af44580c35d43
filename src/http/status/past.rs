//! What the page needs of a history, taken out of it in one short look.
//! Never keeps the history's lock while anything is drawn, and never takes what may not be shown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::window::Window;
use crate::clock::Now;
use crate::connection::Phase;
use crate::connection::error::ErrorName;
use crate::diagnosis::{EventKind, Finding, Verdict};
use crate::lifecycle::history::{Attempt, AttemptOutcome, Happening, History, Living, Session};

/// Clocks drift apart by less than this in a session; what is more is a step of the wall clock.
const DRIFT: Duration = Duration::from_secs(1);
/// Attempts whose phases are drawn.
const CONNECTS: usize = 30;

/// A failed attempt in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) at: SystemTime,
    pub(super) phase: Phase,
    pub(super) error: ErrorName,
}

/// The past of one connection, as far as it is kept.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// Every session that is kept, oldest first: the newest ones, and the dropped ones before them.
    pub(super) sessions: Vec<Arc<Session>>,
    /// The session that lives now.
    pub(super) living: Option<Living>,
    /// The number of the newest session.
    pub(super) last_number: u64,
    /// What is thought of the drops in the window.
    pub(super) verdicts: BTreeMap<u64, Verdict>,
    /// The findings that stand.
    pub(super) findings: Vec<Finding>,
    /// The newest attempts, oldest first.
    pub(super) connects: Vec<Attempt>,
    /// Failed attempts in the window, oldest first.
    pub(super) failed: Vec<Failed>,
    /// What happened beside the connection in the window, oldest first.
    pub(super) happenings: Vec<Happening>,
    /// What the diagnosis says beside its findings.
    pub(super) remarks: Vec<String>,
}

impl Past {
    /// A look at a history, now.
    pub(super) fn of(history: &History, window: Window, now: Now) -> Self {
        let sessions: Vec<Arc<Session>> = all(history).map(placed).collect();
        let verdicts = sessions
            .iter()
            .filter(|session| !session.censored() && window.holds(session.end.wall))
            .filter_map(|session| Some((session.number, history.verdict(session.number)?.clone())))
            .collect();
        let newest = history.attempts().len().saturating_sub(CONNECTS);
        Self {
            sessions,
            living: history
                .living()
                .map(|living| Living { start: living_since(living, now), ..living.clone() }),
            last_number: history.last_number(),
            verdicts,
            findings: history.findings().to_vec(),
            connects: history.attempts().skip(newest).cloned().collect(),
            failed: history.attempts().filter_map(failed).filter(|one| window.holds(one.at)).collect(),
            happenings: history
                .happenings()
                .filter(|happening| window.holds(happening.at.wall) && matters(happening.kind))
                .copied()
                .collect(),
            remarks: history.remarks().to_vec(),
        }
    }

    /// The drops in the window, oldest first.
    pub(super) fn drops(&self, window: Window) -> impl DoubleEndedIterator<Item = &Session> {
        self.ended(window).filter(|session| !session.censored())
    }

    /// The sessions that ended in the window, oldest first.
    pub(super) fn ended(&self, window: Window) -> impl DoubleEndedIterator<Item = &Session> {
        self.sessions.iter().map(AsRef::as_ref).filter(move |session| window.holds(session.end.wall))
    }

    /// The session after this one, if it is known that there was none between them.
    pub(super) fn next(&self, session: &Session) -> Option<&Session> {
        let index = self.sessions.partition_point(|other| other.number <= session.number);
        self.sessions.get(index).map(AsRef::as_ref).filter(|next| next.number == session.number + 1)
    }

    /// How long there was no session after this drop; `None` while it is not over, or not known.
    pub(super) fn outage(&self, drop: &Session) -> Option<Duration> {
        let living = self.living.as_ref().filter(|living| living.number == drop.number + 1);
        let next = self.next(drop).map(|next| (next.outage, next.start));
        let (outage, start) = next.or(living.map(|living| (living.outage, living.start)))?;
        // One that a restart of this program fell into was measured by nobody: two wall clocks tell it.
        outage.or_else(|| start.wall.duration_since(drop.end.wall).ok())
    }

    /// Attempts that ended the outage after this drop.
    pub(super) fn attempts_after(&self, drop: &Session) -> Option<u32> {
        let living = self.living.as_ref().filter(|living| living.number == drop.number + 1);
        self.next(drop).map(|next| next.attempts).or(living.map(|living| living.attempts))
    }

    /// The place of the finding (from 1) that this session belongs to.
    pub(super) fn finding(&self, session: u64) -> Option<usize> {
        let belongs = |finding: &Finding| finding.claim.members.binary_search(&session).is_ok();
        self.findings.iter().position(belongs).map(|index| index + 1)
    }
}

/// When what is kept of a connection begins: its first attempt or session.
pub(super) fn began(history: &History, now: Now) -> Option<SystemTime> {
    let drop = history.drops().next().map(|session| since(session));
    let session = history.sessions().next().map(|session| since(session));
    let attempt = history.attempts().next().map(|attempt| attempt.start.wall);
    let living = history.living().map(|living| living_since(living, now).wall);
    [drop, session, attempt, living].into_iter().flatten().min()
}

/// When a session began, by the clock that it ended by: where the wall clock was set meanwhile, as on a machine that boots
/// without one, the later time is the right one.
fn since(session: &Session) -> SystemTime {
    session.end.wall.checked_sub(session.lasted()).unwrap_or(session.start.wall)
}

/// The same of the one that lives.
fn living_since(living: &Living, now: Now) -> Now {
    let lasted = now.at.saturating_since(living.start.at);
    Now { wall: now.wall.checked_sub(lasted).unwrap_or(living.start.wall), ..living.start }
}

/// The session with its beginning where it belongs: so that its bar is as long as it lasted.
fn placed(session: &Arc<Session>) -> Arc<Session> {
    let (told, wall) = (session.start.wall, since(session));
    let apart = told.duration_since(wall).or_else(|_| wall.duration_since(told)).unwrap_or_default();
    if apart < DRIFT {
        return Arc::clone(session);
    }
    Arc::new(Session { start: Now { wall, ..session.start }, ..Session::clone(session) })
}

/// The dropped sessions that outlived the others, then all of the newest.
fn all(history: &History) -> impl Iterator<Item = &Arc<Session>> {
    let first = history.sessions().next().map_or(u64::MAX, |session| session.number);
    history.drops().take_while(move |drop| drop.number < first).chain(history.sessions())
}

fn failed(attempt: &Attempt) -> Option<Failed> {
    match &attempt.outcome {
        AttemptOutcome::Failed(failure) => {
            Some(Failed { at: attempt.end.wall, phase: failure.phase, error: failure.error })
        }
        AttemptOutcome::Accepted | AttemptOutcome::Interrupted => None,
    }
}

/// Whether a happening is drawn: scrapes come all the time, and what is about this machine stands in its own row.
const fn matters(kind: EventKind) -> bool {
    match kind {
        EventKind::Command
        | EventKind::CredentialRefresh
        | EventKind::CredentialExpiry
        | EventKind::Reload
        | EventKind::OtherDrop => true,
        EventKind::Scrape
        | EventKind::Link
        | EventKind::Address
        | EventKind::Route
        | EventKind::Resolver
        | EventKind::ClockStep => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Story, noon};
    use super::*;

    #[test]
    fn drops_that_outlived_the_ring_of_sessions_come_first() {
        let mut story = Story::new();
        story.drops_after(60, 5).closes_after(60, 230).drops_after(60, 1);
        let past = story.past(Duration::from_secs(86_400));
        let numbers: Vec<u64> = past.sessions.iter().map(|session| session.number).collect();
        assert_eq!(numbers.len(), 205);
        assert_eq!(numbers[..6], [1, 2, 3, 4, 5, 37]);
        assert!(numbers.is_sorted());
        assert_eq!(past.drops(story.window(Duration::from_secs(86_400))).count(), 6);
    }

    #[test]
    fn an_outage_is_known_only_between_neighbours() {
        let mut story = Story::new();
        story.drops_after(60, 5).closes_after(60, 230).drops_after(60, 1);
        let past = story.past(Duration::from_secs(86_400));
        assert_eq!(past.outage(&past.sessions[0]), Some(Duration::from_secs(5)));
        assert_eq!(past.outage(&past.sessions[4]), None, "what came next is forgotten");
        assert_eq!(past.outage(&past.sessions[204]), None, "it is not over");
    }

    #[test]
    fn where_the_wall_clock_was_set_sessions_are_as_long_as_they_lasted() {
        let year = Duration::from_secs(365 * 86_400);
        let mut story = Story::new();
        story.is_set_forward(year).drops_after(600, 1).begins().is_set_forward(year).waits(900);
        let past = story.past(Duration::from_secs(3_600));
        let [dropped] = &past.sessions[..] else { panic!("{:?}", past.sessions) };
        assert_eq!(dropped.end.wall.duration_since(dropped.start.wall).ok(), Some(dropped.lasted()));
        let living = past.living.as_ref().unwrap();
        assert_eq!(story.now().duration_since(living.start.wall).ok(), Some(Duration::from_secs(900)));
        assert_eq!(story.began(), Some(dropped.start.wall));
    }

    #[test]
    fn only_what_lies_in_the_window_is_taken() {
        let mut story = Story::new();
        story.drops_after(600, 20);
        let hour = story.past(Duration::from_secs(3_600));
        assert_eq!(hour.sessions.len(), 20, "all sessions: the window may begin within one");
        assert_eq!(hour.verdicts.len(), 6);
        assert!(noon().wall < hour.sessions[0].end.wall);
    }
}
