//! What the rules of one subscription want of a payload, found while it is read once.
//!
//! Pure. Never keeps more than [`MOST`] values of one message; its buffers are used again and again.

use super::tree::{Slot, Tree};
use super::walk::{At, Leaf, Walk};

/// Values of one message at most, beside those with a path of their own.
pub(super) const MOST: usize = 1_024;

/// A spelt path that is longer makes no metric name.
const LONGEST: usize = 128;

/// A value with a wildcard in its path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Many<'p> {
    slot: u16,
    /// The element that it belongs to.
    pub(super) scope: u32,
    pub(super) leaf: Leaf<'p>,
}

/// One element that a wildcard stands for.
#[derive(Clone, Copy, Debug)]
struct Scope<'p> {
    parent: u32,
    depth: u8,
    at: At<'p>,
}

/// A number that no path of its own leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Every<'p> {
    path: (u32, u32),
    index: (u32, u32),
    pub(super) leaf: Leaf<'p>,
}

/// What was found in one payload.
#[derive(Debug, Default)]
pub(super) struct Found<'p> {
    ones: Vec<Leaf<'p>>,
    pub(super) many: Vec<Many<'p>>,
    pub(super) every: Vec<Every<'p>>,
    scopes: Vec<Scope<'p>>,
    /// The nodes that are at the present place, each with its scope; and where each level of them begins.
    active: Vec<(u32, u32)>,
    levels: Vec<u32>,
    /// For `**`: the spelt path and indexes of the present place, and where each level of them begins.
    path: String,
    index: String,
    marks: Vec<(u32, u32)>,
    /// Spelt paths and indexes that were found.
    spelt: String,
    /// The key that was found last: the next one is often the next in the tree.
    hint: usize,
    /// More was there than is kept.
    pub(super) overflowed: bool,
}

impl Found<'_> {
    /// The same buffers for another payload.
    pub(super) fn reused<'q>(self) -> Found<'q> {
        Found {
            ones: emptied(self.ones),
            many: emptied(self.many),
            every: emptied(self.every),
            scopes: emptied(self.scopes),
            active: self.active,
            levels: self.levels,
            path: self.path,
            index: self.index,
            marks: self.marks,
            spelt: self.spelt,
            hint: 0,
            overflowed: false,
        }
    }
}

/// The same memory for values that borrow from somewhere else: the compiler cannot know that an empty list borrows
/// nothing, and collects it in place.
fn emptied<T, U>(mut list: Vec<T>) -> Vec<U> {
    list.clear();
    list.into_iter().map_while(|_| None).collect()
}

impl<'p> Found<'p> {
    /// Begins with a payload.
    pub(super) fn begin(&mut self, tree: &Tree) {
        self.ones.clear();
        self.ones.resize(usize::from(tree.ones), Leaf::Absent);
        self.many.clear();
        self.every.clear();
        self.scopes.clear();
        self.active.clear();
        self.levels.clear();
        self.path.clear();
        self.index.clear();
        self.marks.clear();
        self.spelt.clear();
        self.active.push((0, NOWHERE));
        self.levels.push(0);
        self.overflowed = false;
    }

