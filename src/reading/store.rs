//! The newest value of every series, shown while it is fresh.
//!
//! A scrape never holds a lock that a new value of a known series waits for; a value never outlives its lifetime
//! or its connection.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use super::family::{Family, lock};
pub use super::page::Readings;
use super::series::{Cell, FeedState, nanoseconds};
use super::{Part, Quantity, Reading, Refused, key};
use crate::clock::Instant;
use crate::telemetry::ExporterMetrics;
use crate::telemetry::text::Format;

/// A stale series is kept this long before it is forgotten, so that a device that comes and goes keeps its place.
const REST: Duration = Duration::from_secs(3_600);

/// Dead series are looked for at most this often.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// When the store is full, stale series make room at once; they are looked for at most this often.
const MAKE_ROOM_EVERY: Duration = Duration::from_secs(10);

/// All readings of this process.
#[derive(Debug)]
pub struct Store {
    limit: usize,
    exporter: ExporterMetrics,
    feeds: Mutex<HashMap<String, Arc<FeedState>>>,
    /// Written for a new series only; a scrape reads it for the time of a list of names.
    families: RwLock<Families>,
    kept: AtomicUsize,
    swept: AtomicU64,
    made_room: AtomicU64,
}

#[derive(Debug, Default)]
struct Families {
    by_name: BTreeMap<String, Family>,
    /// Every name that one of them has on some page.
    taken: HashSet<String>,
}

impl Families {
    /// The family of a quantity, made when it is new.
    ///
    /// # Errors
    /// When its name has another type or cannot be that of its type.
    fn family(&mut self, quantity: &Quantity) -> Result<&mut Family, Refused> {
        let name = &*quantity.name;
        if !self.by_name.contains_key(name) {
            let names = key::names(quantity);
            if names.is_empty() || names.iter().any(|name| self.taken.contains(name) || key::is_ours(name)) {
                return Err(Refused::Name);
            }
            self.taken.extend(names);
            self.by_name.insert(name.to_owned(), Family::new(quantity));
        }
        let family = self.by_name.get_mut(name);
        family.filter(|family| family.quantity.kind == quantity.kind).ok_or(Refused::Name)
    }

    /// Forgets what is dead; how many that were.
    fn evict_dead(&mut self, now: u64, rest: u64) -> usize {
        let taken = &mut self.taken;
        let mut gone = 0;
        self.by_name.retain(|_, family| {
            gone += family.evict_dead(now, rest);
            let empty = family.index.is_empty();
            if empty {
                for name in key::names(&family.quantity) {
                    taken.remove(&name);
                }
            }
            !empty
        });
        gone
    }
}

/// The series of one connection: up, away, or gone.
#[derive(Clone, Debug)]
pub struct Feed(Arc<FeedState>);

impl Feed {
    /// How long its series are shown while it is away. They return with it, as long as they are fresh.
    pub fn set_grace(&self, grace: Duration) {
        self.0.set_grace(grace);
    }

    /// Messages flow.
    pub fn up(&self) {
        self.0.up();
    }

    /// Messages cannot flow since `at`.
    pub fn down(&self, at: Instant) {
        self.0.down(at);
    }
}

