//! `hangup demo`: the exporter against a cloud of its own, on this machine.
//!
//! Reaches nothing outside this machine and needs no account.

use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Args;
use tracing::Level;

use super::logs;
use crate::config::Log;

const EXAMPLES: &str = "\
Examples:
  hangup demo                                 then open http://127.0.0.1:9883/
  hangup demo --listen 0.0.0.0:9883           reachable from other machines, and from outside a container

Within two minutes: readings of two simulated heaters, drops of several names, a storm of drops and the
recovery. Ctrl-C ends it.";

/// Show everything with simulated water heaters: no account, no network
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Serve here
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9883")]
    listen: SocketAddr,
}

pub(super) fn main(arguments: &Arguments, level: Option<Level>) -> ExitCode {
    logs::start(Log::default(), level);
    // app::demo(arguments.listen)
    let _ = arguments.listen;
    ExitCode::from(super::PROBLEM)
}
