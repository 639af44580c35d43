//! What was published and subscribed to in one session, by packet type and topic: for the question which packet provokes
//! closes. Never keeps a topic as it is: only its hash, under a secret of this process or its journal, and its shape.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::time::Duration;

use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::packet::Outbound;
use super::plan::Version;
use crate::clock::Instant;
use crate::diagnosis::{Sends, TopicKey};

/// Topics kept of one session; the one that was used longest ago makes room.
const TOPICS: usize = 64;
/// Newest packets whose times are kept: only those of the last moments matter at the end.
const NEWEST: usize = 64;
/// Longer segments of a topic are no words.
const WORD: usize = 20;
/// So many hexadecimal digits are an address or a number of somebody.
const HEX: usize = 8;
/// So many decimal digits are a number of somebody.
const DIGITS: usize = 4;
/// Shown of a topic.
const SEGMENTS: usize = 12;

/// Type of packet and its topic.
pub(super) type Key = (&'static str, TopicKey);

/// `PUBLISH` as it stands in [`Sends`].
pub(super) const PUBLISH: &str = "PUBLISH";
/// `SUBSCRIBE` as it stands in [`Sends`].
pub(super) const SUBSCRIBE: &str = "SUBSCRIBE";

/// Without a secret, whoever reads a hash could try all addresses that a topic may hold: there are too few of them.
static SECRET: OnceLock<hmac::Key> = OnceLock::new();

/// Hashes topics under this secret from now on, if none was hashed before.
pub(crate) fn hash_under(secret: [u8; 32]) {
    let _ = SECRET.set(hmac::Key::new(hmac::HMAC_SHA256, &secret));
}

/// A secret that nobody knows.
pub(crate) fn fresh_secret() -> [u8; 32] {
    let mut secret = [0; 32];
    if SystemRandom::new().fill(&mut secret).is_err() {
        fastrand::fill(&mut secret);
    }
    secret
}

/// The topic without its text.
pub(super) fn key_of(topic: &str) -> TopicKey {
    let secret = SECRET.get_or_init(|| hmac::Key::new(hmac::HMAC_SHA256, &fresh_secret()));
    let hash = hmac::sign(secret, topic.as_bytes());
    let (first, _) = hash.as_ref().split_first_chunk().unwrap_or((&[0; 8], &[]));
    TopicKey(u64::from_be_bytes(*first))
}

/// The books of one session.
#[derive(Debug)]
pub(super) struct Books {
    client_id: Box<str>,
    version: Version,
    entries: Vec<Entry>,
    newest: VecDeque<(Key, Instant)>,
}

#[derive(Debug)]
struct Entry {
    key: Key,
    shape: String,
    sent: u32,
    largest: u64,
    last: Instant,
}

impl Books {
    /// Nothing sent yet. The client id is an identity in topics.
    pub(super) fn new(client_id: &str, version: Version) -> Self {
        Self { client_id: client_id.into(), version, entries: Vec::new(), newest: VecDeque::new() }
    }

    /// The broker made up this client id.
    pub(super) fn is_called(&mut self, client_id: &str) {
        self.client_id = client_id.into();
    }

    /// A packet goes out; all but PUBLISH and SUBSCRIBE cost one comparison.
    pub(super) fn sent(&mut self, packet: &Outbound, now: Instant) {
        match packet {
            Outbound::Publish(publish) => self.add(PUBLISH, &publish.topic, publish.size(self.version), now),
            Outbound::Subscribe(subscribe) => {
                let size = subscribe.size(self.version);
                for filter in &subscribe.filters {
                    self.add(SUBSCRIBE, &filter.path, size, now);
                }
            }
            Outbound::Connect(_)
            | Outbound::PubAck(_)
            | Outbound::PubRec(_)
            | Outbound::PubRel(_)
            | Outbound::PubComp(_)
            | Outbound::Unsubscribe(_)
            | Outbound::PingReq
            | Outbound::Disconnect => {}
        }
    }

    /// The broker took what was asked: no SUBSCRIBE of ours waits for an answer any more.
    pub(super) fn subscribed(&mut self) {
        self.newest.retain(|((packet, _), _)| *packet != SUBSCRIBE);
    }

    /// What it comes to when the session ends now. A packet within `answer_time` of the end counts only if the peer
    /// closed: else nobody knows what the answer would have been.
    pub(super) fn over(&self, closed_by_peer: bool, answer_time: Duration, now: Instant) -> Vec<Sends> {
        let fresh = |key: Key| {
            let young = |at: &Instant| now.saturating_since(*at) <= answer_time;
            let count = self.newest.iter().filter(|(sent, at)| *sent == key && young(at)).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        let sends = self.entries.iter().map(|entry| {
            let fresh = fresh(entry.key);
            let (packet, topic) = entry.key;
            let (sent, closed) = match (closed_by_peer, fresh) {
                (true, 1..) => (entry.sent, 1),
                (true, 0) => (entry.sent, 0),
                (false, _) => (entry.sent.saturating_sub(fresh), 0),
            };
            let (packet, shape) = (packet.to_owned(), entry.shape.clone());
            Sends { packet, topic, shape, sent, closed, largest: entry.largest }
        });
        sends.filter(|sends| sends.sent > 0).collect()
    }

    fn add(&mut self, packet: &'static str, topic: &str, size: usize, now: Instant) {
        let key = (packet, key_of(topic));
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        if self.newest.len() >= NEWEST {
            self.newest.pop_front();
        }
        self.newest.push_back((key, now));
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key) {
            entry.sent = entry.sent.saturating_add(1);
            entry.largest = entry.largest.max(size);
            entry.last = now;
            return;
        }
        if self.entries.len() >= TOPICS {
            let oldest = self.entries.iter().enumerate().min_by_key(|(_, entry)| entry.last);
            if let Some((index, _)) = oldest {
                self.entries.swap_remove(index);
            }
        }
        let shape = shape(topic, &self.client_id);
        self.entries.push(Entry { key, shape, sent: 1, largest: size, last: now });
    }
}

/// The topic with everything that may be an identity replaced by `+`.
pub(super) fn shape(topic: &str, client_id: &str) -> String {
    let mut shape = String::new();
    for (count, segment) in topic.split('/').enumerate() {
        if count > 0 {
            shape.push('/');
        }
        if count == SEGMENTS {
            shape.push('…');
            break;
        }
        shape.push_str(if may_identify(segment, client_id) { "+" } else { segment });
    }
    shape
}

fn may_identify(segment: &str, client_id: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$' | '+' | '#');
    let ours = !client_id.is_empty() && segment.contains(client_id);
    // An address may be written with separators: aa:bb-cc.dd.
    let bare: String = segment.chars().filter(|c| !matches!(c, ':' | '-' | '.' | '_')).collect();
    segment.len() > WORD
        || !segment.chars().all(word)
        || ours
        || longest_run(&bare, |c| c.is_ascii_hexdigit()) >= HEX
        || longest_run(segment, |c| c.is_ascii_digit()) >= DIGITS
        || segment.to_ascii_lowercase().contains("client")
}

fn longest_run(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.split(|c| !wanted(c)).map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::packet::{Filter, Publish, Subscribe};
    use crate::connection::plan::RetainHandling;

    const W5: Duration = Duration::from_secs(1);

    fn at(seconds: f64) -> Instant {
        Instant::from_boot(Duration::from_secs_f64(seconds))
    }

    fn publish(topic: &str) -> Outbound {
        Outbound::Publish(Publish {
            dup: false,
            qos: 0,
            retain: false,
            id: 0,
            topic: topic.to_owned(),
            payload: vec![0; 100].into(),
            properties: None,
        })
    }

    fn counts(books: &Books, by_peer: bool, now: f64) -> Vec<(String, u32, u32)> {
        let mut sends = books.over(by_peer, W5, at(now));
        sends.sort_by(|a, b| a.shape.cmp(&b.shape));
        sends.into_iter().map(|sends| (sends.shape, sends.sent, sends.closed)).collect()
    }

    #[test]
    fn a_close_right_after_a_packet_is_put_down_to_its_topic() {
        let mut books = Books::new("", Version::V311);
        books.sent(&publish("a"), at(1.0));
        books.sent(&publish("b"), at(1.0));
        books.sent(&publish("b"), at(9.5));
        assert_eq!(counts(&books, true, 10.0), [("a".to_owned(), 1, 0), ("b".to_owned(), 2, 1)]);
    }

    #[test]
    fn a_packet_that_nobody_could_answer_does_not_count() {
        let mut books = Books::new("", Version::V311);
        books.sent(&publish("a"), at(1.0));
        books.sent(&publish("b"), at(9.5));
        books.sent(&publish("a"), at(9.9));
        assert_eq!(counts(&books, false, 10.0), [("a".to_owned(), 1, 0)]);
    }

    #[test]
    fn every_filter_of_a_subscribe_is_a_suspect() {
        let mut books = Books::new("", Version::V311);
        let filters = ["a/#", "b/+"].map(|path| Filter {
            path: path.to_owned(),
            qos: 1,
            no_local: false,
            retain: RetainHandling::Always,
        });
        books.sent(&Outbound::Subscribe(Subscribe { id: 1, filters: filters.to_vec() }), at(1.0));
        let sends = books.over(true, W5, at(1.5));
        assert!(sends.iter().all(|sends| sends.packet == "SUBSCRIBE" && sends.closed == 1));
        assert_eq!(sends.len(), 2);
        books.subscribed();
        let sends = books.over(true, W5, at(1.5));
        assert!(
            sends.iter().all(|sends| (sends.sent, sends.closed) == (1, 0)),
            "the broker took them: {sends:?}"
        );
    }

    #[test]
    fn the_topic_that_was_used_longest_ago_makes_room() {
        let mut books = Books::new("", Version::V311);
        for n in 0..200_u32 {
            books.sent(&publish(&format!("t{}", char::from_u32(0x4E00 + n).unwrap())), at(f64::from(n)));
            books.sent(&publish("often"), at(f64::from(n)));
        }
        let sends = books.over(true, W5, at(500.0));
        assert_eq!(sends.len(), TOPICS);
        let often = sends.iter().find(|sends| sends.shape == "often").unwrap();
        assert_eq!((often.sent, often.largest), (200, 2 + 2 + 5 + 100), "the size has its headers");
    }

    #[test]
    fn no_identity_is_left_in_a_shape() {
        for (topic, expected) in [
            ("cmd/52/navilink-020000aabbcc/status/start", "cmd/52/+/status/start"),
            ("cmd/52/25004/36283/9d2f6c1e-30a4/res", "cmd/52/+/+/+/res"),
            ("home/02:00:00:aa:bb:cc/power", "home/+/power"),
            ("home/02-00-00-AA-BB-CC/power", "home/+/power"),
            ("mail/somebody@example.org/in", "mail/+/in"),
            ("u/0f8fad5b-d9cb-469f-a165-70867728950e", "u/+"),
            ("a/heater-of-the-people-next-door/b", "a/+/b"),
            ("$aws/things/my-client-7/shadow/get", "$aws/things/+/shadow/get"),
            ("x/ours/y", "x/+/y"),
            ("house/bath room/temperature", "house/+/temperature"),
            ("evt/+/+/#", "evt/+/+/#"),
            ("", ""),
        ] {
            assert_eq!(shape(topic, "ours"), expected, "{topic}");
        }
        assert_eq!(shape(&"s/".repeat(40), "").matches('s').count(), SEGMENTS);
    }

    #[test]
    fn a_key_is_no_hash_that_anybody_can_make() {
        assert_eq!(key_of("abc"), key_of("abc"));
        assert_ne!(key_of("abc"), key_of("abd"));
        // SHA-256 of "abc" begins with ba7816bf 8f01cfea.
        assert_ne!(key_of("abc"), TopicKey(0xba78_16bf_8f01_cfea));
    }
}
