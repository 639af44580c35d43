//! The lines of the journal: what of a history is kept over a restart, as JSON, in both directions. Pure.
//!
//! Never holds a secret, an address, a topic or the name of an interface: where a record had one, it comes back without.
//! Boot clocks mean nothing after a restart: what comes back counts from the start of its session or attempt.

mod attempt;
mod session;
mod signal;
mod sums;
mod value;

use serde::{Deserialize, Serialize};

pub use attempt::{Began, Tried};
pub use session::{Over, cut_off};
pub use signal::Noticed;
pub use sums::{Checkpoint, Sums};
pub use value::{Seconds, Wall};

use super::history::Happening;
use crate::clock::{Instant, Now};
use crate::diagnosis::{EventKind, Finding, Verdict};

/// The format that this program writes and reads. It changes only when an old line would be misunderstood: new kinds of
/// records and new fields do not change it, since a reader passes over what it does not know.
pub const FORMAT: u32 = 1;

/// The first line of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The format of the lines that follow.
    pub hangup_journal: u32,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The connection; none for what concerns the process or the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// What it tells.
    pub record: Record,
}

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A process began to write: sessions without an end before this line were cut off.
    Started {
        /// When.
        at: Wall,
        /// The version of the program.
        version: String,
    },
    /// It ended in order.
    Stopped {
        /// When.
        at: Wall,
    },
    /// An attempt is over.
    Attempt(Tried),
    /// A session began.
    Began(Began),
    /// It lives still.
    Alive {
        /// Its number.
        session: u64,
        /// Its age.
        age: Seconds,
    },
    /// A session is over.
    Over(Box<Over>),
    /// What is thought of a drop.
    Explained {
        /// The session that it ended.
        session: u64,
        /// What is thought.
        verdict: Verdict,
    },
    /// The findings that stand from now on.
    Concluded {
        /// When.
        at: Wall,
        /// All of them.
        findings: Vec<Finding>,
    },
    /// Something happened beside the connection.
    Happened {
        /// When.
        at: Wall,
        /// What.
        kind: EventKind,
    },
    /// Something happened on this machine.
    Signal(Noticed),
    /// The head of a new file: what the files before it said of a connection.
    Checkpoint(Box<Checkpoint>),
}

impl Record {
    /// Of something that happened beside a connection.
    #[must_use]
    pub fn happened(happening: &Happening) -> Self {
        Self::Happened { at: Wall(happening.at.wall), kind: happening.kind }
    }

    /// Whether it must be on the disk before anything else is done: the end of a session, or of the process.
    #[must_use]
    pub fn is_urgent(&self) -> bool {
        match self {
            Self::Over(_) | Self::Stopped { .. } | Self::Checkpoint(_) => true,
            Self::Started { .. }
            | Self::Attempt(_)
            | Self::Began(_)
            | Self::Alive { .. }
            | Self::Explained { .. }
            | Self::Concluded { .. }
            | Self::Happened { .. }
            | Self::Signal(_) => false,
        }
    }
}

/// Something that happened beside a connection, as it comes back.
#[must_use]
pub fn happening(at: Wall, kind: EventKind) -> Happening {
    Happening { kind, at: long_ago(at) }
}

/// A moment of an earlier life: before anything on the boot clock of this one.
fn long_ago(at: Wall) -> Now {
    Now { at: Instant::default(), wall: at.0 }
}

impl Line {
    /// The line as it stands in the file, with its end.
    ///
    /// # Errors
    /// Only those of the serializer.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }
}
