//! What no lint sees: which layer may know which, and how long things may get.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder or file of `src`, and what its code must not mention.
const WALLS: &[(&str, &[&str])] = &[
    (
        "framing",
        &["crate::session", "crate::scenario", "crate::oracle", "crate::campaign", "crate::report", "crate::cli"],
    ),
    (
        "session",
        &["crate::scenario", "crate::oracle", "crate::transport", "crate::campaign", "crate::report", "crate::peer"],
    ),
    (
        "oracle",
        &["crate::scenario", "crate::transport", "crate::campaign", "crate::report", "crate::peer", "crate::cli"],
    ),
    (
        "scenario",
        &["crate::oracle", "crate::transport", "crate::campaign", "crate::report", "crate::peer", "crate::cli"],
    ),
    (
        "peer",
        &["crate::oracle", "crate::scenario", "crate::transport", "crate::campaign", "crate::report", "crate::cli"],
    ),
    (
        "proxy",
        &["crate::oracle", "crate::session", "crate::transport", "crate::campaign", "crate::report", "crate::cli"],
    ),
    ("transport", &["crate::oracle", "crate::scenario", "crate::campaign", "crate::report", "crate::cli"]),
    ("campaign", &["crate::cli", "crate::transport::tcp", "crate::transport::serve"]),
    ("fuzzing", &["crate::campaign", "crate::cli"]),
    ("hunt", &["crate::cli", "crate::report", "crate::transport::tcp", "crate::transport::serve"]),
    ("report", &["crate::campaign", "crate::cli", "crate::transport", "crate::scenario"]),
];

/// Only these may know tokio, a clock, or files.
const WORLDLY: &[(&str, &[&str])] = &[
    (
        "tokio",
        &[
            "transport/tcp",
            "transport/gate",
            "transport/line",
            "transport/proxy",
            "transport/serve",
            "transport/visit",
            "transport/host",
            "transport/diag",
            "cli/",
            "fuzzing/live",
        ],
    ),
    (
        "Instant",
        &[
            "transport/tcp",
            "transport/gate",
            "transport/line",
            "transport/proxy",
            "transport/serve",
            "transport/visit",
            "transport/diag",
            "cli/",
        ],
    ),
    ("SystemTime", &["cli/"]),
    ("std::fs", &["scenario/load", "cli/"]),
    ("std::net", &["transport/", "cli/", "fuzzing/live"]),
];

const FUNCTION_LINES: usize = 70;
const FILE_LINES: usize = 450;

struct Source {
    name: String,
    /// Without its tests and its comments.
    code: Vec<String>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    let source = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file can be read");
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let name = path.strip_prefix(&root).expect("below src").to_string_lossy().into_owned();
        Source { name, code: code.lines().map(|line| line.split("//").next().unwrap_or("").to_owned()).collect() }
    };
    paths.into_iter().map(source).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src can be listed") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, paths);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            paths.push(path);
        }
    }
}

fn complain(complaints: &[String]) {
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn no_layer_knows_one_that_stands_above_it() {
    let mut complaints = Vec::new();
    for source in sources() {
        for (layer, _) in WALLS.iter().filter(|(layer, _)| source.name.starts_with(&format!("{layer}/"))) {
            let walls = WALLS.iter().filter(|(name, _)| name == layer).flat_map(|(_, walls)| *walls);
            for wall in walls.filter(|wall| source.code.iter().any(|line| line.contains(*wall))) {
                complaints.push(format!("src/{} must not know {wall}", source.name));
            }
        }
    }
    complain(&complaints);
}

#[test]
fn only_the_transport_and_the_commands_touch_the_world() {
    let mut complaints = Vec::new();
    for source in sources() {
        for (word, allowed) in WORLDLY {
            let knows = source
                .code
                .iter()
                .any(|line| line.contains(&format!("{word}::")) || line.contains(&format!("::{word}")));
            if knows && !allowed.iter().any(|place| source.name.starts_with(place)) {
                complaints.push(format!("src/{} must not use {word}", source.name));
            }
        }
    }
    complain(&complaints);
}

#[test]
fn functions_and_files_stay_short() {
    let mut complaints = Vec::new();
    for source in sources() {
        // Tables may be long, and files that hold nothing but tests.
        let exempt = source.name.starts_with("oracle/requirements/") || source.name == "framing/laws.rs";
        if source.code.len() > FILE_LINES && !exempt {
            complaints.push(format!("src/{} has {} lines without its tests", source.name, source.code.len()));
        }
        for (line, length) in functions(&source.code) {
            if length > FUNCTION_LINES {
                complaints.push(format!("src/{}:{} is a function of {length} lines", source.name, line + 1));
            }
        }
    }
    complain(&complaints);
}

#[test]
fn no_file_is_a_drawer_for_everything() {
    let drawers = ["util", "utils", "common", "helpers", "misc"];
    let named = |source: &Source| drawers.iter().any(|drawer| source.name.contains(&format!("{drawer}.rs")));
    complain(&sources().iter().filter(|source| named(source)).map(|source| source.name.clone()).collect::<Vec<_>>());
}

/// Where functions begin and how many lines they have, by the indentation of their closing brace.
fn functions(code: &[String]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (start, line) in code.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().collect();
        if !words.contains(&"fn") || line.trim_end().ends_with(';') {
            continue;
        }
        let closing = format!("{}}}", " ".repeat(indent));
        if let Some(length) = code[start..].iter().position(|line| *line == closing) {
            found.push((start, length + 1));
        }
    }
    found
}
