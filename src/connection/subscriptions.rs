//! Which subscriptions are asked for, acknowledged and refused, packet by packet.
//!
//! Pure. Never decides what a refusal means for the session beyond "a required one was refused".

use std::collections::VecDeque;

use rumqttc::mqttbytes::valid_filter;

use super::packet::Filter;
use super::plan::Subscription;

/// Codes up to this one grant.
const HIGHEST_QOS: u8 = 2;

/// MQTT strings carry their length in two bytes.
const LONGEST: usize = u16::MAX as usize;

/// Only clients of a group with this before their filter share its messages.
const SHARED: &str = "$share/";

/// What is wrong with an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A filter without which the session is useless was refused, with this code.
    RequiredRefused(u8),
    /// A filter without which the session is useless is none that MQTT allows, or this broker takes none of its kind.
    RequiredImpossible,
    /// It does not answer as many filters as were asked for.
    WrongCount,
}

/// The subscriptions of one session.
pub struct Subscriptions {
    waiting: VecDeque<Subscription>,
    asked: Vec<Subscription>,
    per_packet: usize,
    active: usize,
    refused: usize,
    wildcards: bool,
    shared: bool,
}

impl Subscriptions {
    /// None asked for yet; `per_packet` filters fit into one SUBSCRIBE.
    #[must_use]
    pub fn new(wanted: &[Subscription], per_packet: usize) -> Self {
        Self {
            waiting: wanted.iter().cloned().collect(),
            asked: Vec::new(),
            per_packet: per_packet.max(1),
            active: 0,
            refused: 0,
            wildcards: true,
            shared: true,
        }
    }

    /// What kinds the broker takes. Asking for another one would be the end of the connection.
    pub const fn offered(&mut self, wildcards: bool, shared: bool) {
        self.wildcards = wildcards;
        self.shared = shared;
    }

    /// The filters of the next SUBSCRIBE; `None` when all have been asked for.
    ///
    /// One packet is under way at a time, so that a broker that closes over one shows which.
    ///
    /// # Errors
    /// When a required filter is none that MQTT allows or the broker takes. An optional one counts as refused.
    pub fn next_batch(&mut self) -> Result<Option<Vec<Filter>>, Fault> {
        self.asked.clear();
        while self.asked.len() < self.per_packet {
            let Some(next) = self.waiting.pop_front() else { break };
            if self.is_possible(&next.filter) {
                self.asked.push(next);
            } else if next.required {
                return Err(Fault::RequiredImpossible);
            } else {
                self.refused += 1;
            }
        }
        if self.asked.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.asked.iter().map(filter).collect()))
    }

    fn is_possible(&self, filter: &str) -> bool {
        let shared = filter.starts_with(SHARED);
        let wildcard = filter.contains(['+', '#']);
        valid_filter(filter)
            && filter.len() <= LONGEST
            && (self.shared || !shared)
            && (self.wildcards || !wildcard)
    }

    /// Takes the answer to the batch under way.
    ///
    /// # Errors
    /// When it refuses a required filter or does not fit the question.
    pub fn acknowledged(&mut self, codes: &[u8]) -> Result<(), Fault> {
        if codes.len() != self.asked.len() {
            return Err(Fault::WrongCount);
        }
        let mut fault = None;
        for (subscription, code) in self.asked.drain(..).zip(codes) {
            if *code <= HIGHEST_QOS {
                self.active += 1;
                continue;
            }
            self.refused += 1;
            if subscription.required {
                fault.get_or_insert(Fault::RequiredRefused(*code));
            }
        }
        fault.map_or(Ok(()), Err)
    }

    /// Acknowledged so far.
    #[must_use]
    pub const fn active(&self) -> usize {
        self.active
    }

    /// Refused so far, though optional.
    #[must_use]
    pub const fn refused(&self) -> usize {
        self.refused
    }
}

