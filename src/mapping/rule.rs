//! One rule, compiled: which values it finds in a payload.
//!
//! Pure. Never knows where its values go.

use super::capture::{Found, NOWHERE};
use super::expression::Expression;
use super::number::{Reader, with_text};
use super::path::Path;
use super::reason::Reason;
use super::text::Text;
use super::tree::{Slot, Tree};
use super::walk::Leaf;
use crate::config::Subscribe;
use crate::config::mapping::{Counting, Expire, Format, Metric, MetricKind, ReadAs};
use crate::reading::{Kind, Quantity};

/// Inputs of an expression at most, `x` included.
const INPUTS: usize = 9;

/// A compiled rule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) metric: Metric,
    pub(super) quantity: Quantity,
    pub(super) source: Source,
    pub(super) expire: Expire,
    pub(super) labels: Vec<(String, Text)>,
    pub(super) when: Vec<(Slot, String)>,
    reader: Reader,
    inputs: Vec<Slot>,
    scale: Scale,
    expression: Option<Expression>,
    /// Whether one topic has one series at most.
    pub(super) is_of_the_topic: bool,
    /// Whether other rules take the parts of its value, where it has parts: some devices send one number, others a list.
    pub(super) parts_are_of_others: bool,
    /// Whether null takes its series from the page. In JSON it says no more than that nothing is known yet.
    null_ends: bool,
}

/// Where a rule finds its values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// The message itself is the value.
    Message,
    /// In a slot.
    Slot(Slot),
    /// Every number that no other rule takes.
    Every,
}

/// One value of a rule, and where in the payload it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instance {
    /// The element of a list or an object that it belongs to.
    pub(super) scope: u32,
    /// Its place among the values with wildcards.
    pub(super) near: usize,
    /// Its place among every number.
    pub(super) every: Option<usize>,
}

impl Instance {
    /// The message as a whole.
    pub(super) const WHOLE: Self = Self { scope: NOWHERE, near: 0, every: None };
}

/// What a rule made of one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// A number.
    Number(f64),
    /// One of the states, or none of them.
    State(Option<usize>),
    /// There is none any more.
    Gone,
}

impl Rule {
    /// Compiles a rule of a subscription; its paths go into the tree of that.
    pub(super) fn new(metric: &Metric, subscribe: &Subscribe, tree: &mut Tree) -> Result<Self, String> {
        let source = match (metric.path.as_deref(), &metric.kind) {
            (Some("**"), _) => {
                tree.every = true;
                Source::Every
            }
            (Some(path), _) => Source::Slot(tree.slot(&Path::parse(path)?)),
            (None, MetricKind::Info | MetricKind::Counter(Counting::Messages)) => Source::Message,
            (
                None,
                MetricKind::Gauge | MetricKind::Counter(_) | MetricKind::Histogram(_) | MetricKind::State(_),
            ) => Source::Slot(tree.slot(&Path::default())),
        };
        let mut slots = |paths: &[(String, String)], path: fn(&(String, String)) -> &str| {
            paths
                .iter()
                .map(|entry| Ok(tree.slot(&Path::parse(path(entry))?)))
                .collect::<Result<Vec<_>, String>>()
        };
        let inputs = slots(&metric.inputs, |(_, path)| path)?;
        let conditions = slots(&metric.when, |(path, _)| path)?;
        let when = conditions.into_iter().zip(metric.when.iter().map(|(_, word)| word.clone())).collect();
        let names: Vec<_> = metric.inputs.iter().map(|(name, _)| name.as_str()).collect();
        let expression = metric.value.as_deref().map(|text| Expression::parse(text, &names)).transpose()?;
        let is_own = |label: &str| metric.labels.iter().any(|(own, _)| own == label);
        let shared = subscribe.labels.iter().filter(|(label, _)| !is_own(label));
        let labels = compiled(metric.labels.iter().chain(shared), tree)?;
        let single = matches!(source, Source::Message | Source::Slot(Slot::One(_)));
        let kind = match &metric.kind {
            MetricKind::Gauge | MetricKind::Info | MetricKind::State(_) => Kind::Gauge,
            MetricKind::Counter(_) => Kind::Counter,
            MetricKind::Histogram(_) => Kind::Histogram,
        };
        Ok(Self {
            quantity: Quantity { name: metric.name.clone().into(), help: metric.help.clone().into(), kind },
            source,
            expire: metric.expire.unwrap_or(subscribe.expire),
            is_of_the_topic: single && labels.iter().all(|(_, text)| text.is_of_the_topic()),
            labels,
            when,
            reader: Reader::new(metric.read, &metric.values),
            inputs,
            expression,
            scale: Scale::new(metric.scale),
            metric: metric.clone(),
            parts_are_of_others: false,
            null_ends: subscribe.format == Format::Sparkplug,
        })
    }

    /// Calls with each value that the payload has for this rule.
    #[inline]
    pub(super) fn evaluate(&self, found: &Found<'_>, mut each: impl FnMut(Instance, Result<Value, Reason>)) {
        let whole = Instance::WHOLE;
        match self.source {
            Source::Message => {
                if self.holds(found, whole) {
                    each(whole, Ok(Value::Number(1.0)));
                }
            }
            Source::Slot(slot @ Slot::One(_)) => {
                let leaf = found.get(slot, NOWHERE, 0);
                if self.holds(found, whole)
                    && let Some(result) = self.value(leaf, found, whole)
                {
                    each(whole, result);
                }
            }
            Source::Slot(Slot::Many(mark, _)) => {
                for (near, scope, leaf) in found.each(mark) {
                    let instance = Instance { scope, near, every: None };
                    if self.holds(found, instance)
                        && let Some(result) = self.value(leaf, found, instance)
                    {
                        each(instance, result);
                    }
                }
            }
            Source::Every => self.evaluate_every(found, whole, each),
        }
    }

