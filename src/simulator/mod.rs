//! The embedded demo cloud.

pub mod heater;
