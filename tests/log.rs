//! What the life of a connection looks like in the log: one line a change, loud when a person is needed, no spam.
//! A process of its own, because the subscriber is the whole process's: each test reads its own thread's lines.

use std::cell::RefCell;
use std::sync::Once;
use std::time::{Duration, SystemTime};

use hangup::clock::{Instant, Now};
use hangup::connection::ending::{EndedBy, Ending, LastSent, LinkStats};
use hangup::connection::error::{ErrorName, RetryClass};
use hangup::connection::plan::Transport;
use hangup::connection::{Detail, Failure, Phase, Tier};
use hangup::lifecycle::Why;
use hangup::lifecycle::board::{Board, ConnectionStatus};
use hangup::lifecycle::recorder::Recorder;
use hangup::lifecycle::{CloseCause, CredentialEvent, CredentialKind, Event};
use hangup::telemetry::{ConnectionLabels, Metrics};

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes to the buffer of the thread that logs.
struct Here;

impl std::io::Write for Here {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(text));
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A life that begins on New Year's Day.
struct Life {
    recorder: Recorder,
    now: Now,
}

impl Life {
    fn new() -> Self {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            tracing_subscriber::fmt()
                .with_max_level(tracing::Level::INFO)
                .with_writer(|| Here)
                .with_ansi(false)
                .with_target(false)
                .without_time()
                .init();
        });
        // Tests that run one after another share a thread.
        LINES.with_borrow_mut(Vec::clear);
        let now = Now {
            at: Instant::from_boot(Duration::from_secs(1000)),
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600),
        };
        let labels = ConnectionLabels {
            connection: "home".to_owned(),
            broker: "broker.example:443".to_owned(),
            protocol: "3.1.1",
            transport: Transport::Wss,
            source: "navien",
            proxied: false,
            signs_in: true,
        };
        let entry = Board::default().enter(ConnectionStatus::new("home", "navien", "wss", now));
        Self { recorder: Recorder::new(Metrics::started(now).connection(&labels), entry), now }
    }

    fn after(&mut self, seconds: u64, events: impl IntoIterator<Item = Event>) {
        self.now = self.now.plus(Duration::from_secs(seconds));
        for event in events {
            self.recorder.record(event, self.now);
        }
    }
}

/// What this thread logged so far, line by line: level and message, then the fields.
fn lines() -> Vec<String> {
    let text = LINES.with_borrow(|lines| String::from_utf8_lossy(lines).into_owned());
    text.lines().map(|line| line.trim_start().to_owned()).collect()
}

fn attempt(number: u32) -> Event {
    Event::AttemptStarted { tier: Tier::Quick, number }
}

fn failed(failure: &Failure) -> Event {
    Event::AttemptFailed { failure: failure.clone(), interrupted: false }
}

fn refused() -> Failure {
    Failure::new(Phase::Tcp, ErrorName::ConnectionRefused, "connection refused by broker")
}

fn waiting(seconds: u64) -> Event {
    Event::Waiting { delay: Duration::from_secs(seconds), why: Why::Dropped }
}

fn session() -> [Event; 3] {
    let established = Event::Established {
        session_present: false,
        attempts: 1,
        peer: ([192, 0, 2, 7], 443).into(),
        local: ([198, 51, 100, 9], 40000).into(),
        subscriptions: 4,
        keep_alive: Duration::from_secs(30),
        credentials_expire: None,
        certificate_expires: None,
    };
    [attempt(1), established, Event::Restored { active: 4, refused: 0 }]
}

fn hangup(now: Now) -> Event {
    let sent = LastSent { packet: "PUBLISH", topic: Some("cmd/52/0123456789ab".to_owned()), at: now.at };
    Event::Dropped(Box::new(Ending {
        failure: Failure::new(Phase::Session, ErrorName::UnexpectedHangup, "the broker closed politely")
            .with_detail(Detail::WebsocketClose(Some(1000))),
        ended_by: EndedBy::Peer,
        alive: now.at,
        stats: LinkStats { last_sent: Some(sent), ..LinkStats::default() },
        tcp: None,
    }))
}

