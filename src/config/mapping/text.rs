//! The texts of a subscription: filters, templates, patterns and tables with keys of the user's own.
//!
//! Never keeps going with a text that is wrong: what cannot be read is told and left out.

use std::cell::Cell;

use toml::de::DeValue;

use super::super::file::{Fields, article};
use super::super::filter::{filter_fault, unshared};
use super::super::value;
use crate::mapping::path::Path;
use crate::mapping::pattern;
use crate::mapping::template::Template;

/// A topic filter.
pub(super) fn filter(field: &DeValue<'_>) -> Result<String, String> {
    let text = value::text(field)?;
    filter_fault(&text).map_or(Ok(text), Err)
}

/// A topic filter that is no shared subscription: it only chooses among what comes.
pub(super) fn plain_filter(field: &DeValue<'_>) -> Result<String, String> {
    let text = filter(field)?;
    if unshared(&text) != text {
        return Err("is a shared subscription: leave `$share/group/` out here".to_owned());
    }
    Ok(text)
}

/// Some of these; a wrong one is told by its number.
pub(super) fn plain_filters(field: &DeValue<'_>) -> Result<Vec<String>, String> {
    let number = Cell::new(0_usize);
    let numbered = |item: &DeValue<'_>| {
        number.set(number.get() + 1);
        plain_filter(item).map_err(|fault| format!("number {} {fault}", number.get()))
    };
    value::list("[\"home/test/#\"]", numbered)(field)
}

/// A template.
pub(super) fn template(field: &DeValue<'_>) -> Result<String, String> {
    let text = value::text(field)?;
    Template::parse(&text).map(|_| text)
}

/// A path.
pub(super) fn path(field: &DeValue<'_>) -> Result<String, String> {
    match field.as_str() {
        Some(text) => root_fault(text).map_or_else(|| Path::parse(text).map(|_| text.to_owned()), Err),
        None => Err(format!("must be a string in quotes, not {}", article(field))),
    }
}

/// What is wrong with a path that begins at the root, as those of JSONPath do: it would look for a key `$`.
fn root_fault(path: &str) -> Option<String> {
    let rest = path.strip_prefix('$')?;
    match rest.strip_prefix('.') {
        None if rest.is_empty() => Some("is the whole payload: leave `path` out".to_owned()),
        None if !rest.starts_with('[') => None,
        other => {
            // `['a b']` is `'a b'` here.
            let right = other.unwrap_or(rest).replace("['", ".'").replace("']", "'");
            let right = right.trim_start_matches('.');
            let right = if Path::parse(right).is_ok() { right } else { "channels[*].power" };
            Some(format!("`{path}` begins with `$` as in JSONPath, and here without: write `{right}`"))
        }
    }
}

/// A placeholder as other programs write it: `$2`. Here it is only text.
pub(super) fn dollar(template: &str) -> Option<String> {
    let (_, rest) = template.split_once('$')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let number = rest.get(..digits).filter(|number| !number.is_empty())?;
    Some(format!("`${number}` is only text here: the level {number} of the topic is `{{{number}}}`"))
}

/// A regular expression for a topic.
pub(super) fn regular(field: &DeValue<'_>) -> Result<String, String> {
    let text = value::text(field)?;
    pattern::compile(&text).map(|_| text)
}

/// A text, a number or a boolean, as the text that it is written with.
pub(super) fn word(field: &DeValue<'_>) -> Result<String, String> {
    match field {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(boolean) => Ok(boolean.to_string()),
        DeValue::Integer(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            Err(format!("must be a text, a number or a boolean, not {}", article(field)))
        }
    }
}

/// Any finite number.
pub(super) fn number(field: &DeValue<'_>) -> Result<f64, String> {
    value::number(f64::MIN..=f64::MAX)(field)
}

/// A key of the user's own, where it is short and plain.
fn shown(key: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '*');
    if (1..=32).contains(&key.len()) && key.chars().all(plain) { key } else { "…" }
}

/// A table with keys of the user's own, at most `most` of them.
pub(super) fn entries<T>(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    most: usize,
    check: impl Fn(&str) -> Result<(), String>,
    parse: impl Fn(&DeValue<'_>) -> Result<T, String>,
) -> Vec<(String, T)> {
    let Some(table) = fields.table(key) else { return Vec::new() };
    let mut found = Vec::new();
    for (name, value) in table.entries() {
        let text: &str = name.get_ref();
        if found.len() == most {
            table.problem_at(name.span(), "…", format!("has more than {most} entries"));
            break;
        }
        match check(text).and_then(|()| parse(value.get_ref())) {
            Ok(parsed) => found.push((text.to_owned(), parsed)),
            Err(message) => table.problem_at(name.span(), shown(text), message),
        }
    }
    found
}
