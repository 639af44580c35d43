//! Topics and filters: what is well formed, what matches, what an account may use. Pure.
//!
//! Never lenient: AWS closes the connection over any of this.

/// Whether `topic` can be published to at all.
#[must_use]
pub fn is_topic(topic: &str) -> bool {
    !topic.is_empty() && !topic.contains(['+', '#', '\0'])
}

/// Whether `filter` can be subscribed to at all.
#[must_use]
pub fn is_filter(filter: &str) -> bool {
    let levels: Vec<&str> = filter.split('/').collect();
    let last = levels.len().saturating_sub(1);
    !filter.is_empty()
        && !filter.contains('\0')
        && levels.iter().enumerate().all(|(at, level)| match *level {
            "#" => at == last,
            "+" => true,
            level => !level.contains(['+', '#']),
        })
}

/// Whether a message on `topic` goes to subscribers of `filter`. Wildcards do not see topics that begin with `$`.
#[must_use]
pub fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            // `a/#` sees `a` too.
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            (_, _) => return false,
        }
    }
    levels.next().is_none()
}

/// What an account may publish to and subscribe to: the topics of its own devices and of its own clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// `{device type}` and `{mac}` of each device.
    pub devices: Vec<(u16, String)>,
    /// Whether it may hear of the coming and going of all clients.
    pub presence: bool,
}

impl Policy {
    /// Whether a client may publish to this topic.
    #[must_use]
    pub fn may_publish(&self, client_id: &str, topic: &str) -> bool {
        self.covers_device(topic) || Self::covers_client(client_id, topic)
    }

    /// Whether a client may subscribe to this filter.
    #[must_use]
    pub fn may_subscribe(&self, client_id: &str, filter: &str) -> bool {
        self.covers_device(filter)
            || Self::covers_client(client_id, filter)
            || (self.presence && filter.starts_with("$aws/events/presence/"))
            || matches("evt/+/mobile/event/disconnect-mqtt", filter)
    }

    /// `cmd|evt/{type}/navilink-{mac}/…` of an own device.
    fn covers_device(&self, topic: &str) -> bool {
        self.devices.iter().any(|(device_type, mac)| {
            ["cmd", "evt"].iter().any(|kind| {
                topic
                    .strip_prefix(&format!("{kind}/{device_type}/navilink-{mac}/"))
                    .is_some_and(|rest| !rest.is_empty())
            })
        })
    }

    /// `cmd/{type}/{client}/res/…` and `cmd/{type}/{home}/{user}/{client}/res/…` of the client itself.
    fn covers_client(client_id: &str, topic: &str) -> bool {
        let levels: Vec<&str> = topic.split('/').collect();
        match levels.as_slice() {
            ["cmd", _, id, "res", ..] | ["cmd", _, _, _, id, "res", ..] => *id == client_id,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_whole_levels() {
        for (filter, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/+", "a/b", true),
            ("a/+", "a/b/c", false),
            ("a/+", "a", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("+/b", "a/b", true),
            ("#", "a/b", true),
            ("#", "$aws/events", false),
            ("+/events", "$aws/events", false),
            ("$aws/#", "$aws/events", true),
            ("a/b", "a/b/", false),
            ("a/+/c", "a//c", true),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn malformed_filters_are_known() {
        for filter in ["", "a#", "a/#/b", "a+/b", "+a"] {
            assert!(!is_filter(filter), "{filter}");
        }
        assert!(is_filter("a/+/#") && is_filter("#") && is_filter("+") && is_filter("/"));
        assert!(!is_topic("a/+") && !is_topic("") && is_topic("a//b"));
    }

    #[test]
    fn an_account_has_its_devices_and_its_clients_only() {
        let policy = Policy { devices: vec![(52, "020000aabb01".to_owned())], presence: false };
        assert!(policy.may_subscribe("me", "cmd/52/navilink-020000aabb01/#"));
        assert!(policy.may_subscribe("me", "cmd/52/me/res/#"));
        assert!(policy.may_subscribe("me", "cmd/52/20001/30001/me/res/td/rd"));
        assert!(policy.may_publish("me", "evt/52/navilink-020000aabb01/app-connection"));
        for denied in [
            "#",
            "cmd/#",
            "cmd/52/navilink-020000aabb02/#",
            "cmd/52/you/res/#",
            "$aws/events/#",
            "cmd/52/+/res/#",
        ] {
            assert!(!policy.may_subscribe("me", denied), "{denied}");
        }
    }
}
