//! Navien heat pump water heaters through the vendor's cloud.
//!
//! Never sends a command to a heater by itself: it asks and reads, and passes on what a person commands.
//!
//! A sign-in by REST gives a token and temporary AWS keys; the keys sign a WebSocket to AWS IoT Core; there the
//! heaters answer questions. [`Navien`] is the asynchronous half (`rest`, `credentials`); `dialogue` asks,
//! `decode` understands, both pure. To add a field, add a row to a table in `decode` and a line in `quantities`.

mod account;
pub mod command;
pub mod credentials;
pub mod decode;
pub mod devices;
pub mod dialogue;
pub mod quantities;
pub mod requests;
pub mod rest;
mod setup;
pub mod tokens;
pub mod topics;
pub mod wire;

pub use account::{Device, Navien};
pub use setup::{Facts, Invalid};
