//! What came of one case.

use std::time::Duration;

use crate::oracle::{Breach, Judgement, Level, Log, Verdict, WireEvent, requirement, wire_events, wire_log};
use crate::scenario::Case;
use crate::session::Trace;

/// What came of one case.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The case.
    pub case: Case,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why, where the breaches do not say.
    pub reason: Option<String>,
    /// What the oracle said.
    pub judgement: Judgement,
    /// What happened, until the outcome [stands](Self::stands).
    pub(super) trace: Option<Trace>,
    /// What is shown of what happened, for everything that did not pass in the end.
    pub shown: Option<Shown>,
    /// How long it took.
    pub took: Duration,
}

/// What a report shows of a trace, which may hold mebibytes.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Line by line.
    pub log: Log,
    /// Event by event.
    pub events: Vec<WireEvent>,
}

impl Shown {
    fn of(trace: &Trace, breaches: &[Breach]) -> Self {
        Self { log: wire_log(trace), events: wire_events(trace, breaches) }
    }
}

impl Outcome {
    /// Nothing that a run found stays with the case: what is left out is the same however far it had come.
    pub(super) fn without_run(mut case: Case, verdict: Verdict, reason: String) -> Self {
        case.requirements.retain(|id| Some(id) != case.wrong_bytes.as_ref());
        let (reason, judgement) = (Some(reason), Judgement::default());
        Self { case, verdict, reason, judgement, trace: None, shown: None, took: Duration::ZERO }
    }

    /// Nothing more is asked of it: of its trace it keeps what is shown, if anything is.
    pub(super) fn stands(self) -> Self {
        let trace = self.trace.filter(|_| self.verdict != Verdict::Pass);
        Self { shown: trace.map(|trace| Shown::of(&trace, &self.judgement.breaches)), trace: None, ..self }
    }

    /// Whether it has failed by time alone.
    pub(super) fn rests_on_time(&self) -> bool {
        self.verdict == Verdict::Fail && self.judgement.rests_on_time()
    }

    /// The most binding level of its requirements.
    pub(super) fn level(&self) -> Option<Level> {
        self.case.requirements.iter().filter_map(|id| requirement(id)).map(|requirement| requirement.level).min()
    }

    /// A proved failure is worse than one that rests on time, and that worse than none.
    pub(super) fn is_worse(&self, other: &Self) -> bool {
        let badness = |outcome: &Self| match outcome.verdict {
            Verdict::Fail => 2 + usize::from(!outcome.rests_on_time()),
            verdict => usize::from(verdict != Verdict::Pass),
        };
        badness(self) > badness(other)
    }
}
