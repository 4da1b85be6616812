//! A checked command line becomes a run over TCP, and the run a report.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use super::check::CheckOptions;
use super::exec::{self, CommandLine, Exec};
use super::exit::Failure;
use super::progress::{Progress, Stop};
use super::target::Target;
use crate::campaign::{self, FramingRun, Material, Options, Selection, Unfit};
use crate::framing::Framing;
use crate::peer::Settings;
use crate::report::{Conformance, Report};
use crate::scenario::{self, Scenario};
use crate::transport::{Server, Tcp};

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
pub(super) fn check(options: &CheckOptions, progress: &Progress) -> Result<Judged, Failure> {
    let scenarios = scenarios(&options.scenarios)?;
    let plan = plan(options, &scenarios)?;
    let address = options.target.as_ref().map(Target::resolve).transpose()?;
    let (started, clock) = (SystemTime::now(), Instant::now());
    let mut runs = Vec::new();
    runtime()?.block_on(async {
        tokio::select! {
            biased; // Ctrl-C is heard from before the first connection on
            () = bound(options.timeout, progress) => Ok(()),
            ended = run_all(options, address, &scenarios, &plan, progress, &mut runs) => ended,
        }
    })?;
    let mut report = campaign::fold(&runs, &material(options));
    if runs.len() < options.framings.len() && report.verdict == Conformance::Conforms {
        report.verdict = Conformance::Inconclusive; // what was given up might have failed
    }
    report.volatile.started = humantime::format_rfc3339_seconds(started).to_string();
    report.volatile.seconds = (clock.elapsed().as_secs_f64() * 1e3).round() / 1e3;
    Ok(Judged { report, untested: untested(options, progress, &runs) })
}

/// The built-in scenarios and those that were named, which replace a built-in of the same id; by id.
pub(super) fn scenarios(paths: &[PathBuf]) -> Result<Vec<Scenario>, Failure> {
    let builtin = scenario::builtin().map_err(Failure::usage)?;
    let named = scenario::load(paths).map_err(Failure::usage)?;
    let all: BTreeMap<String, Scenario> = builtin.into_iter().chain(named).map(|one| (one.id.clone(), one)).collect();
    Ok(all.into_values().collect())
}

fn plan(options: &CheckOptions, scenarios: &[Scenario]) -> Result<Options, Failure> {
    let mut selection = Selection::new(&options.only, &options.skip, scenarios).map_err(Failure::usage)?;
    selection.shard = options.shard;
    Ok(Options {
        seed: options.seed.number,
        jobs: options.jobs,
        time_scale: options.time_scale,
        thorough: options.thorough,
        repeat: options.repeat,
        selection,
    })
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build().map_err(|error| Failure::System("no thread could be started".into(), error))
}

async fn run_all(
    options: &CheckOptions,
    address: Option<SocketAddr>,
    scenarios: &[Scenario],
    plan: &Options,
    progress: &Progress,
    runs: &mut Vec<FramingRun>,
) -> Result<(), Failure> {
    let exec = start(options.exec.as_ref(), address, options.time_scale).await?;
    for framing in &options.framings {
        progress.framing(framing);
        if let Some(exec) = &exec {
            exec.ensure().await?;
            let tcp = Tcp::new(exec.address());
            runs.push(campaign::run_owned(&tcp, progress, Some(exec), framing, scenarios, plan).await);
            continue;
        }
        runs.push(match address {
            Some(address) => campaign::run(&Tcp::new(address), progress, framing, scenarios, plan).await,
            None => run_reference(framing, scenarios, plan, progress).await?,
        });
    }
    Ok(())
}

/// The target, if it is ours to start.
pub(super) async fn start(
    line: Option<&CommandLine>,
    address: Option<SocketAddr>,
    time_scale: f64,
) -> Result<Option<Exec>, Failure> {
    let Some(line) = line else { return Ok(None) };
    let no_port = |error| Failure::System("no port is free".into(), error);
    let address = address.map_or_else(exec::free_address, Ok).map_err(no_port)?;
    Exec::start(line, address, time_scale).await.map(Some)
}

/// The built-in server, on a port of its own; ends when it goes out of scope.
pub(super) struct Reference {
    pub(super) address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
    _stop: watch::Sender<bool>,
}

impl Reference {
    pub(super) fn start(framing: &Framing) -> Result<Self, Failure> {
        let no_server = |error| Failure::System("the reference server cannot listen".into(), error);
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::bind(any, Settings::new(framing.clone()), usize::MAX).map_err(no_server)?;
        let address = server.address().map_err(no_server)?;
        let (stop, stopped) = watch::channel(false);
        Ok(Self { address, serving: tokio::spawn(server.serve(stopped)), _stop: stop })
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Judges the built-in server.
async fn run_reference(
    framing: &Framing,
    scenarios: &[Scenario],
    plan: &Options,
    progress: &Progress,
) -> Result<FramingRun, Failure> {
    let reference = Reference::start(framing)?;
    Ok(campaign::run(&Tcp::new(reference.address), progress, framing, scenarios, plan).await)
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
        Ok(()) = tokio::signal::ctrl_c() => progress.stop(Stop::Interrupted),
    }
    tokio::select! {
        () = tokio::time::sleep(GRACE) => {}
        Ok(()) = tokio::signal::ctrl_c() => progress.stop(Stop::Interrupted),
    }
}

fn material(options: &CheckOptions) -> Material {
    let (target, address, command) = match &options.target {
        Some(target) => ("the server at the given address", target.to_string(), format!("echospec check {target}")),
        None => ("the built-in reference server", String::new(), "echospec check".into()),
    };
    let (target, command) = match &options.exec {
        Some(line) => ("the command given by --exec", format!("{command} --exec {}", line.quoted())),
        None => (target, command),
    };
    Material { target: target.into(), address, seed: options.seed.text.clone(), level: options.level, command }
}

const ENDED: &str = "the run was ended before";

/// Framings in which no connection could be had, and those that were given up.
fn untested(options: &CheckOptions, progress: &Progress, runs: &[FramingRun]) -> Vec<Failure> {
    let unnamed = if options.exec.is_some() { "the command of --exec" } else { "the reference server" };
    let target = options.target.as_ref().map_or(unnamed.into(), ToString::to_string);
    let say = |framing: &Framing, why: &str| Failure::Untested(format!("{target} was not tested in {framing}: {why}"));
    let unreachable = runs.iter().filter_map(|run| match &run.calibration {
        Err(Unfit::Unreachable(_)) if progress.why_stopped().is_some() => Some(say(&run.framing, ENDED)),
        Err(Unfit::Unreachable(why)) => Some(say(&run.framing, &format!("no connection ({why})"))),
        _ => None,
    });
    let given_up = options.framings.iter().skip(runs.len()).map(|framing| say(framing, ENDED));
    unreachable.chain(given_up).collect()
}
