//! What a report says of a target that could not be measured.

use std::time::Duration;

use super::Options;
use super::calibrate::{Calibration, Unfit};
use super::outcome::Outcome;
use super::schedule::{Group, Schedule};
use crate::framing::{Framing, Strategy};
use crate::oracle::{Judgement, Verdict};
use crate::profile::{Profile, Tempo};
use crate::scenario::{Case, Plan, Scenario};
use crate::session::Trace;

/// A server that cannot be measured: what is known of it is what the last plain message showed.
pub(super) fn unfit_outcomes(
    unfit: &Unfit,
    framing: &Framing,
    scenarios: &[Scenario],
    options: &Options,
    watched: bool,
) -> Vec<Outcome> {
    let Unfit::Mute { trace, judgement, served, .. } = unfit else { return Vec::new() };
    let gone = judgement.breaches.iter().any(|breach| breach.rule == "not-connected");
    let basic = match framing.strategy() {
        _ if gone || *served => &["SES-02", "SES-03"],
        Strategy::Close => &["SES-02", "CLS-01"],
        _ => &["SES-02", "SES-08"],
    };
    let failure = PlainFailure {
        trace,
        judgement,
        basic,
        stimulus: &["a: send a plain message, as the calibration does", "a: expect everything back"],
        reason: "the target does not send a plain message back (SES-02)",
    };
    failure.outcomes(Profile { watched, ..Profile::declared(framing) }, framing, scenarios, options)
}

/// A plain message has failed, and with it everything.
pub(super) struct PlainFailure<'a> {
    pub(super) trace: &'a Trace,
    pub(super) judgement: &'a Judgement,
    /// What that breaks. It is told by one case of each.
    pub(super) basic: &'a [&'static str],
    /// What was done, which is not what the case would have done.
    pub(super) stimulus: &'a [&'a str],
    /// Why no case is run.
    pub(super) reason: &'a str,
}

impl PlainFailure<'_> {
    /// By case, in the order of the scenarios.
    pub(super) fn outcomes(
        &self,
        profile: Profile,
        framing: &Framing,
        scenarios: &[Scenario],
        options: &Options,
    ) -> Vec<Outcome> {
        let calibration = Calibration {
            profile,
            tempo: Tempo::PATIENT,
            round_trip: Duration::ZERO,
            sound: true,
            died_of: None,
            end: None,
        };
        let schedule = Schedule::new(framing, &calibration, scenarios, options);
        let cases = Group::ALL.iter().flat_map(|group| schedule.cases(framing, &calibration, options, *group));
        let mut places: Vec<_> = cases.map(|(place, case)| (place, without_bytes(case))).collect();
        places.sort_by_key(|(place, _)| *place);
        let mut proved = Vec::new();
        places.into_iter().map(|(_, (case, plays))| self.judged(case, plays, &mut proved)).collect()
    }

    fn judged(&self, case: Case, plays: bool, proved: &mut Vec<&'static str>) -> Outcome {
        let of_case = |basic: &&&'static str| case.requirements.iter().any(|id| id == **basic);
        let Some(basic) = self.basic.iter().find(of_case).filter(|basic| plays && !proved.contains(*basic)) else {
            return Outcome::without_run(case, Verdict::NotRun, self.reason.into());
        };
        proved.push(basic);
        let stimulus = self.stimulus.iter().map(|&line| line.into()).collect();
        let (judgement, took) = (self.judgement.clone(), self.trace.duration());
        let (case, trace) = (Case { stimulus, ..case }, Some(self.trace.clone()));
        Outcome { case, verdict: Verdict::Fail, reason: None, judgement, trace, shown: None, took }.stands()
    }
}

/// A case that is not played needs no bytes. Says whether it had any.
fn without_bytes(mut case: Case) -> (Case, bool) {
    let plan = std::mem::replace(&mut case.plan, Plan::Skip("not played".into()));
    (case, matches!(plan, Plan::Play(_)))
}
