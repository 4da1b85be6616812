//! The tester is tested: every fault of the reference server is killed in every framing to which it applies, by a
//! requirement that it exists to break; right variants, and faults that nobody can see from outside, fail nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use echospec::campaign::{self, FramingRun, Options, Selection, Watcher};
use echospec::framing::Framing;
use echospec::oracle::{Level, Verdict, requirement, requirements};
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

/// What must fail nothing is tried against every scenario, which costs a hundred times as much as a kill: in these, one
/// for each strategy, and both ways to treat what is over the maximum.
const HARMLESS: &[&str] =
    &["raw", "close", "fixed:16", "length:u32be,max=64KiB,over=close", "length:varint", "crlf,max=1KiB,over=skip"];

/// And not against scenarios that send mebibytes: byte by byte they take longer than all else together.
const HEAVY: &[&str] = &[
    "*large*",
    "resources/*",
    "endings/close-unread*",
    "delimiter/burst-of-short",
    "*many-empty*",
    "concurrency/*-not-read*",
];

/// A server that does not even send a plain message back is judged by these alone.
const BASIC: &[&str] = &["SES-02", "SES-03", "SES-08"];

/// One fault in one framing.
struct Cell {
    kind: Kind,
    fault: &'static Fault,
    framing: &'static str,
    /// The requirements that failed, or could not be concluded.
    failed: BTreeSet<String>,
}

impl Cell {
    fn is_harmless(&self) -> bool {
        matches!(self.kind, Kind::Right | Kind::Unobservable)
    }

    /// The first requirement that killed the fault, of those that it exists to break; a MUST if there is one.
    fn killer(&self) -> Option<&'static str> {
        let killers = || self.fault.breaks.iter().copied().filter(|id| self.failed.contains(*id));
        killers().find(|id| level(id) == Level::Must).or_else(|| killers().next())
    }

    fn complaint(&self) -> Option<String> {
        let (name, framing) = (self.fault.name, self.framing);
        let unjust = || self.failed.iter().filter(|id| !self.fault.breaks.contains(&id.as_str()));
        if self.is_harmless() {
            let unjust: Vec<_> = unjust().cloned().collect();
            let said = format!("{name} in {framing} must fail nothing, and fails {}", unjust.join(" "));
            return (!unjust.is_empty()).then_some(said);
        }
        let survives = || format!("{name} in {framing} survives {}", self.fault.breaks.join(" "));
        self.killer().is_none().then(survives)
    }
}

fn level(id: &str) -> Level {
    requirement(id).expect("a fault breaks requirements that exist").level
}

/// Ends a run at the first failure of a requirement that the fault exists to break.
struct Hunter<'a> {
    fault: &'static Fault,
    scenarios: &'a BTreeMap<&'a str, &'a Scenario>,
    hunts: bool,
    killed: AtomicBool,
    confirming: AtomicBool,
}

impl Watcher for Hunter<'_> {
    fn phase(&self, name: &str, _cases: usize) {
        self.confirming.fetch_or(name.starts_with("confirming"), Ordering::Relaxed);
    }

    fn case_done(&self, id: &str, verdict: Verdict) {
        let scenario = id.split('[').next().and_then(|id| self.scenarios.get(id));
        let broken =
            scenario.is_some_and(|it| it.requirements.iter().any(|id| self.fault.breaks.contains(&id.as_str())));
        self.killed.fetch_or(verdict == Verdict::Fail && broken, Ordering::Relaxed);
    }

    fn stopped(&self) -> bool {
        self.hunts && self.killed.load(Ordering::Relaxed) && !self.confirming.load(Ordering::Relaxed)
    }
}

/// Everything that a run needs and that is the same for all of them.
struct Range<'a> {
    scenarios: &'a [Scenario],
    by_id: BTreeMap<&'a str, &'a Scenario>,
    named: BTreeSet<&'a str>,
}

impl Range<'_> {
    fn cell(&self, kind: Kind, fault: &'static Fault, name: &'static str, framing: &Framing) -> Cell {
        let mut cell = Cell { kind, fault, framing: name, failed: BTreeSet::new() };
        let hunts = !cell.is_harmless();
        cell.failed = self.run(&cell, framing, hunts);
        if hunts && cell.killer().is_none() {
            // What it stopped at may have been a failure by time that did not repeat.
            cell.failed = self.run(&cell, framing, false);
        }
        cell
    }

    fn run(&self, cell: &Cell, framing: &Framing, hunts: bool) -> BTreeSet<String> {
        let simulator = Simulator::new(Settings::new(framing.clone()).with_fault(cell.fault));
        let selection = Selection::new(&self.tried(cell), &skipped(cell), self.scenarios).expect("patterns that match");
        let options = Options { jobs: 1, selection, ..Options::default() };
        let (killed, confirming) = (AtomicBool::new(false), AtomicBool::new(false));
        let hunter = Hunter { fault: cell.fault, scenarios: &self.by_id, hunts, killed, confirming };
        let run = async { campaign::run(&simulator, &hunter, framing, self.scenarios, &options).await };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        failed(&runtime.block_on(run))
    }

    /// The requirements that a fault is tried against: what it breaks, and what everything rests on. What must fail
    /// nothing is tried against all.
    fn tried(&self, cell: &Cell) -> Vec<String> {
        let ids = cell.fault.breaks.iter().chain(BASIC).filter(|id| self.named.contains(*id) && !cell.is_harmless());
        ids.map(|id| (*id).to_owned()).collect()
    }
}

