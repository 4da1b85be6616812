//! One framing: the cases against the target, side by side where the target serves several, and what came of each.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, join, select};
use futures_util::stream::FuturesUnordered;

use super::calibrate::{Calibration, Unfit, calibrate};
use super::capacity;
use super::confirm::{confirm, look_again, time_to_confirm};
use super::life::{Life, Process, Restarted};
use super::outcome::Outcome;
use super::patience::{BEYOND_DOUBT, Passed};
use super::probe::is_alive;
use super::schedule::{self, Beside, Burden, Death, Failures, Group, Lane, Load, Place, Schedule};
use super::stoppable::Stoppable;
use super::suspects::{is_suspect, put_off};
use super::unfit::unfit_outcomes;
use super::witness::Witness;
use super::{Options, Watcher};
use crate::framing::Framing;
use crate::oracle::{Level, Verdict, requirement, target_died, target_died_of};
use crate::profile::Tempo;
use crate::scenario::{Case, Context, Plan, Scenario};
use crate::session::Script;
use crate::transport::Transport;

/// Everything that one framing brought.
#[derive(Debug)]
pub struct FramingRun {
    /// The framing.
    pub framing: Framing,
    /// What was measured first, or why nothing could be.
    pub calibration: Result<Calibration, Unfit>,
    /// By case, in the order of the scenarios.
    pub outcomes: Vec<Outcome>,
}

/// Judges a target under one framing.
pub async fn run<T: Transport, W: Watcher>(
    transport: &T,
    watcher: &W,
    framing: &Framing,
    scenarios: &[Scenario],
    options: &Options,
) -> FramingRun {
    run_owned(transport, watcher, None, framing, scenarios, options).await
}

/// Judges a target whose process may be ours: then it is started again when it dies.
pub async fn run_owned<T: Transport, W: Watcher>(
    transport: &T,
    watcher: &W,
    process: Option<&dyn Process>,
    declared: &Framing,
    scenarios: &[Scenario],
    options: &Options,
) -> FramingRun {
    let transport = &Stoppable { transport, watcher };
    let framing = &declared.without_keep();
    let is_watched = process.is_some_and(|process| process.watch().is_some());
    watcher.phase("measuring the target", 0);
    let witness = Witness::new(transport);
    let mut calibration = match calibrate(&witness, process, framing, options.time_scale).await {
        Ok(calibration) => calibration,
        Err(unfit) => {
            let outcomes = unfit_outcomes(&unfit, framing, scenarios, options, is_watched);
            return FramingRun { framing: declared.clone(), calibration: Err(unfit), outcomes };
        }
    };
    calibration.profile.watched = is_watched;
    let mut schedule = Schedule::new(framing, &calibration, scenarios, options);
    let measures = calibration.sound && !witness.has_seen_enough();
    if measures && capacity::measure(&witness, framing, &mut calibration, schedule.largest).await {
        schedule = Schedule::new(framing, &calibration, scenarios, options);
    }
    let testimony = witness.testify(process, framing, &calibration).await;
    watcher.phase("judging", schedule.cases);
    let field = Field { life: Life::new(process), ..Field::new(transport, watcher, framing, &calibration, options) };
    field.dead.store(calibration.is_dead() || testimony.lost, Ordering::Relaxed);
    field.proved.store(testimony.is_proof(), Ordering::Relaxed);
    let mut outcomes = field.play_all(&schedule).await;
    field.play_suspects(scenarios, &mut outcomes).await;
    if let Some(danger) = calibration.died_of {
        let suspects = [danger.requirements, &["SES-03"]].concat();
        let reason = format!("the target died of {} while it was measured", danger.what);
        pin(&mut outcomes, &suspects, &reason, calibration.end.as_ref());
    } else if field.is_dead() || field.life.deaths() > 0 {
        pin_death(&mut outcomes);
    }
    testimony.pin(&mut outcomes);
    field.settle(scenarios, &mut outcomes).await;
    FramingRun { framing: declared.clone(), calibration: Ok(calibration), outcomes }
}

/// Everything that playing a case needs.
pub(super) struct Field<'a, T, W> {
    pub(super) transport: &'a T,
    pub(super) watcher: &'a W,
    pub(super) framing: &'a Framing,
    pub(super) calibration: &'a Calibration,
    pub(super) options: &'a Options,
    pub(super) failures: Failures,
    pub(super) passed: Mutex<Passed>,
    pub(super) dead: AtomicBool,
    /// A MUST has failed, and not by time alone.
    pub(super) proved: AtomicBool,
    /// How many MUST have failed by time alone, and may be confirmed.
    pub(super) doubts: AtomicUsize,
    /// How often it was asked whether it is done with what a case left behind.
    pub(super) rests: AtomicUsize,
    /// How long the run had been on its way when this framing's turn came.
    pub(super) began: Duration,
    pub(super) life: Life<'a>,
}

