//! What the export says of lives that are known, and what it never says.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::clock::Instant;
use crate::connection::ending::{EndedBy, Ending, LastSent, LinkStats};
use crate::connection::error::ErrorName;
use crate::connection::plan::Transport;
use crate::connection::{Detail, Failure, Phase, Tier};
use crate::diagnosis::{self, Cause, Claim, Evidence, Pattern, Rule, TopicKey, Verdict};
use crate::host::{SignalKind, Timeline};
use crate::lifecycle::board::Board;
use crate::lifecycle::recorder::Recorder;
use crate::lifecycle::{CloseCause, Event};
use crate::telemetry::{ConnectionLabels, Metrics};

fn noon() -> Now {
    let wall = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_268_800);
    Now { at: Instant::from_boot(Duration::from_secs(500_000)), wall }
}

struct Life {
    board: Arc<Board>,
    recorder: Recorder,
    now: Now,
}

impl Life {
    fn new(board: &Arc<Board>, name: &str) -> Self {
        let labels = ConnectionLabels {
            connection: name.to_owned(),
            broker: "broker.example:443".to_owned(),
            protocol: "3.1.1",
            transport: Transport::Wss,
            source: "navien",
            proxied: false,
            signs_in: true,
        };
        let entry = board.enter(ConnectionStatus::new(name, "navien", "wss", noon()));
        let recorder = Recorder::new(Metrics::new().connection(&labels), entry);
        Self { board: Arc::clone(board), recorder, now: noon() }
    }

    fn after(&mut self, seconds: u64, event: Event) -> &mut Self {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.recorder.record(event, self.now);
        self
    }

    /// Attempts until one succeeds, a second each.
    fn connects(&mut self, attempts: u32, tier: Tier) -> &mut Self {
        for number in 1..attempts {
            let failure = Failure::new(Phase::Tcp, ErrorName::ConnectionRefused, "nobody listens there");
            self.after(0, Event::AttemptStarted { tier, number });
            self.after(1, Event::AttemptFailed { failure, interrupted: false });
        }
        self.after(0, Event::AttemptStarted { tier, number: attempts }).after(
            1,
            Event::Established {
                session_present: false,
                attempts,
                peer: "192.0.2.7:443".parse().unwrap(),
                local: "[2001:db8::7]:40000".parse().unwrap(),
                subscriptions: 4,
                keep_alive: Duration::from_secs(30),
                credentials_expire: None,
                certificate_expires: None,
            },
        )
    }

    fn drops(&mut self, seconds: u64, message: &str) -> &mut Self {
        let failure =
            Failure::new(Phase::Session, ErrorName::UnexpectedHangup, message).with_detail(Detail::Fin);
        let topic = Some("cmd/52/navilink-020000aabb01/st".to_owned());
        let sent = LastSent { packet: "PUBLISH", topic, at: self.now.at };
        let stats =
            LinkStats { last_sent: Some(sent.clone()), last_publish: Some(sent), ..LinkStats::default() };
        let alive = self.now.at + Duration::from_secs(seconds);
        self.after(
            seconds,
            Event::Dropped(Box::new(Ending { failure, ended_by: EndedBy::Peer, alive, stats, tcp: None })),
        )
    }

    fn export(&self, later: u64) -> Value {
        let now = self.now.plus(Duration::from_secs(later));
        serde_json::to_value(Export::of(&self.board.snapshot(), &[], noon(), now)).unwrap()
    }
}

