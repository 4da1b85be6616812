//! Cases that were in progress when the target's process died, and those put off because it died too often: played again
//! one by one, so that each death is pinned on the case that brought it, and every run tells the same.

use std::collections::{BTreeMap, BTreeSet};

use super::Watcher;
use super::life::DEATHS;
use super::outcome::Outcome;
use super::run::Field;
use super::schedule::{self, Lane, Place};
use crate::oracle::{Verdict, target_died};
use crate::scenario::{Case, Plan, Scenario};
use crate::transport::Transport;

/// Why a case is played again.
const SUSPECT: &str = "the target died while this and other cases were in progress";

/// Leaves open what a case has shown until it is played by itself.
pub(super) fn suspect(outcome: &mut Outcome) {
    (outcome.verdict, outcome.reason) = (Verdict::Inconclusive, Some(SUSPECT.into()));
}

/// Leaves a case to be played later, by itself.
pub(super) fn put_off(case: Case) -> Outcome {
    Outcome::without_run(case, Verdict::Inconclusive, SUSPECT.into())
}

/// Whether it is to be played again.
pub(super) fn is_suspect(outcome: &Outcome) -> bool {
    outcome.verdict == Verdict::Inconclusive && outcome.reason.as_deref() == Some(SUSPECT)
}

fn has_killed(outcome: &Outcome) -> bool {
    outcome.judgement.breaches.iter().any(|breach| breach.rule == target_died().rule)
}

fn died_often() -> String {
    format!("the target had died in {DEATHS} cases before this one")
}

/// Waits for most of its time.
fn is_asleep(case: &Case) -> bool {
    matches!(&case.plan, Plan::Play(script) if script.waits() >= schedule::ASLEEP)
}

/// Up to the last death that counts.
fn counted(outcomes: &[Outcome]) -> usize {
    let deaths = outcomes.iter().enumerate().filter(|(_, outcome)| has_killed(outcome));
    deaths.map(|(index, _)| index + 1).nth(DEATHS - 1).unwrap_or(outcomes.len())
}

impl<T: Transport, W: Watcher> Field<'_, T, W> {
    /// Plays the suspects, and leaves out what lies behind the last death that counts. Expects the outcomes in order.
    pub(super) async fn play_suspects(&self, scenarios: &[Scenario], outcomes: &mut [Outcome]) {
        self.life.forget_shared();
        self.play_one_by_one(scenarios, outcomes, |case| !is_asleep(case)).await;
        self.play_asleep(scenarios, outcomes).await;
        self.life.forget_shared();
        self.play_one_by_one(scenarios, outcomes, |_| true).await;
        let counted = counted(outcomes);
        for outcome in outcomes[counted..].iter_mut().filter(|outcome| outcome.verdict != Verdict::Skipped) {
            *outcome = Outcome::without_run(outcome.case.clone(), Verdict::NotRun, died_often());
        }
    }

    async fn play_one_by_one(&self, scenarios: &[Scenario], outcomes: &mut [Outcome], takes: fn(&Case) -> bool) {
        let mut deaths = 0;
        for siblings in outcomes.chunk_by_mut(|one, next| one.case.scenario == next.case.scenario) {
            if deaths < DEATHS {
                let mut cases = self.suspects(scenarios, siblings);
                cases.retain(|_, case| takes(case));
                self.play_in_order(siblings, cases).await;
            }
            deaths += siblings.iter().filter(|outcome| has_killed(outcome)).count();
        }
    }

    /// The suspects among the cases of one scenario. What failed behind one of them does not decide whether it is played.
    async fn play_in_order(&self, siblings: &mut [Outcome], mut cases: BTreeMap<String, Case>) {
        let mut failed = 0;
        for outcome in siblings {
            if let Some(case) = cases.remove(&outcome.case.id) {
                *outcome = if failed < schedule::VARIANTS {
                    self.failures.forget(&case.scenario);
                    self.play_watched(case, Lane::alone()).await
                } else {
                    Outcome::without_run(case, Verdict::NotRun, schedule::enough())
                };
                self.watcher.case_done(&outcome.case.id, outcome.verdict);
            }
            failed += usize::from(outcome.verdict == Verdict::Fail);
        }
    }

    /// Beside each other: what waits. Whichever of them is in progress when the target dies again is a suspect again.
    async fn play_asleep(&self, scenarios: &[Scenario], outcomes: &mut [Outcome]) {
        let lane = Lane::asleep(self.options.jobs.min(self.calibration.profile.cases_at_once()));
        let counted = &outcomes[..counted(outcomes)];
        let siblings = counted.chunk_by(|one, next| one.case.scenario == next.case.scenario);
        let sleepers = siblings.flat_map(|siblings| {
            let mut cases = self.suspects(scenarios, siblings);
            cases.retain(|_, case| is_asleep(case));
            cases.into_values().inspect(|case| self.failures.forget(&case.scenario))
        });
        let played = self.play_beside(sleepers.map(|case| (Place::default(), case)), lane).await;
        let mut played: BTreeMap<_, _> = played.into_iter().map(|(_, new)| (new.case.id.clone(), new)).collect();
        for outcome in outcomes {
            if let Some(new) = played.remove(&outcome.case.id) {
                *outcome = new;
            }
        }
    }

    /// By id, the suspects among the cases of one scenario, to be played again.
    fn suspects(&self, scenarios: &[Scenario], siblings: &[Outcome]) -> BTreeMap<String, Case> {
        let ids: BTreeSet<_> = siblings.iter().filter(|outcome| is_suspect(outcome)).map(|it| &it.case.id).collect();
        let scenario = siblings.first().filter(|_| !ids.is_empty()).map(|outcome| &outcome.case.scenario);
        let scenario = scenario.and_then(|id| scenarios.iter().find(|scenario| scenario.id == *id));
        let cases = scenario.map(|scenario| self.expand(scenario, 1.0)).unwrap_or_default();
        cases.into_iter().filter(|case| ids.contains(&case.id)).map(|case| (case.id.clone(), case)).collect()
    }
}
