//! Small wrappers around prometheus's children, for what a plain child can not say.
//! Never decides when to count: the callers do.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use prometheus::{Gauge, GaugeVec, IntCounter, IntCounterVec};

/// A gauge that is absent while its value is not known.
#[derive(Clone, Debug)]
pub(super) struct OptionalGauge {
    family: GaugeVec,
    labels: Vec<String>,
}

impl OptionalGauge {
    /// Absent until the first [`OptionalGauge::set`].
    pub(super) fn new(family: &GaugeVec, labels: &[&str]) -> Self {
        Self { family: family.clone(), labels: labels.iter().map(|&label| label.to_owned()).collect() }
    }

    /// Shows the value.
    pub(super) fn set(&self, value: f64) {
        self.family.with_label_values(&self.labels).set(value);
    }

    /// Shows the value, or nothing.
    pub(super) fn show(&self, value: Option<f64>) {
        match value {
            Some(value) => self.set(value),
            None => self.clear(),
        }
    }

    /// Leaves the page.
    pub(super) fn clear(&self) {
        // It fails only if the series is absent already.
        let _ = self.family.remove_label_values(&self.labels);
    }
}

/// A gauge that is absent until its first value and stays from then on; then as cheap as a plain one.
#[derive(Debug)]
pub(super) struct LateGauge {
    family: GaugeVec,
    labels: Vec<String>,
    bound: OnceLock<Gauge>,
}

impl LateGauge {
    /// Absent until the first [`LateGauge::set`].
    pub(super) fn new(family: &GaugeVec, labels: &[&str]) -> Self {
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        Self { family: family.clone(), labels, bound: OnceLock::new() }
    }

    /// Shows the value.
    pub(super) fn set(&self, value: f64) {
        self.bound.get_or_init(|| self.family.with_label_values(&self.labels)).set(value);
    }
}

/// The counters of a closed set, bound and at zero from the start.
#[derive(Debug)]
pub(super) struct Counters<K> {
    family: IntCounterVec,
    bound: BTreeMap<K, IntCounter>,
    labels: fn(&K) -> Vec<&'static str>,
    connection: String,
}

impl<K: Ord> Counters<K> {
    /// Binds one counter for each key; `labels` says what follows the label `connection`.
    pub(super) fn new(
        family: &IntCounterVec,
        connection: &str,
        keys: impl Iterator<Item = K>,
        labels: fn(&K) -> Vec<&'static str>,
    ) -> Self {
        let bound = keys.map(|key| {
            let child = bind(family, connection, &labels(&key));
            (key, child)
        });
        Self { bound: bound.collect(), family: family.clone(), labels, connection: connection.to_owned() }
    }

    /// Counts `by` of this key. A key that nobody expected is counted too: a fact is never lost.
    pub(super) fn add(&self, key: &K, by: u64) {
        match self.bound.get(key) {
            Some(counter) => counter.inc_by(by),
            None => bind(&self.family, &self.connection, &(self.labels)(key)).inc_by(by),
        }
    }
}

fn bind(family: &IntCounterVec, connection: &str, labels: &[&'static str]) -> IntCounter {
    let mut values = vec![connection];
    values.extend_from_slice(labels);
    family.with_label_values(&values)
}
