//! `hangup demo`: the exporter against a cloud of its own, by the same code as against the real one.
//!
//! Reaches nothing outside this machine; leaves nothing behind.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::signals::Signals;
use super::{Error, block_on, serve};
use crate::config::{self, Config, Http, Jitter, Log, Policy, Readings, Secret, SecretSource, Source};
use crate::simulator::{Cloud, DEMO_EMAIL, DEMO_PASSWORD, Settings};

/// Runs cloud and exporter until SIGINT or SIGTERM. `announce` gets the addresses once the page can be opened.
///
/// # Errors
/// When it cannot start, as [`super::run`].
pub fn run(listen: SocketAddr, announce: impl FnOnce(&[SocketAddr], &Path)) -> Result<(), Error> {
    block_on(async {
        let signals = Signals::listen()?;
        let scratch = Scratch::new()?;
        let cloud = Cloud::start(Settings::demo(fastrand::u64(..))).await?;
        let ca = scratch.0.join("ca.pem");
        cloud.write_ca(&ca)?;
        let token = scratch.0.join("command-token");
        write_token(&token)?;
        let mut config = config(listen, &cloud, &ca);
        config.commands.token_file = Some(token.clone());
        let again = config.clone();
        let announce = |addresses: &[SocketAddr]| announce(addresses, &token);
        let outcome = serve(config, Box::new(move || Ok(again.clone())), signals, announce).await;
        cloud.stop().await;
        outcome
    })?
}

/// What the heaters of the demo are called.
const ALIASES: [(&str, &str); 2] = [("020000aabb01", "cellar"), ("020000aabb02", "guest-house")];

/// One connection to the demo account, asking often and recovering fast: two minutes must show everything.
fn config(listen: SocketAddr, cloud: &Cloud, ca: &Path) -> Config {
    let seconds = Duration::from_secs;
    let navien = config::Navien {
        base_url: cloud.rest_url(),
        mqtt_host: cloud.host().to_owned(),
        mqtt_port: cloud.mqtt_port(),
        ca_file: Some(ca.to_owned()),
        status_interval: seconds(5),
        features_interval: seconds(30),
        energy_interval: seconds(30),
        request_limit: seconds(5),
        devices: ALIASES.map(|(mac, label)| (mac.to_owned(), label.to_owned())).into(),
        ..config::Navien::new(Secret::new(DEMO_EMAIL), SecretSource::Value(Secret::new(DEMO_PASSWORD)))
    };
    let policy = Policy {
        // Shorter than the pause between two questions, so that there are pings to see.
        keep_alive: Some(seconds(3)),
        jitter: Jitter::Share(0.5),
        max_delay_network: seconds(4),
        max_delay_service: seconds(6),
        max_delay_setup: seconds(3),
        stable_after: seconds(5),
        takeover_rest: seconds(10),
        ..Policy::default()
    };
    let connection = config::Connection {
        name: "demo".to_owned(),
        policy,
        outage_grace: seconds(30),
        source: Source::Navien(Box::new(navien)),
        subscribe: Vec::new(),
        fleet: None,
    };
    Config {
        http: Http { listen: vec![listen.into()], ..Http::default() },
        readings: Readings::default(),
        log: Log::default(),
        state: config::State::default(),
        diagnostics: config::Diagnostics::default(),
        diagnosis: config::Diagnosis::default(),
        commands: config::Commands::default(),
        limits: config::ProcessLimits::default(),
        shard: None,
        connections: vec![connection],
    }
}

/// A fresh token, for the owner of the demo only.
fn write_token(file: &Path) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    use ring::rand::SecureRandom as _;
    let mut random = [0_u8; 24];
    ring::rand::SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| std::io::Error::other("the system has no random numbers"))?;
    let mut open = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    open.write_all(random.map(|byte| format!("{byte:02x}")).concat().as_bytes())
}

/// A directory of our own in the system's place for temporary files, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Self> {
        let name = format!("hangup-demo-{}-{:08x}", std::process::id(), fastrand::u32(..));
        let path = std::env::temp_dir().join(name);
        // Not `create_dir_all`: a directory that somebody else made there is not ours to use.
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning of temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
