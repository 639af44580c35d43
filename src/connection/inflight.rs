//! Messages under way with QoS above 0, in both directions.
//!
//! Pure. Never resends: on one connection nothing is lost, and what outlives it is in [`Carried`].

use std::collections::BTreeMap;

use super::carried::Carried;

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
#[derive(Debug)]
pub(super) struct InFlight {
    outgoing: BTreeMap<u16, (u64, Awaits)>,
    carried: Carried,
    most: usize,
}

impl InFlight {
    /// Nothing is under way on this connection yet.
    pub(super) fn new(carried: Carried) -> Self {
        Self { outgoing: BTreeMap::new(), carried, most: MOST }
    }

    /// The broker takes so many at once.
    pub(super) fn at_most(&mut self, receive_maximum: u16) {
        self.most = MOST.min(usize::from(receive_maximum));
    }

    /// The broker accepted the connection: the identifiers that are to be released again, if it remembers the session.
    pub(super) fn accepted(&mut self, session_present: bool) -> Vec<u16> {
        if !session_present {
            self.carried.forget();
        }
        let unreleased = self.carried.unreleased();
        self.outgoing.extend(unreleased.iter().map(|identifier| (*identifier, (0, Awaits::Pubcomp))));
        unreleased
    }

    /// A packet identifier that nothing else uses (for SUBSCRIBE).
    pub(super) fn identifier(&mut self) -> u16 {
        loop {
            let next = self.carried.next_identifier();
            if !self.outgoing.contains_key(&next) {
                return next;
            }
        }
    }

    /// An identifier for an outgoing message; `None` when too many wait.
    pub(super) fn publish(&mut self, token: u64, exactly_once: bool) -> Option<u16> {
        if self.outgoing.len() >= self.most {
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
        self.carried.completed(identifier);
        self.end(identifier, Awaits::Pubcomp)
    }

    /// PUBREC: half of QoS 2 is done. Whether it was awaited; an unknown one is answered all the same, so that the
    /// broker can let go.
    pub(super) fn pubrec(&mut self, identifier: u16) -> bool {
        match self.outgoing.get_mut(&identifier) {
            Some((_, awaits @ Awaits::Pubrec)) => {
                *awaits = Awaits::Pubcomp;
                self.carried.releases(identifier);
                true
            }
            Some((_, Awaits::Pubcomp)) => true,
            Some((_, Awaits::Puback)) | None => false,
        }
    }

    /// PUBREC with a refusal: the token of the message that it ends, if there is one.
    pub(super) fn refused(&mut self, identifier: u16) -> Option<u64> {
        self.end(identifier, Awaits::Pubrec)
    }

    /// A QoS 2 message arrived: whether it is new.
    pub(super) fn received(&mut self, identifier: u16) -> bool {
        self.carried.heard(identifier)
    }

    /// PUBREL: the identifier is free again. Whether it was known.
    pub(super) fn released(&mut self, identifier: u16) -> bool {
        self.carried.released(identifier)
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
        let mut flight = InFlight::new(Carried::default());
        let id = flight.publish(7, false).unwrap();
        assert_eq!(flight.puback(id + 1), None);
        assert_eq!(flight.pubcomp(id), None);
        assert_eq!((flight.puback(id), flight.puback(id), flight.len()), (Some(7), None, 0));
    }

    #[test]
    fn exactly_once_takes_both_steps() {
        let mut flight = InFlight::new(Carried::default());
        let id = flight.publish(7, true).unwrap();
        assert_eq!(flight.pubcomp(id), None);
        assert!(flight.pubrec(id) && flight.pubrec(id));
        assert_eq!(flight.pubcomp(id), Some(7));
    }

    #[test]
    fn what_the_broker_remembers_outlives_the_connection() {
        let carried = Carried::default();
        let mut flight = InFlight::new(carried.clone());
        let (taken, unknown) = (flight.publish(7, true).unwrap(), flight.publish(8, true).unwrap());
        flight.pubrec(taken);
        assert!(flight.received(40));
        let mut next = InFlight::new(carried.clone());
        assert_eq!(next.accepted(true), [taken]);
        assert!(!next.received(40), "heard on the connection before");
        assert!(![taken, unknown].contains(&next.identifier()));
        assert_eq!((next.pubcomp(taken), next.len()), (Some(0), 0));
        assert!(next.released(40) && !next.released(40));
        assert!(next.received(40), "released: another message");
        let mut forgotten = InFlight::new(carried);
        assert!(forgotten.accepted(false).is_empty());
        assert!(forgotten.received(40));
    }

    #[test]
    fn a_refusal_frees_the_identifier() {
        let mut flight = InFlight::new(Carried::default());
        let id = flight.publish(7, true).unwrap();
        assert_eq!((flight.refused(id), flight.refused(id), flight.len()), (Some(7), None, 0));
    }

    #[test]
    fn identifiers_are_never_zero_and_never_shared() {
        let mut flight = InFlight::new(Carried::default());
        let held = flight.publish(1, false).unwrap();
        for _ in 0..70_000 {
            let id = flight.identifier();
            assert!(id != 0 && id != held);
        }
    }

    #[test]
    fn there_is_a_limit() {
        let mut flight = InFlight::new(Carried::default());
        assert!((0..100).all(|token| flight.publish(token, false).is_some()));
        assert_eq!(flight.publish(100, false), None);
        let mut flight = InFlight::new(Carried::default());
        flight.at_most(1);
        assert!(flight.publish(1, false).is_some() && flight.publish(2, false).is_none());
    }
}