/// As it stands in SUBSCRIBE. Among those who share a filter "not my own messages" has no meaning and is forbidden.
fn filter(subscription: &Subscription) -> Filter {
    let Subscription { filter, qos, no_local, retain, .. } = subscription;
    let no_local = *no_local && !filter.starts_with(SHARED);
    Filter { path: filter.clone(), qos: *qos, no_local, retain: *retain }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(filter: &str, required: bool) -> Subscription {
        Subscription::new(filter, 1, required)
    }

    const GRANTED: u8 = 1;
    const REFUSED: u8 = 0x87;

    #[test]
    fn filters_are_asked_for_in_batches() {
        let wanted: Vec<_> = (0..5).map(|n| subscription(&format!("a/{n}"), true)).collect();
        let mut subscriptions = Subscriptions::new(&wanted, 2);
        let mut sizes = Vec::new();
        while let Some(batch) = subscriptions.next_batch().unwrap() {
            sizes.push(batch.len());
            subscriptions.acknowledged(&vec![GRANTED; batch.len()]).unwrap();
        }
        assert_eq!((sizes, subscriptions.active(), subscriptions.refused()), (vec![2, 2, 1], 5, 0));
    }

    #[test]
    fn an_optional_refusal_is_counted_and_a_required_one_is_a_fault() {
        let mut subscriptions = Subscriptions::new(&[subscription("a", false), subscription("b", true)], 1);
        subscriptions.next_batch().unwrap();
        subscriptions.acknowledged(&[REFUSED]).unwrap();
        assert_eq!(subscriptions.refused(), 1);
        subscriptions.next_batch().unwrap();
        assert_eq!(subscriptions.acknowledged(&[REFUSED]), Err(Fault::RequiredRefused(REFUSED)));
    }

    #[test]
    fn every_refusal_of_an_answer_counts() {
        let wanted = [subscription("a", true), subscription("b", false), subscription("c", false)];
        let mut subscriptions = Subscriptions::new(&wanted, 8);
        subscriptions.next_batch().unwrap();
        assert_eq!(subscriptions.acknowledged(&[0x97, 2, 0x80]), Err(Fault::RequiredRefused(0x97)));
        assert_eq!((subscriptions.active(), subscriptions.refused()), (1, 2));
    }

    #[test]
    fn what_a_broker_does_not_offer_is_not_asked_for() {
        let wanted = [subscription("a/+", false), subscription("$share/g/a", false), subscription("a", true)];
        let mut subscriptions = Subscriptions::new(&wanted, 8);
        subscriptions.offered(false, false);
        let batch = subscriptions.next_batch().unwrap().unwrap();
        assert_eq!(batch.iter().map(|filter| filter.path.as_str()).collect::<Vec<_>>(), ["a"]);
        assert_eq!(subscriptions.refused(), 2);
    }

    #[test]
    fn those_who_share_a_filter_hear_their_own_messages() {
        let wanted =
            ["$share/g/a", "a"].map(|filter| Subscription { no_local: true, ..subscription(filter, true) });
        let batch = Subscriptions::new(&wanted, 8).next_batch().unwrap().unwrap();
        assert_eq!(batch.iter().map(|filter| filter.no_local).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn an_answer_of_another_size_is_a_fault() {
        let mut subscriptions = Subscriptions::new(&[subscription("a", true)], 8);
        subscriptions.next_batch().unwrap();
        assert_eq!(subscriptions.acknowledged(&[GRANTED, GRANTED]), Err(Fault::WrongCount));
    }

    #[test]
    fn an_impossible_filter_never_reaches_the_broker() {
        let mut subscriptions = Subscriptions::new(&[subscription("a#", false), subscription("", false)], 8);
        assert_eq!(subscriptions.next_batch().unwrap(), None);
        assert_eq!(subscriptions.refused(), 2);
        assert_eq!(
            Subscriptions::new(&[subscription("a#", true)], 8).next_batch(),
            Err(Fault::RequiredImpossible)
        );
    }
}
