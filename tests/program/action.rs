//! The steps of `action.yml`, as a runner plays them: its own script, with its inputs in the environment.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// `action.yml`, as far as a runner needs it.
struct Action(Value);

impl Action {
    fn read() -> Self {
        let text = fs::read_to_string(Path::new(ROOT).join("action.yml")).expect("action.yml can be read");
        Self(serde_yaml::from_str(&text).expect("action.yml is YAML"))
    }

    fn defaults(&self) -> BTreeMap<String, String> {
        let inputs = self.0["inputs"].as_object().expect("inputs");
        let default = |input: &Value| input["default"].as_str().expect("every input has a default").to_owned();
        inputs.iter().map(|(name, input)| (name.clone(), default(input))).collect()
    }

    fn step(&self, name: &str) -> &Value {
        let mut steps = self.0["runs"]["steps"].as_array().expect("steps").iter();
        steps.find(|step| step["name"] == name).unwrap_or_else(|| panic!("there is a step {name}"))
    }
}

/// A job on a machine of its own: a folder for each file and folder that a runner gives.
struct Job {
    action: Action,
    folder: TempDir,
    inputs: BTreeMap<String, String>,
}

impl Job {
    fn new(inputs: &[(&str, &str)]) -> Self {
        let action = Action::read();
        let mut all = action.defaults();
        for (name, value) in [("echospec", env!("CARGO_BIN_EXE_echospec"))].iter().chain(inputs) {
            assert!(all.insert((*name).into(), (*value).into()).is_some(), "{name} is an input");
        }
        Self { action, folder: tempfile::tempdir().expect("a folder"), inputs: all }
    }

