//! For how long a target is looked at: one that has failed not without end, one that is busy until it has done its work.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::calibrate::Calibration;
use super::probe::plain_time;
use super::run::Field;
use super::{Options, Watcher};
use crate::scenario::Case;
use crate::transport::Transport;

/// A target that has failed by then is not looked at any longer.
const LONG_ENOUGH: Duration = Duration::from_secs(30);
/// Nor one whose process is ours: to see what that takes lasts 20 s by itself.
const LONG_ENOUGH_TO_WEIGH: Duration = Duration::from_secs(60);
/// What is in progress by then may take so much longer.
const TO_FINISH: Duration = Duration::from_secs(10);
/// How often it is looked at whether that is over.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// Of a target that is not done by then, and need not be wrong, each scenario is played once; sooner of one that is known to
/// be slow.
const SLOW_RUN: Duration = Duration::from_secs(50);
const SLOW_RUN_OF_THE_SLOW: Duration = Duration::from_secs(35);
/// So much later each requirement is tried once.
const SLOWER_RUN: Duration = Duration::from_secs(20);
/// Why a case was left out.
const ONE_IS_ENOUGH: &str =
    "the target is so slow that one passed variant of a scenario is enough; --thorough plays all";
const PASSED_ELSEWHERE: &str =
    "the target is so slow that one passed case of a requirement is enough; --thorough plays all";

/// Why a case was not run.
pub(super) const BEYOND_DOUBT: &str = "the target had failed, and the run was taking long; --thorough goes on";

/// So many failures by time alone are confirmed before more of them are looked for.
const DOUBTS: usize = 20;

/// So often in a run a target is asked at most whether it is done with what a case left behind.
const RESTS: usize = 100;

/// What has passed so far.
#[derive(Debug, Default)]
pub(super) struct Passed {
    scenarios: BTreeSet<String>,
    requirements: BTreeSet<String>,
}

impl Passed {
    pub(super) fn add(&mut self, case: &Case) {
        self.scenarios.insert(case.scenario.clone());
        self.requirements.extend(case.requirements.iter().cloned());
    }

    fn has_all(&self, requirements: &[String]) -> bool {
        requirements.iter().all(|id| self.requirements.contains(id))
    }
}

impl<T: Transport, W: Watcher> Field<'_, T, W> {
    /// Whether the target has failed, and whatever else is wrong with it takes too long to be found.
    pub(super) fn is_beyond_doubt(&self) -> bool {
        self.proved.load(Ordering::Relaxed) && self.has_taken_long()
    }

    /// Whether what else is wrong with the target takes too long to be found, or is to be confirmed first.
    pub(super) fn is_enough(&self) -> bool {
        self.is_beyond_doubt() || self.is_long_doubted()
    }

    /// Whether so much has failed by time alone that it is time to confirm some of it.
    fn is_long_doubted(&self) -> bool {
        self.doubts.load(Ordering::Relaxed) >= DOUBTS && self.has_taken_long()
    }

    /// Done when what is in progress would only keep a verdict waiting that is known, or what there is to be confirmed.
    pub(super) async fn is_overdue(&self) {
        loop {
            self.watcher.after(BETWEEN_LOOKS).await;
            if self.is_enough() && self.has_taken(self.long_enough() + TO_FINISH) {
                return;
            }
        }
    }

    /// Why a case is left out of the run of a target that takes too long over all of them, if it is.
    pub(super) fn brevity(&self, case: &Case) -> Option<&'static str> {
        let is_slow = self.calibration.is_slow() || self.calibration.tempo.effort.is_of_the_slow();
        let slow_run = if is_slow { SLOW_RUN_OF_THE_SLOW } else { SLOW_RUN };
        let passed = self.passed();
        match () {
            () if self.is_patient() => None,
            () if self.has_taken(slow_run) && passed.scenarios.contains(&case.scenario) => Some(ONE_IS_ENOUGH),
            () if self.has_taken(slow_run + SLOWER_RUN) && passed.has_all(&case.requirements) => Some(PASSED_ELSEWHERE),
            () => None,
        }
    }

    /// Whether all is to be played, however long it takes.
    fn is_patient(&self) -> bool {
        let Options { thorough, repeat, patient, .. } = *self.options;
        patient || thorough || repeat > 1
    }

    fn has_taken_long(&self) -> bool {
        self.has_taken(self.long_enough())
    }

    fn long_enough(&self) -> Duration {
        if self.life.process.is_some() { LONG_ENOUGH_TO_WEIGH } else { LONG_ENOUGH }
    }

    fn has_taken(&self, long: Duration) -> bool {
        let spent = self.watcher.elapsed().saturating_sub(self.began);
        !self.is_patient() && spent > long.mul_f64(self.options.time_scale.max(1.0))
    }

    /// A target may still be busy with what a client left behind that is gone. Waits until that is done, or for as long as
    /// that may take.
    pub(super) async fn let_rest(&self) {
        if self.calibration.profile.client.is_some() {
            return; // the next case has a process of its own
        }
        let Calibration { tempo, round_trip, .. } = *self.calibration;
        let usual = (round_trip * 4).max(tempo.reply / 10);
        while !self.is_dead() && !self.watcher.stopped() && !self.is_enough() {
            if self.rests.fetch_add(1, Ordering::Relaxed) >= RESTS {
                return;
            }
            let took = plain_time(self.transport, self.framing, tempo).await;
            if took.is_some_and(|took| took <= usual) {
                return;
            }
            self.pause(tempo.quiet / 2).await;
        }
    }
}
