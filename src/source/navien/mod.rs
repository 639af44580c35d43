//! Navien heat pump water heaters through the vendor's cloud.
//!
//! Never sends a command to a heater: it asks and reads.

pub mod credentials;
pub mod decode;
pub mod devices;
pub mod dialogue;
pub mod quantities;
pub mod requests;
pub mod rest;
pub mod sigv4;
pub mod topics;
pub mod wire;
