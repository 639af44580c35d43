//! The newest value of every series, shown while it is fresh.
//!
//! A scrape never holds a lock that a new value of a known series waits for; a value never outlives its lifetime
//! or its connection.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use super::series::{Cell, FeedState, nanoseconds};
use super::{Kind, Part, Quantity, Reading};
use crate::clock::Instant;
use crate::telemetry::ExporterMetrics;
use crate::telemetry::text::{self, FamilyType, Format};

/// A stale series is kept this long before it is forgotten, so that a device that comes and goes keeps its place.
const REST: Duration = Duration::from_secs(3_600);

/// Dead series are looked for at most this often.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// All readings of this process.
#[derive(Debug)]
pub struct Store {
    limit: usize,
    grace: u64,
    exporter: ExporterMetrics,
    feeds: Mutex<HashMap<String, Arc<FeedState>>>,
    /// Every series by its text. A scrape does not touch it.
    index: RwLock<HashMap<Arc<str>, Arc<Cell>>>,
    /// The same series by metric name, for the page. Held for the time of a copy only.
    families: Mutex<BTreeMap<String, Family>>,
    swept: AtomicU64,
}

#[derive(Debug)]
struct Family {
    quantity: Quantity,
    cells: Vec<Arc<Cell>>,
    sorted: bool,
}

/// The series of one connection: up, away, or gone.
#[derive(Clone, Debug)]
pub struct Feed(Arc<FeedState>);

impl Feed {
    /// Messages flow.
    pub fn up(&self) {
        self.0.up();
    }

    /// Messages can not flow since `at`.
    pub fn down(&self, at: Instant) {
        self.0.down(at);
    }
}

/// A place for the values of one series.
#[derive(Clone, Debug)]
pub struct Series(Arc<Cell>);

impl Series {
    /// A new value; `false` when the series was forgotten meanwhile and must be asked for again.
    #[must_use]
    pub fn set(&self, value: f64, lifetime: Duration, now: Instant) -> bool {
        self.0.set(value, lifetime, now);
        !self.0.is_evicted()
    }

    /// Takes the value from the page at once; the next one brings the series back.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Store {
    /// A store for at most `limit` series; those of a connection that is away leave the page after `grace`.
    #[must_use]
    pub fn new(limit: usize, grace: Duration, exporter: ExporterMetrics) -> Self {
        exporter.series_limit(limit);
        Self {
            limit,
            grace: nanoseconds(grace),
            exporter,
            feeds: Mutex::default(),
            index: RwLock::default(),
            families: Mutex::default(),
            swept: AtomicU64::new(0),
        }
    }

    /// The feed of a connection. A feed begins as up: a reading that arrives proves it.
    #[must_use]
    pub fn feed(&self, connection: &str) -> Feed {
        Feed(Arc::clone(lock(&self.feeds).entry(connection.to_owned()).or_default()))
    }

    /// Removes every series of a connection at once; a later feed of that name begins anew.
    pub fn forget_feed(&self, connection: &str) {
        if let Some(feed) = lock(&self.feeds).remove(connection) {
            feed.remove();
        }
    }

    /// Stores a reading. Refused, and counted, when its series would be one too many or belongs to another feed.
    pub fn put(&self, feed: &Feed, reading: &Reading<'_>, now: Instant) {
        let Reading { quantity, device, labels, value, lifetime } = reading;
        if let Some(series) = self.series(feed, quantity, Part::Value, device, labels, now)
            && !series.set(*value, *lifetime, now)
            && let Some(again) = self.series(feed, quantity, Part::Value, device, labels, now)
        {
            let _ = again.set(*value, *lifetime, now);
        }
    }

    /// The place for one series, made when it is new. `None`, counted, when it is one too many, when its name is
    /// taken by another type, or when another connection has the very same series and is fresh.
    #[must_use]
    pub fn series(
        &self,
        feed: &Feed,
        quantity: &Quantity,
        part: Part,
        device: &str,
        labels: &[(&str, &str)],
        now: Instant,
    ) -> Option<Series> {
        let key = key(quantity, part, device, labels);
        let known =
            self.index.read().unwrap_or_else(PoisonError::into_inner).get(key.as_str()).map(Arc::clone);
        match known {
            Some(cell) if Arc::ptr_eq(&cell.feed, &feed.0) => Some(Series(cell)),
            Some(cell) if cell.fresh(nanoseconds(now.since_boot()), self.grace).is_some() => {
                self.exporter.series_rejected();
                None
            }
            Some(_) | None => self.register(feed, quantity, key, now),
        }
    }

