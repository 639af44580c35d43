//! The paths of all rules of one subscription, as a tree: each step of a payload is looked up once for all of them.
//!
//! Pure.

use super::path::{Path, Step};
use super::walk::Text;

/// Where a value is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// There is one in a payload at most: the place of it.
    One(u16),
    /// There may be many: their mark, and how many wildcards lead there.
    Many(u16, u8),
}

/// The paths of all rules, as a tree.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// How many values there are at most once each.
    pub(super) ones: u16,
    manies: u16,
    /// Whether every number is wanted.
    pub(super) every: bool,
}

/// A place in a payload that a rule names.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    keys: Vec<(Box<str>, u32)>,
    /// The places of the keys in the order of the alphabet: a payload may have many, and so may the rules.
    sorted: Vec<u32>,
    pub(super) indexes: Vec<(u32, u32)>,
    pub(super) elements: Option<u32>,
    pub(super) members: Option<u32>,
    pub(super) slot: Option<Slot>,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { nodes: vec![Node::default()], ..Self::default() }
    }

    /// Whether anything but the payload itself is wanted.
    pub(super) fn has_paths(&self) -> bool {
        self.every || self.nodes.len() > 1
    }

    /// Whether the payload itself is wanted.
    pub(super) fn wants_root(&self) -> bool {
        self.nodes.first().is_some_and(|root| root.slot.is_some())
    }

    /// The slot of a path; one that is known has the same.
    pub(super) fn slot(&mut self, path: &Path) -> Slot {
        let mut at = 0;
        for step in &path.0 {
            at = self.child(at, step);
        }
        let wildcards = u8::try_from(path.wildcards()).unwrap_or(u8::MAX);
        let (ones, manies) = (&mut self.ones, &mut self.manies);
        let fresh = || {
            let counter = if wildcards == 0 { ones } else { manies };
            let number = *counter;
            *counter = counter.saturating_add(1);
            if wildcards == 0 { Slot::One(number) } else { Slot::Many(number, wildcards) }
        };
        let node = self.nodes.get_mut(at as usize);
        node.map_or(Slot::One(u16::MAX), |node| *node.slot.get_or_insert_with(fresh))
    }

    fn child(&mut self, at: u32, step: &Step) -> u32 {
        let next = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let Some(node) = self.nodes.get_mut(at as usize) else { return at };
        let known = match step {
            Step::Key(key) => node.keys.iter().find(|(known, _)| **known == **key).map(|(_, child)| *child),
            Step::Index(index) => {
                node.indexes.iter().find(|(known, _)| known == index).map(|(_, child)| *child)
            }
            Step::Elements => node.elements,
            Step::Members => node.members,
        };
        if let Some(known) = known {
            return known;
        }
        match step {
            Step::Key(key) => {
                node.keys.push((key.as_str().into(), next));
                node.sorted = (0..u32::try_from(node.keys.len()).unwrap_or(0)).collect();
                let keys = &node.keys;
                node.sorted.sort_by_key(|at| keys.get(*at as usize).map(|(key, _)| key));
            }
            Step::Index(index) => node.indexes.push((*index, next)),
            Step::Elements => node.elements = Some(next),
            Step::Members => node.members = Some(next),
        }
        self.nodes.push(Node::default());
        next
    }
}

impl Node {
    /// The child of this key. Payloads have their keys in one order mostly, and so have rules.
    #[inline]
    pub(super) fn key(&self, key: Text<'_>, hint: &mut usize) -> Option<u32> {
        let Text::Plain(plain) = key else {
            return self.keys.iter().find(|(known, _)| key.is(known)).map(|(_, child)| *child);
        };
        if let Some((known, child)) = self.keys.get(*hint)
            && **known == *plain
        {
            *hint += 1;
            return Some(*child);
        }
        let key = |at: &u32| self.keys.get(*at as usize).map_or("", |(known, _)| known);
        let place = self.sorted.binary_search_by(|at| key(at).cmp(plain)).ok()?;
        let at = self.sorted.get(place).copied()? as usize;
        *hint = at + 1;
        self.keys.get(at).map(|(_, child)| *child)
    }
}
