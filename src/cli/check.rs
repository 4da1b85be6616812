//! `echospec check`: judges a server.

use super::exec::CommandLine;
use super::exit::{self, Exit, Failure};
use super::judging::{self, Subject, Trial};
use super::target::{PLACES, Target};
use super::{Console, parse};
use crate::framing::Framing;

/// Judge a server; without TARGET, the built-in reference server
///
/// Says requirement by requirement, and with the bytes that prove it, whether what listens on a port cuts the stream
/// into messages rightly. A run begins by measuring the target. Where right implementations differ, what was measured is printed as a finding,
/// and no failure; `--framing` can declare it. Then every scenario that applies is played, and after each of them the
/// target is asked for a plain echo.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{}", exit::help()))]
pub(super) struct Args {
    #[arg(value_parser = Target::to_connect, help = PLACES)]
    target: Option<Target>,

    /// Start the target: CMD, in which {port} stands for the port to listen on; it is watched, and ended after the run
    ///
    /// The port is TARGET's, or a free one of loopback. The command runs without a shell (for one write sh -c '…'), and must
    /// stay in the foreground. When it ends during a case, that case has failed; it is started again and the run goes on.
    /// On Linux what its process takes (memory, descriptors, processor time) is judged, too.
    #[arg(long, value_name = "CMD")]
    exec: Option<CommandLine>,

    /// How messages are framed: length:u32be, lines, fixed:32, close, … (see `echospec list framings`)
    ///
    /// Needed with a TARGET, because nothing that could be seen from outside tells it. May be repeated. A framing can
    /// also declare behaviour, whose breach then is a failure: length:u32be,max=64KiB,over=close.
    #[arg(long, value_name = "F", value_parser = parse::framing)]
    framing: Vec<Framing>,

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

/// What the reference server is judged in: one of each strategy.
const REFERENCE: [&str; 4] = ["close", "fixed:16", "length:u32be", "delimiter:crlf"];

/// Refuses a command that cannot know where to listen.
pub(super) fn takes_port(target: Option<&Target>, exec: Option<&CommandLine>) -> Result<(), Failure> {
    if target.is_none() && exec.is_some_and(|line| !line.takes_port()) {
        return Err(Failure::usage(NO_PORT));
    }
    Ok(())
}

/// The framings that were asked for, each once; without a target of somebody's, those of the reference server.
pub(super) fn framings(asked: &[Framing], has_target: bool) -> Result<Vec<Framing>, Failure> {
    if has_target && asked.is_empty() {
        return Err(Failure::usage(NO_FRAMING));
    }
    if asked.is_empty() {
        return REFERENCE.iter().map(|text| text.parse().map_err(Failure::usage)).collect();
    }
    Ok(asked.to_vec())
}

const NO_PORT: &str = "\
nothing says where the command of --exec listens: write {port} in it, or give a TARGET

  for example  --exec 'python3 server.py {port}'";

const NO_FRAMING: &str = "\
with a TARGET or --exec, --framing says how messages are framed there

  for example  --framing length:u32be   a length of 4 bytes, then the message
               --framing lines          lines that end in LF or CRLF
               --framing raw            bytes that come back as they are (RFC 862)

`echospec list framings` shows all that there are.";

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    takes_port(args.target.as_ref(), args.exec.as_ref())?;
    let framings = framings(&args.framing, args.target.is_some() || args.exec.is_some())?;
    let subject = match (&args.exec, &args.target) {
        (Some(line), target) => Subject::Command(line.clone(), target.clone()),
        (None, Some(target)) => Subject::Server(target.clone()),
        (None, None) => Subject::Reference,
    };
    judging::run(&Trial::new(subject, &framings, &args.judging), &args.judging, console)
}
