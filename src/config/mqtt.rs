//! What a connection says in CONNECT, wherever it leads: version, what only version 5 can say, last will.
//!
//! Never prints a topic or a payload. Keep-alive, clean session and client id are a matter of `[reconnect]`.

use std::fmt;
use std::time::Duration;

use toml::de::DeValue;

use super::file::Fields;
use super::filter;
use super::secret_field::{self, Surroundings};
use super::{SecretSource, value};
use crate::connection::plan::Version;

/// MQTT as it is spoken on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mqtt {
    /// 3.1.1 or 5.
    pub version: Version,
    /// How long the broker keeps the session after its connection; `None`: an hour for a persistent session, else not
    /// at all. MQTT 5.
    pub session_expiry: Option<Duration>,
    /// So many unacknowledged messages of QoS 1 and 2 may be under way to us; `None`: as many as MQTT allows. MQTT 5.
    pub receive_maximum: Option<u16>,
    /// User properties of CONNECT. MQTT 5.
    pub user_properties: Vec<(String, SecretSource)>,
    /// The last will.
    pub will: Option<Will>,
}

/// What the broker publishes when a session ends without a word of ours.
#[derive(Clone, PartialEq, Eq)]
pub struct Will {
    /// Where.
    pub topic: String,
    /// What.
    pub payload: String,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// How long the broker waits for us to come back. MQTT 5.
    pub delay: Duration,
}

impl fmt::Debug for Will {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Will {{ qos: {}, payload of {} bytes, .. }}", self.qos, self.payload.len())
    }
}

const VERSIONS: &[(&str, Version)] =
    &[(Version::V311.as_str(), Version::V311), (Version::V5.as_str(), Version::V5)];

/// MQTT counts seconds in 32 bits, and takes all of them to mean "for ever".
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64 - 1);

/// Fields that MQTT 3.1.1 has no word for.
const FIVE: [&str; 3] = ["session_expiry", "receive_maximum", "user_properties"];

/// Reads the fields. `most_qos`: what the broker takes.
pub(super) fn read(
    fields: &mut Fields<'_, '_>,
    default: Version,
    most_qos: u64,
    around: &Surroundings<'_>,
) -> Mqtt {
    let version = fields.read("version", value::word(VERSIONS)).unwrap_or(default);
    let session_expiry = fields.read("session_expiry", seconds);
    let receive_maximum = fields.read("receive_maximum", value::integer(1..=65_535));
    let properties = fields.table("user_properties");
    let user_properties =
        properties.map_or_else(Vec::new, |fields| secret_field::table(&fields, property_fault, around));
    let will = fields.table("will").and_then(|fields| will(fields, version, most_qos));
    if version == Version::V311 {
        for key in FIVE.into_iter().filter(|key| fields.has(key)) {
            fields.problem(
                key,
                "is known to MQTT 5 only: write `version = \"5\"` too, if the broker speaks it",
            );
        }
    }
    Mqtt {
        version,
        session_expiry,
        receive_maximum: receive_maximum.and_then(|most| u16::try_from(most).ok()),
        user_properties,
        will,
    }
}

fn will(mut fields: Fields<'_, '_>, version: Version, most_qos: u64) -> Option<Will> {
    let topic = fields.require("topic", "topic = \"hangup/state\"", |field| {
        let topic = value::text(field)?;
        filter::topic_fault(&topic).map_or(Ok(topic), Err)
    });
    let payload = fields.require("payload", "payload = \"offline\"", |field| match field.as_str() {
        Some(text) if text.len() <= 65_535 => Ok(text.to_owned()),
        Some(_) => Err("is longer than 65535 bytes".to_owned()),
        None => value::text(field),
    });
    let qos = fields.read("qos", value::integer(0..=most_qos)).and_then(|qos| u8::try_from(qos).ok());
    let retain = fields.read("retain", value::boolean).unwrap_or(false);
    let delay = fields.read("delay", seconds).unwrap_or_default();
    if version == Version::V311 && fields.has("delay") {
        fields.problem(
            "delay",
            "is known to MQTT 5 only: write `version = \"5\"` too, if the broker speaks it",
        );
    }
    fields.finish();
    Some(Will { topic: topic?, payload: payload?, qos: qos.unwrap_or(0), retain, delay })
}

/// MQTT counts in whole seconds.
fn seconds(field: &DeValue<'_>) -> Result<Duration, String> {
    let time = value::duration(Duration::ZERO..=LONGEST)(field)?;
    if time.subsec_nanos() == 0 {
        Ok(time)
    } else {
        Err("must be whole seconds (write for example `1h`)".to_owned())
    }
}

fn property_fault(name: &str) -> Option<String> {
    let fine = (1..=65_535).contains(&name.len()) && !name.contains('\0');
    (!fine).then(|| "is not the name of a user property: 1 to 65535 bytes".to_owned())
}
