//! `hangup completions`: what a shell needs to complete the command line.
//!
//! Never written by hand: made from the definition of the command line. Needs no configuration.

use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::output;

const EXAMPLES: &str = "\
Examples:
  hangup completions bash > ~/.local/share/bash-completion/completions/hangup
  hangup completions zsh > ~/.zfunc/_hangup
  hangup completions fish > ~/.config/fish/completions/hangup.fish";

/// Print the completions of the command line for a shell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// For which shell
    shell: Shell,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    output::bytes(&script(arguments.shell));
    ExitCode::SUCCESS
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::Cli::command(), super::NAME, &mut script);
    script
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_completes_every_subcommand_and_every_long_option() {
        let mut command = super::super::Cli::command();
        command.build();
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell)).unwrap();
            for subcommand in command.get_subcommands() {
                assert!(script.contains(subcommand.get_name()), "{shell}: {}", subcommand.get_name());
                for option in subcommand.get_opts().filter_map(|option| option.get_long()) {
                    assert!(script.contains(option), "{shell}: {} --{option}", subcommand.get_name());
                }
            }
        }
    }
}
