//! Times and lengths as people say them. Pure.
//! Never more exact than anybody wants to read; the exact time stands in the tooltip.

use std::time::{Duration, SystemTime};

/// A length in its two largest units: `3 d 4 h`, `12 min 5 s`; below ten seconds with a tenth: `0.4 s`.
pub(super) fn span(length: Duration) -> String {
    // Rounded as in the log and in the report: 14.997 s are 15 s.
    let seconds = (length + Duration::from_millis(500)).as_secs();
    if length < Duration::from_millis(9_950) && length.subsec_nanos() > 0 {
        return format!("{:.1} s", length.as_secs_f64());
    }
    let (large, small) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3_600 => ((seconds / 60, "min"), (seconds % 60, "s")),
        3_600..86_400 => ((seconds / 3_600, "h"), (seconds % 3_600 / 60, "min")),
        86_400.. => ((seconds / 86_400, "d"), (seconds % 86_400 / 3_600, "h")),
    };
    match small {
        (0, _) => format!("{} {}", large.0, large.1),
        (count, unit) => format!("{} {} {count} {unit}", large.0, large.1),
    }
}

/// How long ago, or how soon: `5 s ago`, `in 2 min`, `now`.
pub(super) fn distance(time: SystemTime, now: SystemTime) -> String {
    match now.duration_since(time) {
        Ok(ago) if ago < Duration::from_secs(1) => "now".to_owned(),
        Ok(ago) => format!("{} ago", span(whole(ago))),
        Err(ahead) => format!("in {}", span(whole(ahead.duration()))),
    }
}

/// A length of this many seconds; zero for what is none.
pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// `1 drop`, `2 drops`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Distances are whole seconds: nobody counts tenths on a page that is seconds old.
fn whole(length: Duration) -> Duration {
    Duration::from_secs(length.as_secs().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_at_most_two_units() {
        let cases = [
            (0.44, "0.4 s"),
            (9.96, "10 s"),
            (14.997, "15 s"),
            (59.4, "59 s"),
            (59.9, "1 min"),
            (60.0, "1 min"),
            (3_599.0, "59 min 59 s"),
            (3_600.0, "1 h"),
            (9_000.0, "2 h 30 min"),
            (86_400.0, "1 d"),
            (100_000.0, "1 d 3 h"),
        ];
        for (length, said) in cases {
            assert_eq!(span(seconds(length)), said);
        }
    }

    #[test]
    fn a_distance_says_its_direction() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600);
        assert_eq!(distance(now, now), "now");
        assert_eq!(distance(now - Duration::from_millis(5_700), now), "5 s ago");
        assert_eq!(distance(now + Duration::from_secs(90), now), "in 1 min 30 s");
        assert_eq!(distance(now + Duration::from_millis(300), now), "in 1 s");
    }

    #[test]
    fn what_is_no_length_is_zero() {
        assert_eq!([seconds(-1.0), seconds(f64::NAN), seconds(f64::INFINITY)], [Duration::ZERO; 3]);
    }
}
