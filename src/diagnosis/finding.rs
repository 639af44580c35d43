//! A finding: a claim that stands, in words, with its support and with what would disprove it. Pure data.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Cause, Claim, Evidence};

/// A cause that explains a pattern of drops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What fits.
    pub cause: Cause,
    /// What fits as well, where the two cannot be told apart yet.
    pub or: Option<Cause>,
    /// How well it is known: `inferred` or `suspected`.
    pub evidence: Evidence,
    /// The claim behind it.
    pub claim: Claim,
    /// Share of the connection's explainable drops that it explains, 0 to 1.
    pub share: f64,
    /// Its first drop.
    pub first: SystemTime,
    /// Its last drop.
    pub last: SystemTime,
    /// When it was first made.
    pub since: SystemTime,
    /// Sessions that contradict it since its last support.
    pub contradicted: u32,
    /// One line: what was seen, how often, what it usually is.
    pub words: String,
    /// What to change.
    pub advice: String,
    /// What would disprove it.
    pub disproof: String,
    /// The test's name and how rarely it is wrong, in words.
    pub test: String,
}
