//! A failure that rests on time alone is confirmed by itself, alone, three times and at four times the time scale,
//! before it counts; one that does not repeat is flaky.

use std::collections::BTreeSet;

use super::Watcher;
use super::run::{Field, Outcome};
use crate::oracle::Verdict;
use crate::scenario::{Case, Plan, Scenario};
use crate::transport::Transport;

/// How often it must repeat.
const TIMES: usize = 3;

/// How much longer everything may take then.
const SCALE: f64 = 4.0;

/// At most so many are confirmed: each can take long, and a target that fails so often is known by then.
const MOST: usize = 4;

pub(super) async fn confirm<T: Transport, W: Watcher>(
    field: &Field<'_, T, W>,
    scenarios: &[Scenario],
    outcomes: &mut [Outcome],
) {
    let mut confirmed: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut tried = 0;
    for outcome in outcomes.iter_mut() {
        if outcome.verdict != Verdict::Fail || !outcome.judgement.rests_on_time() {
            continue;
        }
        let requirements = outcome.case.requirements.clone();
        if confirmed.contains(&requirements) {
            continue; // another case of the same requirements, which failed the same way, was confirmed
        }
        field.watcher.phase("confirming what rests on time alone", 0);
        if tried == MOST || field.is_dead() || field.watcher.stopped() {
            outcome.verdict = Verdict::Inconclusive;
            outcome.reason = Some("failed by time alone, and was not confirmed".into());
            continue;
        }
        tried += 1;
        match repeats(field, scenarios, outcome).await {
            Some(passed) => *outcome = flaky(outcome.clone(), &passed),
            None => _ = confirmed.insert(requirements),
        }
    }
}

/// The run that did not fail, if there is one.
async fn repeats<T: Transport, W: Watcher>(
    field: &Field<'_, T, W>,
    scenarios: &[Scenario],
    outcome: &Outcome,
) -> Option<Outcome> {
    let case = patient_case(field, scenarios, &outcome.case)?;
    let Plan::Play(script) = case.plan.clone() else { return None };
    for _ in 0..TIMES {
        let again = field.play(case.clone(), &script).await;
        if again.verdict != Verdict::Fail {
            return Some(again);
        }
    }
    None
}

fn patient_case<T: Transport, W: Watcher>(
    field: &Field<'_, T, W>,
    scenarios: &[Scenario],
    case: &Case,
) -> Option<Case> {
    let scenario = scenarios.iter().find(|scenario| scenario.id == case.scenario)?;
    field.expand(scenario, SCALE).into_iter().find(|patient| patient.id == case.id)
}

fn flaky(outcome: Outcome, passed: &Outcome) -> Outcome {
    let reason = match passed.verdict {
        Verdict::Pass => "failed once by time alone; did not fail again by itself with more time",
        _ => "failed once by time alone; could not be observed again",
    };
    Outcome { verdict: Verdict::Flaky, reason: Some(reason.into()), ..outcome }
}
