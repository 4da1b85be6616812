//! `echospec explain`: one requirement with everything that is known of it.

use std::fmt::Write;

use super::exit::{Exit, Failure};
use super::{Console, engine};
use crate::oracle::{Requirement, requirement, requirements};
use crate::scenario::Scenario;

/// Explain a requirement: why it matters, what breaks without it, its scenarios
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  echospec explain SEG-02")]
pub(super) struct Args {
    /// The id of a requirement, as reports and `echospec list requirements` print it; several may be given
    #[arg(required = true)]
    id: Vec<String>,
}

/// The seven steps of an echo session.
const STEPS: [&str; 7] = [
    "communication runs over TCP",
    "the client initiates the session by connecting",
    "the server accepts and listens for the client's bytes string",
    "the client sends its bytes string",
    "having sent it, the client listens for the reply",
    "having received the bytes string, the server sends it back",
    "having received its message, the client closes its socket and ends the session",
];

pub(super) fn run(args: &Args, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let found: Vec<_> = args.id.iter().map(|id| find(id)).collect::<Result<_, _>>()?;
    let scenarios = engine::scenarios(&[])?;
    let texts: Vec<_> = found.iter().map(|one| explanation(one, &scenarios)).collect();
    console.print(texts.join("\n").as_bytes())?;
    Ok(Exit::Conforms)
}

fn find(id: &str) -> Result<&'static Requirement, Failure> {
    requirement(&id.to_ascii_uppercase()).ok_or_else(|| {
        let topic = id.to_ascii_uppercase().chars().take(3).collect::<String>();
        let near: Vec<_> = requirements().map(|one| one.id).filter(|known| known.starts_with(&topic)).collect();
        let near = match (near.first(), near.last()) {
            (Some(first), Some(last)) if topic.len() == 3 => format!("this topic has {first} to {last}; "),
            _ => String::new(),
        };
        Failure::usage(format!("there is no requirement `{id}`; {near}`echospec list requirements` shows all"))
    })
}

fn explanation(one: &Requirement, scenarios: &[Scenario]) -> String {
    let mut text = format!("{} ({})\n{}\n", one.id, one.level, one.sentence);
    let mut part = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            _ = writeln!(text, "\n{title}");
            for line in lines {
                _ = writeln!(text, "  {line}");
            }
        }
    };
    part("Why it matters", vec![one.why.into()]);
    part("What breaks without it", vec![one.breaks.into()]);
    part("Seen in", one.seen_in.iter().map(ToString::to_string).collect());
    part("Steps of the session", one.steps.iter().map(|step| step_line(*step)).collect());
    part("Strategy", one.strategy.iter().map(ToString::to_string).collect());
    let judging = scenarios.iter().filter(|scenario| scenario.requirements.iter().any(|id| id == one.id));
    part("No scenario", one.unplayed().into_iter().map(ToString::to_string).collect());
    part("Scenarios", judging.map(|scenario| format!("{}: {}", scenario.id, scenario.title)).collect());
    text
}

fn step_line(step: u8) -> String {
    let about = STEPS.get(usize::from(step).wrapping_sub(1)).unwrap_or(&"");
    format!("R{step} {about}")
}
