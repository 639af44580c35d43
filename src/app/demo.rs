//! `hangup demo`: the exporter against a cloud of its own, by the same code as the real one.

use std::net::SocketAddr;

use crate::config::{self, Config, Http, Log, Policy, Readings, Recovery, Secret, SecretSource};
use crate::simulator::{self, Cloud, Settings, Story};

use super::{Error, Signals, runtime, serve};

/// Runs cloud and exporter until SIGINT or SIGTERM.
///
/// # Errors
/// When it can not start, as [`super::run`].
pub fn run(listen: SocketAddr) -> Result<(), Error> {
    runtime()?.block_on(async {
        let signals = Signals::listen()?;
        let cloud = Cloud::start(Settings::default()).await?;
        let directory = Scratch::new()?;
        cloud.write_ca(&directory.ca())?;
        let config = config(listen, &cloud, &directory);
        let faults = cloud.faults();
        let story = tokio::spawn(simulator::play(Story::demo(fastrand::u64(..)), faults));
        let reload = config.clone();
        let outcome =
            serve(config, Box::new(move || Ok(reload.clone())), signals, async { announce(listen) }).await;
        story.abort();
        cloud.stop().await;
        outcome
    })
}
