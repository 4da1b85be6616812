//! `echospec fuzz`: looks for failures of a server with generated streams.

use std::fmt::Write;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::client::{self, Launcher};
use super::exit::{Exit, Failure};
use super::output::write_whole;
use super::parse::{self, LevelName};
use super::progress::{Progress, Stop};
use super::seed::Seed;
use super::subject::{self, Subject};
use super::target::Target;
use super::{Console, engine};
use crate::campaign::{Process, Shard, Unfit};
use crate::framing::Framing;
use crate::hunt::{self, Finding, Hunted, hunt, hunt_client};
use crate::oracle::Level;
use crate::transport::Tcp;

/// Look for a failure with generated streams; shrink it; save it as a scenario
///
/// Cases are drawn from a seed: messages, damage, segments, pauses, ends, several connections. What is owed for them
/// follows from the framing and from what is measured first, so that what right servers do differently is no failure.
/// What fails is played again alone (three times and with more time if it rests on time), made as small as possible, and
/// written as a scenario, which `echospec replay` plays again. Without TARGET the built-in reference server is fuzzed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{EXITS}"))]
pub(super) struct Args {
    #[command(flatten)]
    server: subject::Args,

    /// Fuzz a client: CMD is started once a case, against a server that is echospec itself (see `echospec check-client --help`)
    #[arg(long, requires = "command", conflicts_with_all = ["target", "exec"])]
    client: bool,

    /// How to start the client, without a shell
    #[arg(last = true, value_name = "CMD", requires = "client")]
    command: Vec<String>,

    /// End after so many cases in each framing; 10000 if neither this nor --time is given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), help_heading = "How much")]
    cases: Option<u64>,

    /// End after so long, all framings together, as in 10m; 60s if neither this nor --cases is given
    #[arg(long, value_name = "D", value_parser = parse::duration, help_heading = "How much")]
    time: Option<Duration>,

    /// Go on until so many failures that are not alike are found in a framing
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..), help_heading = "How much")]
    max_findings: u16,

    /// The largest message, as in 4KiB
    #[arg(long, value_name = "SIZE", default_value_t = hunt::Options::LARGEST, value_parser = parse::size, help_heading = "How much")]
    max_size: usize,

    /// Which requirements count as failures; what is less binding is told, and written all the same
    #[arg(long, value_enum, default_value = "must", value_name = "LEVEL", help_heading = "How much")]
    level: LevelName,

    /// Where scenarios are written; made if there is something to write
    #[arg(long, value_name = "DIR", default_value = "findings")]
    findings: PathBuf,

    /// Everything random follows from it; a number, or any text such as a commit hash
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::builder::NonEmptyStringValueParser::new(),
        help_heading = "How it is run")]
    seed: String,

    /// A part of the cases that the seed stands for, for several machines: 1/4 is the first of four parts
    #[arg(long, value_name = "K/N", value_parser = parse::shard, help_heading = "How it is run")]
    shard: Option<Shard>,

    /// Cases at once, at most; 32, or 8 processes of a client, if nothing is said; a server of fewer connections gets fewer
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "How it is run")]
    jobs: Option<u16>,

    /// Multiply every deadline and window, for a slow machine or a long way
    #[arg(long, value_name = "X", default_value = "1", value_parser = parse::time_scale, allow_negative_numbers = true, help_heading = "How it is run")]
    time_scale: f64,

    #[command(flatten)]
    spoken: client::Options,
}

const EXAMPLES: &str = "\
Examples:
  echospec fuzz 7000 --framing length:u32be              up to 10000 cases, to the first failure
  echospec fuzz 7000 --framing lines --time 1h --max-findings 20 --seed $(git rev-parse HEAD)
  echospec fuzz --exec 'python3 server.py {port}' --framing netstring
  echospec fuzz --client --framing length:u32be -- ./my-client {host} {port}
  echospec replay findings/seg-04-no-reply.yaml 7000     FIXED, FAILS or CANNOT TELL";

const EXITS: &str = "\
Exit codes:
    0  no failure was found
    1  a failure was found, or the target has died
    2  the command line is wrong
    3  the target could not be tested (refused, unreachable, never ready), or echospec itself failed
    4  no failure was found, but something that must be known stayed inconclusive
  130  ended by Ctrl-C; what was found until then is written";

const NO_FRAMING: &str = "\
with --client, --framing says how messages are framed

  for example  --client --framing length:u32be -- ./my-client {host} {port}";

/// How much is done if nothing is said.
const CASES: u64 = 10_000;
const TIME: Duration = Duration::from_secs(60);

