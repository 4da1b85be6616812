//! A failure that rests on time alone is confirmed by itself, alone, three times and at four times the time scale,
//! before it counts; one that does not repeat is flaky. What could not be observed is looked at once more in the same way.
//! Of a client each play has a process of its own: they need not wait for each other.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;

use super::Watcher;
use super::outcome::Outcome;
use super::run::Field;
use crate::oracle::{Level, Verdict};
use crate::profile::Profile;
use crate::scenario::{Case, Plan, Scenario};
use crate::session::Script;
use crate::transport::Transport;

const NOT_CONFIRMED: &str = "failed by time alone, and was not confirmed";

/// How often it must repeat.
const TIMES: usize = 3;

/// So many kinds of failure are confirmed in full. A target that has failed so often, or beyond doubt for long, is believed
/// to have failed when it does so once more with more time, beside others of its failures.
const FULLY: usize = 2;
const BESIDE: usize = 16;

/// So many cases that could not be observed are looked at once more.
const SECOND_LOOKS: usize = 16;

/// How much longer everything may take then.
const SCALE: f64 = 4.0;

/// Confirming ends when it has taken so many reply deadlines, or so long.
const BUDGET: u32 = 120;
const LONGEST: Duration = Duration::from_secs(60);

/// One that has begun may take so long in any case.
const LEAST_TIME: Duration = Duration::from_secs(20);

/// For so long cases that could not be observed are looked at once more.
const LOOKING: Duration = Duration::from_secs(30);

/// How something is confirmed.
#[derive(Clone, Copy, Debug)]
struct Trial {
    /// It must fail so often.
    times: usize,
    /// All that fail the same take so long together, each play at most; one that is cut short has shown nothing.
    within: Duration,
}

/// What took less than so many milliseconds more is confirmed first, in the order of the scenarios.
const SOON: u128 = 2000;

/// The target has failed beyond doubt, and the run has taken long: for so long it is still asked what else is wrong.
const LONG_ENOUGH: Duration = Duration::from_secs(15);

/// For how long a framing's failures are confirmed, all told.
pub(super) fn time_to_confirm<T: Transport, W: Watcher>(field: &Field<'_, T, W>) -> Duration {
    (field.calibration.tempo.reply * BUDGET).min(LONGEST.mul_f64(field.options.time_scale))
}

/// Takes what it needs of the time that is `left`.
pub(super) async fn confirm<T: Transport, W: Watcher>(
    field: &Field<'_, T, W>,
    scenarios: &[Scenario],
    outcomes: &mut [Outcome],
    left: &mut Duration,
) {
    let began = field.watcher.elapsed();
    let enough = || {
        let spent = field.watcher.elapsed().saturating_sub(began);
        field.is_beyond_doubt() && spent > LONG_ENOUGH.mul_f64(field.options.time_scale)
    };
    let kinds = kinds(outcomes);
    if kinds.is_empty() {
        return;
    }
    field.watcher.phase("confirming what rests on time alone", 0);
    let mut kinds = kinds.into_iter();
    let mut confirmed = 0;
    let serves_many = field.calibration.profile.serves(Profile::CONNS_TRIED);
    let mut have_looked = !serves_many;
    let fully_at_once = if field.calibration.profile.client.is_some() { FULLY } else { 1 };
    loop {
        let is_proved = confirmed >= FULLY || field.is_beyond_doubt();
        let in_full = !is_proved || !serves_many;
        let (times, at_once) = if in_full { (TIMES, fully_at_once) } else { (1, BESIDE) };
        let batch: Vec<_> = kinds.by_ref().take(at_once).collect();
        if batch.is_empty() {
            return;
        }
        // Once each kind has its chance, if only beside the others: a report that leaves all but one open helps nobody.
        if left.is_zero() || field.is_dead() || field.watcher.stopped() || have_looked && enough() {
            return leave_open(batch.into_iter().chain(kinds));
        }
        // What took so long that it could not be seen again in time would only keep a verdict waiting that is known.
        let is_long = |kind: &Vec<&mut Outcome>| field.is_beyond_doubt() && kind[0].took.mul_f64(SCALE) > *left;
        let (long, batch): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_long);
        leave_open(long.into_iter());
        let within = (*left).max(LEAST_TIME);
        let confirming = batch.into_iter().map(|kind| confirm_kind(field, scenarios, kind, Trial { times, within }));
        let all = join_all(confirming).await;
        *left = left.saturating_sub(all.iter().map(|(took, _)| *took).max().unwrap_or_default());
        confirmed += all.iter().filter(|(_, stands)| *stands).count();
        have_looked |= !in_full;
    }
}

fn leave_open<'a>(kinds: impl Iterator<Item = Vec<&'a mut Outcome>>) {
    kinds.flatten().for_each(not_confirmed);
}

fn not_confirmed(outcome: &mut Outcome) {
    (outcome.verdict, outcome.reason) = (Verdict::Inconclusive, Some(NOT_CONFIRMED.into()));
}

