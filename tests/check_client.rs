//! `check-client`, end to end: the reference client conforms, its faults are found, a command that cannot work is refused.

use std::process::{Command, Output};

use serde_json::Value;

const ECHOSPEC: &str = env!("CARGO_BIN_EXE_echospec");

fn check_client(options: &[&str], command: &[&str]) -> Output {
    let mut run = Command::new(ECHOSPEC);
    run.arg("check-client").args(options).arg("--").args(command);
    run.output().expect("echospec runs")
}

/// The requirements that failed, of those that were asked for.
fn failed(framing: &str, only: &[&str], fault: Option<&str>) -> (Option<i32>, Vec<String>) {
    let mut options = vec!["--framing", framing, "--report", "json"];
    for pattern in only {
        options.extend(["--only", pattern]);
    }
    let mut command = vec![ECHOSPEC, "send", "{host}:{port}", "--framing", framing];
    command.extend(fault.into_iter().flat_map(|fault| ["--fault", fault]));
    let output = check_client(&options, &command);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a JSON report");
    let requirements = report["requirements"].as_array().expect("requirements");
    let failed = requirements.iter().filter(|one| one["verdict"] == "fail");
    (output.status.code(), failed.map(|one| one["id"].as_str().unwrap_or_default().to_owned()).collect())
}

/// Without the one that takes the reference client's whole patience.
const QUICK: &[&str] =
    &["CLI-0*", "CLI-10", "CLI-11", "CLI-12", "CLI-13", "CLI-15", "CLI-17", "CLI-18", "CLI-19", "CLI-2*"];

#[test]
fn the_reference_client_conforms() {
    for framing in ["close", "length:u32be"] {
        assert_eq!(failed(framing, QUICK, None), (Some(0), vec![]), "{framing}");
    }
}

#[test]
fn a_fault_is_found_over_tcp_too() {
    for (fault, requirement) in [
        ("frame-cut", "CLI-03"),
        ("one-read", "CLI-06"),
        ("resets", "CLI-07"),
        ("partial-is-success", "CLI-09"),
        ("dies-of-reset", "CLI-11"),
        ("connects-twice", "CLI-01"),
        ("leaves-after-sending", "CLI-05"),
    ] {
        assert_eq!(failed("lf", &[requirement], Some(fault)), (Some(1), vec![requirement.to_owned()]), "{fault}");
    }
}

#[test]
fn a_failed_case_shows_the_session_and_how_to_see_it_again() {
    let command = [ECHOSPEC, "send", "{host}:{port}", "--framing", "lf", "--fault", "never-compares"];
    let output =
        check_client(&["--framing", "lf", "--only", "client/reply-altered-long", "--level", "should"], &command);
    let text = String::from_utf8(output.stdout).expect("text");
    for part in [
        "false-success: the client reported success, although there was no right reply",
        "- start the client with a pattern of 9000 bytes + \"x\"",
        "the client ended with exit code 0",
        "echospec check-client --framing delimiter:lf --only client/reply-altered-long --seed 0 -- ",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn err_a_command_that_cannot_find_its_server() {
    let output = check_client(&["--framing", "lf"], &["my-client"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"
    error: nothing says how the client finds its server: write {port} in its command, and {host} where it takes a host

      for example  -- ./my-client {host} {port}
    ");
}

#[test]
fn err_a_command_that_cannot_be_started() {
    let output = check_client(&["--framing", "lf"], &["./no-such-client", "{port}"]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("cannot start `./no-such-client "), "{said}");
}
