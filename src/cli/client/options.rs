//! How a client under test is spoken to, and what its exit status means: what `check-client`, `fuzz` and `replay` ask for.

use super::{ClientCommand, Output, Stdin};
use crate::cli::exit::Failure;
use crate::cli::parse::{self, Statuses};

/// Options that belong to the command of a client.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "The client")]
pub(in crate::cli) struct Options {
    /// What is written to its standard input: the message, the message in its frame (for a client that passes bytes on), or nothing
    #[arg(long, value_enum, default_value = "message", value_name = "WHAT", requires = "command")]
    stdin: Stdin,

    /// How the reply stands on its standard output
    #[arg(long, value_enum, default_value = "raw", value_name = "HOW", requires = "command")]
    output: Output,

    /// Do not look at its standard output: what needs it is not observable
    #[arg(long, conflicts_with = "output", requires = "command")]
    no_output: bool,

    /// Exit statuses that mean success, as in 0 or 0,3-5
    #[arg(long, value_name = "CODES", default_value = "0", value_parser = parse::statuses, requires = "command")]
    exit_ok: Statuses,

    /// Exit statuses that mean that something went wrong; the others mean nothing
    #[arg(long, value_name = "CODES", default_value = "1-255", value_parser = parse::statuses, requires = "command")]
    exit_error: Statuses,
}

impl Options {
    /// Whether any of them is given: none has a meaning for a client that somebody else starts.
    pub(in crate::cli) fn are_given(&self) -> bool {
        let default = |codes| parse::statuses(codes).ok();
        self.stdin != Stdin::Message
            || self.output != Output::Raw
            || self.no_output
            || Some(&self.exit_ok) != default("0").as_ref()
            || Some(&self.exit_error) != default("1-255").as_ref()
    }

    /// The command that these words make up.
    pub(in crate::cli) fn command(&self, words: &[String]) -> Result<ClientCommand, Failure> {
        let overlap = self.exit_ok.iter().find(|code| self.exit_error.contains(code));
        let error = match overlap {
            // `--exit-ok 1` takes it from the failures, which are all others by default.
            Some(_) if *self.exit_error == *parse::statuses("1-255").map_err(Failure::usage)? => {
                self.exit_error.iter().copied().filter(|code| !self.exit_ok.contains(code)).collect()
            }
            Some(code) => {
                return Err(Failure::usage(format!(
                    "the exit status {code} cannot mean both --exit-ok and --exit-error"
                )));
            }
            None => self.exit_error.to_vec(),
        };
        let output = if self.no_output { Output::None } else { self.output };
        ClientCommand::new(words.to_vec(), self.stdin, output, self.exit_ok.to_vec(), error)
    }
}
