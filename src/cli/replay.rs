//! `echospec replay`: a saved finding once more, and what a fuzz target left as a scenario.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Console;
use super::client::{self, ClientCommand, Launcher};
use super::ending::asked_to_end;
use super::engine::{self, runtime};
use super::exec::{CommandLine, Exec};
use super::exit::{Exit, Failure};
use super::parse;
use super::progress::Progress;
use super::subject::Subject;
use super::target::{PLACES, Target};
use crate::campaign::{Calibration, Process, Unfit, Watcher, answers_within, calibrate, measure, measure_client};
use crate::framing::Framing;
use crate::fuzzing::{Artifact, commented};
use crate::hunt;
use crate::oracle::{Breach, Judgement, judge, target_died, target_ended};
use crate::peer::Settings;
use crate::profile::{ClientProfile, Profile, Side, Tempo};
use crate::scenario::{self, Context, Plan};
use crate::session::{Event, Script, Trace};
use crate::transport::{Simulator, Tcp, Transport};

/// Run a saved finding again, or turn an input of a fuzz target into a scenario
///
/// Says FIXED (exit code 0), FAILS (1) or CANNOT TELL (4). What fails by time alone is tried three times. How long to wait is
/// measured, and nothing else: where right implementations differ, the framing declares it. A server that --exec has started must still run
/// after each case. Without TARGET and --exec the reference server is played with.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A scenario file
    #[arg(required_unless_present = "from_artifact", conflicts_with = "from_artifact")]
    file: Option<PathBuf>,

    #[arg(value_parser = Target::to_connect, help = PLACES, conflicts_with = "from_artifact")]
    target: Option<Target>,

    /// Start the server first: CMD, in which {port} stands for the port to listen on; it is ended afterwards
    #[arg(long, value_name = "CMD", conflicts_with = "from_artifact")]
    exec: Option<CommandLine>,

    /// How messages are framed; without it, as the line `# framing: F` of the file says
    #[arg(long, value_name = "F", value_parser = parse::framing, conflicts_with = "from_artifact")]
    framing: Option<Framing>,

    /// Print the scenario that an input of the fuzz targets framing, session or live stands for
    #[arg(long, value_name = "FILE")]
    from_artifact: Option<PathBuf>,

    /// How to start the client of a scenario about clients, without a shell
    #[arg(last = true, value_name = "CMD", conflicts_with_all = ["target", "exec", "from_artifact"])]
    command: Vec<String>,

    /// Whose input it is; without it, as the folder that it lies in is called
    #[arg(long, value_name = "NAME", requires = "from_artifact")]
    of: Option<Artifact>,

    #[command(flatten)]
    client: client::Options,
}

const EXAMPLES: &str = "\
Examples:
  echospec replay --from-artifact fuzz/artifacts/session/crash-0f3a > finding.yaml
  echospec replay finding.yaml 7000
  echospec replay finding.yaml --exec 'python3 server.py {port}'
  echospec replay finding.yaml -- ./my-client {host} {port}";

const NO_COMMAND: &str = "\
the file is about a client: how is it started?

  for example  echospec replay finding.yaml -- ./my-client {host} {port}";

const NO_TARGET: &str = "\
the file is about a server, and a command behind `--` is a client: where is the server?

  for example  echospec replay finding.yaml 7000
               echospec replay finding.yaml --exec './my-server {port}'";

/// What such a scenario is about is not seen here.
const UNWEIGHED: &str = "what the target's process takes is judged by `echospec check --exec CMD --scenarios FILE`";

/// Where a file says in which framing it was found.
const FRAMING: &str = "# framing: ";

/// What is said meanwhile.
const LATE: &str = "something did not come in time; it is tried again with more time";

/// What fails by time alone must do so that often, each time with more time.
const TRIES: u32 = 3;
const MORE_TIME: f64 = 4.0;

/// So often it is looked whether a process that has answered ends nevertheless, so long apart.
const LOOKS: usize = 4;
const BETWEEN: Duration = Duration::from_millis(50);
/// A server that is silent is asked so often, each time with so much time, until it counts as dead.
const PATIENCE: [f64; 2] = [1.0, 2.0];

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    match (&args.from_artifact, &args.file) {
        (Some(artifact), _) => retell(artifact, args.of, console),
        (None, Some(file)) => replay(file, args, console),
        (None, None) => Err(Failure::usage("a scenario file is missing")),
    }
}

