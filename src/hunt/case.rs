//! One case: what is played for it, and what is said of what happened.

use std::time::Duration;

use super::class::Class;
use super::known::Known;
use super::segmentation;
use crate::fuzzing::{Plan, Trust, script};
use crate::oracle::{Breach, Judgement, judge};
use crate::profile::Tempo;
use crate::session::{Event, Failure, Script, Trace};
use crate::transport::Transport;

/// What is tried.
#[derive(Clone, Debug, PartialEq)]
pub enum Case {
    /// A session, held against the model of a right server.
    Session(Plan),
    /// The same bytes in one segment and in those of the plan: they bring the same.
    Segmentations(Plan),
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
}

impl Case {
    /// What it varies and shrinks by.
    pub fn plan(&self) -> &Plan {
        match self {
            Self::Session(plan) | Self::Segmentations(plan) => plan,
        }
    }

    /// The same kind of case with another plan.
    #[must_use]
    pub(super) fn with(&self, plan: Plan) -> Self {
        match self {
            Self::Session(_) => Self::Session(plan),
            Self::Segmentations(_) => Self::Segmentations(plan),
        }
    }

    /// What is played, one after the other.
    pub(super) fn scripts(&self, known: &Known, tempo: Tempo) -> Vec<Script> {
        let mut scripts = match self {
            Self::Session(plan) => vec![script(plan, &known.settings, Trust::Measured, tempo)],
            Self::Segmentations(plan) => segmentation::scripts(plan, known, tempo).into(),
        };
        for script in &mut scripts {
            script.bound = tempo.case + script.waits();
        }
        scripts
    }

    /// Plays it, every wait `scale` times as long.
    pub(super) async fn play(&self, transport: &impl Transport, known: &Known, scale: f64) -> Played {
        let scripts = self.scripts(known, known.tempo.scaled(scale));
        let mut traces = Vec::new();
        for script in &scripts {
            traces.push(transport.run(script.clone()).await);
        }
        self.judge(&scripts, &traces)
    }

    fn judge(&self, scripts: &[Script], traces: &[Trace]) -> Played {
        let judgement = match (self, scripts, traces) {
            (Self::Session(_), [script], [trace]) => judge(script, trace),
            (Self::Segmentations(_), [_, cut], [whole_trace, cut_trace]) => {
                segmentation::compare(cut, whole_trace, cut_trace)
            }
            _ => Judgement::default(),
        };
        Played::new(judgement, traces)
    }
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
        Self { breaches, details: judgement.details, class, is_open, is_ours, took }
    }

    /// The surest breach.
    pub(super) fn breach(&self) -> Option<&Breach> {
        self.breaches.first()
    }
}
