//! The diagnosis beside real recorders: drops in, and findings in the history, on the page and in the verdicts.
//! Time is what the test says, except where a task of its own looks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

use std::time::{Duration, SystemTime};

use hangup::clock::{Instant, Now};
use hangup::connection::driver::Control;
use hangup::connection::ending::{EndedBy, Ending, LinkStats};
use hangup::connection::error::ErrorName;
use hangup::connection::plan::Transport;
use hangup::connection::{Detail, Failure, Phase, Tier};
use hangup::diagnosis::combine::Conclusion;
use hangup::diagnosis::desk::{self, Desk, Options, Subject};
use hangup::diagnosis::gather::Settings;
use hangup::diagnosis::{Cause, Evidence, Finding, Rule};
use hangup::host::Timeline;
use hangup::lifecycle::board::{Board, ConnectionStatus, SharedHistory};
use hangup::lifecycle::recorder::Recorder;
use hangup::lifecycle::{CloseCause, Event, Why};
use hangup::telemetry::{ConnectionLabels, Metrics};
use tokio::sync::mpsc::{self, WeakSender};

/// The process: its page, its board, its desk.
struct Process {
    metrics: Metrics,
    board: Board,
    desk: Desk,
    now: Now,
}

/// One connection of it.
struct Life {
    recorder: Recorder,
    history: SharedHistory,
}

impl Process {
    fn new(options: Options) -> Self {
        let now = Now {
            at: Instant::from_boot(Duration::from_secs(1_000)),
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600),
        };
        Self {
            metrics: Metrics::started(now),
            board: Board::default(),
            desk: Desk::new(Timeline::default(), options),
            now,
        }
    }

    /// A connection that the desk hears of; a second one of that name is what a reload makes.
    fn life(&self, name: &str) -> Life {
        self.controlled(name, None)
    }

    /// The same, which a probe can be ordered of.
    fn controlled(&self, name: &str, control: Option<WeakSender<Control>>) -> Life {
        let labels = ConnectionLabels {
            connection: name.to_owned(),
            broker: "broker.example:443".to_owned(),
            protocol: "3.1.1",
            transport: Transport::Wss,
            source: "navien",
            proxied: false,
            signs_in: true,
        };
        let entry = self.board.enter(ConnectionStatus::new(name, "navien", "wss", self.now));
        let history = entry.lock().unwrap().history.clone();
        let metrics = self.metrics.connection(&labels);
        let subject = Subject { history: history.clone(), gauges: metrics.findings(), control };
        let recorder = Recorder::new(metrics, entry).heard_by(self.desk.observer(name, subject));
        Life { recorder, history }
    }

    fn pass(&mut self, seconds: f64) {
        self.now = self.now.plus(Duration::from_secs_f64(seconds));
    }

    /// A whole session, dropped by the peer; the desk looks after the drop and after the reconnect, as its task would.
    fn session(&mut self, life: &mut Life, age: f64) {
        life.connect(self.now);
        self.desk.look_at_all(self.now);
        self.pass(age);
        life.drop(self.now);
        self.desk.look_at_all(self.now);
        self.pass(2.0);
    }

    /// Whether the gauge of a finding is up, as a scrape sees it.
    fn shows(&self, connection: &str, finding: &str) -> bool {
        let families = self.metrics.registry().gather();
        let family =
            families.iter().find(|family| family.name() == "mqtt_client_finding").expect("it is there");
        let wanted = [("connection", connection), ("finding", finding)];
        let series = family.get_metric().iter().find(|metric| {
            wanted.iter().all(|(label, value)| {
                metric.get_label().iter().any(|pair| pair.name() == *label && pair.value() == *value)
            })
        });
        let value = series.expect("every finding has a series").get_gauge().get_value();
        assert!([0.0, 1.0].contains(&value));
        value > 0.5
    }
}

impl Life {
    fn connect(&mut self, now: Now) {
        self.recorder.record(Event::AttemptStarted { tier: Tier::Quick, number: 1 }, now);
        let event = Event::Established {
            session_present: false,
            attempts: 1,
            peer: ([192, 0, 2, 1], 443).into(),
            local: ([192, 0, 2, 2], 40_000).into(),
            subscriptions: 4,
            keep_alive: Duration::from_secs(30),
            credentials_expire: None,
            certificate_expires: None,
        };
        self.recorder.record(event, now);
        self.recorder.record(Event::Restored { active: 4, refused: 0 }, now);
    }

    fn drop(&mut self, now: Now) {
        let failure = Failure::new(Phase::Session, ErrorName::UnexpectedHangup, "the peer closed")
            .with_detail(Detail::CloseNotify);
        let stats = LinkStats::default();
        let ending = Ending { failure, ended_by: EndedBy::Peer, alive: now.at, stats, tcp: None };
        self.recorder.record(Event::Dropped(Box::new(ending)), now);
        self.recorder.record(Event::Waiting { delay: Duration::from_secs(2), why: Why::Dropped }, now);
    }

