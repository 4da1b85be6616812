//! What becomes of reports that were stored: parts of a run, reviews, comparisons, and what lies there while one is
//! written.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::listening::{Listening, echospec, run, said};

/// A run of a few scenarios, stored as JSON in a folder.
fn stored(folder: &tempfile::TempDir, name: &str, args: &[&str]) {
    let report = format!("json={name}");
    let all = [&["check", "--only", "bytes/*", "--framing", "lf", "--seed", "1", "--report", &report], args].concat();
    let output = echospec(&all).current_dir(folder).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

fn report(folder: &tempfile::TempDir, args: &[&str]) -> Output {
    echospec(&[&["report"], args].concat()).current_dir(folder).output().expect("it starts")
}

#[test]
fn the_shards_of_a_run_make_its_report() {
    let folder = tempfile::tempdir().expect("a folder");
    stored(&folder, "whole.json", &[]);
    stored(&folder, "one.json", &["--shard", "1/2"]);
    stored(&folder, "two.json", &["--shard", "2/2"]);
    let whole = report(&folder, &["whole.json", "--report", "markdown"]);
    let merged = report(&folder, &["two.json", "one.json", "--report", "markdown"]);
    assert_eq!(String::from_utf8_lossy(&merged.stdout), String::from_utf8_lossy(&whole.stdout));
    let twice = report(&folder, &["one.json", "whole.json"]);
    assert_eq!(twice.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&twice.stderr).contains("two reports judged the same case"));
}

