//! The grammar of topics and topic filters (MQTT 5 §4.7), with the fault named.
//!
//! Pure. Never repeats a topic: it may name a person or a home.

/// Longer strings do not fit into an MQTT packet.
const LONGEST: usize = 65_535;

/// What begins a shared subscription: `$share/group/filter`.
const SHARED: &str = "$share/";

/// What is wrong with a topic filter, with a right one.
#[must_use]
pub fn filter_fault(filter: &str) -> Option<String> {
    const EXAMPLE: &str = "write for example `$share/hangup/sensors/#`";
    if filter.len() > LONGEST {
        return plain_fault(filter);
    }
    let Some(shared) = filter.strip_prefix(SHARED) else { return plain_fault(filter) };
    let Some((group, rest)) = shared.split_once('/') else {
        return Some(format!("is a shared subscription without a filter behind its group ({EXAMPLE})"));
    };
    if group.is_empty() || group.contains(['+', '#']) {
        return Some(format!("has a group that is empty or holds `+` or `#` ({EXAMPLE})"));
    }
    plain_fault(rest)
}

/// What a subscription asks for, without the group of a shared one.
#[must_use]
pub fn unshared(filter: &str) -> &str {
    let shared = filter.strip_prefix(SHARED).and_then(|shared| shared.split_once('/'));
    shared.map_or(filter, |(_, rest)| rest)
}

fn plain_fault(filter: &str) -> Option<String> {
    const EXAMPLE: &str = "write for example `sensors/+/temperature` or `sensors/#`";
    if let Some(fault) = text_fault(filter) {
        return Some(format!("{fault} ({EXAMPLE})"));
    }
    let levels: Vec<&str> = filter.split('/').collect();
    let last = levels.len().saturating_sub(1);
    for (index, level) in levels.iter().enumerate() {
        if level.contains('#') && (*level != "#" || index != last) {
            return Some(format!("has a `#` that is not alone at the end ({EXAMPLE})"));
        }
        if level.contains('+') && *level != "+" {
            return Some(format!("has a `+` that shares its level with something else ({EXAMPLE})"));
        }
    }
    None
}

/// What is wrong with a topic to publish to, with a right one.
#[must_use]
pub fn topic_fault(topic: &str) -> Option<String> {
    const EXAMPLE: &str = "write for example `hangup/state`";
    if let Some(fault) = text_fault(topic) {
        return Some(format!("{fault} ({EXAMPLE})"));
    }
    let wild = topic.contains(['+', '#']);
    wild.then(|| format!("has a `+` or `#`, which only a subscription may have ({EXAMPLE})"))
}

fn text_fault(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("is empty")
    } else if text.len() > LONGEST {
        Some("is longer than 65535 bytes")
    } else if text.contains('\0') {
        Some("holds a NUL character")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_of_the_standard_are_right() {
        for right in [
            "#",
            "+",
            "/",
            "a",
            "a/#",
            "a/+/b",
            "+/+",
            "/+",
            "a//b",
            " ",
            "$SYS/#",
            "$share/g/a/#",
            "$share/g/+",
            "$share/g//",
            "$queue/a",
            "$shares",
        ] {
            assert_eq!(filter_fault(right), None, "{right}");
        }
    }

    #[test]
    fn each_fault_is_named_with_a_right_filter() {
        for (wrong, name) in [
            ("", "is empty"),
            ("a\0b", "NUL"),
            ("a#", "`#` that is not alone"),
            ("a/#/b", "`#` that is not alone"),
            ("a/b+", "`+` that shares"),
            ("$share/g", "without a filter"),
            ("$share//a", "a group that is empty"),
            ("$share/+/a", "a group that is empty"),
            ("$share/g/", "is empty"),
            ("$share/g/#/a", "`#` that is not alone"),
        ] {
            let fault = filter_fault(wrong).unwrap();
            assert!(fault.contains(name) && fault.contains("write for example"), "{wrong}: {fault}");
        }
        for begin in ["", "$share/g/"] {
            let long = "a".repeat(65_536 - begin.len());
            assert!(filter_fault(&format!("{begin}{long}")).unwrap().contains("65535"), "{begin}");
        }
    }

    #[test]
    fn a_topic_has_no_wildcard_and_a_group_is_no_part_of_the_filter() {
        assert_eq!(topic_fault("a/b"), None);
        for wrong in ["", "a/+", "#"] {
            assert!(topic_fault(wrong).is_some(), "{wrong}");
        }
        assert_eq!(
            (unshared("$share/g/a/b"), unshared("a/b"), unshared("$share/g")),
            ("a/b", "a/b", "$share/g")
        );
    }
}