    fn findings(&self) -> Vec<Finding> {
        self.history.read(|history| history.findings().to_vec())
    }

    fn remarks(&self) -> String {
        self.history.read(|history| history.remarks().join(" "))
    }
}

/// Near 5000 s, which is no known limit and near no period of the clock.
const LIMITED: [f64; 7] = [4_990.0, 5_020.0, 5_003.0, 812.0, 4_996.0, 5_011.0, 5_001.0];
/// Without a pattern of any kind.
const RANDOM: [f64; 14] = [
    412.0, 9_033.0, 1_840.0, 15_210.0, 3_377.0, 660.0, 24_101.0, 5_620.0, 7_288.0, 2_954.0, 30_003.0,
    1_207.0, 11_804.0, 151.0,
];

#[test]
fn a_lifetime_is_found_told_shown_and_withdrawn() {
    let mut process = Process::new(Options::default());
    let mut life = process.life("home");
    for age in &LIMITED[..2] {
        process.session(&mut life, *age);
    }
    assert_eq!(life.findings(), []);
    assert!(life.remarks().starts_with("Two drops carry no pattern"), "{}", life.remarks());
    assert!(!process.shows("home", "connection_lifetime_limit"));

    for age in &LIMITED[2..] {
        process.session(&mut life, *age);
    }
    let [finding] = &life.findings()[..] else { panic!("{:?}", life.findings()) };
    assert_eq!(
        (finding.cause, finding.or, finding.evidence),
        (Cause::ConnectionLifetimeLimit, None, Evidence::Inferred)
    );
    assert!(
        finding.words.starts_with("6 of 7 drops came 1 h 23 min"),
        "the look was after six: {}",
        finding.words
    );
    assert!(finding.advice.contains("`renew_after = \"79m\"`"), "{}", finding.advice);
    assert!(process.shows("home", "connection_lifetime_limit"));
    assert!(!process.shows("home", "calendar_event"));
    let verdict = |number| life.history.read(|history| history.verdict(number).cloned());
    for number in [1, 2, 3, 5, 6, 7] {
        let verdict = verdict(number).expect("it belongs to the pattern");
        assert_eq!(
            (verdict.cause, verdict.evidence, verdict.rule),
            (Cause::ConnectionLifetimeLimit, Evidence::Inferred, Rule::Pattern)
        );
    }
    assert!(verdict(4).is_none_or(|verdict| verdict.cause == Cause::Unknown), "812 s belongs to nothing");

    for age in &RANDOM[..9] {
        process.session(&mut life, *age);
    }
    assert_eq!(life.findings()[0].contradicted, 9);
    for age in &RANDOM[9..] {
        process.session(&mut life, *age);
    }
    assert_eq!(life.findings(), []);
    assert!(!process.shows("home", "connection_lifetime_limit"));
    assert!(life.remarks().starts_with("21 drops, no pattern in age"), "{}", life.remarks());
}

#[test]
fn drops_without_a_pattern_give_none_and_say_so() {
    let mut process = Process::new(Options::default());
    let mut life = process.life("home");
    for age in RANDOM {
        process.session(&mut life, age);
        assert_eq!(life.findings(), []);
    }
    assert!(life.remarks().starts_with("14 drops, no pattern"), "{}", life.remarks());
}

#[test]
fn a_limit_of_the_configuration_is_tried_from_the_next_look_on() {
    // 40 h, and nobody's limit: two drops there are proof only if the limit is expected.
    let ages = [144_010.0, 3_000.0, 144_020.0, 9_000.0];
    let limit = Duration::from_secs(144_000);
    for (limits, found) in [(Vec::new(), 0), (vec![limit], 1)] {
        let mut process = Process::new(Options::default());
        let mut life = process.life("home");
        process.desk.configure(Options { limits, ..Options::default() });
        for age in ages {
            process.session(&mut life, age);
        }
        assert_eq!(life.findings().len(), found, "{:?}", life.findings());
    }
}

#[test]
fn time_can_be_compressed() {
    let mut process = Process::new(Options { scale: 1_000.0, ..Options::default() });
    let mut life = process.life("home");
    for age in LIMITED {
        process.session(&mut life, age / 1_000.0);
    }
    let [finding] = &life.findings()[..] else { panic!("{:?}", life.findings()) };
    assert!(finding.words.contains("1 h 23 min"), "{}", finding.words);
    let span = process.now.wall.duration_since(finding.first).unwrap();
    assert!(span < Duration::from_secs(60), "times are told as they were: {span:?}");
}

