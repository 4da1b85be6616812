//! What is known so far: what was played, what is learned from it, what failed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::case::{Case, Haste, Played, Traffic};
use super::class::Class;
use super::confirm::HASTE;
use super::finding::{Finding, Key};
use super::run::Suspect;
use super::swarm::BATCH;
use crate::fuzzing::{Act, Plan};
use crate::oracle::Breach;
use crate::session::Usage;

/// So many plans that were answered in a new way are kept.
const CORPUS: usize = 512;

/// Longer pauses are sleep, in the encoding of a plan: about ten milliseconds.
const SLEEP: u8 = 70;

/// A small plan has no more messages than this, and no more moves.
const SMALL: usize = 24;

/// What is learned from a batch of cases is used so many batches later, so that nobody waits for the slowest of them.
const LAG: u64 = 16;

/// What is known so far.
#[derive(Default)]
pub(super) struct Search {
    /// Cases that were begun.
    pub(super) begun: u64,
    /// Cases that were taken account of, in their order.
    pub(super) folded: u64,
    /// Cases that were played before an earlier one was; `None`: one that sleeps, from which nothing is learned.
    pub(super) ahead: BTreeMap<u64, Option<(Case, Played)>>,
    pub(super) classes: BTreeSet<Class>,
    pub(super) corpus: Vec<Plan>,
    /// How large the corpus was when each batch had been taken account of.
    pub(super) marks: Vec<usize>,
    pub(super) suspects: Vec<Suspect>,
    /// The cases that were begun last.
    pub(super) recent: VecDeque<(u64, Case)>,
    pub(super) findings: Vec<Finding>,
    pub(super) keys: BTreeSet<Key>,
    /// What was looked at: failures of unshrunk cases, and how often they did not come again.
    pub(super) looked_at: BTreeMap<Key, Option<u32>>,
    /// Rules that a plain session breaks, too, by time: that another one does tells nothing new.
    pub(super) habits: BTreeSet<String>,
    pub(super) again: u64,
    pub(super) unconfirmed: u64,
    pub(super) unexplained: u64,
    pub(super) open: u64,
    pub(super) traffic: Traffic,
    /// Cases of which something can be said.
    pub(super) judged: u64,
    /// When the last one of them had ended.
    pub(super) judged_at: Duration,
    /// For so long nothing could be judged in the end, where that is longer than a case may take.
    pub(super) blind: Option<Duration>,
    /// So often the target died, or fell silent.
    pub(super) deaths: u64,
    pub(super) dead: bool,
    /// What the target's process took at the beginning, where that can be seen.
    pub(super) before: Option<Usage>,
}

impl Search {
    /// Cases of as many kinds as there are, for what the run has cost as a whole.
    pub(super) fn suspicious(&self) -> Vec<(u64, Case)> {
        let varied = self.corpus.iter().map(|plan| (0, Case::Session(plan.clone())));
        varied.chain(self.recent.iter().cloned()).collect()
    }

    /// For how much a case is waited: what is known to come late or never is waited for in haste.
    pub(super) fn haste(&self) -> Haste {
        let is_late = self.findings.iter().any(|finding| finding.breach.timing);
        Haste { scale: if is_late { HASTE } else { 1.0 }, never_closes: self.habits.contains("not-closed") }
    }

    /// Whether it was confirmed to fail in this way by time: that it does so in another session, too, is believed sooner.
    pub(super) fn has_shown(&self, breach: &Breach) -> bool {
        self.findings.iter().any(|finding| finding.breach.timing && finding.breach.rule == breach.rule)
    }

    /// What a case varies: the corpus as it was some batches before, whatever was faster or slower since.
    pub(super) fn corpus(&self, case: u64) -> &[Plan] {
        let mark = (case / BATCH).checked_sub(LAG).and_then(|batch| self.marks.get(batch as usize));
        &self.corpus[..mark.copied().unwrap_or(0)]
    }

    /// Whether the batch so many before that of the next case has been taken account of.
    pub(super) fn may_begin(&self) -> bool {
        self.begun / BATCH < self.folded / BATCH + LAG
    }

    /// Takes account of a case, and of those behind it that waited for it. Nobody waits for one that sleeps.
    pub(super) fn fold(&mut self, number: u64, case: Case, played: Played, now: Duration) {
        self.open += u64::from(played.is_open);
        if !played.is_open && !played.is_ours {
            (self.judged, self.judged_at) = (self.judged + 1, now);
        }
        self.traffic.add(played.traffic);
        let is_habit = |breach: &&Breach| self.habits.contains(&breach.rule);
        if let Some(breach) = played.breaches.iter().find(|breach| !is_habit(breach)).or(played.breach()) {
            self.suspects.push(Suspect { number, case: case.clone(), breach: breach.clone() });
        }
        if !sleeps(case.plan()) {
            self.ahead.insert(number, Some((case, played)));
        }
        while let Some(next) = self.ahead.remove(&self.folded) {
            if let Some((case, played)) = next {
                self.learn(&case, played);
            }
            self.folded += 1;
            if self.folded.is_multiple_of(BATCH) {
                self.marks.push(self.corpus.len());
            }
        }
    }

    pub(super) fn learn(&mut self, case: &Case, played: Played) {
        let is_new = self.classes.insert(played.class);
        if is_new && self.corpus.len() < CORPUS && is_small(case.plan()) {
            self.corpus.push(case.plan().clone());
        }
    }
}

/// Whether a pause of a plan is so long that thousands of others are played meanwhile.
pub(super) fn sleeps(plan: &Plan) -> bool {
    plan.moves.iter().any(|one| matches!(one.act, Act::Pause(length) if length > SLEEP))
}

/// What takes long is not varied: others are played in that time.
fn is_small(plan: &Plan) -> bool {
    let messages = plan.streams.iter().map(|stream| stream.messages.len());
    !plan.streams.is_empty() && messages.sum::<usize>() <= SMALL && plan.moves.len() <= SMALL
}
