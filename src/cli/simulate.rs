//! `hangup simulate`: the simulated cloud alone, for any client of that cloud.
//!
//! Never looks like the real one: its certificates come from a throw-away CA.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tracing::Level;

use super::{logs, output};
use crate::app::simulate;
use crate::config::Log;
use crate::simulator::{DEMO_EMAIL, DEMO_PASSWORD};

const EXAMPLES: &str = "\
Examples:
  hangup simulate --rest 127.0.0.1:8443 --mqtt 127.0.0.1:9443 --ca /tmp/ca.pem
  hangup simulate --rest 127.0.0.1:8443 --mqtt 127.0.0.1:9443 --ca /tmp/ca.pem --speed 60
                                              an hour of hot water in a minute

Clients must trust the CA in FILE. It is made anew at each start.";

/// Serve the simulated Navien cloud alone, to try another client against it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Serve sign-in and device list here (HTTPS)
    #[arg(long, value_name = "ADDRESS:PORT")]
    rest: SocketAddr,
    /// Serve MQTT over WebSockets here (TLS)
    #[arg(long, value_name = "ADDRESS:PORT")]
    mqtt: SocketAddr,
    /// Write the certificate of the CA to this file (PEM)
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// How much faster than real time the heaters live
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
}

pub(super) fn main(arguments: &Arguments, level: Option<Level>) -> ExitCode {
    logs::start(Log::default(), level);
    let Arguments { rest, mqtt, ca, speed } = arguments;
    super::outcome(simulate::run(*rest, *mqtt, ca, *speed, |cloud| {
        output::result(format!(
            "\
hangup simulate: a Navien cloud with two water heaters.

  REST      {}
  MQTT      wss://{}:{}/mqtt  (SigV4, region us-east-1)
  account   {DEMO_EMAIL} / {DEMO_PASSWORD}
  CA        {}

Ctrl-C ends it.
",
            cloud.rest_url(),
            cloud.host(),
            cloud.mqtt_port(),
            ca.display(),
        ));
    }))
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (0.1..=3600.0).contains(speed));
    speed.ok_or_else(|| "write a number from 0.1 to 3600".to_owned())
}
