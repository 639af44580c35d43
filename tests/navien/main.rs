//! The Navien source against its fixtures: every recorded or constructed payload, the REST replies, and the
//! conversation over simulated time.
//!
//! Never touches the vendor's cloud.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod conversation;
mod energy;
mod expected;
mod features;
mod hostile;
mod payloads;
mod planner;
mod requests;
mod rest;
mod status;
mod support;
