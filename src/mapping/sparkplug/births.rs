//! What births said: the names that aliases stand for, which devices there are, and which message comes next.
//!
//! Pure. Never remembers more than so many nodes and names, whoever is born.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Instant;

/// Where there is no room, a node that died makes way, or one that was silent for so long …
const SILENT: Duration = Duration::from_secs(86_400);
/// … which are looked for at most this often.
const MAKE_ROOM_EVERY: Duration = Duration::from_secs(60);

/// Nodes at most.
const NODES: usize = 10_000;
/// Nodes and devices at most, together.
const SPEAKERS: usize = 100_000;
/// Bytes of all names that are remembered at most.
const BYTES: usize = 32 << 20;
/// What a name takes beside its letters.
const OVERHEAD: usize = 48;

/// All nodes of one connection, by what stands before and behind the type in their topics.
#[derive(Debug, Default)]
pub(super) struct Births {
    nodes: HashMap<Box<str>, Node>,
    speakers: usize,
    bytes: usize,
    made_room: Option<Instant>,
}

/// One node.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Itself under the empty name, and its devices.
    speakers: HashMap<Box<str>, Speaker>,
    /// The number of the session that its last birth began.
    session: Option<u64>,
    seq: Option<u8>,
    /// Messages that never came.
    pub(super) missed: u64,
    /// When it or one of its devices spoke last.
    heard: Instant,
    /// That was its death.
    pub(super) is_dead: bool,
}

/// A node itself, or one of its devices.
#[derive(Debug, Default)]
struct Speaker {
    aliases: HashMap<u64, Known>,
}

/// What an alias stands for.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: Box<str>,
    pub(super) datatype: Option<u64>,
}

impl Births {
    /// A node and one of its devices (empty: the node itself), entered when they are new. `None`: one too many.
    pub(super) fn enter(&mut self, node: &str, device: &str, now: Instant) -> Option<&mut Node> {
        if self.nodes.len() >= NODES || self.speakers >= SPEAKERS {
            self.make_room(now);
        }
        if !self.nodes.contains_key(node) {
            if self.nodes.len() >= NODES {
                return None;
            }
            self.nodes.insert(node.into(), Node::default());
        }
        let node = self.nodes.get_mut(node)?;
        (node.heard, node.is_dead) = (now, false);
        if !node.speakers.contains_key(device) {
            if self.speakers >= SPEAKERS {
                return None;
            }
            self.speakers += 1;
            node.speakers.insert(device.into(), Speaker::default());
        }
        Some(node)
    }

    /// Forgets nodes that are gone.
    fn make_room(&mut self, now: Instant) {
        if self.made_room.is_some_and(|made| now.saturating_since(made) < MAKE_ROOM_EVERY) {
            return;
        }
        self.made_room = Some(now);
        let Self { nodes, speakers, bytes, .. } = self;
        nodes.retain(|_, node| {
            let stays = !node.is_dead && now.saturating_since(node.heard) < SILENT;
            if !stays {
                *speakers = speakers.saturating_sub(node.speakers.len());
                *bytes = bytes.saturating_sub(node.speakers.values().map(Speaker::bytes).sum());
            }
            stays
        });
    }

    /// A node that is known.
    pub(super) fn node(&mut self, node: &str) -> Option<&mut Node> {
        self.nodes.get_mut(node)
    }

    /// A birth begins: what was known of this node or device is of the past.
    pub(super) fn begin(&mut self, node: &str, device: &str) {
        let speaker = self.nodes.get_mut(node).and_then(|node| node.speakers.get_mut(device));
        let Some(speaker) = speaker else { return };
        self.bytes = self.bytes.saturating_sub(speaker.bytes());
        speaker.aliases = HashMap::new();
    }

    /// The devices of a node, which are forgotten: they are gone until they are born anew. Each was entered by a message of
    /// its own, so a node that is born again and again makes no message wait.
    pub(super) fn take_devices(&mut self, node: &str) -> Vec<Box<str>> {
        let Some(node) = self.nodes.get_mut(node) else { return Vec::new() };
        let itself = node.speakers.remove_entry("");
        let devices = std::mem::take(&mut node.speakers);
        node.speakers.extend(itself);
        self.speakers = self.speakers.saturating_sub(devices.len());
        self.bytes = self.bytes.saturating_sub(devices.values().map(Speaker::bytes).sum());
        devices.into_keys().collect()
    }

    /// A birth says what an alias stands for. `false`: there is no more room.
    pub(super) fn learn(&mut self, node: &str, device: &str, alias: u64, known: Known) -> bool {
        let size = known.name.len() + OVERHEAD;
        if self.bytes + size > BYTES {
            return false;
        }
        let speaker = self.nodes.get_mut(node).and_then(|node| node.speakers.get_mut(device));
        let Some(speaker) = speaker else { return false };
        self.bytes += size;
        if let Some(older) = speaker.aliases.insert(alias, known) {
            self.bytes = self.bytes.saturating_sub(older.name.len() + OVERHEAD);
        }
        true
    }

