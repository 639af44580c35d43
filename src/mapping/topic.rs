//! Topic filters: which topics they fit, and the topics by which devices say that they come and go.
//!
//! Pure. Never allocates while it compares, and never takes a filter apart that was not checked when the file was read.

use crate::config::unshared;

/// Whether a topic fits a filter. A wildcard at the begin does not mean topics of the broker (`$SYS/…`).
#[must_use]
pub fn fits(filter: &str, topic: &str) -> bool {
    let filter = unshared(filter);
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    let mut wanted = filter.split('/');
    loop {
        match (wanted.next(), levels.next()) {
            (None, None) | (Some("#"), _) => return true,
            (Some("+"), Some(_)) => {}
            (Some(want), Some(level)) if want == level => {}
            (Some(_) | None, Some(_)) | (Some(_), None) => return false,
        }
    }
}

/// Whether every topic that fits the second filter fits the first: then one subscription is enough.
#[must_use]
pub fn covers(wide: &str, narrow: &str) -> bool {
    // A shared subscription brings a part of the messages only.
    if wide.starts_with("$share/") {
        return false;
    }
    if narrow.starts_with('$') && wide.starts_with(['+', '#']) {
        return false;
    }
    let (mut wide, mut narrow) = (wide.split('/'), narrow.split('/'));
    loop {
        match (wide.next(), narrow.next()) {
            (None, None) | (Some("#"), _) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(want), Some(level)) if want == level => {}
            (Some(_) | None, Some(_)) | (Some(_), None) => return false,
        }
    }
}

/// How many levels a topic that fits this filter has; `None`: as many as it likes.
#[must_use]
pub fn levels(filter: &str) -> Option<usize> {
    let filter = unshared(filter);
    (!filter.ends_with('#')).then(|| filter.split('/').count())
}

/// A level of a topic: 1 is the first, -1 the last.
#[must_use]
pub fn level(topic: &str, at: i16) -> Option<&str> {
    let steps = usize::from(at.unsigned_abs()).checked_sub(1)?;
    if at > 0 { topic.split('/').nth(steps) } else { topic.rsplit('/').nth(steps) }
}

/// A topic by which devices say that they come and go: `{device}` stands for one or more whole levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    before: String,
    after: String,
    has_device: bool,
}

impl Presence {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong, with a right example.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a topic with `{{device}}` as a level (write for example `home/{{device}}/status`)"
            )
        };
        let (before, after, has_device) = match text.split_once("{device}") {
            None => (text, "", false),
            Some((before, after)) => {
                let whole = (before.is_empty() || before.ends_with('/'))
                    && (after.is_empty() || after.starts_with('/'));
                if !whole {
                    return Err(wrong());
                }
                (before, after, true)
            }
        };
        if text.is_empty() || [before, after].iter().any(|part| part.contains(['{', '}', '#', '+', '\0'])) {
            return Err(wrong());
        }
        Ok(Self { before: before.to_owned(), after: after.to_owned(), has_device })
    }

    /// The device that this topic speaks for; `Some("")`: for all of them. `None` when it is another topic.
    #[must_use]
    pub fn device<'t>(&self, topic: &'t str) -> Option<&'t str> {
        if !self.has_device {
            return (topic == self.before).then_some("");
        }
        let device = topic.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?;
        (!device.is_empty() && !device.starts_with('/') && !device.ends_with('/')).then_some(device)
    }

    /// What to subscribe to for it, where a device has so many levels.
    #[must_use]
    pub fn filter(&self, levels: usize) -> String {
        let device = if self.has_device { vec!["+"; levels].join("/") } else { String::new() };
        format!("{}{device}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_fit_as_the_standard_says() {
        for (filter, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a/+", "a/b", true),
            ("a/+", "a", false),
            ("a/+", "a/", true),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("#", "a/b", true),
            ("+/+", "/b", true),
            ("#", "$SYS/broker", false),
            ("+/broker", "$SYS/broker", false),
            ("$SYS/#", "$SYS/broker", true),
            ("$share/g/a/+", "a/b", true),
        ] {
            assert_eq!(fits(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn a_wide_filter_covers_a_narrow_one() {
        for (wide, narrow, expected) in [
            ("z/#", "z/+/availability", true),
            ("z/+", "z/+/availability", false),
            ("z/+/+", "z/+/availability", true),
            ("z/+", "z/#", false),
            ("#", "$SYS/x", false),
            ("$share/g/z/#", "z/a", false),
            ("z/a", "z/a", true),
        ] {
            assert_eq!(covers(wide, narrow), expected, "{wide} {narrow}");
        }
    }

    #[test]
    fn a_filter_without_a_hash_knows_how_many_levels_its_topics_have() {
        for (filter, expected) in
            [("a", Some(1)), ("a/+/", Some(3)), ("$share/g/a/+", Some(2)), ("a/#", None), ("#", None)]
        {
            assert_eq!(levels(filter), expected, "{filter}");
        }
    }

    #[test]
    fn levels_are_counted_from_both_ends() {
        assert_eq!([1, 2, -1, -3].map(|at| level("a/b/c", at)), [Some("a"), Some("b"), Some("c"), Some("a")]);
        assert_eq!([0, 4, -4, i16::MIN].map(|at| level("a/b/c", at)), [None; 4]);
    }

    #[test]
    fn the_device_of_a_presence_may_have_several_levels() {
        let presence = Presence::parse("z/{device}/availability").unwrap();
        assert_eq!(presence.device("z/lamp/availability"), Some("lamp"));
        assert_eq!(presence.device("z/attic/lamp/availability"), Some("attic/lamp"));
        assert_eq!([1, 2].map(|levels| presence.filter(levels)), ["z/+/availability", "z/+/+/availability"]);
        for other in ["z/availability", "z//availability", "z/lamp", "y/lamp/availability"] {
            assert_eq!(presence.device(other), None, "{other}");
        }
        let all = Presence::parse("z/bridge/state").unwrap();
        assert_eq!((all.device("z/bridge/state"), all.device("z/x")), (Some(""), None));
        for text in ["", "z/x{device}", "z/{device}y", "z/+/{device}", "{device}/{device}"] {
            assert!(Presence::parse(text).is_err(), "{text}");
        }
    }
}
