//! A target may keep something of what came before: then a case fails that does not by itself, and what it needs is gone from
//! the scenario. Where the process is ours, what is told is tried on a fresh one.

use super::Watcher;
use super::confirm::Shown;
use super::finding::Finding;
use super::run::{Fuzzer, Suspect};
use crate::transport::Transport;

/// So often a fresh process is tried: some failures are a matter of luck.
const TIMES: usize = 3;

const HISTORY: &str = "it does not come again on a fresh process: it needs what was played before";

impl<T: Transport, W: Watcher> Fuzzer<'_, T, W> {
    /// The finding, if it comes again on a fresh process; otherwise made smaller once more, from the beginning, on a fresh process
    /// each time; otherwise it is said that it needs a history.
    pub(super) async fn without_history(&self, suspect: &Suspect, shown: Shown) -> Finding {
        let fresh = Fuzzer { fresh: true, ..*self };
        if self.process.is_none() || fresh.shows(&shown).await {
            return shown.finding;
        }
        if let Some(other) = fresh.confirmed(suspect).await
            && fresh.shows(&other).await
        {
            return other.finding;
        }
        let mut finding = shown.finding;
        finding.details.insert(0, HISTORY.into());
        finding
    }

    /// Whether what is told fails, one of some times. Nothing is said against it where that cannot be tried.
    async fn shows(&self, Shown { finding, case, script }: &Shown) -> bool {
        let Some(script) = script else { return true };
        for _ in 0..TIMES {
            if self.fails_patiently(case, script, &finding.breach).await || self.watcher.stopped() {
                return true;
            }
        }
        false
    }

    /// What is played next is played with a fresh process, if that is asked for.
    pub(super) async fn renew(&self) {
        if let Some(process) = self.process.filter(|_| self.fresh && !self.watcher.stopped()) {
            process.restart().await;
        }
    }
}
