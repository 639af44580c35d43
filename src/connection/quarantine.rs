//! Which packets are not sent any more because the broker closed over them (`connection-errors.md` section 9). Pure.
//!
//! Two closes right after a packet to the same topic are enough. Never for ever: a topic is free again after a day, with a
//! new connection (a reload), and when the closes go on without it.

use std::time::Duration;

use super::Detail;
use super::ending::{EndedBy, Ending};
use super::plan::{Plan, Subscription};
use super::sends::{self, PUBLISH, SUBSCRIBE};
use crate::clock::Instant;
use crate::diagnosis::{Cause, Sends, TopicKey, evidence};

/// Closes over one topic after which nothing is sent to it.
const CLOSES: u32 = 2;
/// How long.
const LASTS: Duration = Duration::from_secs(24 * 3600);
/// A session that dies this young without the packet shows that the packet was not to blame.
const YOUNG: Duration = Duration::from_secs(120);
/// After so long without traffic a reset is the work of a middlebox.
const IDLE: Duration = Duration::from_secs(30);
/// Suspects kept; the oldest makes room.
const SUSPECTS: usize = 64;

/// The quarantine of one connection.
#[derive(Debug, Default)]
pub struct Quarantine {
    suspects: Vec<Suspect>,
    /// Without these a session is useless: they are asked for whatever happens.
    required: Vec<TopicKey>,
    accepted: Option<Instant>,
}

#[derive(Debug)]
struct Suspect {
    packet: String,
    topic: TopicKey,
    closes: u32,
    /// When it was closed over last.
    at: Instant,
}

impl Suspect {
    fn is(&self, packet: &str, topic: TopicKey) -> bool {
        self.packet == packet && self.topic == topic
    }

    fn in_quarantine(&self, now: Instant) -> bool {
        self.closes >= CLOSES && now.saturating_since(self.at) < LASTS
    }
}

/// What the end of a session changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sentence {
    /// Not sent any more from now on: packet type and shape of the topic.
    pub quarantined: Vec<(String, String)>,
    /// Sent again: the closes went on without it. So many.
    pub acquitted: usize,
    /// The packet that provokes the closes cannot be left out: wait long between two tries.
    pub cannot_be_left_out: bool,
}

impl Quarantine {
    /// Takes the optional subscriptions out of a plan that must not be asked for; how many.
    pub fn thin(&mut self, plan: &mut Plan, now: Instant) -> usize {
        let key = |wanted: &Subscription| sends::key_of(&wanted.filter);
        self.required = plan.subscriptions.iter().filter(|wanted| wanted.required).map(key).collect();
        let before = plan.subscriptions.len();
        plan.subscriptions.retain(|wanted| wanted.required || !self.holds(SUBSCRIBE, key(wanted), now));
        before - plan.subscriptions.len()
    }

    /// Whether nothing may be published to this topic.
    #[must_use]
    pub fn refuses(&self, topic: &str, now: Instant) -> bool {
        // The hash is worth its time only where somebody is suspected.
        !self.suspects.is_empty() && self.holds(PUBLISH, sends::key_of(topic), now)
    }

    /// A session began.
    pub fn accepted(&mut self, now: Instant) {
        self.accepted = Some(now);
    }

    /// A session ended so, and we did not ask for it.
    pub fn ended(&mut self, ending: &Ending, now: Instant) -> Sentence {
        let mut sentence = Sentence::default();
        self.suspects.retain(|suspect| now.saturating_since(suspect.at) < LASTS);
        let age = self.accepted.take().map_or(LASTS, |since| now.saturating_since(since));
        let sent = |suspect: &Suspect| {
            ending.stats.sends.iter().any(|sends| suspect.is(&sends.packet, sends.topic))
        };
        if is_an_answer(ending) {
            if age < YOUNG {
                let before = self.suspects.len();
                self.suspects.retain(|suspect| suspect.closes < CLOSES || sent(suspect));
                sentence.acquitted = before - self.suspects.len();
            }
            for sends in ending.stats.sends.iter().filter(|sends| sends.closed > 0) {
                self.strike(sends, now, &mut sentence);
            }
        }
        // A packet that a whole session survived did not provoke the closes before it.
        for sends in ending.stats.sends.iter().filter(|sends| sends.closed == 0) {
            self.suspects.retain(|suspect| !suspect.is(&sends.packet, sends.topic));
        }
        sentence
    }

    fn strike(&mut self, sends: &Sends, now: Instant, sentence: &mut Sentence) {
        // Sent and survived before, in the same session: the last one alone is no worse.
        if sends.sent > 1 {
            return;
        }
        let known = self.suspects.iter_mut().find(|suspect| suspect.is(&sends.packet, sends.topic));
        let closes = if let Some(suspect) = known {
            suspect.closes = suspect.closes.saturating_add(1);
            suspect.at = now;
            suspect.closes
        } else {
            if self.suspects.len() >= SUSPECTS {
                self.suspects.remove(0);
            }
            let (packet, topic) = (sends.packet.clone(), sends.topic);
            self.suspects.push(Suspect { packet, topic, closes: 1, at: now });
            1
        };
        if sends.packet == SUBSCRIBE && self.required.contains(&sends.topic) {
            sentence.cannot_be_left_out |= closes >= CLOSES;
        } else if closes == CLOSES {
            sentence.quarantined.push((sends.packet.clone(), sends.shape.clone()));
        }
    }

    fn holds(&self, packet: &str, topic: TopicKey, now: Instant) -> bool {
        self.suspects.iter().any(|suspect| suspect.is(packet, topic) && suspect.in_quarantine(now))
    }
}

/// Whether an end can be the broker's answer to a packet of ours.
fn is_an_answer(ending: &Ending) -> bool {
    let blames_another = match evidence::stated(&ending.failure) {
        None | Some((Cause::PolicyViolation | Cause::PayloadTooLarge | Cause::ProtocolError, _)) => false,
        Some(_) => true,
    };
    let forgotten = ending.stats.gaps.iter().any(|gap| !gap.survived && gap.length >= IDLE);
    let reset = ending.failure.detail == Detail::Rst && !forgotten;
    ending.ended_by == EndedBy::Peer
        && !blames_another
        && (reset || evidence::is_orderly(ending.failure.detail))
}
