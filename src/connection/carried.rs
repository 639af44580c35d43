//! What a client has to remember of a session that the broker keeps, from one network connection to the next.
//!
//! Pure. Never written to a disk: it is lost with the process. What it makes sure of, while the process lives and the
//! broker keeps the session: a message of quality of service 2 is not heard twice, though the connection breaks between
//! any two of its packets; and a message of ours that the broker has taken is let go there. What it never does: send a
//! message again. One that a break leaves unacknowledged is lost or was taken, and nobody knows which.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The memory of one connection. Clones share it.
#[derive(Clone, Default)]
pub struct Carried(Arc<Mutex<Memory>>);

/// At most 65,535 identifiers each.
#[derive(Default)]
struct Memory {
    /// Messages of QoS 2 that were heard and not yet released by the broker.
    heard: BTreeSet<u16>,
    /// Messages of QoS 2 of ours that the broker has taken and not yet completed.
    releasing: BTreeSet<u16>,
    /// The packet identifier that was used last.
    last: u16,
    /// The client id that the broker made up.
    client_id: Option<String>,
}

impl Carried {
    /// The broker knows nothing of this client, so neither do we. The identifiers go on.
    pub(super) fn forget(&self) {
        let mut memory = self.memory();
        memory.heard.clear();
        memory.releasing.clear();
    }

    /// A message of QoS 2 came: whether it is new.
    pub(super) fn heard(&self, identifier: u16) -> bool {
        self.memory().heard.insert(identifier)
    }

    /// The broker let go of it: whether it was known.
    pub(super) fn released(&self, identifier: u16) -> bool {
        self.memory().heard.remove(&identifier)
    }

    /// The broker took a message of QoS 2.
    pub(super) fn releases(&self, identifier: u16) {
        self.memory().releasing.insert(identifier);
    }

    /// It is complete.
    pub(super) fn completed(&self, identifier: u16) {
        self.memory().releasing.remove(&identifier);
    }

    /// What is to be released again.
    pub(super) fn unreleased(&self) -> Vec<u16> {
        self.memory().releasing.iter().copied().collect()
    }

    /// The identifier after the one that was used last.
    pub(super) fn next_identifier(&self) -> u16 {
        let mut memory = self.memory();
        memory.last = memory.last.checked_add(1).unwrap_or(1);
        memory.last
    }

    /// The broker made up this client id.
    pub(super) fn is_called(&self, client_id: &str) {
        self.memory().client_id = Some(client_id.to_owned());
    }

    /// The client id that the broker made up earlier.
    pub(super) fn client_id(&self) -> Option<String> {
        self.memory().client_id.clone()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client id may be an identity.
impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.memory();
        let (heard, releasing) = (memory.heard.len(), memory.releasing.len());
        write!(f, "Carried {{ heard: {heard}, releasing: {releasing}, .. }}")
    }
}
