//! The program as it is typed: help, errors, exit codes, what goes where.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::golden::golden;
use crate::listening::{Listening, echospec, run, said};

fn stdout(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", said(&output));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What stands on standard error, and the exit code.
fn refused(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{args:?}");
    let code = output.status.code().expect("an exit code");
    format!("$ echospec {}\n{}[exit code {code}]\n", args.join(" "), String::from_utf8_lossy(&output.stderr))
}

/// A port on which nobody listens.
fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port().to_string()
}

/// The matrix over the simulator has all of them; these show that a fault is the same over TCP.
#[test]
fn a_fault_is_found_over_tcp_too() {
    let faults = [
        ("surplus-dropped", "length:u32be", "SEG-04"),
        ("delimiter-within-a-read", "crlf", "DEL-02"),
        ("length-signed-8", "length:u16be", "LEN-08"),
        ("nul-ends-message", "raw", "BYT-02"),
        ("previous-reply", "lf", "SES-05"),
        ("fin-inside-kills", "fixed:16", "FIX-08"),
        ("resets-for-fin", "close", "CLS-07"),
        ("second-client-reset", "netstring", "SES-07"),
        ("banner", "close", "SES-01"),
        ("accepts-once", "lines", "SES-02"),
    ];
    for (fault, framing, requirement) in faults {
        let serving = Listening::serving(framing, Some(fault));
        let output = run(&[
            "check",
            &serving.port,
            "--framing",
            framing,
            "--only",
            requirement,
            "--only",
            "SES-02",
            "--report",
            "tap",
        ]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{fault} in {framing}: {said}");
        assert!(said.contains(requirement), "{fault} in {framing}: {said}");
    }
}

#[test]
fn a_right_variant_passes_over_tcp_too() {
    for (variant, framing) in
        [("tiny-writes", "length:u32be"), ("one-client-at-a-time", "lf"), ("byte-by-byte", "crlf")]
    {
        let serving = Listening::serving(framing, Some(variant));
        let output = run(&["check", &serving.port, "--framing", framing, "--only", "SEG-04", "--only", "SES-0*"]);
        assert_eq!(output.status.code(), Some(0), "{variant}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn faults_are_listed_with_what_they_break() {
    let listed = stdout(&["list", "faults"]);
    assert!(listed.lines().count() >= 120, "{}", listed.lines().count());
    assert!(listed.lines().any(|line| line.starts_with("surplus-dropped ") && line.contains("SEG-04")));
}

const COMMANDS: [&str; 13] = [
    "check",
    "check-client",
    "fuzz",
    "replay",
    "serve",
    "send",
    "proxy",
    "list",
    "explain",
    "report",
    "schema",
    "completions",
    "man",
];

#[test]
fn every_command_explains_itself() {
    golden("help", &stdout(&["--help"]));
    for command in COMMANDS {
        golden(&format!("help-{command}"), &stdout(&[command, "--help"]));
    }
}

#[test]
fn help_lists_every_command_that_there_is() {
    let help = stdout(&["-h"]);
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let listed: Vec<_> = listed.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(listed, COMMANDS);
}

#[test]
fn every_wrong_command_line_is_refused_with_what_would_be_right() {
    let wrong: [&[&str]; 30] = [
        &[],
        &["chekc"],
        &["check", "7000"],
        &["check", "localhost", "--framing", "lines"],
        &["check", "::1:7000", "--framing", "lines"],
        &["check", "0", "--framing", "lines"],
        &["check", "7000", "--framing", "length:u33be"],
        &["check", "7000", "--framing", "lines", "--bogus"],
        &["check", "7000", "--framing", "u32be"],
        &["check", "--only", "SEG-01", "--skip", "SEG-*"],
        &["check", "--only", "NO-SUCH-*"],
        &["check", "--skip", "NO-SUCH-*"],
        &["check", "--only", "{"],
        &["check", "--level", "could"],
        &["check", "--report", "pdf"],
        &["check", "--report", "json", "--report", "tap"],
        &["check", "--report", "json=no/such/folder/report.json"],
        &["check", "--scenarios", "no/such/file.yaml"],
        &["check", "--shard", "5/4"],
        &["check", "--jobs", "0"],
        &["check", "--time-scale", "-1"],
        &["check", "--timeout", "5"],
        &["serve", "--max-connections", "0"],
        &["serve", "--fault", "no-such"],
        &["serve", "--fault", "length-7-bit"],
        &["serve", "--fault", "always-succeeds"],
        &["send", "7000", "hello"],
        &["send", "7000", "two\nlines", "--framing", "lf"],
        &["explain", "SEG-99"],
        &["man", "chekc"],
    ];
    golden("refused", &wrong.map(refused).join("\n"));
}

#[test]
fn a_wrong_scenario_is_shown_at_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("wrong.yaml"), "title: a wrong one\nsteps:\n  - sned: hello\n").expect("written");
    let output = echospec(&["check", "--scenarios", "wrong.yaml"]).current_dir(&folder).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    golden("refused-scenario", &String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_requirement_that_looks_like_ours_and_is_none_is_refused_and_one_of_ones_own_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario =
        |id| format!("title: mine\nrequirements: [{id}]\nsteps:\n  - send: {{message: hello}}\n  - expect: echo\n");
    let check = |id| {
        std::fs::write(folder.path().join("mine.yaml"), scenario(id)).expect("written");
        let args = ["check", "--framing", "lf", "--scenarios", "mine.yaml", "--only", "mine"];
        echospec(&args).current_dir(&folder).output().expect("it starts")
    };
    let refused = check("SEG-99");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no requirement SEG-99"), "{refused:?}");
    assert_eq!(check("MINE-01").status.code(), Some(0));
}

#[test]
fn what_there_is_can_be_listed() {
    golden("list-framings", &stdout(&["list", "framings"]));
    golden("list-formats", &stdout(&["list", "formats"]));
    assert!(stdout(&["list", "requirements"]).lines().any(|line| line.starts_with("SEG-02  MUST   ")));
    assert!(stdout(&["list", "scenarios"]).lines().any(|line| line.starts_with("session/first-message ")));
}

#[test]
fn a_requirement_is_explained_whatever_the_case_of_its_id() {
    let explained = stdout(&["explain", "seg-02"]);
    for part in ["SEG-02 (MUST)\n", "\nWhy it matters\n", "\nWhat breaks without it\n", "\n  R4 the client sends"] {
        assert!(explained.contains(part), "{part} in {explained}");
    }
}

#[test]
fn schemas_are_json() {
    for (what, kind) in [("report", "object"), ("scenario", "object"), ("expectations", "array")] {
        let schema: serde_json::Value = serde_json::from_str(&stdout(&["schema", what])).expect("JSON");
        assert_eq!(schema["type"], kind);
        // A report says its version itself.
        assert!(what == "report" || schema["$id"].as_str().is_some_and(|id| id.ends_with(":1")), "{what}");
    }
}

#[test]
fn completions_and_manual_pages_know_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(stdout(&["completions", shell]).contains("explain"));
    }
    assert!(stdout(&["man"]).contains("echospec\\-check(1)"));
    assert!(stdout(&["man", "check"]).contains(".TH echospec-check 1"));
}