    fn register(&self, feed: &Feed, quantity: &Quantity, key: String, now: Instant) -> Option<Series> {
        self.sweep(now);
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        let mut families = lock(&self.families);
        let family = families.entry(quantity.name.to_string()).or_insert_with(|| Family {
            quantity: quantity.clone(),
            cells: Vec::new(),
            sorted: true,
        });
        if let Some(stale) = index.remove(key.as_str()) {
            stale.evict();
            family.cells.retain(|cell| !Arc::ptr_eq(cell, &stale));
        }
        if family.quantity.kind != quantity.kind || index.len() >= self.limit {
            self.exporter.series_rejected();
            return None;
        }
        let text: Arc<str> = key.into();
        let cell = Arc::new(Cell::new(Arc::clone(&text), Arc::clone(&feed.0)));
        index.insert(text, Arc::clone(&cell));
        family.cells.push(Arc::clone(&cell));
        family.sorted = false;
        Some(Series(cell))
    }

    /// Forgets what is dead, at most once a minute.
    fn sweep(&self, now: Instant) {
        let (now, every) = (nanoseconds(now.since_boot()), nanoseconds(SWEEP_EVERY));
        let last = self.swept.load(Relaxed);
        let due = last == 0 || now.saturating_sub(last) >= every;
        if !due || self.swept.compare_exchange(last, now.max(1), Relaxed, Relaxed).is_err() {
            return;
        }
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        let mut families = lock(&self.families);
        let rest = nanoseconds(REST);
        index.retain(|_, cell| {
            let dead = cell.is_dead(now, rest);
            if dead {
                cell.evict();
            }
            !dead
        });
        families.retain(|_, family| {
            family.cells.retain(|cell| !cell.is_evicted());
            !family.cells.is_empty()
        });
    }

    /// How many series are kept, fresh or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells the exporter's own metrics how full the store is.
    pub fn report(&self, exporter: &ExporterMetrics) {
        exporter.series(self.len());
    }

    /// Writes every fresh series, sorted by name and labels. A family without one is left out, and so is a value
    /// that its type cannot have: an info metric that is not 1, a counter that is negative or not a number.
    pub fn render(&self, out: &mut String, format: Format, now: Instant) {
        self.sweep(now);
        let now = nanoseconds(now.since_boot());
        let names: Vec<String> = lock(&self.families).keys().cloned().collect();
        for name in names {
            let Some((quantity, cells)) = self.family(&name) else { continue };
            let kind = match quantity.kind {
                Kind::Counter => FamilyType::Counter,
                Kind::Gauge => FamilyType::gauge(&name),
                Kind::Histogram => FamilyType::Histogram,
            };
            let shown = |cell: &Cell| cell.fresh(now, self.grace).filter(|value| kind.allows(*value));
            let mut fresh = cells.iter().filter_map(|cell| Some((cell, shown(cell)?))).peekable();
            if fresh.peek().is_none() {
                continue;
            }
            text::header(out, format, &name, kind, &quantity.help);
            for (cell, value) in fresh {
                out.push_str(&cell.text);
                out.push(' ');
                text::number(out, value);
                out.push('\n');
            }
        }
    }

    /// A copy of one family's list, in order.
    fn family(&self, name: &str) -> Option<(Quantity, Vec<Arc<Cell>>)> {
        let mut families = lock(&self.families);
        let family = families.get_mut(name)?;
        if !family.sorted {
            family.cells.sort_by(|a, b| a.text.cmp(&b.text));
            family.sorted = true;
        }
        Some((family.quantity.clone(), family.cells.clone()))
    }
}

/// Name and labels as they stand on the page. One label set has one spelling, in whatever order it is given: a page
/// with a series twice is refused as a whole. Who has no device has no such label.
pub(crate) fn key(quantity: &Quantity, part: Part, device: &str, labels: &[(&str, &str)]) -> String {
    let mut key = String::with_capacity(96);
    key.push_str(&quantity.name);
    let mut bound = String::new();
    match part {
        Part::Value => {}
        Part::Bucket(upper) => {
            key.push_str("_bucket");
            text::bound(&mut bound, upper);
        }
        Part::Sum => key.push_str("_sum"),
        Part::Count => key.push_str("_count"),
    }
    let device = [("device", device)].into_iter().filter(|(_, device)| !device.is_empty());
    let bound = [("le", bound.as_str())].into_iter().filter(|(_, bound)| !bound.is_empty());
    if labels.is_sorted() {
        text::labels(&mut key, device.chain(labels.iter().copied()).chain(bound));
    } else {
        let mut sorted = labels.to_vec();
        sorted.sort_unstable();
        text::labels(&mut key, device.chain(sorted).chain(bound));
    }
    key
}

/// A panic elsewhere must not take the page down.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
