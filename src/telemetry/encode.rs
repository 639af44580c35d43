//! The page: our own metrics and the readings, in the format that the scraper asks for.
//!
//! Never puts a time on a sample: a value is fresh or it is not there.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use prometheus::proto::{Metric, MetricFamily, MetricType};

use super::Metrics;
use super::text::{self, FamilyType, Format};
use crate::clock::Now;
use crate::reading::store::Store;

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposition(Format);

impl Exposition {
    /// What an `Accept` header asks for; text 0.0.4 when it does not clearly prefer OpenMetrics.
    #[must_use]
    pub fn negotiate(accept: Option<&str>) -> Self {
        let accept = accept.unwrap_or_default();
        let wish =
            |media: &str| ranges(accept).filter(|(range, _)| range == media).map(|(_, q)| q).reduce(f64::max);
        let openmetrics = wish("application/openmetrics-text").unwrap_or(0.0);
        // The more exact range decides. A wildcard stands for text only: nobody means OpenMetrics by one.
        let text = wish("text/plain").or_else(|| wish("text/*")).or_else(|| wish("*/*")).unwrap_or(0.0);
        Self(if openmetrics > 0.0 && openmetrics >= text { Format::OpenMetrics } else { Format::Text })
    }

    /// The `Content-Type` of the page.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self.0 {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The whole page.
#[must_use]
pub fn page(metrics: &Metrics, store: &Store, exposition: Exposition, now: Now) -> String {
    let Exposition(format) = exposition;
    store.report(&metrics.exporter());
    let mut out = String::new();
    for family in metrics.registry().gather() {
        write_family(&mut out, format, &family);
    }
    store.render(&mut out, format, now.at);
    if format == Format::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

/// Whether an `Accept-Encoding` header allows gzip.
#[must_use]
pub fn accepts_gzip(accept_encoding: Option<&str>) -> bool {
    let mut any = None;
    for (coding, q) in ranges(accept_encoding.unwrap_or_default()) {
        match coding.as_str() {
            "gzip" | "x-gzip" => return q > 0.0,
            "*" => any = Some(q > 0.0),
            _ => {}
        }
    }
    any.unwrap_or(false)
}

/// The page compressed, at the level that costs a scrape least.
#[must_use]
pub fn gzip(page: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 8), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(page.as_bytes());
    encoder.finish().unwrap_or_default()
}

/// The elements of an `Accept` or `Accept-Encoding` header with their quality.
fn ranges(header: &str) -> impl Iterator<Item = (String, f64)> {
    header.split(',').filter_map(|element| {
        let mut parts = element.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let q = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        Some((name.to_ascii_lowercase(), q))
    })
}

fn write_family(out: &mut String, format: Format, family: &MetricFamily) {
    let name = family.name();
    match family.get_field_type() {
        MetricType::COUNTER => {
            text::header(out, format, name, FamilyType::Counter, family.help());
            for metric in family.get_metric() {
                sample(out, name, metric, metric.get_counter().get_value());
            }
        }
        MetricType::GAUGE => {
            text::header(out, format, name, FamilyType::gauge(name), family.help());
            for metric in family.get_metric() {
                sample(out, name, metric, metric.get_gauge().get_value());
            }
        }
        MetricType::HISTOGRAM => {
            text::header(out, format, name, FamilyType::Histogram, family.help());
            for metric in family.get_metric() {
                write_histogram(out, name, metric);
            }
        }
        // Our table declares none, and the collector of the process has none.
        MetricType::SUMMARY | MetricType::UNTYPED => {}
    }
}

fn pairs(metric: &Metric) -> impl Iterator<Item = (&str, &str)> {
    metric.get_label().iter().map(|pair| (pair.name(), pair.value()))
}

fn sample(out: &mut String, name: &str, metric: &Metric, value: f64) {
    out.push_str(name);
    text::labels(out, pairs(metric));
    out.push(' ');
    text::number(out, value);
    out.push('\n');
}

#[expect(clippy::cast_precision_loss, reason = "counts below 2^53 are exact")]
fn write_histogram(out: &mut String, name: &str, metric: &Metric) {
    let histogram = metric.get_histogram();
    let count = histogram.get_sample_count();
    let finite =
        histogram.get_bucket().iter().map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
    for (upper, below) in finite.filter(|(upper, _)| upper.is_finite()).chain([(f64::INFINITY, count)]) {
        let mut le = String::new();
        text::bound(&mut le, upper);
        out.push_str(name);
        out.push_str("_bucket");
        text::labels(out, pairs(metric).chain([("le", le.as_str())]));
        out.push(' ');
        text::number(out, below as f64);
        out.push('\n');
    }
    let total = |out: &mut String, suffix: &str, value: f64| {
        out.push_str(name);
        out.push_str(suffix);
        text::labels(out, pairs(metric));
        out.push(' ');
        text::number(out, value);
        out.push('\n');
    };
    total(out, "_sum", histogram.get_sample_sum());
    total(out, "_count", count as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;\
                              version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

    #[test]
    fn the_format_follows_the_accept_header() {
        let format = |accept| Exposition::negotiate(accept).0;
        assert_eq!(format(None), Format::Text);
        assert_eq!(format(Some("*/*")), Format::Text);
        assert_eq!(format(Some("text/html,*/*;q=0.8")), Format::Text);
        assert_eq!(format(Some(PROMETHEUS)), Format::OpenMetrics);
        assert_eq!(format(Some("application/openmetrics-text;q=0.4, text/plain;q=0.5")), Format::Text);
        assert_eq!(format(Some("application/openmetrics-text;q=0")), Format::Text);
    }

    #[test]
    fn a_wildcard_counts_as_text_where_text_is_not_named() {
        let format = |accept| Exposition::negotiate(Some(accept)).0;
        assert_eq!(format("application/openmetrics-text;q=0.5, */*"), Format::Text);
        assert_eq!(format("application/openmetrics-text;q=0.5, text/*;q=0.9"), Format::Text);
        assert_eq!(format("application/openmetrics-text, */*;q=0.1"), Format::OpenMetrics);
        assert_eq!(format("application/openmetrics-text;q=0.5, text/plain;q=0.1, */*"), Format::OpenMetrics);
    }

    #[test]
    fn gzip_is_used_only_where_it_is_allowed() {
        assert!(accepts_gzip(Some("gzip")));
        assert!(accepts_gzip(Some("deflate, GZIP;q=0.5")));
        assert!(accepts_gzip(Some("*")));
        assert!(!accepts_gzip(Some("gzip;q=0, *")));
        assert!(!accepts_gzip(Some("identity")));
        assert!(!accepts_gzip(None));
    }
}
