//! What the tests share: fixtures, a sink that keeps everything, a conversation to talk to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hangup::clock::{Instant, Now};
use hangup::connection::message::Incoming;
use hangup::reading::Reading;
use hangup::source::navien::devices::Entry;
use hangup::source::navien::dialogue::{Conversation, Manner, Memories, Start};
use hangup::source::navien::quantities;
use hangup::source::navien::requests::Asker;
use hangup::source::{Dialogue, Outcome, Sink};
use serde_json::Value;

pub(crate) const CLIENT: &str = "navien-exporter-1a2b3c4d";
pub(crate) const FIRST: &str = "020000aabb01";
pub(crate) const SECOND: &str = "020000aabb02";

pub(crate) fn bytes(file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/navien").join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn json(file: &str) -> Value {
    serde_json::from_slice(&bytes(file)).unwrap()
}

/// The entries of the manifest that pass.
pub(crate) fn manifest(pass: impl Fn(&Value) -> bool) -> Vec<Value> {
    let list = json("manifest.json")["fixtures"].as_array().unwrap().clone();
    list.into_iter().filter(|entry| pass(entry)).collect()
}

/// Two o'clock in the afternoon, UTC, of a day written `2026-01-15`.
pub(crate) fn on(day: &str) -> Now {
    let wall: SystemTime = format!("{day}T14:00:00Z").parse::<jiff::Timestamp>().unwrap().into();
    Now { at: Instant::from_boot(Duration::from_secs(1_000)), wall }
}

/// Everything that a dialogue told.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// `name{label=value,…}` with sorted labels, by device.
    pub(crate) readings: BTreeMap<(String, String), f64>,
    pub(crate) lifetimes: BTreeMap<String, Duration>,
    pub(crate) field_errors: Vec<(String, &'static str)>,
    pub(crate) seen: Vec<String>,
    pub(crate) answered: Vec<(String, Duration)>,
    pub(crate) timed_out: Vec<String>,
    pub(crate) devices: Vec<String>,
    pub(crate) intervals: BTreeMap<String, Duration>,
}

impl Kept {
    /// The reading of the only device that is expected to have spoken.
    pub(crate) fn get(&self, series: &str) -> Option<f64> {
        let mut found = self.readings.iter().filter(|((_, name), _)| name == series).map(|(_, value)| *value);
        let value = found.next();
        assert!(found.next().is_none(), "{series} of several devices");
        value
    }
}

impl Sink for Kept {
    fn reading(&mut self, reading: &Reading<'_>) {
        let described = quantities::all()
            .find(|described| described.quantity == reading.quantity)
            .unwrap_or_else(|| panic!("{} is in no list", reading.quantity.name));
        let names: Vec<&str> = reading.labels.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, described.labels, "labels of {}", reading.quantity.name);
        let mut labels: Vec<String> =
            reading.labels.iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| format!("{n}={v}")).collect();
        labels.sort();
        let name = &reading.quantity.name;
        let series =
            if labels.is_empty() { name.to_string() } else { format!("{name}{{{}}}", labels.join(",")) };
        let key = (reading.device.to_owned(), series);
        // A lifetime of nothing takes a series off the page.
        if reading.lifetime.is_zero() {
            self.readings.remove(&key);
        } else {
            self.lifetimes.insert(name.to_string(), reading.lifetime);
            self.readings.insert(key, reading.value);
        }
    }
    fn device_seen(&mut self, device: &str) {
        self.seen.push(device.to_owned());
    }
    fn expected_interval(&mut self, device: &str, interval: Duration) {
        self.intervals.insert(device.to_owned(), interval);
    }
    fn field_error(&mut self, device: &str, field: &'static str) {
        self.field_errors.push((device.to_owned(), field));
    }
    fn request_answered(&mut self, device: &str, took: Duration) {
        self.answered.push((device.to_owned(), took));
    }
    fn request_timed_out(&mut self, device: &str) {
        self.timed_out.push(device.to_owned());
    }
    fn devices(&mut self, devices: &[&str]) {
        self.devices = devices.iter().map(|device| (*device).to_owned()).collect();
    }
    fn link_up(&mut self) {}
    fn link_down(&mut self, _: Instant) {}
}

pub(crate) fn entry(mac: &str, online: Option<bool>) -> Entry {
    Entry {
        mac: mac.to_owned(),
        additional_value: "0042".to_owned(),
        device_type: 52,
        name: "NWP500".to_owned(),
        home: Some(20_001),
        online,
    }
}

pub(crate) fn manner(diagnostic: bool) -> Manner {
    Manner {
        status_interval: Duration::from_secs(60),
        features_interval: Duration::from_secs(1_800),
        energy_interval: Duration::from_secs(1_800),
        request_limit: Duration::from_secs(20),
        keep_alive: Duration::from_secs(30),
        diagnostic,
    }
}

pub(crate) fn asker() -> Asker {
    Asker { client_id: CLIENT.to_owned(), session_id: "0f1e2d3c".to_owned(), user: Some(30_001) }
}

/// A conversation with `first` and `second`, listed at `now`.
pub(crate) fn conversation(
    manner: Manner,
    heaters: &[Entry],
    now: Now,
    memories: &Arc<Mutex<Memories>>,
) -> Conversation {
    let labels = ["first", "second"];
    Conversation::new(Start {
        asker: asker(),
        manner,
        heaters: heaters.iter().cloned().zip(labels.map(str::to_owned)).collect(),
        listed: now.at,
        zone: jiff::tz::TimeZone::UTC,
        memories: Arc::clone(memories),
        seed: 7,
    })
}

pub(crate) fn message(topic: &str, payload: impl Into<Bytes>) -> Incoming {
    Incoming { topic: topic.to_owned(), payload: payload.into(), qos: 1, retain: false, properties: None }
}

/// A conversation that hears fixtures.
pub(crate) struct Listener {
    pub(crate) conversation: Conversation,
    pub(crate) kept: Kept,
    pub(crate) now: Now,
}

impl Listener {
    pub(crate) fn new(diagnostic: bool, day: &str) -> Self {
        let now = on(day);
        let heaters = [entry(FIRST, None), entry(SECOND, None)];
        let conversation = conversation(manner(diagnostic), &heaters, now, &Arc::default());
        Self { conversation, kept: Kept::default(), now }
    }

    /// One to which the features said that a recirculation loop is fitted.
    pub(crate) fn with_recirculation(diagnostic: bool, day: &str) -> Self {
        let mut listener = Self::new(diagnostic, day);
        let mut feature = json("mqtt-feature-80gal-recirculation.json");
        for mac in [FIRST, SECOND] {
            feature["response"]["macAddress"] = mac.into();
            listener.hear("cmd/52/x/res", feature.to_string().as_bytes());
        }
        listener.kept = Kept::default();
        listener
    }

    pub(crate) fn hear(&mut self, topic: &str, payload: &[u8]) -> Outcome {
        self.conversation.heard(&message(topic, payload.to_vec()), self.now, &mut self.kept)
    }

    /// Hears a fixture on the topic that the manifest names.
    pub(crate) fn fixture(&mut self, file: &str) -> Outcome {
        let entry = manifest(|entry| entry["file"] == file).remove(0);
        self.hear(entry["topic"].as_str().unwrap(), &bytes(file))
    }
}
