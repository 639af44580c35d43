//! The counters of a closed set at one connection: a block of numbers that shares its names with all connections of its
//! kind, since most of them stay zero for ever.
//!
//! Never loses a fact: a member that nobody expected is counted too.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::catalogue::Definition;
use super::family::{Child, Family, Value};
use super::{labels, text};

/// All blocks of one metric.
pub(super) type ClosedVec = Family<Block>;

/// What follows the label `connection` in the line of each member, up to the brace at the end.
type Members = Arc<[Box<[u8]>]>;

/// The counters of one connection.
#[derive(Debug)]
pub(super) struct Block {
    members: Members,
    counts: Box<[AtomicU64]>,
    /// Members that nobody expected.
    further: Mutex<BTreeMap<Box<[u8]>, u64>>,
}

impl Block {
    fn further(&self) -> MutexGuard<'_, BTreeMap<Box<[u8]>, u64>> {
        self.further.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every member with its count; its text as it follows the label `connection`.
    pub(super) fn each(&self, mut tell: impl FnMut(&[u8], u64)) {
        for (member, count) in self.members.iter().zip(&self.counts) {
            tell(member, count.load(Relaxed));
        }
        for (member, count) in &*self.further() {
            tell(member, *count);
        }
    }

    fn add(&self, member: &[u8], by: u64) {
        match self.members.iter().zip(&self.counts).find(|(known, _)| known.as_ref() == member) {
            Some((_, count)) => {
                count.fetch_add(by, Relaxed);
            }
            None => *self.further().entry(member.into()).or_default() += by,
        }
    }
}

impl Value for Block {
    fn new(_definition: &Definition) -> Self {
        Self { members: Arc::from([]), counts: Box::default(), further: Mutex::default() }
    }

    fn write(&self, out: &mut Vec<u8>, name: &str, connection: &[u8]) {
        self.each(|member, count| {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(connection);
            out.extend_from_slice(member);
            out.push(b' ');
            text::count(out, count);
            out.push(b'\n');
        });
    }
}

/// The counters of a closed set, bound and at zero from the start.
#[derive(Debug)]
pub(super) struct Counters<K> {
    block: Child<Block>,
    family: ClosedVec,
    /// In order, each at the place of its count.
    keys: Box<[K]>,
    labels: fn(&K) -> Vec<&'static str>,
}

impl<K: Ord> Counters<K> {
    /// Binds one counter for each key; `labels` says what follows the label `connection`. What an earlier life of the
    /// connection counted goes on.
    pub(super) fn new(
        family: &ClosedVec,
        connection: &str,
        keys: impl Iterator<Item = K>,
        labels: fn(&K) -> Vec<&'static str>,
    ) -> Self {
        let mut keys: Vec<K> = keys.collect();
        keys.sort_unstable();
        keys.dedup();
        let members = keys.iter().map(|key| member(family.definition(), &labels(key)));
        let block = bind(family, connection, members.collect());
        Self { block, family: family.clone(), keys: keys.into(), labels }
    }

    /// Counts `by` of this key. A key that nobody expected is counted too: a fact is never lost.
    pub(super) fn add(&self, key: &K, by: u64) {
        let block = self.block.value();
        let known = self.keys.binary_search(key).ok().and_then(|place| block.counts.get(place));
        match known {
            Some(count) => {
                count.fetch_add(by, Relaxed);
            }
            None => block.add(&member(self.family.definition(), &(self.labels)(key)), by),
        }
    }
}

/// `,error="…"}`.
fn member(definition: &Definition, values: &[&'static str]) -> Box<[u8]> {
    let mut out = Vec::new();
    let further = definition.labels.get(1..).unwrap_or_default();
    text::labels(&mut out, further.iter().copied().zip(values.iter().copied()));
    if let Some(brace) = out.first_mut() {
        *brace = b',';
    }
    out.into()
}

/// The block of a connection with these members.
fn bind(family: &ClosedVec, connection: &str, members: Vec<Box<[u8]>>) -> Child<Block> {
    let mut text = family.text(&[labels::cut(connection)]);
    // Members end with the brace.
    text.pop();
    let mut blocks = family.lock();
    let before = blocks.get(text.as_slice()).cloned();
    if let Some(before) = before.clone().filter(|before| *before.value().members == *members) {
        return before;
    }
    let alike = blocks.iter().map(|block| &block.value().members).find(|known| ***known == *members);
    let members = alike.cloned().unwrap_or_else(|| members.into());
    let counts = members.iter().map(|_| AtomicU64::new(0)).collect();
    let block = Child::new(Block { members, counts, further: Mutex::default() }, &text);
    if let Some(before) = before {
        before.value().each(|member, count| {
            // A name of the old kind that never came need not stay.
            if count > 0 {
                block.value().add(member, count);
            }
        });
    }
    blocks.replace(block.clone());
    block
}
