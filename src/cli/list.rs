//! `echospec list`: what there is, printed from the tables that the program itself uses.

use std::fmt::Write;

use clap::ValueEnum;

use super::exit::{Exit, Failure};
use super::{Console, engine};
use crate::framing::{ALIASES, Alias, FIELDS, KEYS, KINDS, Key};
use crate::mutation::MUTATIONS;
use crate::oracle::requirements;
use crate::peer::client;
use crate::peer::fault::{self, Kind};
use crate::proxy::TOXICS;
use crate::report::FORMATS;

/// List requirements, scenarios, framings, mutations, faults, formats or toxics
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  echospec list requirements | grep SHOULD\n  echospec list framings")]
pub(super) struct Args {
    /// What to list
    what: What,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// what is required, with its level
    Requirements,
    /// the built-in scenarios, with what they do
    Scenarios,
    /// the syntax of framings, and short names for some
    Framings,
    /// the ways in which a scenario can rewrite a frame
    Mutations,
    /// the known faults of `serve --fault` and `send --fault`
    Faults,
    /// the formats of `--report`
    Formats,
    /// what `proxy` does to the bytes that pass through it
    Toxics,
}

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let text = match args.what {
        What::Requirements => list_requirements(),
        What::Scenarios => list_scenarios()?,
        What::Framings => list_framings(),
        What::Mutations => rows(MUTATIONS.iter().map(|mutation| (mutation.name, mutation.about))),
        What::Faults => list_faults(),
        What::Formats => rows(FORMATS.iter().map(|format| (format.name, format.about))),
        What::Toxics => list_toxics(),
    };
    console.print(text.as_bytes())?;
    Ok(Exit::Conforms)
}

fn list_requirements() -> String {
    let mut text = String::new();
    for one in requirements() {
        let played = if one.unplayed().is_some() { " (no scenario)" } else { "" };
        _ = writeln!(text, "{:<7} {:<6} {}{played}", one.id, one.level, one.sentence);
    }
    text
}

fn list_scenarios() -> Result<String, Failure> {
    let scenarios = engine::scenarios(&[])?;
    Ok(rows(scenarios.iter().map(|scenario| (scenario.id.as_str(), scenario.title.as_str()))))
}

fn list_faults() -> String {
    let mut text = String::from("Of servers (serve --fault)\n");
    fault::all().for_each(|(kind, it)| text.push_str(&fault_row(kind, it.name, it.about, it.breaks)));
    text.push_str("\nOf clients (send --fault)\n");
    client::fault::all().for_each(|(kind, it)| text.push_str(&fault_row(kind, it.name, it.about, it.breaks)));
    text
}

fn fault_row(kind: Kind, name: &str, about: &str, breaks: &[&str]) -> String {
    let breaks = if breaks.is_empty() { String::new() } else { format!(" [{}]", breaks.join(" ")) };
    format!("{name:<38} {kind:<12} {about}{breaks}\n")
}

fn list_toxics() -> String {
    let spelled: Vec<_> = TOXICS.iter().map(|kind| (format!("{}={}", kind.name, kind.value), kind.about)).collect();
    rows(spelled.iter().map(|(toxic, about)| (toxic.as_str(), *about)))
}

fn list_framings() -> String {
    let mut text =
        String::from("A framing is KIND[:ARGUMENT[,ARGUMENT…]] or a short name; an argument may be KEY=VALUE.\n");
    let mut section = |title: &str, rows: String| _ = write!(text, "\n{title}\n{}", indented(&rows));
    section("Kinds", rows(KINDS.iter().map(|kind| (kind.name, kind.about))));
    section("Length fields (length:FIELD)", rows(FIELDS.iter().map(|field| (field.name, field.about))));
    section("Keys", keys());
    section("Short names", aliases());
    text
}

fn keys() -> String {
    let spelled = |key: &Key| match key.value {
        "" => key.name.to_owned(),
        value => format!("{}={value}", key.name),
    };
    let spelled: Vec<_> = KEYS.iter().map(|key| (spelled(key), key.about)).collect();
    rows(spelled.iter().map(|(key, about)| (key.as_str(), *about)))
}

fn aliases() -> String {
    let meant = |alias: &Alias| (alias.name, format!("{}  ({})", alias.expansion, alias.about));
    let meant: Vec<_> = ALIASES.iter().map(meant).collect();
    rows(meant.iter().map(|(name, meant)| (*name, meant.as_str())))
}

/// Two columns.
fn rows<'a>(rows: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let rows: Vec<_> = rows.collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).filter(|width| *width <= 32).max().unwrap_or(0);
    let mut text = String::new();
    for (name, about) in &rows {
        _ = writeln!(text, "{name:<width$}  {about}");
    }
    text
}

fn indented(text: &str) -> String {
    let mut indented = String::new();
    for line in text.lines() {
        _ = writeln!(indented, "  {line}");
    }
    indented
}
