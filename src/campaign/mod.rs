//! What runs when: calibration, the cases, an alive check after each, confirmation of what rests on time.
//!
//! It knows no socket and no clock: a [`Transport`](crate::transport::Transport) plays scripts, a [`Watcher`] hears of progress and may ask to stop.

mod calibrate;
mod capacity;
mod client;
mod confirm;
mod danger;
mod fold;
mod life;
mod outcome;
mod patience;
mod probe;
mod run;
mod schedule;
mod select;
mod stoppable;
mod suspects;
mod turns;
mod unfit;
mod witness;

pub use calibrate::{Calibration, Unfit, calibrate};
pub(crate) use capacity::measure;
pub(crate) use client::measure_client;
pub use client::{Introduction, run_client};
pub use danger::Danger;
#[cfg(feature = "cli")]
pub(crate) use fold::quoted;
pub use fold::{Material, fold};
pub use life::{Process, Restarted};
pub use outcome::{Outcome, Shown};
pub(crate) use probe::{answers_within, is_alive, plain};
pub use run::{FramingRun, run, run_owned};
pub use select::{Selection, SelectionError, Shard};
pub(crate) use stoppable::Stoppable;

use std::time::Duration;

use crate::oracle::Verdict;

/// Hears of progress, and may ask to stop.
pub trait Watcher: Sync {
    /// What is being done now, and how many cases that is.
    fn phase(&self, _name: &str, _cases: usize) {}
    /// A case has its verdict.
    fn case_done(&self, _id: &str, _verdict: Verdict) {}
    /// For how long the run has been on its way; always zero where there is no clock.
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
    /// Done after so long; never where there is no clock.
    fn after(&self, _time: Duration) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
    /// Whether the run should end: what is left is not run.
    fn stopped(&self) -> bool {
        false
    }
    /// Done when the run should end, so that nothing is waited for any longer.
    fn ended(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watcher for Unwatched {}

/// How a campaign is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Everything random follows from it.
    pub seed: u64,
    /// Connections at once, at most; a target that serves fewer gets fewer.
    pub jobs: usize,
    /// Multiplies every deadline and window.
    pub time_scale: f64,
    /// Also what is left out by default because it takes long.
    pub thorough: bool,
    /// How many times each case is played.
    pub repeat: usize,
    /// Which cases.
    pub selection: Selection,
    /// Plays everything, also when the target has failed and the run takes long: where time ends a run, its report is
    /// another one each time.
    pub patient: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            jobs: 32,
            time_scale: 1.0,
            thorough: false,
            repeat: 1,
            selection: Selection::default(),
            patient: false,
        }
    }
}
