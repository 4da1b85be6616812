//! `echospec completions`: what a shell offers when Tab is pressed.

use clap_complete::Shell;

use super::exit::{Exit, Failure};
use super::{Console, command};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  echospec completions bash > ~/.local/share/bash-completion/completions/echospec")]
pub(super) struct Args {
    /// Which shell
    shell: Shell,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "echospec", &mut script);
    console.print(&script)?;
    Ok(Exit::Conforms)
}
