//! `hangup catalogue`: every metric there is, with its meaning.
//!
//! Needs no configuration.

use std::process::ExitCode;

use clap::Args;

use super::output;
use crate::source::navien::quantities;
use crate::telemetry::catalogue;

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

/// Our own metrics, then the readings of each source.
fn page() -> String {
    let mut page = catalogue::markdown(catalogue::entries());
    page.push_str(&quantities::markdown());
    page
}
