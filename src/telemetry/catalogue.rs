//! What the metrics are: name, type, labels, help and stage of each, for printing and for tests.
//! Never touches a value: that is what the handles are for.

use std::fmt::Write as _;

pub use super::metrics::TABLE;
use super::process;

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Only rises, or starts again with the process.
    Counter,
    /// Rises and falls.
    Gauge,
    /// A gauge that is always 1: its labels are the message.
    Info,
    /// A classic histogram.
    Histogram,
}

impl Kind {
    /// In the words of the catalogue.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Info => "info",
            Self::Histogram => "histogram",
        }
    }
}

/// How firmly a name is promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Name and labels stay until a major release; dashboards and alerts may build on them.
    Stable,
    /// May change its name or labels in any release; the changelog says so.
    Experimental,
}

impl Stage {
    /// In the words of the catalogue.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Experimental => "experimental",
        }
    }
}

/// One metric, as it is declared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Definition {
    /// The full name with its prefix and unit.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its label names, in the order in which handles are bound.
    pub labels: &'static [&'static str],
    /// A sentence.
    pub help: &'static str,
    /// How firmly it is promised.
    pub stage: Stage,
    /// Upper bounds, for a histogram; empty otherwise.
    pub buckets: &'static [f64],
}

/// Every metric of this process but the readings, whose catalogue belongs to their source.
pub fn entries() -> impl Iterator<Item = &'static Definition> {
    TABLE.iter().chain(process::TABLE)
}

/// These definitions as a Markdown table.
#[must_use]
pub fn markdown<'a>(definitions: impl Iterator<Item = &'a Definition>) -> String {
    let mut page = String::from("| metric | type | labels | meaning | stage |\n|---|---|---|---|---|\n");
    for Definition { name, kind, labels, help, stage, buckets: _ } in definitions {
        let (kind, labels, stage) = (kind.as_str(), labels.join(", "), stage.as_str());
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {help} | {stage} |");
    }
    page
}
