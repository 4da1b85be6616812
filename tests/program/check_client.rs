//! `check-client`, end to end: the reference client conforms, its faults are found, a command that cannot work is refused.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

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

/// Where localhost has an address of either family; elsewhere there is no second one to try.
#[test]
fn a_client_that_tries_one_address_is_found_where_there_are_two() {
    let families: Vec<_> = ("localhost", 1).to_socket_addrs().expect("localhost").map(|one| one.is_ipv4()).collect();
    let expected =
        if families.contains(&true) && families.contains(&false) { vec!["CLI-21".to_owned()] } else { vec![] };
    assert_eq!(failed("lf", &["CLI-21"], Some("one-address")).1, expected);
}

/// What a process takes is seen on Linux only.
#[cfg(target_os = "linux")]
#[test]
fn a_client_that_spins_is_found_by_its_processor_time() {
    assert_eq!(failed("lf", &["CLI-16"], Some("spins-in-silence")).1, ["CLI-16"]);
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
        ("retries", "CLI-01"),
        ("leaves-after-sending", "CLI-05"),
    ] {
        assert_eq!(failed("lf", &[requirement], Some(fault)), (Some(1), vec![requirement.to_owned()]), "{fault}");
    }
}

/// Nothing but its connection shows that it leaves after the first part of the reply; wherever the cut is, it does.
#[test]
fn who_leaves_inside_the_reply_is_found_without_a_word_from_it() {
    let command = [ECHOSPEC, "send", "{host}:{port}", "--framing", "lf", "--fault", "content-with-a-part"];
    let options = ["--framing", "lf", "--no-output", "--only", "client/reply-cut", "--report", "json"];
    let output = check_client(&options, &command);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a JSON report");
    let cases = report["cases"].as_array().expect("cases");
    let played = || cases.iter().filter(|case| case["verdict"] != "not-run");
    assert!(played().count() >= 3, "{cases:?}");
    for case in played() {
        assert_eq!((&case["verdict"], &case["breaches"][0]["rule"]), (&"fail".into(), &"early-close".into()), "{case}");
    }
}

/// It does not end when its server resets it, which another requirement is about.
#[test]
fn how_a_session_ends_says_nothing_of_how_many_connections_it_had() {
    let script = format!("{ECHOSPEC} send {{host}}:{{port}} --framing lf || exec sleep 60");
    let judged = |only| check_client(&["--framing", "lf", "--only", only], &["sh", "-c", &script]).status.code();
    assert_eq!((judged("CLI-01"), judged("CLI-11")), (Some(0), Some(1)));
}

#[test]
fn a_client_that_looks_whether_anybody_listens_before_it_speaks_connects_twice() {
    let script =
        format!("exec 3<>/dev/tcp/{{host}}/{{port}} 3>&-; exec {ECHOSPEC} send {{host}}:{{port}} --framing lf");
    for only in [&["CLI-01"][..], &[]] {
        let patterns = only.iter().flat_map(|id| ["--only", id]);
        let options: Vec<_> = ["--framing", "lf", "--report", "json"].into_iter().chain(patterns).collect();
        let output = check_client(&options, &["bash", "-c", &script]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("a JSON report");
        let failed =
            report["requirements"].as_array().expect("requirements").iter().filter(|one| one["verdict"] == "fail");
        let failed: Vec<_> = failed.map(|one| one["id"].as_str().unwrap_or_default()).collect();
        assert_eq!((output.status.code(), failed), (Some(1), vec!["CLI-01"]), "{only:?}");
    }
}

/// Who has left its session is known on Linux only.
#[cfg(target_os = "linux")]
#[test]
fn what_a_client_leaves_behind_is_told() {
    let script = format!("setsid sleep 30 >/dev/null 2>&1 & exec {ECHOSPEC} send {{host}}:{{port}} --framing lf");
    let output = check_client(&["--framing", "lf", "--only", "client/plain"], &["sh", "-c", &script]);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("the target has left") && said.contains("behind, which the run has ended"), "{said}");
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

/// What a device does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Device {
    Right,
    /// It closes as soon as it has spoken.
    Closes,
    /// It says something else each time.
    Varies,
}

