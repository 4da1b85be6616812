//! For how long a target is looked at: one that has failed not without end, one that is busy until it has done its work.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::calibrate::Calibration;
use super::probe::plain_time;
use super::run::Field;
use super::{Options, Watcher};
use crate::transport::Transport;

/// A target that has failed by then is not looked at any longer.
const LONG_ENOUGH: Duration = Duration::from_secs(30);
/// Of a target that is not done by then, and need not be wrong, each scenario is played once.
const SLOW_RUN: Duration = Duration::from_secs(75);
/// Why a case was left out.
pub(super) const ONE_IS_ENOUGH: &str =
    "the target is so slow that one passed variant of a scenario is enough; --thorough plays all";

/// Why a case was not run.
pub(super) const BEYOND_DOUBT: &str = "the target had failed, and the run was taking long; --thorough goes on";

/// So many failures by time alone are confirmed before more of them are looked for.
const DOUBTS: usize = 20;

/// So often in a run a target is asked at most whether it is done with what a case left behind.
const RESTS: usize = 100;

impl<T: Transport, W: Watcher> Field<'_, T, W> {
    /// Whether the target has failed, and whatever else is wrong with it takes too long to be found.
    pub(super) fn is_beyond_doubt(&self) -> bool {
        self.proved.load(Ordering::Relaxed) && self.has_taken_long()
    }

    /// Whether so much has failed by time alone that it is time to confirm some of it.
    pub(super) fn is_long_doubted(&self) -> bool {
        self.doubts.load(Ordering::Relaxed) >= DOUBTS && self.has_taken_long()
    }

    /// Whether the run has taken so long that it is time to play no more than one variant of a scenario.
    pub(super) fn is_to_be_brief(&self) -> bool {
        self.has_taken(SLOW_RUN)
    }

    fn has_taken_long(&self) -> bool {
        self.has_taken(LONG_ENOUGH)
    }

    fn has_taken(&self, long: Duration) -> bool {
        let spent = self.watcher.elapsed().saturating_sub(self.began);
        let Options { thorough, repeat, patient, .. } = *self.options;
        let patient = patient || thorough || repeat > 1;
        !patient && spent > long.mul_f64(self.options.time_scale.max(1.0))
    }

    /// A target may still be busy with what a client left behind that is gone. Waits until that is done, or for as long as
    /// that may take.
    pub(super) async fn let_rest(&self) {
        if self.calibration.profile.client.is_some() {
            return; // the next case has a process of its own
        }
        let Calibration { tempo, round_trip, .. } = *self.calibration;
        let usual = (round_trip * 4).max(tempo.reply / 10);
        while !self.is_dead() && !self.watcher.stopped() && !self.is_beyond_doubt() {
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