    /// What stands in a slot, for the element that `scope` is or is in.
    pub(super) fn get(&self, slot: Slot, scope: u32, near: usize) -> Leaf<'p> {
        match slot {
            Slot::One(at) => self.ones.get(usize::from(at)).copied().unwrap_or(Leaf::Absent),
            Slot::Many(mark, depth) => self.sibling(mark, self.ancestor(scope, depth), near),
        }
    }

    /// A value of the same element: what belongs to one element was found in one run.
    fn sibling(&self, mark: u16, scope: u32, near: usize) -> Leaf<'p> {
        let belongs = |many: &&Many<'p>| self.is_in(many.scope, scope);
        let (before, after) = self.many.split_at_checked(near).unwrap_or((&self.many, &[]));
        let of = |many: &Many<'p>| (many.slot == mark && many.scope == scope).then_some(many.leaf);
        let behind = after.iter().take_while(belongs).find_map(of);
        behind.or_else(|| before.iter().rev().take_while(belongs).find_map(of)).unwrap_or(Leaf::Absent)
    }

    /// The scope that this one is in, so deep.
    fn ancestor(&self, mut scope: u32, depth: u8) -> u32 {
        while let Some(inner) = self.scopes.get(scope as usize).filter(|inner| inner.depth > depth) {
            scope = inner.parent;
        }
        scope
    }

    fn is_in(&self, inner: u32, outer: u32) -> bool {
        let depth = self.scopes.get(outer as usize).map_or(0, |scope| scope.depth);
        self.ancestor(inner, depth) == outer
    }

    /// Writes what the wildcard number `which`, counted from 0, stood for.
    pub(super) fn star(&self, scope: u32, which: usize, out: &mut String) {
        use std::fmt::Write as _;
        let depth = u8::try_from(which + 1).unwrap_or(u8::MAX);
        if let Some(star) = self.scopes.get(self.ancestor(scope, depth) as usize).filter(|s| s.depth == depth)
        {
            match star.at {
                At::Key(key, _) => out.push_str(&key.plain()),
                // Writing to a string does not fail.
                At::Index(index) => drop(write!(out, "{index}")),
            }
        }
    }

    /// Each value of a slot, with its place for [`Found::get`] and its scope.
    pub(super) fn each(&self, slot: u16) -> impl Iterator<Item = (usize, u32, Leaf<'p>)> + '_ {
        let of =
            move |(at, many): (usize, &Many<'p>)| (many.slot == slot).then_some((at, many.scope, many.leaf));
        self.many.iter().enumerate().filter_map(of)
    }

    /// The spelt path and the index of one of every number.
    pub(super) fn spelt(&self, every: &Every<'p>) -> (&str, &str) {
        let part =
            |(start, end): (u32, u32)| self.spelt.get(start as usize..end as usize).unwrap_or_default();
        (part(every.path), part(every.index))
    }
}

/// No scope at all.
pub(super) const NOWHERE: u32 = u32::MAX;

/// The tree and what is found by it: what a decoder tells a payload to.
pub(super) struct Finder<'f, 'p> {
    pub(super) tree: &'f Tree,
    pub(super) found: &'f mut Found<'p>,
}

impl<'p> Walk<'p> for Finder<'_, 'p> {
    #[inline]
    fn enter(&mut self, at: At<'p>) -> bool {
        let found = &mut *self.found;
        let start = found.levels.last().copied().unwrap_or(0) as usize;
        let end = found.active.len();
        for place in start..end {
            let Some((node, scope)) = found.active.get(place).copied() else { break };
            let Some(node) = self.tree.nodes.get(node as usize) else { continue };
            let (exact, wildcard) = match at {
                At::Key(key, _) => (node.key(key, &mut found.hint), node.members),
                At::Index(index) => (
                    node.indexes.iter().find(|(known, _)| *known == index).map(|(_, child)| *child),
                    node.elements,
                ),
            };
            if let Some(child) = exact {
                found.active.push((child, scope));
            }
            if let Some(child) = wildcard {
                let depth = found.scopes.get(scope as usize).map_or(0, |scope| scope.depth) + 1;
                if found.scopes.len() < MOST {
                    let new = u32::try_from(found.scopes.len()).unwrap_or(NOWHERE);
                    found.scopes.push(Scope { parent: scope, depth, at });
                    found.active.push((child, new));
                } else {
                    found.overflowed = true;
                }
            }
        }
        if found.active.len() == end && !self.tree.every {
            return false;
        }
        found.levels.push(u32::try_from(end).unwrap_or(u32::MAX));
        if self.tree.every {
            spell(found, at);
        }
        true
    }

    #[inline]
    fn leaf(&mut self, leaf: Leaf<'p>) {
        let found = &mut *self.found;
        let start = found.levels.last().copied().unwrap_or(0) as usize;
        let mut taken = false;
        for place in start..found.active.len() {
            let Some((node, scope)) = found.active.get(place).copied() else { break };
            match self.tree.nodes.get(node as usize).and_then(|node| node.slot) {
                Some(Slot::One(at)) => {
                    taken = true;
                    if let Some(one) = found.ones.get_mut(usize::from(at)) {
                        *one = leaf;
                    }
                }
                Some(Slot::Many(slot, _)) if found.many.len() < MOST => {
                    taken = true;
                    found.many.push(Many { slot, scope, leaf });
                }
                Some(Slot::Many(..)) => found.overflowed = true,
                None => {}
            }
        }
        if self.tree.every && !taken && !found.marks.is_empty() {
            keep(found, leaf);
        }
    }

    #[inline]
    fn leave(&mut self) {
        let found = &mut *self.found;
        let start = found.levels.pop().unwrap_or(0) as usize;
        found.active.truncate(start);
        if self.tree.every
            && let Some((path, index)) = found.marks.pop()
        {
            found.path.truncate(path as usize);
            found.index.truncate(index as usize);
        }
    }
}

/// Goes on spelling the present place.
fn spell(found: &mut Found<'_>, at: At<'_>) {
    use std::fmt::Write as _;
    let length = |text: &String| u32::try_from(text.len()).unwrap_or(u32::MAX);
    found.marks.push((length(&found.path), length(&found.index)));
    match at {
        At::Key(key, _) => {
            if !found.path.is_empty() {
                found.path.push('_');
            }
            let key = key.plain();
            let spelt = key
                .chars()
                .take(128)
                .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
            found.path.extend(spelt);
        }
        At::Index(index) => {
            let point = if found.index.is_empty() { "" } else { "." };
            // Writing to a string does not fail.
            let _ = write!(found.index, "{point}{index}");
        }
    }
}

/// Keeps a value with its spelling.
fn keep<'p>(found: &mut Found<'p>, leaf: Leaf<'p>) {
    match leaf {
        Leaf::Digits(_) | Leaf::Number(_) | Leaf::Bool(_) => {}
        Leaf::Absent | Leaf::Text(_) | Leaf::Null | Leaf::Object(_) | Leaf::List(_) => return,
    }
    if found.every.len() == MOST || found.path.len() > LONGEST {
        found.overflowed = true;
        return;
    }
    let length = |text: &String| u32::try_from(text.len()).unwrap_or(u32::MAX);
    let start = length(&found.spelt);
    found.spelt.push_str(&found.path);
    let middle = length(&found.spelt);
    found.spelt.push_str(&found.index);
    let end = length(&found.spelt);
    found.every.push(Every { path: (start, middle), index: (middle, end), leaf });
}
