//! Which packets are not sent any more because the broker closed over them (`connection-errors.md` section 9). Pure.
//!
//! Two closes right after a packet to the same topic are enough. Never for ever: a topic is free again after a day, with a
//! new connection (a reload), and when the closes go on without it; sooner where several packets share the blame.

use std::time::Duration;

use super::Detail;
use super::ending::{EndedBy, Ending};
use super::plan::Subscription;
use super::sends::{self, PUBLISH, SUBSCRIBE};
use crate::clock::Instant;
use crate::diagnosis::{Cause, Sends, TopicKey, evidence};

/// Closes over one topic after which nothing is sent to it.
const CLOSES: u32 = 2;
/// How long.
const LASTS: Duration = Duration::from_secs(24 * 3600);
/// How long where several packets share the blame, which one of them has at most; doubled with each further close. A broker
/// that resets twice while it starts must not silence a device for a day.
const SHARED: Duration = Duration::from_secs(60);
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
    /// Of these, at least one was over this packet alone.
    alone: bool,
    /// When it was closed over last.
    at: Instant,
}

impl Suspect {
    fn is(&self, packet: &str, topic: TopicKey) -> bool {
        self.packet == packet && self.topic == topic
    }

    fn in_quarantine(&self, now: Instant) -> bool {
        self.closes >= CLOSES && now.saturating_since(self.at) < self.lasts()
    }

    fn lasts(&self) -> Duration {
        let doubled = 1_u32.checked_shl(self.closes.saturating_sub(CLOSES)).unwrap_or(u32::MAX);
        if self.alone { LASTS } else { SHARED.saturating_mul(doubled).min(LASTS) }
    }
}

/// What the end of a session changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sentence {
    /// Not sent any more from now on: packet type and shape of the topic.
    pub quarantined: Vec<(String, String)>,
    /// How long at most.
    pub lasts: Duration,
    /// Sent again: the closes went on without it. So many.
    pub acquitted: usize,
    /// The packet that provokes the closes cannot be left out: wait long between two tries.
    pub cannot_be_left_out: bool,
}

impl Quarantine {
    /// Takes out the optional subscriptions that must not be asked for; how many.
    pub fn thin(&mut self, subscriptions: &mut Vec<Subscription>, now: Instant) -> usize {
        let key = |wanted: &Subscription| sends::key_of(&wanted.filter);
        self.required = subscriptions.iter().filter(|wanted| wanted.required).map(key).collect();
        let before = subscriptions.len();
        subscriptions.retain(|wanted| wanted.required || !self.holds(SUBSCRIBE, key(wanted), now));
        before - subscriptions.len()
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
        let sent =
            |suspect: &Suspect| ending.stats.sends.iter().any(|sends| suspect.is(&sends.packet, sends.topic));
        if is_an_answer(ending) {
            if age < YOUNG {
                let before = self.suspects.len();
                self.suspects.retain(|suspect| suspect.closes < CLOSES || sent(suspect));
                sentence.acquitted = before - self.suspects.len();
            }
            // Sent and survived before, in the same session: the last one alone is no worse.
            let blamed = || ending.stats.sends.iter().filter(|sends| sends.closed > 0 && sends.sent <= 1);
            let alone = blamed().count() == 1;
            for sends in blamed() {
                self.strike(sends, alone, now, &mut sentence);
            }
        }
        // A packet that a whole session survived did not provoke the closes before it.
        for sends in ending.stats.sends.iter().filter(|sends| sends.closed == 0) {
            self.suspects.retain(|suspect| !suspect.is(&sends.packet, sends.topic));
        }
        sentence
    }

    fn strike(&mut self, sends: &Sends, alone: bool, now: Instant, sentence: &mut Sentence) {
        let was_in = self.holds(&sends.packet, sends.topic, now);
        let known = self.suspects.iter().position(|suspect| suspect.is(&sends.packet, sends.topic));
        let before = known.map(|position| self.suspects.remove(position));
        if self.suspects.len() >= SUSPECTS {
            self.suspects.remove(0);
        }
        let (closes, blamed) = before.map_or((0, false), |suspect| (suspect.closes, suspect.alone));
        let suspect = Suspect {
            packet: sends.packet.clone(),
            topic: sends.topic,
            closes: closes.saturating_add(1),
            alone: blamed || alone,
            at: now,
        };
        if self.is_required(sends) {
            sentence.cannot_be_left_out |= suspect.closes >= CLOSES;
        } else if suspect.closes >= CLOSES && !was_in {
            sentence.lasts = sentence.lasts.max(suspect.lasts());
            sentence.quarantined.push((sends.packet.clone(), sends.shape.clone()));
        }
        self.suspects.push(suspect);
    }

