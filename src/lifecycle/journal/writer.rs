//! The thread that writes: records in, lines on the disk, and patience where the disk has none.
//! Never loses the order of records, and never holds more of them than a bound.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use tracing::{info, warn};

use super::ledger::Ledger;
use super::numbers::Offset;
use super::read::Past;
use super::trouble::Trouble;
use super::write::Paper;
use crate::clock::{self, Instant, Now};
use crate::host::Timeline;
use crate::lifecycle::record::{Line, Noticed, Record, Seconds, Wall};
use crate::telemetry::ExporterMetrics;

/// Signs of life of a session: the age of one whose process is killed is known so exactly.
const SIGNS: Duration = Duration::from_secs(300);
/// Between two tries to write on a disk that failed.
const RETRY: Duration = Duration::from_secs(5);
/// Records kept while the disk fails, about 2 KiB each at most.
const KEPT: usize = 1000;

/// An order to the thread.
#[derive(Debug)]
pub(super) enum Job {
    /// Write this, which was told at this moment.
    Line(Box<Line>, Instant),
    /// Write all that was told, and say whether it is on the disk.
    Flush(SyncSender<bool>),
    /// The same, then end.
    Stop(SyncSender<bool>),
}

/// A record that is not on the disk yet.
#[derive(Debug)]
struct Waiting {
    line: Line,
    told: Instant,
    /// Its session numbers are those of the file, not those of this process.
    translated: bool,
    /// It failed once, which was counted.
    failed: bool,
}

/// What the thread knows.
#[derive(Debug)]
pub(super) struct Writer {
    directory: PathBuf,
    limit: u64,
    host: Timeline,
    metrics: ExporterMetrics,
    paper: Option<Paper>,
    ledgers: BTreeMap<String, Ledger>,
    /// What is added to the numbers of a connection whose history did not go on where the journal ended.
    offsets: BTreeMap<String, Offset>,
    /// When the session of a connection began that lives now.
    lives: BTreeMap<String, Instant>,
    waiting: VecDeque<Waiting>,
    /// Something urgent was written and not yet synced.
    unsynced: bool,
    /// The last try failed, which was said.
    failing: bool,
    /// No try before this moment.
    rest_until: Option<Instant>,
    next_signs: Instant,
    /// The newest signal of the machine that was taken over.
    heard: Instant,
    /// Records that were given up since the disk failed.
    lost: u64,
}

impl Writer {
    /// Reads the past and begins the journal; what is wrong is said, and tried again later.
    pub(super) fn open(
        directory: PathBuf,
        limit: u64,
        host: Timeline,
        metrics: ExporterMetrics,
        now: Now,
    ) -> (Self, Past) {
        let mut writer = Self {
            directory,
            limit,
            host,
            metrics,
            paper: None,
            ledgers: BTreeMap::new(),
            offsets: BTreeMap::new(),
            lives: BTreeMap::new(),
            waiting: VecDeque::new(),
            unsynced: false,
            failing: false,
            rest_until: None,
            next_signs: now.at + SIGNS,
            heard: Instant::default(),
            lost: 0,
        };
        let past = writer.begin(now.at);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        writer.note(None, Record::Started { at: Wall(now.wall), version }, now.at);
        writer.settle(now.at);
        (writer, past)
    }

