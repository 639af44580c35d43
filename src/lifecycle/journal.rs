//! The journal: a file to which every connection's life is added, and from which it is restored after a restart.
//! Never makes a connection wait: what the disk cannot take in time is kept for a while, then counted as lost.
//!
//! One file for all connections, `journal.jsonl`, with one older one, `journal.1.jsonl`, together within a limit. A line
//! is a [`Record`]. The end of a session is on the disk (`fsync`) before anything else is written;
//! attempts and the like follow with the next one.
//!
//! **A restart is a session that ended by us.** A session without an end, because its process was killed, comes back
//! as closed by a shutdown, at the age of its last sign in the journal: while it lives, one is written every 5 minutes.
//!
//! **Nothing is lost with something else.** A torn last line is cut off. A damaged line, or one of a newer version, is
//! passed over and counted. A journal of another format is kept under another name. On a full or read-only disk the
//! exporter works on, says what to do, keeps the newest records and writes them when the disk is back.

mod ledger;
mod numbers;
mod read;
mod rotate;
mod secret;
mod trouble;
mod write;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing::warn;

pub use read::{PassedOver, Past};
pub use trouble::Trouble;
use writer::{Job, Writer};

use super::board::SharedHistory;
use super::observer::{Fact, Observer};
use super::record::{Began, Line, Over, Record, Tried, Wall};
use crate::clock::{self, Now};
use crate::connection::sends;
use crate::host::Timeline;
use crate::telemetry::ExporterMetrics;

/// Records that may wait for the disk. A burst of 50 connections that drop and come back is a fifth of it.
const QUEUE: usize = 1024;

/// How often it is asked whether there is room in a full queue for the last order.
const FULL: Duration = Duration::from_millis(20);

/// A journal that is written.
#[derive(Debug)]
pub struct Journal {
    jobs: SyncSender<Job>,
    metrics: ExporterMetrics,
    writer: Option<JoinHandle<()>>,
}

impl Journal {
    /// Reads the journal of this directory and begins to write it, in a thread of its own. What keeps it from being
    /// read or written is said in the log; it is tried again and again.
    ///
    /// Blocks while it reads: at most `limit` bytes.
    #[must_use]
    pub fn open(
        directory: &Path,
        limit: u64,
        host: Timeline,
        metrics: ExporterMetrics,
        now: Now,
    ) -> (Self, Past) {
        let (jobs, orders) = sync_channel(QUEUE);
        let (writer, past) = Writer::open(PathBuf::from(directory), limit, host, metrics.clone(), now);
        sends::hash_under(secret::of(directory, sends::fresh_secret()));
        let writer = spawn(writer, orders);
        (Self { jobs, metrics, writer }, past)
    }

    /// Hears what the recorder of this connection records. It can be cloned: who draws conclusions tells them to one, by
    /// [`Fact::Explained`] and [`Fact::Concluded`].
    #[must_use]
    pub fn scribe(&self, connection: &str, history: SharedHistory) -> Scribe {
        Scribe {
            connection: connection.to_owned(),
            history,
            jobs: self.jobs.clone(),
            metrics: self.metrics.clone(),
        }
    }

    /// Waits until all that was told before is on the disk, and says whether it is. Never from a connection's task.
    #[must_use]
    pub fn flush(&self) -> bool {
        let (done, is_done) = sync_channel(1);
        self.jobs.send(Job::Flush(done)).is_ok() && is_done.recv().unwrap_or(false)
    }

    /// Writes what is left, notes that the process ended in order, and waits for that at most so long.
    pub fn stop(mut self, patience: Duration) {
        let (done, is_done) = sync_channel(1);
        let until = clock::now().at + patience;
        let mut told = self.jobs.try_send(Job::Stop(done));
        while let Err(TrySendError::Full(job)) = told {
            if clock::now().at >= until {
                told = Err(TrySendError::Full(job));
                break;
            }
            std::thread::sleep(FULL);
            told = self.jobs.try_send(job);
        }
        if told.is_ok() && is_done.recv_timeout(until.saturating_since(clock::now().at)).is_ok() {
            if let Some(writer) = self.writer.take() {
                let _ = writer.join();
            }
        } else {
            warn!("the journal did not get to its end: the disk is too slow; its newest records are lost");
        }
    }
}

fn spawn(writer: Writer, orders: Receiver<Job>) -> Option<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name("journal".to_owned());
    match thread.spawn(move || writer.run(&orders)) {
        Ok(writer) => Some(writer),
        Err(error) => {
            warn!(
                "the journal is not written: no thread for it can be had ({error}); raise the limit of tasks"
            );
            None
        }
    }
}

/// Tells the journal what happens to one connection.
#[derive(Clone)]
pub struct Scribe {
    connection: String,
    history: SharedHistory,
    jobs: SyncSender<Job>,
    metrics: ExporterMetrics,
}

impl std::fmt::Debug for Scribe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scribe").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl Observer for Scribe {
    fn heard(&mut self, fact: &Fact<'_>, now: Now) {
        let record = match fact {
            Fact::Attempt(attempt) => Record::Attempt(Tried::of(attempt)),
            Fact::Began(living) => Record::Began(Began::of(living)),
            Fact::Over(session) => {
                Record::Over(Box::new(Over::of(session, &self.survived_gaps(session.number))))
            }
            Fact::Explained { session, verdict } => {
                Record::Explained { session: *session, verdict: (*verdict).clone() }
            }
            Fact::Concluded(findings) => {
                Record::Concluded { at: Wall(now.wall), findings: findings.to_vec() }
            }
            Fact::Happened(happening) => Record::happened(happening),
        };
        let line = Line { connection: Some(self.connection.clone()), record };
        if self.jobs.try_send(Job::Line(Box::new(line), now.at)).is_err() {
            self.metrics.journal_failed();
        }
    }
}

impl Scribe {
    /// Those of the newest session: the history took them away from it.
    fn survived_gaps(&self, session: u64) -> Vec<Duration> {
        self.history.read(|history| {
            let gaps = history.survived_gaps().rev().take_while(|gap| gap.session == session);
            let mut lengths: Vec<_> = gaps.map(|gap| gap.length).collect();
            lengths.reverse();
            lengths
        })
    }
}

/// Lets the history of a connection go on where the journal ended.
pub fn restore(past: &mut Past, connection: &str, history: &SharedHistory) {
    if let Some(before) = past.take(connection) {
        history.write(|history| *history = before);
    }
}

/// Puts what happened on this machine before this process into its timeline.
pub fn remember(past: &Past, host: &Timeline) {
    for signal in past.signals() {
        host.add(signal.clone());
    }
}
