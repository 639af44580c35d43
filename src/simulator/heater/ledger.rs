//! Electricity by kind and by calendar day, as the heater reports it. Pure.
//!
//! Never forgets: the lifetime total is the sum of all days and of what was before them.

use std::collections::BTreeMap;

use jiff::civil::Date;

/// Electricity and running time of one span.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Used {
    /// Joules into the heat pump (and the controls).
    pub heat_pump: f64,
    /// Joules into the elements.
    pub elements: f64,
    /// Seconds the heat pump ran.
    pub heat_pump_seconds: f64,
    /// Seconds an element was on.
    pub element_seconds: f64,
}

impl Used {
    /// Adds another span.
    pub fn add(&mut self, other: Self) {
        self.heat_pump += other.heat_pump;
        self.elements += other.elements;
        self.heat_pump_seconds += other.heat_pump_seconds;
        self.element_seconds += other.element_seconds;
    }
}

/// What was used on which day.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    total: Used,
    days: BTreeMap<Date, Used>,
}

impl Ledger {
    /// A ledger with plausible entries for the `days` before `today`.
    #[must_use]
    pub fn with_history(rng: &mut fastrand::Rng, today: Date, days: u32) -> Self {
        let mut ledger = Self::default();
        let mut date = today;
        for _ in 0..days {
            let Ok(yesterday) = date.yesterday() else { break };
            date = yesterday;
            let hours = 3.0 + 5.0 * rng.f64();
            let boost = if rng.u8(0..6) == 0 { 0.5 * rng.f64() } else { 0.0 };
            ledger.book(
                date,
                Used {
                    heat_pump: hours * 3600.0 * 455.0,
                    elements: boost * 3600.0 * 4800.0,
                    heat_pump_seconds: hours * 3600.0,
                    element_seconds: boost * 3600.0,
                },
            );
        }
        ledger
    }

    /// Books what was used on `date`.
    pub fn book(&mut self, date: Date, used: Used) {
        self.total.add(used);
        self.days.entry(date).or_default().add(used);
    }

    /// Everything since installation.
    #[must_use]
    pub fn total(&self) -> Used {
        self.total
    }

    /// One day.
    #[must_use]
    pub fn day(&self, date: Date) -> Used {
        self.days.get(&date).copied().unwrap_or_default()
    }

    /// One month.
    #[must_use]
    pub fn month(&self, year: i16, month: i8) -> Used {
        let mut sum = Used::default();
        for (date, used) in &self.days {
            if date.year() == year && date.month() == month {
                sum.add(*used);
            }
        }
        sum
    }

    /// Days with an entry.
    #[must_use]
    pub fn days(&self) -> usize {
        self.days.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_sum_of_the_days() {
        let today = jiff::civil::date(2026, 3, 2);
        let mut ledger = Ledger::with_history(&mut fastrand::Rng::with_seed(3), today, 40);
        ledger.book(today, Used { heat_pump: 3600.0, ..Used::default() });
        let by_month = ledger.month(2026, 1).heat_pump
            + ledger.month(2026, 2).heat_pump
            + ledger.month(2026, 3).heat_pump;
        assert!((by_month - ledger.total().heat_pump).abs() < 1.0);
        assert_eq!(ledger.days(), 41);
        assert!((ledger.day(today).heat_pump - 3600.0).abs() < 1e-9);
    }
}