/// How long a target may take to read a segment before the next one; what takes longer proves nothing about cuts.
const GATE: Duration = Duration::from_millis(300);

impl Args {
    fn options(&self, subject: &Subject) -> hunt::Options {
        let unbounded = self.cases.is_none() && self.time.is_none();
        hunt::Options {
            seed: Seed::new(&self.seed).number,
            cases: self.cases.or(unbounded.then_some(CASES)),
            jobs: self.jobs.map_or(subject.jobs(), usize::from),
            findings: self.max_findings.into(),
            level: self.level.into(),
            largest: self.max_size,
            time_scale: self.time_scale,
            shard: self.shard,
        }
    }

    fn time(&self) -> Option<Duration> {
        let unbounded = self.cases.is_none() && self.time.is_none();
        self.time.or(unbounded.then_some(TIME))
    }

    /// A way to the target on which many sessions leave each other room.
    fn tcp(&self, address: SocketAddr) -> Tcp {
        Tcp::new(address).unhurried().gate_limit(GATE.mul_f64(self.time_scale))
    }

    /// What a command line that plays a finding again says of the target.
    fn again(&self) -> String {
        match self.spoken.command(&self.command) {
            Ok(command) if self.client => format!("{} -- {}", command.options(), command.quoted()).trim().into(),
            _ => self.server.again(),
        }
    }

    /// Who is fuzzed.
    fn subject(&self) -> Result<Subject, Failure> {
        if !self.client {
            return self.server.server();
        }
        self.spoken.command(&self.command).map(Subject::Client)
    }

    /// How messages are framed: nobody has asked for the framings of the built-in server where a client is fuzzed.
    fn framings(&self) -> Result<Vec<Framing>, Failure> {
        match self.server.framing.as_slice() {
            [] if self.client => Err(Failure::usage(NO_FRAMING)),
            _ => self.server.framings(),
        }
    }
}

/// What one framing brought, and how long it took.
struct Run {
    framing: Framing,
    hunted: Hunted,
    took: Duration,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let (subject, framings) = (args.subject()?, args.framings()?);
    if args.findings.exists() && !args.findings.is_dir() {
        return Err(Failure::usage(format!(
            "findings cannot be written to {}: it is no folder",
            args.findings.display()
        )));
    }
    let progress = Progress::new(console, super::events::Events::default());
    let mut runs = Vec::new();
    let ended = engine::playing()?.block_on(async {
        tokio::select! {
            biased; // Ctrl-C is heard from before the first connection on
            () = engine::bound(args.time(), &progress) => Ok(()),
            ended = run_all(args, &subject, &framings, &progress, &mut runs) => ended,
        }
    });
    let stopped = progress.why_stopped();
    progress.finish();
    ended?;
    let mut exits: Vec<Exit> =
        stopped.filter(|stop| *stop == Stop::Interrupted).map(|_| Exit::Interrupted).into_iter().collect();
    for run in &runs {
        exits.push(tell(run, args, stopped.is_some(), console)?);
    }
    for framing in framings.iter().skip(runs.len()) {
        console.remark(&format!("{framing}: not fuzzed, the run was ended before"));
        exits.push(Exit::Untested);
    }
    Ok(Exit::of(&exits))
}

async fn run_all(
    args: &Args,
    subject: &Subject,
    framings: &[Framing],
    progress: &Progress,
    runs: &mut Vec<Run>,
) -> Result<(), Failure> {
    let address = subject.target().map(Target::resolve).transpose()?;
    let (exec, options) = (engine::start(subject, address, args.time_scale).await?, args.options(subject));
    for framing in framings {
        progress.framing(framing);
        let began = Instant::now();
        let hunted = match (subject, &exec, address) {
            (Subject::Client(command), ..) => {
                let launcher = Launcher::new(command, framing, args.time_scale);
                let hunted = hunt_client(&launcher, progress, framing, command.introduction(), &options).await;
                launcher.unstarted().map_or(Ok(hunted), |why| Err(Failure::Untested(why)))?
            }
            (_, Some(exec), _) => {
                exec.ensure().await?;
                let process: &dyn Process = exec;
                hunt(&args.tcp(exec.address()), progress, Some(process), framing, &options).await
            }
            (_, None, Some(address)) => hunt(&args.tcp(address), progress, None, framing, &options).await,
            (_, None, None) => {
                let reference = engine::Reference::start(framing)?;
                hunt(&args.tcp(reference.address), progress, None, framing, &options).await
            }
        };
        runs.push(Run { framing: framing.clone(), hunted, took: began.elapsed() });
    }
    Ok(())
}

