//! The report under review: a server in a folder of its own that is no Rust project, its accepted report, a change in
//! the server, the difference, and the review.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::golden::golden;

/// An echo server of lines, as anybody might have one.
const SERVER: &str = r#"
import socketserver

class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)

class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128
    def handle_error(self, request, client_address):
        pass

server = Server(("127.0.0.1", 0), Echo)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

/// The change: what looks tidier loses every blank at the end of a line.
const CHANGED: (&str, &str) = ("self.wfile.write(line)", r#"self.wfile.write(line.rstrip() + b"\n")"#);

struct Serving {
    server: Child,
    port: String,
}

impl Serving {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new("python3");
        command.arg("server.py").current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut server = command.spawn().expect("python3 is needed for this test");
        let mut port = String::new();
        let out = server.stdout.take().expect("its standard output");
        BufReader::new(out).read_line(&mut port).expect("it says where it listens");
        Self { server, port: port.trim().to_owned() }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        _ = self.server.kill();
        _ = self.server.wait();
    }
}

/// A folder with the server in it, and echospec run against it.
struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("server.py"), SERVER.trim_start()).expect("written");
        Self { folder }
    }

    fn change(&self) {
        let changed = SERVER.replace(CHANGED.0, CHANGED.1);
        assert_ne!(changed, SERVER);
        fs::write(self.folder.path().join("server.py"), changed).expect("written");
    }

    /// Judged by a few scenarios that take no time.
    fn check(&self, args: &[&str]) -> Output {
        let serving = Serving::start(self.folder.path());
        let mut command = Command::new(env!("CARGO_BIN_EXE_echospec"));
        command.args(["check", &serving.port, "--framing", "lf", "--only", "bytes/blanks-kept"]);
        command.args(["--only", "bytes/utf8-cut", "--time-scale", "4"]).args(args);
        command.env("NO_COLOR", "1").current_dir(&self.folder).output().expect("echospec starts")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn has(&self, name: &str) -> bool {
        self.folder.path().join(name).exists()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("written");
    }

    fn accept(&self) {
        let at = |name| self.folder.path().join(name);
        fs::rename(at("echo.snap.new"), at("echo.snap")).expect("renamed");
    }
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_change_in_the_server_shows_as_a_difference_until_it_is_accepted() {
    let project = Project::new();
    let first = project.check(&["--snapshot", "echo.snap"]);
    assert_eq!(code(&first), Some(6), "nothing is accepted yet: {}", said(&first));
    assert!(project.has("echo.snap.new") && !project.has("echo.snap"));

    project.accept();
    let same = project.check(&["--snapshot", "echo.snap"]);
    assert_eq!(code(&same), Some(0), "{}", said(&same));
    insta::assert_snapshot!(last_line(&same), @"Conforms, as accepted in echo.snap (exit code 0): no requirement of 2 failed; 2 passed.");

    project.change();
    let differs = project.check(&["--snapshot", "echo.snap"]);
    assert_eq!(code(&differs), Some(6), "{}", said(&differs));
    golden("review-difference", &said(&differs));
    insta::assert_snapshot!(last_line(&differs), @"Does not conform, not as accepted in echo.snap (exit code 6): 1 of 2 requirements failed (BYT-07); 1 passed.");

    project.accept();
    let accepted = project.check(&["--snapshot", "echo.snap"]);
    assert_eq!(code(&accepted), Some(0), "it does not conform, and that was accepted: {}", said(&accepted));
    insta::assert_snapshot!(last_line(&accepted), @"Does not conform, as accepted in echo.snap (exit code 0): 1 of 2 requirements failed (BYT-07); 1 passed.");
    assert!(!project.has("echo.snap.new"));
}

#[test]
fn a_snapshot_is_updated_by_an_option_and_what_waited_for_review_goes() {
    let project = Project::new();
    project.check(&["--snapshot", "echo.snap"]);
    let updated = project.check(&["--snapshot", "echo.snap", "--snapshot-update"]);
    assert_eq!((code(&updated), project.has("echo.snap.new")), (Some(0), false), "{}", said(&updated));
    golden("review-snapshot", &project.read("echo.snap"));
}

#[test]
fn known_failures_are_written_down_pass_and_become_stale() {
    let project = Project::new();
    project.change();
    assert_eq!(code(&project.check(&[])), Some(1));
    assert_eq!(code(&project.check(&["--expect-write", "known.yaml"])), Some(0));
    golden("review-expectations", &project.read("known.yaml"));
    let expected = project.check(&["--expect", "known.yaml"]);
    assert_eq!(code(&expected), Some(0), "{}", said(&expected));
    insta::assert_snapshot!(last_line(&expected), @"Does not conform, as expected in known.yaml (exit code 0): 1 of 2 requirements failed (BYT-07), as expected; 1 passed.");

    project.write("server.py", SERVER);
    let stale = project.check(&["--expect", "known.yaml"]);
    assert_eq!(code(&stale), Some(5), "{}", said(&stale));
    golden("review-stale", &said(&stale));
}

#[test]
fn a_partial_run_is_not_compared() {
    let project = Project::new();
    let partial = project.check(&["--snapshot", "echo.snap", "--timeout", "1ms"]);
    assert_ne!(code(&partial), Some(0));
    assert!(!project.has("echo.snap") && !project.has("echo.snap.new"), "{}", said(&partial));
}

#[test]
fn a_wrong_file_of_expectations_is_shown_before_anything_is_run() {
    let project = Project::new();
    project.write("known.yaml", "- requirement: SGE-02\n  reason: typing\n");
    let wrong = project.check(&["--expect", "known.yaml"]);
    assert_eq!((code(&wrong), wrong.stdout.len()), (Some(2), 0));
    golden("refused-expectation", &said(&wrong));
}