    /// Plays one step that runs a command, as its shell does.
    fn step(&self, name: &str) -> Output {
        let step = self.action.step(name);
        let mut shell = Command::new("bash");
        shell.args([
            "--noprofile",
            "--norc",
            "-eo",
            "pipefail",
            "-c",
            step["run"].as_str().expect("it runs something"),
        ]);
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            shell.env(name, self.evaluated(value.as_str().expect("a text")));
        }
        let at = |name: &str| self.folder.path().join(name);
        shell.env("GITHUB_ACTION_PATH", ROOT).env("RUNNER_TEMP", self.folder.path());
        shell.env("GITHUB_OUTPUT", at("output")).env("GITHUB_STEP_SUMMARY", at("summary"));
        shell.env("NO_COLOR", "1").current_dir(&self.folder).stdin(Stdio::null()).output().expect("bash is there")
    }

    /// An expression of this action: an input, or what the judging step has said.
    fn evaluated(&self, text: &str) -> String {
        let name =
            text.strip_prefix("${{ ").and_then(|text| text.strip_suffix(" }}")).unwrap_or_else(|| panic!("{text}"));
        match name.strip_prefix("inputs.") {
            Some(input) => self.inputs[input].clone(),
            None => self.output(name.strip_prefix("steps.check.outputs.").expect("an output of the judging step")),
        }
    }

    fn output(&self, name: &str) -> String {
        let outputs = self.read("output");
        let value = outputs.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_else(|| panic!("{name} is in {outputs}")).to_owned()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

#[test]
fn a_server_with_a_fault_is_started_judged_told_of_and_ended() {
    let port = free_port();
    let start = format!("{} serve --listen {port} --framing lf --fault blanks-trimmed", env!("CARGO_BIN_EXE_echospec"));
    let job = Job::new(&[
        ("start", &start),
        ("target", &port.to_string()),
        ("framing", "lf\n"),
        ("args", "--time-scale\n4\n--only\nBYT-07\n"),
        ("snapshot", "echo.snap"),
    ]);
    let judged = job.step("Judge");
    let told = String::from_utf8_lossy(&judged.stdout);
    assert!(judged.status.success(), "what it finds is told by its output: {told}");
    assert!(told.contains("BYT-07"), "{told}");
    // The report may quote anything, so nothing in it is a command; what is told of the failures is.
    let (before, rest) = told.split_once("::stop-commands::").expect("commands are stopped");
    let (token, rest) = rest.split_once('\n').expect("a line of its own");
    let (report, after) = rest.split_once(&format!("\n::{token}::\n")).expect("commands go on");
    assert!(token.len() == 32 && report.contains("Failures"), "{told}");
    assert!(after.contains("::error title=") && !report.contains("::error") && !before.contains("::error"), "{told}");
    assert!(job.read("summary").starts_with("# echospec: does not conform"), "{}", job.read("summary"));
    assert_eq!(job.output("reports"), job.folder.path().join("echospec-reports").display().to_string());
    for (name, begin) in [
        ("report.json", "{"),
        ("report.html", "<!doctype html>"),
        ("report.xml", "<?xml"),
        ("report.md", "# echospec: does not conform"),
        ("echo.snap.new", "---\nsource: echospec"),
        ("target.log", "listening"),
    ] {
        assert!(job.read(&format!("echospec-reports/{name}")).starts_with(begin), "{name}");
    }
    assert_eq!(job.step("Verdict").status.code(), Some(6), "nothing is accepted yet");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the server is gone");
}

#[test]
fn whatever_a_target_started_is_gone_when_the_step_ends_even_if_it_does_not_heed() {
    let port = free_port().to_string();
    let heedless = "(trap '' TERM; echo $BASHPID > heedless.pid; exec sleep 60) &";
    let start = format!("{heedless} exec {} serve --listen {port} --framing lf", env!("CARGO_BIN_EXE_echospec"));
    let job = Job::new(&[("start", &start), ("target", &port), ("framing", "lf"), ("args", "--only\nBYT-07")]);
    assert!(job.step("Judge").status.success());
    let process = format!("/proc/{}", job.read("heedless.pid").trim());
    assert!(!Path::new(&process).exists(), "{process} is gone");
}

#[test]
fn a_target_that_never_listens_is_told_and_is_no_pass() {
    let port = free_port().to_string();
    let job = Job::new(&[("start", "sleep 60"), ("wait", "1"), ("target", &port), ("framing", "lf")]);
    let judged = job.step("Judge");
    let told = String::from_utf8_lossy(&judged.stdout);
    assert!(told.contains(&format!("::warning::nothing listens at {port}")), "{told}");
    assert_eq!(job.step("Verdict").status.code(), Some(3));
}

#[test]
fn the_shell_that_the_documentation_shows_ends_as_echospec_does() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/ci.md")).expect("the page can be read");
    let (_, shell) = page.split_once("## A shell\n\n```sh\n").expect("it shows one");
    let (shell, _) = shell.split_once("```").expect("it ends");
    let shell = shell.replace("--framing lf", "--framing lf --only BYT-07");
    for (fault, code) in [("", 0), ("--fault blanks-trimmed", 1)] {
        let folder = tempfile::tempdir().expect("a folder");
        // The reference server takes the place of the page's.
        for (name, line) in
            [("echospec", "exec $ECHOSPEC \"$@\""), ("python3", "exec $ECHOSPEC serve --framing lf $FAULT --listen $2")]
        {
            let path = folder.path().join(name);
            fs::write(&path, format!("#!/bin/sh\n{line}\n")).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be run");
        }
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").expect("a path"));
        let mut sh = Command::new("sh");
        sh.args(["-c", &shell]).env("PATH", path).env("ECHOSPEC", env!("CARGO_BIN_EXE_echospec")).env("FAULT", fault);
        let output = sh.current_dir(&folder).stdin(Stdio::null()).output().expect("a shell");
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn every_input_reaches_the_script() {
    let action = Action::read();
    let steps = action.0["runs"]["steps"].as_array().expect("steps");
    let script = fs::read_to_string(Path::new(ROOT).join("action.sh")).expect("action.sh can be read");
    for input in action.defaults().into_keys() {
        assert!(steps.iter().any(|step| step.to_string().contains(&format!("inputs.{input}"))), "{input} is used");
    }
    let env = action.step("Judge")["env"].as_object().expect("it has an environment");
    for name in env.keys() {
        assert!(script.contains(&format!("${{{name}:")) || script.contains(&format!("${name}")), "{name} is read");
    }
}
