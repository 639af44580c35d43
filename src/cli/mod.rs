//! The command line: one file per subcommand.
//!
//! Only reads arguments, prints results and chooses exit codes; the work is done by `app`.

mod baseline;
mod catalogue;
mod check;
mod command;
mod completions;
mod convert;
mod demo;
mod devices;
mod explain;
mod health;
mod logs;
mod man;
mod output;
mod preset;
mod report;
mod run;
mod simulate;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app;
use crate::config::{Listen, Loaded, Origin, Problem, Problems, Shard, load};
use crate::http::web;

const EXAMPLES: &str = "\
Examples:
  hangup demo                                 look at it without a heater and without an account
  NAVIEN_EMAIL=… NAVIEN_PASSWORD=… hangup devices
                                              sign in and list your heaters
  hangup check --config hangup.toml           every fault of a configuration at once
  hangup run --config hangup.toml             serve http://localhost:9883/metrics
  hangup explain --config hangup.toml --topic T --payload P
                                              what a message becomes, and why not
  hangup report                               why connections dropped, in words

Configuration:
  A file (`--config` or HANGUP_CONFIG), or else NAVIEN_EMAIL with NAVIEN_PASSWORD or
  NAVIEN_PASSWORD_FILE.
  deploy/example.toml and, for brokers, deploy/example-broker.toml show every field with
  its meaning, unit and default.

Exit codes:
  0  done
  1  a problem was found: `check` found faults, a port is in use, a sign-in failed,
     nothing to report was reached, nothing came of the message to explain, or the result
     could not be written
  2  the command line or the configuration is wrong";

/// The name of the program.
const NAME: &str = "hangup";

/// Exports what devices say over MQTT to Prometheus, and names, times and counts every connection drop
#[derive(Debug, Parser)]
#[command(name = NAME, version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Least severe level to log: error, warn, info, debug or trace [default: from the configuration]
    #[arg(long, global = true, value_name = "LEVEL", value_parser = logs::level)]
    log_level: Option<tracing::Level>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Arguments),
    Demo(demo::Arguments),
    Devices(devices::Arguments),
    Explain(explain::Arguments),
    Check(check::Arguments),
    Health(health::Arguments),
    #[command(name = "command")]
    Order(command::Arguments),
    Report(report::Arguments),
    Baseline(baseline::Arguments),
    Catalogue(catalogue::Arguments),
    Simulate(simulate::Arguments),
    Preset(preset::Arguments),
    Convert(convert::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
}

/// Reads the command line and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { command, log_level } = Cli::parse();
    output::settled(match command {
        Command::Run(arguments) => run::main(arguments, log_level),
        Command::Demo(arguments) => demo::main(&arguments, log_level),
        Command::Devices(arguments) => devices::main(&arguments, log_level),
        Command::Explain(arguments) => explain::main(&arguments),
        Command::Check(arguments) => check::main(&arguments),
        Command::Health(arguments) => health::main(&arguments),
        Command::Order(arguments) => command::main(&arguments),
        Command::Report(arguments) => report::main(&arguments),
        Command::Baseline(arguments) => baseline::main(&arguments),
        Command::Catalogue(arguments) => catalogue::main(&arguments),
        Command::Simulate(arguments) => simulate::main(&arguments, log_level),
        Command::Preset(arguments) => preset::main(&arguments),
        Command::Convert(arguments) => convert::main(&arguments),
        Command::Completions(arguments) => completions::main(&arguments),
        Command::Man(arguments) => man::main(&arguments),
    })
}

/// The exit code for a problem at work: a fault found, a port in use, a refused sign-in.
const PROBLEM: u8 = 1;
/// The exit code for a wrong command line or configuration; clap uses the same.
const USAGE: u8 = 2;

/// The exit code of a command that runs until it is stopped; what went wrong goes to stderr.
fn outcome(result: Result<(), app::Error>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            output::note(format!("hangup: {fault}"));
            ExitCode::from(PROBLEM)
        }
    }
}

/// The field that names the web configuration file.
const WEB_FIELD: &str = "http.web_config_file";

/// Reads the web configuration file for its faults. `origin` and `place` say who named it.
fn check_web(file: &Path, origin: &Origin, place: &str) -> Result<(), Problems> {
    let Err(fault) = std::fs::metadata(file) else { return web::check(file) };
    let missing = fault.kind() == std::io::ErrorKind::NotFound;
    let why = if missing { "does not exist".to_owned() } else { format!("cannot be read: {}", fault.kind()) };
    let message = format!("the file `{}`, named here, {why}", file.display());
    let problem = Problem { line: None, place: place.to_owned(), message };
    Err(Problems { origin: origin.to_string(), list: vec![problem] })
}

/// Where the configuration is.
#[derive(Clone, Debug, Args)]
struct ConfigArguments {
    /// The configuration; without it, NAVIEN_EMAIL with NAVIEN_PASSWORD or NAVIEN_PASSWORD_FILE are one
    #[arg(long, value_name = "FILE", env = "HANGUP_CONFIG")]
    config: Option<PathBuf>,
}

impl ConfigArguments {
    fn origin(&self) -> Origin {
        self.config.clone().map_or(Origin::Environment, Origin::File)
    }

    fn load(&self) -> Result<Loaded, Problems> {
        load(&self.origin())
    }
}

/// Which part of the connections is meant, where several processes share a configuration.
#[derive(Clone, Copy, Debug, Args)]
struct ShardArguments {
    /// Only the connections that fall to this process of several with the same configuration, counted from 0: `0/3`
    #[arg(long, value_name = "I/N", env = "HANGUP_SHARD")]
    shard: Option<Shard>,
}

/// Where the page is, when the configuration shall not decide.
#[derive(Clone, Debug, Args)]
struct ListenArguments {
    /// Serve here instead of where the configuration says: ADDRESS:PORT, unix:/PATH or systemd; may be repeated
    #[arg(long, value_name = "PLACE", env = "HANGUP_LISTEN", value_delimiter = ',')]
    listen: Vec<Listen>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_subcommand_says_what_it_is_for_and_shows_an_example() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty(), "{}", command.get_name());
            // clap breaks longer lines once more, in the middle of a sentence.
            let long: Vec<_> = help.lines().filter(|line| line.chars().count() > 92).collect();
            assert!(long.is_empty(), "{}: {long:?}", command.get_name());
        }
    }
}
