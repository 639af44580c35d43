//! `[[connection.subscribe]]`: topic filters, and what becomes of their messages.
//!
//! Every text in here is right in form: filters, patterns, templates, paths, expressions and names were parsed once when
//! the file was read. The grammar stands in [`crate::mapping`].

mod labels;
mod metric;
mod name;
mod read;
mod text;
mod write;

use std::time::Duration;

use crate::connection::plan::RetainHandling;

pub use read::from_text;
pub use write::to_text;

pub(crate) use name::check as check_name;
pub(crate) use name::label as check_label;
pub(super) use read::all;

/// One topic filter with its rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribe {
    /// The topic filter; `$share/group/…` is one.
    pub filter: String,
    /// 0, 1 or 2.
    pub qos: u8,
    /// A refusal by the broker ends the session; otherwise it is counted and lived with.
    pub required: bool,
    /// What this client publishes does not come back (MQTT 5).
    pub no_local: bool,
    /// Whether the broker sends what it retains (MQTT 5).
    pub retain_handling: RetainHandling,
    /// Only topics that one of these filters fits; empty: all of them.
    pub include: Vec<String>,
    /// No topic that one of these filters fits.
    pub exclude: Vec<String>,
    /// A regular expression for the whole topic, whose named groups become placeholders.
    pub pattern: Option<String>,
    /// The template of the label `device`; `None`: no such label.
    pub device: Option<String>,
    /// Labels of every series that the rules make, beside those of the rules: name and template.
    pub labels: Vec<(String, String)>,
    /// What a payload is.
    pub format: Format,
    /// What becomes of a retained message.
    pub retained: Retained,
    /// How long a value is shown without being renewed, where its rule says nothing else.
    pub expire: Expire,
    /// How often a device is expected to speak; `None`: nobody knows.
    pub interval: Option<Duration>,
    /// Where devices say that they come and go.
    pub availability: Option<Availability>,
    /// What a message becomes.
    pub metrics: Vec<Metric>,
}

/// What a payload is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// JSON where a rule has a path, else plain text.
    #[default]
    Auto,
    /// JSON, scalars included.
    Json,
    /// Plain text: one value.
    Text,
    /// One line of values, separated by commas, semicolons, tabs or blanks: `[0]` is the path of the first.
    Csv,
    /// Sparkplug B: an object with `number` or `text` for each metric.
    Sparkplug,
}

/// What becomes of a message that the broker had kept for us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retained {
    /// It is passed over.
    Ignore,
    /// Its values are shown where they are new, for one lifetime; nothing is counted, and nobody counts as seen.
    #[default]
    Show,
    /// It is as good as a live one.
    Accept,
}

/// How long a value is shown without being renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expire {
    /// This long.
    After(Duration),
    /// As long as the connection stands and its device does not say that it leaves.
    Never,
}

impl Expire {
    /// The lifetime of a reading.
    #[must_use]
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::After(time) => time,
            Self::Never => Duration::MAX,
        }
    }
}

/// Where devices say that they come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Availability {
    /// A topic in which `{device}` stands for one or more whole levels; without it, it speaks for all devices of the filter.
    pub topic: String,
    /// Where in the JSON of its payload the word stands; `None`: the payload is the word.
    pub path: Option<String>,
    /// The word of one who is there.
    pub online: String,
    /// The word of one who left: its series leave the page at once.
    pub offline: String,
}

/// One rule: what a message becomes.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The metric's name; with `{path}` in it where [`Metric::path`] is `**`.
    pub name: String,
    /// A sentence.
    pub help: String,
    /// Its type.
    pub kind: MetricKind,
    /// Only messages whose topic this filter fits.
    pub topic: Option<String>,
    /// Where in the payload; `None`: the payload is the value. `**`: every number in it.
    pub path: Option<String>,
    /// How text becomes a number.
    pub read: ReadAs,
    /// Numbers for words; `*` is any other word. Empty: the usual words of yes and no.
    pub values: Vec<(String, f64)>,
    /// Factor.
    pub scale: f64,
    /// Added after the factor.
    pub offset: f64,
    /// An expression over `x` and the inputs, in place of scale and offset.
    pub value: Option<String>,
    /// Further numbers of the payload for the expression: name and path.
    pub inputs: Vec<(String, String)>,
    /// Further labels: name and template. One of the same name in [`Subscribe::labels`] yields to it.
    pub labels: Vec<(String, String)>,
    /// Only payloads that have these texts, numbers or booleans: path and word.
    pub when: Vec<(String, String)>,
    /// How long; `None`: as the subscription says.
    pub expire: Option<Expire>,
    /// For `**`: other names for what `{path}` would be.
    pub names: Vec<(String, String)>,
    /// For `**`: what is left out, as `{path}` spells it.
    pub skip: Vec<String>,
}

/// The type of a metric, with what only that type needs.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricKind {
    /// Rises and falls.
    Gauge,
    /// Only rises.
    Counter(Counting),
    /// Each value is an observation; the upper bounds, ascending and finite.
    Histogram(Vec<f64>),
    /// Always 1, for its labels.
    Info,
    /// One series for each of these words with the label `state`: 1 for the present one.
    State(Vec<String>),
}

/// What a counter counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counting {
    /// The payload holds a total, which goes on where it was when the device begins anew.
    #[default]
    Repair,
    /// The payload holds a total, shown as it is.
    Raw,
    /// The payload holds what is to be added.
    Add,
    /// Every message is one.
    Messages,
}

/// How text becomes a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadAs {
    /// A number, a boolean or the text of one.
    #[default]
    Number,
    /// `1F`, `0x1f`.
    Hex,
    /// `1h 30m`, `02:15:30`, `1T02:15:30`, `PT90S`: seconds. A bare number is seconds.
    Duration,
    /// RFC 3339, with or without a zone (then UTC), or a number of seconds or milliseconds: seconds since 1970.
    Timestamp,
    /// How many elements or members a list or an object has, or characters a text.
    Length,
}
