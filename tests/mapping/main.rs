//! From a subscription of the configuration and a message to the page: the real mapper, the real store.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

mod faults;
mod hostile;
mod life;
mod presets;
mod sparkplug;
mod convert;
mod mutation;
mod types;
mod values;
mod world;
