//! The embedded demo cloud.

pub mod broker;
mod devices;
pub mod faults;
pub mod heater;
pub mod rest;
mod settings;
pub mod signature;
pub mod story;
pub mod vault;
pub mod world;

pub use settings::{DEMO_EMAIL, DEMO_PASSWORD, HeaterSettings, Settings};
