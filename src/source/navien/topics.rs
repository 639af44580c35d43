//! Topics of the vendor's cloud, and the client id that is part of them.
//!
//! Never put a topic into a log or a label: it holds a MAC or the client id.

/// The device type of this family's Wi-Fi module. Others speak another dialect in which 1 means on.
pub const DEVICE_TYPE: i64 = 52;

/// A client id that no other process has: two connections with one id throw each other out without end.
#[must_use]
pub fn client_id() -> String {
    crate::source::client_id("navien-hangup-")
}

/// Where a request with this suffix goes.
#[must_use]
pub fn request(mac: &str, suffix: &str) -> String {
    format!("cmd/{DEVICE_TYPE}/navilink-{mac}/{suffix}")
}

/// Where status and features are answered to.
#[must_use]
pub fn acknowledgement(mac: &str, client_id: &str) -> String {
    format!("cmd/{DEVICE_TYPE}/navilink-{mac}/{client_id}/res")
}

/// Where a query is answered to; `query` is the request's suffix without its leading `st/`.
#[must_use]
pub fn query_answer(client_id: &str, query: &str) -> String {
    format!("cmd/{DEVICE_TYPE}/{client_id}/res/{query}")
}

/// The vendor app's longer form of [`query_answer`], without which diagnostics come as raw hex.
///
/// Seven slashes, which is the most that AWS allows.
#[must_use]
pub fn long_query_answer(home: i64, user: i64, client_id: &str, query: &str) -> String {
    format!("cmd/{DEVICE_TYPE}/{home}/{user}/{client_id}/res/{query}")
}

/// Where a client announces itself to a device.
#[must_use]
pub fn app_connection(mac: &str) -> String {
    format!("evt/{DEVICE_TYPE}/navilink-{mac}/app-connection")
}

/// Everything about one device. Its own presence event (`evt/…/connection`) is left out: AWS closes the whole
/// connection on a denied SUBSCRIBE, whether the policy grants that topic is not known, and the device list tells
/// the same.
#[must_use]
pub fn device_filter(mac: &str) -> String {
    format!("cmd/{DEVICE_TYPE}/navilink-{mac}/#")
}

/// All answers to queries.
#[must_use]
pub fn answers_filter(client_id: &str) -> String {
    format!("cmd/{DEVICE_TYPE}/{client_id}/res/#")
}

/// All answers to queries, in the longer form.
#[must_use]
pub fn long_answers_filter(home: i64, user: i64, client_id: &str) -> String {
    format!("cmd/{DEVICE_TYPE}/{home}/{user}/{client_id}/res/#")
}

/// The MAC in a topic, if one level is `navilink-` and 12 hexadecimal digits.
#[must_use]
pub fn mac_of(topic: &str) -> Option<String> {
    topic.split('/').find_map(|level| level.strip_prefix("navilink-")).and_then(super::devices::mac)
}

/// Whether the topic is addressed to this client.
#[must_use]
pub fn is_for(topic: &str, client_id: &str) -> bool {
    topic.split('/').any(|level| level == client_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_differ_and_fit_into_a_topic() {
        let (one, other) = (client_id(), client_id());
        assert_ne!(one, other);
        assert!(one.strip_prefix("navien-hangup-").unwrap().chars().all(|c| c.is_ascii_hexdigit()));
    }

    #[test]
    fn the_longest_topic_keeps_to_the_seven_slashes_of_aws() {
        let topic = long_query_answer(20_001, 30_001, "c", "td/rd");
        assert_eq!(topic.matches('/').count(), 7);
    }

    #[test]
    fn a_mac_is_found_only_where_it_is_one() {
        assert_eq!(mac_of("cmd/52/navilink-020000AABB01/st").as_deref(), Some("020000aabb01"));
        assert_eq!(mac_of("cmd/52/navilink-nonsense/st"), None);
        assert_eq!(mac_of("cmd/52/somebody/res/rsv/rd"), None);
    }

    #[test]
    fn a_client_id_counts_only_as_a_whole_level() {
        assert!(is_for("cmd/52/navilink-020000aabb01/me/res", "me"));
        assert!(!is_for("cmd/52/navilink-020000aabb01/me-too/res", "me"));
    }
}
