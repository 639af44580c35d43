//! The whole cloud in virtual time, with a client that does nothing but come back.

use std::time::SystemTime;

use bytes::Bytes;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Connect, PubAck, Publish, Subscribe};
use serde_json::{Value, json};

use super::*;
use crate::simulator::faults::Fault;

const MAC: &str = "020000aabb01";

/// A client that reconnects a second after each end, subscribes, and asks for the status every five seconds.
struct Drive {
    world: World,
    now: Now,
    connection: Option<ConnectionId>,
    come_back: Instant,
    ask: Instant,
    ends: Vec<(f64, Ending)>,
    statuses: Vec<(f64, Value)>,
}

impl Drive {
    fn new(settings: Settings) -> Self {
        let boot = Instant::from_boot(Duration::from_secs(5000));
        let now = Now { at: boot, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000) };
        let world = World::new(settings, TimeZone::UTC, now);
        let (come_back, ask) = (now.at, now.at);
        Self { world, now, connection: None, come_back, ask, ends: Vec::new(), statuses: Vec::new() }
    }

    /// When its connections ended, on the wall clock.
    fn ended_at(&self) -> Vec<f64> {
        self.ends.iter().map(|(after, _)| 1_790_000_000.0 + after).collect()
    }

    fn seconds(&self) -> f64 {
        self.now.at.saturating_since(self.world.started.at).as_secs_f64()
    }

    fn run(&mut self, lasts: Duration) {
        let until = self.now.plus(lasts);
        while self.now.at < until.at {
            let next =
                self.world.deadline().min(if self.connection.is_some() { self.ask } else { self.come_back });
            let step = next.min(until.at).saturating_since(self.now.at).max(Duration::from_millis(1));
            self.now = self.now.plus(step);
            let out = self.world.tick(self.now);
            self.see(out);
            self.play();
        }
    }

    fn play(&mut self) {
        match self.connection {
            None if self.now.at >= self.come_back => {
                let id = self.world.open(0, self.now.at);
                self.connection = Some(id);
                self.ask = self.now.at + Duration::from_millis(500);
                let mut connect = Connect::new("me");
                connect.keep_alive = 30;
                self.send(id, Packet::Connect(connect));
                let mut subscribe = Subscribe::new(format!("cmd/52/navilink-{MAC}/#"), QoS::AtLeastOnce);
                subscribe.pkid = 1;
                self.send(id, Packet::Subscribe(subscribe));
            }
            Some(id) if self.now.at >= self.ask => {
                self.ask = self.now.at + Duration::from_secs(5);
                let body =
                    json!({ "clientID": "me", "request": { "command": 16_777_219, "macAddress": MAC } });
                let topic = format!("cmd/52/navilink-{MAC}/st");
                self.send(id, Packet::Publish(Publish::new(topic, QoS::AtMostOnce, body.to_string())));
            }
            None | Some(_) => {}
        }
    }

    fn send(&mut self, id: ConnectionId, packet: Packet) {
        if self.connection == Some(id) {
            let out = self.world.packet(id, packet, self.now);
            self.see(out);
        }
    }

    fn inject(&mut self, fault: Fault) {
        let out = self.world.inject(fault, self.now);
        self.see(out);
    }

    fn see(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::End(id, ending) if self.connection == Some(id) => {
                    self.ends.push((self.seconds(), ending));
                    self.connection = None;
                    self.come_back = self.now.at + Duration::from_millis(1100);
                }
                Output::Send { to, packet: Packet::Publish(message) } if self.connection == Some(to) => {
                    self.hear(&message.payload);
                    if message.qos == QoS::AtLeastOnce {
                        self.send(to, Packet::PubAck(PubAck::new(message.pkid)));
                    }
                }
                Output::Send { .. }
                | Output::End(..)
                | Output::Garbage(..)
                | Output::Text(_)
                | Output::StopListening(_)
                | Output::Say(_) => {}
            }
        }
    }

    fn hear(&mut self, payload: &Bytes) {
        let body: Value = serde_json::from_slice(payload).unwrap();
        if let Some(status) = body.pointer("/response/status") {
            self.statuses.push((self.seconds(), status.clone()));
        }
    }

    fn ends_between(&self, from: f64, to: f64) -> usize {
        self.ends.iter().filter(|(at, _)| (from..to).contains(at)).count()
    }
}

