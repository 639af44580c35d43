//! Durations as people write them: `30s`, `2m`, `1h 30m`.
//!
//! A bare number is refused: nobody should have to guess its unit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration that reads and prints with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Human(pub Duration);

impl FromStr for Human {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // humantime takes a bare `0`; we don't, because then `90` would look right too.
        let has_unit = text.chars().any(char::is_alphabetic);
        match humantime::parse_duration(text) {
            Ok(duration) if has_unit => Ok(Self(duration)),
            Ok(_) | Err(_) => Err(refusal(text)),
        }
    }
}

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

/// The sentence for what is not a duration.
pub(super) fn refusal(shown: &str) -> String {
    format!("`{shown}` is not a duration (write for example `30s`)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!("1m 30s".parse(), Ok(Human(Duration::from_secs(90))));
        assert_eq!("250ms".parse(), Ok(Human(Duration::from_millis(250))));
        for bare in ["90", "0", "", "soon", "-5s"] {
            assert_eq!(bare.parse::<Human>(), Err(refusal(bare)));
        }
    }

    #[test]
    fn a_printed_duration_reads_back() {
        for seconds in [1, 30, 90, 3600, 82_800] {
            let human = Human(Duration::from_secs(seconds));
            assert_eq!(human.to_string().parse(), Ok(human));
        }
    }
}
