//! One series: the text of its labels, prepared once, and its newest value. Reading and writing need no lock.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use triomphe::ThinArc;

use crate::clock::Instant;

/// What feeds a series: a connection, which may be away or gone for good.
#[derive(Debug, Default)]
pub(super) struct FeedState {
    /// Nanoseconds for which its series are shown while it is away.
    grace: AtomicU64,
    /// Nanoseconds since boot at which it went away; 0 while it is up.
    away_since: AtomicU64,
    /// It left the configuration.
    removed: AtomicBool,
}

impl FeedState {
    pub(super) fn set_grace(&self, grace: Duration) {
        self.grace.store(nanoseconds(grace), Relaxed);
    }

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

    fn shows(&self, now: u64) -> bool {
        let away_since = self.away_since.load(Relaxed);
        let in_time = || now.saturating_sub(away_since) < self.grace.load(Relaxed);
        !self.removed.load(Relaxed) && (away_since == 0 || in_time())
    }
}

/// One series, in one allocation: with 100,000 of them each further one is megabytes. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Cell(ThinArc<Value, u8>);

#[derive(Debug)]
struct Value {
    feed: Arc<FeedState>,
    bits: AtomicU64,
    /// Nanoseconds since boot from which on it is not shown. 0: it was closed, or has no value yet.
    stale_at: AtomicU64,
    /// No longer on any list: whoever holds a handle must register anew.
    evicted: AtomicBool,
}

impl Cell {
    /// A series without a value yet. The text is what follows the name of its family on the page.
    pub(super) fn new(text: &[u8], feed: Arc<FeedState>) -> Self {
        let zero = || AtomicU64::new(0);
        let value = Value { feed, bits: zero(), stale_at: zero(), evicted: AtomicBool::new(false) };
        Self(ThinArc::from_header_and_slice(value, text))
    }

    fn value(&self) -> &Value {
        &self.0.header.header
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.0.slice
    }

    pub(super) fn is_fed_by(&self, feed: &Arc<FeedState>) -> bool {
        Arc::ptr_eq(&self.value().feed, feed)
    }

    /// A value that may be shown until `now + lifetime`.
    pub(super) fn set(&self, value: f64, lifetime: Duration, now: Instant) {
        let cell = self.value();
        cell.bits.store(value.to_bits(), Relaxed);
        cell.stale_at.store(nanoseconds(now.since_boot()).saturating_add(nanoseconds(lifetime)), Relaxed);
    }

    /// It has no value until the next one is set.
    pub(super) fn close(&self) {
        self.value().stale_at.store(0, Relaxed);
    }

    /// The value, if it may be shown.
    pub(super) fn fresh(&self, now: u64) -> Option<f64> {
        let cell = self.value();
        (now < cell.stale_at.load(Relaxed) && cell.feed.shows(now) && !self.is_evicted())
            .then(|| f64::from_bits(cell.bits.load(Relaxed)))
    }

    /// Whether it has been stale for at least `rest`, or its feed is gone for good.
    pub(super) fn is_dead(&self, now: u64, rest: u64) -> bool {
        let cell = self.value();
        cell.feed.removed.load(Relaxed) || now >= cell.stale_at.load(Relaxed).saturating_add(rest)
    }

    pub(super) fn evict(&self) {
        self.value().evicted.store(true, Relaxed);
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.value().evicted.load(Relaxed)
    }
}

/// Within one family a series is its text.
impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Cell {}

impl Hash for Cell {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text().hash(state);
    }
}

impl Borrow<[u8]> for Cell {
    fn borrow(&self) -> &[u8] {
        self.text()
    }
}

/// Nanoseconds as they are kept; five centuries fit.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