fn skipped(cell: &Cell) -> Vec<String> {
    let heavy = HEAVY.iter().filter(|_| cell.is_harmless());
    heavy.map(|pattern| (*pattern).to_owned()).collect()
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

/// Every fault in every framing to which it applies, on all cores.
fn cells(range: &Range<'_>) -> Vec<Cell> {
    let framings = |kind| if matches!(kind, Kind::Right | Kind::Unobservable) { HARMLESS } else { FRAMINGS };
    let parsed = |name: &&'static str| (*name, name.parse::<Framing>().expect("a framing"));
    let all: Vec<_> = fault::all()
        .flat_map(|(kind, fault)| {
            framings(kind).iter().map(parsed).map(move |(name, framing)| (kind, fault, name, framing))
        })
        .filter(|(_, fault, _, framing)| (fault.applies)(framing))
        .collect();
    let (next, cells) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((kind, fault, name, framing)) = all.get(index) else { return };
                    let cell = range.cell(*kind, fault, name, framing);
                    cells.lock().expect("no thread panicked").push((index, cell));
                }
            });
        }
    });
    let mut cells = cells.into_inner().expect("no thread panicked");
    cells.sort_by_key(|(index, _)| *index);
    cells.into_iter().map(|(_, cell)| cell).collect()
}

/// The matrix as people read it.
fn matrix(cells: &[Cell], range: &Range<'_>) -> String {
    let mut text =
        String::from("Which requirement kills a fault, by framing; in small letters where it is no MUST.\n\n");
    let column = |index: usize| char::from(b'a' + index as u8);
    FRAMINGS.iter().enumerate().for_each(|(index, framing)| _ = writeln!(text, "{}  {framing}", column(index)));
    let mut kind = None;
    for (of, fault) in fault::all() {
        if kind.replace(of) != Some(of) {
            let columns: Vec<_> = (0..FRAMINGS.len()).map(|index| format!("{:6}", column(index))).collect();
            _ = writeln!(text, "\n{:36}  {}", of.to_string(), columns.join(" ").trim_end());
        }
        let row = FRAMINGS.iter().map(|framing| {
            let cell = cells.iter().find(|cell| cell.fault.name == fault.name && cell.framing == *framing);
            format!("{:6}", cell.map_or(".".into(), shown))
        });
        _ = writeln!(text, "{:36}  {}", fault.name, row.collect::<Vec<_>>().join(" ").trim_end());
    }
    text + &unbroken(cells, range)
}

fn shown(cell: &Cell) -> String {
    match cell.killer() {
        Some(id) if level(id) == Level::Must => id.to_owned(),
        Some(id) => id.to_lowercase(),
        None => "ok".to_owned(),
    }
}

/// The requirements that no fault is there to break.
fn unbroken(cells: &[Cell], range: &Range<'_>) -> String {
    let broken: BTreeSet<_> = cells.iter().flat_map(|cell| cell.fault.breaks.iter().copied()).collect();
    let rest = || requirements().map(|one| one.id).filter(|id| !broken.contains(id));
    let listed = |ids: Vec<&str>| ids.join(" ");
    let client = listed(rest().filter(|id| id.starts_with("CLI")).collect());
    let without: Vec<_> = rest().filter(|id| !id.starts_with("CLI") && !range.named.contains(id)).collect();
    let with: Vec<_> = rest().filter(|id| range.named.contains(id)).collect();
    format!(
        "\nNo fault breaks\n  of a client: {client}\n  without a scenario: {}\n  with a scenario: {}\n",
        listed(without),
        listed(with)
    )
}

#[test]
fn every_fault_is_killed_and_what_is_right_fails_nothing() {
    let scenarios = scenario::builtin().expect("the built-in scenarios");
    let by_id = scenarios.iter().map(|scenario| (scenario.id.as_str(), scenario)).collect();
    let named = scenarios.iter().flat_map(|scenario| scenario.requirements.iter().map(String::as_str)).collect();
    let range = Range { scenarios: &scenarios, by_id, named };
    let cells = cells(&range);
    let complaints: Vec<_> = cells.iter().filter_map(Cell::complaint).collect();
    assert!(complaints.is_empty(), "{}\n{} of {} cells", complaints.join("\n"), complaints.len(), cells.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("kill-matrix", matrix(&cells, &range)));
}

#[test]
fn a_fault_has_a_name_of_its_own_and_breaks_requirements_that_exist() {
    let mut names = BTreeSet::new();
    for (kind, fault) in fault::all() {
        assert!(names.insert(fault.name), "{} is there twice", fault.name);
        assert!(fault.breaks.iter().all(|id| requirement(id).is_some()), "{} breaks {:?}", fault.name, fault.breaks);
        assert!(kind == Kind::Right || !fault.breaks.is_empty(), "{} breaks nothing", fault.name);
    }
    assert!(names.len() >= 120, "{} faults", names.len());
}
