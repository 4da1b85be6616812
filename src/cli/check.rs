//! `echospec check`: judges a server.

use std::path::PathBuf;
use std::time::Duration;

use super::exec::CommandLine;
use super::exit::{self, Exit, Failure};
use super::output::{Destination, Destinations, destination};
use super::parse::{self, LevelName};
use super::progress::{Progress, Stop};
use super::review::{self, Extent, Review};
use super::seed::Seed;
use super::target::{PLACES, Target};
use super::{Console, engine};
use crate::campaign::Shard;
use crate::framing::Framing;
use crate::oracle::Level;
use engine::Judged;

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

    /// Only scenarios or requirements whose id matches, such as SEG-* or segmentation/*; may be repeated
    #[arg(long, value_name = "PATTERN", help_heading = "Which cases")]
    only: Vec<String>,

    /// All but those; may be repeated
    #[arg(long, value_name = "PATTERN", help_heading = "Which cases")]
    skip: Vec<String>,

    /// Further scenario files or folders; one that has a built-in's id replaces it; may be repeated
    #[arg(long, value_name = "PATH", help_heading = "Which cases")]
    scenarios: Vec<PathBuf>,

    /// Also what takes long
    #[arg(long, help_heading = "Which cases")]
    thorough: bool,

    /// A stable part of the cases, for several machines: 1/4 is the first of four parts
    #[arg(long, value_name = "K/N", value_parser = parse::shard, help_heading = "Which cases")]
    shard: Option<Shard>,

    /// Which levels count as failures; what fails below them is a warning
    #[arg(long, value_enum, default_value = "must", help_heading = "Verdict and reports")]
    level: LevelName,

    /// A report to write, by default the text report to standard output; may be repeated
    ///
    /// `echospec list formats` shows the formats. With no PATH a report goes to standard output; where none does, the
    /// text report does. Files are written whole or not at all.
    #[arg(long, value_name = "FORMAT[=PATH]", value_parser = destination, help_heading = "Verdict and reports")]
    report: Vec<Destination>,

    #[command(flatten)]
    review: review::Args,

    /// Everything random follows from it; a number, or any text such as a commit hash
    #[arg(long, value_name = "N", default_value = "0", help_heading = "How it is run")]
    seed: String,

    /// Play each case so many times; it passes if it always does
    #[arg(long, value_name = "N", default_value = "1", value_parser = count, help_heading = "How it is run")]
    repeat: usize,

    /// Cases at once, at most; a target that serves fewer connections gets fewer
    #[arg(long, value_name = "N", default_value = "32", value_parser = count, help_heading = "How it is run")]
    jobs: usize,

    /// Multiply every deadline and window, for a slow machine or a long way
    #[arg(long, value_name = "X", default_value = "1", value_parser = parse::time_scale, allow_negative_numbers = true, help_heading = "How it is run")]
    time_scale: f64,

    /// End the run after so long, as in 5m; the partial report is still written
    #[arg(long, value_name = "D", value_parser = parse::duration, help_heading = "How it is run")]
    timeout: Option<Duration>,
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

/// From 1 to 10,000.
fn count(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=10_000).contains(number));
    number.ok_or_else(|| "a count is a number from 1 to 10000".into())
}

/// A checked command line.
#[derive(Clone, Debug)]
pub(super) struct CheckOptions {
    /// `None`: the built-in reference server, or what `exec` starts.
    pub(super) target: Option<Target>,
    /// How to start the target.
    pub(super) exec: Option<CommandLine>,
    /// At least one.
    pub(super) framings: Vec<Framing>,
    /// Patterns of ids.
    pub(super) only: Vec<String>,
    /// Patterns of ids.
    pub(super) skip: Vec<String>,
    /// Further scenario files and folders.
    pub(super) scenarios: Vec<PathBuf>,
    /// Which levels count.
    pub(super) level: Level,
    /// What everything random follows from.
    pub(super) seed: Seed,
    /// How often each case is played.
    pub(super) repeat: usize,
    /// A part of the cases.
    pub(super) shard: Option<Shard>,
    /// Cases at once.
    pub(super) jobs: usize,
    /// Multiplies deadlines.
    pub(super) time_scale: f64,
    /// The bound of the run.
    pub(super) timeout: Option<Duration>,
    /// Also what takes long.
    pub(super) thorough: bool,
}

impl CheckOptions {
    fn new(args: &Args) -> Result<Self, Failure> {
        takes_port(args.target.as_ref(), args.exec.as_ref())?;
        Ok(Self {
            target: args.target.clone(),
            exec: args.exec.clone(),
            framings: framings(&args.framing, args.target.is_some() || args.exec.is_some())?,
            only: args.only.clone(),
            skip: args.skip.clone(),
            scenarios: args.scenarios.clone(),
            level: args.level.into(),
            seed: Seed::new(&args.seed),
            repeat: args.repeat,
            shard: args.shard,
            jobs: args.jobs,
            time_scale: args.time_scale,
            timeout: args.timeout,
            thorough: args.thorough,
        })
    }
}

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
    let mut framings: Vec<Framing> = Vec::new();
    for framing in asked {
        if !framings.contains(framing) {
            framings.push(framing.clone());
        }
    }
    Ok(framings)
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
    let options = CheckOptions::new(args)?;
    let destinations = Destinations::new(&args.report)?;
    let review = Review::new(&args.review, &args.scenarios)?;
    let progress = Progress::new(console, destinations.events()?);
    let judged = engine::check(&options, &progress);
    let stopped = progress.why_stopped();
    let events = progress.finish();
    let Judged { mut report, untested } = judged?;
    let outcome = review.judge(&mut report, extent(&options, &untested, stopped))?;
    let mut others: Vec<Exit> = untested.iter().map(Failure::exit).collect();
    others.extend(stopped.filter(|stop| *stop == Stop::Interrupted).map(|_| Exit::Interrupted));
    let exit = outcome.note(&mut report, &others);
    destinations.write_beside(&events, &report, console)?;
    events.finish()?;
    for untested in &untested {
        console.complain(untested);
    }
    if stopped == Some(Stop::OutOfTime) {
        console.remark("the run was ended by --timeout; the report is partial");
    }
    outcome.show(console);
    Ok(exit)
}

/// How much of what can be asked of the target this run asked.
fn extent(options: &CheckOptions, untested: &[Failure], stopped: Option<Stop>) -> Extent {
    let all_cases = options.only.is_empty() && options.skip.is_empty() && options.shard.is_none();
    Extent { finished: stopped.is_none() && untested.is_empty(), all_cases }
}
