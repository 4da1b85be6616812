//! A failure that rests on time alone is confirmed by itself, alone, three times and at four times the time scale,
//! before it counts; one that does not repeat is flaky. What could not be observed is looked at once more in the same way.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Watcher;
use super::outcome::Outcome;
use super::run::Field;
use crate::oracle::{Level, Verdict};
use crate::scenario::{Case, Plan, Scenario};
use crate::session::Script;
use crate::transport::Transport;

/// How often it must repeat.
const TIMES: usize = 3;

/// So many kinds of failure are confirmed in full. A target that has failed so often beyond doubt is believed to have
/// failed when it does so once more by itself.
const FULLY: usize = 4;

/// So many cases that could not be observed are looked at once more.
const SECOND_LOOKS: usize = 16;

/// How much longer everything may take then.
const SCALE: f64 = 4.0;

/// Confirming ends when it has taken so many reply deadlines, or so long.
const BUDGET: u32 = 120;
const LONGEST: Duration = Duration::from_secs(90);

pub(super) async fn confirm<T: Transport, W: Watcher>(
    field: &Field<'_, T, W>,
    scenarios: &[Scenario],
    outcomes: &mut [Outcome],
) {
    let mut confirmed: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut left = (field.calibration.tempo.reply * BUDGET).min(LONGEST.mul_f64(field.options.time_scale));
    let mut doubtful: Vec<_> = outcomes.iter_mut().filter(|outcome| outcome.rests_on_time()).collect();
    doubtful.sort_by_key(|outcome| outcome.level());
    for outcome in doubtful {
        let requirements = outcome.case.requirements.clone();
        if confirmed.contains(&requirements) {
            continue; // another case of the same requirements, which failed the same way, was confirmed
        }
        if left.is_zero() || field.is_dead() || field.watcher.stopped() || field.is_beyond_doubt() {
            outcome.verdict = Verdict::Inconclusive;
            outcome.reason = Some("failed by time alone, and was not confirmed".into());
            continue;
        }
        field.watcher.phase("confirming what rests on time alone", 0);
        let times = if confirmed.len() < FULLY { TIMES } else { 1 };
        let (took, passed) = repeats(field, scenarios, outcome, times).await;
        left = left.saturating_sub(took);
        if let Some(passed) = passed {
            *outcome = flaky(outcome.clone(), &passed);
        } else {
            field.proved.fetch_or(outcome.level() == Some(Level::Must), Ordering::Relaxed);
            confirmed.insert(requirements);
        }
    }
}

/// Plays again what could not be observed: beside others, or on a busy machine, a target may have had no time to read one
/// segment before the next.
pub(super) async fn look_again<T: Transport, W: Watcher>(
    field: &Field<'_, T, W>,
    scenarios: &[Scenario],
    outcomes: &mut [Outcome],
) {
    let unseen =
        |outcome: &&mut Outcome| outcome.verdict == Verdict::Inconclusive && outcome.judgement.inconclusive.is_some();
    let mut unseen: Vec<_> = outcomes.iter_mut().filter(unseen).collect();
    unseen.sort_by_key(|outcome| outcome.level());
    for outcome in unseen.into_iter().take(SECOND_LOOKS) {
        if field.is_dead() || field.watcher.stopped() || field.is_beyond_doubt() {
            return;
        }
        field.watcher.phase("looking again at what could not be observed", 0);
        let Some((case, script)) = patient_case(field, scenarios, &outcome.case) else { continue };
        let seen = field.play(case, script).await;
        if !seen.rests_on_time() {
            *outcome = seen.stands();
        }
    }
}

/// How long it took, and the run that did not fail, if there is one.
async fn repeats<T: Transport, W: Watcher>(
    field: &Field<'_, T, W>,
    scenarios: &[Scenario],
    outcome: &Outcome,
    times: usize,
) -> (Duration, Option<Outcome>) {
    let mut took = Duration::ZERO;
    let Some((case, script)) = patient_case(field, scenarios, &outcome.case) else { return (took, None) };
    for _ in 0..times {
        let again = field.play(case.clone(), script.clone()).await;
        took += again.took;
        if again.verdict != Verdict::Fail {
            return (took, Some(again));
        }
    }
    (took, None)
}

/// The case with more time for everything, and what to play.
fn patient_case<T: Transport, W: Watcher>(
    field: &Field<'_, T, W>,
    scenarios: &[Scenario],
    case: &Case,
) -> Option<(Case, Script)> {
    let scenario = scenarios.iter().find(|scenario| scenario.id == case.scenario)?;
    let mut case = field.expand(scenario, SCALE).into_iter().find(|patient| patient.id == case.id)?;
    match std::mem::replace(&mut case.plan, Plan::Skip("played".into())) {
        Plan::Play(script) => Some((case, script)),
        Plan::Skip(_) => None,
    }
}

fn flaky(outcome: Outcome, passed: &Outcome) -> Outcome {
    let reason = match passed.verdict {
        Verdict::Pass => "failed once by time alone; did not fail again by itself with more time",
        _ => "failed once by time alone; could not be observed again",
    };
    Outcome { verdict: Verdict::Flaky, reason: Some(reason.into()), ..outcome }
}
