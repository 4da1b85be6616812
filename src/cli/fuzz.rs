//! `echospec fuzz`: looks for failures of a server with generated streams.

use std::fmt::Write;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::client::{self, Launcher};
use super::exec::Exec;
use super::exit::{Exit, Failure};
use super::output::write_whole;
use super::parse::{self, LevelName};
use super::progress::{Progress, Stop};
use super::seed::Seed;
use super::subject::{self, Subject};
use super::target::Target;
use super::{Console, engine};
use crate::campaign::{Process, Shard, Unfit, Watcher};
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

    /// End after so long, all framings together, which share it, as in 10m; 60s if neither this nor --cases is given
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
            until: None,
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
    /// Nothing where it was given up.
    hunted: Option<Hunted>,
    stopped: Option<Stop>,
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
    let ended = engine::playing()?.block_on(run_all(args, &subject, &framings, &progress, &mut runs));
    let stopped = progress.why_stopped();
    progress.finish();
    ended?;
    let mut exits: Vec<Exit> =
        stopped.filter(|stop| *stop == Stop::Interrupted).map(|_| Exit::Interrupted).into_iter().collect();
    for run in &runs {
        match &run.hunted {
            Some(hunted) => exits.extend(tell(run, hunted, args, console)?),
            None => exits.push(unfuzzed(&run.framing, console)),
        }
    }
    exits.extend(framings.iter().skip(runs.len()).map(|framing| unfuzzed(framing, console)));
    Ok(Exit::of(&exits))
}

fn unfuzzed(framing: &Framing, console: &mut Console<'_>) -> Exit {
    console.remark(&format!("{framing}: not fuzzed, the run was ended before"));
    Exit::Untested
}

/// One framing after the other: what is left of the time is shared by those that are left.
async fn run_all(
    args: &Args,
    subject: &Subject,
    framings: &[Framing],
    progress: &Progress,
    runs: &mut Vec<Run>,
) -> Result<(), Failure> {
    let address = subject.target().map(Target::resolve).transpose()?;
    let started = Instant::now();
    let exec = tokio::select! {
        biased; // Ctrl-C is heard from before the first connection on
        () = engine::bound(None, progress) => return Ok(()),
        exec = engine::start(subject, address, args.time_scale) => exec?,
    };
    for (at, framing) in framings.iter().enumerate() {
        progress.framing(framing);
        let left = args.time().map(|time| time.saturating_sub(started.elapsed()));
        let share = left.map(|left| left / u32::try_from(framings.len() - at).unwrap_or(1));
        let began = Instant::now();
        let hunted = tokio::select! {
            biased;
            () = engine::bound(share, progress) => None,
            hunted = fuzz(args, subject, exec.as_ref(), address, framing, share, progress) => Some(hunted?),
        };
        let (framing, stopped, took) = (framing.clone(), progress.why_stopped(), began.elapsed());
        runs.push(Run { framing, hunted, stopped, took });
        if stopped == Some(Stop::Interrupted) {
            break;
        }
        progress.go_on();
    }
    Ok(())
}

async fn fuzz(
    args: &Args,
    subject: &Subject,
    exec: Option<&Exec>,
    address: Option<SocketAddr>,
    framing: &Framing,
    share: Option<Duration>,
    progress: &Progress,
) -> Result<Hunted, Failure> {
    let mut options = args.options(subject);
    // Of a process of ours it is seen in the end what all that has cost.
    options.until =
        share.filter(|_| exec.is_some()).map(|share| Watcher::elapsed(progress) + share.mul_f64(UNTIL_WEIGHED));
    let options = &options;
    match (subject, exec, address) {
        (Subject::Client(command), ..) => {
            let launcher = Launcher::new(command, framing, args.time_scale);
            let hunted = Box::pin(hunt_client(&launcher, progress, framing, command.introduction(), options)).await;
            launcher.unstarted().map_or(Ok(hunted), |why| Err(Failure::Untested(why)))
        }
        (_, Some(exec), _) => {
            exec.ensure().await?;
            let process: &dyn Process = exec;
            Ok(hunt(&args.tcp(exec.address()), progress, Some(process), framing, options).await)
        }
        (_, None, Some(address)) => Ok(hunt(&args.tcp(address), progress, None, framing, options).await),
        (_, None, None) => {
            let reference = engine::Reference::start(framing)?;
            Ok(hunt(&args.tcp(reference.address), progress, None, framing, options).await)
        }
    }
}

