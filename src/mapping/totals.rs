//! What is remembered of counters and histograms: a total, or the observations.
//!
//! Pure. Never lets a counter fall that is to be repaired, and never forgets one that is shown.

use std::collections::HashMap;
use std::time::Duration;

use super::place::Name;
use crate::clock::Instant;

/// Totals and histograms that are remembered at most. Those whose series are no longer shown make room for new ones …
const TOTALS: usize = 100_000;
/// … which are looked for at most this often.
const MAKE_ROOM_EVERY: Duration = Duration::from_secs(10);

/// Which total; it may have made room for another one meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    number: u32,
    holder: u32,
}

/// No total at all.
pub(super) const NONE: Ticket = Ticket { number: u32::MAX, holder: 0 };

/// What is remembered of counters and histograms. Two topics may lead to one series: there is one memory of it.
#[derive(Debug, Default)]
pub(super) struct Totals {
    known: HashMap<Box<str>, u32>,
    all: Vec<Total>,
    free: Vec<u32>,
    /// When room was looked for in vain or not.
    looked: Option<Instant>,
}

#[derive(Debug, Default)]
pub(super) struct Total {
    pub(super) last: Option<f64>,
    /// The sum; of a repaired total, what was counted before its device began anew.
    pub(super) offset: f64,
    pub(super) counts: Box<[f64]>,
    /// Until when its series are shown, or a first value may come.
    until: Instant,
    /// How many had this place before.
    holder: u32,
}

impl Totals {
    /// The memory of a series; `None` when there are too many.
    pub(super) fn enter(&mut self, name: Name<'_>, buckets: usize, now: Instant) -> Option<Ticket> {
        let mut key = String::with_capacity(96);
        for part in [&*name.quantity.name, name.device] {
            key.push_str(part);
            key.push('\u{1f}');
        }
        for (label, value) in name.labels {
            key.push_str(label);
            key.push('\u{1f}');
            key.push_str(value);
            key.push('\u{1f}');
        }
        if let Some(known) = self.known.get(key.as_str()) {
            let holder = self.all.get(*known as usize)?.holder;
            return Some(Ticket { number: *known, holder });
        }
        if self.known.len() >= TOTALS {
            self.make_room(now);
        }
        let (number, holder) = match self.free.pop() {
            Some(number) => (number, self.all.get(number as usize)?.holder),
            None if self.all.len() < TOTALS => {
                self.all.push(Total::default());
                (u32::try_from(self.all.len() - 1).ok()?, 0)
            }
            None => return None,
        };
        let total = self.all.get_mut(number as usize)?;
        let until = now + MAKE_ROOM_EVERY;
        *total = Total { counts: vec![0.0; buckets].into(), until, holder, ..Total::default() };
        self.known.insert(key.into(), number);
        Some(Ticket { number, holder })
    }

    /// Forgets what is not shown any more.
    fn make_room(&mut self, now: Instant) {
        if self.looked.is_some_and(|looked| now.saturating_since(looked) < MAKE_ROOM_EVERY) {
            return;
        }
        self.looked = Some(now);
        let Self { known, all, free, .. } = self;
        known.retain(|_, number| {
            let Some(total) = all.get_mut(*number as usize) else { return false };
            let shown = now < total.until;
            if !shown {
                *total = Total { holder: total.holder.wrapping_add(1), ..Total::default() };
                free.push(*number);
            }
            shown
        });
    }

    /// The total of this ticket, whose series are shown until then; `None` if it made room for another.
    pub(super) fn of(&mut self, ticket: Ticket, until: Instant) -> Option<&mut Total> {
        let total = self.all.get_mut(ticket.number as usize)?;
        (total.holder == ticket.holder).then(|| {
            total.until = until;
            total
        })
    }
}

impl Total {
    /// Nothing was counted in it yet.
    pub(super) const fn is_new(&self) -> bool {
        self.last.is_none()
    }

    /// Adds to the sum; `false`, and nothing added, when there is no such number.
    pub(super) fn add(&mut self, number: f64) -> bool {
        let sum = self.offset + number;
        if sum.is_finite() {
            self.offset = sum;
        }
        sum.is_finite()
    }

    /// A total that goes on where it was when the device begins anew. One that fell by less than a half is late.
    pub(super) fn repaired(&mut self, raw: f64) -> f64 {
        match self.last {
            Some(last) if raw < last / 2.0 => {
                self.add(last);
                self.last = Some(raw);
            }
            Some(last) if raw < last => {}
            Some(_) | None => self.last = Some(raw),
        }
        self.offset + self.last.unwrap_or(raw)
    }

    /// One observation: every bucket that it fits in, the infinite one, the sum and the count.
    /// `false`, and nothing observed, when there is no such sum.
    pub(super) fn observe(&mut self, bounds: &[f64], number: f64) -> bool {
        if !self.add(number) {
            return false;
        }
        let last = bounds.len() + 1;
        for (at, count) in self.counts.iter_mut().enumerate() {
            let counts = at >= bounds.len() || bounds.get(at).is_some_and(|bound| number <= *bound);
            if counts && at <= last {
                *count += 1.0;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{Kind, Quantity};

    fn at(seconds: u64) -> Instant {
        Instant::from_boot(Duration::from_secs(seconds))
    }

    /// The ticket of the counter of this device.
    pub(super) fn enter(totals: &mut Totals, device: usize, now: Instant) -> Option<Ticket> {
        let quantity = Quantity { name: "ev_total".into(), help: "Events.".into(), kind: Kind::Counter };
        let device = device.to_string();
        totals.enter(Name { quantity: &quantity, device: &device, labels: &[] }, 0, now)
    }

    #[test]
    fn what_is_not_shown_makes_room_and_what_is_shown_stays() {
        let mut totals = Totals::default();
        let tickets: Vec<_> = (0..TOTALS).map(|n| enter(&mut totals, n, at(0)).unwrap()).collect();
        for (n, ticket) in tickets.iter().enumerate() {
            let until = if n < 10 { at(10_000) } else { at(60) };
            assert!(totals.of(*ticket, until).unwrap().add(1.0));
        }
        assert_eq!(enter(&mut totals, TOTALS, at(30)), None, "all of them are shown");
        assert_eq!(enter(&mut totals, TOTALS, at(39)), None, "room is not looked for so often");
        let new = enter(&mut totals, TOTALS, at(60)).unwrap();
        assert_eq!(totals.known.len(), 11);
        assert_eq!(enter(&mut totals, 3, at(60)), Some(tickets[3]));
        assert_eq!(totals.of(tickets[3], at(10_000)).unwrap().offset.to_bits(), 1.0_f64.to_bits());
        assert!(totals.of(tickets[10], at(10_000)).is_none(), "another one has its place, or will");
        assert!(totals.of(new, at(10_000)).is_some_and(|total| total.is_new()));
        // Who comes back begins anew, at its own place.
        let again = enter(&mut totals, 10, at(61)).unwrap();
        assert!(totals.of(again, at(10_000)).is_some_and(|total| total.is_new()));
        assert!(totals.all.len() <= TOTALS);
    }

    #[test]
    fn no_sum_becomes_infinite() {
        let mut total = Total::default();
        assert!(total.add(f64::MAX) && !total.add(f64::MAX) && total.add(1.0));
        assert_eq!(total.offset.to_bits(), f64::MAX.to_bits());
        let mut total = Total { counts: vec![0.0; 3].into(), ..Total::default() };
        assert!(total.observe(&[1.0], f64::MAX) && !total.observe(&[1.0], f64::MAX));
        assert_eq!(*total.counts, [0.0, 1.0, 1.0]);
    }
}
