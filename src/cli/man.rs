//! `hangup man`: the manual pages, one for the program and one for each subcommand.
//!
//! Never written by hand: made from the definition of the command line. Needs no configuration.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::{PROBLEM, output};

const EXAMPLES: &str = "\
Examples:
  hangup man | man -l -
  hangup man --output /usr/local/share/man/man1";

/// Print the manual page, or write those of all subcommands
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Write hangup.1 and a page for each subcommand into this directory, which must exist
    #[arg(long, value_name = "DIRECTORY")]
    output: Option<PathBuf>,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let done = match &arguments.output {
        None => page(&definition()).map(|page| output::bytes(&page)),
        Some(directory) => write_all(directory)
            .map_err(|fault| io::Error::new(fault.kind(), format!("{}: {fault}", directory.display()))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            output::note(format!("hangup: {fault}"));
            ExitCode::from(PROBLEM)
        }
    }
}

/// The command line with every name filled in; `hangup help` has a page nowhere: it is what the pages are.
fn definition() -> Command {
    let mut command = super::Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

fn write_all(directory: &Path) -> io::Result<()> {
    let program = definition();
    for command in std::iter::once(&program).chain(program.get_subcommands()) {
        std::fs::write(directory.join(Man::new(command.clone()).get_filename()), page(command)?)?;
    }
    Ok(())
}

/// One page, without a date, so that the same program always makes the same page.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone()).source(format!("hangup {}", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    sections(&help).to_writer(&mut page)?;
    Ok(page)
}

/// The text below `--help` in sections of its own: a line like `Exit codes:` begins one. Indented lines keep their shape.
fn sections(help: &str) -> Roff {
    let mut page = Roff::new();
    let mut shaped = false;
    for line in help.lines() {
        if shaped != line.starts_with(' ') {
            shaped = !shaped;
            page.control(if shaped { "nf" } else { "fi" }, []);
        }
        match line.strip_suffix(':') {
            Some(title) if !shaped => page.control("SH", [title.to_uppercase().as_str()]),
            _ if line.is_empty() => page.control("PP", []),
            _ => page.text([roman(line)]),
        };
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(command: &Command) -> String {
        String::from_utf8(page(command).unwrap()).unwrap().replace('\\', "")
    }

    #[test]
    fn the_page_of_the_program_names_every_subcommand_and_the_exit_codes() {
        let text = text(&definition());
        for command in definition().get_subcommands() {
            assert!(text.contains(&format!("hangup-{}(1)", command.get_name())), "{}", command.get_name());
        }
        assert!(text.contains(".SH \"EXIT CODES\""), "{text}");
    }

    #[test]
    fn every_subcommand_has_a_page_with_its_options_and_examples() {
        let directory = tempfile::tempdir().unwrap();
        write_all(directory.path()).unwrap();
        for command in definition().get_subcommands() {
            let file = directory.path().join(format!("hangup-{}.1", command.get_name()));
            let written = std::fs::read_to_string(&file).unwrap().replace('\\', "");
            assert_eq!(written, text(command));
            for option in command.get_opts().filter_map(|option| option.get_long()) {
                assert!(written.contains(&format!("--{option}")), "{}: --{option}", file.display());
            }
            assert!(written.contains(".SH EXAMPLES"), "{}", file.display());
        }
        assert!(directory.path().join("hangup.1").is_file());
    }
}
