//! The demo cloud: the vendor's REST interface, an AWS-like broker behind signed WebSockets, water heaters that live,
//! and faults on request.
//!
//! Never knows the exporter: its contract is the vendor protocol, so that any other client can be tried against it.
//!
//! ```text
//!  HTTPS ─▶ server ─┐                        ┌─ rest ─── vault
//!                   ├─▶ hub (lock, clock) ─▶ world ─┬── broker (sessions, topics, rules)
//!  WSS ───▶ wire ───┘     ▲        │                ├── devices ── heater (tank, refrigerant, draws, replies)
//!                         └ outputs┘                └── faults, story
//! ```
//!
//! Left of the world are sockets; the world and everything right of it are pure and run in virtual time.

pub mod broker;
mod certificate;
mod cloud;
mod devices;
pub mod faults;
pub mod heater;
mod hub;
pub mod rest;
mod server;
mod settings;
pub mod signature;
pub mod story;
pub mod vault;
mod wire;
pub mod world;

pub use cloud::{Cloud, Faults};
pub use faults::Fault;
pub use settings::{DEMO_EMAIL, DEMO_PASSWORD, HeaterSettings, Settings};
pub use story::Story;
