//! `echospec check`: judges a server.

use super::exit::{self, Exit, Failure};
use super::judging::{self, Trial};
use super::{Console, subject};

/// Judge a server; without TARGET, the built-in reference server
///
/// Says requirement by requirement, and with the bytes that prove it, whether what listens on a port cuts the stream
/// into messages rightly. A run begins by measuring the target. Where right implementations differ, what was measured is printed as a finding,
/// and no failure; `--framing` can declare it. Then every scenario that applies is played, and after each of them the
/// target is asked for a plain echo.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", exit::help()))]
pub(super) struct Args {
    #[command(flatten)]
    server: subject::Args,

    #[command(flatten)]
    judging: judging::Args,
}

const EXAMPLES: &str = "\
Examples:
  echospec check                            the reference server, in one framing of each strategy
  echospec check 7000 --framing lines       a server of lines on this machine
  echospec check [::1]:7 --framing raw      an RFC 862 echo
  echospec check 7000 --framing length:u32be,max=8MiB,over=close
                                            with a limit declared, and what a longer message brings
  echospec check --exec 'python3 server.py {port}' --framing lines
                                            started, watched and ended by echospec
  echospec check 7000 --framing lines --only 'SEG-*' --report junit=echospec.xml";

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let subject = args.server.server()?;
    judging::run(&Trial::new(subject, args.server.framings()?, &args.judging), &args.judging, console)
}
