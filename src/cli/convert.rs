//! `hangup convert`: a configuration of mqtt2prometheus in the words of ours.
//!
//! Connects to nothing, and writes no file.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{PROBLEM, USAGE, output};
use crate::convert::mqtt2prometheus;

const EXAMPLES: &str = "\
Examples:
  hangup convert /etc/prometheus/mqtt-exporter.yaml > hangup.toml
  hangup check --config hangup.toml

What cannot be said stands in the result as a comment with the reason, and on stderr; so
does what `hangup check` would refuse of the result. A password is never repeated.
deploy/migration.md has the rest of the way, from mqtt-exporter and from Telegraf too.

Exit codes: 0 done, 1 when the file is no configuration of mqtt2prometheus, 2 when it cannot
be read.";

/// A larger file is not read.
const LARGEST: u64 = 4 << 20;

/// Convert a configuration of mqtt2prometheus
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Its configuration file (YAML)
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let file = arguments.file.display();
    let read = std::fs::metadata(&arguments.file)
        .map_err(|fault| fault.to_string())
        .and_then(|about| if about.len() > LARGEST { Err("it is too large".to_owned()) } else { Ok(()) })
        .and_then(|()| std::fs::read_to_string(&arguments.file).map_err(|fault| fault.to_string()));
    let yaml = match read {
        Ok(yaml) => yaml,
        Err(fault) => {
            output::note(format!("hangup: `{file}` cannot be read: {fault}"));
            return ExitCode::from(USAGE);
        }
    };
    match mqtt2prometheus(&yaml) {
        Ok(converted) => {
            output::result(converted.toml.trim_end());
            for note in converted.notes {
                output::note(format!("note: {note}"));
            }
            ExitCode::SUCCESS
        }
        Err(why) => {
            output::note(format!("hangup: `{file}`: {why}"));
            ExitCode::from(PROBLEM)
        }
    }
}
