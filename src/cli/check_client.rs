//! `echospec check-client`: judges a client.

use super::Console;
use super::client;
use super::exit::{self, Exit, Failure};
use super::judging::{self, Trial};
use super::parse;
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

    #[command(flatten)]
    client: client::Options,

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

const SEEN_ONLY: &str = "\
--stdin, --output, --no-output, --exit-ok and --exit-error are about a client that is started here; with --listen its \
connections are all that is seen of it";

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let subject = match &args.listen {
        Some(_) if args.client.are_given() => return Err(Failure::usage(SEEN_ONLY)),
        Some(address) => Subject::Visitors(address.clone()),
        None => Subject::Client(args.client.command(&args.command)?),
    };
    judging::run(&Trial::new(subject, each_once(&args.framing), &args.judging), &args.judging, console)
}
