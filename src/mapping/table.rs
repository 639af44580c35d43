//! What is known by topic, for as many topics as there is room.
//!
//! Pure. Never grows beyond its room: who was not asked for lately makes way, one at a time, so that a flood of new topics
//! makes no message wait.

use std::collections::HashMap;
use std::sync::Arc;

/// Who was asked for so often stays for another round of the hand.
const OFTEN: u8 = 2;

/// So many bytes of a topic weigh as much as one series.
const LONG: usize = 128;

/// A bounded table; the value of a topic has a weight that may grow.
#[derive(Debug)]
pub(super) struct Table<T> {
    places: HashMap<Arc<str>, u32>,
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
    hand: usize,
    most: usize,
    weight: usize,
    heaviest: usize,
}

#[derive(Debug)]
struct Entry<T> {
    topic: Arc<str>,
    value: Option<T>,
    weight: usize,
    /// How often it was asked for since the hand last passed, as far as that matters: twice is more than the message
    /// that brought it.
    asked: u8,
}

impl<T> Table<T> {
    /// A table for so many topics, which together weigh at most `heaviest`.
    pub(super) fn new(most: usize, heaviest: usize) -> Self {
        let (places, entries, free) = (HashMap::new(), Vec::new(), Vec::new());
        Self { places, entries, free, hand: 0, most, weight: 0, heaviest }
    }

    /// The place of a topic.
    #[inline]
    pub(super) fn place(&self, topic: &str) -> Option<u32> {
        self.places.get(topic).copied()
    }

    /// What stands at a place; it counts as asked for.
    #[inline]
    pub(super) fn at(&mut self, place: u32) -> Option<(&str, &mut T)> {
        let entry = self.entries.get_mut(place as usize)?;
        entry.asked = (entry.asked + 1).min(OFTEN);
        Some((&entry.topic, entry.value.as_mut()?))
    }

    /// Puts in what is known of a new topic.
    pub(super) fn insert(&mut self, topic: &str, value: T) -> u32 {
        while self.places.len() >= self.most || self.weight >= self.heaviest {
            if !self.make_way(None) {
                break;
            }
        }
        let weight = 1 + topic.len() / LONG;
        let topic: Arc<str> = topic.into();
        let entry = Entry { topic: Arc::clone(&topic), value: Some(value), weight, asked: 0 };
        self.weight += weight;
        let place = if let Some(place) = self.free.pop() {
            if let Some(free) = self.entries.get_mut(place as usize) {
                *free = entry;
            }
            place
        } else {
            self.entries.push(entry);
            u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
        };
        self.places.insert(topic, place);
        place
    }

    /// What stands at a place weighs so much more now; others may have to make way for it.
    pub(super) fn grow(&mut self, place: u32, by: usize) {
        let Some(entry) = self.entries.get_mut(place as usize).filter(|entry| entry.value.is_some()) else {
            return;
        };
        self.weight += by;
        entry.weight += by;
        while self.weight > self.heaviest {
            if !self.make_way(Some(place)) {
                break;
            }
        }
    }

    /// Everything that is there, in no order.
    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().filter_map(|entry| entry.value.as_mut())
    }

    /// Removes one that was asked for once at most since the hand last passed.
    fn make_way(&mut self, but: Option<u32>) -> bool {
        for _ in 0..=2 * self.entries.len() {
            let place = self.hand;
            self.hand = (self.hand + 1) % self.entries.len().max(1);
            let number = u32::try_from(place).unwrap_or(u32::MAX);
            let Some(entry) = self.entries.get_mut(place) else { return false };
            if entry.value.is_none() || Some(number) == but {
                continue;
            }
            if entry.asked >= OFTEN {
                entry.asked = 1;
                continue;
            }
            entry.value = None;
            self.weight = self.weight.saturating_sub(entry.weight);
            self.places.remove(&entry.topic);
            self.free.push(number);
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_for_stays_and_the_others_make_way() {
        let mut table = Table::new(10, 1_000);
        let kept = table.insert("kept", 0);
        for number in 1..1_000 {
            assert_eq!(table.place("kept"), Some(kept), "{number}");
            assert_eq!(
                table.at(kept).map(|(topic, value)| (topic.to_owned(), *value)),
                Some(("kept".to_owned(), 0))
            );
            table.insert(&number.to_string(), number);
            assert!(table.places.len() <= 10 && table.entries.len() <= 10);
        }
    }

    #[test]
    fn a_heavy_one_makes_the_others_go() {
        let mut table = Table::new(100, 50);
        let heavy = table.insert("heavy", 0);
        for number in 0..40 {
            table.insert(&number.to_string(), number);
        }
        table.grow(heavy, 44);
        assert!(table.weight <= 50 && table.place("heavy").is_some(), "{}", table.weight);
        // Who alone is too heavy is let be.
        table.grow(heavy, 455);
        assert_eq!((table.places.len(), table.weight), (1, 500));
        table.insert("next", 1);
        assert!(table.places.len() <= 2);
    }
}