pub(super) fn context<'a>(
    framing: &'a Framing,
    calibration: &'a Calibration,
    options: &Options,
    scale: f64,
) -> Context<'a> {
    let time_scale = options.time_scale * scale;
    Context {
        framing: calibration.profile.client.as_ref().map_or(framing, |client| &client.replies),
        profile: &calibration.profile,
        // Deadlines have the time scale in them; what replies cost the target is as it was measured.
        tempo: Tempo { effort: calibration.tempo.effort.scaled(time_scale), ..calibration.tempo.scaled(scale) },
        time_scale,
        seed: options.seed,
        thorough: options.thorough,
        patient: options.patient,
    }
}

impl<'a, T: Transport, W: Watcher> Field<'a, T, W> {
    /// A target whose process is not ours, at the beginning of its run.
    pub(super) fn new(
        transport: &'a T,
        watcher: &'a W,
        framing: &'a Framing,
        calibration: &'a Calibration,
        options: &'a Options,
    ) -> Self {
        Self {
            transport,
            watcher,
            framing,
            calibration,
            options,
            failures: Failures::default(),
            passed: Mutex::default(),
            dead: AtomicBool::new(false),
            proved: AtomicBool::new(false),
            doubts: AtomicUsize::new(0),
            rests: AtomicUsize::new(0),
            began: watcher.elapsed(),
            life: Life::new(None),
        }
    }
}

