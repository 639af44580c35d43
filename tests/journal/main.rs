//! The journal on real disks: what is written comes back, whatever happens to the file, the disk or the process.
//!
//! Never a pretended disk: full, read-only and shared ones are real, and processes are killed by the kernel.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    clippy::print_stderr,
    reason = "helpers outside of test functions fail a test by panicking, and tell their figures; counts are exact"
)]

#[path = "../support/mod.rs"]
mod support;

mod child;
mod damage;
mod disk;
mod hostile;
mod life;
mod restart;
mod storm;
mod trip;