#[test]
fn two_minutes_of_the_demo_show_readings_a_storm_and_a_recovery() {
    let mut drive = Drive::new(Settings::demo(1));
    drive.run(Duration::from_secs(125));
    assert!(drive.statuses.iter().any(|(at, _)| *at < 10.0), "readings within ten seconds");
    assert!(drive.ends_between(47.0, 72.0) >= 6, "a storm: {:?}", drive.ends);
    assert!(drive.ends_between(72.0, 104.0) == 0, "a recovery: {:?}", drive.ends);
    let kinds: std::collections::HashSet<_> = drive.ends.iter().map(|(_, e)| format!("{e:?}")).collect();
    assert!(kinds.len() >= 3, "{kinds:?}");
}

#[test]
fn two_minutes_of_the_demo_show_a_draw_and_heating() {
    let mut drive = Drive::new(Settings { story: None, ..Settings::demo(1) });
    drive.run(Duration::from_secs(120));
    let seen = |key: &str, value: i64| drive.statuses.iter().any(|(_, status)| status[key] == value);
    assert!(seen("dhwUse", 2) && seen("dhwUse", 1), "a draw begins and ends");
    assert!(seen("compUse", 2), "the heat pump runs");
    let volume = |status: &Value| status["cumulatedDhwFlowRate"].as_i64().unwrap();
    let (first, last) = (&drive.statuses.first().unwrap().1, &drive.statuses.last().unwrap().1);
    assert!(volume(last) > volume(first) + 40);
}

#[test]
fn the_same_seed_lives_the_same_life() {
    let life = |seed| {
        let mut drive = Drive::new(Settings::demo(seed));
        drive.run(Duration::from_secs(600));
        (drive.ends, drive.statuses)
    };
    assert_eq!(life(7), life(7));
    assert_ne!(life(7).1, life(8).1);
}

#[test]
fn hours_of_surprises_leave_a_cloud_that_works() {
    for seed in 0..3 {
        let mut drive = Drive::new(Settings { model_speed: 1.0, ..Settings::demo(seed) });
        drive.run(Duration::from_secs(3 * 3600));
        assert!(drive.ends.len() > 20, "{}", drive.ends.len());
        drive.world.story = None;
        drive.run(Duration::from_secs(120));
        let calm = drive.seconds() - 20.0;
        assert!(drive.statuses.last().unwrap().0 > calm, "seed {seed} ends in silence");
        assert_eq!(drive.world.clients(), ["me"]);
    }
}

#[test]
fn a_frozen_broker_hears_and_says_nothing() {
    let mut drive = Drive::new(Settings::default());
    drive.run(Duration::from_secs(8));
    drive.inject(Fault::Frozen(Duration::from_secs(30)));
    let before = drive.statuses.len();
    drive.run(Duration::from_secs(29));
    assert_eq!((drive.statuses.len(), drive.ends.len()), (before, 0));
    drive.run(Duration::from_secs(10));
    assert_eq!(drive.ends.iter().map(|(_, ending)| *ending).collect::<Vec<_>>(), [Ending::Fin]);
    assert!(drive.statuses.len() > before, "and then all is well");
}

#[test]
fn a_ghost_ends_the_session_and_is_thrown_out_itself() {
    let mut drive = Drive::new(Settings::default());
    drive.run(Duration::from_secs(8));
    drive.inject(Fault::Takeover);
    drive.run(Duration::from_secs(8));
    assert_eq!(drive.ends.len(), 1, "{:?}", drive.ends);
    assert_eq!(drive.world.clients(), ["me"]);
    assert!(drive.world.ghosts.is_empty());
}

#[test]
fn two_ghosts_that_come_too_soon_do_not_keep_each_other_out_for_ever() {
    let mut drive = Drive::new(Settings::default());
    drive.run(Duration::from_millis(200));
    drive.inject(Fault::Takeover);
    drive.run(Duration::from_millis(300));
    drive.inject(Fault::Takeover);
    drive.run(Duration::from_secs(10));
    assert_eq!(drive.ends.len(), 1, "one ghost came in, and was thrown out");
    let retries = drive.world.deferred.values().filter(|next| matches!(next, Deferred::Ghost { .. })).count();
    assert_eq!(retries, 0, "nobody tries for ever");
    assert_eq!(drive.world.clients(), ["me"]);
}

#[test]
fn a_curfew_closes_at_each_multiple_of_its_length_whatever_the_age() {
    let every = Duration::from_secs(240);
    let mut drive = Drive::new(Settings { curfew: Some(every), ..Settings::default() });
    drive.run(Duration::from_secs(1000));
    let ended = drive.ended_at();
    assert!((3..=4).contains(&ended.len()), "{ended:?}");
    for at in ended {
        assert!(at.rem_euclid(240.0) < 0.01, "{at}");
    }
}
