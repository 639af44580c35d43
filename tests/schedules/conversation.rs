//! The driver's part that carries the dialogue: the real conversation with the simulated heater, and a probe of ours.
//! Never speaks before the talk has begun.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hangup::connection::machine::{Input, Rebuild};
use hangup::connection::message::{Incoming, Outgoing};
use hangup::lifecycle::StateName;
use hangup::reading::Reading;
use hangup::source::navien::devices::Entry;
use hangup::source::navien::dialogue::{Conversation, Manner, Start};
use hangup::source::navien::requests::Asker;
use hangup::source::navien::topics;
use hangup::source::{Dialogue as _, Inventory, Listed, Sink, Want};

use crate::health::Health;
use crate::plan::{CLIENT, HEATER};
use crate::universe::{Event, Universe};

/// Between two probes.
const PROBE_AGAIN: Duration = Duration::from_secs(10);

impl Universe<'_> {
    pub(crate) fn make_dialogue(&mut self) {
        let hours = Duration::from_secs(1800);
        self.dialogue = Some(Conversation::new(Start {
            asker: asker(),
            manner: Manner {
                status_interval: self.schedule.status_interval,
                features_interval: hours,
                energy_interval: hours,
                request_limit: Duration::from_secs(20),
                keep_alive: self.schedule.keep_alive,
                diagnostic: false,
            },
            heaters: vec![(heater(self.world.is_online(0, self.now.at)), "heater".to_owned())],
            listed: self.now.at,
            zone: jiff::tz::TimeZone::UTC,
            memories: Arc::clone(&self.memories),
            seed: self.rng.u64(..),
        }));
    }

    pub(crate) fn begin_talk(&mut self) {
        self.talking = true;
        let now = self.our_now();
        self.dialogue.as_mut().expect("planned with the plan").restored(now, &mut Quiet);
    }

    pub(crate) fn message(&mut self, message: &Incoming) {
        if message.payload.starts_with(PROBE) {
            self.probed += 1;
        }
        let now = self.our_now();
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.heard(message, now, &mut Quiet);
        }
    }

    /// Lets the dialogue say what it wants, and does it.
    pub(crate) fn converse(&mut self) {
        let (now, mut wants) = (self.our_now(), Vec::new());
        match &mut self.dialogue {
            Some(dialogue) if self.talking => dialogue.due(now, &mut Quiet, &mut wants),
            Some(_) | None => return,
        }
        for want in wants {
            if !self.talking {
                break;
            }
            match want {
                Want::Publish(message) => self.publish(message),
                Want::LookUp => self.look_up(),
                Want::Reconnect(_) => self.rebuild(Rebuild::Everything),
                Want::Replan(_) => self.rebuild(Rebuild::Plan),
            }
        }
    }

    fn rebuild(&mut self, rebuild: Rebuild) {
        self.step(Input::Rebuild { generation: self.machine.generation(), rebuild });
    }

    fn look_up(&mut self) {
        if !std::mem::replace(&mut self.looking_up, true) {
            let took = self.path.latency(self.now.at) * 3;
            let (life, generation) = (self.life, self.machine.generation());
            self.after(took, Event::LookedUp { life, generation });
        }
    }

    pub(crate) fn looked_up(&mut self, life: u32, generation: u64) {
        if !self.looking_up || (life, generation) != (self.life, self.machine.generation()) {
            return;
        }
        self.looking_up = false;
        let now = self.our_now();
        let lost = self.path.lost(now.at).is_some();
        let online = Some(self.world.is_online(0, now.at));
        let inventory = Inventory { devices: vec![Listed { key: HEATER.to_owned(), online }] };
        if let Some(dialogue) = &mut self.dialogue {
            dialogue.inventory(Some(&inventory).filter(|_| !lost), now, &mut Quiet);
        }
        self.converse();
    }

    pub(crate) fn farewell(&mut self) -> Vec<Outgoing> {
        let now = self.our_now();
        match &mut self.dialogue {
            Some(dialogue) if self.talking => dialogue.farewell(now),
            Some(_) | None => Vec::new(),
        }
    }

    /// Many requests at once; what does not fit is refused, and nothing else happens to it.
    pub(crate) fn burst(&mut self, count: u32) {
        for _ in 0..count {
            let (topic, payload) = (topics::request(HEATER, "hangup-burst"), Bytes::from_static(b"{}"));
            if self.talking {
                self.publish(Outgoing { token: 0, topic, payload, qos: 1, retain: false });
            }
        }
    }

    /// A message to ourselves by way of each subscription. All that comes back proves that all are active.
    pub(crate) fn probe(&mut self) {
        let Health::Calm { .. } = self.health else { return };
        let topics = [topics::request(HEATER, "hangup-probe"), topics::query_answer(CLIENT, "hangup-probe")];
        if self.probed >= topics.len() {
            let (closes, drops) = (self.rules.summary.closes, self.rules.summary.drops.values().sum());
            self.health = Health::Works { since: self.now.at, closes, drops };
            return;
        }
        self.probed = 0;
        if self.machine.state() == StateName::Online {
            for topic in topics {
                let payload = Bytes::from_static(PROBE);
                self.publish(Outgoing { token: 0, topic, payload, qos: 1, retain: false });
            }
        }
        self.after(PROBE_AGAIN, Event::Probe);
    }
}

const PROBE: &[u8] = b"hangup-probe";

fn asker() -> Asker {
    Asker { client_id: CLIENT.to_owned(), session_id: "0f1e2d3c".to_owned(), user: Some(30_001) }
}

fn heater(online: bool) -> Entry {
    Entry {
        mac: HEATER.to_owned(),
        additional_value: "0042".to_owned(),
        device_type: 52,
        name: "NWP500".to_owned(),
        home: Some(20_001),
        online: Some(online),
    }
}

/// Readings are not the matter here.
struct Quiet;

impl Sink for Quiet {
    fn reading(&mut self, _: &Reading<'_>) {}
    fn device_seen(&mut self, _: &str) {}
    fn expected_interval(&mut self, _: &str, _: Duration) {}
    fn field_error(&mut self, _: &str, _: &'static str) {}
    fn request_answered(&mut self, _: &str, _: Duration) {}
    fn request_timed_out(&mut self, _: &str) {}
    fn devices(&mut self, _: &[&str]) {}
    fn link_up(&mut self) {}
    fn link_down(&mut self, _: hangup::clock::Instant) {}
}
