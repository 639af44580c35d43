//! Times, lengths and error names as a journal writes them: for people and `jq` as well. Pure.
//! Never panics over a value: what cannot be written is brought into range, what cannot be read is an error.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::connection::error::ErrorName;

/// 9999-12-31T23:59:59Z: the last second that RFC 3339 can write.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

/// A time of the wall clock: RFC 3339 in UTC, to the microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wall(pub SystemTime);

impl Serialize for Wall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let since = self.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().min(LAST_SECOND);
        serializer.collect_str(&humantime::format_rfc3339_micros(SystemTime::UNIX_EPOCH + since))
    }
}

impl<'de> Deserialize<'de> for Wall {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text).map(Self).map_err(de::Error::custom)
    }
}

/// Ten thousand years: what is longer was not written by us, and sums with it would not fit.
const LONGEST: f64 = 315_576_000_000.0;
/// Numbers that JSON holds exactly: what is larger was not written by us, and the next one might not fit.
pub(super) const LARGEST: u64 = 1 << 53;

/// A number that counts something.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = u64::deserialize(deserializer)?;
    if number > LARGEST { Err(de::Error::custom("a number that nobody counts to")) } else { Ok(number) }
}

/// A length of time in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seconds(pub Duration);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_secs_f64())
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        if seconds > LONGEST {
            return Err(de::Error::custom("a length that nothing has"));
        }
        Duration::try_from_secs_f64(seconds).map(Self).map_err(de::Error::custom)
    }
}

/// An error name, by its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Named(pub(super) ErrorName);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        error_name(&name).map(Self).ok_or_else(|| de::Error::custom(format!("unknown error name {name}")))
    }
}

/// The error with this label.
pub(super) fn error_name(name: &str) -> Option<ErrorName> {
    ErrorName::ALL.iter().find(|known| known.as_str() == name).copied()
}
