//! `hangup report`: what is known of the drops, in words, from a running hangup or from a file.
//!
//! Never changes anything and needs no configuration.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{PROBLEM, health, output};
use crate::app::ask::{self, Access, Address, Place};
use crate::clock::now;
use crate::config::{Listen, Secret};
use crate::lifecycle::export::{Export, Stamp};
use crate::lifecycle::summary::{self, markdown, terminal};

const EXAMPLES: &str = "\
Examples:
  hangup report                               ask the hangup of this machine
  hangup report http://heater.local:9883
  hangup report /var/lib/hangup/diagnostics.json
  hangup report --markdown > report.md        for a bug report
  ssh attic cat diagnostics.json | hangup report -

Reads what /api/v1/diagnostics answers, a diagnostics file, the file of `hangup baseline`,
and what export_json of nwp500-python writes. A page with a password: HANGUP_WEB_USER and
HANGUP_WEB_PASSWORD, or http://user:password@host:9883. The report holds no e-mail, address,
token or topic that names somebody.

Exit codes: 0 when there is a report, 1 when nothing could be read, 2 when the command line
is wrong.";

/// Tell what is known of the drops: how often, what, why, and what to change
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A running hangup or a file; `-` is the standard input [default: port 9883 of this machine]
    #[arg(value_name = "FILE|URL")]
    place: Option<Place>,
    #[command(flatten)]
    access: AccessArguments,
    #[command(flatten)]
    form: FormArguments,
}

/// How a page with TLS or a password is asked.
#[derive(Debug, Args)]
pub(super) struct AccessArguments {
    /// The authority of the page's certificate, where it is none of the system's (PEM)
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// In which form the report is printed.
#[derive(Debug, Args)]
pub(super) struct FormArguments {
    /// Print Markdown, for a bug report
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print the document itself, as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let place = arguments.place.clone().map_or_else(|| here().map(Place::Web), Ok);
    let document = place.and_then(|place| {
        ask::document(&place, &arguments.access.access()).map_err(|fault| fault.to_string())
    });
    match document {
        Ok(document) => {
            arguments.form.print(&document.export(Stamp(now().wall)));
            ExitCode::SUCCESS
        }
        Err(fault) => {
            output::note(format!("hangup: {fault}"));
            ExitCode::from(PROBLEM)
        }
    }
}

/// The hangup of this machine: where it is told to listen, else where it usually does.
pub(super) fn here() -> Result<Address, String> {
    let told = std::env::var("HANGUP_LISTEN").unwrap_or_default();
    let listened: Option<SocketAddr> =
        told.split(',').filter_map(|place| place.trim().parse::<Listen>().ok()).find_map(|place| place.tcp());
    Address::parse(&format!("http://{}", health::reachable(listened)))
}

impl AccessArguments {
    /// With what the environment says.
    pub(super) fn access(&self) -> Access {
        let given = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Access {
            user: given("HANGUP_WEB_USER"),
            password: given("HANGUP_WEB_PASSWORD").map(Secret::new),
            ca_file: self.ca_file.clone(),
        }
    }
}

impl FormArguments {
    /// Prints the report of this document.
    pub(super) fn print(&self, export: &Export) {
        let text = if self.json {
            // Only numbers that are not finite would fail, and JSON has none.
            escaped(&serde_json::to_string_pretty(export).unwrap_or_default())
        } else if self.markdown {
            markdown(&summary::report(export))
        } else {
            let page = std::io::stdout();
            let colours = page.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
            terminal(&summary::report(export), width(), colours)
        };
        output::result(text.trim_end());
    }
}

/// JSON escapes some of what a terminal obeys; here are the others. They stand in texts only.
fn escaped(json: &str) -> String {
    let mut clean = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_control() && c != '\n' {
            let _ = write!(clean, "\\u{:04x}", u32::from(c));
        } else {
            clean.push(c);
        }
    }
    clean
}

/// Columns of the terminal; what a page of paper has where there is none.
fn width() -> usize {
    const PAPER: usize = 100;
    let asked = rustix::termios::tcgetwinsize(std::io::stdout()).map(|size| usize::from(size.ws_col));
    asked.ok().filter(|columns| *columns > 0).unwrap_or(PAPER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_commands_no_terminal_and_stays_the_same() {
        let text = "one\u{9b}31m\u{7f} two\u{85}";
        let json = serde_json::to_string_pretty(&[text, "\u{1b}["]).unwrap();
        let clean = escaped(&json);
        assert!(clean.chars().all(|c| c == '\n' || !c.is_control()), "{clean:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&clean).unwrap(), [text, "\u{1b}["]);
    }
}
