//! The pieces of the exposition formats: headers, labels, numbers. Pure.
//!
//! Two formats, one page: text 0.0.4 and OpenMetrics 1.0 differ in headers and in the end mark only.

use std::fmt::Write as _;

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
pub fn header(out: &mut String, format: Format, name: &str, kind: FamilyType, help: &str) {
    let openmetrics = format == Format::OpenMetrics;
    let (word, suffix) = match kind {
        FamilyType::Counter => ("counter", "_total"),
        FamilyType::Info if openmetrics => ("info", "_info"),
        FamilyType::Gauge | FamilyType::Info => ("gauge", ""),
        FamilyType::Histogram => ("histogram", ""),
    };
    let family = if openmetrics { name.strip_suffix(suffix).unwrap_or(name) } else { name };
    out.push_str("# HELP ");
    out.push_str(family);
    out.push(' ');
    escape_help(out, format, help);
    out.push_str("\n# TYPE ");
    out.push_str(family);
    out.push(' ');
    out.push_str(word);
    out.push('\n');
}

/// Writes `{a="b",c="d"}`, or nothing when there are no labels.
pub fn labels<'a>(out: &mut String, labels: impl IntoIterator<Item = (&'a str, &'a str)>) {
    let mut opened = false;
    for (name, value) in labels {
        out.push(if opened { ',' } else { '{' });
        opened = true;
        out.push_str(name);
        out.push_str("=\"");
        escape_label(out, clip(value));
        out.push('"');
    }
    if opened {
        out.push('}');
    }
}

/// Writes a value as both formats spell it.
pub fn number(out: &mut String, value: f64) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else {
        // Writing to a string does not fail.
        let _ = write!(out, "{value}");
    }
}

/// Writes the bound of a bucket. OpenMetrics wants a float to look like one; text does not mind, and one spelling keeps
/// a scraper that changes the format from seeing two sets of series.
pub fn bound(out: &mut String, bound: f64) {
    let before = out.len();
    number(out, bound);
    let whole = bound.is_finite() && !out.get(before..).is_some_and(|text| text.contains('.'));
    if whole {
        out.push_str(".0");
    }
}

/// Label values are cut at this many bytes, so that no peer can fill the page with one.
const LONGEST_VALUE: usize = 128;

/// The longest beginning that fits and ends between two characters.
fn clip(value: &str) -> &str {
    if value.len() <= LONGEST_VALUE {
        return value;
    }
    let end = (0..=LONGEST_VALUE).rev().find(|at| value.is_char_boundary(*at)).unwrap_or(0);
    value.get(..end).unwrap_or_default()
}

fn escape_label(out: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}

fn escape_help(out: &mut String, format: Format, help: &str) {
    for character in help.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if format == Format::OpenMetrics => out.push_str("\\\""),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
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
}
