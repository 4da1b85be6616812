//! The tester is tested: every fault of the reference server is killed in every framing to which it applies, by a
//! requirement that it exists to break; right variants, and faults that nobody can see from outside, fail nothing.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use echospec::campaign::{self, FramingRun, Options, Selection, Watcher};
use echospec::framing::Framing;
use echospec::oracle::Verdict;
use echospec::peer::fault::{self, Kind};
use echospec::peer::{Fault, Settings};
use echospec::scenario::{self, Scenario};
use echospec::transport::Simulator;

/// One of each kind, and each way to treat what is over the maximum.
const FRAMINGS: &[&str] = &[
    "raw",
    "close",
    "fixed:16",
    "length:u16be",
    "length:u32be",
    "length:u32be,max=64KiB,over=close",
    "length:u32be,max=1KiB,over=skip",
    "length:varint",
    "netstring,max=99999",
    "lsp",
    "lf",
    "lf,max=4KiB,over=close",
    "lines",
    "crlf",
    "crlf,max=1KiB,over=skip",
    "nul",
    "delimiter:\"]]>]]>\"",
    "slip",
    "cobs",
    "smtp-data",
];

/// These send several mebibytes and prove nothing about framing that smaller ones do not: left out, but for the faults
/// that exist to be found by them.
const HEAVY: &[&str] = &[];

fn scenarios() -> Vec<Scenario> {
    scenario::builtin().expect("the built-in scenarios")
}

/// What a run of one fault in one framing brought.
struct Cell {
    fault: &'static Fault,
    kind: Kind,
    framing: &'static str,
    /// What failed, or could not be concluded, by requirement.
    failed: Vec<String>,
    seconds: f64,
}

/// Ends a run at the first failure of a requirement that the fault exists to break.
struct Hunter<'a> {
    breaks: &'a [&'a str],
    scenarios: &'a [Scenario],
    killed: AtomicBool,
    confirming: AtomicBool,
    clock: Mutex<(std::time::Instant, std::collections::BTreeMap<String, (usize, f64)>)>,
}

impl Watcher for Hunter<'_> {
    fn phase(&self, name: &str, _cases: usize) {
        if name.starts_with("confirming") {
            self.confirming.store(true, Ordering::Relaxed);
        }
    }

    fn case_done(&self, id: &str, verdict: Verdict) {
        let name = id.split('[').next().unwrap_or(id);
        let mut clock = self.clock.lock().unwrap();
        let took = clock.0.elapsed().as_secs_f64();
        let e = clock.1.entry(name.to_owned()).or_default();
        e.0 += 1; e.1 += took;
        clock.0 = std::time::Instant::now();
        let scenario = self.scenarios.iter().find(|scenario| scenario.id == name);
        let broken = scenario.is_some_and(|it| it.requirements.iter().any(|id| self.breaks.contains(&id.as_str())));
        if verdict == Verdict::Fail && broken {
            self.killed.store(true, Ordering::Relaxed);
        }
    }

    fn stopped(&self) -> bool {
        self.killed.load(Ordering::Relaxed) && !self.confirming.load(Ordering::Relaxed)
    }
}

fn run(fault: &'static Fault, framing: &Framing, scenarios: &[Scenario], only: &[String]) -> FramingRun {
    let settings = Settings::new(framing.clone()).with_fault(fault);
    let skip: Vec<_> = HEAVY.iter().map(|id| (*id).to_owned()).collect();
    let selection = Selection::new(only, &skip, scenarios).expect("patterns that match");
    let options = Options { jobs: 1, selection, ..Options::default() };
    let (killed, confirming) = (AtomicBool::new(false), AtomicBool::new(false));
    let hunter = Hunter { breaks: fault.breaks, scenarios, killed, confirming, clock: Mutex::new((std::time::Instant::now(), Default::default())) };
    let run = async {
        campaign::run(&Simulator::new(settings), &hunter, framing, scenarios, &options).await
    };
    let run = tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(run);
    if std::env::var("SLOW").is_ok() {
        let clock = hunter.clock.lock().unwrap();
        let mut all: Vec<_> = clock.1.iter().collect();
        all.sort_by(|a, b| b.1.1.total_cmp(&a.1.1));
        for (k, v) in all.iter().take(22) { eprintln!("   {:.2}s {} {k}", v.1, v.0); }
    }
    run
}

