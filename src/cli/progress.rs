//! What somebody at a terminal sees while a run is on its way, and how they end it.

use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;

use super::Console;
use crate::campaign::Watcher;
use crate::oracle::Verdict;

/// A bar on standard error, if that is a terminal; and the request to stop.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    stop: watch::Sender<Option<Stop>>,
    failed: AtomicUsize,
}

/// Why a run ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Ctrl-C.
    Interrupted,
    /// `--timeout`.
    OutOfTime,
}

impl Progress {
    pub(super) fn new(console: &Console<'_>) -> Self {
        let target = if console.is_watched() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        Self { bar, stop: watch::Sender::new(None), failed: AtomicUsize::new(0) }
    }

    /// Asks the run to end. The first reason stands.
    pub(super) fn stop(&self, why: Stop) {
        self.stop.send_if_modified(|stop| stop.is_none() && stop.replace(why).is_none());
    }

    /// Whether and why the run was asked to end.
    pub(super) fn why_stopped(&self) -> Option<Stop> {
        *self.stop.borrow()
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Watcher for Progress {
    fn phase(&self, name: &str, cases: usize) {
        let pattern = if cases > 0 { "{bar:30} {pos}/{len} {prefix} {wide_msg}" } else { "{spinner} {prefix}" };
        if let Ok(style) = ProgressStyle::with_template(pattern) {
            self.bar.set_style(style);
        }
        self.bar.set_length(cases as u64);
        self.bar.set_position(0);
        self.bar.set_prefix(name.to_owned());
    }

    fn case_done(&self, id: &str, verdict: Verdict) {
        let failed = self.failed.fetch_add(usize::from(verdict == Verdict::Fail), Ordering::Relaxed);
        let failed = failed + usize::from(verdict == Verdict::Fail);
        let failed = if failed > 0 { format!("{failed} failed; ") } else { String::new() };
        self.bar.set_message(format!("{failed}{}", id.escape_debug()));
        self.bar.inc(1);
    }

    fn stopped(&self) -> bool {
        self.why_stopped().is_some()
    }

    async fn ended(&self) {
        // The sender is this very object: waiting cannot fail.
        let _ = self.stop.subscribe().wait_for(Option::is_some).await;
    }
}