/// Says what came of a framing, and writes what was found. What cannot be written is said.
fn tell(run: &Run, hunted: &Hunted, args: &Args, console: &mut Console<'_>) -> Result<Vec<Exit>, Failure> {
    let framing = &run.framing;
    if let Err(Unfit::Unreachable(why)) = &hunted.calibration {
        let why = if run.stopped.is_some() { ENDED.into() } else { format!("no connection ({why})") };
        console.complain(&Failure::Untested(format!("{framing} was not fuzzed: {why}")));
        return Ok(vec![Exit::Untested]);
    }
    let level = args.level.into();
    let verdict = verdict(hunted, level);
    if verdict == Exit::Untested {
        console.complain(&Failure::Untested(format!("{framing} was not fuzzed: {ENDED}")));
        return Ok(vec![verdict]);
    }
    let (mut exits, mut text) = (vec![verdict], format!("{}\n", summary(run, hunted, level)));
    for finding in &hunted.findings {
        match write(finding, args) {
            Ok(path) => text.push_str(&told(finding, &path, args)),
            Err(unwritten) => {
                console.complain(&unwritten);
                exits.push(unwritten.exit());
                text.push_str(&finding.text(&args.seed).unwrap_or_else(|| finding.story().join("\n") + "\n"));
            }
        }
    }
    console.print(text.as_bytes())?;
    Ok(exits)
}

/// So much of the time is for cases, where what they cost is weighed in the rest.
const UNTIL_WEIGHED: f64 = 0.8;

const ENDED: &str = "the run was ended before";

/// What is not known is no pass: a target of which nothing was judged, or nothing any more in the end; a failure that nobody
/// could look at or explain.
fn verdict(hunted: &Hunted, level: Level) -> Exit {
    let Hunted { findings, cases, judged, suspects, blind, unexplained, open, deaths, dead, .. } = hunted;
    let fails = findings.iter().any(|finding| finding.level() <= level);
    match () {
        () if fails || *dead || *deaths > 0 => Exit::Nonconforming,
        () if *cases == 0 && findings.is_empty() => Exit::Untested,
        () if *suspects > 0 || blind.is_some() || *unexplained > 0 || open >= judged => Exit::Inconclusive,
        () => Exit::Conforms,
    }
}

/// `length:u32be: 10000 cases in 4.1 s (2439/s; 3292 connections/s, 5756 segments/s), 31 kinds of behaviour; no failure`
fn summary(run: &Run, hunted: &Hunted, level: Level) -> String {
    let Hunted { findings, cases, behaviours, again, unconfirmed, unexplained, open, suspects, traffic, .. } = hunted;
    let seconds = run.took.as_secs_f64();
    let rate = |count: u64| count as f64 / seconds.max(1e-3);
    let [each, connections, segments] = [*cases, traffic.connections, traffic.segments].map(rate);
    let failing = findings.iter().filter(|finding| finding.level() <= level).count();
    let mut failures = match failing {
        0 if hunted.judged == 0 && *cases > 0 => "nothing was judged".into(),
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
        (*suspects as u64, "that nobody had the time to look at"),
        (*open, "inconclusive"),
    ];
    for (count, what) in notes.iter().filter(|(count, _)| *count > 0) {
        _ = write!(text, ", {count} {what}");
    }
    if let Some(blind) = hunted.blind {
        _ = write!(text, "; nothing could be judged in the last {:.1} s", blind.as_secs_f64());
    }
    match hunted.deaths {
        _ if hunted.dead => text.push_str("; the target no longer answers"),
        0 => {}
        1 => text.push_str("; the target died or fell silent once, and was started again"),
        deaths => _ = write!(text, "; the target died or fell silent {deaths} times, and was started again"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hunt::Traffic;
    use crate::session;

    /// A run in which so many cases were judged, and nothing failed.
    fn judged(cases: u64) -> Hunted {
        Hunted {
            calibration: Err(Unfit::Unreachable(session::Failure::Timeout)),
            findings: Vec::new(),
            cases,
            behaviours: 1,
            again: 0,
            unconfirmed: 0,
            unexplained: 0,
            open: 0,
            traffic: Traffic::default(),
            judged: cases,
            suspects: 0,
            blind: None,
            deaths: 0,
            dead: false,
        }
    }

    #[test]
    fn what_is_not_known_is_no_pass() {
        let verdict = |hunted| verdict(&hunted, Level::Must);
        assert_eq!(verdict(judged(100)), Exit::Conforms);
        assert_eq!(verdict(Hunted { open: 3, unconfirmed: 1, ..judged(100) }), Exit::Conforms);
        assert_eq!(verdict(judged(0)), Exit::Untested);
        for hunted in [
            Hunted { unexplained: 1, ..judged(100) },
            Hunted { suspects: 1, ..judged(100) },
            Hunted { blind: Some(Duration::from_secs(9)), ..judged(100) },
            Hunted { open: 60, judged: 40, ..judged(100) },
            Hunted { judged: 0, ..judged(32) },
        ] {
            assert_eq!(verdict(hunted.clone()), Exit::Inconclusive, "{hunted:?}");
        }
        for hunted in [Hunted { deaths: 1, ..judged(100) }, Hunted { dead: true, open: 100, ..judged(1) }] {
            assert_eq!(verdict(hunted.clone()), Exit::Nonconforming, "{hunted:?}");
        }
    }
}
