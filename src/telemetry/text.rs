//! The pieces of the exposition formats: headers, labels, numbers. Pure.
//!
//! Writes bytes that are UTF-8, since checking a page of 100,000 lines once more would cost more than writing it.
//! Two formats, one page: text 0.0.4 and OpenMetrics 1.0 differ in headers and in the end mark only.

use std::io::Write as _;

/// A format of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4: what every scraper reads.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// The type of a family, as both formats know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyType {
    /// Only rises. Its samples are called `…_total`.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Always 1; its name ends in `_info`.
    Info,
    /// Buckets, sum and count.
    Histogram,
}

impl FamilyType {
    /// A gauge whose name ends in `_info` is an info metric.
    #[must_use]
    pub fn gauge(name: &str) -> Self {
        if name.ends_with("_info") { Self::Info } else { Self::Gauge }
    }

    /// Whether a sample of this type may have this value. One that may not would spoil the whole page for a strict
    /// parser.
    #[must_use]
    #[expect(clippy::float_cmp, reason = "an info metric is exactly 1 by definition")]
    pub fn allows(self, value: f64) -> bool {
        match self {
            // False for NaN, too.
            Self::Counter => value >= 0.0,
            Self::Info => value == 1.0,
            Self::Gauge | Self::Histogram => true,
        }
    }
}

/// Writes HELP and TYPE. `name` is the name of the samples; OpenMetrics calls a family without its suffix.
pub fn header(out: &mut Vec<u8>, format: Format, name: &str, kind: FamilyType, help: &str) {
    let openmetrics = format == Format::OpenMetrics;
    let (word, suffix) = match kind {
        FamilyType::Counter => ("counter", "_total"),
        FamilyType::Info if openmetrics => ("info", "_info"),
        FamilyType::Gauge | FamilyType::Info => ("gauge", ""),
        FamilyType::Histogram => ("histogram", ""),
    };
    let family = if openmetrics { name.strip_suffix(suffix).unwrap_or(name) } else { name };
    out.extend_from_slice(b"# HELP ");
    out.extend_from_slice(family.as_bytes());
    out.push(b' ');
    escape_help(out, format, help);
    out.extend_from_slice(b"\n# TYPE ");
    out.extend_from_slice(family.as_bytes());
    out.push(b' ');
    out.extend_from_slice(word.as_bytes());
    out.push(b'\n');
}

/// Writes `{a="b",c="d"}`, or nothing when there are no labels.
pub fn labels<'a>(out: &mut Vec<u8>, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let mut opened = false;
    for (name, value) in labels {
        out.push(if opened { b',' } else { b'{' });
        opened = true;
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"=\"");
        escape_label(out, clip(value));
        out.push(b'"');
    }
    if opened {
        out.push(b'}');
    }
}

/// Whole numbers up to here have all their digits in a float, and are written as integers.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// Writes a value as both formats spell it: the shortest text that reads as the same value, without an exponent.
#[expect(
    clippy::cast_possible_truncation,
    clippy::float_cmp,
    reason = "whole and small enough is what is asked"
)]
pub fn number(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if value.abs() < WHOLE && value.trunc() == value && !(value == 0.0 && value.is_sign_negative()) {
        out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
    } else {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value);
        if text.contains('e') {
            // Very large or very small. Writing to memory does not fail.
            let _ = write!(out, "{value}");
        } else {
            out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
        }
    }
}

/// Writes a count.
pub fn count(out: &mut Vec<u8>, count: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
}

/// Writes the bound of a bucket. OpenMetrics wants a float to look like one; text does not mind, and one spelling keeps
/// a scraper that changes the format from seeing two sets of series.
pub fn bound(out: &mut Vec<u8>, bound: f64) {
    let before = out.len();
    number(out, bound);
    let whole = bound.is_finite() && !out.get(before..).is_some_and(|text| text.contains(&b'.'));
    if whole {
        out.extend_from_slice(b".0");
    }
}