    fn is_required(&self, sends: &Sends) -> bool {
        sends.packet == SUBSCRIBE && self.required.contains(&sends.topic)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::ending::{Gap, LinkStats};
    use crate::connection::error::ErrorName;
    use crate::connection::{Failure, Phase};

    fn at(seconds: u64) -> Instant {
        Instant::from_boot(Duration::from_secs(seconds))
    }

    /// A packet type, a topic, how often it was sent and whether the close followed it.
    type Sent = (&'static str, &'static str, u32, u32);

    fn ending(detail: Detail, sent: &[Sent]) -> Ending {
        let sends = sent.iter().map(|&(packet, topic, sent, closed)| Sends {
            packet: packet.to_owned(),
            topic: sends::key_of(topic),
            shape: sends::shape(topic, ""),
            sent,
            closed,
            largest: 100,
        });
        Ending {
            failure: Failure::new(Phase::Session, ErrorName::SocketClosed, "test").with_detail(detail),
            ended_by: EndedBy::Peer,
            alive: at(0),
            stats: LinkStats { sends: sends.collect(), ..LinkStats::default() },
            tcp: None,
        }
    }

    /// A session of ten seconds that ends so, at this time.
    fn session(quarantine: &mut Quarantine, now: u64, ending: &Ending) -> Sentence {
        quarantine.accepted(at(now - 10));
        quarantine.ended(ending, at(now))
    }

    fn closed_over(topic: &'static str) -> Ending {
        ending(Detail::Fin, &[(PUBLISH, topic, 1, 1)])
    }

    /// After two closes over `bad`.
    fn quarantined() -> Quarantine {
        let mut quarantine = Quarantine::default();
        assert_eq!(session(&mut quarantine, 100, &closed_over("bad")), Sentence::default());
        assert!(!quarantine.refuses("bad", at(100)));
        let sentence = session(&mut quarantine, 200, &closed_over("bad"));
        assert_eq!(sentence.quarantined, [("PUBLISH".to_owned(), "bad".to_owned())]);
        quarantine
    }

    #[test]
    fn where_several_packets_went_out_together_none_is_silenced_for_a_day() {
        let both = || ending(Detail::Fin, &[(PUBLISH, "good", 1, 1), (PUBLISH, "bad", 1, 1)]);
        let mut quarantine = Quarantine::default();
        session(&mut quarantine, 100, &both());
        let sentence = session(&mut quarantine, 200, &both());
        assert_eq!((sentence.quarantined.len(), sentence.lasts), (2, SHARED));
        assert!(quarantine.refuses("good", at(259)) && quarantine.refuses("bad", at(259)));
        assert!(!quarantine.refuses("good", at(261)) && !quarantine.refuses("bad", at(261)));

        // The next try singles out the one to blame.
        let alone = ending(Detail::Fin, &[(PUBLISH, "good", 2, 0), (PUBLISH, "bad", 1, 1)]);
        let sentence = session(&mut quarantine, 1_000, &alone);
        assert_eq!((sentence.quarantined.len(), sentence.lasts), (1, LASTS));
        assert!(quarantine.refuses("bad", at(1_000 + 86_000)));
        assert!(!quarantine.refuses("good", at(1_001)));
    }

    #[test]
    fn two_closes_over_a_topic_are_enough_and_it_is_said_once() {
        let mut quarantine = quarantined();
        assert!(quarantine.refuses("bad", at(200)));
        assert!(!quarantine.refuses("good", at(200)));
        assert_eq!(session(&mut quarantine, 300, &closed_over("bad")), Sentence::default());
    }

    #[test]
    fn several_packets_that_share_the_blame_are_tried_again_soon_and_then_ever_later() {
        let mut quarantine = Quarantine::default();
        let all = ending(Detail::Rst, &[(PUBLISH, "one", 1, 1), (PUBLISH, "two", 1, 1)]);
        session(&mut quarantine, 100, &all);
        assert_eq!(session(&mut quarantine, 200, &all).quarantined.len(), 2);
        let held = |quarantine: &Quarantine, now| quarantine.refuses("one", at(now));
        assert_eq!((held(&quarantine, 259), held(&quarantine, 260)), (true, false));
        session(&mut quarantine, 900, &all);
        assert_eq!((held(&quarantine, 1_019), held(&quarantine, 1_020)), (true, false));
        // Alone it was the one.
        session(&mut quarantine, 3_000, &ending(Detail::Rst, &[(PUBLISH, "one", 1, 1)]));
        assert!(held(&quarantine, 3_000 + 24 * 3600 - 1));
        // Survived, it was not.
        session(&mut quarantine, 4_000, &ending(Detail::Rst, &[(PUBLISH, "two", 3, 0)]));
        assert!(!quarantine.refuses("two", at(4_000)));
    }

    #[test]
    fn it_ends_after_a_day() {
        let quarantine = quarantined();
        let day = 24 * 3600;
        assert!(quarantine.refuses("bad", at(200 + day - 1)));
        assert!(!quarantine.refuses("bad", at(200 + day)));
    }

    #[test]
    fn two_closes_more_than_a_day_apart_are_two_first_ones() {
        let mut quarantine = Quarantine::default();
        session(&mut quarantine, 100, &closed_over("bad"));
        assert_eq!(session(&mut quarantine, 100 + 24 * 3600, &closed_over("bad")), Sentence::default());
    }

    #[test]
    fn a_packet_that_was_survived_in_between_is_no_suspect() {
        let mut quarantine = Quarantine::default();
        session(&mut quarantine, 100, &closed_over("bad"));
        session(&mut quarantine, 200, &ending(Detail::Fin, &[(PUBLISH, "bad", 7, 0)]));
        assert_eq!(session(&mut quarantine, 300, &closed_over("bad")), Sentence::default());
        // Nor is one that went well before in the very session that was closed over it.
        let often = ending(Detail::Fin, &[(PUBLISH, "often", 9, 1)]);
        for now in [400, 500, 600] {
            assert_eq!(session(&mut quarantine, now, &often), Sentence::default());
        }
    }

    #[test]
    fn closes_that_go_on_without_it_acquit_a_topic() {
        let mut quarantine = quarantined();
        let sentence = session(&mut quarantine, 300, &ending(Detail::Fin, &[(PUBLISH, "other", 1, 1)]));
        assert_eq!(sentence.acquitted, 1);
        assert!(!quarantine.refuses("bad", at(300)));
    }

    #[test]
    fn a_long_session_without_it_acquits_nobody() {
        let mut quarantine = quarantined();
        quarantine.accepted(at(300));
        assert_eq!(quarantine.ended(&ending(Detail::Fin, &[]), at(420)), Sentence::default());
        assert!(quarantine.refuses("bad", at(420)));
    }

    #[test]
    fn an_end_with_another_reason_blames_no_packet() {
        let sent: &[Sent] = &[(PUBLISH, "bad", 1, 1)];
        let mut forgotten = ending(Detail::Rst, sent);
        forgotten.stats.gaps = vec![Gap { length: Duration::from_secs(300), survived: false }];
        let mut timeout = ending(Detail::None, sent);
        timeout.ended_by = EndedBy::Timeout;
        let taken_over = ending(Detail::Disconnect(Some(0x8E)), sent);
        for innocent in [forgotten, timeout, taken_over] {
            let mut quarantine = Quarantine::default();
            for now in [100, 200, 300] {
                assert_eq!(session(&mut quarantine, now, &innocent), Sentence::default());
            }
        }
    }

    #[test]
    fn a_reset_and_a_stated_policy_blame_the_packet() {
        for detail in [Detail::Rst, Detail::WebsocketClose(Some(1008)), Detail::CloseNotify] {
            let mut quarantine = Quarantine::default();
            session(&mut quarantine, 100, &ending(detail, &[(PUBLISH, "bad", 1, 1)]));
            session(&mut quarantine, 200, &ending(detail, &[(PUBLISH, "bad", 1, 1)]));
            assert!(quarantine.refuses("bad", at(200)), "{detail}");
        }
    }

    fn wanted(filter: &str, required: bool) -> Subscription {
        Subscription::new(filter, 1, required)
    }

    #[test]
    fn an_optional_subscription_is_left_out_and_a_required_one_makes_us_wait() {
        let mut quarantine = Quarantine::default();
        let plan = || vec![wanted("must", true), wanted("may", false), wanted("fine", false)];
        let close = ending(Detail::Fin, &[(SUBSCRIBE, "must", 1, 1), (SUBSCRIBE, "may", 1, 1)]);
        assert_eq!(quarantine.thin(&mut plan(), at(90)), 0);
        session(&mut quarantine, 100, &close);
        let sentence = session(&mut quarantine, 200, &close);
        assert!(sentence.cannot_be_left_out);
        assert_eq!(sentence.quarantined, [("SUBSCRIBE".to_owned(), "may".to_owned())]);
        let mut next = plan();
        assert_eq!(quarantine.thin(&mut next, at(210)), 1);
        let left: Vec<_> = next.iter().map(|wanted| wanted.filter.as_str()).collect();
        assert_eq!(left, ["must", "fine"]);
        assert!(!quarantine.refuses("may", at(210)), "publishing there is another matter");
    }

    #[test]
    fn the_suspects_are_bounded() {
        let mut quarantine = Quarantine::default();
        for n in 0..1000_u64 {
            let mut close = closed_over("x");
            for sends in &mut close.stats.sends {
                sends.topic = TopicKey(n);
            }
            session(&mut quarantine, 100 + n, &close);
        }
        assert_eq!(quarantine.suspects.len(), SUSPECTS);
    }
}
