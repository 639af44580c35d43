//! What a subcommand prints: results on stdout, faults on stderr.
//!
//! Never stops a command: a result that cannot be written is said once, and [`settled`] makes it the exit code. Who closes the
//! pipe (`hangup catalogue | head`) has seen enough.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use super::PROBLEM;
use crate::config::Problems;

/// Whether a result is lost.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints a result and a line break.
pub(super) fn result(text: impl Display) {
    bytes(format!("{text}\n").as_bytes());
}

/// Prints a result that is as it is.
pub(super) fn bytes(bytes: &[u8]) {
    let mut page = io::stdout().lock();
    let Err(fault) = page.write_all(bytes).and_then(|()| page.flush()) else { return };
    if fault.kind() != io::ErrorKind::BrokenPipe && !LOST.swap(true, Ordering::Relaxed) {
        note(format!("hangup: the result cannot be written: {fault}"));
    }
}

/// The exit code of a command that ended with `code`.
pub(super) fn settled(code: ExitCode) -> ExitCode {
    if LOST.load(Ordering::Relaxed) { ExitCode::from(PROBLEM) } else { code }
}

/// Prints a fault or a warning and a line break.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
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
