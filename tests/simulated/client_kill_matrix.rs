//! The tester is tested in the other direction, too: every fault of the reference client is killed by a requirement that
//! it exists to break; right variants, and what nobody can see, fail nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::cores::on_all_cores;
use echospec::campaign::{self, FramingRun, Introduction, Options, Selection, Unwatched};
use echospec::framing::Framing;
use echospec::oracle::{Level, Requirement, Verdict, requirement, requirements};
use echospec::peer::ClientFault;
use echospec::peer::client::fault;
use echospec::peer::fault::Kind;
use echospec::profile::Told;
use echospec::scenario::{self, Scenario};
use echospec::transport::Simulator;

const FRAMINGS: &[&str] = &[
    "raw",
    "close",
    "fixed:16",
    "length:u8",
    "length:u32be",
    "length:varint",
    "netstring",
    "lsp",
    "lf",
    "crlf",
    "cobs",
    "slip",
];

/// One fault in one framing.
struct Cell {
    kind: Kind,
    fault: &'static ClientFault,
    framing: &'static str,
    failed: BTreeSet<String>,
}

impl Cell {
    fn is_harmless(&self) -> bool {
        matches!(self.kind, Kind::Right | Kind::Unobservable)
    }

    /// The most binding of the requirements that it exists to break and that failed.
    fn killer(&self) -> Option<&'static str> {
        let killers = self.fault.breaks.iter().copied().filter(|id| self.failed.contains(*id));
        killers.min_by_key(|id| level(id))
    }
}

fn level(id: &str) -> Level {
    requirement(id).expect("a fault breaks requirements that exist").level
}

fn cells() -> Vec<Cell> {
    let scenarios = scenario::builtin().expect("the embedded scenarios load");
    let all = fault::all().flat_map(|(kind, fault)| {
        FRAMINGS.iter().map(move |framing| Cell { kind, fault, framing, failed: BTreeSet::new() })
    });
    let mut cells: Vec<_> =
        all.filter(|cell| (cell.fault.applies)(&cell.framing.parse().expect("a framing"))).collect();
    on_all_cores(&mut cells, |cell| {
        cell.failed = failed(&run(&scenarios, cell, &cell.framing.parse().expect("a framing")));
    });
    cells
}

fn run(scenarios: &[Scenario], cell: &Cell, framing: &Framing) -> FramingRun {
    let simulator = Simulator::of_client(framing.clone(), Some(cell.fault));
    let wanted: Vec<String> = cell.fault.breaks.iter().map(|id| (*id).to_owned()).collect();
    let wanted = if cell.is_harmless() { vec!["CLI-*".to_owned()] } else { wanted };
    let selection = Selection::new(&wanted, &[], scenarios).expect("patterns that match");
    let options = Options { jobs: 1, selection, thorough: true, ..Options::default() };
    let introduction = Introduction { told: Told::Bytes, prints: true, two_addresses: true };
    let run = campaign::run_client(&simulator, &Unwatched, framing, scenarios, &options, introduction);
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(run)
}

/// What a client with this fault comes to when everything is asked of it.
fn judged(fault: &str, framing: &'static str) -> FramingRun {
    let (kind, fault) = fault::all().find(|(_, one)| one.name == fault).expect("a fault");
    let everything = Cell { kind: Kind::Right, fault, framing, failed: BTreeSet::new() };
    assert_ne!(kind, Kind::Right);
    run(&scenario::builtin().expect("the embedded scenarios load"), &everything, &framing.parse().expect("a framing"))
}

#[test]
fn what_becomes_of_the_reply_is_not_blamed_on_the_message() {
    let failed = failed(&judged("one-read", "lf"));
    assert!(failed.contains("CLI-06"), "{failed:?}");
    assert!(["CLI-03", "CLI-04", "CLI-05", "CLI-17"].iter().all(|id| !failed.contains(*id)), "{failed:?}");
}

#[test]
fn what_every_session_shows_is_told_once() {
    for (fault, once) in [
        ("dies-at-the-end", "CLI-07"),
        ("connects-twice", "CLI-01"),
        ("retries", "CLI-01"),
        ("dies-of-reset", "CLI-11"),
        ("hangs-on-reset", "CLI-11"),
    ] {
        assert_eq!(failed(&judged(fault, "length:u32be")), [once.to_owned()].into(), "{fault}");
    }
}

#[test]
fn a_client_that_keeps_its_connection_for_as_long_each_time_has_no_bad_luck() {
    let run = judged("lingers", "lf");
    let verdicts: BTreeSet<_> = run.outcomes.iter().map(|outcome| outcome.verdict).collect();
    assert!(verdicts.contains(&Verdict::Fail) && !verdicts.contains(&Verdict::Flaky), "{verdicts:?}");
    assert_eq!(failed(&run), ["CLI-07".to_owned()].into());
    let client = run.calibration.expect("it is measured").profile.client.expect("a client");
    assert!(!client.waits_for_end && client.closes_after.is_some_and(|after| after.as_secs() == 3), "{client:?}");
}

#[test]
fn a_client_that_does_not_end_its_message_is_asked_nothing_more() {
    let run = judged("no-half-close", "close");
    assert_eq!(failed(&run), ["CLI-03".to_owned(), "CLI-20".to_owned()].into());
    let played = run.outcomes.iter().filter(|outcome| !matches!(outcome.verdict, Verdict::NotRun | Verdict::Skipped));
    assert_eq!(played.count(), 2);
}

