//! One case: what is played for it, and what is said of what happened.

use std::time::Duration;

use super::class::Class;
use super::errand;
use super::known::Known;
use super::segmentation;
use crate::fuzzing::{Plan, Trust, nature, script};
use crate::oracle::{Breach, Judgement, judge};
use crate::profile::Tempo;
use crate::session::{Event, Failure, Script, Step, Trace, Until};
use crate::transport::Transport;

/// What is tried.
#[derive(Clone, Debug, PartialEq)]
pub enum Case {
    /// A session, held against the model of a right server.
    Session(Plan),
    /// The same bytes in one segment and in those of the plan: they bring the same.
    Segmentations(Plan),
    /// What a client under test gets from its server.
    Reply(Plan),
}

/// What came of a case.
#[derive(Clone, Debug)]
pub(super) struct Played {
    /// What was broken, the surest first.
    pub(super) breaches: Vec<Breach>,
    /// What varies from run to run.
    pub(super) details: Vec<String>,
    /// How it was answered.
    pub(super) class: Class,
    /// Nothing can be said: what was to be sent apart was not seen to be, or we ran out of ports.
    pub(super) is_open: bool,
    /// Out of ports or descriptors.
    pub(super) is_ours: bool,
    /// How long it lasted.
    pub(super) took: Duration,
    /// What went over the network.
    pub(super) traffic: Traffic,
}

/// For how long something is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Haste {
    /// So many times as long as usual.
    pub(super) scale: f64,
    /// The end of a connection does not come, and is only looked for.
    pub(super) never_closes: bool,
}

/// Waits no longer for the end of a connection than for a silence.
fn look_for_the_end(script: &mut Script, quiet: Duration) {
    for step in &mut script.steps {
        if let Step::Await { any, within, .. } = step
            && any.iter().all(|until| matches!(until, Until::End | Until::Closed))
        {
            *within = quiet.min(*within);
        }
    }
}

/// What went over the network, for whoever compares rates: one case may be several sessions of several segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that stood.
    pub connections: u64,
    /// Segments that were sent.
    pub segments: u64,
}

impl Traffic {
    fn of(traces: &[Trace]) -> Self {
        let events = || traces.iter().flat_map(|trace| &trace.records).map(|record| &record.event);
        Self {
            connections: events().filter(|event| **event == Event::Connected).count() as u64,
            segments: events().filter(|event| matches!(event, Event::Sent(_))).count() as u64,
        }
    }

    /// Adds what another case has brought.
    pub(super) fn add(&mut self, other: Self) {
        self.connections += other.connections;
        self.segments += other.segments;
    }
}

impl Case {
    /// What it varies and shrinks by.
    pub fn plan(&self) -> &Plan {
        match self {
            Self::Session(plan) | Self::Segmentations(plan) | Self::Reply(plan) => plan,
        }
    }

    /// The same kind of case with another plan.
    #[must_use]
    pub(super) fn with(&self, plan: Plan) -> Self {
        match self {
            Self::Session(_) => Self::Session(plan),
            Self::Segmentations(_) => Self::Segmentations(plan),
            Self::Reply(_) => Self::Reply(plan),
        }
    }

    /// What is played, one after the other.
    pub(super) fn scripts(&self, known: &Known, tempo: Tempo) -> Vec<Script> {
        let mut scripts = match self {
            Self::Session(plan) => vec![script(plan, &known.settings, Trust::Measured, tempo)],
            Self::Segmentations(plan) => segmentation::scripts(plan, known, tempo).into(),
            // A scenario has a bound of its own.
            Self::Reply(plan) => return errand::script(plan, known, tempo).into_iter().collect(),
        };
        for script in &mut scripts {
            script.bound = tempo.case + script.waits();
        }
        scripts
    }

    /// Plays it, every wait `scale` times as long.
    pub(super) async fn play(&self, transport: &impl Transport, known: &Known, scale: f64) -> Played {
        self.play_in(transport, known, Haste { scale, never_closes: false }).await
    }

    pub(super) async fn play_in(&self, transport: &impl Transport, known: &Known, haste: Haste) -> Played {
        let mut scripts = self.scripts(known, known.tempo.scaled(haste.scale));
        if haste.never_closes {
            for script in &mut scripts {
                look_for_the_end(script, known.tempo.quiet);
            }
        }
        let mut traces = Vec::new();
        for script in &scripts {
            traces.push(transport.run(script.clone()).await);
        }
        self.judge(&scripts, &traces, known)
    }

    fn judge(&self, scripts: &[Script], traces: &[Trace], known: &Known) -> Played {
        let judgement = match (self, scripts, traces) {
            (Self::Session(plan), [script], [trace]) => forgiving(judge(script, trace), plan, trace, known),
            (Self::Reply(_), [script], [trace]) => known.without_habits(judge(script, trace)),
            (Self::Segmentations(_), [_, cut], [whole_trace, cut_trace]) => {
                segmentation::compare(cut, whole_trace, cut_trace)
            }
            _ => Judgement::default(),
        };
        Played::new(judgement, traces)
    }
}

/// What went before a refusal may be lost with it: who ends a connection in which bytes are unread resets it (CATALOGUE
/// D15), and a reply that then waits for the acknowledgement of the one before it never leaves (Nagle).
fn forgiving(mut judgement: Judgement, plan: &Plan, trace: &Trace, known: &Known) -> Judgement {
    const LOST: &[&str] = &["closed-early", "no-reply", "unfinished-reply"];
    let is_reset = |trace: &Trace| trace.records.iter().any(|record| record.event == Event::Reset);
    let is_lost = |breach: &Breach| LOST.contains(&breach.rule.as_str());
    if judgement.breaches.iter().any(is_lost) && is_reset(trace) {
        let nature = nature(plan, &known.settings, Trust::Measured);
        if nature.may_end && nature.owed > 1 {
            judgement.breaches.retain(|breach| !is_lost(breach));
        }
    }
    judgement
}

impl Played {
    pub(super) fn new(judgement: Judgement, traces: &[Trace]) -> Self {
        let ours = |event: &Event| matches!(event, Event::ConnectFailed(Failure::Ours));
        let is_ours = traces.iter().flat_map(|trace| &trace.records).any(|record| ours(&record.event));
        let is_open = judgement.inconclusive.is_some() && judgement.breaches.is_empty() && !is_ours;
        let mut breaches = judgement.breaches;
        breaches.sort_by_key(|breach| breach.timing);
        if is_ours {
            breaches.clear();
        }
        let class = Class::of(traces, &breaches);
        let took = traces.iter().map(Trace::duration).sum();
        let traffic = Traffic::of(traces);
        Self { breaches, details: judgement.details, class, is_open, is_ours, took, traffic }
    }

    /// The surest breach.
    pub(super) fn breach(&self) -> Option<&Breach> {
        self.breaches.first()
    }
}
