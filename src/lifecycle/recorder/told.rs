//! What the broker said of our own connection: found to the drop that it is about, which it then states.
//! Never uses a word twice, and never one that is about an end that we asked for, or that our own next connection made.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::Recorder;
use crate::clock::{Instant, Now};
use crate::diagnosis::evidence;
use crate::diagnosis::{Evidence, Verdict};
use crate::lifecycle::board::lock;
use crate::lifecycle::history::Session;
use crate::lifecycle::log;
use crate::lifecycle::presence::Reason;
use crate::lifecycle::testimony::{Said, Testimony, WITHIN};

/// Where the broker may still say why, a verdict that nobody stated is counted only after so long.
const MAY_COME: Duration = Duration::from_secs(10);
/// Drops that wait for a word.
const OPEN: usize = 64;

/// The words about one connection, and the drops that have none.
#[derive(Default)]
pub(super) struct Ear {
    testimony: Option<Testimony>,
    words: VecDeque<Said>,
    open: VecDeque<Open>,
    closed: Option<Instant>,
    uncounted: Option<Uncounted>,
}

/// A drop that no word was found for yet.
struct Open {
    session: Arc<Session>,
    /// When we began to connect again.
    again: Option<Instant>,
}

/// A final verdict that is not counted yet.
struct Uncounted {
    session: u64,
    verdict: Verdict,
    until: Instant,
}

impl Recorder {
    /// The same, which hears what brokers say of it.
    #[must_use]
    pub fn hearing(mut self, testimony: Testimony) -> Self {
        self.ear.testimony = Some(testimony);
        self
    }

    /// Who it is to the broker, from the next attempt on.
    pub fn known_as(&self, host: &str, client_id: &str) {
        if let Some(testimony) = &self.ear.testimony {
            testimony.is_known(&self.name, host, client_id);
        }
    }

    /// The word about a session that ends now, if it came before the end was noticed. Else it may come later.
    pub(super) fn word_for(&mut self, session: &Arc<Session>) -> Option<Reason> {
        self.count_now();
        self.collect(session.end);
        let candidates = self.ear.words.iter().enumerate().filter(|(_, said)| is_about(said, session, None));
        let nearest = candidates.min_by_key(|(_, said)| distance(said, session)).map(|(at, _)| at);
        if let Some(said) = nearest.and_then(|at| self.ear.words.remove(at)) {
            return Some(said.reason);
        }
        if self.ear.testimony.is_some() {
            self.ear.open.push_back(Open { session: Arc::clone(session), again: None });
            if self.ear.open.len() > OPEN {
                self.ear.open.pop_front();
            }
        }
        None
    }

    /// We begin to connect again: from now on the broker may end what it still holds of the session before.
    pub(super) fn tries_again(&mut self, now: Now) {
        for open in &mut self.ear.open {
            open.again.get_or_insert(now.at);
        }
    }

    /// We ended a session: what the broker says of that is no news.
    pub(super) fn closed_by_us(&mut self, now: Now) {
        self.collect(now);
        self.ear.words.clear();
        self.ear.closed = Some(now.at);
    }

    /// Something was said: perhaps about a drop that is known already.
    pub fn told(&mut self, now: Now) {
        self.collect(now);
        let mut kept = VecDeque::new();
        for said in std::mem::take(&mut self.ear.words) {
            let about = self.ear.open.iter().filter(|open| is_about(&said, &open.session, open.again));
            let nearest = about.min_by_key(|open| distance(&said, &open.session));
            match nearest.map(|open| Arc::clone(&open.session)) {
                Some(session) => self.stated(&session, said.reason, now),
                None => kept.push_back(said),
            }
        }
        self.ear.words = kept;
    }

    /// Time passes: a verdict that waited for a word in vain is counted.
    pub fn passed(&mut self, now: Now) {
        if self.ear.uncounted.as_ref().is_some_and(|uncounted| now.at >= uncounted.until) {
            self.count_now();
        }
    }

    /// Counts a final verdict, at once or when no better one comes.
    pub(super) fn count(&mut self, session: u64, verdict: &Verdict, now: Now) {
        let may_come = || self.ear.testimony.as_ref().is_some_and(|testimony| testimony.may_come(&self.name));
        let waits = verdict.evidence != Evidence::Stated
            && self.ear.open.iter().any(|open| open.session.number == session)
            && may_come();
        if waits {
            let until = now.at + MAY_COME;
            self.ear.uncounted = Some(Uncounted { session, verdict: verdict.clone(), until });
        } else {
            self.metrics.explained(verdict.cause, verdict.evidence);
        }
    }

    pub(super) fn count_now(&mut self) {
        if let Some(Uncounted { verdict, .. }) = self.ear.uncounted.take() {
            self.metrics.explained(verdict.cause, verdict.evidence);
        }
    }

    /// A drop that is known is stated now.
    fn stated(&mut self, session: &Arc<Session>, reason: Reason, now: Now) {
        self.ear.open.retain(|open| open.session.number != session.number);
        let number = session.number;
        let known = self.history.read(|history| history.verdict(number).map(|verdict| verdict.evidence));
        let Some(verdict) =
            evidence::told(reason, session.ended_by).filter(|_| known != Some(Evidence::Stated))
        else {
            return;
        };
        let waits = self.ear.uncounted.as_ref().is_some_and(|uncounted| uncounted.session == number);
        let unsettled = self.is_unsettled(number);
        if waits || unsettled {
            self.ear.uncounted = self.ear.uncounted.take().filter(|uncounted| uncounted.session != number);
            self.settled(number);
            self.metrics.explained(verdict.cause, verdict.evidence);
        }
        log::explained(&self.name, number, &verdict);
        if let Some(drop) = &mut lock(&self.status).last_drop
            && drop.at == session.end.wall
        {
            drop.explain(verdict.clone());
        }
        self.explain(number, &verdict, now);
    }

    /// Takes what was said since the last time, and forgets what is too old to be of use.
    fn collect(&mut self, now: Now) {
        let Some(testimony) = &self.ear.testimony else { return };
        let closed = self.ear.closed.filter(|closed| now.at.saturating_since(*closed) <= WITHIN);
        let ours = |said: &Said| said.reason == Reason::ClientInitiatedDisconnect && closed.is_some();
        let heard = testimony.take(&self.name);
        self.ear.words.extend(heard.into_iter().filter(|said| !ours(said)));
        self.ear.words.retain(|said| now.at.saturating_since(said.at.at) <= WITHIN);
        self.ear.open.retain(|open| now.at.saturating_since(open.session.end.at) <= WITHIN);
    }
}

/// Whether a word may be about the end of a session, after which we began to connect `again`.
///
/// Where the path broke, the broker holds the old connection until our next one takes its client id: it says of us what it
/// would say of another client. Such a word comes after the next attempt began, and near the start of the session after it.
fn is_about(said: &Said, session: &Session, again: Option<Instant>) -> bool {
    if said.at.at < session.start.at || distance(said, session) > WITHIN {
        return false;
    }
    let ours = said.reason == Reason::DuplicateClientId
        && (again.is_some_and(|again| said.at.at >= again)
            || said.at.at.saturating_since(session.start.at) < distance(said, session));
    !ours
}

fn distance(said: &Said, session: &Session) -> Duration {
    let (said, ended) = (said.at.at, session.end.at);
    said.saturating_since(ended).max(ended.saturating_since(said))
}
