//! `check --exec`: a target that echospec starts, watches, starts again and ends.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// An echo with a length of four bytes before each message, and a weakness if one is named.
const SERVER: &str = r#"
import os, socket, struct, sys, threading
weakness = sys.argv[2]
kept = []

def read(conn, size):
    data = bytearray()
    while len(data) < size:
        chunk = conn.recv(min(65536, size - len(data)))
        if not chunk:
            return None
        data += chunk
    return bytes(data)

def serve(conn):
    if weakness == "leaks":
        kept.append(os.open(os.devnull, os.O_RDONLY))
    with conn:
        try:
            while (head := read(conn, 4)) is not None:
                size = struct.unpack(">I", head)[0]
                room = b"x" * min(size, 100 << 20) if weakness == "reserves" else b""
                if size > 1 << 20 or (body := read(conn, size)) is None:
                    return
                if weakness == "dies" and b"\0" in body:
                    print("cannot bear zero bytes", file=sys.stderr, flush=True)
                    os._exit(3)
                if weakness == "crashes" and b"\0" in body:
                    os.abort()
                conn.sendall(head + body)
        except ConnectionError:
            if weakness == "offended":
                print("who leaves like that?", file=sys.stderr, flush=True)
                os._exit(4)

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
open(sys.argv[0] + ".pids", "a").write(f"{os.getpid()}\n")
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;

const FRAMING: &str = "length:u32be,max=1MiB,over=close";

struct Target {
    folder: TempDir,
}

impl Target {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("server.py"), SERVER).expect("the server is written");
        Self { folder }
    }

    fn script(&self) -> PathBuf {
        self.folder.path().join("server.py")
    }

    fn command(&self, weakness: &str) -> String {
        format!("python3 {} {{port}} {weakness}", self.script().display())
    }

    fn check(&self, weakness: &str, only: &[&str]) -> Output {
        let command = self.command(weakness);
        let only = only.iter().flat_map(|pattern| ["--only", pattern]);
        check(&["--exec", &command, "--framing", FRAMING].into_iter().chain(only).collect::<Vec<_>>())
    }

    /// Every process that it has run as.
    fn pids(&self) -> Vec<String> {
        let pids = fs::read_to_string(self.script().with_extension("py.pids")).expect("it has run");
        pids.lines().map(str::to_owned).collect()
    }
}

