//! Where the values of one series go, and what is remembered of them: a total, the observations, the state.
//!
//! Pure. Never shows a retained value twice, and never lets a counter fall that is to be repaired.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::devices::Device;
use super::reason::Reason;
use super::rule::{Rule, Value};
use crate::clock::{Instant, Now};
use crate::config::mapping::{Counting, MetricKind, Retained};
use crate::reading::store::Series;
use crate::reading::{Part, Quantity, Refused};
use crate::source::Sink;

/// A series that was refused is asked for again after this time.
const REFUSED: Duration = Duration::from_secs(10);

/// Totals and histograms that are remembered at most. Those whose series are no longer shown make room for new ones …
const TOTALS: usize = 100_000;
/// … which are looked for at most this often.
const MAKE_ROOM_EVERY: Duration = Duration::from_secs(10);

/// Which total; it may have made room for another one meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticket {
    number: u32,
    holder: u32,
}

/// No total at all.
const NONE: Ticket = Ticket { number: u32::MAX, holder: 0 };

/// The place of one series, or of the series of one histogram or state.
#[derive(Debug)]
pub(super) struct Place {
    held: Held,
    /// What was shown last, bit by bit; `None` before the first.
    last: Option<u64>,
    total: Ticket,
    /// For places that the payload decides.
    pub(super) device: Option<Arc<Device>>,
    /// It was taken from the page: another one replaced it, or its device left.
    pub(super) closed: bool,
}

#[derive(Debug)]
enum Held {
    One(Series),
    Many(Box<[Series]>),
    /// Until then, and why.
    Refused(Instant, Reason),
}

/// How a series is called.
#[derive(Clone, Copy)]
pub(super) struct Name<'n> {
    pub(super) quantity: &'n Quantity,
    pub(super) device: &'n str,
    pub(super) labels: &'n [(&'n str, &'n str)],
}

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
struct Total {
    last: Option<f64>,
    offset: f64,
    counts: Box<[f64]>,
    /// Until when its series are shown, or a first value may come.
    until: Instant,
    /// How many had this place before.
    holder: u32,
}

impl Totals {
    /// The memory of a series; `None` when there are too many.
    fn enter(&mut self, name: Name<'_>, buckets: usize, now: Instant) -> Option<Ticket> {
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
    fn of(&mut self, ticket: Ticket, until: Instant) -> Option<&mut Total> {
        let total = self.all.get_mut(ticket.number as usize)?;
        (total.holder == ticket.holder).then(|| {
            total.until = until;
            total
        })
    }
}

impl Total {
    /// Nothing was counted in it yet.
    const fn is_new(&self) -> bool {
        self.last.is_none()
    }

    /// Adds to the sum; `false`, and nothing added, when there is no such number.
    fn add(&mut self, number: f64) -> bool {
        let sum = self.offset + number;
        if sum.is_finite() {
            self.offset = sum;
        }
        sum.is_finite()
    }

    /// A total that goes on where it was when the device begins anew. One that fell by less than a half is late.
    fn repaired(&mut self, raw: f64) -> f64 {
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
}

impl Place {
    /// Asks for the series of this name.
    pub(super) fn new(
        rule: &Rule,
        name: Name<'_>,
        totals: &mut Totals,
        now: Now,
        sink: &mut dyn Sink,
    ) -> Self {
        let refused = |why| Self {
            held: Held::Refused(now.at + REFUSED, why),
            last: None,
            total: NONE,
            device: None,
            closed: false,
        };
        let total = match &rule.metric.kind {
            MetricKind::Gauge
            | MetricKind::Info
            | MetricKind::State(_)
            | MetricKind::Counter(Counting::Raw) => Some(NONE),
            MetricKind::Counter(Counting::Repair | Counting::Add | Counting::Messages) => {
                totals.enter(name, 0, now.at)
            }
            MetricKind::Histogram(bounds) => totals.enter(name, bounds.len() + 2, now.at),
        };
        let Some(total) = total else { return refused(Reason::SeriesRefused) };
        match held(rule, name, now, sink) {
            Ok(held) => Self { held, last: None, total, device: None, closed: false },
            Err(why) => refused(why.into()),
        }
    }

