//! What a message becomes, rule by rule, and why not.
//!
//! Pure. Never explains by other code than what runs.

use crate::clock::Now;
use crate::config::Subscribe;
use crate::connection::message::Incoming;

/// What a message becomes.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Explanation {
    /// One for each subscription, in the order of the file.
    pub subscriptions: Vec<Heard>,
}

/// What one subscription makes of it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Heard {
    /// Its filter.
    pub filter: String,
    /// Why it is not for this subscription; `None` when it is.
    pub unfit: Option<String>,
    /// The label `device`.
    pub device: Option<String>,
    /// What its rules make of it, in the order of the file.
    pub rules: Vec<Line>,
}

/// What one rule makes of it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Line {
    /// The rule's metric.
    pub metric: String,
    /// The series with their values, as they would stand on the page.
    pub series: Vec<String>,
    /// How long they are shown: `1h`, `never`.
    pub expire: String,
    /// Why nothing came out, or not all.
    pub reasons: Vec<String>,
}

/// What a message becomes, and why not.
///
/// # Errors
/// As [`super::listener`].
pub fn explain(subscribes: &[Subscribe], message: &Incoming, now: Now) -> Result<Explanation, String> {
    let _ = (subscribes, message, now);
    Err("is not built yet".to_owned())
}