#[test]
fn a_change_of_state_is_one_line() {
    let mut life = Life::new();
    life.after(0, session());
    let now = life.now;
    life.after(60, [hangup(now), waiting(1)]);
    life.after(1, session());
    life.after(60, [Event::Closed { cause: CloseCause::Shutdown, ending: None }, Event::Stopped]);
    let lines = lines();
    let said: Vec<&str> = lines.iter().filter_map(|line| line.split(" connection=").next()).collect();
    assert_eq!(
        said,
        [
            "INFO connecting",
            "INFO session accepted by the broker",
            "INFO online",
            "WARN connection dropped: the broker closed politely",
            "INFO waiting before the next attempt",
            "INFO connecting",
            "INFO session accepted by the broker",
            "INFO online",
            "INFO session closed",
            "INFO stopped",
        ]
    );
    for field in [
        "connection=\"home\"",
        "error=\"AWS_ERROR_MQTT_UNEXPECTED_HANGUP\"",
        "code=5134",
        "detail=websocket_close:1000",
        "ended_by=\"peer\"",
        "session_seconds=60.0",
        "cause=\"keepalive_timeout_server\"",
        "evidence=\"inferred\"",
        "seen=\"the broker closed after we had sent nothing for 60.0 s",
    ] {
        assert!(lines[3].contains(field), "{field} is not in {}", lines[3]);
    }
    assert!(lines[6].contains("outage_seconds=1.0"), "{}", lines[6]);
}

#[test]
fn no_line_holds_a_topic_or_an_address() {
    let mut life = Life::new();
    life.after(0, session());
    let now = life.now;
    life.after(60, [hangup(now)]);
    let text = lines().join("\n");
    assert!(text.contains("connection dropped"), "{text}");
    for personal in ["0123456789ab", "192.0.2.7", "198.51.100.9"] {
        assert!(!text.contains(personal), "{text}");
    }
}

#[test]
fn a_long_outage_does_not_fill_the_log() {
    let mut life = Life::new();
    for number in 1..=1000 {
        life.after(15, [attempt(number), failed(&refused()), waiting(15)]);
    }
    let lines = lines();
    let warnings = lines.iter().filter(|line| line.starts_with("WARN")).count();
    assert_eq!(warnings, 10, "at 1, 2, 4 … 512 of 1000");
    assert_eq!(lines.len(), 1 + 2 * 10, "each with its wait, and the first attempt: {lines:#?}");
}

#[test]
fn a_wrong_password_is_loud_at_each_slow_retry() {
    let mut life = Life::new();
    let wrong_password =
        Failure::new(Phase::Credentials, ErrorName::CredentialsHttpStatus, "the password was refused")
            .with_detail(Detail::VendorCode(1001))
            .with_class(RetryClass::Setup);
    for number in 1..=7 {
        life.after(300, [attempt(number), failed(&wrong_password), waiting(300)]);
    }
    let lines = lines();
    let errors: Vec<_> = lines.iter().filter(|line| line.starts_with("ERROR")).collect();
    assert_eq!(errors.len(), 7);
    assert!(errors.iter().all(|line| line.contains("only a person can help")), "{errors:?}");
    assert!(errors.iter().all(|line| line.contains("the password was refused")), "{errors:?}");
}

#[test]
fn refused_credentials_are_said_once_by_the_attempt_that_they_end() {
    let outcome = Err(ErrorName::CredentialsHttpStatus);
    let mut life = Life::new();
    life.after(0, [attempt(1)]);
    life.after(1, [Event::Credentials(CredentialEvent { kind: CredentialKind::Refresh, outcome })]);
    assert_eq!(lines().len(), 1, "the attempt's own failure will say it");
    let outcome = Ok(Some(life.now.wall + Duration::from_secs(3600)));
    life.after(1, [Event::Credentials(CredentialEvent { kind: CredentialKind::SignIn, outcome })]);
    assert!(lines().last().is_some_and(|line| line.contains("credentials obtained")), "{:?}", lines());
}
