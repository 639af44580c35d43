//! Where the values of one series go.
//!
//! Pure. Never shows a retained value twice.

use std::sync::Arc;
use std::time::Duration;

use super::devices::Device;
use super::reason::Reason;
use super::rule::{Rule, Value};
use super::totals::{NONE, Ticket, Totals};
use crate::clock::{Instant, Now};
use crate::config::mapping::{Counting, MetricKind, Retained};
use crate::reading::store::Series;
use crate::reading::{Part, Quantity, Refused};
use crate::source::Sink;

/// A series that was refused is asked for again after this time.
const REFUSED: Duration = Duration::from_secs(10);

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

    /// Takes its series from the page at once. The same value is news when it comes again.
    pub(super) fn close(&mut self) {
        (self.closed, self.last) = (true, None);
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
                let Some(total) = totals.of(self.total, now + lifetime) else {
                    return Err(self.refusal());
                };
                // The broker had kept it from before: a device that began anew says so itself.
                if how.is_retained() && total.last.is_some_and(|last| number < last) {
                    return Ok(false);
                }
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
                if (!how.again || total.is_new()) && !total.observe(bounds, number) {
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
            )
            | (_, Value::Gone) => Ok(false),
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
