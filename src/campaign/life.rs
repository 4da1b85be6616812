//! A target whose process we own: seen to end, and started again, so that the run goes on.

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, join, select};
use futures_util::lock::Mutex;

use super::Watcher;
use super::outcome::Outcome;
use super::probe::survives;
use super::run::Field;
use super::schedule::Death;
use super::suspects::suspect;
use crate::oracle::{Verdict, judge_usage, target_ended, target_not_back, usage_details};
use crate::scenario::Case;
use crate::session::{Disturbance, Limits, Replies, Script, Step, Usage};
use crate::transport::Transport;

/// So many deaths are pinned on a case.
pub(super) const DEATHS: usize = 100;

/// So often the target may die in all. A death can be seen more than once: side by side with other cases, and again by
/// itself.
const ALL_DEATHS: usize = 2 * DEATHS;

/// After so many deaths side by side with other cases the rest is played one by one: a target that dies of ordinary messages
/// would die of them again and again, with other cases in progress each time.
const SHARED: usize = 3;

/// The target's own process, where it was started for this run.
pub trait Process: Sync {
    /// Whether it has ended.
    fn ended(&self) -> bool;
    /// Ends what is left of it and starts it again at the same address.
    fn restart(&self) -> BoxFuture<'_, Restarted>;
    /// What it takes now; its peak counts from here on. `None`: that cannot be seen.
    fn watch(&self) -> Option<Usage>;
    /// What it takes now, in the processes that there were at the last `watch`.
    fn usage(&self) -> Option<Usage>;
    /// Sends it signals that nobody has to handle, where there are signals.
    fn signal(&self) {}
}

/// How a process ended, and whether the next one accepts connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restarted {
    /// `exit code 3`, `killed by signal SEGV`.
    pub how: String,
    /// The last lines of its standard error.
    pub last_words: Vec<String>,
    /// Why it does not run again, if so.
    pub again: Result<(), String>,
}

impl Restarted {
    /// Whether it runs again.
    pub(super) fn is_back(&self) -> bool {
        self.again.is_ok()
    }

    /// How it ended, for people.
    pub(super) fn details(&self) -> impl Iterator<Item = String> {
        let how = std::iter::once(format!("the target's process: {}", self.how));
        how.chain(self.said())
    }

    /// What it said last.
    fn said(&self) -> impl Iterator<Item = String> {
        self.last_words.iter().map(|line| format!("the target's standard error: {line}"))
    }
}

/// How often the target was started, and which cases are in progress.
pub(super) struct Life<'a> {
    pub(super) process: Option<&'a dyn Process>,
    /// Held while it is started again: no case begins meanwhile.
    door: Mutex<()>,
    deaths: AtomicUsize,
    /// How many of them were seen side by side with other cases since they were last forgotten.
    shared: AtomicUsize,
    playing: AtomicUsize,
}

/// What the end of the target means for a case.
enum Blame {
    /// It was the only one in progress.
    Sure(Restarted),
    /// It was one of several.
    Shared(Restarted),
    /// It was one of several, and another saw it first.
    Known,
}

impl<'a> Life<'a> {
    pub(super) fn new(process: Option<&'a dyn Process>) -> Self {
        let (deaths, shared, playing) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        Self { process, door: Mutex::default(), deaths, shared, playing }
    }

    /// A case begins. Says in which life of the target.
    pub(super) async fn begin(&self) -> usize {
        let _standing = self.door.lock().await;
        self.playing.fetch_add(1, Ordering::Relaxed);
        self.deaths()
    }

    pub(super) fn end(&self) {
        self.playing.fetch_sub(1, Ordering::Relaxed);
    }

    /// How often the target has died.
    pub(super) fn deaths(&self) -> usize {
        self.deaths.load(Ordering::Relaxed)
    }

    /// Whether it dies so often that cases are put off, to be played one by one.
    pub(super) fn dies_often(&self) -> bool {
        self.shared.load(Ordering::Relaxed) >= SHARED
    }

    /// From here on its deaths are counted anew.
    pub(super) fn forget_shared(&self) {
        self.shared.store(0, Ordering::Relaxed);
    }

    /// Whether the life in which a case began is over.
    fn is_over(&self, began: usize) -> bool {
        self.deaths() != began || self.process.is_some_and(Process::ended)
    }

    /// Starts the target again, unless another case has done so.
    async fn revive(&self, process: &dyn Process, began: usize) -> Blame {
        let _closed = self.door.lock().await;
        if self.deaths() != began {
            return Blame::Known;
        }
        let by_itself = self.playing.load(Ordering::Relaxed) == 1;
        let deaths = self.deaths.fetch_add(1, Ordering::Relaxed) + 1;
        let mut restarted = process.restart().await;
        if deaths >= ALL_DEATHS && restarted.again.is_ok() {
            restarted.again = Err(format!("it has died {deaths} times"));
        }
        if by_itself {
            return Blame::Sure(restarted);
        }
        self.shared.fetch_add(1, Ordering::Relaxed);
        Blame::Shared(restarted)
    }
}

