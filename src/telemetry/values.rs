//! What the children of our own metrics hold: a count, a level that may be absent, a distribution.
//! Never locks: each is an atomic or a few of them.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::catalogue::Definition;
use super::family::{Child, Family, Value};
use super::text;

/// A counter.
pub(super) type IntCounter = Child<Count>;
/// A gauge.
pub(super) type Gauge = Child<Level>;
/// A histogram.
pub(super) type Histogram = Child<Distribution>;
/// All counters of one metric.
pub(super) type IntCounterVec = Family<Count>;
/// All gauges of one metric.
pub(super) type GaugeVec = Family<Level>;
/// All histograms of one metric.
pub(super) type HistogramVec = Family<Distribution>;

/// How often something happened.
#[derive(Debug)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Child<Count> {
    pub(super) fn inc(&self) {
        self.inc_by(1);
    }

    pub(super) fn inc_by(&self, by: u64) {
        self.value().0.fetch_add(by, Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.value().get()
    }
}

impl Value for Count {
    fn new(_definition: &Definition) -> Self {
        Self(AtomicU64::new(0))
    }

    fn write(&self, out: &mut Vec<u8>, name: &str, labels: &[u8]) {
        begin(out, name, "", labels);
        text::count(out, self.get());
        out.push(b'\n');
    }
}

/// How much there is, or that it is not known.
#[derive(Debug)]
pub(super) struct Level(AtomicU64);

/// Not a number that anybody computes: the level is not known.
const ABSENT: u64 = 0x7FF8_AB5E_0000_0000;

impl Level {
    pub(super) fn get(&self) -> Option<f64> {
        let bits = self.0.load(Relaxed);
        (bits != ABSENT).then(|| f64::from_bits(bits))
    }
}

impl Child<Level> {
    pub(super) fn set(&self, value: f64) {
        self.value().0.store(value.to_bits(), Relaxed);
    }

    /// The level; 0 while it is absent.
    pub(super) fn get(&self) -> f64 {
        self.value().get().unwrap_or_default()
    }

    /// It is not on the page until it is set.
    pub(super) fn clear(&self) {
        self.value().0.store(ABSENT, Relaxed);
    }
}

impl Family<Level> {
    /// The gauge with these label values; absent from the page where it is new, until it is set.
    pub(super) fn absent<S: AsRef<str>>(&self, values: &[S]) -> Gauge {
        let text = self.text(values);
        let mut children = self.lock();
        if let Some(child) = children.get(text.as_slice()) {
            return child.clone();
        }
        let child = Child::new(Level(AtomicU64::new(ABSENT)), &text);
        children.insert(child.clone());
        child
    }
}

impl Value for Level {
    fn new(_definition: &Definition) -> Self {
        Self(AtomicU64::new(0))
    }

    fn write(&self, out: &mut Vec<u8>, name: &str, labels: &[u8]) {
        if let Some(value) = self.get() {
            begin(out, name, "", labels);
            text::number(out, value);
            out.push(b'\n');
        }
    }
}

/// How many observations were how large.
#[derive(Debug)]
pub(super) struct Distribution {
    bounds: &'static [f64],
    /// Those up to each bound and above the one before; at the end those above all.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Distribution {
    /// Each bound with the observations up to it, the last one infinite, and the sum.
    pub(super) fn cumulative(&self) -> (impl Iterator<Item = (f64, u64)> + '_, f64) {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let below = self.counts.iter().scan(0, |below, count| {
            *below += count.load(Relaxed);
            Some(*below)
        });
        (bounds.zip(below), f64::from_bits(self.sum.load(Relaxed)))
    }
}

impl Child<Distribution> {
    pub(super) fn observe(&self, value: f64) {
        let Distribution { bounds, counts, sum } = self.value();
        let place = bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len());
        if let Some(count) = counts.get(place) {
            count.fetch_add(1, Relaxed);
        }
        let add = |bits| Some((f64::from_bits(bits) + value).to_bits());
        // It always has a new value to give.
        let _ = sum.fetch_update(Relaxed, Relaxed, add);
    }
}

impl Value for Distribution {
    fn new(definition: &Definition) -> Self {
        let bounds = definition.buckets;
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    fn write(&self, out: &mut Vec<u8>, name: &str, labels: &[u8]) {
        let (buckets, sum) = self.cumulative();
        let mut total = 0;
        for (bound, below) in buckets {
            total = below;
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"_bucket");
            match labels.strip_suffix(b"}") {
                Some(others) => {
                    out.extend_from_slice(others);
                    out.extend_from_slice(b",le=\"");
                }
                None => out.extend_from_slice(b"{le=\""),
            }
            text::bound(out, bound);
            out.extend_from_slice(b"\"} ");
            text::count(out, below);
            out.push(b'\n');
        }
        begin(out, name, "_sum", labels);
        text::number(out, sum);
        out.push(b'\n');
        begin(out, name, "_count", labels);
        text::count(out, total);
        out.push(b'\n');
    }
}

/// Writes a line up to its value.
pub(super) fn begin(out: &mut Vec<u8>, name: &str, suffix: &str, labels: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(suffix.as_bytes());
    out.extend_from_slice(labels);
    out.push(b' ');
}
