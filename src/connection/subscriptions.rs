//! Which subscriptions are asked for, acknowledged and refused, packet by packet.
//!
//! Pure. Never decides what a refusal means for the session beyond "a required one was refused".

use std::collections::VecDeque;

use rumqttc::mqttbytes::v4::{SubscribeFilter, SubscribeReasonCode};
use rumqttc::mqttbytes::{QoS, valid_filter};

use super::plan::Subscription;

/// MQTT strings carry their length in two bytes.
const LONGEST: usize = u16::MAX as usize;

/// What is wrong with an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A filter without which the session is useless was refused.
    RequiredRefused,
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
        }
    }

    /// The filters of the next SUBSCRIBE; `None` when all have been asked for.
    ///
    /// One packet is under way at a time, so that a broker that closes over one shows which.
    ///
    /// # Errors
    /// When a required filter is none that MQTT allows. An optional one counts as refused.
    pub fn next_batch(&mut self) -> Result<Option<Vec<SubscribeFilter>>, Fault> {
        self.asked.clear();
        while self.asked.len() < self.per_packet {
            let Some(next) = self.waiting.pop_front() else { break };
            if valid_filter(&next.filter) && next.filter.len() <= LONGEST {
                self.asked.push(next);
            } else if next.required {
                return Err(Fault::RequiredRefused);
            } else {
                self.refused += 1;
            }
        }
        if self.asked.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.asked.iter().map(|s| SubscribeFilter::new(s.filter.clone(), qos(s.qos))).collect()))
    }

    /// Takes the answer to the batch under way.
    ///
    /// # Errors
    /// When it refuses a required filter or does not fit the question.
    pub fn acknowledged(&mut self, codes: &[SubscribeReasonCode]) -> Result<(), Fault> {
        if codes.len() != self.asked.len() {
            return Err(Fault::WrongCount);
        }
        for (subscription, code) in self.asked.drain(..).zip(codes) {
            match code {
                SubscribeReasonCode::Success(_) => self.active += 1,
                SubscribeReasonCode::Failure if subscription.required => return Err(Fault::RequiredRefused),
                SubscribeReasonCode::Failure => self.refused += 1,
            }
        }
        Ok(())
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

/// 0, 1 or 2 as the codec wants it; larger numbers count as 2.
#[must_use]
pub const fn qos(number: u8) -> QoS {
    match number {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(filter: &str, required: bool) -> Subscription {
        Subscription::new(filter, 1, required)
    }

    const GRANTED: SubscribeReasonCode = SubscribeReasonCode::Success(QoS::AtLeastOnce);

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
        subscriptions.acknowledged(&[SubscribeReasonCode::Failure]).unwrap();
        assert_eq!(subscriptions.refused(), 1);
        subscriptions.next_batch().unwrap();
        assert_eq!(subscriptions.acknowledged(&[SubscribeReasonCode::Failure]), Err(Fault::RequiredRefused));
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
            Err(Fault::RequiredRefused)
        );
    }
}
