//! One series: its label text, prepared once, and its newest value. Reading and writing need no lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::Instant;

/// What feeds a series: a connection, which may be away or gone for good.
#[derive(Debug, Default)]
pub(super) struct FeedState {
    /// Nanoseconds since boot at which it went away; 0 while it is up.
    away_since: AtomicU64,
    /// It left the configuration.
    removed: AtomicBool,
}

impl FeedState {
    pub(super) fn up(&self) {
        self.away_since.store(0, Relaxed);
    }

    /// Away since `at`, unless it was away before.
    pub(super) fn down(&self, at: Instant) {
        let _ = self.away_since.compare_exchange(0, nanoseconds(at.since_boot()).max(1), Relaxed, Relaxed);
    }

    pub(super) fn remove(&self) {
        self.removed.store(true, Relaxed);
    }

    fn shows(&self, now: u64, grace: u64) -> bool {
        let away_since = self.away_since.load(Relaxed);
        !self.removed.load(Relaxed) && (away_since == 0 || now.saturating_sub(away_since) < grace)
    }
}

/// One series.
#[derive(Debug)]
pub(super) struct Cell {
    /// Name and labels, ready for the page.
    pub(super) text: Arc<str>,
    pub(super) feed: Arc<FeedState>,
    value: AtomicU64,
    seen: AtomicU64,
    lifetime: AtomicU64,
    /// No longer on any list: whoever holds a handle must register anew.
    evicted: AtomicBool,
}

impl Cell {
    pub(super) fn new(text: Arc<str>, feed: Arc<FeedState>) -> Self {
        let zero = || AtomicU64::new(0);
        Self { text, feed, value: zero(), seen: zero(), lifetime: zero(), evicted: AtomicBool::new(false) }
    }

    /// A value that may be shown until `now + lifetime`.
    pub(super) fn set(&self, value: f64, lifetime: Duration, now: Instant) {
        self.value.store(value.to_bits(), Relaxed);
        self.lifetime.store(nanoseconds(lifetime), Relaxed);
        self.seen.store(nanoseconds(now.since_boot()), Relaxed);
    }

    /// The value is of the past from now on.
    pub(super) fn close(&self) {
        self.lifetime.store(0, Relaxed);
    }

    /// The value, if it may be shown.
    pub(super) fn fresh(&self, now: u64, grace: u64) -> Option<f64> {
        let stale_at = self.seen.load(Relaxed).saturating_add(self.lifetime.load(Relaxed));
        (now < stale_at && self.feed.shows(now, grace)).then(|| f64::from_bits(self.value.load(Relaxed)))
    }

    /// Whether it has been stale for at least `rest`, or its feed is gone for good.
    pub(super) fn is_dead(&self, now: u64, rest: u64) -> bool {
        let stale_at = self.seen.load(Relaxed).saturating_add(self.lifetime.load(Relaxed));
        self.feed.removed.load(Relaxed) || now >= stale_at.saturating_add(rest)
    }

    pub(super) fn evict(&self) {
        self.evicted.store(true, Relaxed);
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.evicted.load(Relaxed)
    }
}

/// Nanoseconds as they are kept; five centuries fit.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
