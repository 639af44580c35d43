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
        Some(text) => Path::parse(text).map(|_| text.to_owned()),
        None => Err(format!("must be a string in quotes, not {}", article(field))),
    }
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
            Err(message) => table.problem_at(name.span(), "…", message),
        }
    }
    found
}
