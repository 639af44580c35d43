//! One subscription, compiled: which topics are for it, how their payloads are read, what its rules are.
//!
//! Pure. Never remembers a message.

use super::capture::{Finder, Found};
use super::path::Path;
use super::pattern::{self, Pattern};
use super::reason::Reason;
use super::rule::{Rule, compiled, is};
use super::text::Text;
use super::topic::{self, Presence};
use super::tree::{Slot, Tree};
use super::walk::Text::Plain;
use super::walk::{Leaf, Unreadable};
use super::{json, plain};
use crate::config::mapping::Format;
use crate::config::{Subscribe, filter_fault};

/// A compiled subscription.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) subscribe: Subscribe,
    pub(super) pattern: Option<Pattern>,
    pub(super) device: Option<Text>,
    /// The labels of all its rules, for what is told of its topics beside them.
    pub(super) labels: Vec<(String, Text)>,
    pub(super) tree: Tree,
    pub(super) rules: Vec<Rule>,
    pub(super) presence: Option<Voice>,
}

/// The topics by which devices say that they come and go.
#[derive(Debug)]
pub(super) struct Voice {
    pub(super) presence: Presence,
    tree: Tree,
    slot: Slot,
    online: String,
    offline: String,
}

/// Why a topic is not for a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Its filter.
    Filter,
    /// None of `include` fits.
    NotIncluded,
    /// This one of `exclude` fits.
    Excluded(String),
    /// Its pattern does not fit.
    Pattern,
}

impl Program {
    /// Compiles a subscription.
    pub(super) fn new(subscribe: &Subscribe) -> Result<Self, String> {
        let named = |why: String| format!("subscription `{}`: {why}", subscribe.filter);
        filter_fault(&subscribe.filter).map_or(Ok(()), |why| Err(named(why)))?;
        let mut tree = Tree::new();
        let pattern = subscribe.pattern.as_deref().map(pattern::compile).transpose().map_err(named)?;
        let device = subscribe.device.as_deref().map(|device| Text::new(device, &mut tree)).transpose();
        let labels = compiled(subscribe.labels.iter(), &mut tree).map_err(named)?;
        let rules = subscribe.metrics.iter().map(|metric| {
            Rule::new(metric, subscribe, &mut tree).map_err(|why| named(format!("`{}`: {why}", metric.name)))
        });
        let mut rules = rules.collect::<Result<Vec<_>, _>>()?;
        let paths: Vec<_> = subscribe.metrics.iter().filter_map(|metric| metric.path.as_deref()).collect();
        for rule in &mut rules {
            rule.parts_are_of_others = rule.metric.path.as_deref().map_or(!paths.is_empty(), |path| {
                paths
                    .iter()
                    .filter_map(|other| other.strip_prefix(path))
                    .any(|rest| rest.starts_with(['.', '[']))
            });
        }
        let device = device.map_err(named)?;
        let presence = subscribe.availability.as_ref().map(|availability| {
            let mut tree = Tree::new();
            let path = availability.path.as_deref().map_or(Ok(Path::default()), Path::parse)?;
            Ok(Voice {
                presence: Presence::parse(&availability.topic)?,
                slot: tree.slot(&path),
                tree,
                online: availability.online.clone(),
                offline: availability.offline.clone(),
            })
        });
        let presence = presence.transpose().map_err(named)?;
        Ok(Self { subscribe: subscribe.clone(), pattern, device, labels, tree, rules, presence })
    }

    /// Whether a topic is for this subscription.
    pub(super) fn fits(&self, topic: &str) -> Result<(), Unfit> {
        let Subscribe { filter, include, exclude, .. } = &self.subscribe;
        if !topic::fits(filter, topic) {
            return Err(Unfit::Filter);
        }
        if !include.is_empty() && !include.iter().any(|include| topic::fits(include, topic)) {
            return Err(Unfit::NotIncluded);
        }
        if let Some(filter) = exclude.iter().find(|exclude| topic::fits(exclude, topic)) {
            return Err(Unfit::Excluded(filter.clone()));
        }
        match &self.pattern {
            Some(pattern) if pattern.fits(topic).is_none() => Err(Unfit::Pattern),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether this payload is read as JSON.
    pub(super) fn reads_json(&self) -> bool {
        match self.subscribe.format {
            Format::Auto => self.tree.has_paths(),
            Format::Json | Format::Sparkplug => true,
            Format::Text | Format::Csv => false,
        }
    }

    /// Finds what the rules want of a payload. After an error nothing is to be used.
    pub(super) fn find<'p>(&self, payload: &'p [u8], found: &mut Found<'p>) -> Result<(), Reason> {
        found.begin(&self.tree);
        let mut finder = Finder { tree: &self.tree, found };
        let read = match self.subscribe.format {
            Format::Csv => plain::csv(payload, &mut finder),
            // What a payload of Sparkplug says is handed on as JSON.
            Format::Json | Format::Sparkplug => json::read(payload, &mut finder),
            Format::Auto if self.tree.has_paths() => json::read(payload, &mut finder),
            Format::Auto | Format::Text => plain::text(payload, &mut finder),
        };
        match read {
            Ok(()) => Ok(()),
            // Some topics of a filter may hold plain text, and rules without a path are for them.
            Err(Unreadable::Malformed(_))
                if self.subscribe.format == Format::Auto && self.tree.wants_root() =>
            {
                found.begin(&self.tree);
                plain::text(payload, &mut Finder { tree: &self.tree, found }).map_err(reason)
            }
            Err(unreadable) => Err(reason(unreadable)),
        }
    }
}

fn reason(unreadable: Unreadable) -> Reason {
    match unreadable {
        Unreadable::Malformed(_) => Reason::Malformed,
        Unreadable::TooDeep => Reason::TooDeep,
        Unreadable::NotText => Reason::NotText,
    }
}

impl Voice {
    /// Whether the device is there; `None`: the payload does not say.
    pub(super) fn says<'p>(&self, payload: &'p [u8], found: &mut Found<'p>) -> Option<bool> {
        found.begin(&self.tree);
        let mut finder = Finder { tree: &self.tree, found };
        let read = if self.tree.has_paths() {
            json::read(payload, &mut finder)
        } else {
            plain::text(payload, &mut finder)
        };
        let word = match read {
            Ok(()) => found.get(self.slot, super::capture::NOWHERE, 0),
            // An older version of the device may say the bare word.
            Err(Unreadable::Malformed(_)) => Leaf::Text(Plain(std::str::from_utf8(payload).ok()?.trim())),
            Err(Unreadable::TooDeep | Unreadable::NotText) => return None,
        };
        if is(word, &self.online) {
            return Some(true);
        }
        is(word, &self.offline).then_some(false)
    }
}
