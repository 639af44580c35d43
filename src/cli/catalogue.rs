//! `hangup catalogue`: every metric there is, with its meaning.
//!
//! Needs no configuration.

use std::process::ExitCode;

use clap::Args;

use super::output;

const EXAMPLES: &str = "\
Examples:
  hangup catalogue
  hangup catalogue | grep drops";

/// Print every metric: name, type, labels and meaning
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {}

pub(super) fn main(_: &Arguments) -> ExitCode {
    output::result(page());
    ExitCode::SUCCESS
}

fn page() -> String {
    // app::catalogue()
    String::new()
}
