//! What the recorder makes of the end of a session: a verdict at once, its settling by what follows, lapsed credentials.
//! Never judges: the rules stand in `diagnosis::evidence`.

use std::sync::Arc;

use super::Recorder;
use crate::clock::Now;
use crate::connection::error::ErrorName;
use crate::connection::{Failure, Phase};
use crate::diagnosis::evidence::{self, DropFacts, NextAttempt, Preliminary};
use crate::diagnosis::{EventKind, Verdict};
use crate::host::SignalKind;
use crate::lifecycle::board::lock;
use crate::lifecycle::history::{Happening, Session};
use crate::lifecycle::log;
use crate::lifecycle::observer::Fact;

/// A drop whose verdict waits for what follows.
pub(super) struct Unsettled {
    session: Arc<Session>,
    preliminary: Preliminary,
}

impl Recorder {
    /// The first verdict on a drop; counted now if it is final. Nobody else has heard of it yet.
    pub(super) fn judge(&mut self, session: &Arc<Session>, now: Now) -> Verdict {
        let said = self.word_for(session);
        let signals = self.host.between(evidence::signals_from(session), session.end.at);
        let preliminary = evidence::direct(&DropFacts {
            session,
            signals: &signals,
            interface: self.interface_of(session),
            limits: &self.limits,
            no_idle_timeout: self.history.read(super::History::no_idle_timeout),
            lifecycle: said,
        });
        let verdict = preliminary.verdict.clone();
        if preliminary.settled {
            self.count(session.number, &verdict, now);
        } else {
            self.unsettled = Some(Unsettled { session: Arc::clone(session), preliminary });
        }
        verdict
    }

    /// Keeps a verdict and tells it.
    pub(super) fn explain(&mut self, session: u64, verdict: &Verdict, now: Now) {
        self.history.write(|history| history.explain(session, verdict.clone()));
        self.tell(&Fact::Explained { session, verdict }, now);
    }

    /// What follows a drop may settle its verdict.
    pub(super) fn followed_by(&mut self, next: NextAttempt, now: Now) {
        let Some(Unsettled { session, preliminary }) = &self.unsettled else { return };
        let first = preliminary.verdict.clone();
        // The watcher may have noticed only now that the machine slept.
        let later = self.host.between(session.end.at, evidence::signals_until(session));
        let slept = evidence::slept_before(session, &later);
        let Some(verdict) = slept.or_else(|| evidence::settle(preliminary, next)) else { return };
        let session = session.number;
        self.unsettled = None;
        self.count(session, &verdict, now);
        if verdict != first {
            log::explained(&self.name, session, &verdict);
            if let Some(drop) = &mut lock(&self.status).last_drop {
                drop.explain(verdict.clone());
            }
            self.explain(session, &verdict, now);
        }
    }

    /// Whether the verdict on this session waits for what follows.
    pub(super) fn is_unsettled(&self, session: u64) -> bool {
        self.unsettled.as_ref().is_some_and(|unsettled| unsettled.session.number == session)
    }

    /// The verdict on this session waits for nothing any more.
    pub(super) fn settled(&mut self, session: u64) {
        self.unsettled = self.unsettled.take().filter(|unsettled| unsettled.session.number != session);
    }

    /// How a failed attempt bears on the drop before it.
    pub(super) fn attempt_after_drop(&mut self, failure: &Failure, now: Now) {
        let refused = failure.phase == Phase::Tcp && failure.error == ErrorName::ConnectionRefused;
        self.followed_by(if refused { NextAttempt::Refused } else { NextAttempt::Failed }, now);
    }

    /// Credentials that lapsed while their session lived are an event that its end may follow.
    pub(super) fn note_lapsed_credentials(&mut self, now: Now) {
        let Some(session) = &self.session else { return };
        let (start, Some(lapse)) = (session.start, session.credentials_expire) else { return };
        let Ok(age) = lapse.duration_since(start.wall) else { return };
        if age <= now.at.saturating_since(start.at) {
            self.happened(Happening { kind: EventKind::CredentialExpiry, at: start.plus(age) });
        }
    }

    /// The interface that has the session's own address, if its coming or going was seen.
    fn interface_of(&self, session: &Session) -> Option<u32> {
        let ours = session.local.ip();
        self.host.all().iter().rev().find_map(|signal| match &signal.kind {
            SignalKind::AddressAdded(index, address) | SignalKind::AddressRemoved(index, address)
                if *address == ours =>
            {
                Some(*index)
            }
            SignalKind::Suspended(_)
            | SignalKind::ClockForward(_)
            | SignalKind::ClockBack(_)
            | SignalKind::LinkDown(_)
            | SignalKind::LinkUp(_)
            | SignalKind::AddressAdded(..)
            | SignalKind::AddressRemoved(..)
            | SignalKind::RouteAdded
            | SignalKind::RouteRemoved
            | SignalKind::ResolverChanged => None,
        })
    }
}
