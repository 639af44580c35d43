//! The devices that were heard of: who is counted, who said that it leaves, and whose topics are whose.
//!
//! Pure. Never knows more than [`MOST`] of them: anybody who may publish can invent devices.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::clock::{Instant, Now};
use crate::source::Sink;
use crate::telemetry::Speaker;

/// Devices of one connection at most.
pub(super) const MOST: usize = 10_000;

/// Where there is no room for a new device, one that was silent for so long makes way.
const SILENT: Duration = Duration::from_secs(86_400);

/// Silent devices are looked for at most this often.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Topics of one device that are remembered, for the moment when it says that it leaves.
const TOPICS: usize = 1_024;

/// One device.
#[derive(Debug)]
pub(super) struct Device {
    speaker: Option<Speaker>,
    /// Seconds since boot.
    heard: AtomicU64,
    /// The number of its newest message.
    message: AtomicU64,
    /// It said that it leaves.
    pub(super) left: AtomicBool,
    /// It made way for another.
    gone: AtomicBool,
    /// The places of its topics in the table.
    topics: Mutex<Vec<u32>>,
}

impl Device {
    /// It spoke, live. A message counts once, however many subscriptions it is for.
    #[inline]
    pub(super) fn heard(&self, message: u64, now: Now) {
        if self.message.swap(message, Relaxed) == message {
            return;
        }
        self.heard.store(now.at.since_boot().as_secs(), Relaxed);
        if self.left.load(Relaxed) {
            self.left.store(false, Relaxed);
        }
        if let Some(speaker) = &self.speaker {
            speaker.heard(now);
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }

    /// It has a topic at this place.
    pub(super) fn has_topic(&self, place: u32) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        if topics.last() == Some(&place) || topics.contains(&place) {
            return;
        }
        if topics.len() >= TOPICS {
            topics.remove(0);
        }
        topics.push(place);
    }

    /// The places of its topics; another topic may stand there by now.
    pub(super) fn topics(&self) -> Vec<u32> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// All devices of one connection.
#[derive(Debug, Default)]
pub(super) struct Devices {
    known: HashMap<Arc<str>, Arc<Device>>,
    swept: Option<Instant>,
}

impl Devices {
    /// A device that is known.
    pub(super) fn get(&self, name: &str) -> Option<&Arc<Device>> {
        self.known.get(name)
    }

    /// The device of this name; `None` when it is one too many.
    pub(super) fn enter(
        &mut self,
        name: &str,
        interval: Option<Duration>,
        now: Now,
        sink: &mut dyn Sink,
    ) -> Option<Arc<Device>> {
        if let Some(known) = self.known.get(name) {
            return Some(Arc::clone(known));
        }
        if self.known.len() >= MOST {
            self.sweep(now, sink);
        }
        if self.known.len() >= MOST {
            return None;
        }
        let name: Arc<str> = name.into();
        let device = Arc::new(Device {
            speaker: sink.speaker(&name, interval),
            heard: AtomicU64::new(now.at.since_boot().as_secs()),
            message: AtomicU64::new(0),
            left: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            topics: Mutex::default(),
        });
        self.known.insert(name, Arc::clone(&device));
        Some(device)
    }

    /// A session begins, and the broker says anew what it keeps of who is there: what was known of that is of the past.
    pub(super) fn ask_anew(&self) {
        for device in self.known.values() {
            device.left.store(false, Relaxed);
        }
    }

    fn sweep(&mut self, now: Now, sink: &mut dyn Sink) {
        let due = self.swept.is_none_or(|swept| now.at.saturating_since(swept) >= SWEEP_EVERY);
        if !due {
            return;
        }
        self.swept = Some(now.at);
        let oldest = now.at.since_boot().as_secs().saturating_sub(SILENT.as_secs());
        self.known.retain(|name, device| {
            let stays = device.heard.load(Relaxed) > oldest;
            if !stays {
                device.gone.store(true, Relaxed);
                sink.forget_speaker(name);
            }
            stays
        });
    }
}
