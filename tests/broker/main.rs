//! The sources `broker` and `aws_iot`: the real binary against a real Mosquitto, a stand-in for the gateway of AWS, and the
//! simulated cloud that verifies signatures.
//!
//! Never looks inside: what an operator sees is what is asserted, and no output may tell a secret.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    clippy::print_stderr,
    reason = "helpers outside of test functions fail a test by panicking and say why; counts are exact"
)]

#[path = "../support/mod.rs"]
mod support;

mod authority;
mod aws;
mod connect;
mod gateway;
mod keys;
mod life;
mod mistakes;
mod mosquitto;
mod problems;
mod tls;