impl<T: Transport, W: Watcher> Field<'_, T, W> {
    /// The cases of one scenario with every wait multiplied by `scale`.
    pub(super) fn expand(&self, scenario: &Scenario, scale: f64) -> Vec<Case> {
        scenario.expand(&context(self.framing, self.calibration, self.options, scale))
    }

    /// Confirms what rests on time, plays what was left out for what did not stand, looks again at what was not seen, and
    /// leaves out what adds nothing.
    pub(super) async fn settle(&self, scenarios: &[Scenario], outcomes: &mut [Outcome]) {
        let mut left = time_to_confirm(self);
        confirm(self, scenarios, outcomes, &mut left).await;
        // What fails of these could not be confirmed if there is no time.
        if !left.is_zero() && self.play_left_out(scenarios, outcomes, &mut left).await {
            confirm(self, scenarios, outcomes, &mut left).await;
        }
        look_again(self, scenarios, outcomes).await;
        schedule::summarise(outcomes);
    }

    /// First what may run side by side, then one by one what may hurt the target or needs all of it.
    pub(super) async fn play_all(&self, schedule: &Schedule<'_>) -> Vec<Outcome> {
        let jobs = self.options.jobs.min(self.calibration.profile.cases_at_once());
        let play =
            |group, lane| self.play_beside(schedule.cases(self.framing, self.calibration, self.options, group), lane);
        let mut outcomes = Vec::new();
        if let Some(Beside { sleepers, large, small }) = Lane::beside(jobs, self.calibration.is_slow()) {
            let busy = async {
                let (small, large) = join(play(Group::Beside, small), play(Group::Large, large)).await;
                [small, large, play(Group::Alone, Lane::alone()).await].concat()
            };
            // What sleeps does no harm and needs nothing: it may do so while the others are played, one by one or not.
            let (asleep, busy) = join(play(Group::Sleepers, sleepers), busy).await;
            outcomes.extend([asleep, busy].concat());
        } else {
            for group in [Group::Sleepers, Group::Beside, Group::Large] {
                outcomes.extend(play(group, Lane::few(jobs)).await);
            }
            outcomes.extend(play(Group::Alone, Lane::alone()).await);
        }
        outcomes.extend(play(Group::Heavy, Lane::heavy()).await);
        // What is measured at the process must be the only thing that happens to it.
        outcomes.extend(play(Group::Weighed, Lane::alone()).await);
        outcomes.sort_by_key(|(place, _)| *place);
        let outcomes: Vec<_> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        // Those that slept did not look whether it is alive.
        if !self.is_dead() && !self.watcher.stopped() {
            self.dead.store(!self.is_alive().await, Ordering::Relaxed);
        }
        outcomes
    }

    pub(super) async fn play_beside(
        &self,
        cases: impl Iterator<Item = (Place, Case)>,
        lane: Lane,
    ) -> Vec<(Place, Outcome)> {
        let mut cases = cases.peekable();
        let mut load = Load::new(lane, self.calibration.patience());
        let (mut playing, mut played) = (FuturesUnordered::new(), Vec::new());
        loop {
            let burden = |case: &Case| Burden::of_case(case, self.calibration);
            while let Some((place, case)) = cases.next_if(|(_, case)| load.takes(burden(case))) {
                let burden = burden(&case);
                load.begin(burden);
                playing.push(async move { (place, burden, self.play_watched(case, lane).await) });
            }
            let Some((place, burden, outcome)) = playing.next().await else { return played };
            load.end(burden);
            if lane.rests && outcome.verdict != Verdict::Skipped {
                self.let_rest().await;
            }
            if !is_suspect(&outcome) {
                self.watcher.case_done(&outcome.case.id, outcome.verdict);
            }
            played.push((place, outcome));
        }
    }

    /// Plays what was left out because of failures that did not stand, in the time that is `left`. Says whether there was
    /// anything.
    async fn play_left_out(&self, scenarios: &[Scenario], outcomes: &mut [Outcome], left: &mut Duration) -> bool {
        let (mut any, began, had) = (false, self.watcher.elapsed(), *left);
        self.doubts.store(0, Ordering::Relaxed);
        for scenario in scenarios {
            let of = |outcome: &&mut Outcome| outcome.case.scenario == scenario.id;
            let failed = outcomes.iter_mut().filter(of).filter(|outcome| outcome.verdict == Verdict::Fail).count();
            let was_left = |outcome: &&mut Outcome| {
                let reason = outcome.reason.as_deref();
                let was_left = reason == Some(&schedule::enough()) || reason == Some(BEYOND_DOUBT);
                outcome.verdict == Verdict::NotRun && was_left
            };
            if failed >= schedule::VARIANTS || self.is_dead() || self.is_beyond_doubt() || self.watcher.stopped() {
                continue;
            }
            for outcome in outcomes.iter_mut().filter(of).filter(was_left) {
                if left.is_zero() {
                    return any;
                }
                let again = self.expand(scenario, 1.0).into_iter().find(|case| case.id == outcome.case.id);
                let Some(case) = again else { continue };
                if !any {
                    self.watcher.phase("playing what was left out", 0);
                }
                self.failures.forget(&scenario.id);
                *outcome = self.play_watched(case, Lane::alone()).await;
                *left = had.saturating_sub(self.watcher.elapsed().saturating_sub(began));
                any = true;
            }
        }
        any
    }

    pub(super) async fn play_watched(&self, mut case: Case, lane: Lane) -> Outcome {
        // What it did stands in words beside its bytes, which are needed only now.
        let script = match std::mem::replace(&mut case.plan, Plan::Skip("played".into())) {
            Plan::Play(script) => script,
            Plan::Skip(reason) => return Outcome::without_run(case, Verdict::Skipped, reason),
        };
        if self.is_dead() {
            return Outcome::without_run(case, Verdict::NotRun, "the target had died before".into());
        }
        if self.failures.are_enough(&case.scenario) {
            return Outcome::without_run(case, Verdict::NotRun, schedule::enough());
        }
        if self.is_enough() {
            return Outcome::without_run(case, Verdict::NotRun, BEYOND_DOUBT.into());
        }
        if let Some(why) = self.brevity(&case) {
            return Outcome::without_run(case, Verdict::Skipped, why.into());
        }
        if self.life.dies_often() {
            return put_off(case);
        }
        let life = self.life.begin().await;
        let playing = pin!(self.play_repeatedly(case.clone(), script));
        let mut outcome = match select(playing, pin!(self.is_overdue())).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Outcome::without_run(case, Verdict::NotRun, BEYOND_DOUBT.into()),
        };
        self.look_after(&mut outcome, lane.death, life).await;
        self.life.end();
        if self.watcher.stopped() {
            return Outcome::without_run(outcome.case, Verdict::NotRun, "the run was ended before".into());
        }
        if outcome.verdict == Verdict::Pass {
            self.passed().add(&outcome.case);
        }
        if outcome.verdict == Verdict::Fail {
            self.failures.count(&outcome.case.scenario);
            let (binds, doubtful) = (outcome.level() == Some(Level::Must), outcome.rests_on_time());
            self.proved.fetch_or(binds && !doubtful, Ordering::Relaxed);
            self.doubts.fetch_add(usize::from(binds && doubtful), Ordering::Relaxed);
        }
        outcome.stands()
    }

    /// What the end of the target, if that was it, says of the case that was just played.
    async fn look_after(&self, outcome: &mut Outcome, death: Death, life: usize) {
        match (death, self.life.process) {
            _ if self.watcher.stopped() => {}
            (_, Some(process)) => self.check_process(outcome, process, death, life).await,
            (Death::Elsewhere, None) if self.is_dead() && outcome.verdict == Verdict::Fail => {
                outcome.verdict = Verdict::Inconclusive;
                outcome.reason = Some("the target died in another case meanwhile".into());
            }
            (Death::Elsewhere, None) => {}
            (Death::Shared | Death::Pinned, None) => self.check_alive(outcome, death).await,
        }
    }

    /// As often as asked for. What is proved once counts; what rests on time alone must always be so, or is flaky.
    async fn play_repeatedly(&self, case: Case, script: Script) -> Outcome {
        let times = self.options.repeat;
        let (mut passed, mut worst): (usize, Option<Outcome>) = (0, None);
        for _ in 1..times {
            if self.watcher.stopped() {
                break; // what is left of the repetitions would outlast the patience of whoever ended the run
            }
            let outcome = self.play_or_weigh(case.clone(), script.clone()).await;
            passed += usize::from(outcome.verdict == Verdict::Pass);
            if outcome.verdict != Verdict::Pass && worst.as_ref().is_none_or(|worst| outcome.is_worse(worst)) {
                worst = Some(outcome);
            }
        }
        let last = self.play_or_weigh(case, script).await;
        passed += usize::from(last.verdict == Verdict::Pass);
        let mut outcome = worst.filter(|worst| !last.is_worse(worst)).unwrap_or(last);
        if times > 1 && passed < times {
            outcome.reason = Some(format!("passed {passed} of {times} times"));
            if passed > 0 && outcome.rests_on_time() {
                outcome.verdict = Verdict::Flaky;
            }
        }
        outcome
    }

    async fn play_or_weigh(&self, case: Case, script: Script) -> Outcome {
        match case.watch {
            Some(limits) => self.play_weighed(case, script, limits).await,
            None => self.play(case, script).await,
        }
    }

    /// After every case the target is asked for a plain echo. One that does not come back any more has died of it.
    async fn check_alive(&self, outcome: &mut Outcome, death: Death) {
        if self.is_dead() || self.is_alive().await {
            return;
        }
        let first = !self.dead.swap(true, Ordering::Relaxed);
        if first && death == Death::Pinned {
            outcome.verdict = Verdict::Fail;
            outcome.judgement.breaches.push(target_died());
        } else if outcome.verdict != Verdict::Fail || outcome.judgement.rests_on_time() {
            outcome.verdict = Verdict::Inconclusive;
            outcome.reason = Some("the target died while this and other cases were in progress".into());
        }
    }

    pub(super) async fn is_alive(&self) -> bool {
        // Of a client each script has another process.
        self.calibration.profile.client.is_some()
            || is_alive(self.transport, self.framing, self.calibration.tempo).await
    }

    pub(super) fn passed(&self) -> MutexGuard<'_, Passed> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }
}

