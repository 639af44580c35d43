//! One flat JSON object, read so that nothing is lost: duplicates stay, nesting is a fault.
//!
//! Never repeats what it was given: it may be anything.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::{Number, Value};

/// The fields in their order, duplicates included.
pub type Fields = [(String, Value)];

/// More fields than any command has.
const MOST: usize = 16;

/// What is wrong with the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(String);

/// Reads a flat JSON object.
///
/// # Errors
/// Where the text is no such object.
pub fn read(json: &[u8]) -> Result<Vec<(String, Value)>, ReadError> {
    let object: Object = serde_json::from_slice(json).map_err(|error| {
        let said = match error.classify() {
            serde_json::error::Category::Data => error.to_string(),
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => {
                format!("line {} column {} is not JSON", error.line(), error.column())
            }
        };
        ReadError(format!(
            "the body must be one JSON object, for example {{\"command\": \"set_temperature\", \"celsius\": 55}}: {said}"
        ))
    })?;
    Ok(object.0)
}

struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(ObjectVisitor).map(Self)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((key, Scalar(value))) = map.next_entry::<String, Scalar>()? {
            if fields.len() >= MOST {
                return Err(A::Error::custom("it has too many fields"));
            }
            fields.push((key, value));
        }
        Ok(fields)
    }
}

/// Text, a number, true, false or null.
struct Scalar(Value);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ScalarVisitor).map(Self)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, true or false")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn duplicates_are_seen() {
        let fields = read(br#"{"a": 1, "a": "x", "b": 2.5}"#).unwrap();
        assert_eq!(fields[0], ("a".to_owned(), json!(1)));
        assert_eq!(fields[1], ("a".to_owned(), json!("x")));
        assert_eq!(fields.len(), 3);
    }

    #[test]
    fn what_is_no_flat_object_is_refused_without_being_repeated() {
        let nested = format!("{{\"a\":{}", "[".repeat(100_000));
        let many = format!("{{{}\"z\":1}}", "\"a\":1,".repeat(20));
        for text in [
            "",
            "[]",
            "hunter2",
            "{\"a\": NaN}",
            "{\"a\": 1e999}",
            "{\"a\": {}}",
            "{\"a\": [1]}",
            "{} {}",
            "{\"a\": 1",
            &nested,
            &many,
        ] {
            let fault = read(text.as_bytes()).unwrap_err().to_string();
            assert!(
                fault.contains("{\"command\": \"set_temperature\"") && !fault.contains("hunter2"),
                "{fault}"
            );
            assert!(fault.len() < 300, "{fault}");
        }
        assert!(read(b"{\"a\": \"\xff\"}").is_err());
    }
}
