//! From what really happens to a connection to what is said about it: the real driver, recorder, desk and timeline, against
//! the real cloud of the simulator or a small peer of the test, in compressed time.
//!
//! Never looks at a test of the diagnosis by itself, and never tells the parts what to find: only the world misbehaves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::float_cmp,
    reason = "a test stops at what it did not expect, and prints its row of the table"
)]

#[path = "../support/mod.rs"]
mod support;

mod breaks;
mod demo;
mod lab;
mod machine;
mod middlebox;
mod patterns;
mod random;
mod talk;
