//! The fuzzer of clients is tested: planted faults are found without the scenarios that were written for them, right
//! clients are not accused. In the simulator, in virtual time.

use std::time::Instant;

use crate::cores::on_all_cores;
use echospec::campaign::{Introduction, Unwatched};
use echospec::framing::Framing;
use echospec::hunt::{Finding, Hunted, Options, hunt_client};
use echospec::oracle::Level;
use echospec::peer::ClientFault;
use echospec::peer::client::fault;
use echospec::peer::fault::Kind;
use echospec::profile::Told;
use echospec::transport::Simulator;

/// A fault is planted in the first of these to which it applies.
const FRAMINGS: &[&str] = &["length:u32be", "lf", "length:u16be", "close", "raw", "fixed:16", "cobs", "length:u8"];

/// What nobody shrinks does not pay: so many cases find what can be found.
const CASES: u64 = 1500;

fn hunted(framing: &str, fault: Option<&'static ClientFault>, cases: u64, level: Level) -> Hunted {
    let framing: Framing = framing.parse().expect("a framing");
    let client = Simulator::of_client(framing.clone(), fault);
    let options = Options { seed: number("SEED", 1), cases: Some(cases), jobs: 1, level, ..Options::default() };
    let introduction = Introduction { told: Told::Bytes, prints: true, two_addresses: false };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(hunt_client(&client, &Unwatched, &framing, introduction, &options))
}

/// What became of one planted fault.
struct Row {
    fault: &'static ClientFault,
    framing: &'static str,
    hunted: Hunted,
    seconds: f64,
}

impl Row {
    fn finding(&self) -> Option<&Finding> {
        self.hunted.findings.first()
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { fault, framing, hunted, seconds } = self;
        write!(f, "{:32} {framing:14} {:6} {seconds:6.2}s ", fault.name, hunted.cases)?;
        match self.finding() {
            Some(finding) => write!(
                f,
                "case {:5} {:2} steps  {} {} ({})",
                finding.case,
                finding.steps(),
                finding.key.requirement,
                finding.key.rule,
                finding.key.shape
            ),
            None => write!(f, "SURVIVES ({:?}); {} unconfirmed", fault.breaks, hunted.unconfirmed),
        }
    }
}

/// Every observable fault in a framing to which it applies, on all cores.
fn rows(cases: u64) -> Vec<Row> {
    let observable = fault::all().filter(|(kind, _)| !matches!(kind, Kind::Right | Kind::Unobservable));
    let planted = observable.filter_map(|(_, fault)| {
        let applies = |text: &&&str| (fault.applies)(&text.parse().expect("a framing"));
        FRAMINGS.iter().find(applies).map(|framing| (fault, *framing, None))
    });
    let mut planted: Vec<_> = planted.collect();
    on_all_cores(&mut planted, |(fault, framing, row)| {
        let began = Instant::now();
        let hunted = hunted(framing, Some(*fault), cases, Level::May);
        *row = Some(Row { fault, framing, hunted, seconds: began.elapsed().as_secs_f64() });
    });
    planted.into_iter().filter_map(|(.., row)| row).collect()
}

/// From the environment, for longer runs.
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// `cargo test --release --test simulated -- --ignored --nocapture planted_client_faults`: all of them, with the numbers.
/// `CASES` and `SEED` in the environment say how many cases and which.
#[test]
#[ignore = "measures"]
fn measure() {
    let rows = rows(number("CASES", 10_000));
    for row in &rows {
        println!("{row}");
    }
    let found = rows.iter().filter(|row| row.finding().is_some()).count();
    println!("{found} of {} found, {} %", rows.len(), found * 100 / rows.len());
}

#[test]
fn most_faults_of_clients_are_found_and_shrunk_to_a_few_steps() {
    let rows = rows(CASES);
    let surviving: Vec<_> = rows.iter().filter(|row| row.finding().is_none()).map(ToString::to_string).collect();
    assert!(rows.len() > 40 && surviving.len() * 5 <= rows.len(), "{}", surviving.join("\n"));
    let mut steps: Vec<_> = rows.iter().filter_map(Row::finding).map(Finding::steps).collect();
    steps.sort_unstable();
    assert!(steps[steps.len() / 2] <= 5, "{steps:?}");
}

#[test]
fn right_clients_are_accused_of_nothing() {
    let harmless = fault::all().filter(|(kind, _)| matches!(kind, Kind::Right | Kind::Unobservable));
    let clients = [None].into_iter().chain(harmless.map(|(_, fault)| Some(fault)));
    let mut complaints = Vec::new();
    for (client, framing) in clients.flat_map(|client| FRAMINGS.iter().map(move |framing| (client, framing))) {
        if !client.is_none_or(|fault| (fault.applies)(&framing.parse().expect("a framing"))) {
            continue;
        }
        let hunted = hunted(framing, client, number("CASES", 300), Level::May);
        let name = client.map_or("right", |fault| fault.name);
        let found = hunted.findings.first().map(|finding| finding.text("1").unwrap_or_default());
        complaints.extend(found.map(|text| format!("{name} in {framing}:\n{text}")));
        assert!(hunted.cases > 0 && hunted.unconfirmed == 0, "{name} in {framing}: {hunted:?}");
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
