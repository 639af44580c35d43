//! `hangup preset`: which presets there are, and the rules that one stands for.
//!
//! Connects to nothing.

use std::process::ExitCode;

use clap::Args;

use super::{USAGE, output};
use crate::config::mapping::to_text;
use crate::mapping::preset;

const EXAMPLES: &str = "\
Examples:
  hangup preset                               which there are
  hangup preset zigbee2mqtt                   its rules, to copy and to change
  hangup preset tasmota --base home/iot       the same where its topics begin otherwise

In a configuration one line does the same: `preset = \"zigbee2mqtt\"` in a
`[[connection.subscribe]]`, with `base = \"…\"` beside it where the topics begin otherwise,
and `labels = { site = \"north\" }` where another broker has devices of the same names.";

/// Print the subscriptions and rules that a preset stands for
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The preset; without it, all names
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// What its topics begin with
    #[arg(long, value_name = "TOPIC", requires = "name")]
    base: Option<String>,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let Some(name) = &arguments.name else {
        for name in preset::names() {
            output::result(name);
        }
        return ExitCode::SUCCESS;
    };
    match preset::expand(name, arguments.base.as_deref()) {
        Ok(subscribes) => {
            output::result(to_text(&subscribes, "connection.").trim_end());
            ExitCode::SUCCESS
        }
        Err(why) => {
            output::note(format!("hangup: {why}"));
            ExitCode::from(USAGE)
        }
    }
}