fn retell(path: &Path, of: Option<Artifact>, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let data = fs::read(path).map_err(|error| wrong(path, error))?;
    let folder = || path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let of = match of {
        Some(of) => of,
        None => folder().and_then(|name| name.parse().ok()).ok_or_else(|| {
            wrong(path, "its folder does not say whose input it is: --of framing, --of session or --of live")
        })?,
    };
    let (scenario, framing) = of.scenario(&data);
    let comment = [format!("What an input of the fuzz target `{of}` stands for."), format!("framing: {framing}")];
    let text = commented(&scenario, &comment).ok_or_else(|| wrong(path, "it is too long for a scenario file"))?;
    console.print(text.as_bytes())?;
    Ok(Exit::Conforms)
}

fn wrong(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::Input(path.display().to_string(), why.to_string())
}

fn replay(file: &Path, args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let framing = match &args.framing {
        Some(framing) => framing.clone(),
        None => framing_of(file)?,
    };
    let scenarios = scenario::load(&[file.to_owned()]).map_err(Failure::usage)?;
    for (side, is_played, why) in
        [(Side::Client, !args.command.is_empty(), NO_COMMAND), (Side::Server, args.command.is_empty(), NO_TARGET)]
    {
        if !is_played && scenarios.iter().any(|scenario| scenario.side() == side) {
            return Err(Failure::usage(why));
        }
    }
    let way = Way::new(args, &framing)?;
    let progress = Progress::new(console, super::events::Events::default());
    progress.phase("measuring the target", 0);
    let known = way.known(&framing)?;
    let mut verdict = Verdict::Fixed;
    if known.is_dead {
        console.remark("the target died while it was measured");
        verdict = Verdict::Fails;
    } else {
        for scenario in scenarios {
            verdict = verdict.max(tried(&scenario, &framing, &way, &known, &progress, console)?);
        }
    }
    progress.finish();
    console.print(format!("{}\n", verdict.words()).as_bytes())?;
    Ok(verdict.exit())
}

/// The framing that stands in a comment of the file.
fn framing_of(file: &Path) -> Result<Framing, Failure> {
    let text = fs::read_to_string(file).map_err(|error| wrong(file, error))?;
    let line = text.lines().find_map(|line| line.strip_prefix(FRAMING));
    let framing = line.ok_or_else(|| wrong(file, "it does not say how messages are framed: add --framing"))?;
    framing.parse().map_err(|error| wrong(file, error))
}

/// What comes of a finding, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Fixed,
    CannotTell,
    Fails,
}

impl Verdict {
    fn words(self) -> &'static str {
        match self {
            Self::Fixed => "FIXED",
            Self::CannotTell => "CANNOT TELL",
            Self::Fails => "FAILS",
        }
    }

    fn exit(self) -> Exit {
        match self {
            Self::Fixed => Exit::Conforms,
            Self::CannotTell => Exit::Inconclusive,
            Self::Fails => Exit::Nonconforming,
        }
    }
}

/// What is known of the target, and how long to wait for it.
struct Known {
    profile: Profile,
    tempo: Tempo,
    /// Measuring it was its end.
    is_dead: bool,
}

/// How a finding is played.
enum Way {
    /// With the reference server, in virtual time.
    Reference(Framing),
    /// With the server at an address.
    Server(Tcp),
    /// With a server that is started here.
    Command(Exec, Tcp),
    /// With a client that is started once a case.
    Client(ClientCommand, Framing),
}

impl Way {
    fn new(args: &Args, framing: &Framing) -> Result<Self, Failure> {
        if !args.command.is_empty() {
            return Ok(Self::Client(args.client.command(&args.command)?, framing.clone()));
        }
        let subject = Subject::server(args.exec.as_ref(), args.target.as_ref())?;
        let address = subject.target().map(Target::resolve).transpose()?;
        let exec = runtime()?.block_on(engine::start(&subject, address, 1.0))?;
        Ok(match (exec, address) {
            (Some(exec), _) => {
                let tcp = Tcp::new(exec.address());
                Self::Command(exec, tcp)
            }
            (None, Some(address)) => Self::Server(Tcp::new(address)),
            (None, None) => Self::Reference(framing.clone()),
        })
    }

    /// Of a client what plain sessions show, of a server what its framing declares.
    fn known(&self, framing: &Framing) -> Result<Known, Failure> {
        let (profile, tempo, is_dead) = (Profile::declared(framing), Tempo::PATIENT, false);
        match self {
            Self::Reference(_) => Ok(Known { profile, tempo, is_dead }),
            Self::Server(tcp) => unless_ended(deadlines(tcp, None, framing))?,
            Self::Command(exec, tcp) => {
                let known = unless_ended(deadlines(tcp, Some(exec), framing))??;
                // What measuring has left in it is no part of the finding.
                unless_ended(exec.restart())?.again.map_err(Failure::Untested)?;
                Ok(known)
            }
            Self::Client(command, _) => Self::client(command, framing),
        }
    }

