//! How far the clock of a service is from ours: signatures are made with its time where ours is wrong.
//!
//! Never sets a clock, and says so once when the two part.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap};

use crate::connection::error::ErrorName;

/// AWS refuses signatures that are more than about this old or young.
const TOLERATED: Duration = Duration::from_secs(300);

/// The clock of a service, as its answers tell it.
#[derive(Debug, Default)]
pub(super) struct ServiceClock(Mutex<Skew>);

impl ServiceClock {
    /// The time to sign with: ours, unless the service's differs too much from it.
    pub(super) fn signing_time(&self, now: SystemTime) -> SystemTime {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Skew::None => now,
            Skew::ServiceAhead(by) => now + by,
            Skew::ServiceBehind(by) => now - by,
        }
    }

    /// Compares the service's `Date` with our clock, and says once when they part.
    pub(super) fn note(&self, headers: &HeaderMap, now: SystemTime) {
        let Some(theirs) = headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(http_date) else {
            return;
        };
        let skew = Skew::between(now, theirs);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (*known, skew) {
            (Skew::None, Skew::ServiceAhead(by) | Skew::ServiceBehind(by)) => tracing::warn!(
                error = ErrorName::ClockSkew.as_str(),
                seconds = by.as_secs(),
                "the clock of this machine is wrong by the service's; signing with the service's time"
            ),
            (Skew::ServiceAhead(_) | Skew::ServiceBehind(_), Skew::None) => {
                tracing::info!("the clock of this machine is right again");
            }
            (Skew::None, Skew::None)
            | (
                Skew::ServiceAhead(_) | Skew::ServiceBehind(_),
                Skew::ServiceAhead(_) | Skew::ServiceBehind(_),
            ) => {}
        }
        *known = skew;
    }
}

/// How far the service's clock is from ours, when that is too far to sign with ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Skew {
    #[default]
    None,
    ServiceAhead(Duration),
    ServiceBehind(Duration),
}

impl Skew {
    fn between(ours: SystemTime, theirs: SystemTime) -> Self {
        let (by, ahead) = match theirs.duration_since(ours) {
            Ok(by) => (by, true),
            Err(error) => (error.duration(), false),
        };
        match (by > TOLERATED, ahead) {
            (false, _) => Self::None,
            (true, true) => Self::ServiceAhead(by),
            (true, false) => Self::ServiceBehind(by),
        }
    }
}

fn http_date(text: &str) -> Option<SystemTime> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skew_counts_only_beyond_what_aws_tolerates() {
        let ours = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        assert_eq!(Skew::between(ours, ours + Duration::from_secs(300)), Skew::None);
        let hour = Duration::from_secs(3_600);
        assert_eq!(Skew::between(ours, ours + hour), Skew::ServiceAhead(hour));
        assert_eq!(Skew::between(ours, ours - hour), Skew::ServiceBehind(hour));
    }

    #[test]
    fn a_wrong_clock_is_made_up_for_until_it_is_right() {
        let theirs = http_date("Thu, 15 Jan 2026 12:00:00 GMT").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(DATE, reqwest::header::HeaderValue::from_static("Thu, 15 Jan 2026 12:00:00 GMT"));
        let (clock, hour) = (ServiceClock::default(), Duration::from_secs(3_600));
        clock.note(&headers, theirs - hour);
        assert_eq!(clock.signing_time(theirs), theirs + hour);
        clock.note(&HeaderMap::new(), theirs);
        assert_eq!(clock.signing_time(theirs), theirs + hour, "an answer without a date tells nothing");
        clock.note(&headers, theirs);
        assert_eq!(clock.signing_time(theirs), theirs);
    }

    #[test]
    fn the_date_of_http_is_understood() {
        let date = http_date("Thu, 15 Jan 2026 12:00:00 GMT").unwrap();
        assert_eq!(jiff::Timestamp::try_from(date).unwrap().to_string(), "2026-01-15T12:00:00Z");
        assert!(http_date("yesterday").is_none());
    }
}
