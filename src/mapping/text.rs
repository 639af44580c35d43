//! A template, compiled: what it says of one message.
//!
//! Pure. Never invents a text for a placeholder that stands for nothing.

use super::capture::Found;
use super::number::with_text;
use super::pattern::Pattern;
use super::rule::Instance;
use super::template::{Piece, Template};
use super::topic;
use super::tree::{Slot, Tree};
use crate::connection::message::Properties;

/// A compiled template.
#[derive(Debug)]
pub(super) struct Text(Vec<Part>);

#[derive(Debug)]
enum Part {
    Plain(String),
    Level(i16),
    Group(String),
    Slot(Slot),
    Property(String),
    Star(usize),
}

/// What a message has that templates ask for.
#[derive(Clone, Copy)]
pub(super) struct Context<'c, 'p> {
    pub(super) topic: &'c str,
    pub(super) pattern: Option<&'c Pattern>,
    pub(super) properties: Option<&'c Properties>,
    pub(super) found: &'c Found<'p>,
}

impl Text {
    /// Compiles a template; its paths go into the tree of its subscription.
    pub(super) fn new(template: &str, tree: &mut Tree) -> Result<Self, String> {
        let parts = Template::parse(template)?.0.into_iter().map(|piece| match piece {
            Piece::Text(text) => Part::Plain(text),
            Piece::Level(level) => Part::Level(level),
            Piece::Group(group) => Part::Group(group),
            Piece::Payload(path) => Part::Slot(tree.slot(&path)),
            Piece::Property(name) => Part::Property(name),
            Piece::Star(which) => Part::Star(which),
        });
        Ok(Self(parts.collect()))
    }

    /// Whether the topic alone decides it.
    pub(super) fn is_of_the_topic(&self) -> bool {
        self.0.iter().all(|part| match part {
            Part::Plain(_) | Part::Level(_) | Part::Group(_) => true,
            Part::Slot(_) | Part::Property(_) | Part::Star(_) => false,
        })
    }

    /// Writes it; `false` when a placeholder stands for nothing, and then what was written means nothing.
    pub(super) fn write(&self, context: &Context<'_, '_>, instance: Instance, out: &mut String) -> bool {
        self.0.iter().all(|part| part.write(context, instance, out))
    }
}

impl Part {
    fn write(&self, context: &Context<'_, '_>, instance: Instance, out: &mut String) -> bool {
        let before = out.len();
        match self {
            Self::Plain(text) => out.push_str(text),
            Self::Level(level) => out.push_str(topic::level(context.topic, *level).unwrap_or_default()),
            Self::Group(name) => {
                // Looked for again for each: it is asked for when a series is new, and hardly ever after.
                let groups = context.pattern.and_then(|pattern| pattern.fits(context.topic));
                let group = groups.as_ref().and_then(|groups| groups.name(name));
                out.push_str(group.map_or("", |group| group.as_str()));
            }
            Self::Slot(slot) => {
                let leaf = context.found.get(*slot, instance.scope, instance.near);
                with_text(leaf, |text| out.push_str(text));
            }
            Self::Property(name) => {
                let user =
                    context.properties.map(|properties| properties.user.as_slice()).unwrap_or_default();
                let value = user.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
                out.push_str(value);
            }
            Self::Star(which) => match instance.every.and_then(|at| context.found.every.get(at)) {
                Some(every) => out.push_str(context.found.spelt(every).1),
                None => context.found.star(instance.scope, *which, out),
            },
        }
        out.len() > before
    }
}