    /// How many series it holds.
    pub(super) fn weight(&self) -> usize {
        match &self.held {
            Held::One(_) | Held::Refused(..) => 1,
            Held::Many(many) => many.len(),
        }
    }

    /// Whether its series must be asked for again: they were forgotten, or may be had by now.
    pub(super) fn is_to_be_asked_again(&self, now: Now) -> bool {
        match &self.held {
            Held::Refused(until, _) => now.at >= *until,
            Held::One(_) | Held::Many(_) => false,
        }
    }

    /// Why it has no total: its series were refused. `None`: its total made room for another one while it was not shown, and
    /// is to be asked for again.
    fn refusal(&self) -> Option<Reason> {
        match &self.held {
            Held::Refused(_, why) => Some(*why),
            Held::One(_) | Held::Many(_) => None,
        }
    }

    /// Takes its series from the page at once.
    pub(super) fn close(&mut self) {
        self.closed = true;
        match &self.held {
            Held::One(series) => series.close(),
            Held::Many(many) => many.iter().for_each(Series::close),
            Held::Refused(..) => {}
        }
    }

    /// Puts a value into its place. `Err(None)`: the series was forgotten, ask for it again.
    #[inline]
    pub(super) fn put(
        &mut self,
        rule: &Rule,
        value: Value,
        how: How,
        totals: &mut Totals,
    ) -> Result<bool, Option<Reason>> {
        let lifetime = rule.expire.lifetime();
        let now = how.now.at;
        match (&rule.metric.kind, value) {
            (
                MetricKind::Gauge | MetricKind::Info | MetricKind::Counter(Counting::Raw),
                Value::Number(number),
            ) => {
                let bits = number.to_bits();
                if how.is_old(self.last == Some(bits)) {
                    return Ok(false);
                }
                self.last = Some(bits);
                self.one(number, lifetime, now)
            }
            (MetricKind::Counter(Counting::Repair), Value::Number(number)) => {
                if number < 0.0 {
                    return Err(Some(Reason::NotANumber));
                }
                let Some(total) = totals.of(self.total, now + lifetime) else {
                    return Err(self.refusal());
                };
                let number = total.repaired(number);
                let bits = number.to_bits();
                if how.is_old(self.last == Some(bits)) {
                    return Ok(false);
                }
                self.last = Some(bits);
                self.one(number, lifetime, now)
            }
            (MetricKind::Counter(Counting::Add | Counting::Messages), Value::Number(number)) => {
                if how.is_retained() {
                    return Ok(false);
                }
                if number < 0.0 {
                    return Err(Some(Reason::NotANumber));
                }
                let Some(total) = totals.of(self.total, now + lifetime) else {
                    return Err(self.refusal());
                };
                // A forgotten series is asked for again with the same value: it is added once.
                if (!how.again || total.is_new()) && !total.add(number) {
                    return Err(Some(Reason::NotANumber));
                }
                total.last = Some(number);
                let number = total.offset;
                self.one(number, lifetime, now)
            }
            (MetricKind::Histogram(bounds), Value::Number(number)) => {
                if how.is_retained() {
                    return Ok(false);
                }
                let Some(total) = totals.of(self.total, now + lifetime) else {
                    return Err(self.refusal());
                };
                // A sum that may fall is none (OpenMetrics 1.0).
                if number < 0.0 {
                    return Err(Some(Reason::NotANumber));
                }
                if (!how.again || total.is_new()) && !observe(total, bounds, number) {
                    return Err(Some(Reason::NotANumber));
                }
                total.last = Some(number);
                let (counts, sum) = (&total.counts, total.offset);
                // Buckets, then the sum, then the count: as they were asked for.
                let values = counts
                    .iter()
                    .take(bounds.len() + 1)
                    .copied()
                    .chain([sum, counts.last().copied().unwrap_or(0.0)]);
                self.many(values, lifetime, now)
            }
            (MetricKind::State(states), Value::State(state)) => {
                let bits = state.map_or(u64::MAX, |state| state as u64);
                if how.is_old(self.last == Some(bits)) {
                    return Ok(false);
                }
                self.last = Some(bits);
                let values = (0..states.len()).map(|at| f64::from(u8::from(Some(at) == state)));
                self.many(values, lifetime, now)
            }
            (MetricKind::State(_), Value::Number(_))
            | (
                MetricKind::Gauge | MetricKind::Info | MetricKind::Counter(_) | MetricKind::Histogram(_),
                Value::State(_),
            ) => Ok(false),
        }
    }

