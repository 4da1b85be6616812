//! A network fuzzer for servers without instrumentation.
//!
//! It has no socket, no clock and no file: a [`Transport`](crate::transport::Transport) plays what it draws, a
//! [`Watcher`] hears of progress and may ask to stop. The same seed and the same answers lead to the same cases and the
//! same findings.
//!
//! Cases are plans (`fuzzing/plan.rs`), drawn from a seed out of the grammar of session, framing and damage. What is
//! owed for them is said by the model of a right server (`fuzzing/account.rs`), completed by what was measured of this
//! one; where the model says nothing, the same bytes must bring the same under another segmentation. What answers in a
//! way that was not seen before is varied further. A failure is confirmed alone, shrunk, and told as a scenario.

mod acquittal;
mod case;
mod class;
mod confirm;
mod content;
mod death;
mod dice;
mod draw;
mod errand;
mod evidence;
mod finding;
mod history;
mod known;
mod moves;
mod naming;
mod payload;
mod reply;
mod run;
mod search;
mod segmentation;
mod shape;
mod swarm;
mod vary;
mod weigh;

pub use case::{Case, Traffic};
pub use finding::{Cost, Finding, Key};
pub use known::Known;
pub use run::{Hunted, hunt, hunt_client};

use std::time::Duration;

use crate::campaign;
use crate::oracle::Level;

/// Hears of progress, and may ask to stop.
pub trait Watcher: campaign::Watcher {
    /// So many cases will be played; `None`: until it is stopped.
    fn begun(&self, _cases: Option<u64>) {}
    /// So far so many cases were played and so many kinds of behaviour seen.
    fn played(&self, _cases: u64, _behaviours: usize) {}
    /// A failure was confirmed, and is on its way to become smaller.
    fn found(&self, _rule: &str) {}
}

impl Watcher for campaign::Unwatched {}

/// How it is fuzzed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Everything random follows from it.
    pub seed: u64,
    /// So many cases at most; `None`: until the watcher stops it.
    pub cases: Option<u64>,
    /// When the watcher has been on its way for so long, nothing more is drawn: what is left of its time is for weighing
    /// what was done to the target's process.
    pub until: Option<Duration>,
    /// Cases at once, at most; a target that serves fewer connections gets fewer.
    pub jobs: usize,
    /// Distinct failures after which it ends; at least one.
    pub findings: usize,
    /// What is less binding than this is told, and is no failure.
    pub level: Level,
    /// The largest message, in bytes.
    pub largest: usize,
    /// Multiplies every deadline and window.
    pub time_scale: f64,
    /// Only the cases of this part.
    pub shard: Option<campaign::Shard>,
}

impl Options {
    /// The largest message that is sent if nothing else is said, in bytes: more than 64 KiB.
    pub const LARGEST: usize = 66_000;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            cases: Some(10_000),
            until: None,
            jobs: 32,
            findings: 1,
            level: Level::Must,
            largest: Self::LARGEST,
            time_scale: 1.0,
            shard: None,
        }
    }
}