    /// What an alias stands for.
    pub(super) fn known(&self, node: &str, device: &str, alias: u64) -> Option<&Known> {
        self.nodes.get(node)?.speakers.get(device)?.aliases.get(&alias)
    }
}

impl Speaker {
    /// What its names take.
    fn bytes(&self) -> usize {
        self.aliases.values().map(|known| known.name.len() + OVERHEAD).sum()
    }
}

impl Node {
    /// A new session of this number begins.
    pub(super) const fn born(&mut self, session: Option<u64>, seq: Option<u8>) {
        self.session = session;
        self.seq = seq;
    }

    /// Whether the death of this session is that of the present one: a broker may publish an old will late.
    pub(super) fn dies(&self, session: Option<u64>) -> bool {
        match (self.session, session) {
            (Some(own), Some(other)) => own == other,
            (None, _) | (_, None) => true,
        }
    }

    /// Counts what did not come before this message; `true`: something did not. One that came twice is no gap: brokers may
    /// deliver a message once for each filter that it fits.
    pub(super) fn follows(&mut self, seq: Option<u8>) -> bool {
        let Some(seq) = seq.filter(|seq| self.seq != Some(*seq)) else { return false };
        let gap = self.seq.map_or(0, |last| seq.wrapping_sub(last.wrapping_add(1)));
        self.seq = Some(seq);
        self.missed += u64::from(gap);
        gap > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_boot(Duration::from_secs(seconds))
    }

    #[test]
    fn what_never_came_is_counted_around_the_end() {
        let mut node = Node::default();
        assert!(!node.follows(Some(254)) && !node.follows(Some(255)) && !node.follows(Some(0)));
        assert!(!node.follows(Some(0)), "the same once more");
        assert!(node.follows(Some(3)) && !node.follows(None) && !node.follows(Some(4)));
        assert_eq!(node.missed, 2);
    }

    #[test]
    fn names_are_bounded_and_forgotten_with_the_next_birth() {
        let mut births = Births::default();
        assert!(births.enter("n", "", at(0)).is_some() && births.enter("n", "d", at(0)).is_some());
        let known = || Known { name: "x".repeat(1_000).into(), datatype: None };
        let learnt = (0..100_000).take_while(|alias| births.learn("n", "d", *alias, known())).count();
        assert_eq!(learnt, BYTES / (1_000 + OVERHEAD));
        births.begin("n", "d");
        assert_eq!(births.bytes, 0);
        assert!(births.known("n", "d", 1).is_none() && births.learn("n", "d", 1, known()));
        assert!(births.learn("n", "d", 1, known()), "the same alias again");
        assert_eq!(births.bytes, 1_000 + OVERHEAD);
    }

    #[test]
    fn devices_are_forgotten_with_their_node_and_make_room() {
        let mut births = Births::default();
        for node in ["n", "m"] {
            for device in ["", "d", "e"] {
                assert!(births.enter(node, device, at(0)).is_some());
                assert!(births.learn(node, device, 1, Known { name: "x".into(), datatype: None }));
            }
        }
        let mut taken = births.take_devices("n");
        taken.sort_unstable();
        assert_eq!(taken.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["d", "e"]);
        assert_eq!((births.speakers, births.bytes), (4, 4 * (1 + OVERHEAD)));
        assert!(births.known("n", "", 1).is_some() && births.known("n", "d", 1).is_none());
        assert!(births.take_devices("n").is_empty() && births.take_devices("nobody").is_empty());
    }

    #[test]
    fn nodes_that_are_gone_make_room() {
        let mut births = Births::default();
        for node in 0..NODES {
            assert!(births.enter(&node.to_string(), "", at(0)).is_some());
        }
        assert!(births.learn("0", "", 1, Known { name: "x".into(), datatype: None }));
        assert!(births.enter("new", "", at(1)).is_none(), "all of them live");
        births.node("0").unwrap().is_dead = true;
        assert!(births.enter("new", "", at(60)).is_none(), "room is not looked for so often");
        assert!(births.enter("new", "", at(61)).is_some() && births.enter("newer", "", at(62)).is_none());
        assert_eq!((births.nodes.len(), births.speakers, births.bytes), (NODES, NODES, 0));
        assert!(births.enter("newer", "", at(86_400)).is_some());
        assert_eq!(births.nodes.len(), 2, "the others were silent for a day");
    }

    #[test]
    fn only_the_death_of_the_present_session_counts() {
        let mut node = Node::default();
        assert!(node.dies(Some(3)));
        node.born(Some(4), None);
        assert!(node.dies(Some(4)) && !node.dies(Some(3)) && node.dies(None));
    }
}
