//! The stretch of time that the page shows: how it is asked for, where a time lies in it, and the ticks of its axis.
//! Never reads a clock: the present is an argument, and so is the time zone.

use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _};

use super::words::span;
use crate::clock::unix_seconds;
use crate::config::Human;

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

/// The ranges that the page offers, by their word in the address.
pub(super) const PRESETS: &[(&str, Duration)] = &[
    ("5m", Duration::from_secs(5 * MINUTE)),
    ("15m", Duration::from_secs(15 * MINUTE)),
    ("1h", Duration::from_secs(HOUR)),
    ("6h", Duration::from_secs(6 * HOUR)),
    ("24h", Duration::from_secs(DAY)),
    ("7d", Duration::from_secs(7 * DAY)),
    ("30d", Duration::from_secs(30 * DAY)),
];
/// Shorter than this nothing is seen that the tables do not say better.
const SHORTEST: Duration = Duration::from_secs(MINUTE);
/// More is not kept of any connection.
const LONGEST: Duration = Duration::from_secs(400 * DAY);
/// Times outside of these are mistakes (2000 and 2100), and arithmetic with them may not fit.
const CENTURY: std::ops::RangeInclusive<i64> = 946_684_800..=4_102_444_800;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// Nothing: the shortest preset that holds what is known.
    Fitting,
    /// The last so long.
    Last(Duration),
    /// From one time to another.
    Between(SystemTime, SystemTime),
}

impl Range {
    /// Of the words of `range`, `from` and `to`; a sentence that shows right ones if they are wrong.
    pub(super) fn parse(
        range: Option<&str>,
        from: Option<&str>,
        to: Option<&str>,
        now: SystemTime,
        zone: &TimeZone,
    ) -> Result<Self, String> {
        if from.is_none() && to.is_none() {
            return range.map_or(Ok(Self::Fitting), |word| last(word).map(Self::Last));
        }
        let end = to.map_or(Ok(now), |word| time("to", word, zone))?;
        let day = Duration::from_secs(DAY);
        let start = from.map_or(Ok(end - day), |word| time("from", word, zone))?;
        let length = end.duration_since(start).unwrap_or_default();
        if (SHORTEST..=LONGEST).contains(&length) {
            Ok(Self::Between(start, end))
        } else {
            Err("`to` must be at least a minute and at most 400 days after `from`".to_owned())
        }
    }

    /// The stretch of time; `began` is when what is known begins.
    pub(super) fn window(self, began: Option<SystemTime>, now: SystemTime) -> Window {
        let length = match self {
            Self::Between(from, to) => return Window { from, to },
            Self::Last(length) => length,
            Self::Fitting => fitting(began.and_then(|began| now.duration_since(began).ok())),
        };
        Window { from: now - length, to: now }
    }
}

/// The shortest preset that holds this age.
fn fitting(age: Option<Duration>) -> Duration {
    let age = age.unwrap_or_default();
    let fits = PRESETS.iter().map(|(_, length)| *length).find(|length| age <= *length);
    fits.unwrap_or(Duration::from_secs(30 * DAY))
}

fn last(word: &str) -> Result<Duration, String> {
    word.parse()
        .ok()
        .map(|Human(length)| length)
        .filter(|length| (SHORTEST..=LONGEST).contains(length))
        .ok_or_else(|| {
            format!("`range={word}` is not a range from a minute to 400 days (write for example `range=6h`)")
        })
}

/// Unix seconds, RFC 3339, or the server's local time without an offset.
fn time(field: &str, word: &str, zone: &TimeZone) -> Result<SystemTime, String> {
    // A `+` in an address means a space.
    let plus = word.trim().replace(' ', "+");
    let stamp = word
        .parse::<i64>()
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .or_else(|| plus.parse::<Timestamp>().ok())
        .or_else(|| {
            let civil = word.parse::<jiff::civil::DateTime>().ok()?;
            zone.to_ambiguous_zoned(civil).compatible().ok().map(|zoned| zoned.timestamp())
        });
    stamp.filter(|stamp| CENTURY.contains(&stamp.as_second())).map(SystemTime::from).ok_or_else(|| {
        format!(
            "`{field}={word}` is not a time (write for example `{field}=2026-01-31T08:00` or Unix seconds)"
        )
    })
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// It begins.
    pub(super) from: SystemTime,
    /// It ends.
    pub(super) to: SystemTime,
}

impl Window {
    pub(super) fn length(self) -> Duration {
        self.to.duration_since(self.from).unwrap_or_default().max(Duration::from_secs(1))
    }

