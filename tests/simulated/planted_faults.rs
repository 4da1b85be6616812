//! The network fuzzer is tested: planted faults are found without the scenarios that were written for them, right
//! servers are not accused. In the simulator, in virtual time; a target that dies is started again, as by `--exec`.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::cores::on_all_cores;
use echospec::campaign::{self, Process, Restarted, Unfit, Unwatched};
use echospec::framing::{Framing, VARIANTS};
use echospec::hunt::{self, Finding, Hunted, Options};
use echospec::oracle::Level;
use echospec::peer::fault::{self, Kind};
use echospec::peer::{Fault, Settings};
use echospec::session::{Script, Trace, Usage};
use echospec::transport::{Simulator, Transport};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

/// A fault is planted in the first of these to which it applies.
const FRAMINGS: &[&str] = &[
    "length:u32be",
    "lf",
    "length:u32be,max=1KiB,over=skip",
    "length:u32be,max=64KiB,over=close",
    "lf,max=4KiB,over=close",
    "crlf,max=1KiB,over=skip",
    "netstring,max=99999",
    "length:varint",
    "length:u16be",
    "crlf",
    "delimiter:\"]]>]]>\"",
    "lsp",
    "slip",
    "cobs",
    "smtp-data",
    "fixed:16",
    "close",
    "raw",
];

/// A server in the simulator that can be started again.
struct Server {
    settings: Settings,
    now: Mutex<Simulator>,
}

impl Server {
    fn new(framing: &Framing, fault: Option<&'static Fault>) -> Self {
        let settings = Settings::new(framing.clone());
        let settings = fault.map_or(settings.clone(), |fault| settings.with_fault(fault));
        Self { now: Mutex::new(Simulator::new(settings.clone())), settings }
    }

