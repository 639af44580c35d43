//! Our families as the `prometheus` crate knows them, for programs that gather them into a registry of their own.
//! Never on the way of our own page: what it copies, the page writes at once.

use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, Metric, MetricFamily, MetricType};

use super::catalogue::Kind;
use super::closed::Block;
use super::family::{Family, Value};
use super::values::{Count, Distribution, Level};

/// What can be told in the words of that crate.
pub(super) trait Told: Value {
    /// Its metrics.
    fn tell(&self, labels: &[u8], metrics: &mut Vec<Metric>);
}

/// A family in a registry.
pub(super) struct Bridge<V> {
    family: Family<V>,
    description: Desc,
}

impl<V: Told> Bridge<V> {
    pub(super) fn new(family: Family<V>) -> prometheus::Result<Self> {
        let definition = family.definition();
        let labels = definition.labels.iter().map(|&label| label.to_owned()).collect();
        let description = Desc::new(
            definition.name.to_owned(),
            definition.help.to_owned(),
            labels,
            std::collections::HashMap::new(),
        )?;
        Ok(Self { family, description })
    }
}

impl<V: Told> Collector for Bridge<V> {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.description]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let definition = self.family.definition();
        let mut metrics = Vec::new();
        for child in self.family.children() {
            child.value().tell(child.text(), &mut metrics);
        }
        let mut family = MetricFamily::default();
        family.set_name(definition.name.to_owned());
        family.set_help(definition.help.to_owned());
        family.set_field_type(match definition.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge | Kind::Info => MetricType::GAUGE,
            Kind::Histogram => MetricType::HISTOGRAM,
        });
        family.set_metric(metrics);
        vec![family]
    }
}

impl Told for Count {
    fn tell(&self, labels: &[u8], metrics: &mut Vec<Metric>) {
        metrics.push(counter(labels, self.get()));
    }
}

impl Told for Block {
    fn tell(&self, connection: &[u8], metrics: &mut Vec<Metric>) {
        self.each(|member, count| metrics.push(counter(&[connection, member].concat(), count)));
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^53 are exact")]
fn counter(labels: &[u8], count: u64) -> Metric {
    let mut counter = proto::Counter::default();
    counter.set_value(count as f64);
    let mut metric = Metric::from_label(pairs(labels));
    metric.set_counter(counter);
    metric
}

impl Told for Level {
    fn tell(&self, labels: &[u8], metrics: &mut Vec<Metric>) {
        let Some(value) = self.get() else { return };
        let mut gauge = proto::Gauge::default();
        gauge.set_value(value);
        let mut metric = Metric::from_label(pairs(labels));
        metric.set_gauge(gauge);
        metrics.push(metric);
    }
}

impl Told for Distribution {
    fn tell(&self, labels: &[u8], metrics: &mut Vec<Metric>) {
        let (buckets, sum) = self.cumulative();
        let mut total = 0;
        let told = buckets.filter_map(|(bound, below)| {
            total = below;
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(bound);
            bucket.set_cumulative_count(below);
            bound.is_finite().then_some(bucket)
        });
        let told = told.collect();
        let mut histogram = proto::Histogram::default();
        histogram.set_bucket(told);
        histogram.set_sample_sum(sum);
        histogram.set_sample_count(total);
        let mut metric = Metric::from_label(pairs(labels));
        metric.set_histogram(histogram);
        metrics.push(metric);
    }
}

/// The labels behind a text that we wrote ourselves, in the order of their names as that crate has them.
fn pairs(text: &[u8]) -> Vec<proto::LabelPair> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let mut rest = text.strip_prefix('{').unwrap_or(text);
    let mut pairs = Vec::new();
    while let Some((name, quoted)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        rest = "";
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    rest = quoted.get(at + 1..).unwrap_or_default();
                    break;
                }
                '\\' => match characters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, escaped)) => value.push(escaped),
                    None => break,
                },
                plain => value.push(plain),
            }
        }
        let mut pair = proto::LabelPair::default();
        pair.set_name(name.trim_start_matches(',').to_owned());
        pair.set_value(value);
        pairs.push(pair);
    }
    pairs.sort_by(|one, other| one.name().cmp(other.name()));
    pairs
}