    /// Where a time lies, in percent of the width; earlier and later ones lie at the ends.
    pub(super) fn place(self, time: SystemTime) -> f64 {
        let since = unix_seconds(time) - unix_seconds(self.from);
        (100.0 * since / self.length().as_secs_f64()).clamp(0.0, 100.0)
    }

    pub(super) fn holds(self, time: SystemTime) -> bool {
        (self.from..=self.to).contains(&time)
    }

    /// Whether any of this stretch is in it.
    pub(super) fn meets(self, from: SystemTime, to: SystemTime) -> bool {
        from <= self.to && to >= self.from
    }

    /// What lies before it, half of it kept in sight.
    pub(super) fn earlier(self) -> Self {
        let step = self.length() / 2;
        Self { from: self.from - step, to: self.to - step }
    }

    /// What lies after it, up to now; `None` when it ends now.
    pub(super) fn later(self, now: SystemTime) -> Option<Self> {
        let ahead = now.duration_since(self.to).ok()?;
        let step = ahead.min(self.length() / 2);
        (step >= Duration::from_secs(1)).then(|| Self { from: self.from + step, to: self.to + step })
    }

    /// Half of it, around its middle.
    pub(super) fn closer(self) -> Option<Self> {
        let quarter = self.length() / 4;
        (quarter * 2 >= SHORTEST).then(|| Self { from: self.from + quarter, to: self.to - quarter })
    }

    /// As the words of an address.
    pub(super) fn query(self) -> String {
        format!("from={}&to={}", whole(self.from), whole(self.to))
    }

    /// In words; a day is `24 h`, as its link says.
    pub(super) fn words(self) -> String {
        if self.length() == Duration::from_secs(DAY) {
            return "24 h".to_owned();
        }
        let half = Duration::from_millis(500);
        span(Duration::from_secs((self.length() + half).as_secs().max(1)))
    }
}

fn whole(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// One tick of the axis, and the stretch up to the next.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// Where, in percent.
    pub(super) at: f64,
    /// The time, in the server's zone.
    pub(super) label: String,
    /// From this tick to the next.
    pub(super) stretch: Window,
}

/// Steps of an axis in seconds: what people divide hours and days into.
const STEPS: &[u64] = &[
    10,
    30,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    5 * DAY,
    10 * DAY,
    30 * DAY,
];
/// More labels do not fit beside each other.
const TICKS: u64 = 8;

/// The ticks of the axis, at round local times.
pub(super) fn ticks(window: Window, zone: &TimeZone) -> Vec<Tick> {
    let length = window.length().as_secs();
    let step = STEPS.iter().copied().find(|step| length / step <= TICKS).unwrap_or(60 * DAY);
    let mut times = rounds(window, step, zone);
    times.retain(|time| window.holds(*time));
    let ends = times.iter().skip(1).copied().chain([window.to]).collect::<Vec<_>>();
    times
        .into_iter()
        .zip(ends)
        .map(|(time, end)| Tick {
            at: window.place(time),
            label: label(time, step, zone),
            stretch: Window { from: time, to: end.max(time + SHORTEST) },
        })
        .collect()
}

/// Round local times around and in the window.
fn rounds(window: Window, step: u64, zone: &TimeZone) -> Vec<SystemTime> {
    let first = Timestamp::try_from(window.from).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone());
    let Ok(midnight) = first.start_of_day() else { return Vec::new() };
    let each = if step >= DAY {
        // Days of the calendar: one of them may be an hour longer or shorter.
        Span::new().days(i64::try_from(step / DAY).unwrap_or(1))
    } else {
        i64::try_from(step).unwrap_or(60).seconds()
    };
    let passed = window.length().as_secs() + DAY;
    let count = i64::try_from(passed / step + 1).unwrap_or(0);
    (0..=count)
        .filter_map(|index| midnight.checked_add(each.checked_mul(index).ok()?).ok())
        .map(|zoned| SystemTime::from(zoned.timestamp()))
        .collect()
}

