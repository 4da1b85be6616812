//! A report file is the old one or a whole one, whatever ends the run; and what was accepted is not lost.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const ECHOSPEC: &str = env!("CARGO_BIN_EXE_echospec");

/// A stored report.
const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/reports/schema-1.json");

const CASE: &str = r#""event":"case""#;

const OLD: &str = "what was there before\n";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn with(self, name: &str, text: &str) -> Self {
        fs::write(self.at(name), text).expect("written");
        self
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// What is in it, by name: nothing half written lies about.
    fn names(&self) -> Vec<String> {
        let entry = |entry: std::io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let names = fs::read_dir(&self.0).expect("listed").map(|one| entry(one).to_string_lossy().into_owned());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.0).env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    fn echospec(&self, args: &[&str]) -> Output {
        self.command(ECHOSPEC, args).output().expect("it starts")
    }

    /// A run with more than a thousand cases, its report going to `run.json`, after the first event of this kind.
    fn running(&self, event: &str, repeat: &str) -> (Child, BufReader<std::process::ChildStdout>) {
        let args = ["check", "--framing", "lf", "--repeat", repeat, "--report", "json=run.json", "--report", "ndjson"];
        let mut run = self.command(ECHOSPEC, &args).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut events = BufReader::new(run.stdout.take().expect("its standard output"));
        let mut line = String::new();
        while !line.contains(event) {
            line.clear();
            assert_ne!(events.read_line(&mut line).expect("a line"), 0, "it ended by itself");
        }
        (run, events)
    }
}

fn send(signal: Signal, run: &Child) {
    kill_process(Pid::from_child(run), signal).expect("it is there");
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_run_that_is_asked_to_end_leaves_a_whole_report_of_a_part() {
    // However often what is in progress would still be repeated.
    for (signal, event, repeat) in [(Signal::INT, CASE, "1"), (Signal::TERM, r#""name":"judging""#, "10000")] {
        let folder = Folder::new().with("run.json", OLD);
        let (mut run, mut events) = folder.running(event, repeat);
        send(signal, &run);
        events.read_to_end(&mut Vec::new()).expect("the rest is read, so that nothing waits for it");
        assert_eq!(run.wait().expect("it ends").code(), Some(130));
        assert_eq!(folder.names(), ["run.json"]);
        let stored = folder.echospec(&["report", "run.json", "--exit-code"]);
        let text = String::from_utf8_lossy(&stored.stdout).into_owned();
        assert_eq!(stored.status.code(), Some(130), "{text}{}", said(&stored));
        assert!(text.contains(", partial: interrupted (exit code 130)"), "{text}");
        assert!(text.contains("the run was ended before"), "what was not judged is named: {text}");
        let compared = folder.echospec(&["report", "run.json", "--snapshot", "echo.snap"]);
        assert!(said(&compared).starts_with("not compared with echo.snap"), "{}", said(&compared));
        assert_eq!(folder.names(), ["run.json"]);
    }
}

#[test]
fn a_run_that_is_killed_leaves_the_old_report() {
    let folder = Folder::new().with("run.json", OLD);
    let (mut run, _events) = folder.running(CASE, "1");
    send(Signal::KILL, &run);
    run.wait().expect("it ends");
    assert_eq!((folder.read("run.json").as_str(), folder.names()), (OLD, vec!["run.json".into()]));
}

#[test]
fn a_full_device_is_told() {
    let folder = Folder::new();
    let output = folder.echospec(&["report", STORED, "--report", "json=/dev/full", "--report", "tap=out.tap"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("cannot write /dev/full: No space left on device"), "{}", said(&output));
    assert!(folder.read("out.tap").starts_with("TAP version 14"));
    let full = File::options().write(true).open("/dev/full").expect("there is one");
    let output = folder.command(ECHOSPEC, &["report", STORED]).stdout(full).stderr(Stdio::piped()).output();
    assert_eq!(output.expect("it starts").status.code(), Some(3));
}

/// Each is refused before anything is run, and nothing is changed.
#[test]
fn what_would_be_lost_is_not_written_over() {
    let folder = Folder::new().with("README", OLD).with("echo.snap.new", OLD).with("known.yaml", "[]\n");
    fs::copy(STORED, folder.at("run.json")).expect("copied");
    let stored = folder.read("run.json");
    let mut told = String::new();
    for line in [
        "check --report json=a --report html=./a",
        "check --report json=a --snapshot a",
        "check --report json=a.new --snapshot a",
        "check --report json=a --expect-write a",
        "check --snapshot a --expect-write a",
        "check --report json=known.yaml --expect known.yaml",
        "check --snapshot README --snapshot-update",
        "check --snapshot echo.snap",
        "check --expect-write README",
        "report run.json --report html=run.json",
        "report run.json --expect-write README",
        "report --compare run.json --report html=run.json",
    ] {
        let output = folder.echospec(&line.split(' ').collect::<Vec<_>>());
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{line}: {}", said(&output));
        told = format!("{told}{line}\n{}", said(&output));
    }
    insta::assert_snapshot!(told, @r"
    check --report json=a --report html=./a
    error: --report json and --report html name the same file, ./a: one would be lost
    check --report json=a --snapshot a
    error: --report json and --snapshot name the same file, a: one would be lost
    check --report json=a.new --snapshot a
    error: --report json and the FILE.new of --snapshot name the same file, a.new: one would be lost
    check --report json=a --expect-write a
    error: --report json and --expect-write name the same file, a: one would be lost
    check --snapshot a --expect-write a
    error: --snapshot and --expect-write name the same file, a: one would be lost
    check --report json=known.yaml --expect known.yaml
    error: --expect and --report json name the same file, known.yaml: one would be lost
    check --snapshot README --snapshot-update
    error: README: this is no snapshot, and nothing is written over it
    check --snapshot echo.snap
    error: echo.snap.new: this is no snapshot, and nothing is written over it
    check --expect-write README
    error: README: this is no file of expected failures, and nothing is written over it
    report run.json --report html=run.json
    error: FILE and --report html name the same file, run.json: one would be lost
    report run.json --expect-write README
    error: README: this is no file of expected failures, and nothing is written over it
    report --compare run.json --report html=run.json
    error: FILE and --report html name the same file, run.json: one would be lost
    ");
    assert_eq!(folder.names(), ["README", "echo.snap.new", "known.yaml", "run.json"]);
    assert_eq!((folder.read("README").as_str(), folder.read("run.json") == stored), (OLD, true));
}
