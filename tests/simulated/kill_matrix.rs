//! The tester is tested: every fault of the reference server is killed in every framing to which it applies, by a
//! requirement that it exists to break; every requirement is broken by a fault; right variants, and faults that nobody
//! can see from outside, fail nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::cores::on_all_cores;
use crate::kills::{Cell, Range, level};
use crate::over_tcp::SEEN;
use echospec::oracle::{Level, Requirement, requirement, requirements};
use echospec::peer::Fault;
use echospec::peer::fault::{self, Kind};
use echospec::scenario::{self, Scenario};

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

/// What some requirements are about and the others have not: faults that apply to none of those are played here, and
/// requirements that none of those has are proved here.
const RARE: &[&str] = &[
    "fixed:16,partial=no",
    "length:u32be,partial=no",
    "lf,partial=no",
    "tpkt",
    "grpc",
    "rpc",
    "length:u32be,mask=0x7fffffff",
    "length:varint,max=1KiB",
    "resp-bulk",
    "chunked11",
    "delimiter:crlf/lf,reply=crlf",
    "length:u32be,max=1KiB,over=reply",
    "resp-bulk,max=1KiB,over=reply",
    "crlf,max=1KiB,over=reply",
    "lf,idle=2s",
    "lf,deadline=2s",
];

/// One for each strategy, and both ways to treat what is over the maximum: in these is played what costs as much as a hundred
/// kills, which is what must fail nothing, because every scenario is tried against it, and what is costly.
const FEW: &[&str] =
    &["raw", "close", "fixed:16", "length:u32be,max=64KiB,over=close", "length:varint", "crlf,max=1KiB,over=skip"];

/// Killed by mebibytes that are sent several times.
const COSTLY: &[&str] = &["flood-starves-others", "no-backpressure"];

/// Scenarios that are not tried against what must fail nothing. They send mebibytes: byte by byte they take longer than all
/// else together.
fn is_heavy(scenario: &Scenario) -> bool {
    let id = scenario.id.as_str();
    let parts = ["large", "flooding", "read-late", "much", "close-unread", "-many", "burst-of-short", "many-empty"];
    let held = id.starts_with("concurrency/") && id.contains("-not-read");
    let crowded = id == "concurrency/interleaved"; // interleaved-once is played
    id.starts_with("resources/") || held || crowded || parts.iter().any(|part| id.contains(part))
}

/// Every fault in every framing to which it applies; in a rare one where it applies to no other.
fn cells(range: &Range) -> Vec<Cell> {
    let mut cells: Vec<Cell> = fault::all().flat_map(|(kind, fault)| cells_of(kind, fault)).collect();
    on_all_cores(&mut cells, |cell| range.play(cell));
    cells
}

fn cells_of(kind: Kind, fault: &'static Fault) -> Vec<Cell> {
    let applying = |framings: &[&'static str]| {
        let cells = framings.iter().map(|framing| Cell::new(kind, fault, framing));
        cells.filter(|cell| (fault.applies)(&cell.framing())).collect::<Vec<_>>()
    };
    let cells = applying(FRAMINGS);
    match cells.is_empty() {
        true => applying(RARE),
        false if cells[0].is_harmless() || COSTLY.contains(&fault.name) => applying(FEW),
        false => cells,
    }
}

/// For each requirement the first cell in which a fault that exists to break it has failed it.
fn proofs(range: &Range, cells: &[Cell]) -> BTreeMap<&'static str, Cell> {
    let breaks = |cell: &Cell, id: &str| cell.fault.breaks.contains(&id) && cell.failed.contains(id);
    let mut proofs: Vec<_> = of_servers()
        .map(|one| (one.id, cells.iter().find(|cell| breaks(cell, one.id)).cloned()))
        .filter(|(id, _)| range.knows(id))
        .collect();
    on_all_cores(&mut proofs, |(id, proof)| {
        if proof.is_none() {
            let tries = [false, true]
                .into_iter()
                .flat_map(|thorough| candidates(id).into_iter().map(move |cell| (cell, thorough)));
            *proof = tries.into_iter().find(|(cell, thorough)| range.kills(cell, id, *thorough)).map(|(cell, _)| cell);
        }
    });
    proofs.into_iter().filter_map(|(id, proof)| Some((id, proof?))).collect()
}

/// Every fault that exists to break a requirement, in every framing.
fn candidates(id: &str) -> Vec<Cell> {
    let faults = fault::all().filter(|(kind, fault)| *kind != Kind::Unobservable && fault.breaks.contains(&id));
    let framings = || FRAMINGS.iter().chain(RARE);
    let cells = faults.flat_map(|(kind, fault)| framings().map(move |framing| Cell::new(kind, fault, framing)));
    cells.filter(|cell| (cell.fault.applies)(&cell.framing())).collect()
}

