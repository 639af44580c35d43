//! Test 4.5: does the peer close after packets of one type to one topic? Pure.
//! Never sees a topic: a key and its shape are enough.

use std::collections::BTreeMap;

use super::super::{Claim, Lived, Pattern, TopicKey};
use super::math::{count, float, hypergeometric_tail, number};
use super::view::{View, numbers};

/// Corrected for the number of pairs.
const LEVEL: f64 = 0.001;
/// So many closes.
const LEAST: u64 = 2;
/// So many of the packets must have been followed by one.
const SHARE: f64 = 0.5;

#[derive(Default)]
struct Pair<'a> {
    shape: &'a str,
    sent: u64,
    closed: u64,
    largest: u64,
    members: Vec<&'a Lived>,
}

/// Every pair that passes, the most certain first.
pub(super) fn claims(view: &View) -> Vec<Claim> {
    let mut pairs: BTreeMap<(&str, TopicKey), Pair> = BTreeMap::new();
    for session in view.drops.iter().chain(&view.censored).copied() {
        for sends in &session.sends {
            let pair = pairs.entry((&sends.packet, sends.topic)).or_default();
            pair.shape = &sends.shape;
            pair.sent += u64::from(sends.sent.max(sends.closed));
            pair.closed += u64::from(sends.closed);
            pair.largest = pair.largest.max(sends.largest);
            if sends.closed > 0 {
                pair.members.push(session);
            }
        }
    }
    let all_sent: u64 = pairs.values().map(|pair| pair.sent).sum();
    let all_closed: u64 = pairs.values().map(|pair| pair.closed).sum();
    let candidates = number(pairs.len());
    let mut claims: Vec<Claim> = pairs
        .into_iter()
        .filter(|(_, pair)| pair.closed >= LEAST && float(pair.closed) >= SHARE * float(pair.sent))
        .map(|((packet, topic), pair)| {
            let p = (candidates * hypergeometric_tail(all_sent, all_closed, pair.sent, pair.closed)).min(1.0);
            let sent = u32::try_from(pair.sent).unwrap_or(u32::MAX);
            let closed = u32::try_from(pair.closed).unwrap_or(u32::MAX);
            let pattern = Pattern::Packet {
                packet: packet.to_owned(),
                topic,
                shape: pair.shape.to_owned(),
                sent,
                closed,
                largest: pair.largest,
            };
            Claim { pattern, support: closed, of: sent, members: numbers(pair.members), p }
        })
        .filter(|claim| claim.p <= LEVEL)
        .collect();
    claims.sort_by(|one, other| {
        one.p.total_cmp(&other.p).then(count(other.members.len()).cmp(&count(one.members.len())))
    });
    claims
}

#[cfg(test)]
mod tests {
    use super::super::super::{Case, Sends};
    use super::super::examples::aged;
    use super::*;

    fn publish(topic: u64, sent: u32, closed: u32) -> Sends {
        Sends {
            packet: "PUBLISH".to_owned(),
            topic: TopicKey(topic),
            shape: "cmd/+".to_owned(),
            sent,
            closed,
            largest: 90,
        }
    }

    /// A topic that is followed by a close `closed` times, and 300 other packets to so many other topics.
    fn case(sent: u32, closed: u32, others: u32) -> Case {
        let mut case = aged(&vec![500.0; closed.max(3) as usize]);
        for session in case.sessions.iter_mut().take(closed as usize) {
            session.sends.push(publish(0, 1, 1));
        }
        case.sessions[0].sends.push(publish(0, sent - closed, 0));
        for other in 0..others {
            case.sessions[1].sends.push(publish(u64::from(other) + 1, 300 / others, 0));
        }
        case
    }

    fn found(case: &Case) -> Vec<Claim> {
        claims(&View::of(case))
    }

    #[test]
    fn v9_two_of_two_against_none_of_300_claim_also_beside_nine_other_pairs() {
        assert!((hypergeometric_tail(302, 2, 2, 2) / 2.20e-5 - 1.0).abs() < 2e-3);
        let found = found(&case(2, 2, 9)); // 9 pairs of 33: 297 others.
        assert_eq!(
            (found.len(), found[0].support, found[0].of, found[0].members.clone()),
            (1, 2, 2, vec![1, 2])
        );
        assert!((found[0].p / 2.2e-4 - 1.0).abs() < 0.03, "{}", found[0].p);
    }

    #[test]
    fn v9_three_of_twenty_do_not_claim() {
        assert!((hypergeometric_tail(320, 3, 20, 3) / 2e-4 - 1.0).abs() < 0.1);
        assert_eq!(found(&case(20, 3, 1)), []);
    }

    #[test]
    fn fifty_pairs_need_more_than_two_closes() {
        assert_eq!(found(&case(2, 2, 50)), []);
        assert_eq!(found(&case(3, 3, 50)).len(), 1);
    }

    #[test]
    fn one_close_is_nothing() {
        assert_eq!(found(&case(1, 1, 1)), []);
    }
}
