//! The command line: one file for each command; exit codes; where output goes.
//!
//! [`run`] is the whole program: `main` hands it the arguments and the standard streams.

mod check;
mod check_client;
mod client;
mod completions;
mod console;
mod ending;
mod engine;
mod events;
mod exec;
mod exit;
mod explain;
mod fuzz;
mod judging;
mod leftovers;
mod list;
mod man;
mod output;
mod parse;
mod progress;
mod proxy;
mod replay;
mod report;
mod review;
mod schema;
mod seed;
mod send;
mod serve;
mod subject;
mod target;
mod usage;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};

pub use console::Console;
pub use exit::Exit;
use exit::Failure;
pub use leftovers::Leftovers;

/// Judges echo servers and clients: do they cut a TCP byte stream into messages rightly?
///
/// Do they keep the seven steps of an echo session, however the stream is split, delayed, corrupted, closed or reset?
/// Put an echo behind your codec, server framework, proxy or network stack, and point echospec at its port.
#[derive(Debug, Parser)]
#[command(name = "echospec", version, max_term_width = 100, after_help = EXAMPLES, disable_help_subcommand = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  echospec check                               judge the built-in reference server
  echospec check 7000 --framing length:u32be   judge the server on port 7000
  echospec fuzz 7000 --framing length:u32be    look for what nobody has written a scenario for
  echospec list framings                       how to say how messages are framed
  echospec explain SEG-02                      one requirement, and why it matters";

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    CheckClient(check_client::Args),
    Fuzz(fuzz::Args),
    Replay(replay::Args),
    Serve(serve::Args),
    Send(send::Args),
    Proxy(proxy::Args),
    List(list::Args),
    Explain(explain::Args),
    Report(report::Args),
    Schema(schema::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs one command line to its end. Says what went wrong on the console, and how it ended by the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>, console: &mut Console<'_>) -> Exit {
    let outcome = match CommandLine::try_parse_from(args) {
        Ok(line) => dispatch(&line.command, console),
        Err(error) => return refuse(&error, console),
    };
    outcome.unwrap_or_else(|failure| {
        console.complain(&failure);
        failure.exit()
    })
}

fn dispatch(command: &Command, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match command {
        Command::Check(args) => check::run(args, console),
        Command::CheckClient(args) => check_client::run(args, console),
        Command::Fuzz(args) => fuzz::run(args, console),
        Command::Replay(args) => replay::run(args, console),
        Command::Serve(args) => serve::run(args, console),
        Command::Send(args) => send::run(args, console),
        Command::Proxy(args) => proxy::run(args, console),
        Command::List(args) => list::run(args, console),
        Command::Explain(args) => explain::run(args, console),
        Command::Report(args) => report::run(args, console),
        Command::Schema(args) => schema::run(args, console),
        Command::Completions(args) => completions::run(args, console),
        Command::Man(args) => man::run(args, console),
    }
}

/// Help and version go to standard output; everything else that the parser says is an error.
fn refuse(error: &clap::Error, console: &mut Console<'_>) -> Exit {
    let text = error.render();
    if error.use_stderr() {
        console.warn_styled(&text);
        return Exit::Usage;
    }
    match console.print_styled(&text) {
        Ok(()) => Exit::Conforms,
        Err(failure) => failure.exit(),
    }
}

/// The whole command line as data, for help, completions and manual pages.
fn command() -> clap::Command {
    CommandLine::command()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
