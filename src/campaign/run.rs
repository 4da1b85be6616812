//! One framing: the cases against the target, side by side where the target serves several, and what came of each.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::calibrate::{Calibration, Unfit, calibrate, limit};
use super::confirm::confirm;
use super::probe::{Probe, plain};
use super::{Options, Watcher};
use crate::framing::{Framing, Strategy};
use crate::oracle::{Judgement, Verdict, judge};
use crate::scenario::{Case, Context, Plan, Scenario};
use crate::session::{Duty, Event, Failure, Script, Step, Trace, Until};
use crate::transport::Transport;

/// More failed variants of one scenario than this say nothing new: the rest is not shown as tried.
const VARIANTS: usize = 3;

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
    /// What happened, for everything that did not pass.
    pub trace: Option<Trace>,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    pub(super) fn without_run(case: Case, verdict: Verdict, reason: String) -> Self {
        Self { case, verdict, reason: Some(reason), judgement: Judgement::default(), trace: None, took: Duration::ZERO }
    }
}

/// Judges a target under one framing.
pub async fn run<T: Transport, W: Watcher>(
    transport: &T,
    watcher: &W,
    framing: &Framing,
    scenarios: &[Scenario],
    options: &Options,
) -> FramingRun {
    watcher.phase("measuring the target", 0);
    let mut calibration = match calibrate(transport, framing, options.time_scale).await {
        Ok(calibration) => calibration,
        Err(unfit) => {
            let outcomes = unfit_outcomes(&unfit, framing, scenarios, options);
            return FramingRun { framing: framing.clone(), calibration: Err(unfit), outcomes };
        }
    };
    let extent = extent(cases(framing, &calibration, scenarios, options));
    if !calibration.profile.partial && calibration.profile.max.is_none() {
        calibration.profile.limit = limit(transport, framing, calibration.tempo, extent.largest).await;
    }
    watcher.phase("judging", extent.cases);
    let field = Field { transport, watcher, framing, calibration: &calibration, options, dead: AtomicBool::new(false) };
    let mut outcomes = field.play_all(scenarios).await;
    confirm(&field, scenarios, &mut outcomes).await;
    summarise_variants(&mut outcomes);
    FramingRun { framing: framing.clone(), calibration: Ok(calibration), outcomes }
}

/// Everything that playing a case needs.
pub(super) struct Field<'a, T, W> {
    pub(super) transport: &'a T,
    pub(super) watcher: &'a W,
    pub(super) framing: &'a Framing,
    pub(super) calibration: &'a Calibration,
    pub(super) options: &'a Options,
    dead: AtomicBool,
}

fn context<'a>(framing: &'a Framing, calibration: &'a Calibration, options: &Options, scale: f64) -> Context<'a> {
    Context {
        framing,
        profile: &calibration.profile,
        tempo: calibration.tempo.scaled(scale),
        time_scale: options.time_scale * scale,
        seed: options.seed,
        thorough: options.thorough,
    }
}

/// The cases that are wanted, made one scenario at a time as they are asked for: the bytes of all of them together
/// would be many.
fn cases<'a>(
    framing: &'a Framing,
    calibration: &'a Calibration,
    scenarios: &'a [Scenario],
    options: &'a Options,
) -> impl Iterator<Item = Case> + 'a {
    let wanted = scenarios.iter().filter(|scenario| options.selection.takes(scenario));
    let cases = wanted.flat_map(move |scenario| scenario.expand(&context(framing, calibration, options, 1.0)));
    cases.filter(|case| options.selection.takes_case(&case.id))
}

/// How many cases there are, and how large the largest message is that they send, in bytes.
struct Extent {
    cases: usize,
    largest: u64,
}

fn extent(cases: impl Iterator<Item = Case>) -> Extent {
    cases.fold(Extent { cases: 0, largest: 0 }, |extent, case| {
        let largest = match &case.plan {
            Plan::Play(script) => script.largest_message(),
            Plan::Skip(_) => 0,
        };
        Extent { cases: extent.cases + 1, largest: extent.largest.max(largest) }
    })
}

