//! One question to one device: when it is due, whether an answer is awaited, how often none came.
//!
//! Never more than one at a time: a second one is not sent before the first is answered or given up. Pure.

use std::time::Duration;

use crate::clock::Instant;
use crate::source::navien::requests::Kind;

/// The state of one question.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) kind: Kind,
    interval: Duration,
    due: Instant,
    sent: Option<Instant>,
    missed: u32,
    first_missed: Option<Instant>,
}

impl Ask {
    pub(super) fn new(kind: Kind, interval: Duration, due: Instant) -> Self {
        Self { kind, interval, due, sent: None, missed: 0, first_missed: None }
    }

    /// When something is to be done: ask, or give up waiting.
    pub(super) fn deadline(&self, limit: Duration) -> Instant {
        self.sent.map_or(self.due, |sent| sent + limit)
    }

    /// Whether an answer is awaited.
    pub(super) fn is_pending(&self) -> bool {
        self.sent.is_some()
    }

    /// Questions in a row that were not answered.
    pub(super) fn missed(&self) -> u32 {
        self.missed
    }

    /// When the first of them was sent.
    pub(super) fn first_missed(&self) -> Option<Instant> {
        self.first_missed
    }

    /// Gives up an answer that is overdue; tells whether it did. The next turn comes `pause` later at the earliest.
    pub(super) fn give_up(&mut self, now: Instant, limit: Duration, pause: Duration) -> bool {
        let Some(sent) = self.sent.filter(|sent| now >= *sent + limit) else { return false };
        self.sent = None;
        self.missed += 1;
        self.first_missed.get_or_insert(sent);
        // Sooner than usual, to tell a lost message from a mute device, then ever later up to the usual pace.
        let doublings = (self.missed - 1).min(10);
        self.due = now + self.first_retry().saturating_mul(1 << doublings).min(self.interval).max(pause);
        true
    }

    /// Takes the turn if it is due. `stretch` slows the pace down, `jitter` (0 to 1) spreads it by ±5 %.
    pub(super) fn take_turn(&mut self, now: Instant, stretch: Duration, jitter: f64) -> bool {
        if self.sent.is_some() || now < self.due {
            return false;
        }
        self.sent = Some(now);
        self.due = now + self.interval.max(stretch).mul_f64(0.95 + 0.1 * jitter);
        true
    }

    /// It was not sent after all; the next turn comes as if it had been.
    pub(super) fn withdraw(&mut self) {
        self.sent = None;
    }

    /// Puts the next turn off.
    pub(super) fn not_before(&mut self, at: Instant) {
        self.due = self.due.max(at);
    }

    /// Brings the next turn forward.
    pub(super) fn not_after(&mut self, at: Instant) {
        self.due = self.due.min(at);
    }

    /// An answer came; the time it took, if one was awaited.
    pub(super) fn answered(&mut self, now: Instant) -> Option<Duration> {
        self.forgive();
        self.sent.take().map(|sent| now.saturating_since(sent))
    }

    /// Forgets the misses.
    pub(super) fn forgive(&mut self) {
        self.missed = 0;
        self.first_missed = None;
    }

    const fn first_retry(&self) -> Duration {
        match self.kind {
            Kind::Status => Duration::from_secs(5),
            Kind::Features | Kind::Energy | Kind::Diagnostics => Duration::from_secs(60),
        }
    }
}
