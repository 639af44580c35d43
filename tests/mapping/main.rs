//! From a subscription of the configuration and a message to the page: the real mapper, the real store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

mod convert;
mod explain;
mod faults;
mod hostile;
mod labels;
mod life;
mod mutation;
mod presets;
mod sparkplug;
mod types;
mod values;
mod world;

#[path = "../support/damage.rs"]
mod damage;
