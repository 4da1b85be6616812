//! Faults of the reference server against the scenarios of the requirements that they exist to break, over the simulator.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use echospec::campaign::{self, FramingRun, Options, Watcher};
use echospec::framing::Framing;
use echospec::oracle::{Level, Verdict, requirement};
use echospec::peer::fault::Kind;
use echospec::peer::{Fault, Settings};
use echospec::scenario::Scenario;
use echospec::transport::Simulator;

/// One fault in one framing.
#[derive(Clone)]
pub(crate) struct Cell {
    pub(crate) kind: Kind,
    pub(crate) fault: &'static Fault,
    pub(crate) framing: &'static str,
    /// The requirements that failed, or could not be concluded.
    pub(crate) failed: BTreeSet<String>,
}

impl Cell {
    pub(crate) fn new(kind: Kind, fault: &'static Fault, framing: &'static str) -> Self {
        Self { kind, fault, framing, failed: BTreeSet::new() }
    }

    pub(crate) fn framing(&self) -> Framing {
        self.framing.parse().expect("a framing")
    }

    /// It must fail nothing: a way to be right, or what nobody can see.
    pub(crate) fn is_harmless(&self) -> bool {
        matches!(self.kind, Kind::Right | Kind::Unobservable)
    }

    /// What it exists to break, the most binding first.
    fn aims(&self) -> Vec<&'static str> {
        let mut aims = self.fault.breaks.to_vec();
        aims.sort_by_key(|id| level(id));
        aims
    }

    /// The requirement that killed the fault, of those that it exists to break; a MUST if there is one.
    pub(crate) fn killer(&self) -> Option<&'static str> {
        self.aims().into_iter().find(|id| self.failed.contains(*id))
    }

    pub(crate) fn complaint(&self) -> Option<String> {
        let (name, framing) = (self.fault.name, self.framing);
        if self.is_harmless() {
            let unjust = self.failed.iter().filter(|id| !self.fault.breaks.contains(&id.as_str()));
            let unjust: Vec<_> = unjust.cloned().collect();
            let said = format!("{name} in {framing} must fail nothing, and fails {}", unjust.join(" "));
            return (!unjust.is_empty()).then_some(said);
        }
        let survives = || format!("{name} in {framing} survives {}", self.fault.breaks.join(" "));
        self.killer().is_none().then(survives)
    }
}

pub(crate) fn level(id: &str) -> Level {
    requirement(id).expect("a fault breaks requirements that exist").level
}

/// The scenarios, by what they are about.
pub(crate) struct Range {
    of: BTreeMap<String, Vec<Scenario>>,
    /// What is tried against every fault that must fail nothing.
    light: Vec<Scenario>,
}

impl Range {
    /// `heavy` says which scenarios are left out where every one of them is played.
    pub(crate) fn new(scenarios: Vec<Scenario>, heavy: impl Fn(&Scenario) -> bool) -> Self {
        let mut of: BTreeMap<String, Vec<Scenario>> = BTreeMap::new();
        for scenario in &scenarios {
            for id in &scenario.requirements {
                of.entry(id.clone()).or_default().push(scenario.clone());
            }
        }
        let light = scenarios.into_iter().filter(|scenario| !heavy(scenario)).collect();
        Self { of, light }
    }

    /// Whether a scenario is about this requirement.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.of.contains_key(id)
    }

    /// Plays a fault against everything if it must fail nothing, and otherwise against one requirement after the other
    /// until one kills it.
    pub(crate) fn play(&self, cell: &mut Cell) {
        if cell.is_harmless() {
            cell.failed = failed(&run(cell, &self.light, &Hunter::of(&[]), false));
            return;
        }
        let aims = cell.aims();
        let mut tries = [false, true].iter().flat_map(|thorough| aims.iter().map(move |id| (*id, *thorough)));
        cell.failed.extend(tries.find(|(id, thorough)| self.kills(cell, id, *thorough)).map(|(id, _)| id.to_owned()));
    }

    /// Whether a fault fails this requirement, where only a thorough run plays what is about it, or not.
    pub(crate) fn kills(&self, cell: &Cell, id: &str, thorough: bool) -> bool {
        let of = self.of.get(id).filter(|scenarios| scenarios.iter().any(|scenario| scenario.thorough == thorough));
        let Some(scenarios) = of else { return false };
        let hunter = Hunter::of(scenarios);
        let killed = failed(&run(cell, scenarios, &hunter, thorough)).contains(id);
        // What it stopped at may have been a failure by time that did not repeat.
        let in_vain = || hunter.killed.load(Ordering::Relaxed);
        killed || in_vain() && failed(&run(cell, scenarios, &Hunter::of(&[]), thorough)).contains(id)
    }
}

/// Ends a run at the first failure.
struct Hunter<'a> {
    /// The scenarios whose failure it is.
    prey: BTreeSet<&'a str>,
    killed: AtomicBool,
    confirming: AtomicBool,
}

impl<'a> Hunter<'a> {
    fn of(prey: &'a [Scenario]) -> Self {
        let prey = prey.iter().map(|scenario| scenario.id.as_str()).collect();
        Self { prey, killed: AtomicBool::new(false), confirming: AtomicBool::new(false) }
    }
}

impl Watcher for Hunter<'_> {
    fn phase(&self, name: &str, _cases: usize) {
        self.confirming.fetch_or(name.starts_with("confirming"), Ordering::Relaxed);
    }

    fn case_done(&self, id: &str, verdict: Verdict) {
        let is_prey = id.split('[').next().is_some_and(|scenario| self.prey.contains(scenario));
        self.killed.fetch_or(verdict == Verdict::Fail && is_prey, Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.killed.load(Ordering::Relaxed) && !self.confirming.load(Ordering::Relaxed)
    }
}

/// Plays scenarios against a fault.
fn run(cell: &Cell, scenarios: &[Scenario], hunter: &Hunter<'_>, thorough: bool) -> FramingRun {
    let framing = cell.framing();
    let simulator = Simulator::new(Settings::new(framing.clone()).with_fault(cell.fault));
    let options = Options { jobs: 1, thorough, ..Options::default() };
    let run = async { campaign::run(&simulator, hunter, &framing, scenarios, &options).await };
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(run)
}

fn failed(run: &FramingRun) -> BTreeSet<String> {
    let bad = |verdict| matches!(verdict, Verdict::Fail | Verdict::Flaky | Verdict::Inconclusive);
    let outcomes = run.outcomes.iter().filter(|outcome| bad(outcome.verdict));
    let marked = |outcome: &campaign::Outcome, id: &String| match outcome.verdict {
        Verdict::Fail => id.clone(),
        other => format!("{id} ({other})"),
    };
    outcomes.flat_map(|outcome| outcome.case.requirements.iter().map(move |id| marked(outcome, id))).collect()
}