#[test]
fn the_reference_client_and_the_reference_server_agree() {
    for framing in ["lines", "length:u32be", "fixed:5", "close", "raw", "netstring"] {
        let serving = Listening::serving(framing, None);
        assert_eq!(stdout(&["send", &serving.port, "hello", "--framing", framing]), "hello", "{framing}");
    }
}

#[test]
fn a_large_message_from_standard_input_comes_back_byte_for_byte() {
    let serving = Listening::serving("length:u32be", None);
    let message: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_be_bytes).collect();
    let mut client = echospec(&["send", &serving.port, "--framing", "length:u32be", "--timeout", "60s"]);
    let mut client = client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    client.stdin.take().expect("its input").write_all(&message).expect("it reads");
    let output = client.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == message, "{} bytes came back", output.stdout.len());
}

#[test]
fn a_wrong_reply_is_exit_code_1_and_said_on_standard_error() {
    let serving = Listening::serving("length:u32be,empty=skip", None);
    let output = run(&["send", &serving.port, "", "--framing", "length:u32be", "--timeout", "300ms"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"no whole reply came in time");
}

#[test]
fn a_port_on_which_nobody_listens_is_exit_code_3() {
    let port = free_port();
    let said = |args: &[&str]| {
        let output = run(args);
        assert_eq!(output.status.code(), Some(3), "{args:?}");
        String::from_utf8_lossy(&output.stderr).replace(&port, "PORT")
    };
    insta::assert_snapshot!(said(&["send", &port, "hello", "--framing", "lines"]), @"error: cannot connect to 127.0.0.1:PORT: refused");
    insta::assert_snapshot!(said(&["check", &port, "--framing", "lines"]), @"error: 127.0.0.1:PORT was not tested in delimiter:lf,chomp=cr: no connection (refused)");
}

#[test]
fn a_server_that_cannot_listen_says_so() {
    let serving = Listening::serving("lines", None);
    let output = run(&["serve", "--listen", &serving.port]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with(&format!("error: cannot listen on 127.0.0.1:{}: ", serving.port)), "{said}");
}

#[test]
fn the_reference_server_conforms_and_every_report_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let args = "check --only session/* --seed 4f1d2c3 --report json=run.json --report junit=run.xml --report tap";
    let args: Vec<_> = args.split(' ').collect();
    let output = echospec(&args).current_dir(&folder).output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.starts_with(b"TAP version 14\n"));
    assert!(std::fs::read(folder.path().join("run.xml")).expect("a report").starts_with(b"<?xml"));
    let again = echospec(&["report", "run.json", "--report", "json"]).current_dir(&folder).output().expect("it starts");
    assert!(again.stdout == std::fs::read(folder.path().join("run.json")).expect("a report"), "the same report again");
}

