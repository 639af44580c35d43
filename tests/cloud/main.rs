//! The exporter against the cloud: the real binary, a cloud in the test, and everything that can go wrong between.
//!
//! Never looks inside: what an operator sees is what is asserted, and no output may tell a secret.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "helpers outside of test functions fail a test by panicking; counts are exact"
)]

#[path = "../support/mod.rs"]
mod support;

mod attempts;
mod commands;
mod drops;
mod readings;
mod reload;
mod shutdown;
mod sign_in;
