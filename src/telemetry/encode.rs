//! The page: our own metrics and the readings, in the format that the scraper asks for.
//!
//! Never puts a time on a sample: a value is fresh or it is not there. Never holds the whole page: it is written in pieces, as
//! fast as it is taken.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use prometheus::proto::{MetricFamily, MetricType};

use super::Metrics;
use super::choice::Choice;
use super::family::{Lines, Shown};
use super::text::{self, FamilyType, Format};
use crate::clock::Now;
use crate::reading::store::{Readings, Store};

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

/// Bytes of text that are written at a time: a fraction of a millisecond of work.
pub const PIECE: usize = 64 * 1024;

/// A page that is being written: our own metrics, the process, the readings.
#[derive(Debug)]
pub struct Page {
    format: Format,
    own: std::vec::IntoIter<Box<dyn Shown>>,
    current: Option<Box<dyn Lines>>,
    process: Vec<MetricFamily>,
    readings: Readings,
    ended: bool,
}

impl Page {
    /// The page of this moment.
    #[must_use]
    pub fn new(metrics: &Metrics, store: &Store, exposition: Exposition, now: Now) -> Self {
        let Exposition(format) = exposition;
        store.report(&metrics.exporter());
        Self {
            format,
            own: metrics.shown().into_iter(),
            current: None,
            process: metrics.process(),
            readings: store.readings(format, now.at),
            ended: false,
        }
    }

    /// The same page without the families that nobody asked for.
    #[must_use]
    pub fn chosen(mut self, choice: &Choice) -> Self {
        let own: Vec<_> = self.own.filter(|family| choice.takes(family.name())).collect();
        self.own = own.into_iter();
        self.process.retain(|family| choice.takes(family.name()));
        self.readings.retain(|name| choice.takes(name));
        self
    }

    /// Writes on until `out` holds this many bytes or a little more. Whether there is more to write.
    pub fn write(&mut self, out: &mut Vec<u8>, full: usize) -> bool {
        while out.len() < full && !self.ended {
            if let Some(lines) = &mut self.current {
                if !lines.write(out, full, self.format) {
                    self.current = None;
                }
            } else if let Some(family) = self.own.next() {
                self.current = Some(family.lines());
            } else {
                for family in self.process.drain(..) {
                    write_process(out, self.format, &family);
                }
                if !self.readings.write(out, full) {
                    self.end(out);
                }
            }
        }
        !self.ended
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.ended = true;
        if self.format == Format::OpenMetrics {
            out.extend_from_slice(b"# EOF\n");
        }
    }
}

/// The same page, compressed at the level that costs a scrape least.
#[derive(Debug)]
pub struct Zipped {
    page: Page,
    piece: Vec<u8>,
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl Zipped {
    /// This page.
    #[must_use]
    pub fn new(page: Page) -> Self {
        Self { page, piece: Vec::new(), encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())) }
    }

    /// Compresses one more piece onto the end of `out`, which may get nothing of it yet. Whether there is more to write.
    pub fn write(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(encoder) = &mut self.encoder else { return false };
        self.piece.clear();
        let more = self.page.write(&mut self.piece, PIECE);
        // Writing to memory does not fail.
        let _ = encoder.write_all(&self.piece);
        out.append(encoder.get_mut());
        if !more && let Some(encoder) = self.encoder.take() {
            out.append(&mut encoder.finish().unwrap_or_default());
        }
        more
    }
}

/// The whole page at once.
#[must_use]
pub fn page(metrics: &Metrics, store: &Store, exposition: Exposition, now: Now) -> String {
    let mut out = Vec::new();
    let mut page = Page::new(metrics, store, exposition, now);
    while page.write(&mut out, usize::MAX) {}
    String::from_utf8(out).unwrap_or_default()
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

/// The elements of an `Accept` or `Accept-Encoding` header with their quality.
fn ranges(header: &str) -> impl Iterator<Item = (String, f64)> {
    header.split(',').filter_map(|element| {
        let mut parts = element.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let q = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        Some((name.to_ascii_lowercase(), q))
    })
}

/// The collector of the process has counters and gauges without labels, and nothing else.
fn write_process(out: &mut Vec<u8>, format: Format, family: &MetricFamily) {
    let name = family.name();
    for metric in family.get_metric() {
        let (kind, value) = match family.get_field_type() {
            MetricType::COUNTER => (FamilyType::Counter, metric.get_counter().get_value()),
            MetricType::GAUGE => (FamilyType::Gauge, metric.get_gauge().get_value()),
            MetricType::HISTOGRAM | MetricType::SUMMARY | MetricType::UNTYPED => continue,
        };
        text::header(out, format, name, kind, family.help());
        out.extend_from_slice(name.as_bytes());
        out.push(b' ');
        text::number(out, value);
        out.push(b'\n');
    }
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