/// Says what came of a framing, and writes what was found.
fn tell(run: &Run, args: &Args, stopped: bool, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let Run { framing, hunted, .. } = run;
    if let Err(Unfit::Unreachable(why)) = &hunted.calibration {
        let why = if stopped { "the run was ended before".into() } else { format!("no connection ({why})") };
        console.complain(&Failure::Untested(format!("{framing} was not fuzzed: {why}")));
        return Ok(Exit::Untested);
    }
    let level = args.level.into();
    let mut text = format!("{}\n", summary(run, level));
    for finding in &hunted.findings {
        let path = write(finding, args)?;
        text.push_str(&told(finding, &path, args));
    }
    console.print(text.as_bytes())?;
    Ok(match hunted {
        _ if hunted.findings.iter().any(|finding| finding.level() <= level) => Exit::Nonconforming,
        Hunted { unexplained: 1.., .. } => Exit::Inconclusive,
        _ => Exit::Conforms,
    })
}

/// `length:u32be: 10000 cases in 4.1 s (2439/s; 3292 connections/s, 5756 segments/s), 31 kinds of behaviour; no failure`
fn summary(run: &Run, level: Level) -> String {
    let Hunted { findings, cases, behaviours, again, unconfirmed, unexplained, open, dead, traffic, .. } = &run.hunted;
    let seconds = run.took.as_secs_f64();
    let rate = |count: u64| count as f64 / seconds.max(1e-3);
    let [each, connections, segments] = [*cases, traffic.connections, traffic.segments].map(rate);
    let failing = findings.iter().filter(|finding| finding.level() <= level).count();
    let mut failures = match failing {
        0 => "no failure".into(),
        1 => "1 failure".into(),
        count => format!("{count} failures"),
    };
    if failing < findings.len() {
        _ = write!(failures, ", {} less binding", findings.len() - failing);
    }
    let mut text = format!(
        "{}: {cases} cases in {seconds:.1} s ({each:.0}/s; {connections:.0} connections/s, {segments:.0} segments/s), \
         {behaviours} kinds of behaviour; {failures}",
        run.framing
    );
    let notes = [
        (*again, "like one of them"),
        (*unconfirmed, "did not come again"),
        (*unexplained, "not explained (a right server fails them, too, by what was measured)"),
        (*open, "inconclusive"),
    ];
    for (count, what) in notes.iter().filter(|(count, _)| *count > 0) {
        _ = write!(text, ", {count} {what}");
    }
    if *dead {
        text.push_str("; the target no longer answers");
    }
    text
}

fn told(finding: &Finding, path: &Path, args: &Args) -> String {
    let mut text = String::new();
    for line in finding.story() {
        _ = writeln!(text, "  {line}");
    }
    let again = match (finding.cost, path.file_stem()) {
        // What a process takes is weighed by `check` only.
        (Some(_), Some(id)) => {
            let (framing, id) = (&finding.framing, id.to_string_lossy());
            format!(
                "check {} --framing '{framing}' --scenarios {} --only {id} --level should",
                args.again(),
                path.display()
            )
        }
        _ => format!("replay {} {}", path.display(), args.again()),
    };
    let path = path.display();
    let steps = finding.steps();
    let found = if finding.confirmed { "shrunk" } else { "not confirmed" };
    let Finding { case, sessions, .. } = finding;
    _ = writeln!(text, "  case {case}, {found} in {sessions} sessions, {steps} steps: {path}");
    _ = writeln!(text, "  again: echospec {again}");
    text
}

/// Writes the scenario under a name that says what it is about; the same finding has the same file.
fn write(finding: &Finding, args: &Args) -> Result<PathBuf, Failure> {
    let unwritten = |path: &Path, error| Failure::Output(path.display().to_string(), error);
    let too_long = || io::Error::other("the scenario is too long for a file; --max-size makes it shorter");
    fs::create_dir_all(&args.findings).map_err(|error| unwritten(&args.findings, error))?;
    let name = format!("{}-{}", finding.key.requirement.to_lowercase(), finding.key.rule);
    let text = finding.text(&args.seed).ok_or_else(|| unwritten(&args.findings.join(&name), too_long()))?;
    let names = (1_u32..).map(|number| if number == 1 { name.clone() } else { format!("{name}-{number}") });
    let free = |path: &PathBuf| fs::read(path).map_or(true, |there| there == text.as_bytes());
    let path = names.map(|name| args.findings.join(name).with_extension("yaml")).find(free);
    let path = path.unwrap_or_else(|| args.findings.join(name));
    write_whole(&path, text.as_bytes()).map_err(|error| unwritten(&path, error))?;
    Ok(path)
}
