//! `echospec fuzz` and what it leaves, for the tests of it.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use tempfile::TempDir;

use crate::listening::{run, said};

/// A folder for findings, and what was said when it was filled.
pub(crate) struct Fuzzed {
    pub(crate) folder: TempDir,
    pub(crate) output: Output,
}

impl Fuzzed {
    pub(crate) fn new(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let findings = folder.path().join("findings");
        let findings = ["--findings", findings.to_str().expect("UTF-8")];
        let output = run(&[&["fuzz"], args, &findings].concat());
        Self { folder, output }
    }

    /// `options` end in `--`.
    pub(crate) fn of_client(options: &[&str], command: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let findings = folder.path().join("findings");
        let findings = ["--findings", findings.to_str().expect("UTF-8")];
        let output = run(&[&["fuzz"], &findings[..], options, command].concat());
        Self { folder, output }
    }

    pub(crate) fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    pub(crate) fn said(&self) -> String {
        said(&self.output).replace(self.folder.path().to_str().expect("UTF-8"), "")
    }

    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let listed = fs::read_dir(self.folder.path().join("findings"));
        listed.into_iter().flatten().map(|entry| entry.expect("an entry").path()).collect()
    }
}

/// The folder of a server that is written in Python, and its command line.
pub(crate) fn written(program: &str, weakness: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = folder.path().join("server.py");
    fs::write(&server, program).expect("the server is written");
    let command = format!("python3 {} {{port}} {weakness}", server.display());
    (folder, command)
}
