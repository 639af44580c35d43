//! Who wants to hear what a recorder recorded: the journal, the diagnosis, a program that uses this crate.
//! Never blocks and never waits: it is called in the connection's own task.

use std::sync::Arc;

use super::history::{Attempt, Happening, Living, Session};
use crate::clock::Now;
use crate::diagnosis::{Finding, Verdict};

/// Hears what was recorded, after it stands in the history.
pub trait Observer: Send {
    /// One fact.
    fn heard(&mut self, fact: &Fact<'_>, now: Now);
}

/// What a recorder recorded.
#[derive(Clone, Copy, Debug)]
pub enum Fact<'a> {
    /// An attempt is over.
    Attempt(&'a Attempt),
    /// A session began.
    Began(&'a Living),
    /// A session is over: dropped or closed.
    Over(&'a Arc<Session>),
    /// What is thought of the drop that ended this session. It may come again, better known.
    Explained {
        /// Its number.
        session: u64,
        /// What is thought.
        verdict: &'a Verdict,
    },
    /// These findings stand now, in the place of the earlier ones.
    Concluded(&'a [Finding]),
    /// Something happened beside the connection.
    Happened(&'a Happening),
}