#[test]
fn a_reply_that_begins_before_the_fin_of_the_message_is_read_meanwhile() {
    let failed = failed(&judged("writes-first", "close,partial=yes"));
    assert_eq!(failed, ["CLI-14".to_owned()].into());
    assert_eq!(self::failed(&judged("says-how-much", "close,partial=yes")), BTreeSet::new());
}

#[test]
fn a_message_that_comes_wrong_says_nothing_of_what_becomes_of_its_reply() {
    let failed = failed(&judged("long-length-reversed", "length:u16be"));
    assert_eq!(failed, ["CLI-03", "CLI-04", "CLI-17"].map(str::to_owned).into());
}

#[test]
fn who_waits_for_a_server_that_is_declared_to_wait_does_not_close() {
    assert_eq!(failed(&judged("waits-for-fin", "lf,after=keep")), ["CLI-07".to_owned()].into());
    assert!(!failed(&judged("waits-for-fin", "lf")).contains("CLI-07"));
}

#[test]
fn a_declared_maximum_is_a_promise_and_without_one_a_limit_is_a_finding() {
    let promised = failed(&judged("small-buffer", "lf,max=1MiB"));
    assert!(promised.contains("CLI-06"), "{promised:?}");
    let run = judged("small-buffer", "lf");
    assert_eq!(failed(&run), BTreeSet::new());
    assert_eq!(run.calibration.expect("it is measured").profile.limit, Some(1024));
}

#[test]
fn sizes_that_are_not_taken_are_no_limit_where_larger_ones_are() {
    for (fault, framing) in [("reads-length-reversed", "length:u16be"), ("zero-behind-group-added", "cobs")] {
        let run = judged(fault, framing);
        assert!(failed(&run).contains("CLI-06"), "{fault}: {:?}", failed(&run));
        assert_eq!(run.calibration.expect("it is measured").profile.limit, None, "{fault}");
    }
}

fn failed(run: &FramingRun) -> BTreeSet<String> {
    let failed = run.outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Fail | Verdict::Flaky));
    failed.flat_map(|outcome| outcome.case.requirements.clone()).collect()
}

#[test]
fn every_fault_of_a_client_is_killed_and_nothing_else_is() {
    let cells = cells();
    let mut complaints = Vec::new();
    for cell in &cells {
        let (name, framing) = (cell.fault.name, cell.framing);
        match cell.killer() {
            _ if cell.is_harmless() && cell.failed.is_empty() => {}
            _ if cell.is_harmless() => complaints.push(format!("{name} in {framing} fails {:?}", cell.failed)),
            Some(_) => {}
            None => complaints
                .push(format!("{name} in {framing} survives {:?}, failed {:?}", cell.fault.breaks, cell.failed)),
        }
    }
    complaints.extend(unproved(&cells).map(|id| format!("{id} is broken by no fault")));
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    insta::with_settings!({ snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"), prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("client-kill-matrix", table(&cells));
    });
}

/// A line a fault: what kills it in each framing.
fn table(cells: &[Cell]) -> String {
    let mut text = String::new();
    let mut faults: Vec<(&str, Kind, BTreeMap<&str, &str>)> = Vec::new();
    for cell in cells {
        if faults.last().is_none_or(|(name, ..)| *name != cell.fault.name) {
            faults.push((cell.fault.name, cell.kind, BTreeMap::new()));
        }
        if let (Some(last), Some(killer)) = (faults.last_mut(), cell.killer()) {
            last.2.insert(cell.framing, killer);
        }
    }
    let kills = cells.iter().filter(|cell| cell.killer().is_some()).count();
    _ = writeln!(text, "{} faults, {} framings, {} cells, {kills} kills", faults.len(), FRAMINGS.len(), cells.len());
    for (name, kind, killers) in &faults {
        let mut by_killer: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (framing, killer) in killers {
            by_killer.entry(killer).or_default().push(framing);
        }
        let told: Vec<_> =
            by_killer.iter().map(|(killer, framings)| format!("{killer} in {}", framings.join(" "))).collect();
        _ = writeln!(
            text,
            "{name} ({kind}): {}",
            if told.is_empty() { "fails nothing".into() } else { told.join("; ") }
        );
    }
    _ = writeln!(text, "\nA fault that breaks each requirement, and a framing in which it does");
    for (id, cell) in of_clients().filter_map(|one| Some((one.id, proof(cells, one.id)?))) {
        _ = writeln!(text, "{id}  {} in {}", cell.fault.name, cell.framing);
    }
    _ = writeln!(
        text,
        "\nSeen over TCP beside that (tests/program/check_client.rs)\nCLI-16  spins-in-silence, by its processor time"
    );
    text
}

fn of_clients() -> impl Iterator<Item = &'static Requirement> {
    requirements().filter(|one| one.id.starts_with("CLI-"))
}

/// The first cell in which a fault that exists to break a requirement has failed it.
fn proof<'a>(cells: &'a [Cell], id: &str) -> Option<&'a Cell> {
    cells.iter().find(|cell| !cell.is_harmless() && cell.fault.breaks.contains(&id) && cell.failed.contains(id))
}

/// Requirements that no fault breaks, and that have no reason.
fn unproved(cells: &[Cell]) -> impl Iterator<Item = &'static str> {
    of_clients().filter(|one| one.unplayed().is_none() && proof(cells, one.id).is_none()).map(|one| one.id)
}
