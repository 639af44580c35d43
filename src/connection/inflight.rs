//! Messages under way with QoS above 0, in both directions.
//!
//! Pure. Never resends: on one connection nothing is lost, and the next connection has a ledger of its own.

use std::collections::{BTreeMap, BTreeSet};

/// AWS allows 100 unacknowledged messages each way; more would be discarded there.
pub(super) const MOST: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaits {
    /// QoS 1: PUBACK ends it.
    Puback,
    /// QoS 2: PUBREC. Next: `Pubcomp`.
    Pubrec,
    /// QoS 2: PUBCOMP ends it.
    Pubcomp,
}

/// Packet identifiers in use and what they wait for.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    outgoing: BTreeMap<u16, (u64, Awaits)>,
    incoming: BTreeSet<u16>,
    last: u16,
}

impl InFlight {
    /// A packet identifier that nothing else uses (for SUBSCRIBE).
    pub(super) fn identifier(&mut self) -> u16 {
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if !self.outgoing.contains_key(&self.last) {
                return self.last;
            }
        }
    }

    /// An identifier for an outgoing message; `None` when too many wait.
    pub(super) fn publish(&mut self, token: u64, exactly_once: bool) -> Option<u16> {
        if self.outgoing.len() >= MOST {
            return None;
        }
        let identifier = self.identifier();
        let awaits = if exactly_once { Awaits::Pubrec } else { Awaits::Puback };
        self.outgoing.insert(identifier, (token, awaits));
        Some(identifier)
    }

    /// PUBACK: the token of the message that it ends, if there is one.
    pub(super) fn puback(&mut self, identifier: u16) -> Option<u64> {
        self.end(identifier, Awaits::Puback)
    }

    /// PUBCOMP: the token of the message that it ends, if there is one.
    pub(super) fn pubcomp(&mut self, identifier: u16) -> Option<u64> {
        self.end(identifier, Awaits::Pubcomp)
    }

    /// PUBREC: half of QoS 2 is done. An unknown one is answered all the same, so that the broker can let go.
    pub(super) fn pubrec(&mut self, identifier: u16) {
        if let Some((_, awaits)) = self.outgoing.get_mut(&identifier)
            && *awaits == Awaits::Pubrec
        {
            *awaits = Awaits::Pubcomp;
        }
    }

    /// A QoS 2 message arrived: whether it is new.
    pub(super) fn received(&mut self, identifier: u16) -> bool {
        self.incoming.insert(identifier)
    }

    /// PUBREL: the identifier is free again.
    pub(super) fn released(&mut self, identifier: u16) {
        self.incoming.remove(&identifier);
    }

    /// Outgoing messages not yet acknowledged.
    pub(super) fn len(&self) -> usize {
        self.outgoing.len()
    }

    fn end(&mut self, identifier: u16, expected: Awaits) -> Option<u64> {
        match self.outgoing.get(&identifier) {
            Some(&(token, awaits)) if awaits == expected => {
                self.outgoing.remove(&identifier);
                Some(token)
            }
            Some(_) | None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_acknowledgement_ends_nothing() {
        let mut flight = InFlight::default();
        let id = flight.publish(7, false).unwrap();
        assert_eq!(flight.puback(id + 1), None);
        assert_eq!(flight.pubcomp(id), None);
        assert_eq!((flight.puback(id), flight.puback(id), flight.len()), (Some(7), None, 0));
    }

    #[test]
    fn exactly_once_takes_both_steps() {
        let mut flight = InFlight::default();
        let id = flight.publish(7, true).unwrap();
        assert_eq!(flight.pubcomp(id), None);
        flight.pubrec(id);
        assert_eq!(flight.pubcomp(id), Some(7));
    }

    #[test]
    fn identifiers_are_never_zero_and_never_shared() {
        let mut flight = InFlight::default();
        let held = flight.publish(1, false).unwrap();
        for _ in 0..70_000 {
            let id = flight.identifier();
            assert!(id != 0 && id != held);
        }
    }

    #[test]
    fn there_is_a_limit() {
        let mut flight = InFlight::default();
        assert!((0..100).all(|token| flight.publish(token, false).is_some()));
        assert_eq!(flight.publish(100, false), None);
    }
}