impl<T: Transport, W: Watcher> Field<'_, T, W> {
    /// With a process of ours the target is started again when it has died, or no longer answers.
    pub(super) async fn check_process(&self, outcome: &mut Outcome, process: &dyn Process, death: Death, life: usize) {
        let survives = || survives(self.transport, self.framing, self.calibration.tempo);
        let mute = death != Death::Elsewhere && !self.is_dead() && !survives().await;
        if self.is_dead() || !mute && !self.life.is_over(life) {
            return;
        }
        let (restarted, sure) = match self.life.revive(process, life).await {
            Blame::Known => return suspect(outcome),
            Blame::Shared(restarted) => (restarted, false),
            Blame::Sure(restarted) => (restarted, true),
        };
        self.dead.store(restarted.again.is_err(), Ordering::Relaxed);
        if sure {
            pin(outcome, &restarted);
        } else {
            suspect(outcome);
        }
        if let Err(why) = restarted.again {
            outcome.judgement.details.push(format!("the target was not started again: {why}"));
        }
    }
}

/// Looks so often, and for so long each time, whether the target has given back what it took.
const LOOKS: usize = 30;
const BETWEEN: Duration = Duration::from_millis(100);

/// A hundred a second.
const BETWEEN_SIGNALS: Duration = Duration::from_millis(10);

/// What was freed before is used first, so a case that may leak is played so often at least.
const LEAST: usize = 5;

/// A heap grows until it has found its size; what leaks grows so many times in a row.
const GROWTHS: u64 = 20;

impl<T: Transport, W: Watcher> Field<'_, T, W> {
    /// Plays a case and judges what it has cost.
    pub(super) async fn play_weighed(&self, case: Case, script: Script, limits: Limits) -> Outcome {
        let Some(before) = self.life.process.and_then(Process::watch) else { return self.play(case, script).await };
        if let Some(kept) = limits.kept {
            let (outcome, steady) = self.play_until_steady(case, script, kept).await;
            let Some(before_growth) = steady else { return self.weigh(outcome, &limits, &before).await };
            let grown = Limits { kept: None, grown: Some(kept * GROWTHS), ..limits };
            return self.weigh(outcome, &grown, &before_growth).await;
        }
        let outcome = match limits.disturb {
            None => self.play(case, script).await,
            Some(disturbance) => self.play_disturbed(case, script, disturbance).await,
        };
        self.weigh(outcome, &limits, &before).await
    }

    /// Plays a case again as long as the target keeps more memory of it than it may. Where that goes on and on, it says what the
    /// target took before.
    async fn play_until_steady(&self, case: Case, script: Script, kept: u64) -> (Outcome, Option<Usage>) {
        let usage = || self.life.process.and_then(Process::usage);
        let (mut plays, mut growths, mut steady) = (0, 0, usage());
        loop {
            let before = usage();
            let outcome = self.play(case.clone(), script.clone()).await;
            let (Some(before), Some(end)) = (before, usage()) else { return (outcome, None) };
            plays += 1;
            if end.memory > before.memory + kept {
                growths += 1;
            } else {
                (growths, steady) = (0, Some(end));
            }
            let is_done = outcome.verdict != Verdict::Pass || self.watcher.stopped();
            if growths == GROWTHS {
                return (outcome, steady);
            }
            if is_done || (growths == 0 && plays >= LEAST) {
                return (outcome, None);
            }
        }
    }

    /// Judges what a case has cost that has just been played. What is to be given back is given some time.
    async fn weigh(&self, mut outcome: Outcome, limits: &Limits, before: &Usage) -> Outcome {
        let Some(end) = self.life.process.and_then(Process::usage) else { return outcome };
        let (mut after, mut breaches) = (end, judge_usage(limits, before, &end, &end));
        for _ in 0..LOOKS {
            if breaches.is_empty() || self.watcher.stopped() {
                return outcome;
            }
            self.pause(BETWEEN.mul_f64(self.options.time_scale)).await;
            // One that has ended is judged by that.
            let Some(usage) = self.life.process.and_then(Process::usage) else { return outcome };
            after = usage;
            breaches = judge_usage(limits, before, &end, &after);
        }
        if outcome.verdict != Verdict::Fail && !breaches.is_empty() {
            outcome.verdict = Verdict::Fail;
        }
        outcome.judgement.breaches.extend(breaches);
        outcome.judgement.details.extend(usage_details(before, &end, &after));
        outcome
    }

    /// Plays a case while something is done to the target's process.
    async fn play_disturbed(&self, case: Case, script: Script, disturbance: Disturbance) -> Outcome {
        let Some(process) = self.life.process else { return self.play(case, script).await };
        if disturbance == Disturbance::Restart {
            let (mut outcome, restarted) = join(self.play(case, script), process.restart()).await;
            if let Err(why) = restarted.again {
                outcome.verdict = Verdict::Fail;
                outcome.judgement.breaches.push(target_not_back(&why));
                self.dead.store(true, Ordering::Relaxed);
            }
            return outcome;
        }
        let signals = async {
            loop {
                process.signal();
                self.pause(BETWEEN_SIGNALS).await;
            }
        };
        match select(pin!(self.play(case, script)), pin!(signals)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right((never, _)) => never,
        }
    }

    pub(super) async fn pause(&self, length: Duration) {
        let script =
            Script { steps: vec![Step::Pause(length)], replies: Replies::Stream, bound: length * 2, errand: None };
        self.transport.run(script).await;
    }
}

/// Pins the death on a case.
fn pin(outcome: &mut Outcome, restarted: &Restarted) {
    outcome.verdict = Verdict::Fail;
    outcome.judgement.breaches.retain(|breach| !breach.follows_a_death());
    outcome.judgement.breaches.push(target_ended(&restarted.how));
    outcome.judgement.details.extend(restarted.said());
}