/// Connects again and again until it is told to stop, and speaks each time.
fn device(address: &str, device: Device, stop: &AtomicBool) {
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok(mut stream) = TcpStream::connect(address) else { continue };
        let message = if device == Device::Varies { format!("reading {number}\n") } else { "hello\n".to_owned() };
        let mut reply = vec![0; message.len()];
        if stream.write_all(message.as_bytes()).is_ok() && device != Device::Closes {
            let _ = stream.read_exact(&mut reply); // a reply that is cut off ends its session
        }
    }
}

/// What comes of the rows that need nothing but connections.
fn visited(kind: Device) -> (Option<i32>, String) {
    let mut waiting = Command::new(ECHOSPEC)
        .args(["check-client", "--framing", "lf", "--listen", "0", "--only", "CLI-03", "--only", "CLI-08"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("echospec runs");
    let mut said = String::new();
    let mut errors = BufReader::new(waiting.stderr.take().expect("its standard error"));
    errors.read_line(&mut said).expect("it says where it waits");
    let address = said.trim().strip_prefix("waiting for clients at ").expect("an address").to_owned();
    let stop = Arc::new(AtomicBool::new(false));
    let clients = thread::spawn({
        let stop = Arc::clone(&stop);
        move || device(&address, kind, &stop)
    });
    let output = waiting.wait_with_output().expect("it ends");
    stop.store(true, Ordering::Relaxed);
    clients.join().expect("the device ends");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn clients_that_come_by_themselves_are_judged_by_what_they_send() {
    let (code, report) = visited(Device::Right);
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains("message=\"hello\""), "{report}");
    let (code, report) = visited(Device::Closes);
    assert_eq!(code, Some(1), "{report}");
    assert!(
        report.contains("early-close: the client ended the connection before the whole reply had come"),
        "{report}"
    );
}

#[test]
fn a_device_may_send_another_message_each_time() {
    let (code, report) = visited(Device::Varies);
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains("sends another message each time"), "{report}");
    assert!(report.contains("pass") && !report.contains("altered"), "{report}");
}

#[test]
fn a_status_that_stands_for_nothing_proves_nothing() {
    let options = ["--framing", "lf", "--report", "json", "--only", "CLI-10", "--exit-error", "77"];
    let output = check_client(&options, &[ECHOSPEC, "send", "{host}:{port}", "--framing", "lf"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a JSON report");
    let verdicts: Vec<_> = report["requirements"].as_array().expect("requirements").iter().collect();
    assert!(verdicts.iter().any(|one| one["id"] == "CLI-10" && one["verdict"] == "inconclusive"), "{report:#}");
}

#[test]
fn err_what_cannot_be_asked_of_a_client() {
    let said = |args: &[&str]| {
        let output = Command::new(ECHOSPEC).args(["check-client", "--framing", "lf"]).args(args).output();
        let output = output.expect("echospec runs");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    insta::assert_snapshot!(said(&["--only", "SEG-*", "--", "client", "{port}"]), @"error: `SEG-*` is about servers: `echospec check` judges them");
    for option in [["--listen", "0", "--no-output"].as_slice(), &["--listen", "0", "--exit-ok", "3"]] {
        let said = said(option);
        assert!(said.contains("with --listen its connections are all that is seen of it"), "{said}");
    }
}

/// It has left its process group, so only its environment tells whose it is.
#[cfg(target_os = "linux")]
#[test]
fn what_a_client_has_started_does_not_outlive_the_run() {
    let script = format!(
        "setsid sleep 98765.4321 >/dev/null 2>&1 & exec '{ECHOSPEC}' send {{host}}:{{port}} --framing lf < {{message-file}}"
    );
    let output = check_client(&["--framing", "lf", "--only", "client/plain"], &["sh", "-c", &script]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let commands = processes.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
    let left: Vec<_> = commands.filter(|command| command.starts_with("sleep\098765.4321")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The reference client behind a shell that may refuse the message before.
fn picky(condition: &str, only: &str) -> (Option<i32>, Value) {
    let script =
        format!("{condition} || exit 2; exec '{ECHOSPEC}' send {{host}}:{{port}} --framing lf < {{message-file}}");
    let output = check_client(&["--framing", "lf", "--report", "json", "--only", only], &["sh", "-c", &script]);
    (output.status.code(), serde_json::from_slice(&output.stdout).expect("a JSON report"))
}

#[test]
fn a_client_that_refuses_large_messages_before_it_connects_has_a_limit_to_the_byte() {
    let (code, report) = picky("test $(wc -c < {message-file}) -le 5000", "CLI-11");
    assert_eq!(code, Some(0), "{report:#}");
    let findings = report["findings"].as_array().expect("findings");
    assert!(findings.iter().any(|one| one["key"] == "max" && one["value"] == "5000"), "{findings:#?}");
}

#[test]
fn a_client_that_dies_of_some_of_the_messages_that_it_should_refuse_has_no_limit() {
    let dies = "n=$(wc -c < {message-file}); test $n -lt 9500 -o $n -gt 10500 || kill -9 $$; test $n -le 5000";
    let (code, report) = picky(dies, "CLI-11");
    assert_eq!(code, Some(1), "{report:#}");
    let findings = report["findings"].as_array().expect("findings");
    assert!(!findings.iter().any(|one| one["key"] == "max"), "{findings:#?}");
}

#[test]
fn a_client_that_never_had_a_reply_is_not_told_that_the_reply_was_right() {
    let (code, report) = picky("! grep -q ' ' {message-file}", "client/spaces");
    assert_eq!(code, Some(1));
    let report = report.to_string();
    assert!(report.contains("not-connected") && !report.contains("false-failure"), "{report}");
}

/// A program that reads everything from its environment, and the message from this variable: how the cases end that are no text.
fn by_environment(message: &str) -> (Option<i32>, String) {
    let script = format!("{message} | exec '{ECHOSPEC}' send $ECHOSPEC_HOST:$ECHOSPEC_PORT --framing length:u16be");
    let mut program = tempfile::NamedTempFile::new().expect("a file");
    program.write_all(script.as_bytes()).expect("a script");
    let path = program.path().to_str().expect("a path");
    let options = ["--framing", "length:u16be", "--report", "json", "--stdin", "nothing", "--only", "client/any-bytes"];
    let output = check_client(&options, &["sh", path]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("a JSON report");
    let verdict = |case: &Value| case["verdict"].as_str().unwrap_or_default().to_owned();
    let verdicts: Vec<_> = report["cases"].as_array().expect("cases").iter().map(verdict).collect();
    (output.status.code(), verdicts.join(" "))
}

#[test]
fn what_the_environment_does_not_hold_is_not_asked_of_a_client_that_reads_its_message_there() {
    let text = by_environment("printf %s \"$ECHOSPEC_MESSAGE\"");
    assert!(text.0 == Some(0) && text.1.starts_with("skipped skipped"), "{text:?}");
    let hex = by_environment("perl -e 'print pack \"H*\", $ENV{ECHOSPEC_MESSAGE_HEX}'");
    assert!(hex.0 == Some(0) && hex.1.starts_with("pass pass"), "{hex:?}");
}

#[test]
fn err_a_command_that_cannot_find_its_server() {
    let output = check_client(&["--framing", "lf"], &["my-client"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"
    error: nothing says how the client finds its server: write {port} in its command, and {host} where it takes a host

      for example  -- ./my-client {host} {port}
      or           --stdin nothing -- ./my-client
                   for one that reads ECHOSPEC_HOST, ECHOSPEC_PORT and ECHOSPEC_MESSAGE_HEX from its environment
    ");
}

#[test]
fn err_a_placeholder_that_there_is_not() {
    let output = check_client(&["--framing", "lf"], &["my-client", "{host}", "{port}", "{msg}"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"
    error: `{msg}` in the command of the client stands for nothing

      right: {host}, {port}, {message}, {message-hex}, {message-file}
    ");
}

#[test]
fn err_a_command_that_cannot_be_started() {
    let output = check_client(&["--framing", "lf"], &["./no-such-client", "{port}"]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("cannot start `./no-such-client "), "{said}");
}
