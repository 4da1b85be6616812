//! The target no longer answers: which case was it?

use std::time::Duration;

use super::Watcher;
use super::case::Case;
use super::confirm::DIED;
use super::finding::{Finding, Key};
use super::run::{Fuzzer, Suspect};
use super::search::Search;
use crate::campaign::{Process, answers_within};
use crate::oracle::target_died;
use crate::profile::Tempo;
use crate::transport::Transport;

/// So long a target is waited for that has to be silent for longer, before it counts as dead, than there is time for.
const FAREWELL: Duration = Duration::from_secs(3);
/// In the end a target is asked once, with so much more time.
const MORE_TIME: u32 = 4;

/// For so long nothing may be judged in the end, and for so many reply deadlines.
const BLIND: Duration = Duration::from_secs(5);

/// Why a death is not pinned.
const NOT_TRIED: &str = "there was no time to try them again";
const NOT_OURS: &str = "with --exec it is pinned on one";
const NONE_ALONE: &str = "none of them does it by itself";

impl<T: Transport, W: Watcher> Fuzzer<'_, T, W> {
    /// Whether the target is gone, or silent however long it is given.
    pub(super) async fn is_dead(&self) -> bool {
        self.process.is_some_and(Process::ended) || !self.answers().await
    }

    /// Finds the case that kills the target, of those that were played last. One that is ours is started again and
    /// plays them one by one; of any other it is the last that was seen to lose its connection.
    pub(super) async fn pin_death(&self, suspects: &[Suspect], recent: &[(u64, Case)]) -> Option<Finding> {
        let Some(process) = self.process else { return self.blamed(suspects, recent, NOT_OURS) };
        if process.restart().await.again.is_err() {
            return self.blamed(suspects, recent, NOT_TRIED);
        }
        for (number, case) in by_likelihood(suspects, recent) {
            let played = self.replay(&case, 1.0, DIED).await;
            if let Some(breach) = played.breaches.iter().find(|breach| breach.rule == DIED) {
                let suspect = Suspect { number, case, breach: breach.clone() };
                if let Some(finding) = self.confirm(&suspect).await {
                    return Some(finding);
                }
            }
            if self.watcher.stopped() {
                return self.blamed(suspects, recent, NOT_TRIED);
            }
        }
        self.blamed(suspects, recent, NONE_ALONE)
    }

    /// What can still be said in the end: whether the target is there, asked by a way that no longer stops, and for how long
    /// nothing could be judged.
    pub(super) async fn take_leave(&self, target: &impl Transport, search: &mut Search) {
        if self.is_enough_found(search) || search.dead {
            return;
        }
        let patience = self.known.tempo.reply * MORE_TIME;
        let tempo = Tempo { reply: patience.min(FAREWELL), case: FAREWELL, ..self.known.tempo };
        let has_ended = self.process.is_some_and(Process::ended);
        let answers = !has_ended && answers_within(target, &self.known.framing, tempo, &[1.0]).await;
        if has_ended || !answers && patience <= FAREWELL {
            (search.deaths, search.dead) = (search.deaths + 1, true);
            let recent: Vec<_> = search.recent.iter().cloned().collect();
            let finding = self.blamed(&search.suspects, &recent, NOT_TRIED);
            self.keep(search, finding);
        }
        let blind = self.watcher.elapsed().saturating_sub(search.judged_at);
        let longest = (BLIND.mul_f64(self.options.time_scale)).max(patience);
        search.blind = Some(blind).filter(|blind| *blind > longest || !answers);
    }

    /// What cannot be tried again, or did not kill by itself.
    fn blamed(&self, suspects: &[Suspect], recent: &[(u64, Case)], why: &str) -> Option<Finding> {
        let lost = |suspect: &&Suspect| !matches!(suspect.breach.rule.as_str(), "not-connected" | "no-handshake");
        let failed = suspects.iter().find(lost).map(|suspect| (suspect.number, suspect.case.clone()));
        let (number, case) = failed.or_else(|| recent.last().cloned())?;
        let script = case.scripts(self.known, self.known.tempo).pop()?;
        let several = format!("{} cases were in progress or had just ended", recent.len());
        let details = vec![format!("{several}; {why}")];
        let finding = self.finding(number, &case, Some(&script), (target_died(), details), 0);
        // What was not tried again, or not made smaller, shows no more than that the server does not go on.
        let key = Key { requirement: "SES-03", ..finding.key };
        Some(Finding { key, confirmed: false, ..finding })
    }
}

/// First those that failed, as they came; then the others, the last one first.
fn by_likelihood(suspects: &[Suspect], recent: &[(u64, Case)]) -> Vec<(u64, Case)> {
    let failed = suspects.iter().map(|suspect| (suspect.number, suspect.case.clone()));
    let is_suspect = |number: u64| suspects.iter().any(|suspect| suspect.number == number);
    let others = recent.iter().rev().filter(|(number, _)| !is_suspect(*number)).cloned();
    failed.chain(others).collect()
}
