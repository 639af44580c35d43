//! From what stands in a payload to a number.
//!
//! Pure. Never makes up a number: what is none is told by a reason, and null is nothing at all.

use std::collections::HashMap;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::{SignedDuration, Span, Timestamp};

use super::reason::Reason;
use super::walk::Leaf;
use crate::config::mapping::ReadAs;

/// A text that is longer is no number.
const LONGEST: usize = 64;

/// Numbers of this size count milliseconds since 1970: in seconds they would lie beyond the year 5000.
const MILLISECONDS: f64 = 1e11;

/// How a rule reads numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Reader {
    read: ReadAs,
    words: HashMap<String, f64>,
    other: Option<f64>,
}

impl Reader {
    /// Numbers for these words; `*` is any other.
    pub(super) fn new(read: ReadAs, values: &[(String, f64)]) -> Self {
        let other = values.iter().find(|(word, _)| word == "*").map(|(_, number)| *number);
        let words = values.iter().filter(|(word, _)| word != "*").cloned().collect();
        Self { read, words, other }
    }

    /// The number that a leaf is; `None`: there is nothing.
    #[inline]
    pub(super) fn number(&self, leaf: Leaf<'_>) -> Option<Result<f64, Reason>> {
        match leaf {
            Leaf::Absent | Leaf::Null => None,
            Leaf::Digits(digits) if self.read == ReadAs::Number && self.words.is_empty() => {
                Some(finite(digits.parse().ok()))
            }
            Leaf::Digits(_)
            | Leaf::Number(_)
            | Leaf::Text(_)
            | Leaf::Bool(_)
            | Leaf::Object(_)
            | Leaf::List(_) => Some(self.other_number(leaf)),
        }
    }

    fn other_number(&self, leaf: Leaf<'_>) -> Result<f64, Reason> {
        if self.read == ReadAs::Length {
            return length(leaf);
        }
        if !self.words.is_empty() || self.other.is_some() {
            let known = with_text(leaf, |text| self.words.get(text).copied()).flatten();
            if let Some(number) = known {
                return Ok(number);
            }
            return match (self.plain(leaf), self.other) {
                (Ok(number), _) if !matches!(leaf, Leaf::Bool(_)) => Ok(number),
                (_, Some(other)) => Ok(other),
                (Ok(_) | Err(_), None) => Err(Reason::UnknownWord),
            };
        }
        match (self.plain(leaf), leaf) {
            (Err(_), Leaf::Text(text)) if self.read == ReadAs::Number => {
                yes_or_no(&text.plain()).ok_or(Reason::NotANumber)
            }
            (result, _) => result,
        }
    }

    fn plain(&self, leaf: Leaf<'_>) -> Result<f64, Reason> {
        match (self.read, leaf) {
            (ReadAs::Number | ReadAs::Duration, Leaf::Digits(digits)) => finite(digits.parse().ok()),
            (ReadAs::Number | ReadAs::Duration, Leaf::Number(number)) => finite(Some(number)),
            (ReadAs::Number, Leaf::Bool(boolean)) => Ok(f64::from(u8::from(boolean))),
            (ReadAs::Number, Leaf::Text(text)) => finite(decimal(&text.plain())),
            (ReadAs::Hex, Leaf::Text(text)) => finite(hex(&text.plain())),
            (ReadAs::Hex, Leaf::Digits(digits)) => finite(hex(digits)),
            (ReadAs::Duration, Leaf::Text(text)) => finite(duration(&text.plain())),
            (ReadAs::Timestamp, Leaf::Digits(digits)) => finite(digits.parse().ok().map(since_1970)),
            (ReadAs::Timestamp, Leaf::Number(number)) => finite(Some(since_1970(number))),
            (ReadAs::Timestamp, Leaf::Text(text)) => finite(timestamp(&text.plain())),
            (ReadAs::Length, leaf) => length(leaf),
            (
                ReadAs::Number | ReadAs::Hex | ReadAs::Duration | ReadAs::Timestamp,
                Leaf::Absent | Leaf::Null | Leaf::Object(_) | Leaf::List(_) | Leaf::Bool(_) | Leaf::Number(_),
            ) => Err(Reason::NotANumber),
        }
    }
}

/// Calls with the text that a scalar is written with.
pub(super) fn with_text<T>(leaf: Leaf<'_>, then: impl FnOnce(&str) -> T) -> Option<T> {
    match leaf {
        Leaf::Digits(digits) => Some(then(digits)),
        Leaf::Number(number) => Some(then(&number.to_string())),
        Leaf::Text(text) => Some(then(&text.plain())),
        Leaf::Bool(boolean) => Some(then(if boolean { "true" } else { "false" })),
        Leaf::Absent | Leaf::Null | Leaf::Object(_) | Leaf::List(_) => None,
    }
}

