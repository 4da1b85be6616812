//! What only the target's process shows: each of these faults is seen when `check --exec` has started the server, and
//! the right server fails none of the requirements.

use std::collections::BTreeSet;
use std::process::Output;

use crate::listening::{run, said};
use crate::over_tcp::SEEN;

/// Judges a server of this program that the check has started.
fn check(framing: &str, fault: Option<&str>, only: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_echospec");
    let fault = fault.map(|name| format!("--fault {name}")).unwrap_or_default();
    let server = format!("{program} serve --listen {{port}} --framing {framing} {fault}");
    let only: Vec<_> = only.iter().flat_map(|id| ["--only", id]).collect();
    run(&[&["check", "--exec", &server, "--framing", framing, "--level", "may"], only.as_slice()].concat())
}

// One after the other: each is about what a process takes of its machine.
#[test]
fn what_only_a_process_shows_is_seen_and_a_right_server_shows_none_of_it() {
    for seen in SEEN {
        let output = check(seen.framing, Some(seen.fault), &[seen.requirement]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{} survives {}:\n{said}", seen.fault, seen.requirement);
        assert!(
            said.contains(seen.requirement) && seen.rules.iter().any(|rule| said.contains(rule)),
            "{}:\n{said}",
            seen.fault
        );
    }
    let framings: BTreeSet<_> = SEEN.iter().map(|seen| seen.framing).collect();
    for framing in framings {
        let of = SEEN.iter().filter(|seen| seen.framing == framing).map(|seen| seen.requirement);
        let output = check(framing, None, &of.collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(0), "{framing}:\n{}", said(&output));
        assert!(!said(&output).contains("not observable"), "{}", said(&output));
    }
}