#[test]
fn a_shard_that_is_missing_is_told_and_may_have_failed() {
    let folder = tempfile::tempdir().expect("a folder");
    stored(&folder, "one.json", &["--shard", "1/4"]);
    stored(&folder, "three.json", &["--shard", "3/4"]);
    let merged = report(&folder, &["one.json", "three.json", "--exit-code", "--snapshot", "whole.snap"]);
    assert_eq!(merged.status.code(), Some(4), "{}", String::from_utf8_lossy(&merged.stdout));
    insta::assert_snapshot!(String::from_utf8_lossy(&merged.stderr), @r"
    of the parts in delimiter:lf, these are missing: 2/4, 4/4
    not compared with whole.snap: the run is partial
    ");
    assert!(String::from_utf8_lossy(&merged.stdout).contains("\npart     1/4, 3/4\n"));
}

#[test]
fn a_stored_report_is_held_against_what_was_accepted_as_a_run_is() {
    let folder = tempfile::tempdir().expect("a folder");
    stored(&folder, "run.json", &[]);
    assert_eq!(report(&folder, &["run.json", "--snapshot", "run.snap"]).status.code(), Some(6));
    assert_eq!(report(&folder, &["run.json", "--snapshot", "run.snap", "--snapshot-update"]).status.code(), Some(0));
    assert_eq!(report(&folder, &["run.json", "--snapshot", "run.snap"]).status.code(), Some(0));
}

#[test]
fn implementations_are_set_side_by_side() {
    let folder = tempfile::tempdir().expect("a folder");
    stored(&folder, "run.json", &[]);
    let output = report(&folder, &["--compare", "mine=run.json", "run.json", "--report", "markdown"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(output.stdout.starts_with(b"| id | level | mine | run | requirement |\n"));
    let alike = report(&folder, &["--compare", "run.json", "run.json"]);
    insta::assert_snapshot!(String::from_utf8_lossy(&alike.stderr), @"error: two reports are called run: give one another name, as in other=FILE");
    let refused = report(&folder, &["--compare", "mine=run.json", "run.json", "--report", "junit"]);
    insta::assert_snapshot!(String::from_utf8_lossy(&refused.stderr), @"error: a comparison cannot be written as junit; there are text, json, markdown, html");
}

/// A server that fails most of what it is asked in several ways, of each of which only the first variants are run.
#[test]
fn the_shards_of_a_run_that_fails_make_its_report_too() {
    let server = Listening::serving("lf", Some("blanks-trimmed"));
    let folder = tempfile::tempdir().expect("a folder");
    let judged = |name: &str, more: &[&str]| {
        let report = format!("json={}", folder.path().join(name).display());
        let args = ["check", &server.port, "--framing", "lf", "--only", "bytes/*", "--report", &report];
        let output = run(&[&args, more].concat());
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", said(&output));
    };
    judged("whole.json", &[]);
    judged("one.json", &["--shard", "1/3"]);
    judged("two.json", &["--shard", "2/3"]);
    judged("three.json", &["--shard", "3/3"]);
    let canonical = |files: &[&str]| {
        let args = [files, &["--report", "markdown"]].concat();
        String::from_utf8(report(&folder, &args).stdout).expect("UTF-8")
    };
    let whole = canonical(&["whole.json"]);
    assert!(whole.contains("3 variants of this scenario had failed"), "{whole}");
    assert_eq!(canonical(&["three.json", "one.json", "two.json"]), whole);
}

/// A file that may not grow further is what a full disk looks like from inside.
#[cfg(unix)]
#[test]
fn on_a_full_disk_the_old_report_stays_and_nothing_is_left_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let stored = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/reports/schema-1.json");
    std::fs::write(folder.path().join("report.html"), "the old one").expect("written");
    let script = format!(
        "trap '' XFSZ; ulimit -f 4; exec '{}' report '{stored}' --report html=report.html --report tap=report.tap",
        env!("CARGO_BIN_EXE_echospec")
    );
    let output = Command::new("bash").args(["-c", &script]).current_dir(&folder).output().expect("bash runs");
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("error: cannot write report.html: "), "{said}");
    assert_eq!(std::fs::read(folder.path().join("report.html")).expect("still there"), b"the old one");
    let mut names: Vec<_> =
        std::fs::read_dir(&folder).expect("listed").map(|one| one.expect("a name").file_name()).collect();
    names.sort();
    assert_eq!(names, ["report.html", "report.tap"], "what fits is written, and nothing else");
}

/// Killed by the system in the middle of writing, which no handler can catch.
#[cfg(unix)]
#[test]
fn killed_while_it_writes_the_old_report_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let stored = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/reports/schema-1.json");
    std::fs::write(folder.path().join("report.html"), "the old one").expect("written");
    let program = env!("CARGO_BIN_EXE_echospec");
    let script = format!("ulimit -c 0; ulimit -f 4; exec '{program}' report '{stored}' --report html=report.html");
    let output = Command::new("bash").args(["-c", &script]).current_dir(&folder).output().expect("bash runs");
    assert_eq!(output.status.code(), None, "a signal ended it");
    assert_eq!(std::fs::read(folder.path().join("report.html")).expect("still there"), b"the old one");
}

/// While it reads a report that does not end, and while it writes: what has begun is taken away.
#[cfg(unix)]
#[test]
fn asked_to_end_it_leaves_the_old_report_and_nothing_beside_it() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("report.html"), "the old one").expect("written");
    let mut child = echospec(&["report", "-", "--report", "html=report.html"])
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    wait_until_it_hears(child.id());
    let kill = |signal: &str| Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
    assert!(kill("-TERM").success());
    let stored =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/reports/schema-1.json")).expect("read");
    std::io::Write::write_all(&mut child.stdin.take().expect("its input"), &stored).expect("it still reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", said(&output));
    let names: Vec<_> =
        std::fs::read_dir(&folder).expect("listed").map(|one| one.expect("a name").file_name()).collect();
    assert_eq!(names, ["report.html"]);
    assert_eq!(std::fs::read(folder.path().join("report.html")).expect("still there"), b"the old one");
}

/// Until the process has a handler for SIGTERM.
#[cfg(unix)]
fn wait_until_it_hears(id: u32) {
    let end = Instant::now() + Duration::from_secs(30);
    let hears = || {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let caught = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigCgt:")?.trim(), 16).ok());
        caught.is_some_and(|caught| caught & 1 << 14 != 0)
    };
    while !hears() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
    }
}