impl<T: Transport, W: Watcher> Field<'_, T, W> {
    pub(super) fn expand(&self, scenario: &Scenario, scale: f64) -> Vec<Case> {
        scenario.expand(&context(self.framing, self.calibration, self.options, scale))
    }

    /// First what may run side by side, then one by one what may hurt the target or needs all of it.
    async fn play_all(&self, scenarios: &[Scenario]) -> Vec<Outcome> {
        let jobs = self.options.jobs.min(self.calibration.profile.conns).max(1);
        let cases = || cases(self.framing, self.calibration, scenarios, self.options).enumerate();
        let mut outcomes = self.play_beside(cases().filter(|(_, case)| !case.alone), jobs).await;
        outcomes.extend(self.play_beside(cases().filter(|(_, case)| case.alone), 1).await);
        outcomes.sort_by_key(|(index, _)| *index);
        let mut outcomes: Vec<_> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        if self.is_dead() {
            pin_death(&mut outcomes);
        }
        outcomes
    }

    async fn play_beside(&self, cases: impl Iterator<Item = (usize, Case)>, jobs: usize) -> Vec<(usize, Outcome)> {
        let played = stream::iter(cases).map(|(index, case)| async move {
            let mut outcome = self.play_watched(case, jobs).await;
            self.watcher.case_done(&outcome.case.id, outcome.verdict);
            // Its bytes are no longer needed; what it did stands in words beside it.
            outcome.case.plan = Plan::Skip("played".into());
            (index, outcome)
        });
        played.buffer_unordered(jobs).collect().await
    }

    async fn play_watched(&self, case: Case, jobs: usize) -> Outcome {
        let Plan::Play(script) = case.plan.clone() else {
            let Plan::Skip(reason) = case.plan.clone() else { unreachable!("a plan is played or skipped") };
            return Outcome::without_run(case, Verdict::Skipped, reason);
        };
        if self.dead.load(Ordering::Relaxed) {
            return Outcome::without_run(case, Verdict::NotRun, "the target had died before".into());
        }
        if self.watcher.stopped() {
            return Outcome::without_run(case, Verdict::NotRun, "the run was ended before".into());
        }
        let mut outcome = self.play(case, &script).await;
        for _ in 1..self.options.repeat {
            if outcome.verdict == Verdict::Pass {
                outcome = self.play(outcome.case, &script).await;
            }
        }
        self.check_alive(&mut outcome, jobs).await;
        outcome
    }

    /// Plays one case once.
    pub(super) async fn play(&self, case: Case, script: &Script) -> Outcome {
        let trace = self.transport.run(script.clone()).await;
        let judgement = judge(script, &trace);
        let verdict = match () {
            () if judgement.is_pass() => Verdict::Pass,
            () if judgement.breaches.is_empty() => Verdict::Inconclusive,
            () => Verdict::Fail,
        };
        let reason = judgement.inconclusive.clone().filter(|_| verdict == Verdict::Inconclusive);
        let took = trace.duration();
        let trace = (verdict != Verdict::Pass).then_some(trace);
        Outcome { case, verdict, reason, judgement, trace, took }
    }

    /// After every case the target is asked for a plain echo. One that does not come back any more has died of it.
    async fn check_alive(&self, outcome: &mut Outcome, jobs: usize) {
        if self.dead.load(Ordering::Relaxed) || self.watcher.stopped() {
            return;
        }
        for patience in [1.0, 4.0, 4.0] {
            let (script, trace) = self.ask_for_echo(patience).await;
            let judgement = judge(&script, &trace);
            let ours = trace.records.iter().any(|r| r.event == Event::ConnectFailed(Failure::Ours));
            if ours || judgement.is_pass() || is_alive(&trace) {
                return;
            }
        }
        let first = !self.dead.swap(true, Ordering::Relaxed);
        if first && jobs == 1 {
            outcome.verdict = Verdict::Fail;
            outcome.judgement.breaches.push(crate::oracle::target_died());
        } else if outcome.verdict != Verdict::Fail || outcome.judgement.rests_on_time() {
            outcome.verdict = Verdict::Inconclusive;
            outcome.reason = Some("the target died while this and other cases were in progress".into());
        }
    }

    async fn ask_for_echo(&self, patience: f64) -> (Script, Trace) {
        let mut probe = Probe::new(self.framing, self.calibration.tempo.scaled(patience));
        let conn = probe.open();
        probe.say(conn, &plain(self.framing, 0), Duty::Echo);
        probe.hear(&[conn], &[Until::Echo]);
        probe.step(Step::Close(conn));
        let script = probe.script();
        let trace = self.transport.run(script.clone()).await;
        (script, trace)
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }
}

/// Whether the target did anything at all: one that answers wrongly, or closes, is no dead one.
fn is_alive(trace: &Trace) -> bool {
    trace.records.iter().any(|record| matches!(record.event, Event::Received(_) | Event::Fin | Event::Reset))
}

/// A target that died while several cases were in progress has stopped listening, whichever of them it died of.
fn pin_death(outcomes: &mut [Outcome]) {
    let died = crate::oracle::target_died();
    let pinned = outcomes.iter().any(|outcome| outcome.judgement.breaches.contains(&died));
    let listening = |outcome: &&mut Outcome| {
        outcome.verdict != Verdict::Skipped && outcome.case.requirements.iter().any(|id| id == "SES-03")
    };
    if let Some(outcome) = outcomes.iter_mut().find(listening).filter(|_| !pinned) {
        (outcome.verdict, outcome.reason) =
            (Verdict::Fail, Some("the target died while cases ran side by side".into()));
        outcome.judgement.breaches.push(died);
    }
}

/// A target that cannot be measured: what is known of it is what the last plain message showed.
fn unfit_outcomes(unfit: &Unfit, framing: &Framing, scenarios: &[Scenario], options: &Options) -> Vec<Outcome> {
    let Unfit::Mute { trace, judgement, .. } = unfit else { return Vec::new() };
    let calibration = Calibration {
        profile: crate::profile::Profile::declared(framing),
        tempo: crate::profile::Tempo::PATIENT,
        round_trip: Duration::ZERO,
    };
    let gone = judgement.breaches.iter().any(|breach| breach.rule == "not-connected");
    let basic = match framing.strategy() {
        _ if gone => ["SES-02", "SES-03"],
        Strategy::Close => ["SES-02", "CLS-01"],
        _ => ["SES-02", "SES-08"],
    };
    let mut proved = Vec::new();
    let judged = |case: Case| {
        let basic = basic.iter().find(|basic| case.requirements.iter().any(|id| id == *basic));
        let Some(basic) = basic.filter(|basic| matches!(case.plan, Plan::Play(_)) && !proved.contains(*basic)) else {
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
    cases(framing, &calibration, scenarios, options).map(judged).collect()
}

const MUTE: &str = "the target does not send a plain message back (SES-02)";

/// The first failed variants of a scenario prove it; whatever the others did adds nothing.
fn summarise_variants(outcomes: &mut [Outcome]) {
    let mut failed: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for outcome in outcomes {
        let count = failed.entry(outcome.case.scenario.clone()).or_default();
        if *count >= VARIANTS && outcome.verdict != Verdict::Skipped {
            let reason = format!("{VARIANTS} variants of this scenario had failed");
            *outcome = Outcome::without_run(outcome.case.clone(), Verdict::NotRun, reason);
        } else if outcome.verdict == Verdict::Fail {
            *count += 1;
        }
    }
}
