//! What brokers say of their clients, damaged: nothing panics, no event takes more memory than its text explains, and no
//! more clients are kept than may be.
//!
//! `HANGUP_EVENTS` sets how many of each broker (10,000,000 take minutes with `--release`), `HANGUP_SEED` where they begin. Never
//! needs a broker.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use hangup::clock::{Instant, Now};
use hangup::config::{Fleet, FleetKind};
use hangup::connection::message::Incoming;
use hangup::lifecycle::board::ConnectionStatus;
use hangup::lifecycle::testimony::Testimony;
use hangup::reading::ingest::Ingest;
use hangup::reading::store::Store;
use hangup::source::Outcome;
use hangup::source::fleet::Watch;
use hangup::source::listen::Listener;
use hangup::telemetry::Metrics;

use crate::damage;

/// Unless the environment asks for another number.
const EVENTS: u64 = 30_000;

/// Clients that are kept in mind at most.
const CLIENTS: usize = 1_000;

/// What one event may take, in bytes: a table that doubles, and a page that is drawn; and for each byte of its text.
const SLACK: usize = 256 << 10;
const EACH: usize = 64;

/// What a watch may hold, whatever it heard.
const ALL: isize = 4 << 20;

/// Bytes that mean something.
const MARKS: &[u8] = b"{}[]\",:\\u0123456789.-'()pck \0\xff\xc3N";

const AWS: &[(&str, &str)] = &[
    (
        "$aws/events/presence/connected/pump-7",
        r#"{"clientId":"pump-7","timestamp":1573002230757,"eventType":"connected","sessionIdentifier":"a","ipAddress":"192.0.2.1","versionNumber":3}"#,
    ),
    (
        "$aws/events/presence/disconnected/pump-7",
        r#"{"clientId":"pump-7","eventType":"disconnected","clientInitiatedDisconnect":false,"disconnectReason":"MQTT_KEEP_ALIVE_TIMEOUT","versionNumber":3}"#,
    ),
    ("$aws/events/presence/disconnected/a b", r#"{"clientInitiatedDisconnect":true}"#),
];

const EMQX: &[(&str, &str)] = &[
    (
        "$SYS/brokers/emqx@127.0.0.1/clients/meter/connected",
        r#"{"username":"foo","ts":1625572213873,"keepalive":60,"connected_at":1625572213873,"clientid":"meter"}"#,
    ),
    (
        "$SYS/brokers/emqx@127.0.0.1/clients/meter/disconnected",
        r#"{"ts":1625572223900,"reason":"tcp_closed","connected_at":1625572213873,"disconnected_at":1625572223873,"clientid":"meter"}"#,
    ),
    (
        "fleet/events",
        r#"{"event":"client.disconnected","clientid":"a/b","reason":"takenover","timestamp":1625572223}"#,
    ),
];

const MOSQUITTO: &[(&str, &str)] = &[
    (
        "$SYS/broker/log/N",
        "1796009983: New client connected from 127.0.0.1:37930 as a (p5, c0, k60, u'jane').",
    ),
    ("$SYS/broker/log/N", "1796009983: New client connected from [::1]:37930 as take over (p2, c1, k60)."),
    ("$SYS/broker/log/N", "1796009983: Client a b disconnected."),
    ("$SYS/broker/log/N", "1796009984: Client take over already connected, closing old connection."),
    ("$SYS/broker/log/N", "2026-11-30T03:39:43: Client a has exceeded timeout, disconnecting."),
    ("$SYS/broker/log/E", "1: Client a [192.0.2.1:41000] disconnected: connection closed by client."),
    ("$SYS/broker/log/E", "1: Bad socket read/write on client a: Unknown: error"),
];

/// A watch with all that it tells to, and a clock that only the test moves.
struct World {
    watch: Watch,
    sink: Ingest,
    now: Now,
}

impl World {
    fn new(settings: &Fleet) -> Self {
        let at = Instant::from_boot(Duration::from_secs(1_000_000));
        let now = Now { at, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_009_983) };
        let metrics = Arc::new(Metrics::new());
        let store = Arc::new(Store::new(1_000, metrics.exporter()));
        let status = Arc::new(Mutex::new(ConnectionStatus::new("lan", "broker", "tcp", now)));
        let named = settings.clients.0.iter().map(String::as_str);
        let mut sink = Ingest::new("lan", store, metrics).watching(named, status, Testimony::default());
        let mut watch = Watch::new(settings);
        watch.restored(now, &mut sink);
        Self { watch, sink, now }
    }

    fn hear(&mut self, topic: &str, payload: &[u8]) -> Option<Outcome> {
        let payload = payload.to_vec().into();
        let message = Incoming { topic: topic.to_owned(), payload, qos: 0, retain: false, properties: None };
        self.watch.heard(&message, self.now, &mut self.sink)
    }

    /// Time goes on, and what is due is done.
    fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        if self.watch.deadline().is_some_and(|deadline| deadline <= self.now.at) {
            self.watch.due(self.now, &mut self.sink);
        }
    }
}

fn flood(kind: FleetKind, seeds: &[(&str, &str)]) {
    let (count, seed) = (damage::number("HANGUP_EVENTS", EVENTS), damage::seed());
    let mut settings = Fleet { client_limit: CLIENTS, show_clients: true, ..Fleet::of(kind) };
    settings.topics = Some(seeds.iter().map(|(topic, _)| (*topic).to_owned()).collect());
    settings.clients.0.insert("pump-7".to_owned());
    let mut random = fastrand::Rng::with_seed(seed);
    let before = damage::held();
    let mut world = World::new(&settings);
    let (mut read, mut malformed, mut highest, mut held) = (0_u64, 0_u64, 0, 0);
    for turn in 0..count {
        let (topic, payload) = *random.choice(seeds).unwrap();
        let mut payload = payload.as_bytes().to_vec();
        for _ in 0..random.usize(0..4) {
            damage::bytes(&mut payload, MARKS, &mut random);
        }
        let (outcome, took) = damage::took(|| {
            world.pass(Duration::from_millis(random.u64(..50)));
            world.hear(topic, &payload)
        });
        let most = SLACK + EACH * payload.len();
        assert!(took <= most, "{took} bytes in turn {turn} of seed {seed}: {payload:02X?}");
        highest = highest.max(took);
        match outcome {
            Some(Outcome::Decoded) => read += 1,
            Some(Outcome::Malformed) => malformed += 1,
            Some(Outcome::Ignored | Outcome::Oversize) | None => {}
        }
        if turn % 1_000 == 0 {
            let standing = world.watch.standing(world.now.at);
            assert!(standing.clients <= CLIENTS && standing.connected <= standing.clients, "{standing:?}");
            held = held.max(damage::held() - before);
            assert!(held <= ALL, "{held} bytes are held in turn {turn} of seed {seed}");
        }
    }
    damage::tell(&format!(
        "{count} events of seed {seed}: one took {highest} bytes at most, all of them {held}; {read} read, {malformed} malformed"
    ));
    assert!(read > count / 4 && malformed > count / 50, "{read} read and {malformed} malformed test little");
    let (topic, payload) = seeds[0];
    assert_eq!(world.hear(topic, payload.as_bytes()), Some(Outcome::Decoded));
}

#[test]
fn damaged_events_of_aws_neither_panic_nor_grow() {
    flood(FleetKind::AwsIot, AWS);
}

#[test]
fn damaged_events_of_emqx_neither_panic_nor_grow() {
    flood(FleetKind::Emqx, EMQX);
}

#[test]
fn damaged_lines_of_mosquitto_neither_panic_nor_grow() {
    flood(FleetKind::Mosquitto, MOSQUITTO);
}
