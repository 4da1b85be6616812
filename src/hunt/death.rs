//! The target no longer answers: which case was it?

use super::Watcher;
use super::case::Case;
use super::confirm::DIED;
use super::finding::Finding;
use super::run::{Fuzzer, Suspect};
use crate::campaign::Process;
use crate::oracle::target_died;
use crate::transport::Transport;

impl<T: Transport, W: Watcher> Fuzzer<'_, T, W> {
    /// Whether the target is gone, or silent however long it is given.
    pub(super) async fn is_dead(&self) -> bool {
        self.process.is_some_and(Process::ended) || !self.answers().await
    }

    /// Finds the case that kills the target, of those that were played last. One that is ours is started again and
    /// plays them one by one; of any other it is the last that was seen to lose its connection.
    pub(super) async fn pin_death(&self, suspects: &[Suspect], recent: &[(u64, Case)]) -> Option<Finding> {
        let Some(process) = self.process else { return self.blamed(suspects, recent) };
        process.restart().await.again.ok()?;
        for (number, case) in by_likelihood(suspects, recent) {
            let played = self.replay(&case, 1.0, DIED).await;
            if let Some(breach) = played.breaches.iter().find(|breach| breach.rule == DIED) {
                let suspect = Suspect { number, case, breach: breach.clone() };
                return self.confirm(&suspect).await;
            }
            if self.watcher.stopped() {
                return None;
            }
        }
        self.blamed(suspects, recent)
    }

    /// What cannot be tried again, or did not kill by itself.
    fn blamed(&self, suspects: &[Suspect], recent: &[(u64, Case)]) -> Option<Finding> {
        let lost = |suspect: &&Suspect| !matches!(suspect.breach.rule.as_str(), "not-connected" | "no-handshake");
        let failed = suspects.iter().find(lost).map(|suspect| (suspect.number, suspect.case.clone()));
        let (number, case) = failed.or_else(|| recent.last().cloned())?;
        let script = case.scripts(self.known, self.known.tempo).pop()?;
        let several = format!("{} cases were in progress or had just ended", recent.len());
        let why = match self.process {
            Some(_) => "none of them does it by itself",
            None => "with --exec it is pinned on one",
        };
        let details = vec![format!("{several}; {why}")];
        let finding = self.finding(number, &case, Some(&script), (target_died(), details), 0);
        Some(Finding { confirmed: false, ..finding })
    }
}

/// First those that failed, as they came; then the others, the last one first.
fn by_likelihood(suspects: &[Suspect], recent: &[(u64, Case)]) -> Vec<(u64, Case)> {
    let failed = suspects.iter().map(|suspect| (suspect.number, suspect.case.clone()));
    let is_suspect = |number: u64| suspects.iter().any(|suspect| suspect.number == number);
    let others = recent.iter().rev().filter(|(number, _)| !is_suspect(*number)).cloned();
    failed.chain(others).collect()
}
