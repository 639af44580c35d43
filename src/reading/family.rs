//! The series of one metric name: found by their text, and in order for the page.
//!
//! Never lets a scrape and the ingest of a known series wait for each other.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::series::Cell;
use super::{Kind, Quantity, key};

/// The series of one name.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) quantity: Arc<Quantity>,
    /// By their text.
    pub(super) index: HashSet<Cell>,
    pub(super) list: Arc<List>,
}

impl Family {
    pub(super) fn new(quantity: &Quantity) -> Self {
        Self { quantity: Arc::new(quantity.clone()), index: HashSet::new(), list: Arc::default() }
    }

    pub(super) fn add(&mut self, cell: Cell) {
        lock(&self.list.new).push(cell.clone());
        self.index.insert(cell);
    }

    /// Takes out the series with this text; whoever holds it learns so. How many that were: one or none.
    pub(super) fn evict(&mut self, text: &[u8]) -> usize {
        let Some(cell) = self.index.take(text) else { return 0 };
        cell.evict();
        self.list.gaps.store(true, Relaxed);
        1
    }

    /// Takes out what is dead; how many that were.
    pub(super) fn evict_dead(&mut self, now: u64, rest: u64) -> usize {
        let before = self.index.len();
        self.index.retain(|cell| {
            let dead = cell.is_dead(now, rest);
            if dead {
                cell.evict();
            }
            !dead
        });
        let gone = before - self.index.len();
        if gone > 0 {
            self.list.gaps.store(true, Relaxed);
            // Most of it may be gone, and a table does not shrink by itself.
            if self.index.len() < self.index.capacity() / 4 {
                self.index.shrink_to_fit();
            }
        }
        if self.list.gaps.load(Relaxed) {
            self.list.prune();
        }
        gone
    }
}

/// The same series in the order of the page. Those that came since the last scrape are put in their places by the next one,
/// so that a new series costs the same however many there are.
#[derive(Debug, Default)]
pub(super) struct List {
    /// Held while new ones are put in their places: only another scrape waits.
    sorted: Mutex<Arc<Vec<Cell>>>,
    new: Mutex<Vec<Cell>>,
    /// Some of them are evicted.
    gaps: AtomicBool,
}

impl List {
    /// Lets go of what is evicted, where that is much of it: nobody may scrape for days.
    fn prune(&self) {
        let evicted = |list: &[Cell]| list.iter().filter(|cell| cell.is_evicted()).count();
        lock(&self.new).retain(|cell| !cell.is_evicted());
        // A scrape that is at it does the same.
        if let Ok(mut sorted) = self.sorted.try_lock()
            && evicted(&sorted) > sorted.len() / 2
        {
            *sorted = Arc::new(sorted.iter().filter(|cell| !cell.is_evicted()).cloned().collect());
        }
    }

    /// All of them in order. What is evicted meanwhile is still among them and not fresh.
    pub(super) fn in_order(&self, kind: Kind) -> Arc<Vec<Cell>> {
        let mut sorted = lock(&self.sorted);
        let new = std::mem::take(&mut *lock(&self.new));
        if self.gaps.swap(false, Relaxed) || !new.is_empty() {
            let mut all = Vec::with_capacity(sorted.len() + new.len());
            all.extend(sorted.iter().chain(&new).filter(|cell| !cell.is_evicted()).cloned());
            all.sort_by(|one, other| key::compare(kind, one.text(), other.text()));
            *sorted = Arc::new(all);
        }
        Arc::clone(&sorted)
    }
}

/// A panic elsewhere must not take the page down.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::series::FeedState;
    use super::*;

    #[test]
    fn what_nobody_scrapes_does_not_pile_up() {
        let feed = Arc::new(FeedState::default());
        let quantity = Quantity { name: "a".into(), help: "Some.".into(), kind: Kind::Gauge };
        let mut family = Family::new(&quantity);
        for round in 0..100 {
            for number in 0..10 {
                family.add(Cell::new(format!("{round}-{number}").as_bytes(), Arc::clone(&feed)));
            }
            if round == 0 {
                assert_eq!(family.list.in_order(Kind::Gauge).len(), 10);
            }
            // Without a value they are dead at once.
            assert_eq!(family.evict_dead(1, 0), 10);
            assert_eq!(lock(&family.list.sorted).len() + lock(&family.list.new).len(), 0, "{round}");
        }
    }
}