fn of_servers() -> impl Iterator<Item = &'static Requirement> {
    requirements().filter(|one| !one.id.starts_with("CLI-"))
}

/// The matrix as people read it.
fn matrix(cells: &[Cell]) -> String {
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
        let played: Vec<_> = cells.iter().filter(|cell| cell.fault.name == fault.name).collect();
        let rare = played.iter().filter(|cell| RARE.contains(&cell.framing));
        let rare: Vec<_> = rare.map(|cell| format!("{} in {}", shown(cell), cell.framing)).collect();
        let row = FRAMINGS.iter().map(|framing| {
            let cell = played.iter().find(|cell| cell.framing == *framing);
            format!("{:6}", cell.map_or(".".into(), |cell| shown(cell)))
        });
        let row = if rare.is_empty() { row.collect::<Vec<_>>().join(" ") } else { rare.join(", ") };
        _ = writeln!(text, "{:36}  {}", fault.name, row.trim_end());
    }
    text
}

fn shown(cell: &Cell) -> String {
    match cell.killer() {
        Some(id) if level(id) == Level::Must => id.to_owned(),
        Some(id) => id.to_lowercase(),
        None => "ok".to_owned(),
    }
}

/// What each requirement is worth.
fn worth(proofs: &BTreeMap<&str, Cell>) -> String {
    let mut text = String::from("\nA fault that breaks each requirement, and a framing in which it does\n");
    for (id, cell) in of_servers().filter_map(|one| Some((one.id, proofs.get(one.id)?))) {
        _ = writeln!(text, "{id}  {} in {}", cell.fault.name, cell.framing);
    }
    text.push_str("\nSeen over TCP with --exec (tests/program/kill_over_tcp.rs)\n");
    for it in SEEN {
        _ = writeln!(text, "{}  {} in {}: {}", it.requirement, it.fault, it.framing, it.rules.join(", "));
    }
    text.push_str("\nNot played, with the reason\n");
    for (id, why) in of_servers().filter_map(|one| Some((one.id, one.unplayed()?))) {
        _ = writeln!(text, "{id}  {why}");
    }
    text + "\nOf clients: client-kill-matrix.snap\n"
}

/// The closing numbers.
fn numbers(cells: &[Cell], proofs: &BTreeMap<&str, Cell>) -> String {
    let faults: BTreeSet<_> = cells.iter().map(|cell| cell.fault.name).collect();
    let framings: BTreeSet<_> = cells.iter().map(|cell| cell.framing).collect();
    let kills = cells.iter().filter(|cell| !cell.is_harmless() && cell.killer().is_some()).count();
    let harmless = cells.iter().filter(|cell| cell.is_harmless()).count();
    let (requirements, unplayed) = (of_servers().count(), of_servers().filter(|one| one.unplayed().is_some()).count());
    format!(
        "\n{} faults, {} framings, {} cells: {kills} kills, {harmless} in which nothing may fail\n\
         {requirements} requirements of servers: {} broken by a fault, {} over TCP, {unplayed} not played\n",
        faults.len(),
        framings.len(),
        cells.len(),
        proofs.len(),
        SEEN.len(),
    )
}

/// Requirements that nothing proves, and reasons for what has a scenario.
fn unproved(range: &Range, proofs: &BTreeMap<&str, Cell>) -> Vec<String> {
    let complaint = |one: &Requirement| {
        let (proved, seen) = (proofs.contains_key(one.id), SEEN.iter().any(|it| it.requirement == one.id));
        match (range.knows(one.id), one.unplayed()) {
            (false, None) => Some("has neither a scenario nor a reason"),
            (true, Some(_)) => Some("has a scenario, and a reason why it has none"),
            (true, None) if !proved && !seen => Some("is broken by no fault"),
            _ => None,
        }
    };
    of_servers().filter_map(|one| Some(format!("{} {}", one.id, complaint(one)?))).collect()
}

#[test]
fn every_fault_is_killed_every_requirement_broken_and_what_is_right_fails_nothing() {
    let range = Range::new(scenario::builtin().expect("the built-in scenarios"), is_heavy);
    let cells = cells(&range);
    let proofs = proofs(&range, &cells);
    let mut complaints: Vec<_> = cells.iter().filter_map(Cell::complaint).collect();
    complaints.extend(unproved(&range, &proofs));
    assert!(complaints.is_empty(), "{}\n{} of {} cells", complaints.join("\n"), complaints.len(), cells.len());
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let text = matrix(&cells) + &worth(&proofs) + &numbers(&cells, &proofs);
    settings.bind(|| insta::assert_snapshot!("kill-matrix", text));
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