#[test]
fn the_canonical_report_is_the_same_from_run_to_run() {
    let once = || stdout(&["check", "--only", "session/*", "--seed", "1", "--report", "markdown"]);
    assert_eq!(once(), once());
}

#[test]
fn a_run_whose_time_is_up_still_writes_its_report() {
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = mute.local_addr().expect("its address").port().to_string();
    let output = run(&["check", &port, "--framing", "lines", "--timeout", "1ms", "--report", "json"]);
    assert_eq!(output.status.code(), Some(3), "nothing was judged");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["verdict"], "not-tested");
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr).replace(&port, "PORT"), @"
    error: 127.0.0.1:PORT was not tested in delimiter:lf,chomp=cr: the run was ended before
    the run was ended by --timeout; the report is partial
    ");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_run_with_the_partial_report() {
    let mute = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = mute.local_addr().expect("its address").port().to_string();
    let mut command = echospec(&["check", &port, "--framing", "lines", "--report", "json"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    mute.accept().expect("it connects");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs").success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a whole report");
    assert_eq!(report["verdict"], "not-tested");
}

#[test]
fn a_stored_report_of_another_version_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("run.json"), r#"{"schema": "echospec-report/99"}"#).expect("written");
    let output = echospec(&["report", "run.json"]).current_dir(&folder).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"error: run.json: the report has the schema `echospec-report/99`, this version reads `echospec-report/1` and `echospec-report/2`: render it with the version that wrote it");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut command = echospec(&["list", "requirements"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn events_are_whole_lines_of_json_from_the_first_to_the_end() {
    let text = stdout(&["check", "--only", "session/*", "--framing", "lf", "--report", "ndjson"]);
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let of = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
    assert_eq!(events[0]["event"], "phase");
    assert_eq!(events[0]["framing"], "delimiter:lf");
    assert_eq!(events.last().expect("an end")["exit_code"], 0);
    assert!(of("case") > 10 && of("case") == of("result"), "{} cases, {} results", of("case"), of("result"));
}

/// A report of schema 1, as the first version wrote it. It must be readable for ever.
#[test]
fn a_report_of_the_first_schema_still_renders_in_every_format() {
    let first = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/reports/schema-1.json");
    for line in stdout(&["list", "formats"]).lines() {
        let format = line.split_whitespace().next().expect("a name");
        assert!(!stdout(&["report", first, "--report", format]).is_empty(), "{format}");
    }
    golden("report-of-schema-1", &stdout(&["report", first]));
}
