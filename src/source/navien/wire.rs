//! What a message is, told by its content, and numbers in the forms in which they come.
//!
//! Never trusts a payload: whatever is wrong with it is told as a value, nothing panics.

use serde_json::Value;

use super::{devices, topics};

/// Larger payloads are not looked at; AWS carries at most 128 KiB.
pub const MAX_PAYLOAD: usize = 128 * 1024;

/// What a device answered or told.
#[derive(Debug)]
pub enum Content {
    /// The status object. Never empty.
    Status(Value),
    /// The feature object. Never empty.
    Features(Value),
    /// Energy use: the whole `response`, with `total` and `usage`.
    Energy(Value),
    /// Lifetime counters: `response.data`.
    Diagnostics(Value),
    /// Pending firmware: the `downloadSwInfo` list.
    Firmware(Value),
    /// The device's own word on whether it is connected.
    Presence {
        /// Connected.
        online: bool,
    },
    /// A command was refused with this code.
    Refusal(i64),
    /// Well-formed and of no interest: a schedule, an empty object.
    Other,
}

/// A message that came from a device.
#[derive(Debug)]
pub struct Spoken {
    /// Whose.
    pub mac: String,
    /// What.
    pub content: Content,
    /// Whether it answers a request of this client.
    pub ours: bool,
    /// What it answers.
    pub about: About,
}

/// What a message of a device answers, as far as it says so.
#[derive(Debug)]
pub struct About {
    /// A command, and not a question.
    pub control: bool,
    /// The session id that it echoes, perhaps cut short; empty without one.
    pub session: String,
    /// It names a topic to answer to that is another client's.
    pub elsewhere: bool,
}

/// What arrived.
#[derive(Debug)]
pub enum Message {
    /// A device spoke.
    Device(Spoken),
    /// Somebody's request, our own echo, a raw copy: not for us.
    NotForUs,
    /// Not what it should be.
    Malformed,
}

/// Recognises a message by its content; the topic only helps to tell whose it is.
#[must_use]
pub fn recognise(topic: &str, payload: &[u8], client_id: &str) -> Message {
    if is_raw_hex(payload) {
        return Message::NotForUs;
    }
    let Ok(Value::Object(mut root)) = serde_json::from_slice::<Value>(payload) else {
        return Message::Malformed;
    };
    let named_topic = |key: &str| root.get(key).and_then(Value::as_str).unwrap_or_default();
    let ours = topics::is_for(topic, client_id)
        || topics::is_for(named_topic("responseTopic"), client_id)
        || topics::is_for(named_topic("requestTopic"), client_id);
    let answer_to = named_topic("responseTopic");
    let about = About {
        control: named_topic("requestTopic").ends_with("/ctrl"),
        session: named_topic("sessionID").to_owned(),
        elsewhere: topics::is_for(answer_to, "res") && !topics::is_for(answer_to, client_id),
    };
    let requested = root.contains_key("request");
    let event = root.get("event");
    let stated = root
        .get("response")
        .or(event)
        .and_then(|inner| inner.get("macAddress"))
        .or_else(|| root.get("macAddress"))
        .and_then(Value::as_str)
        .and_then(devices::mac);
    let mac = stated.or_else(|| topics::mac_of(topic));
    let presence = event.and_then(|event| event.pointer("/connection/status")).and_then(integer);

    let response = root.remove("response");
    let content = match response {
        Some(response) => in_response(response),
        None if requested => return Message::NotForUs,
        None => match (in_object(&mut root), presence) {
            (Some(content), _) => content,
            // The presence of an app comes on a topic of its own and says nothing about the device.
            (None, Some(status)) if !topic.ends_with("/app-connection") => {
                Content::Presence { online: status > 0 }
            }
            (None, _) => return Message::NotForUs,
        },
    };
    match mac {
        Some(mac) => Message::Device(Spoken { mac, content, ours, about }),
        None => Message::Malformed,
    }
}

fn in_response(response: Value) -> Content {
    let Value::Object(mut response) = response else { return Content::Other };
    if let Some(content) = in_object(&mut response) {
        return content;
    }
    if response.contains_key("usage") && response.contains_key("total") {
        return Content::Energy(Value::Object(response));
    }
    if let Some(code) = response.get("failCode") {
        return integer(code).map_or(Content::Other, Content::Refusal);
    }
    if let Some(list) = response.remove("downloadSwInfo") {
        return Content::Firmware(list);
    }
    match response.remove("data") {
        Some(data) if data.get("tsData").or_else(|| data.get("taData")).is_some() => {
            Content::Diagnostics(data)
        }
        Some(_) | None => Content::Other,
    }
}

