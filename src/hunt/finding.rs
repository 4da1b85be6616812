//! A confirmed failure: what it is, and the scenario that shows it.

use std::time::Duration;

use super::case::Case;
use crate::framing::Framing;
use crate::fuzzing::commented;
use crate::oracle::{Breach, Level, requirement};
use crate::scenario::Scenario;
use crate::scenario::file::{self, Repeat, Size, Slot, Span, Watch};
use crate::session::{Conn, Script, Step};

/// What tells failures apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The requirement that is broken.
    pub requirement: &'static str,
    /// The rule of the trace that is broken.
    pub rule: String,
    /// The kind of session that breaks it.
    pub shape: String,
}

/// What a session costs too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// What the target does not give back: it is played many times.
    Kept,
    /// Processor time, when it is over.
    Spins,
}

/// One failure.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which one.
    pub key: Key,
    /// What was due and what came, in the shrunk session.
    pub breach: Breach,
    /// What varies from run to run.
    pub details: Vec<String>,
    /// How messages are framed; where it decides how replies are compared, as measured; and with every measured choice
    /// that a right server has to share.
    pub framing: Framing,
    /// The framing says more than was declared, and the finding is none without that.
    pub measured: bool,
    /// A right server passes. What a right server fails, too, is no failure of the target.
    pub explained: bool,
    /// The number of the case in which it was seen.
    pub case: u64,
    /// In so many sessions it was confirmed and shrunk.
    pub sessions: usize,
    /// What is left of the case; `None`: it was seen before the first one.
    pub shrunk: Option<Case>,
    /// What shows it, as it is told.
    pub told: Scenario,
    /// Whether it failed again when it was played alone.
    pub confirmed: bool,
    /// What it costs the target's process, and how often it is played to see that.
    pub cost: Option<(Cost, u32)>,
}

impl Finding {
    /// The scenario, with the requirement that it fails.
    pub fn scenario(&self) -> Scenario {
        let title = format!("{} ({})", self.key.rule, self.key.shape);
        let scenario = Scenario { title, requirements: vec![self.key.requirement.into()], ..self.told.clone() };
        match self.cost {
            Some((Cost::Kept, times)) => repeated(scenario, times),
            Some((Cost::Spins, _)) => {
                let idle = file::Step::Pause(Slot::Given(Span::exactly(IDLE)));
                let watch = Some(Watch { cpu: Some(50), ..NOTHING });
                Scenario { watch, steps: scenario.steps.into_iter().chain([idle]).collect(), ..scenario }
            }
            None => scenario,
        }
    }

    /// How binding what it breaks is.
    pub fn level(&self) -> Level {
        requirement(self.key.requirement).map_or(Level::Must, |requirement| requirement.level)
    }

    /// How many steps the scenario has.
    pub fn steps(&self) -> usize {
        self.scenario().steps.len()
    }

    /// What happened, line by line.
    pub fn story(&self) -> Vec<String> {
        let Breach { rule, sentence, expected, actual, .. } = &self.breach;
        let told = requirement(self.key.requirement).map(|it| format!("{} ({}): {}", it.id, it.level, it.sentence));
        let mut lines: Vec<_> = told.into_iter().collect();
        lines.push(format!("{rule}: {sentence}"));
        lines.extend(expected.iter().map(|due| format!("  expected {}", short(due))));
        lines.extend(actual.iter().map(|came| format!("  came     {}", short(came))));
        if self.measured {
            lines.push(format!("  where the target does as it did when it was measured: {}", self.framing));
        }
        lines.extend(self.details.iter().take(4).map(|detail| format!("  {}", short(detail))));
        lines
    }

    /// The text of the file; `None` where that is longer than a scenario file may be.
    pub fn text(&self, seed: &str) -> Option<String> {
        let mut comment = vec![format!("framing: {}", self.framing)];
        comment.extend(self.story());
        let confirmed = if self.confirmed { "shrunk" } else { "not confirmed" };
        let sessions = self.sessions;
        comment.push(format!(
            "found by echospec fuzz: seed {seed}, case {}; {confirmed} in {sessions} sessions",
            self.case
        ));
        commented(&self.scenario(), &comment)
    }
}

/// Limits on nothing.
const NOTHING: Watch = Watch { descriptors: None, memory: None, kept: None, cpu: None, disturb: None };

/// How long a target that spins is watched.
const IDLE: Duration = Duration::from_secs(1);

/// So often in a row, after which most of it has to be given back: what `check --exec` sees.
fn repeated(scenario: Scenario, times: u32) -> Scenario {
    let descriptors = Some(times / 2);
    let watch = Some(Watch { descriptors, kept: Some(Size::Bytes(4 << 20)), ..NOTHING });
    let steps = vec![file::Step::Repeat(Repeat { times: Slot::Given(times), steps: scenario.steps })];
    Scenario { watch, steps, ..scenario }
}

/// One line that fits a comment.
fn short(text: &str) -> String {
    const MOST: usize = 160;
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Scripts that claim less: without their end, without one of the steps that only wait.
pub(super) fn shorter(script: &Script) -> Vec<Script> {
    let count = script.steps.len();
    let ends = (1..count).filter(|end| matches!(script.steps[end - 1], Step::Await { .. }));
    let mut all: Vec<_> = ends.map(|end| Script { steps: script.steps[..end].to_vec(), ..script.clone() }).collect();
    let only_waits = |step: &Step| matches!(step, Step::Await { .. } | Step::Pause(_) | Step::Close(_));
    for at in (0..count).filter(|at| only_waits(&script.steps[*at])) {
        let mut steps = script.steps.clone();
        steps.remove(at);
        all.push(Script { steps, ..script.clone() });
    }
    for idle in idle(script) {
        let steps = script.steps.iter().filter(|step| of(step) != Some(idle)).cloned().collect();
        all.push(Script { steps, ..script.clone() });
    }
    all
}

/// Connections on which nothing but opening, waiting and closing is left.
fn idle(script: &Script) -> Vec<Conn> {
    let conns = script.steps.iter().filter_map(of);
    let mut all: Vec<Conn> = conns.collect();
    all.sort_unstable();
    all.dedup();
    let several = all.len() > 1;
    all.retain(|conn| {
        several && !script.steps.iter().any(|step| matches!(step, Step::Send { conn: on, .. } if on == conn))
    });
    all
}

fn of(step: &Step) -> Option<Conn> {
    match step {
        Step::Connect { conn, .. }
        | Step::Send { conn, .. }
        | Step::Read { conn, .. }
        | Step::Shutdown(conn)
        | Step::Close(conn)
        | Step::Reset(conn)
        | Step::Urgent(conn) => Some(*conn),
        Step::Await { conns, .. } => conns.first().copied(),
        Step::Pause(_) => None,
    }
}
