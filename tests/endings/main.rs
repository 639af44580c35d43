//! One real socket ending per row of the error table that the transport can meet, and what must work besides.
//!
//! Every peer here is a listener on loopback that follows a script; nothing is mocked and nothing leaves the host.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::panic,
    reason = "helpers of tests may panic"
)]

mod before_mqtt;
mod causes;
mod flood;
mod handshake;
mod harness;
mod session;
mod tls;
mod version5;
mod websocket;
mod works;