fn check(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_echospec"));
    command.arg("check").args(args).env_remove("COLUMNS").env("NO_COLOR", "1").stdin(Stdio::null());
    command.output().expect("the program starts")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What is said on standard error where the target cannot be tested.
fn untested(args: &[&str]) -> String {
    let output = check(args);
    assert_eq!(code(&output), 3, "{}", text(&output.stdout));
    text(&output.stderr)
}

#[test]
fn a_right_target_conforms_and_is_gone_afterwards() {
    let target = Target::new();
    let output = target.check("none", &["SES-01", "SES-10", "SES-13", "BYT-0*", "LEN-12", "LEN-16", "RES-*"]);
    let report = text(&output.stdout);
    assert_eq!(code(&output), 0, "{report}{}", text(&output.stderr));
    for id in ["SES-10", "SES-13", "LEN-12", "LEN-16", "RES-01", "RES-06", "RES-07", "RES-12"] {
        assert!(!report.contains(&format!("SHOULD  {id}")) && !report.contains(&format!("MAY     {id}")), "{report}");
    }
    assert!(!report.contains("not observable"), "{report}");
    assert_eq!(target.pids().len(), 1, "it was not started again");
    assert!(target.pids().iter().all(|pid| !PathBuf::from(format!("/proc/{pid}")).exists()));
}

#[test]
fn what_takes_a_process_to_see_is_skipped_without_one() {
    let output = check(&["--framing", "lines", "--only", "session/descriptors-back"]);
    assert!(text(&output.stdout).contains("not observable without --exec"), "{}", text(&output.stdout));
}

#[test]
fn death_is_pinned_on_the_case_that_brought_it_and_the_run_goes_on() {
    let target = Target::new();
    let output = target.check("dies", &["bytes/zero-bytes", "bytes/nothing-extra", "LEN-0*"]);
    let report = text(&output.stdout);
    assert_eq!(code(&output), 1, "{report}");
    assert!(report.contains("Does not conform (exit code 1): 1 of"), "{report}");
    assert!(report.contains("(BYT-02);"), "{report}");
    assert!(report.contains("target-died: the target died in this case: exit code 3"), "{report}");
    assert!(report.contains("the target's standard error: cannot bear zero bytes"), "{report}");
    assert!(!report.contains("had died before"), "{report}");
    // What else is missing then depends on the moment.
    assert!(!["closed-early", "no-reply", "unfinished-reply"].iter().any(|rule| report.contains(rule)), "{report}");
    assert!(target.pids().len() > 1);
    assert!(target.pids().iter().all(|pid| !PathBuf::from(format!("/proc/{pid}")).exists()));
}

#[test]
fn one_that_dies_of_ordinary_messages_is_told_the_same_every_time_and_judged_by_all_the_rest() {
    let reports: Vec<_> = (0..2)
        .map(|_| {
            let target = Target::new();
            let (path, command) = (target.folder.path().join("report.md"), target.command("dies"));
            let report = format!("markdown={}", path.display());
            let selection = ["--skip", "RES-*", "--skip", "CLO-*", "--skip", "SES-*", "--skip", "CON-*"];
            check(&[["--exec", &command, "--framing", FRAMING, "--report", &report].as_slice(), &selection].concat());
            fs::read_to_string(path).expect("a report")
        })
        .collect();
    assert!(reports[0].contains("BYT-02") && !reports[0].contains("died while"), "{}", reports[0]);
    assert!(reports[0] == reports[1], "{reports:#?}");
}

#[test]
fn one_that_dies_of_a_rude_client_is_judged_by_all_the_rest_too() {
    let target = Target::new();
    let output = target.check("offended", &["CLO-0*", "CON-01", "BYT-01"]);
    let report = text(&output.stdout);
    assert_eq!(code(&output), 1, "{report}");
    assert!(report.contains("target-died: "), "{report}");
    assert!(report.contains("exit code 4"), "{report}");
    assert!(report.contains("the target's standard error: who leaves like that?"), "{report}");
    assert!(!report.contains("serves one at a time"), "{report}");
}

#[test]
fn a_signal_has_its_name() {
    let report = text(&Target::new().check("crashes", &["bytes/zero-bytes"]).stdout);
    assert!(report.contains("the target died in this case: killed by signal SIGABRT"), "{report}");
}

#[test]
fn descriptors_that_are_kept_fail_even_if_nothing_is_missed_yet() {
    let output = Target::new().check("leaks", &["SES-10"]);
    let report = text(&output.stdout);
    assert_eq!(code(&output), 1, "{report}");
    assert!(report.contains("descriptors-kept"), "{report}");
}

#[test]
fn memory_that_is_reserved_for_a_claim_fails() {
    let output = Target::new().check("reserves", &["LEN-12"]);
    let report = text(&output.stdout);
    assert_eq!(code(&output), 1, "{report}");
    assert!(report.contains("memory-taken: the target's memory grew by more than 64.0 MiB"), "{report}");
}

#[test]
fn a_command_that_does_not_exist_is_named() {
    let said = untested(&["--exec", "no-such-command {port}", "--framing", "lines"]);
    assert!(said.contains("cannot start `no-such-command "), "{said}");
}

#[test]
fn a_command_that_ends_at_once_is_shown_with_its_standard_error() {
    let said = untested(&["--exec", "sh -c 'echo no such port: {port} >&2; exit 7'", "--framing", "lines"]);
    assert!(said.contains("ended before it accepted a connection") && said.contains("exit code 7"), "{said}");
    assert!(said.contains("no such port: "), "{said}");
}

#[test]
fn a_command_that_never_listens_is_given_up() {
    let said = untested(&["--exec", "sh -c 'sleep 60; : {port}'", "--framing", "lines", "--time-scale", "0.05"]);
    assert!(said.contains("did not accept a connection at 127.0.0.1:"), "{said}");
}

#[test]
fn a_command_that_is_not_told_where_to_listen_is_refused() {
    let output = check(&["--exec", "sleep 60", "--framing", "lines"]);
    assert_eq!(code(&output), 2);
    assert!(text(&output.stderr).contains("write {port} in it"), "{}", text(&output.stderr));
}

#[test]
fn a_target_does_not_outlive_a_run_that_is_terminated() {
    let target = Target::new();
    let command = format!("python3 {} {{port}} none", target.script().display());
    let mut check = Command::new(env!("CARGO_BIN_EXE_echospec"));
    let args = ["check", "--exec", &command, "--framing", FRAMING, "--repeat", "1000"];
    let mut running = check.args(args).stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the program starts");
    while !target.script().with_extension("py.pids").exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&running);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is there");
    assert_eq!(running.wait().expect("it ends").code(), Some(130));
    assert!(target.pids().iter().all(|pid| !PathBuf::from(format!("/proc/{pid}")).exists()));
}
