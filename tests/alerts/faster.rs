//! The rules and the routing in another pace: their durations divided by a factor, so that hours take minutes.
//!
//! Never changes what is compared or counted.

use std::time::Duration;

/// A window must hold a few scrapes, of which there is one a second.
const SHORTEST_WINDOW: Duration = Duration::from_secs(5);
/// An evaluation between two scrapes would see nothing new.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// Keys of rules and routes that have a duration.
const KEYS: &[&str] =
    &["for", "keep_firing_for", "interval", "group_wait", "group_interval", "repeat_interval"];

/// This YAML with every duration divided: of these keys, of windows (`[3m]`) and of offsets.
pub fn faster(yaml: &str, factor: u32) -> String {
    yaml.lines().map(|line| line_faster(line, factor) + "\n").collect()
}

fn line_faster(line: &str, factor: u32) -> String {
    if let Some((key, value)) = line.split_once(": ")
        && KEYS.contains(&key.trim())
    {
        let shortest = if key.trim() == "interval" { SHORTEST_INTERVAL } else { Duration::ZERO };
        return format!("{key}: {}", divided(value, factor, shortest).unwrap_or_else(|| value.to_owned()));
    }
    let mut words = line.split_inclusive(['[', ']', ' ', ')']);
    let mut changed = words.next().unwrap_or_default().to_owned();
    for word in words {
        let shortest = match () {
            () if changed.ends_with('[') => Some(SHORTEST_WINDOW),
            () if changed.ends_with("offset ") => Some(Duration::ZERO),
            () => None,
        };
        let bare = word.trim_end_matches(['[', ']', ' ', ')']);
        let replaced = shortest.and_then(|shortest| divided(bare, factor, shortest));
        changed.push_str(replaced.as_deref().unwrap_or(bare));
        changed.push_str(word.get(bare.len()..).unwrap_or_default());
    }
    changed
}

/// A duration such as `10m` divided; nothing when this is none.
fn divided(text: &str, factor: u32, shortest: Duration) -> Option<String> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let count: u64 = text.get(..text.len() - 1)?.parse().ok()?;
    let shorter = (Duration::from_secs(count * unit) / factor).max(shortest);
    Some(format!("{}ms", shorter.as_millis()))
}

#[test]
fn only_durations_become_shorter() {
    let cases = [
        ("    interval: 15s", "    interval: 1000ms"),
        ("        for: 10m", "        for: 30000ms"),
        ("        keep_firing_for: 10m", "        keep_firing_for: 30000ms"),
        ("      repeat_interval: 24h", "      repeat_interval: 4320000ms"),
        ("    increase(a_total{b=~\"x[0-9]\"}[3m])", "    increase(a_total{b=~\"x[0-9]\"}[9000ms])"),
        ("    a > 10 and (a offset 3h) > 10", "    a > 10 and (a offset 540000ms) > 10"),
        ("    increase(a[30s]) < 7 * 86400", "    increase(a[5000ms]) < 7 * 86400"),
        ("  summary: Gone for 10 minutes: a [b].", "  summary: Gone for 10 minutes: a [b]."),
        ("  group_by: [job, instance]", "  group_by: [job, instance]"),
    ];
    for (line, expected) in cases {
        assert_eq!(line_faster(line, 20), expected);
    }
}
