//! What became of the last commands, by their ids.
//!
//! Never forgets a command that has no fate yet: its id must not be used for another one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::{Instant, Now};
use crate::connection::order::{Fate, Refusal};
use crate::source::Command;

/// So many are kept …
const MOST: usize = 1000;
/// … for so long.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// What was handed in, and what became of it.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// Its id.
    pub id: String,
    /// The label of the device.
    pub device: String,
    /// The connection of the device.
    pub connection: String,
    /// What it shall do.
    pub command: Command,
    /// When it was handed in.
    pub accepted: Now,
    pub(super) fate: watch::Receiver<Fate>,
}

impl Ticket {
    /// What became of it up to now.
    #[must_use]
    pub fn fate(&self) -> Fate {
        let told = self.fate.borrow().clone();
        // Without a teller it stays as it is: the task of the connection ended by a bug.
        match (&told, self.fate.has_changed().is_err()) {
            (Fate::Received | Fate::Queued, true) => Fate::Refused(Refusal::Stopping),
            (Fate::Sent, true) => Fate::Unconfirmed { interrupted: true, taken: false },
            (
                Fate::Received
                | Fate::Queued
                | Fate::Sent
                | Fate::Acknowledged
                | Fate::Expired
                | Fate::Refused(_)
                | Fate::Failed { .. }
                | Fate::Unconfirmed { .. },
                _,
            ) => told,
        }
    }

    /// Whether it was refused, and its sender told so: another try is another command. One that expired was waited for, and its
    /// time is over.
    pub(super) fn may_be_tried_again(&self) -> bool {
        match self.fate() {
            Fate::Refused(_) => true,
            Fate::Expired
            | Fate::Received
            | Fate::Queued
            | Fate::Sent
            | Fate::Acknowledged
            | Fate::Failed { .. }
            | Fate::Unconfirmed { .. } => false,
        }
    }

    /// Waits until the connection has looked at it, or until `enough` holds.
    pub async fn until(&mut self, enough: impl Fn(&Fate) -> bool) -> Fate {
        // An error says that nobody tells any more: what it was stands.
        let _ = self.fate.wait_for(|fate| enough(fate)).await;
        self.fate()
    }
}

/// The last tickets.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    tickets: BTreeMap<String, Ticket>,
    /// Oldest first.
    order: VecDeque<String>,
}

impl Ledger {
    /// The ticket with this id.
    pub(super) fn find(&mut self, id: &str, now: Instant) -> Option<Ticket> {
        self.forget_old(now);
        self.tickets.get(id).cloned()
    }

    /// Keeps a ticket, whose id is new; whether there was room.
    pub(super) fn add(&mut self, ticket: Ticket, now: Instant) -> bool {
        self.forget_old(now);
        if self.order.len() >= MOST && !self.forget_first(|ticket| ticket.fate().is_final()) {
            return false;
        }
        self.order.push_back(ticket.id.clone());
        self.tickets.insert(ticket.id.clone(), ticket);
        true
    }

    /// Makes room for another try of the same command.
    pub(super) fn forget(&mut self, id: &str) {
        self.order.retain(|kept| kept != id);
        self.tickets.remove(id);
    }

    fn forget_old(&mut self, now: Instant) {
        while self.forget_first(|ticket| {
            now.saturating_since(ticket.accepted.at) >= KEPT && ticket.fate().is_final()
        }) {}
    }

    /// Forgets the first of which it holds; whether there was one. Looks no further than the first that is final.
    fn forget_first(&mut self, may_go: impl Fn(&Ticket) -> bool) -> bool {
        let is_final = |id: &&String| self.tickets.get(*id).is_none_or(|ticket| ticket.fate().is_final());
        let Some(id) = self.order.iter().find(is_final).cloned() else { return false };
        if self.tickets.get(&id).is_some_and(|ticket| !may_go(ticket)) {
            return false;
        }
        self.order.retain(|kept| *kept != id);
        self.tickets.remove(&id);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::read;

    fn ticket(id: usize, hours: u64) -> (Ticket, watch::Sender<Fate>) {
        let (teller, fate) = watch::channel(Fate::Queued);
        let at = Instant::from_boot(Duration::from_secs(hours * 3600));
        let command = Command::read("navien", &read(br#"{"command": "power_on"}"#).unwrap()).unwrap();
        let ticket = Ticket {
            id: id.to_string(),
            device: "tank".to_owned(),
            connection: "home".to_owned(),
            command,
            accepted: Now { at, wall: std::time::SystemTime::UNIX_EPOCH },
            fate,
        };
        (ticket, teller)
    }

    #[test]
    fn the_oldest_with_a_fate_give_way_and_those_without_stay() {
        let mut ledger = Ledger::default();
        let (first, pending) = ticket(0, 1);
        assert!(ledger.add(first, Instant::default()));
        let mut tellers = Vec::new();
        for id in 1..=MOST {
            let (next, teller) = ticket(id, 1);
            teller.send_replace(Fate::Acknowledged);
            tellers.push(teller);
            assert!(ledger.add(next, Instant::default()));
        }
        let now = Instant::default();
        assert!(ledger.find("0", now).is_some() && ledger.find("1", now).is_none());
        assert!(ledger.find("2", now).is_some() && ledger.order.len() == MOST);
        drop(pending);
    }

    #[test]
    fn there_is_no_room_for_more_than_that_without_a_fate() {
        let mut ledger = Ledger::default();
        let mut tellers = Vec::new();
        for id in 0..MOST {
            let (next, teller) = ticket(id, 1);
            tellers.push(teller);
            assert!(ledger.add(next, Instant::default()));
        }
        let (one_more, _teller) = ticket(MOST, 1);
        assert!(!ledger.add(one_more, Instant::default()));
    }

    #[test]
    fn after_a_day_a_fate_is_forgotten() {
        let mut ledger = Ledger::default();
        let (one, teller) = ticket(1, 1);
        teller.send_replace(Fate::Acknowledged);
        ledger.add(one, Instant::default());
        let hours = |hours: u64| Instant::from_boot(Duration::from_secs(hours * 3600));
        assert!(ledger.find("1", hours(24)).is_some());
        assert!(ledger.find("1", hours(25)).is_none());
    }

    #[test]
    fn without_a_teller_the_fate_is_final_all_the_same() {
        for (left, expected) in [
            (Fate::Queued, Fate::Refused(Refusal::Stopping)),
            (Fate::Sent, Fate::Unconfirmed { interrupted: true, taken: false }),
            (Fate::Acknowledged, Fate::Acknowledged),
        ] {
            let (ticket, teller) = ticket(1, 1);
            teller.send_replace(left);
            drop(teller);
            assert_eq!(ticket.fate(), expected);
        }
    }
}
