//! What a subcommand prints: results on stdout, faults on stderr.
//!
//! Never fails: who closes the pipe (`hangup catalogue | head`) has seen enough.

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

use crate::config::Problems;

/// Prints a result and a line break.
pub(super) fn result(text: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints a fault or a warning and a line break.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints every problem of a configuration, and how many there are.
pub(super) fn problems(problems: &Problems, code: u8) -> ExitCode {
    for line in problems.lines() {
        note(line);
    }
    match problems.list.len() {
        1 => note("hangup: 1 problem"),
        count => note(format!("hangup: {count} problems")),
    }
    ExitCode::from(code)
}
