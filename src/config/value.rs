//! One value of the file: what it may be, and the sentence when it is something else.
//!
//! Pure, and for plain values only: a secret has its own reader, which never repeats what it read.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::file::article;
use super::human::{self, Human};
use super::listen::Listen;

/// `30s`, within a range.
pub(super) fn duration(range: RangeInclusive<Duration>) -> impl Fn(&DeValue<'_>) -> Result<Duration, String> {
    move |value| {
        let Human(duration) = match value.as_str() {
            Some(text) => text.parse()?,
            None => return Err(human::refusal(shown(value).trim_matches('`'))),
        };
        if range.contains(&duration) {
            return Ok(duration);
        }
        let (least, most) = (*range.start(), *range.end());
        let (word, nearest) = if duration < least { ("short", least) } else { ("long", most) };
        Err(format!(
            "{} is too {word}: allowed is {} to {} (write for example `{}`)",
            shown(value),
            Human(least),
            Human(most),
            Human(nearest)
        ))
    }
}

/// A whole number, within a range.
pub(super) fn integer(range: RangeInclusive<u64>) -> impl Fn(&DeValue<'_>) -> Result<u64, String> {
    move |value| {
        if let Some(text) =
            value.as_str().filter(|text| text.parse().is_ok_and(|number| range.contains(&number)))
        {
            return Err(format!("must be a number without quotes (write `{text}`)"));
        }
        let number = value
            .as_integer()
            .and_then(|integer| u64::from_str_radix(integer.as_str(), integer.radix()).ok());
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            format!("{} is not a whole number from {least} to {most}", shown(value))
        })
    }
}

/// A whole number of 1 or more, or the word that means "no such limit".
pub(super) fn integer_or(word: &'static str) -> impl Fn(&DeValue<'_>) -> Result<Option<u32>, String> {
    move |value| {
        if value.as_str() == Some(word) {
            return Ok(None);
        }
        if let Some(text) = value.as_str().filter(|text| text.parse::<u32>().is_ok()) {
            return Err(format!("must be a number without quotes (write `{text}`)"));
        }
        let number =
            integer(1..=u64::from(u32::MAX))(value).ok().and_then(|number| u32::try_from(number).ok());
        number.map(Some).ok_or_else(|| {
            format!("{} is neither a whole number of 1 or more nor `\"{word}\"`", shown(value))
        })
    }
}

/// A number, within a range. `2` is as good as `2.0`.
pub(super) fn number(range: RangeInclusive<f64>) -> impl Fn(&DeValue<'_>) -> Result<f64, String> {
    move |value| {
        let text = match value {
            DeValue::Float(float) => Some(float.as_str()),
            DeValue::Integer(integer) if integer.radix() == 10 => Some(integer.as_str()),
            DeValue::Integer(_)
            | DeValue::String(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        if let Some(text) = value.as_str().filter(|text| text.parse::<f64>().is_ok()) {
            return Err(format!("must be a number without quotes (write `{text}`)"));
        }
        let number = text.and_then(|text| text.parse().ok());
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            let (least, most) = (*range.start(), *range.end());
            if (least, most) == (f64::MIN, f64::MAX) {
                return format!("{} is not a number (write for example `0.5`)", shown(value));
            }
            format!("{} is not a number from {least:?} to {most:?}", shown(value))
        })
    }
}

/// A size with its unit: `16MiB`.
pub(super) fn size(range: RangeInclusive<u64>) -> impl Fn(&DeValue<'_>) -> Result<u64, String> {
    const UNITS: &[(&str, u64)] = &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    move |value| {
        let parse = |text: &str| {
            let (number, unit) =
                UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, bytes)))?;
            number.trim().parse::<u64>().ok()?.checked_mul(*unit)
        };
        value.as_str().and_then(parse).filter(|bytes| range.contains(bytes)).ok_or_else(|| {
            let plain = |bytes: u64| match bytes >> 20 {
                0 => format!("{}KiB", bytes >> 10),
                mebibytes => format!("{mebibytes}MiB"),
            };
            let (least, most) = (plain(*range.start()), plain(*range.end()));
            format!("{} is not a size from {least} to {most} (write for example `16MiB`)", shown(value))
        })
    }
}

/// A list of values of one kind.
pub(super) fn list<T>(
    example: &'static str,
    parse: impl Fn(&DeValue<'_>) -> Result<T, String>,
) -> impl Fn(&DeValue<'_>) -> Result<Vec<T>, String> {
    move |value| match value.as_array() {
        Some(items) => items.iter().map(|item| parse(item.get_ref())).collect(),
        None => Err(format!("must be a list, not {} (write for example `{example}`)", article(value))),
    }
}

/// `true` or `false`.
pub(super) fn boolean(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| match value.as_str() {
        Some(word @ ("true" | "false")) => format!("must be without quotes (write `{word}`)"),
        Some(_) | None => format!("{} is neither `true` nor `false`", shown(value)),
    })
}

/// Any string that is not empty.
pub(super) fn text(value: &DeValue<'_>) -> Result<String, String> {
    match value.as_str() {
        Some("") => Err("is empty".to_owned()),
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("must be a string in quotes, not {}", article(value))),
    }
}

/// One word of a closed set.
pub(super) fn word<T: Copy>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&DeValue<'_>) -> Result<T, String> {
    move |value| {
        let found = words.iter().find(|(word, _)| value.as_str() == Some(word));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let plain = match value {
                DeValue::Integer(integer) => integer.as_str(),
                DeValue::Float(float) => float.as_str(),
                DeValue::Boolean(true) => "true",
                DeValue::Boolean(false) => "false",
                DeValue::String(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => "",
            };
            if let Some((word, _)) = words.iter().find(|(word, _)| *word == plain) {
                return format!("is a word here: write it in quotes, `\"{word}\"`");
            }
            let all = words.iter().map(|(word, _)| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ");
            format!("{} is not one of {all}", shown(value))
        })
    }
}

/// A list of places to listen on, not empty.
pub(super) fn places(value: &DeValue<'_>) -> Result<Vec<Listen>, String> {
    const EXAMPLE: &str = "write for example `[\"0.0.0.0:9883\"]`";
    let Some(items) = value.as_array() else {
        return Err(format!("must be a list, not {} ({EXAMPLE})", article(value)));
    };
    if items.is_empty() {
        return Err(format!("is empty: the page would be nowhere ({EXAMPLE})"));
    }
    let place = |item: &DeValue<'_>| match item.as_str() {
        Some(text) => text.parse(),
        None => Err(format!("{} is not a place to listen on ({EXAMPLE})", shown(item))),
    };
    let (right, wrong): (Vec<_>, Vec<_>) =
        items.iter().map(|item| place(item.get_ref())).partition(Result::is_ok);
    let wrong: Vec<_> = wrong.into_iter().filter_map(Result::err).collect();
    if wrong.is_empty() { Ok(right.into_iter().flatten().collect()) } else { Err(wrong.join("; ")) }
}

/// The value as it may be repeated in a message: plain and short.
pub(super) fn shown(value: &DeValue<'_>) -> String {
    let plain = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(integer) => integer.as_str().to_owned(),
        DeValue::Float(float) => float.as_str().to_owned(),
        DeValue::Boolean(boolean) => boolean.to_string(),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => return article(value).to_owned(),
    };
    let clean: String = plain.chars().filter(|c| !c.is_control()).take(48).collect();
    format!("`{clean}`")
}
