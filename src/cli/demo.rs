//! `hangup demo`: the exporter against a cloud of its own, on this machine.
//!
//! Reaches nothing outside this machine and needs no account.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use tracing::Level;

use super::{logs, output};
use crate::app::demo;
use crate::config::Log;

const EXAMPLES: &str = "\
Examples:
  hangup demo                                 then open http://127.0.0.1:9883/
  hangup demo --listen 0.0.0.0:9883           reachable from other machines and containers

Within two minutes: readings of two simulated heaters, drops of several names, a storm of
drops and the recovery. Ctrl-C ends it.";

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
    super::outcome(demo::run(arguments.listen, announce))
}

/// Where to look, and when there is what to see.
fn announce(addresses: &[SocketAddr], token: &Path) {
    let token = token.display();
    for address in addresses {
        output::result(format!(
            "\
hangup demo: two simulated water heaters behind a simulated cloud that will misbehave.

  http://{address}/                    what the connection is doing, and why
  http://{address}/metrics             what Prometheus scrapes
  http://{address}/api/v1/connections  the same facts as JSON

  from  0:10  readings: grep navien_temperature_celsius
  at    0:15  the cloud hangs up: grep connection_drops_total
  at    0:48  a storm of drops, what it looks like (grep mqtt_client_finding), then the recovery
  at    1:16  a heater goes offline: grep navien_device_online
  at    1:44  garbage, then credentials that expire

A heater obeys, at `cellar` or `guest-house`; the fate of each command is told:

  hangup command cellar set-temperature 55C --url http://{address} --token-file {token}

Ctrl-C ends it.
"
        ));
    }
}
