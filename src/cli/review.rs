//! What was accepted before, held against a run: a snapshot of the report, and a file of expected failures.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::exit::{Exit, Failure};
use super::output::{Files, check_place, file, write_whole};
use super::{Console, engine};
use crate::complaint::Complaint;
use crate::oracle::requirements;
use crate::report::{Conformance, Ending, Expectations, Known, Report, Run, Snapshot, difference};
use crate::scenario;

/// Options that hold a run against something accepted before.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Review")]
pub(super) struct Args {
    /// Compare the report with the one in FILE, which was accepted before; where they differ, the exit code is 6
    ///
    /// The difference is shown, and FILE.new is written beside FILE. Whoever finds it right renames it to FILE, or uses
    /// `cargo insta review`. Where the report is the same, the exit code is 0, whatever it holds.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,

    /// Accept what this run finds: write it to the FILE of --snapshot
    #[arg(long, requires = "snapshot")]
    snapshot_update: bool,

    /// Failures that are known, a YAML list with a reason for each; one that passes now is stale (exit code 5)
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,

    /// Write the failures of this run to FILE, to be expected from now on; entries of --expect that still fail stay
    #[arg(long, value_name = "FILE")]
    expect_write: Option<PathBuf>,
}

impl Args {
    /// Whether anything is to be compared or written.
    pub(super) fn is_given(&self) -> bool {
        self.snapshot.is_some() || self.expect.is_some() || self.expect_write.is_some()
    }

    /// What is written and read. That the expectations are read from where they will be written to is meant.
    pub(super) fn files(&self) -> Files {
        let named = |option, path: &Option<PathBuf>| path.clone().map(|path| (option, path));
        let waiting = self.snapshot.as_deref().map(pending);
        let written = [
            named("--snapshot", &self.snapshot),
            named("the FILE.new of --snapshot", &waiting),
            named("--expect-write", &self.expect_write),
        ];
        let read = self.expect.clone().filter(|path| self.expect_write.as_deref().and_then(file) != file(path));
        Files { written: written.into_iter().flatten().collect(), read: named("--expect", &read).into_iter().collect() }
    }
}

/// What was accepted before.
#[derive(Debug)]
pub(super) struct Review {
    snapshot: Option<Accepted>,
    expectations: Option<(PathBuf, Expectations)>,
    expect_write: Option<PathBuf>,
    /// Further scenarios, whose ids an expectation may name.
    scenarios: Vec<PathBuf>,
}

#[derive(Debug)]
struct Accepted {
    path: PathBuf,
    /// `None`: there is no such file yet.
    stored: Option<Snapshot>,
    update: bool,
}

/// How far a run went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// It was not stopped, and every framing was tested.
    pub(super) finished: bool,
    /// No option left cases out.
    pub(super) all_cases: bool,
}

/// What came of the comparison.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Codes that it leads to.
    exits: Vec<Exit>,
    /// The reason for the exit code, in the report's last line.
    because: Vec<String>,
    stale: Vec<Complaint>,
    /// The accepted snapshot and the one found, where they differ.
    differs: Option<(PathBuf, Option<Snapshot>, Snapshot)>,
    remarks: Vec<String>,
    partial: bool,
}

impl Review {
    /// Reads what was accepted, and refuses before anything is run what could not be written after it, or only over
    /// something else.
    pub(super) fn new(args: &Args, scenarios: &[PathBuf]) -> Result<Self, Failure> {
        let expectations = match &args.expect {
            Some(path) => Some((path.clone(), expectations(path, scenarios)?)),
            None => None,
        };
        args.expect_write.iter().chain(&args.snapshot).try_for_each(|path| check_place(path))?;
        let snapshot = args.snapshot.as_ref().map(|path| Accepted::read(path, args.snapshot_update)).transpose()?;
        if let Some(path) = args.expect_write.as_ref().filter(|path| path.is_file()) {
            let is_ours = scenario::read(path).is_ok_and(|text| Expectations::are_in(&text));
            spare(is_ours, path, "file of expected failures")?;
        }
        Ok(Self { snapshot, expectations, expect_write: args.expect_write.clone(), scenarios: scenarios.to_vec() })
    }

    /// Holds the report against what was accepted, notes in it how the run ends, and writes what is to be reviewed.
    pub(super) fn judge(&self, report: &mut Report, extent: Extent) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::default();
        self.expect(report, extent, &mut outcome)?;
        let verdict = report.verdict_but_for_expected();
        match &self.snapshot {
            Some(snapshot) if extent.finished && report.verdict != Conformance::NotTested => {
                snapshot.compare(report, &mut outcome)?;
            }
            Some(snapshot) => {
                outcome.remarks.push(format!("not compared with {}: the run is partial", snapshot.path.display()));
                outcome.exits.extend([verdict.into(), Exit::Inconclusive]);
            }
            None => outcome.exits.push(verdict.into()),
        }
        Ok(outcome)
    }

    fn expect(&self, report: &mut Report, extent: Extent, outcome: &mut Outcome) -> Result<(), Failure> {
        let today = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let today = today.split('T').next().unwrap_or_default();
        let run = Run { today, finished: extent.finished, all_cases: extent.all_cases };
        let kept = self.expectations.as_ref().map(|(_, expectations)| expectations);
        let judged = extent.finished && report.verdict != Conformance::NotTested;
        if let Some(path) = self.expect_write.as_ref().filter(|_| judged) {
            let text = Expectations::write(report, kept);
            write_whole(path, text.as_bytes()).map_err(|error| failed(path, error))?;
            let written = parse(path, &text, &self.scenarios)?;
            written.apply(report, run);
            report.stale.clear(); // what has just been written is as old as the run
            outcome.remarks.push(format!("the failures of this run are expected from now on: {}", path.display()));
        } else if let Some(kept) = kept {
            outcome.stale = kept.apply(report, run);
        }
        let file = self.expect_write.as_ref().or(self.expectations.as_ref().map(|(path, _)| path));
        if let Some(file) = file.filter(|_| report.expected().next().is_some()) {
            outcome.because.push(format!("as expected in {}", file.display()));
        }
        if !outcome.stale.is_empty() {
            outcome.exits.push(Exit::Stale);
        }
        Ok(())
    }
}

