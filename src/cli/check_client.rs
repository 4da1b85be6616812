//! `echospec check-client`: judges a client.

use super::Console;
use super::client::{ClientCommand, Output, Stdin};
use super::exit::{self, Exit, Failure};
use super::judging::{self, Trial};
use super::parse::{self, Statuses};
use super::subject::{Subject, each_once};
use super::target::{PLACES, Target};
use crate::framing::Framing;

/// Judge a client: CMD is started once a case, against a server that is echospec itself
///
/// Says requirement by requirement whether the client connects once, sends exactly its message, takes the reply however
/// it is cut, closes its socket and ends with the right status. In CMD {host} and {port} stand for its server, and {message}, {message-hex} or
/// {message-file} for what it is to send; without one of these the message is its standard input. The reply is looked for on
/// its standard output. The environment holds the same: `ECHOSPEC_HOST`, `ECHOSPEC_PORT`, `ECHOSPEC_MESSAGE` and `ECHOSPEC_MESSAGE_HEX`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", exit::help()))]
pub(super) struct Args {
    /// How to start the client, without a shell
    #[arg(last = true, value_name = "CMD", required_unless_present = "listen", conflicts_with = "listen")]
    command: Vec<String>,

    /// How messages are framed: length:u32be, lines, fixed:32, close, … (see `echospec list framings`); may be repeated
    #[arg(long, value_name = "F", value_parser = parse::framing, required = true)]
    framing: Vec<Framing>,

    /// Do not start a client, but wait for one at ADDRESS, one connection a case: a device, or a program started by hand
    #[arg(long, value_name = "ADDRESS", help = format!("Wait for clients that somebody else starts, one connection a case: {PLACES}"))]
    listen: Option<Target>,

    /// What is written to its standard input: the message, the message in its frame (for a client that passes bytes on), or nothing
    #[arg(long, value_enum, default_value = "message", value_name = "WHAT")]
    stdin: Stdin,

    /// How the reply stands on its standard output
    #[arg(long, value_enum, default_value = "raw", value_name = "HOW")]
    output: Output,

    /// Do not look at its standard output: what needs it is not observable
    #[arg(long, conflicts_with = "output")]
    no_output: bool,

    /// Exit statuses that mean success, as in 0 or 0,3-5
    #[arg(long, value_name = "CODES", default_value = "0", value_parser = parse::statuses)]
    exit_ok: Statuses,

    /// Exit statuses that mean that something went wrong; the others mean nothing
    #[arg(long, value_name = "CODES", default_value = "1-255", value_parser = parse::statuses)]
    exit_error: Statuses,

    #[command(flatten)]
    judging: judging::Args,
}

const EXAMPLES: &str = "\
Examples:
  echospec check-client --framing length:u32be -- ./my-client {host} {port}
                                       the message on standard input
  echospec check-client --framing lines -- ./my-client --to {host}:{port} {message}
  echospec check-client --framing raw -- ncat {host} {port}
  echospec check-client --framing length:u32be --listen 7000
                                       a device that connects here again and again";

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let subject = match &args.listen {
        Some(address) => Subject::Visitors(address.clone()),
        None => Subject::Client(command(args)?),
    };
    judging::run(&Trial::new(subject, each_once(&args.framing), &args.judging), &args.judging, console)
}

fn command(args: &Args) -> Result<ClientCommand, Failure> {
    let overlap = args.exit_ok.iter().find(|code| args.exit_error.contains(code));
    let error = match overlap {
        // `--exit-ok 1` takes it from the failures, which are all others by default.
        Some(_) if *args.exit_error == *parse::statuses("1-255").map_err(Failure::usage)? => {
            args.exit_error.iter().copied().filter(|code| !args.exit_ok.contains(code)).collect()
        }
        Some(code) => {
            return Err(Failure::usage(format!("the exit status {code} cannot mean both --exit-ok and --exit-error")));
        }
        None => args.exit_error.to_vec(),
    };
    let output = if args.no_output { Output::None } else { args.output };
    ClientCommand::new(args.command.clone(), args.stdin, output, args.exit_ok.to_vec(), error)
}
