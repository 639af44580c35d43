//! What is known of a fleet, as the status page and the API show it. Pure.
//! Never holds a client id unless the configuration shows them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::book::Fate;
use super::offenders::Offenders;
use super::storm::Burst;
use crate::lifecycle::presence::{By, Reason};

/// Longest session of each group of lengths, in seconds; the last group has none.
pub const LENGTHS: [u64; 8] = [1, 10, 60, 600, 3_600, 21_600, 86_400, u64::MAX];

/// How the fleet stands now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Clients in mind.
    pub clients: usize,
    /// Those whose connect was heard, and no end of it, since we listen without a gap.
    pub connected: usize,
    /// Different clients that dropped within the last minute.
    pub dropped_recently: usize,
    /// Whether a burst is in force.
    pub burst: bool,
    /// Bursts so far.
    pub bursts: u64,
}

impl Standing {
    /// How it stands where nobody hears of the clients any more: nobody is known to be there, and nobody is seen to drop.
    #[must_use]
    pub fn unheard(self) -> Self {
        Self { connected: 0, dropped_recently: 0, burst: false, ..self }
    }
}

/// What was counted since the connection's life began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Connects.
    pub connects: u64,
    /// Disconnects by reason, and by who made them.
    pub disconnects: BTreeMap<(Reason, By), u64>,
    /// Events by what became of them.
    pub events: BTreeMap<Fate, u64>,
    /// Messages that should have been events and are none.
    pub malformed: u64,
    /// Sessions that drops ended, in the groups of [`LENGTHS`].
    pub lengths: [u64; LENGTHS.len()],
}

impl Tally {
    /// A session that a drop ended was so long.
    pub fn lasted(&mut self, length: Duration) {
        let group = LENGTHS.iter().position(|most| length < Duration::from_secs(*most));
        if let Some(count) = group.and_then(|group| self.lengths.get_mut(group)) {
            *count += 1;
        }
    }

    /// Disconnects by reason, whoever made them.
    #[must_use]
    pub fn by_reason(&self) -> BTreeMap<Reason, u64> {
        let mut reasons = BTreeMap::new();
        for ((reason, _), count) in &self.disconnects {
            *reasons.entry(*reason).or_default() += count;
        }
        reasons
    }
}

/// What is known of a fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// When this was so.
    pub at: SystemTime,
    /// Since when we listen without a gap.
    pub since: SystemTime,
    /// The kind of broker.
    pub kind: &'static str,
    /// Whether client ids may be shown.
    pub shows_clients: bool,
    /// So many clients may be kept in mind.
    pub client_limit: usize,
    /// How it stands.
    pub standing: Standing,
    /// What was counted.
    pub tally: Tally,
    /// The newest bursts, oldest first.
    pub bursts: Vec<Burst>,
    /// The clients that drop most.
    pub offenders: Offenders,
}

impl View {
    /// The same where nobody hears of the clients any more.
    #[must_use]
    pub fn unheard(&self) -> Self {
        let mut view = Self { standing: self.standing.unheard(), ..self.clone() };
        view.offenders.worst.iter_mut().for_each(|offender| offender.connected = None);
        view
    }
}
