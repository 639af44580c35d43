//! From the drop to the notification: the real exporter, a cloud that fails on purpose or a broker whose clients do, the rules
//! and the routing as they are shipped, a real Prometheus, a real Alertmanager, and a webhook that is told.
//!
//! Never asserts on a rule's expression: what a person is told, and how often, is what counts.
//!
//! Scenarios wait most of the time, so those of one pace run together. At another pace than life's every duration in
//! the rules and the routing is divided by a factor ([`faster`]); what is not a duration there stays: the thresholds
//! in numbers of seconds, and the intervals of devices.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    unreachable_pub,
    reason = "helpers outside of test functions fail a test by panicking; counts are exact"
)]

#[path = "../support/mod.rs"]
mod support;

mod agreement;
#[path = "../fleet/broker.rs"]
#[expect(dead_code, reason = "shared with the tests of fleets")]
mod broker;
mod faster;
mod fleet;
mod scenarios;
mod watch;