/// The requirements that a fault is tried against: what it breaks, and what everything rests on. What must fail nothing
/// is tried against all.
fn tried(kind: Kind, fault: &Fault, scenarios: &[Scenario]) -> Vec<String> {
    if matches!(kind, Kind::Right | Kind::Unobservable) {
        return Vec::new();
    }
    let known = |id: &&str| scenarios.iter().any(|one| one.requirements.iter().any(|named| named == *id));
    let ids = fault.breaks.iter().chain(BASIC);
    ids.copied().filter(known).map(str::to_owned).collect()
}

/// A server that does not even send a plain message back is judged by these alone.
const BASIC: &[&str] = &["SES-02", "SES-03", "SES-08", "CLS-01"];

fn failed(run: &FramingRun) -> Vec<String> {
    let mut ids = BTreeSet::new();
    for outcome in &run.outcomes {
        let mark = match outcome.verdict {
            Verdict::Fail => "",
            Verdict::Flaky => "~",
            Verdict::Inconclusive => "?",
            Verdict::Pass | Verdict::Skipped | Verdict::NotRun => continue,
        };
        ids.extend(outcome.case.requirements.iter().map(|id| format!("{mark}{id}")));
    }
    ids.into_iter().collect()
}

fn cells() -> Vec<Cell> {
    let scenarios = scenarios();
    let wanted = std::env::var("FAULTS").unwrap_or_default();
    let only = std::env::var("FRAMINGS").unwrap_or_default();
    let all: Vec<_> = fault::all()
        .filter(|(_, fault)| wanted.is_empty() || wanted.split(',').any(|w| fault.name.contains(w)))
        .flat_map(|(kind, fault)| FRAMINGS.iter().map(move |framing| (kind, fault, *framing)))
        .filter(|(_, _, framing)| only.is_empty() || only.split(' ').any(|one| one == *framing))
        .map(|(kind, fault, framing)| (kind, fault, framing, framing.parse::<Framing>().expect("a framing")))
        .filter(|(_, fault, _, framing)| (fault.applies)(framing))
        .collect();
    let (next, cells) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((kind, fault, name, framing)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let started = std::time::Instant::now();
                    let run = run(fault, framing, &scenarios, &tried(*kind, fault, &scenarios));
                    if std::env::var("SHOW").is_ok() {
                        let mut by: std::collections::BTreeMap<String, usize> = Default::default();
                        for o in &run.outcomes { *by.entry(o.verdict.to_string()).or_default() += 1; }
                        if std::env::var("SHOW").unwrap() == "2" { for o in &run.outcomes { eprintln!("   {} {} {:?}", o.verdict, o.case.id, o.reason); } }
                        eprintln!("{by:?} {:?}", run.calibration.as_ref().map(|c| (c.profile.clone(), c.round_trip)).map_err(|e| format!("{e:?}").chars().take(300).collect::<String>()));
                    }
                    let seconds = started.elapsed().as_secs_f64();
                    for o in run.outcomes.iter().filter(|o| matches!(o.verdict, Verdict::Fail | Verdict::Flaky | Verdict::Inconclusive)).take(if std::env::var("SHOW").is_ok() { 9 } else { 0 }) {
                        eprintln!("  {:?} {} {:?} {:?} {:?}", o.verdict, o.case.id, o.reason, o.judgement.breaches.iter().map(|b| format!("{}: {:?} / {:?}", b.rule, b.expected, b.actual)).collect::<Vec<_>>(), o.judgement.details);
                    }
                    let cell = Cell { fault, kind: *kind, framing: name, failed: failed(&run), seconds };
                    eprintln!("{:5.2} {:30} {:24} {}", cell.seconds, cell.fault.name, cell.framing, cell.failed.join(" "));
                    cells.lock().expect("no panic").push(cell);
                }
            });
        }
    });
    cells.into_inner().expect("no panic")
}

#[test]
fn every_fault_is_killed() {
    let cells = cells();
    let mut survivors = Vec::new();
    for cell in &cells {
        let killers = cell.failed.iter().filter(|id| cell.fault.breaks.contains(&id.as_str())).count();
        let harmless = matches!(cell.kind, Kind::Right | Kind::Unobservable);
        if harmless && !cell.failed.is_empty() {
            survivors.push(format!("{} in {} must fail nothing, but fails {}", cell.fault.name, cell.framing, cell.failed.join(" ")));
        } else if !harmless && killers == 0 {
            survivors.push(format!("{} in {} survives {}", cell.fault.name, cell.framing, cell.fault.breaks.join(" ")));
        }
    }
    survivors.sort();
    assert!(survivors.is_empty(), "{}\n{} of {}", survivors.join("\n"), survivors.len(), cells.len());
}
