//! Why connections drop: direct evidence for one drop, tests over many, and what of it may be said. Pure but for its
//! [`desk`], which runs the tests.
//!
//! Never reads a clock, never waits and never throws dice that cannot be thrown again: the same history gives the same
//! findings. What is said is "fits", with its support and with what would disprove it.
//!
//! A drop gets a [`Verdict`] at once. The tests over the [`Case`] of a connection give [`Claim`]s, and those that stand
//! become [`Finding`]s.

mod advice;
mod belongs;
mod case;
pub mod catalogue;
mod cause;
mod claim;
pub mod combine;
pub mod desk;
pub mod evidence;
#[cfg(test)]
mod examples;
mod finding;
pub mod fleet;
pub mod gather;
mod lengths;
pub mod pattern;
pub mod probe;
mod words;

pub use case::{Case, Counts, EventKind, Events, Lived, Sends, TopicKey};
pub use cause::{Cause, Evidence, Rule, Verdict};
pub use claim::{Claim, Counter, Pattern};
pub use finding::Finding;