/// A place for the values of one series.
#[derive(Clone, Debug)]
pub struct Series(Cell);

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
    /// A store for at most `limit` series.
    #[must_use]
    pub fn new(limit: usize, exporter: ExporterMetrics) -> Self {
        exporter.series_limit(limit);
        Self {
            limit,
            exporter,
            feeds: Mutex::default(),
            families: RwLock::default(),
            kept: AtomicUsize::new(0),
            swept: AtomicU64::new(0),
            made_room: AtomicU64::new(0),
        }
    }

    /// The feed of a connection. A feed begins as up: a reading that arrives proves it. When the connection goes away its series
    /// leave the page at once, unless a [grace](Feed::set_grace) is set.
    #[must_use]
    pub fn feed(&self, connection: &str) -> Feed {
        Feed(Arc::clone(lock(&self.feeds).entry(connection.to_owned()).or_default()))
    }

    /// Removes every series of a connection at once; a later feed of that name begins anew.
    pub fn forget_feed(&self, connection: &str) {
        if let Some(feed) = lock(&self.feeds).remove(connection) {
            feed.remove();
            // The next who asks forgets them: a family of that name may have another type or help then.
            self.swept.store(0, Relaxed);
        }
    }

    /// Stores a reading. Refused, and counted, when its series would be one too many or belongs to another feed.
    pub fn put(&self, feed: &Feed, reading: &Reading<'_>, now: Instant) {
        let Reading { quantity, device, labels, value, lifetime } = reading;
        if let Ok(series) = self.series(feed, quantity, Part::Value, device, labels, now)
            && !series.set(*value, *lifetime, now)
            && let Ok(again) = self.series(feed, quantity, Part::Value, device, labels, now)
        {
            let _ = again.set(*value, *lifetime, now);
        }
    }

    /// The place for one series, made when it is new.
    ///
    /// # Errors
    /// Counted: when it is one too many, when its name is taken by another type, or when another connection has the very
    /// same series and is fresh.
    pub fn series(
        &self,
        feed: &Feed,
        quantity: &Quantity,
        part: Part,
        device: &str,
        labels: &[(&str, &str)],
        now: Instant,
    ) -> Result<Series, Refused> {
        let Some(key) = key::of(quantity.kind, part, device, labels) else {
            self.exporter.series_rejected();
            return Err(Refused::Name);
        };
        let known = read(&self.families)
            .by_name
            .get(&*quantity.name)
            .filter(|family| family.quantity.kind == quantity.kind)
            .and_then(|family| family.index.get(key.as_slice()).cloned());
        match known {
            Some(cell) if cell.is_fed_by(&feed.0) => Ok(Series(cell)),
            known => {
                let taken = known.is_some_and(|cell| is_fresh(&cell, now));
                let series =
                    if taken { Err(Refused::Taken) } else { self.register(feed, quantity, &key, now) };
                if series.is_err() {
                    self.exporter.series_rejected();
                }
                series
            }
        }
    }

    fn register(
        &self,
        feed: &Feed,
        quantity: &Quantity,
        key: &[u8],
        now: Instant,
    ) -> Result<Series, Refused> {
        self.sweep(now, &self.swept, SWEEP_EVERY, REST);
        if self.len() >= self.limit {
            self.sweep(now, &self.made_room, MAKE_ROOM_EVERY, Duration::ZERO);
        }
        let mut families = write(&self.families);
        let full = self.len() >= self.limit;
        if full && !families.by_name.contains_key(&*quantity.name) {
            return Err(Refused::Limit);
        }
        let family = families.family(quantity)?;
        // Another thread may have been quicker.
        match family.index.get(key) {
            Some(cell) if cell.is_fed_by(&feed.0) => return Ok(Series(cell.clone())),
            Some(cell) if is_fresh(cell, now) => return Err(Refused::Taken),
            Some(_) => {
                self.kept.fetch_sub(family.evict(key), Relaxed);
            }
            None if full => return Err(Refused::Limit),
            None => {}
        }
        let cell = Cell::new(key, Arc::clone(&feed.0));
        family.add(cell.clone());
        self.kept.fetch_add(1, Relaxed);
        Ok(Series(cell))
    }

    /// Forgets what has been stale for `rest`, unless that was done just now.
    fn sweep(&self, now: Instant, done: &AtomicU64, every: Duration, rest: Duration) {
        let (now, every) = (nanoseconds(now.since_boot()), nanoseconds(every));
        let last = done.load(Relaxed);
        let due = last == 0 || now.saturating_sub(last) >= every;
        if !due || done.compare_exchange(last, now.max(1), Relaxed, Relaxed).is_err() {
            return;
        }
        let gone = write(&self.families).evict_dead(now, nanoseconds(rest));
        self.kept.fetch_sub(gone, Relaxed);
    }

    /// How many series are kept, fresh or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.load(Relaxed)
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

    /// Every fresh series, sorted by name and labels, to be written. A family without one is left out, and so is a value
    /// that its type cannot have: an info metric that is not 1, a counter that is negative or not a number, a histogram
    /// without one of its parts.
    #[must_use]
    pub fn readings(&self, format: Format, now: Instant) -> Readings {
        self.sweep(now, &self.swept, SWEEP_EVERY, REST);
        let families = read(&self.families);
        let lists =
            families.by_name.values().map(|family| (Arc::clone(&family.quantity), Arc::clone(&family.list)));
        Readings::new(lists.collect(), format, nanoseconds(now.since_boot()))
    }
}

fn is_fresh(cell: &Cell, now: Instant) -> bool {
    cell.fresh(nanoseconds(now.since_boot())).is_some()
}

fn read(families: &RwLock<Families>) -> RwLockReadGuard<'_, Families> {
    families.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(families: &RwLock<Families>) -> RwLockWriteGuard<'_, Families> {
    families.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
