//! What somebody at a terminal sees while a run is on its way, and how they end it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;

use super::Console;
use super::events::Events;
use crate::campaign::Watcher;
use crate::framing::Framing;
use crate::hunt;
use crate::oracle::Verdict;
use crate::report::{EVENTS_SCHEMA, LineEvent};

/// A bar on standard error, if that is a terminal; and the request to stop.
pub(super) struct Progress {
    bar: ProgressBar,
    events: Events,
    /// The framing in progress.
    framing: Mutex<String>,
    stop: watch::Sender<Option<Stop>>,
    failed: AtomicUsize,
    began: Instant,
}

/// Why a run ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Ctrl-C.
    Interrupted,
    /// `--timeout`.
    OutOfTime,
}

impl Stop {
    /// As a report says it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Interrupted => "interrupted",
            Self::OutOfTime => "ended by --timeout",
        }
    }
}

impl Progress {
    pub(super) fn new(console: &Console<'_>, events: Events) -> Self {
        let target = if console.is_watched() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        Self {
            bar,
            events,
            framing: Mutex::default(),
            stop: watch::Sender::new(None),
            failed: AtomicUsize::new(0),
            began: Instant::now(),
        }
    }

    /// What follows is about this framing.
    pub(super) fn framing(&self, framing: &Framing) {
        *self.current() = framing.to_string();
    }

    fn current(&self) -> MutexGuard<'_, String> {
        self.framing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something to whoever is there, whether it is a terminal or not.
    pub(super) fn remark(&self, text: &str) {
        self.bar.suspend(|| anstream::eprintln!("{text}"));
    }

    /// Asks the run to end. The first reason stands.
    pub(super) fn stop(&self, why: Stop) {
        self.stop.send_if_modified(|stop| stop.is_none() && stop.replace(why).is_none());
    }

    /// What follows has time again, unless somebody does not want to wait.
    pub(super) fn go_on(&self) {
        self.stop.send_if_modified(|stop| *stop == Some(Stop::OutOfTime) && stop.take().is_some());
    }

    /// Whether and why the run was asked to end.
    pub(super) fn why_stopped(&self) -> Option<Stop> {
        *self.stop.borrow()
    }

    /// Takes the bar away; events may still follow.
    pub(super) fn finish(self) -> Events {
        self.bar.finish_and_clear();
        self.events
    }
}

impl Watcher for Progress {
    fn phase(&self, name: &str, cases: usize) {
        self.events.emit(&LineEvent::Phase { schema: EVENTS_SCHEMA, framing: &self.current(), name, cases });
        let pattern = if cases > 0 { "{bar:30} {pos}/{len} {prefix} {wide_msg}" } else { "{spinner} {prefix}" };
        if let Ok(style) = ProgressStyle::with_template(pattern) {
            self.bar.set_style(style);
        }
        self.bar.set_length(cases as u64);
        self.bar.set_position(0);
        self.bar.set_prefix(name.to_owned());
    }

    fn case_done(&self, id: &str, verdict: Verdict) {
        self.events.emit(&LineEvent::Case { framing: &self.current(), id, verdict });
        let failed = self.failed.fetch_add(usize::from(verdict == Verdict::Fail), Ordering::Relaxed);
        let failed = failed + usize::from(verdict == Verdict::Fail);
        let failed = if failed > 0 { format!("{failed} failed; ") } else { String::new() };
        self.bar.set_message(format!("{failed}{}", id.escape_debug()));
        self.bar.inc(1);
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    async fn after(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn stopped(&self) -> bool {
        self.why_stopped().is_some()
    }

    async fn ended(&self) {
        // The sender is this very object: waiting cannot fail.
        let _ = self.stop.subscribe().wait_for(Option::is_some).await;
    }
}

impl hunt::Watcher for Progress {
    fn begun(&self, cases: Option<u64>) {
        let pattern = match cases {
            Some(_) => "{bar:30} {pos}/{len} {per_sec}, {msg}",
            None => "{spinner} {pos} cases, {per_sec}, {msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(pattern) {
            self.bar.set_style(style);
        }
        self.bar.reset();
        self.bar.set_length(cases.unwrap_or(0));
    }

    fn played(&self, cases: u64, behaviours: usize) {
        self.bar.set_position(cases);
        self.bar.set_message(format!("{behaviours} kinds of behaviour"));
    }

    fn found(&self, rule: &str) {
        self.bar.set_message(format!("{rule}: making it smaller"));
    }
}