fn label(time: SystemTime, step: u64, zone: &TimeZone) -> String {
    let zoned = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone());
    let midnight = zoned.hour() == 0 && zoned.minute() == 0 && zoned.second() == 0;
    let form = match step {
        _ if midnight && step < DAY => "%a %-d",
        0..MINUTE => "%H:%M:%S",
        MINUTE..DAY => "%H:%M",
        DAY.. => "%-d %b",
    };
    zoned.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600)
    }

    fn ago(seconds: u64) -> SystemTime {
        now() - Duration::from_secs(seconds)
    }

    fn parse(range: Option<&str>, from: Option<&str>, to: Option<&str>) -> Result<Range, String> {
        Range::parse(range, from, to, now(), &TimeZone::fixed(jiff::tz::offset(1)))
    }

    #[test]
    fn times_lie_between_the_ends_of_the_window() {
        let day = Range::Last(Duration::from_secs(DAY)).window(None, now());
        for (seconds, expected) in [(0, 100.0), (43_200, 50.0), (86_400, 0.0), (900_000, 0.0)] {
            assert!((day.place(ago(seconds)) - expected).abs() < 1e-6, "{seconds}");
        }
        // The wall clock may have been set back.
        assert!((day.place(now() + Duration::from_secs(5)) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn what_fits_is_the_shortest_preset_that_holds_all() {
        let length = |seconds| Range::Fitting.window(Some(ago(seconds)), now()).length().as_secs();
        let cases = [
            (0, 300),
            (300, 300),
            (301, 900),
            (900, 900),
            (901, 3_600),
            (3_601, 21_600),
            (90_000, 604_800),
            (9_999_999, 2_592_000),
        ];
        for (age, expected) in cases {
            assert_eq!(length(age), expected, "{age}");
        }
        assert_eq!(Range::Fitting.window(None, now()).length().as_secs(), 300);
    }

    #[test]
    fn a_range_is_a_length_or_two_times() {
        assert_eq!(parse(None, None, None), Ok(Range::Fitting));
        assert_eq!(parse(Some("7d"), None, None), Ok(Range::Last(Duration::from_secs(7 * DAY))));
        let both = Ok(Range::Between(ago(3_600), now()));
        assert_eq!(parse(None, Some("1735686000"), Some("1735689600")), both);
        assert_eq!(parse(None, Some("2024-12-31T23:00:00Z"), None), both);
        assert_eq!(parse(None, Some("2025-01-01T00:00:00 01:00"), None), both, "a plus arrives as a space");
        assert_eq!(parse(None, Some("2025-01-01T00:00"), None), both, "local time, an hour ahead");
    }

    #[test]
    fn a_wrong_range_shows_a_right_one() {
        let cases = [
            (parse(Some("x"), None, None), "`range=6h`"),
            (parse(Some("5s"), None, None), "`range=6h`"),
            (parse(Some("5M"), None, None), "`range=6h`"),
            (parse(None, Some("yesterday"), None), "`from=2026-01-31T08:00`"),
            (parse(None, None, Some("99999999999999")), "`to=2026-01-31T08:00`"),
            (parse(None, Some("1735689600"), Some("1735686000")), "at least a minute"),
        ];
        for (parsed, said) in cases {
            assert!(parsed.as_ref().is_err_and(|fault| fault.contains(said)), "{parsed:?}");
        }
    }

    #[test]
    fn ticks_are_round_in_local_time_and_few() {
        let zone = TimeZone::fixed(jiff::tz::offset(5));
        for (_, length) in PRESETS {
            let ticks = ticks(Range::Last(*length).window(None, now()), &zone);
            assert!((3..=9).contains(&ticks.len()), "{length:?}: {ticks:?}");
            assert!(ticks.is_sorted_by(|one, other| one.at < other.at));
        }
        let labels = |seconds| -> Vec<String> {
            let window = Range::Last(Duration::from_secs(seconds)).window(None, now());
            ticks(window, &zone).into_iter().map(|tick| tick.label).collect()
        };
        assert_eq!(labels(6 * HOUR), ["23:00", "Wed 1", "01:00", "02:00", "03:00", "04:00", "05:00"]);
        assert_eq!(labels(7 * DAY), ["26 Dec", "27 Dec", "28 Dec", "29 Dec", "30 Dec", "31 Dec", "1 Jan"]);
    }

    #[test]
    fn days_of_the_axis_are_days_of_the_calendar() {
        let zone = TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap();
        // The third of November 2024 had 25 hours there.
        let from = "2024-11-01T00:00:00-04:00".parse::<Timestamp>().unwrap();
        let window = Window { from: from.into(), to: SystemTime::from(from) + Duration::from_secs(7 * DAY) };
        let ticks = ticks(window, &zone);
        assert_eq!(ticks[2].stretch.length().as_secs(), 25 * HOUR);
        assert_eq!(ticks[3].label, "4 Nov");
    }

    #[test]
    fn a_window_moves_and_shrinks_within_reason() {
        let window = Window { from: ago(7_200), to: ago(3_600) };
        assert_eq!(window.earlier(), Window { from: ago(9_000), to: ago(5_400) });
        assert_eq!(window.later(now()), Some(Window { from: ago(5_400), to: ago(1_800) }));
        assert_eq!(Window { from: ago(60), to: now() }.later(now()), None);
        assert_eq!(Window { from: ago(60), to: now() }.closer(), None);
        assert_eq!(window.closer().map(Window::length), Some(Duration::from_secs(1_800)));
        assert_eq!(window.query(), "from=1735682400&to=1735686000");
    }
}