/// Label values are cut at this many bytes, so that no peer can fill the page with one.
const LONGEST_VALUE: usize = 128;

/// What a label value shows of a text: the longest beginning that fits and ends between two characters. Who remembers label
/// values remembers so much of them.
#[must_use]
pub fn clip(value: &str) -> &str {
    if value.len() <= LONGEST_VALUE {
        return value;
    }
    let end = (0..=LONGEST_VALUE).rev().find(|at| value.is_char_boundary(*at)).unwrap_or(0);
    value.get(..end).unwrap_or_default()
}

fn escape_label(out: &mut Vec<u8>, value: &str) {
    escape(out, value, |byte| match byte {
        b'\\' => Some(b"\\\\"),
        b'"' => Some(b"\\\""),
        b'\n' => Some(b"\\n"),
        _ => None,
    });
}

fn escape_help(out: &mut Vec<u8>, format: Format, help: &str) {
    escape(out, help, |byte| match byte {
        b'\\' => Some(b"\\\\"),
        b'\n' => Some(b"\\n"),
        b'"' if format == Format::OpenMetrics => Some(b"\\\""),
        _ => None,
    });
}

/// What must not stand there is one byte each, and no byte of a longer character looks like it.
fn escape(out: &mut Vec<u8>, text: &str, replace: impl Fn(u8) -> Option<&'static [u8; 2]>) {
    for &byte in text.as_bytes() {
        match replace(byte) {
            Some(escaped) => out.extend_from_slice(escaped),
            None => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hostile_label_values_are_escaped_and_cut() {
        let text = written(|out| labels(out, [("a", "x\"y\\z\nw"), ("b", "é".repeat(100).as_str())]));
        assert_eq!(text, format!("{{a=\"x\\\"y\\\\z\\nw\",b=\"{}\"}}", "é".repeat(64)));
    }

    #[test]
    fn numbers_are_spelt_as_the_formats_want() {
        let all = [0.0, 1.0, -1.5, 0.1, 1e21, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        let text = all.map(|value| written(|out| number(out, value))).join(" ");
        assert_eq!(text, "0 1 -1.5 0.1 1000000000000000000000 NaN +Inf -Inf");
    }

    #[test]
    fn a_whole_bound_looks_like_a_float() {
        let spelt = |value| written(|out| bound(out, value));
        assert_eq!([1.0, 0.25, f64::INFINITY].map(spelt), ["1.0", "0.25", "+Inf"]);
    }

    #[test]
    fn openmetrics_calls_a_counter_without_its_suffix() {
        let text = |format| written(|out| header(out, format, "a_total", FamilyType::Counter, "Say \"a\"."));
        assert_eq!(text(Format::Text), "# HELP a_total Say \"a\".\n# TYPE a_total counter\n");
        assert_eq!(text(Format::OpenMetrics), "# HELP a Say \\\"a\\\".\n# TYPE a counter\n");
    }
    #[test]
    fn a_number_is_spelt_as_display_spells_it() {
        let odd =
            [-0.0, 5e-324, f64::MAX, 1e-7, 0.3, WHOLE - 1.0, WHOLE, WHOLE * 4.0, -WHOLE, 1e16, 123_456.75];
        let usual = (0..20_000).map(|n| f64::from(n) / 100.0 - 50.0);
        for value in odd.into_iter().chain(usual) {
            assert_eq!(written(|out| number(out, value)), value.to_string());
        }
    }

    #[test]
    fn any_number_reads_as_what_it_was() {
        for value in std::iter::repeat_with(|| f64::from_bits(fastrand::u64(..))).take(20_000) {
            let text = written(|out| number(out, value));
            if value.is_finite() {
                assert_eq!(text.parse(), Ok(value), "{text}");
                // Of two shortest spellings either will do.
                assert_eq!(text.len(), value.to_string().len(), "{text}");
            }
        }
    }
}