fn finite(number: Option<f64>) -> Result<f64, Reason> {
    number.filter(|number| number.is_finite()).ok_or(Reason::NotANumber)
}

fn length(leaf: Leaf<'_>) -> Result<f64, Reason> {
    match leaf {
        Leaf::Object(count) | Leaf::List(count) => Ok(f64::from(count)),
        Leaf::Text(text) => {
            u32::try_from(text.plain().chars().count()).map(f64::from).map_err(|_| Reason::NotANumber)
        }
        Leaf::Absent | Leaf::Digits(_) | Leaf::Number(_) | Leaf::Bool(_) | Leaf::Null => {
            Err(Reason::NotANumber)
        }
    }
}

/// A decimal number as text.
fn decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.len() > LONGEST || !text.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    text.parse().ok()
}

/// The usual words, in any case of letters.
fn yes_or_no(text: &str) -> Option<f64> {
    const YES: &[&str] = &["on", "yes", "true", "online", "open"];
    const NO: &[&str] = &["off", "no", "false", "offline", "closed"];
    let text = text.trim();
    let is = |word: &&str| text.eq_ignore_ascii_case(word);
    if YES.iter().any(is) {
        return Some(1.0);
    }
    NO.iter().any(is).then_some(0.0)
}

#[expect(clippy::cast_precision_loss, reason = "a metric has 53 bits")]
fn hex(text: &str) -> Option<f64> {
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")).unwrap_or(digits);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| u64::from_str_radix(digits, 16).ok()).flatten().map(|number| number as f64)
}

/// Seconds of `1h 30m`, `02:15:30`, `15:30`, `1T02:15:30` (days before the T), `PT90S`, `90`.
fn duration(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.len() > LONGEST || text.is_empty() {
        return None;
    }
    if let Some(seconds) = decimal(text) {
        return Some(seconds);
    }
    if text.contains(':') {
        return clock(text);
    }
    if text.starts_with(['P', 'p']) {
        let span: Span = text.parse().ok()?;
        // Days of 24 hours; months and years have no length.
        let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours());
        return length.ok().as_ref().map(SignedDuration::as_secs_f64);
    }
    humantime::parse_duration(text).ok().as_ref().map(Duration::as_secs_f64)
}

fn clock(text: &str) -> Option<f64> {
    let (days, time) = match text.split_once(['T', 'd', ' ']) {
        Some((days, time)) => (days.parse::<u32>().ok()?, time.trim_start()),
        None => (0, text),
    };
    let parts: Vec<f64> = time.split(':').map(decimal).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match parts.as_slice() {
        [hours, minutes, seconds] => (*hours, *minutes, *seconds),
        [minutes, seconds] => (0.0, *minutes, *seconds),
        _ => return None,
    };
    let right = hours >= 0.0 && (0.0..60.0).contains(&minutes) && (0.0..60.0).contains(&seconds);
    right.then(|| f64::from(days) * 86_400.0 + hours * 3_600.0 + minutes * 60.0 + seconds)
}

fn since_1970(number: f64) -> f64 {
    if number.abs() >= MILLISECONDS { number / 1_000.0 } else { number }
}

