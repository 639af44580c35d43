//! Where in a topic something stands, when a regular expression of mqtt2prometheus says it.
//!
//! Pure. Never trusts a guess: an expression is tried on topics that the filter can bring.

use regex::Regex;

/// A level that most expressions take as a whole, and one that none takes for a part of another.
fn sample(at: usize) -> String {
    format!("Lv{at}-a_b.c:d{at}")
}

/// The template for what the group holds: `{2}`, `{-1}`, `{2}/{3}`. `None`: no level alone is it.
pub(super) fn locate(expression: &str, group: &str, filter: &str) -> Option<String> {
    let regex = Regex::new(expression).ok()?;
    // A topic of `home/#` may be too short for the expression; two of three show where the group stands.
    let all = topics(filter);
    let enough = all.len().min(2);
    let runs = all.into_iter().filter_map(|levels| Some((run(&regex, group, &levels)?, levels)));
    let (found, samples): (Vec<_>, Vec<_>) = runs.unzip();
    if found.len() < enough {
        return None;
    }
    let (first, length) = found.first().copied()?;
    let same_length = found.iter().all(|(_, other)| *other == length);
    let from_start = found.iter().all(|(at, _)| *at == first);
    let behind = |levels: &Vec<String>, at: usize| levels.len() - at;
    let depth = samples.first().map(|levels| behind(levels, first))?;
    let from_end = samples.iter().zip(&found).all(|(levels, (at, _))| behind(levels, *at) == depth);
    let name = |offset: usize| {
        if from_start { format!("{{{}}}", first + offset + 1) } else { format!("{{-{}}}", depth - offset) }
    };
    (same_length && (from_start || from_end)).then(|| (0..length).map(name).collect::<Vec<_>>().join("/"))
}

/// Topics that fit a filter, as levels.
fn topics(filter: &str) -> Vec<Vec<String>> {
    let bare = crate::config::unshared(filter);
    let more: &[usize] = if bare.ends_with('#') { &[1, 2, 3] } else { &[0] };
    let levels = |more: &usize| {
        let fixed = bare.split('/').filter(|level| *level != "#").enumerate();
        let mut levels: Vec<_> =
            fixed.map(|(at, level)| if level == "+" { sample(at) } else { level.to_owned() }).collect();
        levels.extend((0..*more).map(|at| sample(10 + at)));
        levels
    };
    more.iter().map(levels).collect()
}

/// Which levels the group holds: the first of them and how many.
fn run(regex: &Regex, group: &str, levels: &[String]) -> Option<(usize, usize)> {
    let topic = levels.join("/");
    let captures = regex.captures(&topic)?;
    let found = captures.name(group)?;
    let whole = (found.start() == 0 || topic.get(..found.start())?.ends_with('/'))
        && (found.end() == topic.len() || topic.get(found.end()..)?.starts_with('/'));
    let before = topic.get(..found.start())?.matches('/').count();
    (whole && !found.is_empty()).then(|| (before, found.as_str().split('/').count()))
}

/// An expression for a whole topic, from one that may stand anywhere in it.
pub(super) fn anywhere(expression: &str) -> String {
    format!("(?s:.*?)(?:{expression})(?s:.*)")
}

/// An expression for a whole topic, from one for the level that a template names. `None`: it cannot be put there.
pub(super) fn of_level(filter: &str, template: &str) -> Option<String> {
    let begins = filter.strip_prefix('^');
    let ends = filter.strip_suffix('$').filter(|before| !before.ends_with('\\'));
    let inner = begins.unwrap_or(filter);
    let inner = if ends.is_some() { inner.strip_suffix('$')? } else { inner };
    let alternatives = inner.contains('|') && (begins.is_some() || ends.is_some());
    let inner = within_level(inner)?;
    if alternatives || Regex::new(&inner).is_err() {
        return None;
    }
    let (before, after) =
        (if begins.is_some() { "" } else { "[^/]*" }, if ends.is_some() { "" } else { "[^/]*" });
    let level = format!("(?<sensor>{before}(?:{inner}){after})");
    let number: i64 = template.strip_prefix('{')?.strip_suffix('}')?.parse().ok()?;
    let others = "(?:[^/]*/)";
    match usize::try_from(number.unsigned_abs()).ok()?.checked_sub(1)? {
        0 if number < 0 => Some(format!("(?:.*/)?{level}")),
        steps if number < 0 => Some(format!("(?:.*/)?{level}(?:/[^/]*){{{steps}}}")),
        steps => Some(format!("{others}{{{steps}}}{level}(?:/.*)?")),
    }
}

/// The same expression where `.` is no `/`; `None` when it has anchors of its own.
fn within_level(expression: &str) -> Option<String> {
    let mut out = String::new();
    let (mut escaped, mut class) = (false, false);
    for c in expression.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            '.' if !class => {
                out.push_str("[^/]");
                continue;
            }
            '^' | '$' if !class => return None,
            _ => {}
        }
        out.push(c);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::pattern::compile;

    #[test]
    fn a_group_is_found_by_its_level() {
        for (expression, filter, expected) in [
            ("(.*/)?(?P<d>.*)", "v1/devices/me/+", Some("{4}")),
            ("(.*/)?(?P<d>.*)", "home/#", Some("{-1}")),
            ("tele/(?P<d>.*)/.*", "tele/+/SENSOR", Some("{2}")),
            ("shellies/(?P<d>[^/]+)/.*", "shellies/#", Some("{2}")),
            ("shellies/(?P<d>.*)/sensor", "shellies/+/sensor/+", Some("{2}")),
            ("home/(?P<d>[^/]+/[^/]+)/state", "home/+/+/state", Some("{2}/{3}")),
            ("shelly-(?P<d>.*)", "+", None),
            ("(?P<d>[a-z]+)", "+", None),
            ("(", "+", None),
        ] {
            assert_eq!(locate(expression, "d", filter).as_deref(), expected, "{expression} {filter}");
        }
    }

    #[test]
    fn a_filter_of_sensors_becomes_one_of_topics() {
        for (filter, template, topic, expected) in [
            ("^.*-light$", "{-1}", "home/hall-light", Some("hall-light")),
            ("^.*-light$", "{-1}", "home/hall-light/x", None),
            ("light", "{-1}", "light/hall", None),
            ("light", "{-1}", "home/my-light-2", Some("my-light-2")),
            ("^shelly[0-9]$", "{2}", "home/shelly3/state", Some("shelly3")),
            ("^shelly[0-9]$", "{2}", "home/xshelly3/state", None),
            ("^a", "{-2}", "home/abc/state", Some("abc")),
        ] {
            let pattern = compile(&of_level(filter, template).unwrap()).unwrap();
            let found = pattern.fits(topic);
            let sensor = found.as_ref().and_then(|found| found.name("sensor")).map(|group| group.as_str());
            assert_eq!(sensor, expected, "{filter} {topic}");
        }
        for filter in ["^a$|^b$", "a^b", "(", "^a|b$"] {
            assert_eq!(of_level(filter, "{-1}"), None, "{filter}");
        }
    }
}
