//! A checked command line becomes a run over TCP, and the run a report.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::client::{ClientCommand, Launcher, Visitors};
use super::ending::asked_to_end;
use super::exec::{self, Exec};
use super::exit::Failure;
use super::judging::Trial;
use super::progress::{Progress, Stop};
use super::subject::Subject;
use super::target::Target;
use crate::campaign::{self, FramingRun, Introduction, Material, Options, Process, Selection, Unfit};
use crate::framing::Framing;
use crate::oracle::{requirement, requirements};
use crate::peer::Settings;
use crate::profile::Side;
use crate::report::{Conformance, Part, Report};
use crate::scenario::{self, Scenario};
use crate::transport::{Server, Tcp, Transport};

/// How long the run may take to end by itself after it was asked to: nothing waits any longer then.
const GRACE: Duration = Duration::from_secs(5);

/// What a run brought.
#[derive(Debug)]
pub(super) struct Judged {
    /// The report, partial if the run was stopped.
    pub(super) report: Report,
    /// Framings in which nothing could be judged, each with the reason.
    pub(super) untested: Vec<Failure>,
}

/// Judges the target in every framing, one after another.
pub(super) fn check(trial: &Trial, progress: &Progress) -> Result<Judged, Failure> {
    let scenarios = scenarios(&trial.scenarios)?;
    let plan = plan(trial, &scenarios)?;
    let address = trial.subject.target().map(Target::resolve).transpose()?;
    let (started, clock) = (SystemTime::now(), Instant::now());
    let mut runs = Vec::new();
    let judging = Judging { trial, address, scenarios: &scenarios, plan: &plan, progress };
    playing()?.block_on(async {
        tokio::select! {
            biased; // Ctrl-C is heard from before the first connection on
            () = bound(trial.timeout, progress) => Ok(()),
            ended = judging.all(&mut runs) => ended,
        }
    })?;
    let mut report = campaign::fold(&runs, &material(trial));
    if runs.len() < trial.framings.len() && report.verdict == Conformance::Conforms {
        report.verdict = Conformance::Inconclusive; // what was given up might have failed
    }
    report.volatile.started = humantime::format_rfc3339_seconds(started).to_string();
    report.volatile.seconds = (clock.elapsed().as_secs_f64() * 1e3).round() / 1e3;
    Ok(Judged { report, untested: untested(trial, progress, &runs) })
}

/// The built-in scenarios and those that were named, which replace a built-in of the same id; by id.
pub(super) fn scenarios(paths: &[PathBuf]) -> Result<Vec<Scenario>, Failure> {
    let builtin = scenario::builtin().map_err(Failure::usage)?;
    let named = scenario::load(paths).map_err(Failure::usage)?;
    named.iter().try_for_each(known_requirements)?;
    let all: BTreeMap<String, Scenario> = builtin.into_iter().chain(named).map(|one| (one.id.clone(), one)).collect();
    Ok(all.into_values().collect())
}

/// A scenario may have requirements of its own; one that looks like ours must be one of ours.
fn known_requirements(scenario: &Scenario) -> Result<(), Failure> {
    let family = |id: &str| id.split('-').next().unwrap_or(id).to_owned();
    let ours = || requirements().map(|requirement| family(requirement.id));
    let unknown = |id: &&String| requirement(id).is_none() && ours().any(|known| known == family(id));
    match scenario.requirements.iter().find(unknown) {
        Some(id) => Err(Failure::usage(format!(
            "{}: there is no requirement {id}; `echospec list requirements` shows all",
            scenario.id
        ))),
        None => Ok(()),
    }
}

/// Refuses a pattern that is about the other side: it would judge nothing.
fn of_side(trial: &Trial, scenarios: &[Scenario]) -> Result<(), Failure> {
    let side = trial.subject.side();
    let (of, command) = match side {
        Side::Server => ("clients", "check-client"),
        Side::Client => ("servers", "check"),
    };
    for pattern in &trial.only {
        let alone = Selection::new(std::slice::from_ref(pattern), &[], scenarios).map_err(Failure::usage)?;
        if !scenarios.iter().any(|scenario| scenario.side() == side && alone.takes(scenario)) {
            return Err(Failure::usage(format!("`{pattern}` is about {of}: `echospec {command}` judges them")));
        }
    }
    Ok(())
}