impl Accepted {
    fn read(path: &Path, update: bool) -> Result<Self, Failure> {
        let is_ours = |stored: Option<&Snapshot>| stored.is_none_or(Snapshot::is_ours);
        let (pending, accepted) = (pending(path), stored(path)?);
        spare(is_ours(stored(&pending)?.as_ref()), &pending, "snapshot")?;
        spare(!update || is_ours(accepted.as_ref()), path, "snapshot")?;
        Ok(Self { path: path.to_owned(), stored: accepted, update })
    }

    fn compare(&self, report: &Report, outcome: &mut Outcome) -> Result<(), Failure> {
        let (found, file) = (Snapshot::new(report), self.path.display().to_string());
        let pending = pending(&self.path);
        let write = |path: &Path| write_whole(path, found.text().as_bytes()).map_err(|error| failed(path, error));
        if self.stored.as_ref().is_some_and(|accepted| accepted.agrees_with(&found)) {
            outcome.because.push(format!("as accepted in {file}"));
        } else if self.update {
            write(&self.path)?;
            outcome.because.push(format!("now accepted in {file}"));
        } else {
            write(&pending)?;
            outcome.exits.push(Exit::SnapshotDiffers);
            outcome.because = vec![match self.stored {
                Some(_) => format!("not as accepted in {file}"),
                None => format!("nothing is accepted in {file} yet"),
            }];
            outcome.differs = Some((self.path.clone(), self.stored.clone(), found));
            return Ok(());
        }
        match fs::remove_file(&pending) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(&pending, error)),
            _ => Ok(()),
        }
    }
}

impl Outcome {
    /// The run was ended before all was judged.
    pub(super) fn partial(&mut self, why: &str) {
        self.because.push(format!("partial: {why}"));
        self.partial = true;
    }

    /// Notes the end in the report, so that its last line says what the exit code will.
    pub(super) fn note(&self, report: &mut Report, others: &[Exit]) -> Exit {
        let exit = Exit::of(&[&self.exits, others].concat());
        let because = self.because.join(", ");
        if !because.is_empty() || exit.code() != report.verdict.exit_code() {
            report.volatile.ending = Some(Ending { exit_code: exit.code(), because, partial: self.partial });
        }
        exit
    }

    /// Says what is stale and what differs.
    pub(super) fn show(&self, console: &mut Console<'_>) {
        for remark in &self.remarks {
            console.remark(remark);
        }
        for complaint in &self.stale {
            console.complain(&Failure::usage(complaint.clone()));
        }
        let Some((path, accepted, found)) = &self.differs else { return };
        let (file, pending) = (path.display(), pending(path));
        let pending = pending.display();
        match accepted {
            Some(accepted) => {
                console.remark(&format!("--- {file}\n+++ {pending}"));
                for (sign, line) in difference(accepted, found) {
                    console.difference(sign, &line);
                }
            }
            None => console.remark(&format!("there is no {file} yet; what was found is in {pending}")),
        }
        console.remark(&format!("\nto accept it: mv '{pending}' '{file}', or again with --snapshot-update"));
    }
}

/// Where what was found waits for review.
fn pending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

fn failed(path: &Path, error: std::io::Error) -> Failure {
    Failure::Output(path.display().to_string(), error)
}

/// Refuses to write over what is no such file.
fn spare(is_ours: bool, path: &Path, what: &str) -> Result<(), Failure> {
    let why = || format!("this is no {what}, and nothing is written over it");
    if is_ours { Ok(()) } else { Err(Failure::Input(path.display().to_string(), why())) }
}

fn stored(path: &Path) -> Result<Option<Snapshot>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(Snapshot::parse(&text))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::Input(path.display().to_string(), error.to_string())),
    }
}

fn expectations(path: &Path, scenarios: &[PathBuf]) -> Result<Expectations, Failure> {
    parse(path, &scenario::read(path).map_err(Failure::usage)?, scenarios)
}

fn parse(path: &Path, text: &str, scenarios: &[PathBuf]) -> Result<Expectations, Failure> {
    let scenarios = engine::scenarios(scenarios)?;
    let scenarios: Vec<&str> = scenarios.iter().map(|scenario| scenario.id.as_str()).collect();
    let requirements: Vec<&str> = requirements().map(|requirement| requirement.id).collect();
    let known = Known { requirements: &requirements, scenarios: &scenarios };
    Expectations::parse(&path.display().to_string(), text, known).map_err(Failure::usage)
}