    fn now(&self) -> Simulator {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Transport for Server {
    async fn run(&self, script: Script) -> Trace {
        self.now().play(script)
    }
}

impl Process for Server {
    fn ended(&self) -> bool {
        self.now().is_gone()
    }

    fn restart(&self) -> BoxFuture<'_, Restarted> {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = Simulator::new(self.settings.clone());
        let how = "it was started again".to_owned();
        async { Restarted { how, last_words: Vec::new(), again: Ok(()) } }.boxed()
    }

    fn watch(&self) -> Option<Usage> {
        None
    }

    fn usage(&self) -> Option<Usage> {
        None
    }
}

fn hunted(framing: &Framing, fault: Option<&'static Fault>, seed: u64, cases: u64) -> Hunted {
    hunted_for(&Unwatched, framing, fault, seed, cases)
}

fn hunted_for(
    watcher: &impl hunt::Watcher,
    framing: &Framing,
    fault: Option<&'static Fault>,
    seed: u64,
    cases: u64,
) -> Hunted {
    let server = Server::new(framing, fault);
    let options = Options { seed, cases: Some(cases), jobs: 1, level: Level::May, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(hunt::hunt(&server, watcher, Some(&server), framing, &options))
}

/// Ends a run after so long.
struct Until(Instant);

impl campaign::Watcher for Until {
    fn stopped(&self) -> bool {
        Instant::now() > self.0
    }
}

impl hunt::Watcher for Until {}

/// What became of one planted fault.
struct Row {
    kind: Kind,
    fault: &'static Fault,
    framing: &'static str,
    hunted: Hunted,
    seconds: f64,
}

impl Row {
    fn finding(&self) -> Option<&Finding> {
        self.hunted.findings.first()
    }

    /// A target that does not even send a plain message back is found before the first case.
    fn is_mute(&self) -> bool {
        matches!(self.hunted.calibration, Err(Unfit::Mute { .. }))
    }

    fn is_found(&self) -> bool {
        self.finding().is_some() || self.is_mute()
    }

    /// Whether the requirement that is named is one that the fault exists to break.
    fn is_named(&self) -> bool {
        self.finding().is_some_and(|finding| self.fault.breaks.contains(&finding.key.requirement))
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, fault, framing, hunted, seconds } = self;
        write!(f, "{kind:9} {:32} {framing:34} {:7} {seconds:6.2}s ", fault.name, hunted.cases)?;
        match self.finding() {
            Some(finding) => write!(
                f,
                "case {:6} {:2} steps {:3} sessions  {} {} ({}){}",
                finding.case,
                finding.steps(),
                finding.sessions,
                finding.key.requirement,
                finding.key.rule,
                finding.key.shape,
                if self.is_named() { String::new() } else { format!(", not {}", fault.breaks.join(" ")) }
            ),
            None if self.is_mute() => write!(f, "mute"),
            None => write!(f, "SURVIVES; {} unconfirmed, {} open", hunted.unconfirmed, hunted.open),
        }
    }
}

/// Every observable fault in a framing to which it applies, on all cores.
fn rows(faults: &[(Kind, &'static Fault, &'static str)], seed: u64, cases: u64, patience: Duration) -> Vec<Row> {
    let mut planted: Vec<_> = faults.iter().map(|planted| (*planted, None)).collect();
    on_all_cores(&mut planted, |((kind, fault, framing), row)| {
        let began = Instant::now();
        let until = Until(began + patience);
        let hunted = hunted_for(&until, &framing.parse().expect("a framing"), Some(*fault), seed, cases);
        let seconds = began.elapsed().as_secs_f64();
        *row = Some(Row { kind: *kind, fault, framing, hunted, seconds });
    });
    planted.into_iter().filter_map(|(_, row)| row).collect()
}

fn observable() -> impl Iterator<Item = (Kind, &'static Fault, &'static str)> {
    let kinds = [Kind::Decoder, Kind::Content, Kind::Reply, Kind::Session];
    fault::all().filter(move |(kind, _)| kinds.contains(kind)).filter_map(|(kind, fault)| {
        let applies = |text: &&&str| (fault.applies)(&text.parse().expect("a framing"));
        FRAMINGS.iter().find(applies).map(|framing| (kind, fault, *framing))
    })
}

/// From the environment, for longer runs.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn median(mut numbers: Vec<u64>) -> u64 {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}

/// `cargo test --release --test simulated -- --ignored --nocapture planted_faults`: all of them, with the numbers.
/// `CASES`, `SECONDS` and `SEED` in the environment say how many cases of a fault, for how long, and which.
#[test]
#[ignore = "measures for minutes"]
fn measure() {
    let faults: Vec<_> = observable().collect();
    let patience = Duration::from_secs(number("SECONDS", 60));
    let rows = rows(&faults, number("SEED", 1), number("CASES", 20_000), patience);
    for row in &rows {
        println!("{row}");
    }
    let found = rows.iter().filter(|row| row.is_found()).count();
    let findings = || rows.iter().filter_map(Row::finding);
    println!("{found} of {} found, {} %", rows.len(), found * 100 / rows.len());
    let named = rows.iter().filter(|row| row.is_named()).count();
    println!("{named} of {} by a requirement that the fault breaks, {} %", findings().count(), named * 100 / found);
    let milliseconds = rows.iter().filter(|row| row.is_found()).map(|row| (row.seconds * 1e3) as u64).collect();
    println!("milliseconds until confirmed and shrunk, median: {}", median(milliseconds));
    println!("cases until found, median: {}", median(findings().map(|finding| finding.case + 1).collect()));
    println!("steps, median: {}", median(findings().map(|finding| finding.steps() as u64).collect()));
}

#[test]
fn most_faults_are_found_and_shrunk_to_a_few_steps() {
    let faults: Vec<_> = observable().collect();
    let rows = rows(&faults, 1, 3000, Duration::from_secs(600));
    let surviving: Vec<_> = rows.iter().filter(|row| !row.is_found()).map(|row| row.fault.name).collect();
    // What takes crowds, floods or ticks of a clock to show is not drawn, and of broken headers nothing is claimed.
    assert!(
        rows.len() > 200 && surviving.len() * 100 < rows.len() * 15,
        "{} of {}: {surviving:?}",
        surviving.len(),
        rows.len()
    );
    let steps = rows.iter().filter_map(Row::finding).map(|finding| finding.steps() as u64).collect();
    assert!(median(steps) <= 5);
}

/// How long everything takes that is played with a server, in its own time.
struct Timed(Server, Mutex<Duration>);

impl Transport for Timed {
    async fn run(&self, script: Script) -> Trace {
        let trace = self.0.run(script).await;
        *self.1.lock().unwrap_or_else(PoisonError::into_inner) += trace.duration();
        trace
    }
}

/// For how long, in their own time, so many cases keep a server busy that has a fault, one after the other.
fn busy(framing: &str, fault: &str, cases: u64) -> (Hunted, Duration) {
    let framing: Framing = framing.parse().expect("a framing");
    let server = Timed(Server::new(&framing, fault::find(fault)), Mutex::default());
    let options = Options { cases: Some(cases), jobs: 1, findings: 100, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let hunted = runtime.block_on(hunt::hunt(&server, &Unwatched, None, &framing, &options));
    let took = *server.1.lock().unwrap_or_else(PoisonError::into_inner);
    (hunted, took)
}

#[test]
fn a_server_on_which_one_thing_never_comes_does_not_keep_every_case_waiting() {
    for framing in ["close", "length:u32be"] {
        let (hunted, took) = busy(framing, "never-closes", 200);
        let (more, took_more) = busy(framing, "never-closes", 2200);
        assert!(hunted.cases == 200 && more.cases == 2200 && more.again > 1000, "{framing}: {more:?}");
        // Once that is known a case takes what it takes on any other server, and a moment in which no end comes.
        assert!(took_more < took + 2000 * Duration::from_millis(20), "{framing}: {took:?} and {took_more:?}");
    }
}

#[test]
fn the_same_seed_finds_the_same() {
    let fault = fault::find("closes-after-ten-replies");
    let found = |seed| {
        let hunted = hunted(&"lf".parse().expect("a framing"), fault, seed, 3000);
        hunted.findings.iter().map(|finding| finding.text("x").expect("a text")).collect::<Vec<_>>()
    };
    assert_eq!(found(5), found(5));
    assert_ne!(found(5), found(6));
}

/// A right server, or one of the other ways to be right, is accused of nothing.
fn innocent(fault: Option<&'static Fault>, framing: &str, cases: u64) -> Option<String> {
    let hunted = hunted(&framing.parse().expect("a framing"), fault, 7, cases);
    let name = fault.map_or("right", |fault| fault.name);
    let finding = hunted.findings.first().map(|finding| finding.text("7").unwrap_or_default());
    let complaint = finding.map(|text| format!("{name} in {framing} is accused:\n{text}"));
    let played = hunted.cases == cases && hunted.unconfirmed == 0;
    complaint.or_else(|| (!played).then(|| format!("{name} in {framing}: {} cases, {hunted:#?}", hunted.cases)))
}

#[test]
fn a_right_server_is_accused_of_nothing_in_any_framing() {
    // With `keep` a message holds its own delimiter, which the plain messages of the calibration do not.
    let framings = VARIANTS.iter().filter(|framing| **framing != "delimiter:lf,keep");
    let complaints: Vec<_> = framings.filter_map(|framing| innocent(None, framing, number("CASES", 400))).collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn what_right_servers_do_differently_is_no_failure() {
    let right = || fault::all().filter(|(kind, _)| *kind == Kind::Right).map(|(_, fault)| fault);
    let mut complaints = Vec::new();
    for framing in FRAMINGS {
        let applies = |fault: &&Fault| (fault.applies)(&framing.parse().expect("a framing"));
        complaints
            .extend(right().filter(applies).filter_map(|fault| innocent(Some(fault), framing, number("CASES", 400))));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
