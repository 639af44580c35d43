//! `hangup simulate`: the demo cloud alone, on given addresses, for any client of that cloud.

use std::net::SocketAddr;
use std::path::Path;

use super::signals::{Order, Signals};
use super::{Error, block_on};
use crate::simulator::{Cloud, Settings};

/// Serves the cloud until SIGINT or SIGTERM. `announce` gets it once it listens.
///
/// # Errors
/// When an address is in use or the CA cannot be written.
pub fn run(
    rest: SocketAddr,
    mqtt: SocketAddr,
    ca: &Path,
    speed: f64,
    announce: impl FnOnce(&Cloud),
) -> Result<(), Error> {
    block_on(async {
        let mut signals = Signals::listen()?;
        let settings = Settings { rest, mqtt, speed, model_speed: speed, ..Settings::default() };
        let cloud = Cloud::start(settings).await?;
        cloud.write_ca(ca)?;
        announce(&cloud);
        while signals.next().await != Order::Stop {}
        cloud.stop().await;
        Ok(())
    })?
}
