//! Readings: one value of one quantity of one device at one time, and the store that shows them while fresh.

pub mod ingest;
pub mod store;

mod family;
pub(crate) mod key;
mod page;
mod series;

use std::borrow::Cow;
use std::time::Duration;

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// May rise and fall.
    Gauge,
    /// Only rises, or starts again.
    Counter,
    /// Buckets, sum and count.
    Histogram,
}

/// Which of the series of one metric: a histogram has several.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The only one of a gauge or a counter.
    Value,
    /// How many observations were at most this large; infinite for all of them.
    Bucket(f64),
    /// The sum of all observations.
    Sum,
    /// How many there were.
    Count,
}

/// Why there is no series to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It would be one too many.
    Limit,
    /// Its name has another type, or it has a name or a label that no page can hold.
    Name,
    /// Another connection has the very same one, and it is fresh.
    Taken,
}

/// What is measured: one metric name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Quantity {
    /// The full metric name with its unit.
    pub name: Cow<'static, str>,
    /// A sentence.
    pub help: Cow<'static, str>,
    /// Gauge or counter.
    pub kind: Kind,
}

impl Quantity {
    /// A quantity known at compile time.
    #[must_use]
    pub const fn fixed(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), help: Cow::Borrowed(help), kind }
    }
}

/// One value of one quantity of one device.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// What.
    pub quantity: &'a Quantity,
    /// Whose. The label `device`; the configured alias or a stable short id.
    pub device: &'a str,
    /// Further labels.
    pub labels: &'a [(&'a str, &'a str)],
    /// The value in the unit of the name.
    pub value: f64,
    /// How long it may be shown without being renewed.
    pub lifetime: Duration,
}
