//! Times and lengths as people say them. [pure]
//! Never more exact than anybody wants to read; the exact time stands in the tooltip.

use std::time::{Duration, SystemTime};

/// A length in its two largest units: `3 d 4 h`, `12 min 5 s`, `0.4 s`.
pub(super) fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    let (large, small) = match seconds {
        0..10 => return format!("{:.1} s", length.as_secs_f64()),
        10..60 => return format!("{seconds} s"),
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

/// RFC 3339 in UTC, whole seconds.
pub(super) fn exact(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// `1 drop`, `2 drops`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Distances of less than ten seconds are whole too: nobody counts tenths on a page that is seconds old.
fn whole(length: Duration) -> Duration {
    if length < Duration::from_secs(10) { Duration::from_secs(length.as_secs().max(1)) } else { length }
}
