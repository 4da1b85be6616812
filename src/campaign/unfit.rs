//! What a report says of a target that could not be measured.

use std::time::Duration;

use super::Options;
use super::calibrate::{Calibration, Unfit};
use super::run::Outcome;
use super::schedule::{Group, Schedule};
use crate::framing::{Framing, Strategy};
use crate::oracle::Verdict;
use crate::scenario::{Case, Plan, Scenario};
use crate::session::Trace;

/// A target that cannot be measured: what is known of it is what the last plain message showed.
pub(super) fn unfit_outcomes(
    unfit: &Unfit,
    framing: &Framing,
    scenarios: &[Scenario],
    options: &Options,
) -> Vec<Outcome> {
    let Unfit::Mute { trace, judgement, served, .. } = unfit else { return Vec::new() };
    let calibration = Calibration {
        profile: crate::profile::Profile::declared(framing),
        tempo: crate::profile::Tempo::PATIENT,
        round_trip: Duration::ZERO,
        died_of: None,
    };
    let gone = judgement.breaches.iter().any(|breach| breach.rule == "not-connected");
    let basic = match framing.strategy() {
        _ if gone || *served => ["SES-02", "SES-03"],
        Strategy::Close => ["SES-02", "CLS-01"],
        _ => ["SES-02", "SES-08"],
    };
    let mut proved = Vec::new();
    let mut judged = |case: Case, plays: bool| {
        let basic = basic.iter().find(|basic| case.requirements.iter().any(|id| id == *basic));
        let Some(basic) = basic.filter(|basic| plays && !proved.contains(*basic)) else {
            return Outcome::without_run(case, Verdict::NotRun, MUTE.into());
        };
        proved.push(*basic);
        // What is judged here is the plain message of the calibration, not what the scenario would have sent.
        let stimulus =
            vec!["a: send a plain message, as the calibration does".into(), "a: expect everything back".into()];
        let case = Case { stimulus, ..case };
        let (judgement, trace) = (judgement.clone(), Some(trace.as_ref().clone()));
        let took = trace.as_ref().map_or(Duration::ZERO, Trace::duration);
        Outcome { case, verdict: Verdict::Fail, reason: None, judgement, trace, took }
    };
    let schedule = Schedule::new(framing, &calibration, scenarios, options);
    let groups = [Group::Sleepers, Group::Beside, Group::Alone, Group::Heavy, Group::Weighed];
    let cases = groups.iter().flat_map(|group| schedule.cases(framing, &calibration, options, *group));
    let mut places: Vec<_> = cases.map(|(place, case)| (place, without_bytes(case))).collect();
    places.sort_by_key(|(place, _)| *place);
    places.into_iter().map(|(_, (case, plays))| judged(case, plays)).collect()
}

const MUTE: &str = "the target does not send a plain message back (SES-02)";

/// A case that is not played needs no bytes. Says whether it had any.
fn without_bytes(mut case: Case) -> (Case, bool) {
    let plan = std::mem::replace(&mut case.plan, Plan::Skip(MUTE.into()));
    (case, matches!(plan, Plan::Play(_)))
}