    fn client(command: &ClientCommand, framing: &Framing) -> Result<Known, Failure> {
        let (launcher, is_dead) = (Launcher::new(command, framing, 1.0), false);
        let measured = measure_client(&launcher, framing, command.introduction(), 1.0, 0);
        match (runtime()?.block_on(measured), launcher.unstarted()) {
            (_, Some(why)) => Err(Failure::Untested(why)),
            (Ok(Calibration { profile, tempo, .. }), None) => Ok(Known { profile, tempo, is_dead }),
            // One that does not send a plain message is played with all the same.
            (Err(_), None) => {
                let client = Some(Box::new(ClientProfile::unknown(framing, command.told())));
                let profile = Profile { client, ..Profile::declared(framing) };
                Ok(Known { profile, tempo: Tempo::PATIENT, is_dead })
            }
        }
    }

    fn played(&self, script: &Script) -> Result<Trace, Failure> {
        let trace = match self {
            Self::Reference(framing) => {
                return Ok(Simulator::new(Settings::new(framing.clone())).play(script.clone()));
            }
            Self::Client(command, framing) => {
                let launcher = Launcher::new(command, framing, 1.0);
                let trace = runtime()?.block_on(launcher.run(script.clone()));
                return launcher.unstarted().map_or(Ok(trace), |why| Err(Failure::Untested(why)));
            }
            Self::Server(tcp) => unless_ended(tcp.run(script.clone()))?,
            Self::Command(exec, tcp) => {
                unless_ended(exec.ensure())??;
                unless_ended(tcp.run(script.clone()))?
            }
        };
        let refused = trace.records.iter().find_map(|record| match record.event {
            Event::ConnectFailed(why) => Some(why),
            _ => None,
        });
        match refused {
            Some(why) => Err(Failure::Untested(format!("cannot connect: {why}"))),
            None => Ok(trace),
        }
    }