/// A target that has died has stopped listening (SES-03): that counts at every level, also where no single case can be
/// blamed, or only one that no MUST depends on.
fn pin_death(outcomes: &mut [Outcome]) {
    let died = target_died();
    let binding = |id: &String| requirement(id).is_none_or(|requirement| requirement.level == Level::Must);
    let is_killer = |outcome: &&Outcome| outcome.judgement.breaches.iter().any(|breach| breach.rule == died.rule);
    let killer = outcomes.iter().find(is_killer);
    if killer.is_some_and(|killer| killer.case.requirements.iter().any(binding)) {
        return;
    }
    let reason = match killer {
        Some(killer) => format!("the target died in {}", killer.case.id),
        None => "the target died while cases ran side by side".into(),
    };
    pin(outcomes, &["SES-03"], &reason, None);
}

/// Fails the first case of the first of these requirements that has one, or else the first that was to be played. How the
/// process ended stands with it, where that is known.
fn pin(outcomes: &mut [Outcome], suspects: &[&str], reason: &str, end: Option<&Restarted>) {
    let of = |id: &str| {
        let is_of = |outcome: &Outcome| outcome.case.requirements.iter().any(|other| other == id);
        outcomes.iter().position(|outcome| outcome.verdict != Verdict::Skipped && is_of(outcome))
    };
    let any = || outcomes.iter().position(|outcome| outcome.verdict != Verdict::Skipped);
    let found = suspects.iter().find_map(|id| of(id)).or_else(any);
    if let Some(outcome) = found.map(|index| &mut outcomes[index]) {
        let died = target_died_of(reason);
        if outcome.judgement.breaches.iter().any(|breach| breach.rule == died.rule) {
            return; // it was seen in the case itself
        }
        (outcome.verdict, outcome.reason) = (Verdict::Fail, Some(reason.to_owned()));
        outcome.judgement.breaches.push(died);
        outcome.judgement.details.extend(end.into_iter().flat_map(Restarted::details));
    }
}