/// The payload object under its long or short key. The first key present wins, even when it is empty.
fn in_object(object: &mut serde_json::Map<String, Value>) -> Option<Content> {
    type Make = fn(Value) -> Content;
    let keys: [(&str, Make); 4] = [
        ("status", Content::Status),
        ("st", Content::Status),
        ("feature", Content::Features),
        ("did", Content::Features),
    ];
    let (key, make) = keys.into_iter().find(|(key, _)| object.contains_key(*key))?;
    let value = object.remove(key)?;
    let filled = value.as_object().is_some_and(|fields| !fields.is_empty());
    Some(if filled { make(value) } else { Content::Other })
}

/// A second copy of some answers comes as hexadecimal digits.
fn is_raw_hex(payload: &[u8]) -> bool {
    let payload = payload.trim_ascii();
    !payload.is_empty() && payload.len().is_multiple_of(2) && payload.iter().all(u8::is_ascii_hexdigit)
}

/// A whole number, also as an integral float or as text.
#[must_use]
pub fn integer(value: &Value) -> Option<i64> {
    let number = number(value)?;
    #[expect(clippy::cast_possible_truncation, reason = "checked to be integral and within 2^53")]
    (number.fract() == 0.0).then_some(number as i64)
}

/// A number, also as text; nothing that is not finite or beyond what a float holds exactly.
#[must_use]
pub fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => decimal(text)?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    // 2^53: beyond it not every integer has a float, and no heater has such a value.
    (number.is_finite() && number.abs() <= 9_007_199_254_740_992.0).then_some(number)
}

/// Plain decimal text: `-12`, `120.0`. Not `NaN`, `inf`, `1e5`, `0x10` or `+3`.
fn decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && digits.bytes().next().is_some_and(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn content(topic: &str, payload: &Value) -> Message {
        recognise(topic, payload.to_string().as_bytes(), "me")
    }

    #[test]
    fn numbers_come_as_integers_integral_floats_and_text() {
        for (value, expected) in [
            (json!(120), Some(120)),
            (json!(120.0), Some(120)),
            (json!("120"), Some(120)),
            (json!(" -7 "), Some(-7)),
            (json!(120.5), None),
            (json!("12x"), None),
            (json!(""), None),
            (json!(null), None),
            (json!(true), None),
            (json!([1]), None),
        ] {
            assert_eq!(integer(&value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_not_a_finite_exact_number_is_none() {
        for value in [json!("NaN"), json!("inf"), json!("1e5"), json!("0x10"), json!("+3"), json!(1e300)] {
            assert_eq!(number(&value), None, "{value}");
        }
        let huge: Value = serde_json::from_str("123456789012345678901234567890").unwrap();
        assert_eq!(number(&huge), None);
    }

    #[test]
    fn the_first_key_present_wins_even_when_it_is_empty() {
        let message = content(
            "cmd/52/navilink-020000aabb01/me/res",
            &json!({"response": {"status": {}, "st": {"a": 1}}}),
        );
        assert!(matches!(message, Message::Device(Spoken { content: Content::Other, ours: true, .. })));
    }

    #[test]
    fn a_request_without_a_response_is_not_for_us() {
        let message = content("cmd/52/navilink-020000aabb01/st", &json!({"request": {"command": 1}}));
        assert!(matches!(message, Message::NotForUs));
    }

    #[test]
    fn an_answer_to_somebody_else_is_not_ours() {
        let message = content(
            "cmd/52/navilink-020000aabb01/other/res",
            &json!({"response": {"macAddress": "020000AABB01", "status": {"a": 1}}}),
        );
        let Message::Device(spoken) = message else { panic!("{message:?}") };
        assert_eq!((spoken.mac.as_str(), spoken.ours), ("020000aabb01", false));
    }

    #[test]
    fn deep_nesting_is_malformed_and_does_not_overflow_the_stack() {
        let deep = format!("{{\"response\":{}", "[".repeat(100_000));
        assert!(matches!(recognise("t", deep.as_bytes(), "me"), Message::Malformed));
    }

    #[test]
    fn raw_hex_is_no_fault_but_half_a_byte_is() {
        assert!(matches!(recognise("t", b"023e061e0478", "me"), Message::NotForUs));
        assert!(matches!(recognise("t", b"023", "me"), Message::Malformed));
        assert!(matches!(recognise("t", b"", "me"), Message::Malformed));
    }

    #[test]
    fn an_answer_of_nobody_is_malformed() {
        assert!(matches!(content("t", &json!({"response": {"status": {"a": 1}}})), Message::Malformed));
    }
}
