//! A YAML file as a tree of JSON: texts, numbers, lists and tables.
//!
//! Pure. Never goes deeper than [`DEEPEST`].

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};
use serde_json::Value;

const DEEPEST: usize = 16;

/// The only document of a file.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let documents = MarkedYaml::load_from_str(text)
        .map_err(|error| format!("line {}: this is not YAML: {}", error.marker().line(), error.info()))?;
    match documents.as_slice() {
        [document] => value(document, 0),
        [] => Ok(Value::Null),
        _ => Err("it holds several documents (`---`): keep one".to_owned()),
    }
}

fn value(node: &MarkedYaml<'_>, depth: usize) -> Result<Value, String> {
    let line = node.span.start.line();
    if depth > DEEPEST {
        return Err(format!("line {line}: it is nested too deep"));
    }
    match &node.data {
        YamlData::Mapping(mapping) => {
            let member = |(key, node): (&MarkedYaml<'_>, &MarkedYaml<'_>)| {
                let key = value(key, depth + 1)?;
                Ok((
                    text(&key).ok_or_else(|| format!("line {line}: a key is no text"))?,
                    value(node, depth + 1)?,
                ))
            };
            mapping.iter().map(member).collect::<Result<serde_json::Map<_, _>, _>>().map(Value::Object)
        }
        YamlData::Sequence(items) => {
            items.iter().map(|item| value(item, depth + 1)).collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        YamlData::Value(Scalar::Null) => Ok(Value::Null),
        YamlData::Value(Scalar::Boolean(is)) => Ok(Value::Bool(*is)),
        YamlData::Value(Scalar::Integer(number)) => Ok(Value::from(*number)),
        YamlData::Value(Scalar::FloatingPoint(number)) => Ok(Value::from(number.into_inner())),
        YamlData::Value(Scalar::String(text)) => Ok(Value::from(text.to_string())),
        YamlData::Representation(..) | YamlData::Tagged(..) | YamlData::Alias(_) | YamlData::BadValue => {
            Err(format!("line {line}: this kind of value is not understood"))
        }
    }
}

/// A scalar as it is written.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