    /// Until it is told to stop, or nobody is left who could tell.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let now = clock::now();
            self.signs(now.at);
            let until = self.rest_until.map_or(self.next_signs, |rest| rest.min(self.next_signs));
            let mut next = match jobs.recv_timeout(until.saturating_since(now.at)) {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            while let Some(job) = next.take() {
                match job {
                    Job::Line(line, told) => {
                        self.take(*line, told);
                        // A storm of drops waits for a disk that is slow, and nothing is given up for one that works.
                        if self.waiting.len() >= KEPT / 2 && self.rest_until.is_none() {
                            self.settle(clock::now().at);
                        }
                    }
                    Job::Flush(done) => {
                        let _ = done.try_send(self.flush());
                    }
                    Job::Stop(done) => {
                        let now = clock::now();
                        self.overhear(now.at);
                        self.note(None, Record::Stopped { at: Wall(now.wall) }, now.at);
                        let _ = done.try_send(self.flush());
                        return;
                    }
                }
                next = jobs.try_recv().ok();
            }
            self.settle(clock::now().at);
        }
    }

    fn take(&mut self, line: Line, told: Instant) {
        if line.record.is_urgent() {
            self.overhear(told);
        }
        self.keep(Waiting { line, told, translated: false, failed: false });
    }

    fn note(&mut self, connection: Option<&str>, record: Record, now: Instant) {
        let line = Line { connection: connection.map(str::to_owned), record };
        self.keep(Waiting { line, told: now, translated: true, failed: false });
    }

    /// What happened on this machine since the last look.
    fn overhear(&mut self, now: Instant) {
        for signal in self.host.between(self.heard + Duration::from_nanos(1), now) {
            self.heard = self.heard.max(signal.at.at);
            self.note(None, Record::Signal(Noticed::of(&signal)), now);
        }
    }

    /// The signs of life, when it is time for them.
    fn signs(&mut self, now: Instant) {
        if now < self.next_signs {
            return;
        }
        self.next_signs = now + SIGNS;
        self.overhear(now);
        let signs: Vec<_> = self
            .lives
            .iter()
            .filter_map(|(name, since)| {
                let session = self.ledgers.get(name).and_then(Ledger::living)?;
                Some((name.clone(), Record::Alive { session, age: Seconds(now.saturating_since(*since)) }))
            })
            .collect();
        for (name, sign) in signs {
            self.note(Some(&name), sign, now);
        }
        self.settle(now);
    }

    /// Keeps a record until it is written. Where there are too many, an attempt goes first: they are many, and tell least.
    fn keep(&mut self, record: Waiting) {
        if self.waiting.len() >= KEPT {
            let attempt = self.waiting.iter().position(|kept| matches!(kept.line.record, Record::Attempt(_)));
            if let Some(kept) = self.waiting.remove(attempt.unwrap_or(0)) {
                self.lost += 1;
                if !kept.failed {
                    self.metrics.journal_failed();
                }
            }
        }
        self.waiting.push_back(record);
    }

    /// Writes what waits, whatever happened before, and says whether all of it is on the disk.
    fn flush(&mut self) -> bool {
        self.rest_until = None;
        self.unsynced = true;
        self.settle(clock::now().at);
        self.waiting.is_empty() && !self.unsynced
    }

    /// Writes what waits, unless the disk rests.
    fn settle(&mut self, now: Instant) {
        if self.rest_until.is_some_and(|rest| now < rest) {
            self.fail_all();
            return;
        }
        if self.paper.is_none() {
            self.begin(now);
        }
        let done = self.write();
        match done {
            Ok(()) => self.well(),
            Err(trouble) => self.ill(&trouble, now),
        }
    }

    fn write(&mut self) -> Result<(), Trouble> {
        if self.paper.is_none() {
            return Ok(());
        }
        while let Some(waiting) = self.waiting.front() {
            let mut line = waiting.line.clone();
            if !waiting.translated {
                self.translate(&mut line);
            }
            let Ok(bytes) = line.encode() else {
                // Nothing of ours is like that; if it were, it would be so for ever.
                self.metrics.journal_failed();
                self.waiting.pop_front();
                continue;
            };
            let head = self.paper.as_ref().is_some_and(|paper| paper.is_full(&bytes)).then(|| self.head());
            let Some(paper) = &mut self.paper else { return Ok(()) };
            if let Some(head) = head {
                paper.turn(&head)?;
            }
            paper.append(&bytes)?;
            if let Some(waiting) = self.waiting.pop_front() {
                self.written(&line, waiting.told);
            }
        }
        if self.unsynced
            && let Some(paper) = &mut self.paper
        {
            paper.sync()?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Books a line that stands in the file.
    fn written(&mut self, line: &Line, told: Instant) {
        self.unsynced |= line.record.is_urgent();
        let Some(name) = &line.connection else {
            if matches!(line.record, Record::Started { .. }) {
                self.ledgers.values_mut().for_each(|ledger| ledger.hear(&line.record));
            }
            return;
        };
        self.ledgers.entry(name.clone()).or_default().hear(&line.record);
        if matches!(line.record, Record::Began(_)) {
            self.lives.insert(name.clone(), told);
        } else if matches!(line.record, Record::Over(_)) {
            self.lives.remove(name);
        }
    }

    /// What a new file must say of those before it.
    fn head(&self) -> Vec<u8> {
        let mut head = Vec::new();
        for (name, ledger) in &self.ledgers {
            let record = Record::Checkpoint(Box::new(ledger.carried()));
            if let Ok(line) = (Line { connection: Some(name.clone()), record }).encode() {
                head.extend_from_slice(&line);
            }
        }
        head
    }

    /// From the numbers of this process to those of the file.
    fn translate(&mut self, line: &mut Line) {
        let Some(name) = &line.connection else { return };
        let ledger = self.ledgers.entry(name.clone()).or_default();
        self.offsets.entry(name.clone()).or_default().translate(&mut line.record, ledger);
    }

    /// Reads what is there and opens the file.
    fn begin(&mut self, now: Instant) -> Past {
        let (mut past, paper) = Paper::open(&self.directory, self.limit, self.failing);
        let ledgers = &self.ledgers;
        let lives = &self.lives;
        past.finish(|name, number| {
            lives.contains_key(name) && ledgers.get(name).and_then(Ledger::living) == Some(number)
        });
        match paper {
            // Somebody took the files away: the new one begins with what was known.
            Ok(mut paper) if past.lines() == 0 && !self.ledgers.is_empty() => {
                match paper.append(&self.head()) {
                    Ok(()) => self.paper = Some(paper),
                    Err(trouble) => self.ill(&trouble, now),
                }
            }
            Ok(paper) => {
                self.ledgers = past.ledgers();
                self.paper = Some(paper);
            }
            Err(trouble) => self.ill(&trouble, now),
        }
        past
    }

    /// The disk failed: said once, tried again after a rest.
    fn ill(&mut self, trouble: &Trouble, now: Instant) {
        if !std::mem::replace(&mut self.failing, true) {
            warn!(
                "the journal is not written: {trouble}. The exporter works on; it keeps the newest {KEPT} records and \
                 tries again every {} s",
                RETRY.as_secs()
            );
        }
        self.rest_until = Some(now + RETRY);
        if !trouble.is_lack_of_room() {
            self.paper = None;
        }
        self.fail_all();
    }

    /// Each record that could not be written is counted, once.
    fn fail_all(&mut self) {
        for waiting in self.waiting.iter_mut().filter(|waiting| !waiting.failed) {
            waiting.failed = true;
            self.metrics.journal_failed();
        }
    }

    fn well(&mut self) {
        if self.paper.is_none() {
            return;
        }
        self.rest_until = None;
        if std::mem::take(&mut self.failing) {
            let lost = std::mem::take(&mut self.lost);
            info!(lost, "the journal is written again, and what was kept meanwhile stands in it");
        }
    }
}
