//! The embedded demo cloud.

pub mod broker;
pub mod heater;
