//! A connection with its recorder, its metrics and its journal, driven by a test.
//!
//! Never waits for a network: events are what a driver would tell.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use hangup::clock::{Instant, Now};
use hangup::connection::ending::{EndedBy, Ending, LinkStats};
use hangup::connection::error::ErrorName;
use hangup::connection::plan::Transport;
use hangup::connection::{Detail, Failure, Phase, Tier};
use hangup::host::Timeline;
use hangup::lifecycle::board::{Board, ConnectionStatus, SharedHistory};
use hangup::lifecycle::history::History;
use hangup::lifecycle::journal::{self, Journal, Past, Scribe};
use hangup::lifecycle::recorder::Recorder;
use hangup::lifecycle::{CloseCause, Event};
use hangup::telemetry::{ConnectionLabels, Metrics};

pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const CURRENT: &str = "journal.jsonl";

/// 2025-01-01T00:00:00Z, a day after the machine booted.
pub(crate) fn noon() -> Now {
    Now {
        at: Instant::from_boot(Duration::from_secs(86_400)),
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_735_689_600),
    }
}

/// A process with one connection.
pub(crate) struct Life {
    pub(crate) metrics: Metrics,
    pub(crate) history: SharedHistory,
    pub(crate) recorder: Recorder,
    pub(crate) journal: Journal,
    pub(crate) past: Past,
    pub(crate) host: Timeline,
    pub(crate) scribe: Scribe,
    pub(crate) now: Now,
}

impl Life {
    /// Starts, and goes on where the journal of this directory ended.
    pub(crate) fn new(directory: &Path, limit: u64) -> Self {
        Self::at(directory, limit, noon())
    }

    pub(crate) fn at(directory: &Path, limit: u64, now: Now) -> Self {
        let metrics = Metrics::started(now);
        let host = Timeline::default();
        let (journal, mut past) =
            Journal::open(directory, limit, host.clone(), metrics.exporter().clone(), now);
        journal::remember(&past, &host);
        let entry = Board::default().enter(ConnectionStatus::new("home", "navien", "wss", now));
        let history = entry.lock().unwrap().history.clone();
        journal::restore(&mut past, "home", &history);
        let scribe = journal.scribe("home", history.clone());
        let recorder = Recorder::new(metrics.connection(&labels()), entry).heard_by(Box::new(scribe.clone()));
        Self { metrics, history, recorder, journal, past, host, scribe, now }
    }

    /// So many seconds later, this happens.
    pub(crate) fn after(&mut self, seconds: f64, event: Event) {
        self.now = self.now.plus(Duration::from_secs_f64(seconds));
        self.recorder.record(event, self.now);
    }

    /// A session begins at the first attempt.
    pub(crate) fn begin(&mut self) {
        self.after(1.0, Event::AttemptStarted { tier: Tier::Quick, number: 1 });
        self.after(0.5, established(1));
    }

    /// A session begins and is dropped after so many seconds, saying this.
    pub(crate) fn drops(&mut self, after: f64, words: &str) {
        self.begin();
        self.after(after, dropped(words));
    }

    /// An attempt fails.
    pub(crate) fn fails(&mut self, number: u32) {
        self.after(1.0, Event::AttemptStarted { tier: Tier::Quick, number });
        let failure = Failure::new(Phase::Tcp, ErrorName::ConnectionRefused, "nobody listens");
        self.after(0.5, Event::AttemptFailed { failure, interrupted: false });
    }

    /// Records that could not be written at once.
    pub(crate) fn failures(&self) -> f64 {
        let families = self.metrics.registry().gather();
        let family = families.iter().find(|family| family.name() == "hangup_journal_write_failures_total");
        family.unwrap().get_metric()[0].get_counter().get_value()
    }

    /// Ends in order.
    pub(crate) fn stop(self) {
        self.journal.stop(Duration::from_secs(60));
    }

    /// Dies: nothing more is told, and what was told is on the disk.
    pub(crate) fn die(self) {
        assert!(self.journal.flush());
    }

    /// What the drops said, oldest first.
    pub(crate) fn words(&self) -> Vec<String> {
        self.history.read(words)
    }
}

pub(crate) fn words(history: &History) -> Vec<String> {
    history.drops().map(|session| session.failure().unwrap().message.clone()).collect()
}

pub(crate) fn labels() -> ConnectionLabels {
    ConnectionLabels {
        connection: "home".to_owned(),
        broker: "broker.example:443".to_owned(),
        protocol: "3.1.1",
        transport: Transport::Wss,
        source: "navien",
        proxied: false,
        signs_in: true,
    }
}

pub(crate) fn established(attempts: u32) -> Event {
    Event::Established {
        session_present: false,
        attempts,
        peer: "192.0.2.7:443".parse().unwrap(),
        local: "198.51.100.9:40000".parse().unwrap(),
        subscriptions: 4,
        keep_alive: Duration::from_secs(30),
        credentials_expire: Some(noon().wall + Duration::from_secs(3600)),
        certificate_expires: None,
    }
}

pub(crate) fn dropped(words: &str) -> Event {
    Event::Dropped(Box::new(Ending {
        failure: Failure::new(Phase::Session, ErrorName::UnexpectedHangup, words).with_detail(Detail::Fin),
        ended_by: EndedBy::Peer,
        alive: Instant::default(),
        stats: LinkStats::default(),
        tcp: None,
    }))
}

pub(crate) fn closed(cause: CloseCause) -> Event {
    Event::Closed { cause, ending: None }
}

/// The history that the next process finds.
pub(crate) fn found(directory: &Path) -> (History, Past) {
    let mut life = Life::new(directory, MIB);
    let history = life.history.write(std::mem::take);
    let past = std::mem::take(&mut life.past);
    life.stop();
    (history, past)
}

/// The files of a journal that hold lines, with their text.
pub(crate) fn files(directory: &Path) -> BTreeMap<PathBuf, String> {
    let all = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let lines = all.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    lines.map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap())).collect()
}
