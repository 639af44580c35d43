//! `hangup`: a Prometheus exporter for devices that speak MQTT, which explains every connection drop.

pub mod clock;
pub mod config;
pub mod connection;
pub mod host;
pub mod lifecycle;
pub mod reading;
pub mod simulator;
pub mod source;
pub mod telemetry;
