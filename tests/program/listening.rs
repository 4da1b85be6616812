//! The program as a process that listens, for the tests of what connects to it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

pub(crate) fn echospec(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_echospec"));
    command.args(args).env_remove("COLUMNS").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

pub(crate) fn run(args: &[&str]) -> Output {
    echospec(args).output().expect("the program starts")
}

/// What was said on both streams.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// `serve` or `proxy` on a port of its own, ended when it goes out of scope.
pub(crate) struct Listening {
    pub(crate) process: Child,
    pub(crate) port: String,
}

impl Listening {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut process =
            echospec(args).args(["--listen", "0"]).stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut line = String::new();
        let out = process.stdout.take().expect("its standard output");
        BufReader::new(out).read_line(&mut line).expect("it says where it listens");
        let port = line.trim_end().strip_prefix("listening on 127.0.0.1:").expect("an address").to_owned();
        Self { process, port }
    }

    pub(crate) fn serving(framing: &str, fault: Option<&str>) -> Self {
        let fault = fault.map(|name| ["--fault", name]);
        let args = ["serve", "--framing", framing].into_iter().chain(fault.into_iter().flatten());
        Self::start(&args.collect::<Vec<_>>())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
