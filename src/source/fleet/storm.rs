//! Bursts: do more clients drop together than chance brings together? Kept up to date drop by drop. Pure.
//! Never walks through the drops of a storm, but once for their reasons when a burst begins: each is counted in and out once.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, SystemTime};

use crate::clock::{Instant, Now};
use crate::diagnosis::pattern::burst::{self, WINDOWS};
use crate::lifecycle::presence::Reason;

/// A burst is in force until so long after the last moment that showed it: no scrape must miss it.
const LINGERS: Duration = Duration::from_secs(120);
/// Bursts that are kept.
const KEPT: usize = 50;
/// Drops of the widest window that are kept at most: what is more is a burst beyond doubt.
const MOST: usize = 200_000;
/// Hours of the last day.
const HOURS: usize = 24;

/// A burst.
#[derive(Clone, Debug, PartialEq)]
pub struct Burst {
    /// Its first drop.
    pub began: SystemTime,
    /// Its last moment so far.
    pub ended: SystemTime,
    /// The most different clients that dropped within the widest window.
    pub clients: usize,
    /// Drops by reason.
    pub reasons: Vec<(Reason, u64)>,
}

/// What was counted into the windows.
#[derive(Clone, Copy, Debug)]
struct Dropped {
    client: u64,
    at: Instant,
    reason: Reason,
    /// The same client dropped again later.
    superseded: bool,
}

/// The drops of the last minute, the rate of the last day, and the bursts.
#[derive(Debug)]
pub struct Storm {
    drops: VecDeque<Dropped>,
    /// The number of the first of them.
    first: u64,
    /// The newest drop of each client among them.
    newest: HashMap<u64, u64>,
    /// For each window: the number of its first drop, and how many clients it holds.
    windows: [(u64, usize); WINDOWS.len()],
    hours: [u64; HOURS],
    hour: u64,
    /// When a window last held enough for a burst.
    shown: Option<Instant>,
    bursts: VecDeque<Burst>,
    told: u64,
}

impl Default for Storm {
    fn default() -> Self {
        Self {
            drops: VecDeque::new(),
            first: 0,
            newest: HashMap::new(),
            windows: [(0, 0); WINDOWS.len()],
            hours: [0; HOURS],
            hour: 0,
            shown: None,
            bursts: VecDeque::new(),
            told: 0,
        }
    }
}

impl Storm {
    /// A drop of one of so many clients.
    pub fn dropped(&mut self, client: u64, reason: Reason, clients: usize, now: Now) {
        self.move_on(now.at);
        self.turn(now.at);
        let number = self.first + self.drops.len() as u64;
        if let Some(earlier) = self.newest.insert(client, number) {
            self.supersede(earlier);
        }
        self.drops.push_back(Dropped { client, at: now.at, reason, superseded: false });
        for (_, held) in &mut self.windows {
            *held += 1;
        }
        self.judge(clients, reason, now);
        if let Some(hour) = self.hours.first_mut() {
            *hour += 1;
        }
        if self.drops.len() > MOST {
            self.leave();
        }
    }

    /// Time has passed.
    pub fn move_on(&mut self, now: Instant) {
        for index in 0..WINDOWS.len() {
            let Some((width, window)) = WINDOWS.get(index).zip(self.windows.get_mut(index)) else { continue };
            let width = Duration::try_from_secs_f64(*width).unwrap_or_default();
            while let Some(drop) = offset(window.0, self.first).and_then(|at| self.drops.get(at)) {
                if now.saturating_since(drop.at) <= width {
                    break;
                }
                window.0 += 1;
                window.1 -= usize::from(!drop.superseded);
            }
        }
        let widest = self.windows.last().map_or(0, |(start, _)| *start);
        while self.first < widest && !self.drops.is_empty() {
            self.leave();
        }
    }

    /// Different clients that dropped within the widest window.
    #[must_use]
    pub fn recent(&self) -> usize {
        self.windows.last().map_or(0, |(_, held)| *held)
    }

    /// Whether a burst is in force.
    #[must_use]
    pub fn is_on(&self, now: Instant) -> bool {
        self.shown.is_some_and(|shown| now.saturating_since(shown) < LINGERS)
    }

    /// Bursts since the start.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.told
    }

    /// The newest bursts, oldest first.
    #[must_use]
    pub fn bursts(&self) -> impl ExactSizeIterator<Item = &Burst> + DoubleEndedIterator {
        self.bursts.iter()
    }

    /// Nothing dropped within the widest window, and no burst is in force.
    #[must_use]
    pub fn is_calm(&self, now: Instant) -> bool {
        self.drops.is_empty() && !self.is_on(now)
    }

    fn judge(&mut self, clients: usize, reason: Reason, now: Now) {
        // Less than a day of history does not make drops rarer than they are, and what is judged is no evidence itself.
        let before = self.hours.iter().sum::<u64>().saturating_sub(self.drops.len() as u64 - 1);
        let needed = burst::needed(before, clients as u64);
        let shows = self.windows.iter().zip(needed).any(|((_, held), needed)| *held >= needed);
        let (on, recent) = (self.is_on(now.at), self.recent());
        if shows && !on {
            self.told += 1;
            let mut reasons = Vec::new();
            self.drops.iter().for_each(|drop| tally(&mut reasons, drop.reason));
            let first = self.drops.front().map_or(now.at, |drop| drop.at);
            let began = now.wall - now.at.saturating_since(first);
            self.bursts.push_back(Burst { began, ended: now.wall, clients: recent, reasons });
            if self.bursts.len() > KEPT {
                self.bursts.pop_front();
            }
        } else if on && let Some(burst) = self.bursts.back_mut() {
            tally(&mut burst.reasons, reason);
            if shows {
                burst.ended = now.wall;
            }
            burst.clients = burst.clients.max(recent);
        }
        if shows {
            self.shown = Some(now.at);
        }
    }

    /// The first drop leaves.
    fn leave(&mut self) {
        let Some(drop) = self.drops.pop_front() else { return };
        for (start, held) in &mut self.windows {
            if *start <= self.first {
                *start = self.first + 1;
                *held -= usize::from(!drop.superseded);
            }
        }
        if self.newest.get(&drop.client) == Some(&self.first) {
            self.newest.remove(&drop.client);
        }
        self.first += 1;
        if self.drops.is_empty() {
            self.drops = VecDeque::new();
            self.newest = HashMap::new();
        }
    }

    /// The client of this drop dropped again: it counts once.
    fn supersede(&mut self, number: u64) {
        let Some(drop) = offset(number, self.first).and_then(|at| self.drops.get_mut(at)) else { return };
        drop.superseded = true;
        for (start, held) in &mut self.windows {
            *held -= usize::from(*start <= number);
        }
    }

    fn turn(&mut self, now: Instant) {
        let hour = now.since_boot().as_secs() / 3600;
        let by = usize::try_from(hour.saturating_sub(self.hour)).unwrap_or(HOURS).min(HOURS);
        self.hours.rotate_right(by);
        self.hours.iter_mut().take(by).for_each(|drops| *drops = 0);
        self.hour = self.hour.max(hour);
    }
}

/// One more for this reason.
fn tally(reasons: &mut Vec<(Reason, u64)>, reason: Reason) {
    match reasons.iter_mut().find(|(known, _)| *known == reason) {
        Some((_, count)) => *count += 1,
        None => reasons.push((reason, 1)),
    }
}

fn offset(number: u64, first: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(first)?).ok()
}
