//! The account's devices as the vendor's list tells them, and the labels they go by.
//!
//! Never keeps a location, an installer or a name of a person; a MAC never becomes a label.

use std::collections::{BTreeMap, BTreeSet};

use ring::digest;
use serde_json::Value;

use super::topics::DEVICE_TYPE;
use crate::source::{Inventory, Listed};

/// Entries per page, which is also the most that the vendor gives.
pub const PAGE: usize = 20;

/// One entry of the device list, of whatever family.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Twelve lower-case hexadecimal digits.
    pub mac: String,
    /// Opaque; echoed in every request.
    pub additional_value: String,
    /// The vendor's number of the family; 52 is the one we speak to.
    pub device_type: i64,
    /// The owner's free text. Not exported.
    pub name: String,
    /// The home's number, part of one topic.
    pub home: Option<i64>,
    /// Whether the cloud sees it.
    pub online: Option<bool>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("device_type", &self.device_type)
            .field("online", &self.online)
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// Whether it is of the family that this source speaks to.
    #[must_use]
    pub fn is_supported(&self) -> bool {
        self.device_type == DEVICE_TYPE
    }
}

/// One page of the list: its usable entries and how many there were at all, usable or not.
#[derive(Debug)]
pub struct Page {
    /// What could be read.
    pub entries: Vec<Entry>,
    /// Entries that the page held.
    pub length: usize,
}

/// Reads a page in any of the forms seen: a plain array or wrapped, with nested or flat entries.
#[must_use]
pub fn page(data: &Value) -> Option<Page> {
    let list = match data {
        Value::Array(list) => list,
        Value::Object(wrapped) => wrapped.get("deviceList")?.as_array()?,
        Value::Null => return Some(Page { entries: Vec::new(), length: 0 }),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    };
    Some(Page { entries: list.iter().filter_map(entry).collect(), length: list.len() })
}

fn entry(element: &Value) -> Option<Entry> {
    let info = element.get("deviceInfo").unwrap_or(element);
    let text = |key: &str| info.get(key).and_then(Value::as_str).unwrap_or_default();
    let number = |key: &str| info.get(key).and_then(super::wire::integer);
    Some(Entry {
        mac: mac(text("macAddress"))?,
        additional_value: text("additionalValue").to_owned(),
        device_type: number("deviceType")?,
        name: text("deviceName").to_owned(),
        home: number("homeSeq"),
        online: match number("connected") {
            Some(1) => Some(false),
            Some(2) => Some(true),
            _ => None,
        },
    })
}

/// A MAC as the topics want it: twelve lower-case hexadecimal digits. Separators are dropped.
#[must_use]
pub fn mac(text: &str) -> Option<String> {
    let mac: String =
        text.chars().filter(|c| !matches!(c, ':' | '-')).collect::<String>().to_ascii_lowercase();
    (mac.len() == 12 && mac.bytes().all(|b| b.is_ascii_hexdigit())).then_some(mac)
}

/// The label of a device: its alias, else a short id that is stable and does not tell the MAC.
#[must_use]
pub fn label(mac: &str, aliases: &BTreeMap<String, String>) -> String {
    aliases.get(mac).cloned().unwrap_or_else(|| {
        let hash = crate::source::sigv4::hex(digest::digest(&digest::SHA256, mac.as_bytes()).as_ref());
        format!("nwp-{}", hash.get(..8).unwrap_or(&hash))
    })
}

/// The supported ones, each MAC once, sorted.
#[must_use]
pub fn supported(entries: &[Entry]) -> Vec<Entry> {
    let mut seen = BTreeSet::new();
    let mut list: Vec<Entry> =
        entries.iter().filter(|e| e.is_supported() && seen.insert(e.mac.clone())).cloned().collect();
    list.sort_by(|one, other| one.mac.cmp(&other.mac));
    list
}

/// The same as the dialogue wants it.
#[must_use]
pub fn inventory(supported: &[Entry]) -> Inventory {
    Inventory { devices: supported.iter().map(|e| Listed { key: e.mac.clone(), online: e.online }).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mac_is_lower_cased_and_checked() {
        assert_eq!(mac("02:00:00:AA:BB:01").as_deref(), Some("020000aabb01"));
        for bad in ["", "020000aabb0", "020000aabb012", "020000aabbzz", "+/#", "навилинк-мак"] {
            assert_eq!(mac(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_label_is_the_alias_or_a_hash_but_never_the_mac() {
        let aliases = BTreeMap::from([("020000aabb01".to_owned(), "garage".to_owned())]);
        assert_eq!(label("020000aabb01", &aliases), "garage");
        let other = label("020000aabb02", &aliases);
        assert!(other.starts_with("nwp-") && other.len() == 12 && !other.contains("aabb"));
        assert_eq!(other, label("020000aabb02", &BTreeMap::new()), "it is stable");
    }

    #[test]
    fn an_entry_without_a_valid_mac_is_skipped_but_counts_for_paging() {
        let page = page(&json!([
            {"deviceInfo": {"macAddress": "#", "deviceType": 52}},
            {"deviceInfo": {"macAddress": "020000aabb01", "deviceType": "52", "connected": "2"}},
            17
        ]))
        .unwrap();
        assert_eq!((page.entries.len(), page.length), (1, 3));
        assert_eq!(page.entries[0].online, Some(true));
    }

    #[test]
    fn a_list_of_another_shape_is_none() {
        assert!(page(&json!("text")).is_none());
        assert!(page(&json!({"devices": []})).is_none());
        assert_eq!(page(&Value::Null).unwrap().length, 0);
    }

    #[test]
    fn other_families_and_duplicates_are_left_out() {
        let page = page(&json!([
            {"macAddress": "020000aabb10", "deviceType": 1},
            {"macAddress": "020000aabb02", "deviceType": 52},
            {"macAddress": "020000AABB02", "deviceType": 52},
            {"macAddress": "020000aabb01", "deviceType": 52}
        ]))
        .unwrap();
        let macs: Vec<_> = supported(&page.entries).into_iter().map(|e| e.mac).collect();
        assert_eq!(macs, ["020000aabb01", "020000aabb02"]);
    }

    #[test]
    fn an_entry_prints_neither_mac_nor_name() {
        let page =
            page(&json!([{"macAddress": "020000aabb01", "deviceType": 52, "deviceName": "Pat"}])).unwrap();
        let printed = format!("{page:?}");
        assert!(!printed.contains("aabb") && !printed.contains("Pat"));
    }
}
