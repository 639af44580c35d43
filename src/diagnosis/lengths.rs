//! Lengths, limits and times of the clock as a person says them. Pure.
//! Never rounds a length so far that two different ones read alike where it matters.

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;
const WEEK: f64 = 604_800.0;

/// A length that was measured: `2.5 s`, `95 s`, `5 min 50 s`, `24 h 0 min`, `4 days 2 h`.
pub(super) fn length(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 9.95 {
        format!("{seconds:.1} s")
    } else if seconds.round() < 120.0 {
        format!("{seconds:.0} s")
    } else if seconds.round() < HOUR {
        two(seconds, MINUTE, "min", 1.0, "s")
    } else if seconds < 3.0 * DAY {
        two(seconds, HOUR, "h", MINUTE, "min")
    } else {
        two(seconds, DAY, "days", HOUR, "h")
    }
}

/// A limit that somebody chose: `350 s`, `10 min`, `24 h`.
pub(super) fn limit(seconds: f64) -> String {
    let whole = |unit: f64| (seconds / unit).fract().abs() < 1e-6;
    if seconds >= HOUR && whole(HOUR) {
        format!("{:.0} h", seconds / HOUR)
    } else if seconds >= 600.0 && whole(MINUTE) {
        format!("{:.0} min", seconds / MINUTE)
    } else {
        length(seconds)
    }
}

/// When in a period of local time: `daily at 04:00`, `on Mondays at 04:00`, `every 6 h, at 04:00 and so on`.
pub(super) fn clock(period: f64, phase: f64) -> String {
    let phase = phase.rem_euclid(period);
    if (period - WEEK).abs() < 1.0 {
        format!("on {} at {}", weekday(phase), of_day(phase.rem_euclid(DAY)))
    } else if (period - DAY).abs() < 1.0 {
        format!("daily at {}", of_day(phase))
    } else if period > HOUR {
        format!("every {}, as at {}", limit(period), of_day(phase))
    } else {
        format!("every {}, as at {} after the hour", limit(period), length(phase))
    }
}

fn of_day(seconds: f64) -> String {
    let minutes = (seconds / MINUTE).round() % 1440.0;
    format!("{:02.0}:{:02.0}", (minutes / 60.0).floor(), minutes % 60.0)
}

/// The Unix epoch was a Thursday.
fn weekday(phase: f64) -> &'static str {
    let midnights = ["Thursdays", "Fridays", "Saturdays", "Sundays", "Mondays", "Tuesdays", "Wednesdays"];
    let ends = (1..).map(|day| f64::from(day) * DAY);
    midnights.into_iter().zip(ends).find(|(_, end)| phase < *end).map_or("Thursdays", |(day, _)| day)
}

fn two(seconds: f64, large: f64, large_word: &str, small: f64, small_word: &str) -> String {
    let smalls = (seconds / small).round();
    let per = large / small;
    format!("{:.0} {large_word} {:.0} {small_word}", (smalls / per).floor(), smalls % per)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_the_units_that_fit_it() {
        assert_eq!(length(0.25), "0.2 s");
        assert_eq!(length(9.96), "10 s");
        assert_eq!(length(119.7), "2 min 0 s");
        assert_eq!(length(350.0), "5 min 50 s");
        assert_eq!(length(3_599.8), "1 h 0 min");
        assert_eq!(length(86_400.0), "24 h 0 min");
        assert_eq!(length(86_455.0), "24 h 1 min");
        assert_eq!(length(352_800.0), "4 days 2 h");
    }

    #[test]
    fn a_limit_is_said_as_it_was_chosen() {
        assert_eq!(
            [60.0, 350.0, 600.0, 3_600.0, 86_400.0].map(limit),
            ["60 s", "5 min 50 s", "10 min", "1 h", "24 h"]
        );
    }

    #[test]
    fn a_phase_is_a_time_of_the_local_clock() {
        assert_eq!(clock(86_400.0, 14_400.0), "daily at 04:00");
        assert_eq!(clock(86_400.0, 86_399.0), "daily at 00:00");
        assert_eq!(clock(604_800.0, 4.0 * 86_400.0 + 14_400.0), "on Mondays at 04:00");
        assert_eq!(clock(21_600.0, 14_400.0), "every 6 h, as at 04:00");
        assert_eq!(clock(3_600.0, 720.0), "every 1 h, as at 12 min 0 s after the hour");
    }
}