fn plan(trial: &Trial, scenarios: &[Scenario]) -> Result<Options, Failure> {
    of_side(trial, scenarios)?;
    let mut selection = Selection::new(&trial.only, &trial.skip, scenarios).map_err(Failure::usage)?;
    selection.shard = trial.shard;
    Ok(Options {
        seed: trial.seed.number,
        jobs: trial.jobs,
        time_scale: trial.time_scale,
        thorough: trial.thorough,
        repeat: trial.repeat,
        patient: trial.patient,
        selection,
    })
}

/// For what serves or measures.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let mut builder = Builder::new_multi_thread();
    builder.enable_all().build().map_err(|error| Failure::System("no thread could be started".into(), error))
}

/// For what plays cases: on one thread. Another would only hand work over, and be woken for every reply.
pub(super) fn playing() -> Result<Runtime, Failure> {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().map_err(|error| Failure::System("no event loop could be started".into(), error))
}

/// What a run is made of.
struct Judging<'a> {
    trial: &'a Trial,
    address: Option<SocketAddr>,
    scenarios: &'a [Scenario],
    plan: &'a Options,
    progress: &'a Progress,
}

impl Judging<'_> {
    async fn all(&self, runs: &mut Vec<FramingRun>) -> Result<(), Failure> {
        let Self { trial, address, .. } = *self;
        let exec = start(&trial.subject, address, trial.time_scale).await?;
        let visitors = match &trial.subject {
            Subject::Visitors(_) => Some(self.wait_for_visitors()?),
            _ => None,
        };
        for framing in &trial.framings {
            self.progress.framing(framing);
            runs.push(match (&trial.subject, &exec, &visitors, address) {
                (Subject::Client(command), ..) => Box::pin(self.client(command, framing)).await?,
                (_, _, Some(visitors), _) => {
                    self.run_client(&visitors.speaking(framing), framing, Introduction::NONE).await
                }
                (_, Some(exec), ..) => {
                    exec.ensure().await?;
                    self.server(exec.address(), Some(exec), framing).await
                }
                (.., Some(address)) => self.server(address, None, framing).await,
                (.., None) => self.reference(framing).await?,
            });
        }
        Ok(())
    }

    async fn server(&self, address: SocketAddr, exec: Option<&Exec>, framing: &Framing) -> FramingRun {
        let process = exec.map(|exec| exec as &dyn Process);
        campaign::run_owned(&Tcp::new(address), self.progress, process, framing, self.scenarios, self.plan).await
    }

    async fn reference(&self, framing: &Framing) -> Result<FramingRun, Failure> {
        let reference = Reference::start(framing)?;
        Ok(self.server(reference.address, None, framing).await)
    }

    async fn client(&self, command: &ClientCommand, framing: &Framing) -> Result<FramingRun, Failure> {
        let launcher = Launcher::new(command, framing, self.trial.time_scale);
        let run = Box::pin(self.run_client(&launcher, framing, command.introduction())).await;
        launcher.unstarted().map_or(Ok(run), |why| Err(Failure::Untested(why)))
    }

    async fn run_client(&self, way: &impl Transport, framing: &Framing, introduction: Introduction) -> FramingRun {
        campaign::run_client(way, self.progress, framing, self.scenarios, self.plan, introduction).await
    }

    fn wait_for_visitors(&self) -> Result<Visitors, Failure> {
        let refused = |error| Failure::System("cannot listen for clients".into(), error);
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let visitors = Visitors::bind(self.address.unwrap_or(any), self.trial.time_scale).map_err(refused)?;
        self.progress.remark(&format!("waiting for clients at {}", visitors.address().map_err(refused)?));
        Ok(visitors)
    }
}

/// The target, if it is ours to start.
pub(super) async fn start(
    subject: &Subject,
    address: Option<SocketAddr>,
    time_scale: f64,
) -> Result<Option<Exec>, Failure> {
    let Subject::Command(line, _) = subject else { return Ok(None) };
    let no_port = |error| Failure::System("no port is free".into(), error);
    let address = address.map_or_else(exec::free_address, Ok).map_err(no_port)?;
    Exec::start(line, address, time_scale).await.map(Some)
}

