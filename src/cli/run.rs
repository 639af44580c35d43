//! `hangup run`: the exporter.
//!
//! Starts nothing before the whole configuration is valid.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tracing::{Level, warn};

use super::{ConfigArguments, ListenArguments, ShardArguments, USAGE, WEB_FIELD, check_web, logs, output};
use crate::app;
use crate::config::{Config, Loaded, Problems};

const EXAMPLES: &str = "\
Examples:
  hangup run --config /etc/hangup/hangup.toml
  NAVIEN_EMAIL=… NAVIEN_PASSWORD_FILE=password hangup run --listen 127.0.0.1:9883

  hangup run --shard 0/3 --config hangup.toml     one of three that share the connections

SIGHUP reads the configuration anew; connections that did not change stay connected.
SIGINT and SIGTERM stop it in order.";

/// Connect and serve /metrics until stopped
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    #[command(flatten)]
    listen: ListenArguments,
    #[command(flatten)]
    shard: ShardArguments,
    /// The web configuration file (TLS, passwords, headers), instead of the one that the configuration names
    #[arg(long, visible_alias = "web.config.file", value_name = "FILE")]
    web_config: Option<PathBuf>,
}

pub(super) fn main(arguments: Arguments, level: Option<Level>) -> ExitCode {
    let Loaded { config, warnings } = match load(&arguments) {
        Ok(loaded) => loaded,
        Err(problems) => return output::problems(&problems, USAGE),
    };
    logs::start(config.log, level);
    tell(&warnings);
    serve(config, move || {
        let Loaded { config, warnings } = load(&arguments)?;
        tell(&warnings);
        Ok(config)
    })
}

/// The configuration with what the command line overrides.
fn load(arguments: &Arguments) -> Result<Loaded, Problems> {
    let mut loaded = arguments.config.load()?;
    if !arguments.listen.listen.is_empty() {
        loaded.config.http.listen.clone_from(&arguments.listen.listen);
    }
    if let Some(shard) = arguments.shard.shard {
        shard.keep(&mut loaded.config.connections);
        loaded.config.shard = Some(shard);
    }
    if arguments.web_config.is_some() {
        loaded.config.http.web_config_file.clone_from(&arguments.web_config);
    }
    if let Some(file) = &loaded.config.http.web_config_file {
        let place = if arguments.web_config.is_some() { "--web-config" } else { WEB_FIELD };
        check_web(file, &arguments.config.origin(), place)?;
    }
    Ok(loaded)
}

fn tell(warnings: &[String]) {
    for warning in warnings {
        warn!("{warning}");
    }
}

fn serve(config: Config, reload: impl Fn() -> Result<Config, Problems> + Send + Sync + 'static) -> ExitCode {
    super::outcome(app::run(config, Box::new(reload)))
}
