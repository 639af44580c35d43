//! A time as the export writes it: RFC 3339 with milliseconds and `+00:00`, as Python's `isoformat()` does. Pure.
//! Never without its offset: a time that does not say where it is from is no time.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 9999-12-30T22:00:00Z: the last second that jiff can read.
const LAST_SECOND: Duration = Duration::from_secs(253_402_207_200);

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(pub SystemTime);

impl Stamp {
    /// Reads RFC 3339 with any offset.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let read: jiff::Timestamp = text.trim().parse().ok()?;
        let milliseconds = u64::try_from(read.as_millisecond()).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds)).map(Self)
    }

    /// From `earlier` to this; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.duration_since(earlier.0).unwrap_or_default()
    }

    /// The same, brought into what RFC 3339 can write: a damaged journal may say anything.
    fn writable(self) -> SystemTime {
        let since = self.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        SystemTime::UNIX_EPOCH + since.min(LAST_SECOND)
    }

    /// For people: whole seconds, UTC.
    #[must_use]
    pub fn plain(self) -> String {
        let text = humantime::format_rfc3339_seconds(self.writable()).to_string();
        text.replace('T', " ").replace('Z', " UTC")
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `Z` is what older versions of Python cannot read.
        let text = humantime::format_rfc3339_millis(self.writable()).to_string();
        write!(f, "{}+00:00", text.trim_end_matches('Z'))
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is no time (write for example 2026-03-01T12:00:00+00:00)"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let stamp = Stamp(SystemTime::UNIX_EPOCH + Duration::from_millis(1_735_689_600_123));
        assert_eq!(stamp.to_string(), "2025-01-01T00:00:00.123+00:00");
        assert_eq!(Stamp::parse(&stamp.to_string()), Some(stamp));
        assert_eq!(stamp.plain(), "2025-01-01 00:00:00 UTC");
    }

    #[test]
    fn every_offset_is_understood_and_a_time_without_one_is_not() {
        let expected = Stamp::parse("2025-01-01T00:00:00.123+00:00");
        assert!(expected.is_some());
        assert_eq!(Stamp::parse("2025-01-01T00:00:00.123456+00:00"), expected);
        assert_eq!(Stamp::parse("2025-01-01T01:00:00.123+01:00"), expected);
        assert_eq!(Stamp::parse("2025-01-01T00:00:00.123Z"), expected);
        for bad in ["2025-01-01T00:00:00", "yesterday", "", "1735689600", "1912-01-01T00:00:00Z"] {
            assert_eq!(Stamp::parse(bad), None, "{bad}");
        }
    }
}
