//! The families of our own metrics: every child in one allocation with the text of its labels, ready for the page.
//!
//! Never makes a value that changes wait for the page: children are atomics, and the lock is held for new ones only. The
//! `prometheus` crate sees them through [`super::bridge`]; its own children take ten times the memory, which 2,000
//! connections would feel.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use triomphe::ThinArc;

use super::catalogue::{Definition, Kind};
use super::labels::cut;
use super::text::{self, FamilyType, Format};

/// What a child holds.
pub(super) trait Value: Debug + Send + Sync + 'static {
    /// At its start.
    fn new(definition: &Definition) -> Self;

    /// Writes its lines; none while it has no value.
    fn write(&self, out: &mut Vec<u8>, name: &str, labels: &[u8]);
}

/// One child: what is counted, and the text of its labels. Clones share it.
#[derive(Debug)]
pub(super) struct Child<V>(ThinArc<V, u8>);

impl<V> Clone for Child<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V> Child<V> {
    pub(super) fn new(value: V, text: &[u8]) -> Self {
        Self(ThinArc::from_header_and_slice(value, text))
    }

    pub(super) fn value(&self) -> &V {
        &self.0.header.header
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.0.slice
    }
}

impl<V> PartialEq for Child<V> {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl<V> Eq for Child<V> {}

impl<V> PartialOrd for Child<V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<V> Ord for Child<V> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text().cmp(other.text())
    }
}

impl<V> Borrow<[u8]> for Child<V> {
    fn borrow(&self) -> &[u8] {
        self.text()
    }
}

/// All children of one metric. Clones share them.
#[derive(Debug)]
pub(super) struct Family<V>(Arc<Inner<V>>);

#[derive(Debug)]
struct Inner<V> {
    definition: Definition,
    children: Mutex<BTreeSet<Child<V>>>,
}

impl<V> Clone for Family<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V> Family<V> {
    pub(super) fn definition(&self) -> &Definition {
        &self.0.definition
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeSet<Child<V>>> {
        self.0.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All children, in order.
    pub(super) fn children(&self) -> Vec<Child<V>> {
        self.lock().iter().cloned().collect()
    }

    /// Removes the children with these values of the first labels.
    pub(super) fn forget(&self, values: &[&str]) {
        let mut prefix = self.text(values);
        if prefix.pop().is_none() {
            return;
        }
        let mut children = self.lock();
        let from = (Bound::Included(prefix.as_slice()), Bound::Unbounded);
        let gone: Vec<_> = children
            .range::<[u8], _>(from)
            .take_while(|child| child.text().starts_with(&prefix))
            .cloned()
            .collect();
        for child in gone {
            children.remove(child.text());
        }
    }

    /// The text of these values of the first labels, in the order of the table.
    pub(super) fn text<S: AsRef<str>>(&self, values: &[S]) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let values = values.iter().map(|value| cut(value.as_ref()));
        text::labels(&mut out, self.0.definition.labels.iter().copied().zip(values));
        out
    }
}

impl<V: Value> Family<V> {
    pub(super) fn new(definition: Definition) -> Self {
        Self(Arc::new(Inner { definition, children: Mutex::default() }))
    }

    /// The child with these label values, made when it is new.
    pub(super) fn with_label_values<S: AsRef<str>>(&self, values: &[S]) -> Child<V> {
        let text = self.text(values);
        let mut children = self.lock();
        if let Some(child) = children.get(text.as_slice()) {
            return child.clone();
        }
        let child = Child::new(V::new(&self.0.definition), &text);
        children.insert(child.clone());
        child
    }

    /// Removes the child with these label values, if there is one.
    pub(super) fn remove_label_values<S: AsRef<str>>(&self, values: &[S]) {
        self.lock().remove(self.text(values).as_slice());
    }
}

/// A family as the page sees it.
pub(super) trait Shown: Debug + Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// The same family once more.
    fn again(&self) -> Box<dyn Shown>;

    /// Its children of now, to be written.
    fn lines(&self) -> Box<dyn Lines>;
}

/// A family that is being written.
pub(super) trait Lines: Debug + Send {
    /// Writes on until `out` holds this many bytes or a little more. Whether there may be more to write.
    fn write(&mut self, out: &mut Vec<u8>, full: usize, format: Format) -> bool;
}

#[derive(Debug)]
struct Rest<V> {
    definition: Definition,
    children: std::vec::IntoIter<Child<V>>,
    headed: bool,
}

impl<V: Value> Shown for Family<V> {
    fn name(&self) -> &'static str {
        self.0.definition.name
    }

    fn again(&self) -> Box<dyn Shown> {
        Box::new(self.clone())
    }

    fn lines(&self) -> Box<dyn Lines> {
        let children = self.children().into_iter();
        Box::new(Rest { definition: self.0.definition, children, headed: false })
    }
}

impl<V: Value> Lines for Rest<V> {
    fn write(&mut self, out: &mut Vec<u8>, full: usize, format: Format) -> bool {
        let Definition { name, kind, help, .. } = self.definition;
        while out.len() < full {
            let Some(child) = self.children.next() else { return false };
            let before = out.len();
            if !self.headed {
                text::header(out, format, name, family_type(kind), help);
            }
            let headed = out.len();
            child.value().write(out, name, child.text());
            if out.len() > headed {
                self.headed = true;
            } else {
                // A family without a value has no header either.
                out.truncate(before);
            }
        }
        true
    }
}

const fn family_type(kind: Kind) -> FamilyType {
    match kind {
        Kind::Counter => FamilyType::Counter,
        Kind::Gauge => FamilyType::Gauge,
        Kind::Info => FamilyType::Info,
        Kind::Histogram => FamilyType::Histogram,
    }
}