/// What rests on time alone, by what it fails: one that is confirmed stands for the others. What matters most and took
/// least comes first.
fn kinds(outcomes: &mut [Outcome]) -> Vec<Vec<&mut Outcome>> {
    let mut kinds: Vec<Vec<&mut Outcome>> = Vec::new();
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.rests_on_time()) {
        match kinds.iter_mut().find(|kind| kind[0].case.requirements == outcome.case.requirements) {
            Some(kind) => kind.push(outcome),
            None => kinds.push(vec![outcome]),
        }
    }
    kinds.sort_by_key(|kind| (kind[0].level(), kind[0].took.as_millis() / SOON));
    kinds
}

/// Plays one after the other until one fails again. Says how long that took, and whether one did.
async fn confirm_kind<T: Transport, W: Watcher>(
    field: &Field<'_, T, W>,
    scenarios: &[Scenario],
    kind: Vec<&mut Outcome>,
    trial: Trial,
) -> (Duration, bool) {
    let mut all = Duration::ZERO;
    for outcome in kind {
        let within = trial.within.saturating_sub(all);
        let repeated = if within.is_zero() {
            None // those before it took all the time
        } else {
            repeats(field, scenarios, outcome, Trial { within, ..trial }).await
        };
        let Some((took, passed)) = repeated else {
            not_confirmed(outcome);
            continue;
        };
        all += took;
        match passed {
            // What was cut short has shown nothing.
            Some(_) if field.watcher.stopped() => not_confirmed(outcome),
            Some(passed) => *outcome = flaky(outcome.clone(), &passed),
            None => {
                field.proved.fetch_or(outcome.level() == Some(Level::Must), Ordering::Relaxed);
                return (all, true);
            }
        }
    }
    (all, false)
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
    let began = field.watcher.elapsed();
    let left =
        || LOOKING.mul_f64(field.options.time_scale).saturating_sub(field.watcher.elapsed().saturating_sub(began));
    for outcome in unseen.into_iter().take(SECOND_LOOKS) {
        if field.is_dead() || field.watcher.stopped() || field.is_beyond_doubt() || left().is_zero() {
            return;
        }
        let Some((case, mut script)) = patient_case(field, scenarios, &outcome.case) else { continue };
        if script.errand.as_ref().is_some_and(|errand| errand.patient) {
            continue; // it was seen to wait; for how long it does is asked with --thorough
        }
        field.watcher.phase("looking again at what could not be observed", 0);
        script.bound = script.bound.min(left());
        let seen = field.play(case, script).await;
        if !seen.rests_on_time() {
            *outcome = seen.stands();
        }
    }
}

/// How long it took, and the run that did not fail, if there is one; nothing if it cannot be played with more time.
async fn repeats<T: Transport, W: Watcher>(
    field: &Field<'_, T, W>,
    scenarios: &[Scenario],
    outcome: &Outcome,
    Trial { times, within }: Trial,
) -> Option<(Duration, Option<Outcome>)> {
    let mut took = Duration::ZERO;
    let (case, mut script) = patient_case(field, scenarios, &outcome.case)?;
    let is_cut = within < script.bound;
    script.bound = script.bound.min(within);
    let patience = field.calibration.tempo.reply.mul_f64(SCALE);
    let cut_short = |again: &Outcome| {
        let moved_last = || again.trace.as_ref().is_some_and(|trace| trace.stood_still() < patience);
        is_cut && again.judgement.only_ran_out_of_time() && moved_last()
    };
    if field.calibration.profile.client.is_some() {
        let all = join_all((0..times).map(|_| field.play(case.clone(), script.clone()))).await;
        let took = all.iter().map(|again| again.took).max().unwrap_or_default();
        return Some((took, all.into_iter().find(|again| again.verdict != Verdict::Fail || cut_short(again))));
    }
    for _ in 0..times {
        let again = field.play(case.clone(), script.clone()).await;
        took += again.took;
        if again.verdict != Verdict::Fail || cut_short(&again) {
            return Some((took, Some(again)));
        }
    }
    Some((took, None))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::run::context;
    use crate::campaign::{Calibration, Options};
    use crate::framing::Framing;
    use crate::profile::Tempo;

    /// What was left out the second time would count as confirmed, or never be.
    #[test]
    fn whatever_is_played_is_played_with_more_time_too_however_slow_the_target() {
        let framing: Framing = "length:u16be".parse().unwrap();
        let scenarios = crate::scenario::builtin().unwrap();
        for time_scale in [0.5, 1.0, 3.0] {
            let options = Options { time_scale, ..Options::default() };
            for each in [2, 4, 6, 15, 30] {
                let round_trip = Duration::from_millis(each);
                let mut tempo = Tempo::for_round_trip(round_trip).scaled(time_scale);
                (tempo.effort.in_a_row, tempo.effort.mebibyte) = (round_trip, round_trip * 100);
                let profile = Profile::declared(&framing);
                let calibration = Calibration { profile, tempo, round_trip, sound: true, died_of: None, end: None };
                let is_played = |scale: f64, scenario: &Scenario| {
                    let cases = scenario.expand(&context(&framing, &calibration, &options, scale));
                    cases.iter().map(|case| matches!(case.plan, Plan::Play(_))).collect::<Vec<_>>()
                };
                for scenario in &scenarios {
                    let (at_first, patient) = (is_played(1.0, scenario), is_played(SCALE, scenario));
                    assert_eq!(at_first, patient, "{} at {each} ms, scaled by {time_scale}", scenario.id);
                }
            }
        }
    }
}