#[test]
fn many_connections_that_drop_at_once_learn_of_it_together() {
    let mut process = Process::new(Options::default());
    let mut lives: Vec<Life> = ["a", "b", "c", "d"].iter().map(|name| process.life(name)).collect();
    for life in &mut lives {
        life.connect(process.now);
    }
    process.pass(7_000.0);
    for life in lives.iter_mut().take(3) {
        life.drop(process.now);
        process.desk.look_at_all(process.now);
        process.pass(0.4);
    }
    for (name, life) in ["a", "b", "c"].iter().zip(&lives) {
        let [finding] = &life.findings()[..] else { panic!("{name}: {:?}", life.findings()) };
        assert_eq!((finding.cause, finding.or), (Cause::ServerMaintenance, Some(Cause::PathDead)));
        assert!(finding.words.starts_with("3 connections dropped within 2.0 s"), "{}", finding.words);
        assert!(process.shows(name, "server_maintenance") && process.shows(name, "path_dead"));
    }
    assert_eq!(lives[3].findings(), []);
}

#[test]
fn a_reload_keeps_the_findings_and_a_removal_forgets_the_connection() {
    let mut process = Process::new(Options::default());
    let mut life = process.life("home");
    for age in LIMITED {
        process.session(&mut life, age);
    }
    life.connect(process.now);
    life.recorder.record(Event::Closed { cause: CloseCause::Reload, ending: None }, process.now);
    let successor = process.life("home");
    process.desk.look_at_all(process.now);
    assert_eq!(successor.findings().len(), 1);
    assert!(process.shows("home", "connection_lifetime_limit"));

    process.desk.forget("home");
    process.metrics.forget_connection("home");
    process.desk.look_at_all(process.now);
    let families = process.metrics.registry().gather();
    assert!(!families.iter().any(|family| family.name() == "mqtt_client_finding"), "no look brought it back");
}

#[test]
fn a_program_without_a_desk_looks_by_itself() {
    let process = Process::new(Options::default());
    let board = Board::default();
    let entry = board.enter(ConnectionStatus::new("own", "library", "tcp", process.now));
    let history = entry.lock().unwrap().history.clone();
    let labels = ConnectionLabels {
        connection: "own".to_owned(),
        broker: "broker.example:1883".to_owned(),
        protocol: "3.1.1",
        transport: Transport::Tcp,
        source: "library",
        proxied: false,
        signs_in: true,
    };
    let recorder = Recorder::new(process.metrics.connection(&labels), entry);
    let mut life = Life { recorder, history: history.clone() };
    let mut now = process.now;
    for age in &LIMITED[..3] {
        life.connect(now);
        now = now.plus(Duration::from_secs_f64(*age));
        life.drop(now);
    }
    let Conclusion { findings, .. } =
        desk::look_now(&history, &Timeline::default(), &Settings::default(), now);
    assert_eq!(findings.len(), 1);
    assert_eq!(life.findings(), findings);
}

#[test]
fn a_probe_is_ordered_where_it_is_allowed_and_would_tell_a_lifetime_from_a_clock() {
    for probes in [false, true] {
        let mut process = Process::new(Options { probes, ..Options::default() });
        let (control, mut orders) = mpsc::channel(4);
        let mut life = process.controlled("home", Some(control.downgrade()));
        for age in [86_400.0, 86_401.0, 86_399.0] {
            process.session(&mut life, age);
        }
        let [finding] = &life.findings()[..] else { panic!("{:?}", life.findings()) };
        assert_eq!((finding.cause, finding.or), (Cause::ConnectionLifetimeLimit, Some(Cause::CalendarEvent)));
        assert!(
            process.shows("home", "connection_lifetime_limit") && process.shows("home", "calendar_event")
        );
        life.connect(process.now);
        process.pass(3_600.0);
        process.desk.order_probes(process.now);
        assert_eq!(orders.try_recv().ok(), None, "it is too near to the time of the drops");
        process.pass(6.0 * 3_600.0);
        process.desk.order_probes(process.now);
        assert_eq!(orders.try_recv().ok(), probes.then_some(Control::Probe));
        life.recorder.record(Event::Closed { cause: CloseCause::Probe, ending: None }, process.now);
        life.connect(process.now);
        process.desk.order_probes(process.now);
        assert_eq!(orders.try_recv().ok(), None, "the next drop tells");
    }
}

#[tokio::test]
async fn the_task_looks_beside_the_connections() {
    let mut process = Process::new(Options::default());
    let running = tokio::spawn(process.desk.clone().run());
    let mut life = process.life("home");
    for age in &LIMITED[..3] {
        life.connect(process.now);
        process.pass(*age);
        life.drop(process.now);
        process.pass(2.0);
    }
    let found = async {
        while life.findings().is_empty() || !process.shows("home", "connection_lifetime_limit") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), found).await.expect("the task finds it");
    running.abort();
}