    #[inline]
    fn one(&mut self, number: f64, lifetime: Duration, now: Instant) -> Result<bool, Option<Reason>> {
        match &self.held {
            Held::One(series) if series.set(number, lifetime, now) => {
                self.closed = false;
                Ok(true)
            }
            Held::One(_) | Held::Many(_) => Err(None),
            Held::Refused(_, why) => Err(Some(*why)),
        }
    }

    fn many(
        &mut self,
        values: impl Iterator<Item = f64>,
        lifetime: Duration,
        now: Instant,
    ) -> Result<bool, Option<Reason>> {
        match &self.held {
            Held::Many(many) => {
                let mut all = true;
                for (series, value) in many.iter().zip(values) {
                    all &= series.set(value, lifetime, now);
                }
                self.closed = false;
                if all { Ok(true) } else { Err(None) }
            }
            Held::One(_) => Err(None),
            Held::Refused(_, why) => Err(Some(*why)),
        }
    }

    /// What is shown now stays what it was, for a place that was asked for again.
    pub(super) fn inherit(&mut self, older: &Self) {
        self.device.clone_from(&older.device);
    }
}

/// One observation: every bucket that it fits in, the infinite one, the sum and the count.
/// `false`, and nothing observed, when there is no such sum.
fn observe(total: &mut Total, bounds: &[f64], number: f64) -> bool {
    if !total.add(number) {
        return false;
    }
    let last = bounds.len() + 1;
    for (at, count) in total.counts.iter_mut().enumerate() {
        let counts = at >= bounds.len() || bounds.get(at).is_some_and(|bound| number <= *bound);
        if counts && at <= last {
            *count += 1.0;
        }
    }
    true
}

fn held(rule: &Rule, name: Name<'_>, now: Now, sink: &mut dyn Sink) -> Result<Held, Refused> {
    let Name { quantity, device, labels } = name;
    let mut ask = |part, labels: &[(&str, &str)]| sink.series(quantity, part, device, labels, now);
    match &rule.metric.kind {
        MetricKind::Gauge | MetricKind::Info | MetricKind::Counter(_) => {
            ask(Part::Value, labels).map(Held::One)
        }
        MetricKind::Histogram(bounds) => {
            let buckets = bounds.iter().copied().chain([f64::INFINITY]).map(Part::Bucket);
            let all = buckets.chain([Part::Sum, Part::Count]).map(|part| ask(part, labels));
            all.collect::<Result<Box<[_]>, _>>().map(Held::Many)
        }
        MetricKind::State(states) => {
            let all = states.iter().map(|state| {
                let mut with_state = labels.to_vec();
                with_state.push(("state", state));
                ask(Part::Value, &with_state)
            });
            all.collect::<Result<Box<[_]>, _>>().map(Held::Many)
        }
    }
}

/// How a value came.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    pub(super) now: Now,
    /// The broker had kept it.
    pub(super) retained: bool,
    pub(super) rule: Retained,
    /// The same value once more, into a series that was asked for again.
    pub(super) again: bool,
}

impl How {
    /// Whether it counts as something that is happening.
    pub(super) fn is_retained(self) -> bool {
        self.retained && self.rule == Retained::Show
    }

    /// Whether it is a retained value that was shown before.
    #[inline]
    fn is_old(self, same: bool) -> bool {
        same && !self.again && self.is_retained()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Kind;

    fn at(seconds: u64) -> Instant {
        Instant::from_boot(Duration::from_secs(seconds))
    }

    /// The ticket of the counter of this device.
    fn enter(totals: &mut Totals, device: usize, now: Instant) -> Option<Ticket> {
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
        assert!(observe(&mut total, &[1.0], f64::MAX) && !observe(&mut total, &[1.0], f64::MAX));
        assert_eq!(*total.counts, [0.0, 1.0, 1.0]);
    }
}