fn seconds(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn near(value: &Value, expected: f64) {
    assert!((seconds(value) - expected).abs() < 1e-6, "{value} is not {expected}");
}

#[test]
fn a_life_is_told_under_the_names_of_nwp500_python() {
    let board = Arc::new(Board::default());
    let mut life = Life::new(&board, "home");
    life.connects(3, Tier::Quick).drops(100, "the broker hung up without a word");
    life.connects(1, Tier::Quick).drops(50, "the broker hung up without a word");
    life.connects(7, Tier::Deep).after(300, Event::Closed { cause: CloseCause::Renewal, ending: None });
    life.connects(1, Tier::Quick);
    life.recorder.traffic().queued(2);
    life.recorder.traffic().published(1);
    let export = life.export(40);
    let metrics = &export["metrics"];
    for (name, expected) in [
        ("total_connections", 2),
        ("total_disconnects", 3),
        ("total_connection_drops", 2),
        ("total_reconnect_attempts", 10),
        ("connection_recovered", 2),
        ("messages_published", 1),
        ("messages_queued", 2),
        ("sessions", 4),
        ("closes", 1),
        ("failed_attempts", 8),
    ] {
        assert_eq!(metrics[name], expected, "{name}");
    }
    near(&metrics["longest_session_seconds"], 300.0);
    near(&metrics["shortest_session_seconds"], 50.0);
    near(&metrics["average_session_seconds"], 150.0);
    near(&metrics["current_session_uptime_seconds"], 40.0);
    assert_eq!(
        metrics["connection_drops_by_error"],
        serde_json::json!({"AWS_ERROR_MQTT_UNEXPECTED_HANGUP": 2})
    );
    assert_eq!(
        metrics["reconnection_attempts_distribution"],
        serde_json::json!({"1": 1, "2-5": 0, "6-10": 1, "11+": 0})
    );
    let drops = export["recent_drops"].as_array().unwrap();
    assert_eq!(drops.len(), 2);
    assert_eq!(drops[0]["error_code"], 5134);
    assert_eq!((&drops[0]["reconnect_attempt"], &drops[1]["reconnect_attempt"]), (&1.into(), &7.into()));
    near(&drops[0]["duration_connected_seconds"], 100.0);
    assert_eq!(drops[0]["timestamp"], "2026-01-01T12:01:43.000+00:00");
    assert_eq!(metrics["last_drop_timestamp"], drops[1]["timestamp"]);
    let connects = export["recent_connections"].as_array().unwrap();
    let types: Vec<_> = connects.iter().map(|connect| connect["event_type"].as_str().unwrap()).collect();
    assert_eq!(types, ["connected", "resumed", "deep_reconnected", "connected"]);
    near(&connects[2]["time_to_reconnect_seconds"], 7.0);
    assert_eq!(connects[0]["time_to_reconnect_seconds"], Value::Null);
    assert_eq!(metrics["last_successful_connect_timestamp"], connects[3]["timestamp"]);
    assert_eq!(
        export["session_history_summary"]["sample_durations"],
        serde_json::json!([100.0, 50.0, 300.0])
    );
    assert_eq!(export["aws_error_counts"], metrics["connection_drops_by_error"]);
    assert_eq!(export["connections"][0]["metrics"], *metrics);
}

#[test]
fn the_uptime_stops_with_the_session_and_the_shortest_of_none_is_null() {
    let board = Arc::new(Board::default());
    let mut life = Life::new(&board, "home");
    assert_eq!(life.export(0)["metrics"]["shortest_session_seconds"], Value::Null);
    life.connects(1, Tier::Quick);
    near(&life.export(90)["metrics"]["current_session_uptime_seconds"], 90.0);
    life.drops(100, "gone");
    near(&life.export(90)["metrics"]["current_session_uptime_seconds"], 0.0);
}

#[test]
fn lengths_do_not_follow_a_wall_clock_that_steps() {
    let board = Arc::new(Board::default());
    let mut life = Life::new(&board, "home");
    life.connects(1, Tier::Quick);
    life.now.wall += Duration::from_secs(86_400);
    life.drops(60, "gone");
    near(&life.export(0)["recent_drops"][0]["duration_connected_seconds"], 60.0);
}

#[test]
fn the_buckets_of_attempts_never_shrink_however_many_drops_are_forgotten() {
    let board = Arc::new(Board::default());
    let mut life = Life::new(&board, "home");
    life.connects(1, Tier::Quick);
    for _ in 0..1_200 {
        life.drops(5, "gone").connects(1, Tier::Quick);
    }
    let export = life.export(0);
    assert_eq!(export["metrics"]["reconnection_attempts_distribution"]["1"], 1_200);
    assert_eq!(export["metrics"]["connection_drops_by_error"]["AWS_ERROR_MQTT_UNEXPECTED_HANGUP"], 1_200);
    assert_eq!(export["recent_drops"].as_array().unwrap().len(), RECENT);
    assert_eq!(export["session_history_summary"]["sample_durations"].as_array().unwrap().len(), 20);
}

#[test]
fn an_outage_that_goes_on_tells_the_attempts_so_far() {
    let board = Arc::new(Board::default());
    let mut life = Life::new(&board, "home");
    life.connects(1, Tier::Quick).drops(5, "gone");
    for number in 1..=3 {
        let failure = Failure::new(Phase::Tcp, ErrorName::ConnectionRefused, "nobody listens there");
        life.after(0, Event::AttemptStarted { tier: Tier::Quick, number });
        life.after(1, Event::AttemptFailed { failure, interrupted: false });
    }
    let export = life.export(0);
    assert_eq!(export["recent_drops"][0]["reconnect_attempt"], 3);
    let last = &export["connections"][0]["last_failure"];
    assert_eq!(
        (&last["error_name"], &last["phase"]),
        (&"AWS_IO_SOCKET_CONNECTION_REFUSED".into(), &"tcp".into())
    );
    assert_eq!(last["error_message"], "nobody listens there");
    assert!(last["timestamp"].as_str() > export["metrics"]["last_drop_timestamp"].as_str());
}

#[test]
fn several_connections_stand_together_at_the_top_and_each_in_its_place() {
    let board = Arc::new(Board::default());
    let mut home = Life::new(&board, "home");
    home.connects(1, Tier::Quick).drops(100, "gone").connects(1, Tier::Quick);
    let mut cellar = Life::new(&board, "cellar");
    cellar.connects(1, Tier::Quick).drops(20, "gone").connects(2, Tier::Quick).drops(30, "gone");
    let export = home.export(1);
    assert_eq!(export["metrics"]["total_connection_drops"], 3);
    near(&export["metrics"]["average_session_seconds"], 50.0);
    near(&export["metrics"]["shortest_session_seconds"], 20.0);
    near(&export["metrics"]["current_session_uptime_seconds"], 0.0);
    let owners: Vec<_> =
        export["recent_drops"].as_array().unwrap().iter().map(|drop| &drop["connection"]).collect();
    assert_eq!(owners, ["cellar", "cellar", "home"]);
    let each: Vec<_> = export["connections"].as_array().unwrap().iter().map(|one| &one["metrics"]).collect();
    assert_eq!(
        (&each[0]["total_connection_drops"], &each[1]["total_connection_drops"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn what_is_written_is_read_again() {
    let board = Arc::new(Board::default());
    let mut life = Life::new(&board, "home");
    life.connects(2, Tier::Quick).drops(100, "gone").connects(1, Tier::Quick);
    let export = Export::of(&board.snapshot(), &[], noon(), life.now);
    let json = serde_json::to_string(&export).unwrap();
    assert_eq!(serde_json::from_str::<Export>(&json).unwrap(), export);
}

#[test]
fn a_drop_tells_its_cause_and_what_the_machine_did_before_it() {
    let board = Arc::new(Board::default());
    let mut life = Life::new(&board, "home");
    life.connects(1, Tier::Quick).drops(100, "gone");
    let end = life.now;
    let host = Timeline::default();
    for (ago, kind) in [(500, SignalKind::RouteAdded), (30, SignalKind::LinkDown(2))] {
        let at = Now { at: end.at - Duration::from_secs(ago), wall: end.wall - Duration::from_secs(ago) };
        host.add(crate::host::Signal { at, kind });
    }
    let verdict = Verdict {
        cause: Cause::LocalNetworkChange,
        evidence: Evidence::Observed,
        rule: Rule::AddressRemoved,
        words: "a link went down 30 s before".to_owned(),
    };
    board.snapshot()[0].history.write(|history| history.explain(1, verdict));
    let export = serde_json::to_value(Export::of(&board.snapshot(), &host.all(), noon(), end)).unwrap();
    let drop = &export["recent_drops"][0];
    assert_eq!((&drop["cause"], &drop["rule"]), (&"local_network_change".into(), &"D3".into()));
    assert_eq!(drop["host_events"], serde_json::json!([{"kind": "link_down", "seconds_before": 30.0}]));
    assert_eq!(
        export["causes"],
        serde_json::json!([{"cause": "local_network_change", "evidence": "observed", "count": 1}])
    );
    assert_eq!(export["host_events"].as_array().unwrap().len(), 2);
}

/// After a restart the boot clock of what is remembered means nothing.
#[test]
fn a_remembered_drop_stands_beside_what_happened_then_and_not_beside_what_happened_ever() {
    let board = Arc::new(Board::default());
    let mut life = Life::new(&board, "home");
    life.connects(1, Tier::Quick).drops(100, "gone");
    let end = life.now;
    let session = board.snapshot()[0].history.read(|history| history.drops().next_back().cloned()).unwrap();
    let board = Arc::new(Board::default());
    board.enter(ConnectionStatus::new("home", "navien", "wss", noon()));
    let remembered = crate::lifecycle::record::Over::of(&session, &[]).back();
    board.snapshot()[0].history.write(|history| history.add_session(remembered));
    let host = Timeline::default();
    let happens = |at: Instant, ago: u64, kind| {
        host.add(crate::host::Signal { at: Now { at, wall: end.wall - Duration::from_secs(ago) }, kind });
    };
    for ago in 0..500 {
        happens(Instant::default(), 10_000 + ago, SignalKind::RouteAdded);
    }
    happens(Instant::default(), 30, SignalKind::LinkDown(2));
    // On the clock of this process that is within the two minutes before an end at 100 s.
    let later =
        Now { at: Instant::from_boot(Duration::from_secs(90)), wall: end.wall + Duration::from_secs(9_000) };
    host.add(crate::host::Signal { at: later, kind: SignalKind::RouteAdded });
    let export = serde_json::to_value(Export::of(&board.snapshot(), &host.all(), noon(), end)).unwrap();
    let beside = &export["recent_drops"][0]["host_events"];
    assert_eq!(*beside, serde_json::json!([{"kind": "link_down", "seconds_before": 30.0}]));
}

#[test]
fn of_a_flapping_network_the_last_events_before_a_drop_are_told() {
    let board = Arc::new(Board::default());
    let mut life = Life::new(&board, "home");
    life.connects(1, Tier::Quick).drops(100, "gone");
    let (end, host) = (life.now, Timeline::default());
    for ago in (1..100).rev() {
        let at = Now { at: end.at - Duration::from_secs(ago), wall: end.wall - Duration::from_secs(ago) };
        host.add(crate::host::Signal { at, kind: SignalKind::RouteAdded });
    }
    let export = serde_json::to_value(Export::of(&board.snapshot(), &host.all(), noon(), end)).unwrap();
    let beside = export["recent_drops"][0]["host_events"].as_array().unwrap();
    let seconds: Vec<f64> = beside.iter().map(|event| seconds(&event["seconds_before"])).collect();
    assert_eq!(seconds, (1..=20).rev().map(f64::from).collect::<Vec<_>>());
}

#[test]
fn nothing_that_says_who_or_where_somebody_is_leaves_by_any_field() {
    let planted = "jane.doe@example.com 02:00:00:aa:bb:01 020000aabb01 192.0.2.7:443 2001:db8::7 \
                   cmd/52/navilink-020000aabb01/st eyJhbGciOiJIUzI1NiJ9abc X-Amz-Signature=0a1b2c3d";
    let board = Arc::new(Board::default());
    let mut life = Life::new(&board, "home");
    life.connects(1, Tier::Quick).drops(100, planted);
    let verdict = Verdict { words: planted.to_owned(), ..Verdict::unknown() };
    let claim = Claim {
        pattern: Pattern::Packet {
            packet: "PUBLISH".to_owned(),
            topic: TopicKey(0x0102_0304_0506_0708),
            shape: "cmd/52/navilink-020000aabb01/+".to_owned(),
            sent: 4,
            closed: 4,
            largest: 100,
        },
        support: 4,
        of: 4,
        members: vec![1],
        p: 1e-6,
    };
    let finding = diagnosis::Finding {
        cause: Cause::PolicyViolation,
        or: None,
        evidence: Evidence::Inferred,
        claim,
        share: 1.0,
        first: life.now.wall,
        last: life.now.wall,
        since: life.now.wall,
        contradicted: 0,
        words: planted.to_owned(),
        advice: planted.to_owned(),
        disproof: planted.to_owned(),
        test: planted.to_owned(),
    };
    board.snapshot()[0].history.write(|history| {
        history.explain(1, verdict);
        history.conclude(vec![finding]);
    });
    let host = Timeline::default();
    let kind = SignalKind::AddressRemoved(7, "192.0.2.7".parse().unwrap());
    host.add(crate::host::Signal { at: life.now, kind });
    let export =
        serde_json::to_string(&Export::of(&board.snapshot(), &host.all(), noon(), life.now)).unwrap();
    let drops = serde_json::to_string(&Export::drops(&board.snapshot(), &host.all())).unwrap();
    assert!(export.contains("address_removed") && drops.contains("\"words\""));
    let topic = 0x0102_0304_0506_0708_u64.to_string();
    for secret in [
        "jane",
        "example.com",
        "aabb",
        "aa:bb",
        "192.0.2",
        "2001:db8",
        "navilink",
        "eyJ",
        "0a1b2c3d",
        &topic,
        "broker.example",
    ] {
        assert!(!export.contains(secret) && !drops.contains(secret), "{secret} in {export}");
    }
}