/// The built-in server, on a port and threads of its own; ends when it goes out of scope.
pub(super) struct Reference {
    pub(super) address: SocketAddr,
    /// There until the end.
    serving: Option<Runtime>,
    _stop: watch::Sender<bool>,
}

impl Reference {
    pub(super) fn start(framing: &Framing) -> Result<Self, Failure> {
        let no_server = |error| Failure::System("the reference server cannot listen".into(), error);
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let serving = runtime()?;
        let server = {
            let _there = serving.enter();
            Server::bind(any, Settings::new(framing.clone()), usize::MAX).map_err(no_server)?
        };
        let address = server.address().map_err(no_server)?;
        let (stop, stopped) = watch::channel(false);
        serving.spawn(server.serve(stopped));
        Ok(Self { address, serving: Some(serving), _stop: stop })
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.serving.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// Asks the run to stop at Ctrl-C or when its time is up. Returns if it does not, or at a second Ctrl-C: the framing in
/// progress is given up then.
pub(super) async fn bound(timeout: Option<Duration>, progress: &Progress) {
    let out_of_time = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = out_of_time => progress.stop(Stop::OutOfTime),
        () = asked_to_end() => progress.stop(Stop::Interrupted),
    }
    tokio::select! {
        () = tokio::time::sleep(GRACE) => {}
        () = asked_to_end() => progress.stop(Stop::Interrupted),
    }
}

fn material(trial: &Trial) -> Material {
    let (target, command) = match &trial.subject {
        Subject::Reference => ("the built-in reference server", "echospec check".into()),
        Subject::Server(target) => ("the server at the given address", format!("echospec check {target}")),
        Subject::Command(line, target) => {
            let target = target.as_ref().map_or(String::new(), |target| format!(" {target}"));
            ("the command given by --exec", format!("echospec check{target} --exec {}", line.quoted()))
        }
        Subject::Client(command) => ("the client", format!("echospec check-client{}", command.options())),
        Subject::Visitors(target) => ("clients that connect", format!("echospec check-client --listen {target}")),
    };
    let behind = match &trial.subject {
        Subject::Client(command) => format!(" -- {}", command.quoted()),
        _ => String::new(),
    };
    let command = command + &conditions(trial);
    let started = match &trial.subject {
        Subject::Command(line, _) => line.joined(),
        Subject::Client(command) => command.quoted(),
        _ => String::new(),
    };
    Material {
        target: target.into(),
        address: trial.subject.target().map(ToString::to_string).unwrap_or_default(),
        started,
        seed: trial.seed.text.clone(),
        part: trial.shard.map(|shard| Part { number: shard.index, of: shard.count }),
        level: trial.level,
        command,
        behind,
    }
}

/// The options without which a failure may not be seen again.
fn conditions(trial: &Trial) -> String {
    let mut options = String::new();
    for path in &trial.scenarios {
        _ = write!(options, " --scenarios {}", campaign::quoted(&path.display().to_string()));
    }
    if trial.thorough {
        options.push_str(" --thorough");
    }
    let scale = trial.time_scale.to_string();
    if scale != "1" {
        _ = write!(options, " --time-scale {scale}");
    }
    options
}

const ENDED: &str = "the run was ended before";

/// Framings in which no connection could be had, and those that were given up.
fn untested(trial: &Trial, progress: &Progress, runs: &[FramingRun]) -> Vec<Failure> {
    let unnamed = match &trial.subject {
        Subject::Command(..) => "the command of --exec",
        Subject::Client(_) | Subject::Visitors(_) => "the client",
        _ => "the reference server",
    };
    let target = trial.subject.target().map_or(unnamed.into(), ToString::to_string);
    let say = |framing: &Framing, why: &str| Failure::Untested(format!("{target} was not tested in {framing}: {why}"));
    let unreachable = runs.iter().filter_map(|run| match &run.calibration {
        Err(Unfit::Unreachable(_)) if progress.why_stopped().is_some() => Some(say(&run.framing, ENDED)),
        Err(Unfit::Unreachable(why)) => Some(say(&run.framing, &format!("no connection ({why})"))),
        _ => None,
    });
    let given_up = trial.framings.iter().skip(runs.len()).map(|framing| say(framing, ENDED));
    unreachable.chain(given_up).collect()
}
