//! What moved on one connection and when: counts, the last packets sent, silences.
//!
//! Pure. Never keeps a payload.

use std::time::Duration;

use super::ending::{Gap, LastSent, LinkStats};
use super::packet::{Inbound, Outbound};
use super::plan::Version;
use super::sends::Books;
use crate::clock::Instant;
use crate::diagnosis::Sends;

const KEPT_GAPS: usize = 64;

/// The books of one connection.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) stats: LinkStats,
    pub(crate) last_sent: Instant,
    pub(crate) last_received: Instant,
    /// When bytes last came that made no packet whole.
    pub(crate) last_part: Instant,
    /// Shorter silences are not kept.
    silence: Duration,
    /// By packet type and topic.
    books: Books,
}

impl Traffic {
    pub(crate) fn new(client_id: &str, version: Version, silence: Duration, now: Instant) -> Self {
        let books = Books::new(client_id, version);
        let stats = LinkStats::default();
        Self { stats, last_sent: now, last_received: now, last_part: now, silence, books }
    }

    /// The broker made up this client id.
    pub(crate) fn is_called(&mut self, client_id: &str) {
        self.books.is_called(client_id);
    }

    /// A packet of ours goes out.
    pub(crate) fn sent(&mut self, packet: &Outbound, now: Instant) {
        let silence = now.saturating_since(self.last_sent.max(self.last_received));
        if silence >= self.silence {
            if self.stats.gaps.len() >= KEPT_GAPS {
                self.stats.gaps.remove(0);
            }
            self.stats.gaps.push(Gap { length: silence, survived: false });
            self.stats.silence_broken = Some(now);
        }
        self.last_sent = now;
        self.stats.packets_sent += 1;
        self.books.sent(packet, now);
        let (packet, topic) = (packet.name(), topic(packet));
        let sent = LastSent { packet, topic, at: now };
        match packet {
            "PUBLISH" => {
                self.stats.messages_sent += 1;
                self.stats.last_publish = Some(sent.clone());
            }
            "SUBSCRIBE" => self.stats.last_subscribe = Some(sent.clone()),
            "PINGREQ" => {
                self.stats.pings_sent += 1;
                self.stats.last_ping_sent = Some(now);
            }
            _ => {}
        }
        self.stats.last_sent = Some(sent);
    }

    /// A packet of the peer came in.
    pub(crate) fn received(&mut self, packet: &Inbound, now: Instant) {
        self.stats.packets_received += 1;
        if matches!(packet, Inbound::Publish(_)) {
            self.stats.messages_received += 1;
        } else if matches!(packet, Inbound::SubAck(_)) {
            self.books.subscribed();
        }
        self.heard(now);
    }

    /// The peer proved at `at` to be there: by bytes or by a TCP acknowledgement.
    pub(crate) fn heard(&mut self, at: Instant) {
        self.last_received = self.last_received.max(at);
        self.acknowledged(at);
    }

    /// The peer's kernel acknowledged something at `at`; its MQTT side may still be frozen.
    pub(crate) fn acknowledged(&mut self, at: Instant) {
        if self.stats.silence_broken.is_some_and(|since| at > since) {
            self.stats.silence_broken = None;
            // Whoever survived the newest silence survived those before it.
            for gap in self.stats.gaps.iter_mut().rev().take_while(|gap| !gap.survived) {
                gap.survived = true;
            }
        }
    }

    /// What was awaited did not come: notes whether the peer was in the middle of a packet, and not silent for `limit`.
    pub(crate) fn gave_up(&mut self, limit: Duration, now: Instant) {
        let unfinished = self.last_part > self.last_received;
        self.stats.still_arriving = unfinished && now.saturating_since(self.last_part) < limit;
    }

    /// What was sent by packet type and topic, for a session that ends now. `answer_time`: how soon a close counts as
    /// the answer to a packet.
    pub(crate) fn sends(&self, closed_by_peer: bool, answer_time: Duration, now: Instant) -> Vec<Sends> {
        self.books.over(closed_by_peer, answer_time, now)
    }
}

/// The topic of a PUBLISH, the first filter of a SUBSCRIBE.
fn topic(packet: &Outbound) -> Option<String> {
    match packet {
        Outbound::Publish(publish) => Some(publish.topic.clone()),
        Outbound::Subscribe(subscribe) => subscribe.filters.first().map(|filter| filter.path.clone()),
        Outbound::Unsubscribe(unsubscribe) => unsubscribe.filters.first().cloned(),
        Outbound::Connect(_)
        | Outbound::PubAck(_)
        | Outbound::PubRec(_)
        | Outbound::PubRel(_)
        | Outbound::PubComp(_)
        | Outbound::PingReq
        | Outbound::Disconnect => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::limits::SILENCE;

    fn at(seconds: u64) -> Instant {
        Instant::from_boot(Duration::from_secs(seconds))
    }

    #[test]
    fn a_silence_survives_only_by_what_comes_after_it() {
        let mut traffic = Traffic::new("", Version::V311, SILENCE, at(0));
        traffic.sent(&Outbound::PingReq, at(10));
        traffic.received(&Inbound::PingResp, at(11));
        traffic.sent(&Outbound::PingReq, at(14));
        traffic.sent(&Outbound::PingReq, at(30));
        traffic.acknowledged(at(12));
        let gaps: Vec<_> = traffic.stats.gaps.iter().map(|g| (g.length.as_secs(), g.survived)).collect();
        assert_eq!(gaps, [(10, true), (16, false)]);
    }

    #[test]
    fn only_the_newest_silences_are_kept() {
        let mut traffic = Traffic::new("", Version::V311, SILENCE, at(0));
        for n in 1..=100 {
            traffic.sent(&Outbound::PingReq, at(n * 10 + n));
        }
        assert_eq!(traffic.stats.gaps.len(), KEPT_GAPS);
    }
}