    fn evaluate_every(
        &self,
        found: &Found<'_>,
        whole: Instance,
        mut each: impl FnMut(Instance, Result<Value, Reason>),
    ) {
        if !self.holds(found, whole) {
            return;
        }
        for (at, every) in found.every.iter().enumerate() {
            let skipped = !self.metric.skip.is_empty() && {
                let (path, _) = found.spelt(every);
                self.metric.skip.iter().any(|skip| skip == path)
            };
            if !skipped && let Some(result) = self.value(every.leaf, found, whole) {
                each(Instance { every: Some(at), ..whole }, result);
            }
        }
    }

    /// Whether the payload has every value that the rule asks for.
    #[inline]
    fn holds(&self, found: &Found<'_>, instance: Instance) -> bool {
        self.when.iter().all(|(slot, word)| is(found.get(*slot, instance.scope, instance.near), word))
    }

    #[inline]
    fn value(&self, leaf: Leaf<'_>, found: &Found<'_>, instance: Instance) -> Option<Result<Value, Reason>> {
        if self.parts_are_of_others
            && matches!(leaf, Leaf::Object(_) | Leaf::List(_))
            && self.metric.read != ReadAs::Length
        {
            return None;
        }
        if self.null_ends && leaf == Leaf::Null {
            return Some(Ok(Value::Gone));
        }
        match &self.metric.kind {
            MetricKind::Info | MetricKind::Counter(Counting::Messages) => match leaf {
                Leaf::Absent | Leaf::Null => None,
                Leaf::Digits(_)
                | Leaf::Number(_)
                | Leaf::Text(_)
                | Leaf::Bool(_)
                | Leaf::Object(_)
                | Leaf::List(_) => Some(Ok(Value::Number(1.0))),
            },
            MetricKind::State(states) => match leaf {
                Leaf::Absent | Leaf::Null => None,
                Leaf::Object(_) | Leaf::List(_) => Some(Err(Reason::UnknownWord)),
                Leaf::Digits(_) | Leaf::Number(_) | Leaf::Text(_) | Leaf::Bool(_) => {
                    let at = with_text(leaf, |text| states.iter().position(|state| state == text));
                    Some(Ok(Value::State(at.flatten())))
                }
            },
            MetricKind::Gauge | MetricKind::Counter(_) | MetricKind::Histogram(_) => {
                let number = match self.reader.number(leaf)? {
                    Ok(number) => number,
                    Err(reason) => return Some(Err(reason)),
                };
                self.computed(number, found, instance)
            }
        }
    }

    #[inline]
    fn computed(&self, number: f64, found: &Found<'_>, instance: Instance) -> Option<Result<Value, Reason>> {
        let Some(expression) = &self.expression else {
            return Some(self.taken(self.scale.of(number) + self.metric.offset));
        };
        let mut values = [f64::NAN; INPUTS];
        let leaves = self.inputs.iter().map(|slot| found.get(*slot, instance.scope, instance.near));
        if let Some(first) = values.first_mut() {
            *first = number;
        }
        for (place, leaf) in values.iter_mut().skip(1).zip(leaves) {
            *place = match Reader::default().number(leaf)? {
                Ok(input) => input,
                Err(reason) => return Some(Err(reason)),
            };
        }
        Some(self.taken(expression.value(&values)))
    }

    /// The number, if the metric may have it: what a counter and the sum of a histogram count never falls.
    #[inline]
    fn taken(&self, number: f64) -> Result<Value, Reason> {
        let counts = matches!(self.metric.kind, MetricKind::Counter(_) | MetricKind::Histogram(_));
        if !number.is_finite() {
            Err(Reason::NotANumber)
        } else if counts && number < 0.0 {
            Err(Reason::Negative)
        } else {
            Ok(Value::Number(number))
        }
    }
}

/// What a number is multiplied with.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    Times(f64),
    /// `scale = 0.01` divides by 100: 41 hundredths are 0.41, and not the next double to it.
    By(f64),
}

impl Scale {
    fn new(scale: f64) -> Self {
        let whole = (1.0 / scale).round();
        let is_part = (2.0..=1e15).contains(&whole) && (1.0 / whole).to_bits() == scale.to_bits();
        if is_part { Self::By(whole) } else { Self::Times(scale) }
    }

    #[inline]
    fn of(self, number: f64) -> f64 {
        match self {
            Self::Times(scale) => number * scale,
            Self::By(whole) => number / whole,
        }
    }
}

/// Labels with their templates compiled.
pub(super) fn compiled<'l>(
    labels: impl Iterator<Item = &'l (String, String)>,
    tree: &mut Tree,
) -> Result<Vec<(String, Text)>, String> {
    labels.map(|(label, template)| Ok((label.clone(), Text::new(template, tree)?))).collect()
}

/// Whether a value of the payload is this word, or the same number in another spelling.
pub(super) fn is(leaf: Leaf<'_>, word: &str) -> bool {
    let equal = |text: &str| {
        let number = |text: &str| text.parse::<f64>().ok();
        text == word || number(text).is_some_and(|given| number(word) == Some(given))
    };
    if leaf == Leaf::Null { word == "null" } else { with_text(leaf, equal).unwrap_or(false) }
}
