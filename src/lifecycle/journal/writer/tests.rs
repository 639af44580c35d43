//! Tests of the thread that writes: signs of life, and what is kept while the disk fails.
//! The thread itself does not run: what it does is called.

use std::path::Path;
use std::time::SystemTime;

use super::*;
use crate::lifecycle::history::{Attempt, AttemptOutcome, Living};
use crate::lifecycle::record::{Began, Tried};
use crate::telemetry::Metrics;

fn at(seconds: u64) -> Now {
    let since = Duration::from_secs(seconds);
    Now { at: Instant::from_boot(since), wall: SystemTime::UNIX_EPOCH + since }
}

fn writer(directory: &Path) -> Writer {
    let metrics = Metrics::started(at(0)).exporter();
    Writer::open(directory.to_owned(), 1 << 20, Timeline::default(), metrics, at(0)).0
}

fn told(record: Record) -> Line {
    Line { connection: Some("home".to_owned()), record }
}

fn began(number: u64) -> Line {
    let living = Living {
        number,
        start: at(1000),
        attempts: 1,
        tier: crate::connection::Tier::Quick,
        session_present: false,
        outage: None,
        keep_alive: Duration::from_secs(30),
    };
    told(Record::Began(Began::of(&living)))
}

fn tried(number: u32) -> Line {
    let attempt = Attempt {
        start: at(1),
        end: at(2),
        number,
        tier: crate::connection::Tier::Quick,
        phases: Vec::new(),
        outcome: AttemptOutcome::Interrupted,
    };
    told(Record::Attempt(Tried::of(&attempt)))
}

fn text(directory: &Path) -> String {
    std::fs::read_to_string(directory.join(super::super::write::CURRENT)).unwrap()
}

#[test]
fn a_session_that_lives_gives_a_sign_every_five_minutes_and_no_more_often() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = writer(directory.path());
    writer.take(began(1), at(1000).at);
    writer.settle(at(1000).at);
    let signs = |writer: &mut Writer, seconds: u64| {
        writer.signs(at(seconds).at);
        text(directory.path()).matches("\"alive\"").count()
    };
    assert_eq!(signs(&mut writer, 1001), 1, "it is time by the clock of the process");
    assert_eq!(signs(&mut writer, 1300), 1);
    assert_eq!(signs(&mut writer, 1301), 2);
    drop(writer);
    let (mut past, _paper) = Paper::open(directory.path(), 1 << 20, false);
    past.finish(|_, _| false);
    let history = past.take("home").unwrap();
    let session = history.sessions().next_back().unwrap();
    assert_eq!(session.age(), Duration::from_secs(301), "its last sign before the process died");
}

#[test]
fn a_storm_loses_nothing_while_the_disk_works() {
    let directory = tempfile::tempdir().unwrap();
    let (jobs, orders) = std::sync::mpsc::sync_channel(3 * KEPT);
    let (done, is_done) = std::sync::mpsc::sync_channel(1);
    for number in 0..2 * KEPT {
        let line = Box::new(tried(u32::try_from(number).unwrap()));
        jobs.send(Job::Line(line, at(1).at)).unwrap();
    }
    jobs.send(Job::Stop(done)).unwrap();
    writer(directory.path()).run(&orders);
    assert_eq!(is_done.recv(), Ok(true));
    assert_eq!(text(directory.path()).matches("\"attempt\"").count(), 2 * KEPT);
}

#[test]
fn while_the_disk_fails_attempts_go_first_and_the_number_of_records_is_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let mut writer = writer(&file);
    writer.take(began(1), at(1000).at);
    for number in 0..2500 {
        writer.take(tried(number), at(1001).at);
    }
    assert_eq!(writer.waiting.len(), KEPT);
    let kept = |wanted: fn(&Record) -> bool| {
        writer.waiting.iter().filter(|waiting| wanted(&waiting.line.record)).count()
    };
    assert_eq!(kept(|record| matches!(record, Record::Started { .. })), 1);
    assert_eq!(kept(|record| matches!(record, Record::Began(_))), 1);
    assert_eq!(writer.lost, 2502 - 1000);
    // The newest attempts are those that are kept.
    assert_eq!(writer.waiting.back().unwrap().line, tried(2499));
    assert_eq!(writer.waiting.get(2).unwrap().line, tried(1502));
}
