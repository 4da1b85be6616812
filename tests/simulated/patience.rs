//! For how long a target is looked at, over the simulator.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use echospec::campaign::{self, FramingRun, Introduction, Options, Selection, Watcher};
use echospec::framing::Framing;
use echospec::oracle::Verdict;
use echospec::peer::{Settings, client, fault};
use echospec::profile::Told;
use echospec::scenario;
use echospec::session::{Script, Trace};
use echospec::transport::{Simulator, Transport};

struct Nobody;

impl Watcher for Nobody {}

#[test]
fn of_a_target_that_takes_minutes_a_case_each_scenario_passes_once_and_later_each_requirement() {
    let framing: Framing = "lf".parse().expect("a framing");
    let scenarios = scenario::builtin().expect("the built-in scenarios");
    let selection = Selection::new(&["BYT-*".into()], &[], &scenarios).expect("it exists");
    let options = Options { selection, jobs: 1, ..Options::default() };
    let target = Simulator::new(Settings::new(framing.clone()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let run = runtime.block_on(campaign::run(&target, &Minutes::default(), &framing, &scenarios, &options));
    let is_brief = |reason: &Option<String>| reason.as_deref().is_some_and(|reason| reason.contains("is so slow that"));
    let (brief, rest): (Vec<_>, Vec<_>) = run.outcomes.iter().partition(|outcome| is_brief(&outcome.reason));
    let passed: Vec<_> = rest.iter().filter(|outcome| outcome.verdict == Verdict::Pass).collect();
    let scenarios: BTreeSet<_> = passed.iter().map(|outcome| &outcome.case.scenario).collect();
    let requirements: BTreeSet<_> = passed.iter().flat_map(|outcome| &outcome.case.requirements).collect();
    let proved = |case: &scenario::Case| case.requirements.iter().all(|id| requirements.contains(id));
    assert!(brief.len() > 50 && brief.iter().all(|outcome| proved(&outcome.case)));
    assert!(brief.iter().any(|outcome| !scenarios.contains(&outcome.case.scenario)));
    assert!(passed.len() <= scenarios.len() + 2, "{scenarios:?}");
}

/// A client with a fault, judged by all that is about clients.
fn judged(fault: &str, only: &str, watcher: &impl Watcher) -> FramingRun {
    let framing: Framing = "length:u32be".parse().expect("a framing");
    let client = Simulator::of_client(framing.clone(), Some(client::fault::find(fault).expect("a fault")));
    let scenarios = scenario::builtin().expect("the built-in scenarios");
    let selection = Selection::new(&[only.into()], &[], &scenarios).expect("it exists");
    let options = Options { selection, jobs: 1, ..Options::default() };
    let introduction = Introduction { told: Told::Bytes, prints: true, two_addresses: false };
    let run = campaign::run_client(&client, watcher, &framing, &scenarios, &options, introduction);
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(run)
}

#[test]
fn a_client_that_closes_late_every_time_is_told_so_once() {
    let run = judged("lingers", "CLI-*", &Nobody);
    let failed = run.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Fail);
    let failed: BTreeSet<_> = failed.flat_map(|outcome| &outcome.case.requirements).map(String::as_str).collect();
    assert_eq!(failed, BTreeSet::from(["CLI-07"]));
    let passed = run.outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Pass).count();
    assert!(passed > 100, "{passed}");
}

/// Says that the run has been on its way for as many minutes as cases were played, and hears what it does.
#[derive(Default)]
struct Minutes {
    cases: AtomicU32,
    judges: AtomicBool,
    looks_again: AtomicBool,
}

impl Watcher for Minutes {
    fn phase(&self, name: &str, _cases: usize) {
        self.judges.fetch_or(name == "judging", Ordering::Relaxed);
        self.looks_again.fetch_or(name.starts_with("looking again"), Ordering::Relaxed);
    }

    fn case_done(&self, _id: &str, _verdict: Verdict) {
        self.cases.fetch_add(1, Ordering::Relaxed);
    }

    fn elapsed(&self) -> Duration {
        Duration::from_secs(60) * self.cases.load(Ordering::Relaxed)
    }

    async fn after(&self, _time: Duration) {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_client_that_has_failed_is_not_looked_at_without_end() {
    let run = judged("always-succeeds", "CLI-*", &Minutes::default());
    let of = |wanted| run.outcomes.iter().filter(|outcome| outcome.verdict == wanted).count();
    assert!(of(Verdict::Fail) > 0 && of(Verdict::NotRun) > 50, "{} {}", of(Verdict::Fail), of(Verdict::NotRun));
}

#[test]
fn a_client_that_was_seen_to_wait_is_not_waited_for_once_more() {
    let watcher = Minutes::default();
    let run = judged("waits-forever", "client/silence", &watcher);
    assert!(run.outcomes.iter().any(|outcome| outcome.verdict == Verdict::Inconclusive));
    assert!(!watcher.looks_again.load(Ordering::Relaxed));
}

/// A target that never lets go of the first case.
struct Holding<'a> {
    server: Simulator,
    watcher: &'a Minutes,
    holds: AtomicBool,
}

impl Transport for Holding<'_> {
    async fn run(&self, script: Script) -> Trace {
        if self.watcher.judges.load(Ordering::Relaxed) && !self.holds.swap(true, Ordering::Relaxed) {
            return std::future::pending().await;
        }
        self.server.run(script).await
    }
}

#[test]
fn a_verdict_that_is_known_does_not_wait_for_a_case_without_end() {
    let framing: Framing = "lf".parse().expect("a framing");
    let scenarios = scenario::builtin().expect("the built-in scenarios");
    let selection = Selection::new(&["BYT-*".into()], &[], &scenarios).expect("it exists");
    let options = Options { selection, jobs: 2, ..Options::default() };
    let watcher = Minutes::default();
    let fault = fault::find("upper-case").expect("a fault");
    let server = Simulator::new(Settings::new(framing.clone()).with_fault(fault));
    let target = Holding { server, watcher: &watcher, holds: AtomicBool::new(false) };
    let run = campaign::run(&target, &watcher, &framing, &scenarios, &options);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let run = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), run).await });
    let run = run.expect("it ends");
    let of = |wanted| run.outcomes.iter().filter(|outcome| outcome.verdict == wanted).count();
    assert!(target.holds.into_inner() && of(Verdict::Fail) > 0 && of(Verdict::NotRun) > 0);
}
