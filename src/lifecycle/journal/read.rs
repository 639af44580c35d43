//! From the lines of a journal to the past: histories, sums, signals. Pure: it is given the bytes.
//! Never gives up over a line: what cannot be read is counted and passed over, and everything else counts.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, Read as _};

use super::ledger::Ledger;
use crate::host::Signal;
use crate::lifecycle::history::History;
use crate::lifecycle::record::{FORMAT, Header, Line, Record, happening};

/// No line of ours comes near it: what is longer is no line, and must not fill the memory.
const LONGEST_LINE: u64 = 4 << 20;

/// More connections than anybody has: a file of strange names must not fill the memory. The others make room.
const CONNECTIONS: usize = 10_000;

/// Signals of the machine kept, as many as its timeline keeps.
const SIGNALS: usize = 1000;

/// What a journal tells of the time before this process.
#[derive(Debug, Default)]
pub struct Past {
    lives: BTreeMap<String, Life>,
    signals: VecDeque<Signal>,
    passed_over: PassedOver,
    lines: u64,
}

/// The past of one connection.
#[derive(Debug, Default)]
struct Life {
    ledger: Ledger,
    history: History,
}

/// Lines that were not understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// No JSON: damaged, or the last line of a process that was killed while it wrote.
    pub damaged: u64,
    /// JSON that this version does not know: a newer one wrote it.
    pub unknown: u64,
    /// A session that had begun or ended already.
    pub repeated: u64,
}

/// How a file ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// Bytes up to the end of its last good line or of its last line end, whichever is later: what follows is torn.
    pub(super) good: u64,
    /// The last good line lacks its line end.
    pub(super) unfinished: bool,
    /// The lines are of this format, which is not ours: none was read.
    pub(super) foreign: Option<u32>,
}

impl Past {
    /// Takes the history of a connection out of it, to go on with it.
    pub fn take(&mut self, connection: &str) -> Option<History> {
        let Life { ledger, mut history } = self.lives.remove(connection)?;
        history.resume(ledger.totals().clone(), ledger.last_number());
        history.conclude(ledger.findings().to_vec());
        Some(history)
    }

    /// The connections that it tells of.
    pub fn connections(&self) -> impl Iterator<Item = &str> {
        self.lives.keys().map(String::as_str)
    }

    /// What happened on this machine, oldest first.
    pub fn signals(&self) -> impl Iterator<Item = &Signal> {
        self.signals.iter()
    }

    /// What was not understood.
    #[must_use]
    pub fn passed_over(&self) -> PassedOver {
        self.passed_over
    }

    /// Lines that were understood.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The process that wrote it is gone: sessions without an end were cut off, except those that are `ours`.
    pub(super) fn finish(&mut self, ours: impl Fn(&str, u64) -> bool) {
        for (name, life) in &mut self.lives {
            if !life.ledger.living().is_some_and(|number| ours(name, number)) {
                life.cut_off();
            }
        }
    }

    /// The books, to go on writing.
    pub(super) fn ledgers(&self) -> BTreeMap<String, Ledger> {
        self.lives.iter().map(|(name, life)| (name.clone(), life.ledger.clone())).collect()
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Those of the reader; what was read before counts.
    pub(super) fn read(&mut self, mut from: impl BufRead) -> io::Result<Tail> {
        let (mut tail, mut at, mut line) = (Tail::default(), 0, Vec::new());
        loop {
            line.clear();
            let mut taken = bytes(from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?);
            if taken == 0 {
                return Ok(tail);
            }
            if taken == LONGEST_LINE && line.last() != Some(&b'\n') {
                line.clear();
                line.extend_from_slice(b"too long\n");
                taken += bytes(from.skip_until(b'\n')?);
            }
            let first = at == 0;
            at += taken;
            let ended = line.last() == Some(&b'\n');
            if first && let Ok(header) = serde_json::from_slice::<Header>(&line) {
                if header.hangup_journal != FORMAT {
                    tail.foreign = Some(header.hangup_journal);
                    return Ok(tail);
                }
                tail.unfinished = !ended;
                tail.good = at;
                continue;
            }
            let understood = self.line(&line);
            if ended || understood {
                tail.good = at;
                tail.unfinished = !ended;
            }
        }
    }

    /// Takes one line; whether it was at least JSON of ours.
    fn line(&mut self, line: &[u8]) -> bool {
        if let Ok(line) = serde_json::from_slice::<Line>(line) {
            self.lines += 1;
            self.hear(&line);
            return true;
        }
        // Nothing between two line ends: harmless.
        if line.trim_ascii().is_empty() {
            return false;
        }
        let is_object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line).is_ok();
        if is_object {
            self.passed_over.unknown += 1;
        } else {
            self.passed_over.damaged += 1;
        }
        is_object
    }

    fn hear(&mut self, line: &Line) {
        let Some(name) = &line.connection else {
            match &line.record {
                Record::Started { .. } => self.finish(|_, _| false),
                Record::Signal(noticed) => {
                    while self.signals.len() >= SIGNALS {
                        self.signals.pop_front();
                    }
                    self.signals.push_back(noticed.back());
                }
                Record::Stopped { .. }
                | Record::Attempt(_)
                | Record::Began(_)
                | Record::Alive { .. }
                | Record::Over(_)
                | Record::Explained { .. }
                | Record::Concluded { .. }
                | Record::Happened { .. }
                | Record::Checkpoint(_) => {}
            }
            return;
        };
        if !self.lives.contains_key(name) {
            if self.lives.len() >= CONNECTIONS {
                self.lives.pop_first();
            }
            self.lives.insert(name.clone(), Life::default());
        }
        if let Some(life) = self.lives.get_mut(name)
            && !life.hear(&line.record)
        {
            self.passed_over.repeated += 1;
        }
    }
}

impl Life {
    /// Whether it is news.
    fn hear(&mut self, record: &Record) -> bool {
        match record {
            Record::Attempt(tried) => {
                let attempt = tried.back();
                self.ledger.attempt(&attempt);
                self.history.add_attempt(attempt);
                true
            }
            Record::Began(began) => {
                let news = self.ledger.is_news(began);
                if news {
                    self.cut_off();
                    self.ledger.began(began);
                }
                news
            }
            Record::Alive { session, age } => {
                self.ledger.alive(*session, age.0);
                true
            }
            Record::Over(over) => {
                let session = over.back();
                let news = self.ledger.over(&session);
                if news {
                    self.history.add_session(session);
                }
                news
            }
            Record::Explained { session, verdict } => {
                self.history.explain(*session, verdict.clone());
                true
            }
            Record::Happened { at, kind } => {
                self.history.add_happening(happening(*at, *kind));
                true
            }
            Record::Concluded { .. } | Record::Checkpoint(_) => {
                self.ledger.hear(record);
                true
            }
            Record::Started { .. } | Record::Stopped { .. } | Record::Signal(_) => true,
        }
    }

    fn cut_off(&mut self) {
        if let Some(session) = self.ledger.cut_off() {
            self.history.add_session(session);
        }
    }
}

fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
