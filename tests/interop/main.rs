//! The real exporter against brokers that others wrote: Mosquitto, RabbitMQ with its MQTT plugins, and amqtt, each over every
//! transport and in every version of MQTT that it speaks.
//!
//! Never a scripted peer: what is asserted of a broker was seen of that broker. Never passes in silence when a broker is
//! missing: what is skipped is said on stderr. `tests/run` installs them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "helpers outside of test functions fail a test by panicking; readings are what was sent"
)]

#[path = "../support/mod.rs"]
mod support;

mod amqtt;
mod broker;
mod client;
mod mosquitto;
mod rabbitmq;
mod setup;
mod story;