/// Seconds since 1970 of RFC 3339, of a date and time without a zone (then UTC), or of a number.
fn timestamp(text: &str) -> Option<f64> {
    let text = text.trim();
    if text.len() > LONGEST {
        return None;
    }
    if let Some(number) = decimal(text) {
        return Some(since_1970(number));
    }
    let seconds = |at: Timestamp| at.as_duration().as_secs_f64();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(seconds(at));
    }
    let civil: DateTime = text.parse().ok()?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| seconds(zoned.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::super::walk::Text;
    use super::*;

    fn read(read: ReadAs, leaf: Leaf<'_>) -> Option<Result<f64, Reason>> {
        Reader::new(read, &[]).number(leaf)
    }

    fn text(text: &str) -> Leaf<'_> {
        Leaf::Text(Text::Plain(text))
    }

    #[test]
    fn numbers_booleans_and_their_texts_are_numbers() {
        for (leaf, expected) in [
            (Leaf::Digits("-12.5e1"), -125.0),
            (Leaf::Number(2.0), 2.0),
            (Leaf::Bool(true), 1.0),
            (text(" 21.5 "), 21.5),
            (text("ON"), 1.0),
            (text("closed"), 0.0),
            (Leaf::Digits("123456789012345678901234567890"), 1.234_567_890_123_456_8e29),
        ] {
            assert_eq!(read(ReadAs::Number, leaf), Some(Ok(expected)), "{leaf:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_none_and_null_is_nothing() {
        for leaf in [
            text(""),
            text("warm"),
            text("inf"),
            text("nan"),
            text("1 2"),
            Leaf::Digits("1e999"),
            Leaf::Number(f64::NAN),
            Leaf::Object(1),
            Leaf::List(2),
        ] {
            assert_eq!(read(ReadAs::Number, leaf), Some(Err(Reason::NotANumber)), "{leaf:?}");
        }
        assert_eq!(read(ReadAs::Number, Leaf::Null), None);
        assert_eq!(read(ReadAs::Number, Leaf::Absent), None);
    }

    #[test]
    fn words_of_the_rule_come_first() {
        let values = [("idle".to_owned(), 0.0), ("heat".to_owned(), 1.0), ("true".to_owned(), 7.0)];
        let reader = Reader::new(ReadAs::Number, &values);
        assert_eq!(reader.number(text("heat")), Some(Ok(1.0)));
        assert_eq!(reader.number(Leaf::Bool(true)), Some(Ok(7.0)));
        assert_eq!(reader.number(Leaf::Digits("21.5")), Some(Ok(21.5)));
        assert_eq!(reader.number(text("Heat")), Some(Err(Reason::UnknownWord)));
        assert_eq!(reader.number(text("on")), Some(Err(Reason::UnknownWord)));
        let with_other = Reader::new(ReadAs::Number, &[("a".to_owned(), 1.0), ("*".to_owned(), -1.0)]);
        assert_eq!(with_other.number(text("zzz")), Some(Ok(-1.0)));
        assert_eq!(with_other.number(Leaf::Digits("3")), Some(Ok(3.0)));
    }

    #[test]
    fn hexadecimal() {
        for (leaf, expected) in [(text("0x1F"), 31.0), (text("ff"), 255.0), (Leaf::Digits("10"), 16.0)] {
            assert_eq!(read(ReadAs::Hex, leaf), Some(Ok(expected)));
        }
        for wrong in ["", "0x", "xyz", "-1", "+1", "11112222333344445"] {
            assert_eq!(read(ReadAs::Hex, text(wrong)), Some(Err(Reason::NotANumber)), "{wrong}");
        }
    }

    #[test]
    fn durations_are_seconds() {
        for (written, expected) in [
            ("1h 30m", 5_400.0),
            ("02:15:30", 8_130.0),
            ("15:30", 930.0),
            ("1T02:15:30", 94_530.0),
            ("1d 02:15:30", 94_530.0),
            ("PT90S", 90.0),
            ("P1DT1S", 86_401.0),
            ("90", 90.0),
        ] {
            assert_eq!(read(ReadAs::Duration, text(written)), Some(Ok(expected)), "{written}");
        }
        assert_eq!(read(ReadAs::Duration, Leaf::Digits("90")), Some(Ok(90.0)));
        for wrong in ["", "soon", "1:99:00", "1:2:3:4", ":", "P1Y"] {
            assert_eq!(read(ReadAs::Duration, text(wrong)), Some(Err(Reason::NotANumber)), "{wrong}");
        }
    }

    #[test]
    fn timestamps_are_seconds_since_1970() {
        for (written, expected) in [
            ("1970-01-02T00:00:00Z", 86_400.0),
            ("1970-01-02T01:00:00+01:00", 86_400.0),
            ("1970-01-02T00:00:00", 86_400.0),
            ("1970-01-02 00:00:00.5", 86_400.5),
            ("86400", 86_400.0),
        ] {
            assert_eq!(read(ReadAs::Timestamp, text(written)), Some(Ok(expected)), "{written}");
        }
        assert_eq!(read(ReadAs::Timestamp, Leaf::Digits("1700000000123")), Some(Ok(1_700_000_000.123)));
        assert_eq!(read(ReadAs::Timestamp, Leaf::Digits("1700000000")), Some(Ok(1_700_000_000.0)));
        assert_eq!(read(ReadAs::Timestamp, text("yesterday")), Some(Err(Reason::NotANumber)));
    }

    #[test]
    fn lengths_are_counted() {
        for (leaf, expected) in [(Leaf::List(3), 3.0), (Leaf::Object(0), 0.0), (text("äb"), 2.0)] {
            assert_eq!(read(ReadAs::Length, leaf), Some(Ok(expected)));
        }
        assert_eq!(read(ReadAs::Length, Leaf::Digits("3")), Some(Err(Reason::NotANumber)));
    }
}