    /// Whether the process ends: one that dies closes its connections a moment before, which looks like an answer.
    async fn ends(&self) -> bool {
        let Self::Command(exec, _) = self else { return false };
        for _ in 0..LOOKS {
            if exec.ended() {
                return true;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        false
    }

    /// Whether the server is there no more.
    fn death(&self, framing: &Framing, tempo: Tempo) -> Result<Option<Breach>, Failure> {
        let tcp = match self {
            Self::Reference(_) | Self::Client(..) => return Ok(None),
            Self::Server(tcp) | Self::Command(_, tcp) => tcp,
        };
        if unless_ended(answers_within(tcp, framing, tempo, &PATIENCE))? && !unless_ended(self.ends())? {
            return Ok(None);
        }
        match self {
            Self::Command(exec, _) if exec.ended() => {
                let restarted = unless_ended(exec.restart())?;
                restarted.again.map_err(Failure::Untested)?;
                Ok(Some(target_ended(&restarted.how)))
            }
            _ => Ok(Some(target_died())),
        }
    }

    /// Plays a case; what fails by time alone, again as the patient script of it.
    fn judged(&self, scripts: &[Script; 2], again: impl Fn(u32)) -> Result<Judgement, Failure> {
        let [script, patient] = scripts;
        let mut judgement = judge(script, &self.played(script)?);
        for time in 2..=TRIES {
            if judgement.rests_on_time() {
                again(time);
                judgement = judge(patient, &self.played(patient)?);
            }
        }
        Ok(judgement)
    }
}

/// How long `check` and `fuzz` would wait for this server.
async fn deadlines(tcp: &Tcp, process: Option<&Exec>, framing: &Framing) -> Result<Known, Failure> {
    let process = process.map(|exec| exec as &dyn Process);
    let known = |tempo, is_dead| Ok(Known { profile: Profile::declared(framing), tempo, is_dead });
    match calibrate(tcp, process, framing, 1.0).await {
        Ok(mut calibration) => {
            let is_dead = calibration.died_of.is_some() && process.is_none();
            if calibration.died_of.is_none() {
                measure(tcp, framing, &mut calibration, hunt::Options::LARGEST as u64).await;
            }
            known(calibration.tempo, is_dead)
        }
        Err(Unfit::Unreachable(why)) => Err(Failure::Untested(format!("cannot connect: {why}"))),
        // One that does not even send a plain message back is played with all the same.
        Err(Unfit::Mute { .. }) => known(Tempo::PATIENT, false),
    }
}

/// What comes of it, unless somebody asks for the end before: what was started here must not outlive it.
fn unless_ended<T>(task: impl Future<Output = T>) -> Result<T, Failure> {
    let either = async {
        tokio::select! {
            done = task => Ok(done),
            () = asked_to_end() => Err(Failure::Interrupted),
        }
    };
    runtime()?.block_on(either)
}

/// Tries every case of a scenario, and says what is wrong.
fn tried(
    scenario: &scenario::Scenario,
    framing: &Framing,
    way: &Way,
    Known { profile, tempo, .. }: &Known,
    progress: &Progress,
    console: &mut Console<'_>,
) -> Result<Verdict, Failure> {
    let context = Context { thorough: true, ..Context::new(framing, profile, *tempo) };
    let patient = Context { tempo: tempo.scaled(MORE_TIME), ..context };
    let mut verdict = Verdict::Fixed;
    for (case, patient) in scenario.expand(&context).into_iter().zip(scenario.expand(&patient)) {
        let scripts = match (case.plan, patient.plan) {
            (Plan::Play(script), Plan::Play(patient)) => [script, patient],
            (Plan::Skip(reason), _) | (_, Plan::Skip(reason)) => {
                console.remark(&format!("{}: {reason}", case.id));
                verdict = verdict.max(Verdict::CannotTell);
                continue;
            }
        };
        if case.watch.is_some() {
            console.remark(&format!("{}: {UNWEIGHED}", case.id));
            verdict = verdict.max(Verdict::CannotTell);
        }
        progress.phase(&case.id, 0);
        let again = |time| progress.remark(&format!("{}: {LATE}, {time} of {TRIES}", case.id));
        let mut judgement = way.judged(&scripts, again)?;
        if judgement.breaches.is_empty() {
            judgement.breaches.extend(way.death(framing, *tempo)?);
        }
        let open = judgement.inconclusive.iter().map(String::as_str);
        for what in judgement.breaches.iter().map(|breach| breach.sentence.as_str()).chain(open) {
            console.remark(&format!("{}: {what}", case.id));
        }
        verdict = verdict.max(verdict_on(&judgement));
    }
    Ok(verdict)
}

fn verdict_on(judgement: &Judgement) -> Verdict {
    match judgement {
        judgement if judgement.is_pass() => Verdict::Fixed,
        judgement if judgement.breaches.is_empty() => Verdict::CannotTell,
        _ => Verdict::Fails,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(args: &[&str]) -> (Exit, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = ["echospec", "replay"].iter().chain(args).map(Into::into);
        let exit = crate::cli::run(args, &mut Console::plain(&mut out, &mut err));
        (exit, String::from_utf8(out).unwrap() + &String::from_utf8(err).unwrap())
    }

    #[test]
    fn an_artifact_becomes_a_scenario_that_is_replayed() {
        let folder = tempfile::tempdir().unwrap();
        let artifact = folder.path().join("session/crash-1");
        fs::create_dir(artifact.parent().unwrap()).unwrap();
        fs::write(&artifact, [2, 0, 0, 1, 1, 5, b'h', b'e', b'l', b'l', b'o', 0]).unwrap();
        let (exit, text) = said(&["--from-artifact", artifact.to_str().unwrap()]);
        assert_eq!(exit, Exit::Conforms, "{text}");
        let file = folder.path().join("finding.yaml");
        fs::write(&file, text).unwrap();
        let (exit, text) = said(&[file.to_str().unwrap()]);
        assert_eq!((exit, text.as_str()), (Exit::Conforms, "FIXED\n"));
    }

    #[test]
    fn a_finding_that_still_fails_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("finding.yaml");
        fs::write(
            &file,
            "# framing: lf\ntitle: t\nsteps:\n  - send: {raw: {hex: \"610a\"}, carries: [b]}\n  - expect: echo\n",
        )
        .unwrap();
        let (exit, text) = said(&[file.to_str().unwrap()]);
        assert_eq!(exit, Exit::Nonconforming, "{text}");
        assert!(text.contains("what came back is not what was sent") && text.contains("FAILS"), "{text}");
    }

    #[test]
    fn what_does_not_apply_tells_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("finding.yaml");
        fs::write(&file, "# framing: lf\ntitle: t\napplies: {strategies: [length]}\nsteps:\n  - expect: alive\n")
            .unwrap();
        assert_eq!(said(&[file.to_str().unwrap()]).0, Exit::Inconclusive);
    }

    #[test]
    fn err_a_command_is_no_server() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("finding.yaml");
        fs::write(&file, "# framing: lf\ntitle: t\nsteps:\n  - expect: alive\n").unwrap();
        let (exit, text) = said(&[file.to_str().unwrap(), "--", "./server"]);
        assert_eq!(exit, Exit::Usage);
        assert!(text.contains("--exec './my-server {port}'"), "{text}");
    }

    #[test]
    fn err_nobody_knows_whose_input_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("crash");
        fs::write(&file, "x").unwrap();
        let (exit, text) = said(&["--from-artifact", file.to_str().unwrap()]);
        assert_eq!(exit, Exit::Usage);
        assert!(text.contains("--of session"), "{text}");
    }
}
