//! Durations as people write them: `30s`, `2m`, `1h 30m`.
//!
//! A bare number is refused: nobody should have to guess its unit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Seconds.
const DAY: u64 = 86_400;

/// A duration that reads and prints with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Human(pub Duration);

impl FromStr for Human {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // humantime takes a bare `0`; we don't, because then `90` would look right too.
        let has_unit = text.chars().any(char::is_alphabetic);
        // It takes `5M` for five months, and who writes that means minutes.
        let small = text.to_lowercase();
        if small != text {
            return Err(match humantime::parse_duration(&small) {
                Ok(_) if has_unit => {
                    format!("`{text}` is not a duration: its units are small letters (write `{small}`)")
                }
                Ok(_) | Err(_) => refusal(text),
            });
        }
        match humantime::parse_duration(text) {
            Ok(duration) if has_unit => Ok(Self(duration)),
            Ok(_) | Err(_) => Err(refusal(text)),
        }
    }
}

/// Days are the largest unit: a month and a year have no length that everybody knows.
impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0.as_secs() / DAY;
        let rest = self.0.saturating_sub(Duration::from_secs(days * DAY));
        match days {
            0 => return humantime::format_duration(rest).fmt(f),
            1 => f.write_str("1day")?,
            _ => write!(f, "{days}days")?,
        }
        if rest.is_zero() { Ok(()) } else { write!(f, " {}", humantime::format_duration(rest)) }
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
    fn a_unit_is_a_small_letter() {
        for (wrong, right) in [("5M", "`5m`"), ("1H", "`1h`"), ("1h 5M", "`1h 5m`"), ("1Y", "`1y`")] {
            assert!(wrong.parse::<Human>().unwrap_err().contains(right), "{wrong}");
        }
        assert_eq!("SOON".parse::<Human>(), Err(refusal("SOON")));
    }

    #[test]
    fn days_are_the_largest_unit() {
        for (seconds, text) in
            [(86_399, "23h 59m 59s"), (86_400, "1day"), (90_000, "1day 1h"), (366 * 86_400, "366days")]
        {
            assert_eq!(Human(Duration::from_secs(seconds)).to_string(), text);
        }
    }

    #[test]
    fn a_printed_duration_reads_back() {
        for seconds in [1, 30, 90, 3600, 82_800, 86_400, 90_061, 366 * 86_400, 3_650 * 86_400 + 1] {
            let human = Human(Duration::from_secs(seconds));
            assert_eq!(human.to_string().parse(), Ok(human));
        }
    }
}
