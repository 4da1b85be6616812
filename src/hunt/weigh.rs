//! What sessions cost the target's process, where it is ours: what it does not give back, and whether it is busy while
//! nothing is asked of it.

use std::time::Duration;

use super::Watcher;
use super::case::Case;
use super::finding::{Cost, Finding};
use super::run::Fuzzer;
use crate::campaign::Process;
use crate::fuzzing::{Plan, Shrinking, candidates};
use crate::oracle::{Breach, judge_usage, usage_details};
use crate::session::{Limits, Replies, Script, Step, Usage};
use crate::transport::Transport;

/// After the run a target may have so many descriptors more, and twice its memory and so many bytes.
const DESCRIPTORS: u64 = 16;
const MEMORY: u64 = 64 << 20;

/// The share of a processor, in percent, that is too much where nothing is to be done.
const IDLE: Limits = Limits { descriptors: None, memory: None, kept: None, grown: None, cpu: Some(50), disturb: None };

/// A case that is suspected to leak is played so often; a descriptor each time, but for some.
const TIMES: u32 = 32;
const SOME: u64 = 8;
/// And so many bytes more than twice the memory.
const A_LOT: u64 = 4 << 20;

/// The rule that memory is given back.
const MEMORY_KEPT: &str = "memory-kept";

/// So often is looked, so long apart, whether the target has given back what it took.
const LOOKS: usize = 20;
const BETWEEN: Duration = Duration::from_millis(100);

/// For so long it is looked for which of them it was.
const LONGEST: Duration = Duration::from_secs(60);

/// So many cases are suspected, and a culprit is shrunk in so many tries.
const SUSPECTS: usize = 64;
const TRIES: usize = 60;

impl<T: Transport, W: Watcher> Fuzzer<'_, T, W> {
    /// What the target's process takes from now on.
    pub(super) fn watch(&self) -> Option<Usage> {
        self.process.and_then(Process::watch)
    }

    /// What the whole run has cost, and which of these cases alone costs that, too.
    pub(super) async fn weigh(&self, before: Option<Usage>, cases: &[(u64, Case)]) -> Option<Finding> {
        let before = before.filter(|_| !self.watcher.stopped())?;
        let limits = Limits { descriptors: Some(DESCRIPTORS), kept: Some(MEMORY), ..Limits::default() };
        let (breach, details, cost) = if let Some((breach, details)) = self.kept(&limits, &before).await {
            (breach, details, Cost::Kept)
        } else {
            let (breach, details) = self.spins().await?;
            (breach, details, Cost::Spins)
        };
        self.watcher.found(&breach.rule);
        let began = self.watcher.elapsed();
        for (number, case) in cases.iter().rev().take(SUSPECTS) {
            let took = self.watcher.elapsed().saturating_sub(began);
            if self.watcher.stopped() || took > LONGEST.mul_f64(self.options.time_scale) {
                break; // what was found before must not be lost over it
            }
            self.process?.restart().await.again.ok()?;
            if let Some((breach, details)) = self.costs(case, cost).await {
                let (case, sessions) = self.cheapest(case, cost).await;
                let script = self.script(&case).await?;
                let finding = self.finding(*number, &case, Some(&script), (breach, details), sessions);
                return Some(Finding { cost: Some((cost, TIMES)), ..finding });
            }
        }
        if cost == Cost::Kept && breach.rule == MEMORY_KEPT {
            return None; // whatever no case makes grow by itself has found its size: a heap that is not swept soon
        }
        let (number, case) = cases.last()?;
        let script = self.script(case).await?;
        let finding = self.finding(*number, case, Some(&script), (breach, details), 0);
        Some(Finding { confirmed: false, ..finding })
    }

    /// What is too much of what the target has not given back.
    async fn kept(&self, limits: &Limits, before: &Usage) -> Option<(Breach, Vec<String>)> {
        let mut last = None;
        for _ in 0..LOOKS {
            self.pause(BETWEEN).await;
            let usage = self.process.and_then(Process::usage)?;
            let breach = judge_usage(limits, before, &usage, &usage).into_iter().next()?;
            last = Some((breach, usage_details(before, &usage, &usage)));
        }
        last
    }

    /// Whether it is busy although nobody is there.
    async fn spins(&self) -> Option<(Breach, Vec<String>)> {
        let before = self.process.and_then(Process::usage)?;
        self.pause(BETWEEN * 4).await;
        let after = self.process.and_then(Process::usage)?;
        let breach = judge_usage(&IDLE, &before, &after, &after).into_iter().next()?;
        Some((breach, usage_details(&before, &after, &after)))
    }

    /// Whether a case by itself costs too much.
    async fn costs(&self, case: &Case, cost: Cost) -> Option<(Breach, Vec<String>)> {
        let before = self.watch()?;
        let times = if cost == Cost::Kept { TIMES } else { 1 };
        for _ in 0..times {
            case.play(self.transport, self.known, 1.0).await;
        }
        if cost == Cost::Spins {
            return self.spins().await;
        }
        let descriptors = Some(u64::from(TIMES) - SOME);
        self.kept(&Limits { descriptors, kept: Some(A_LOT), ..Limits::default() }, &before).await
    }

    async fn cheapest(&self, case: &Case, cost: Cost) -> (Case, usize) {
        let mut shrinking = Shrinking::new(case.plan().clone(), TRIES, candidates as fn(&Plan) -> Vec<Plan>);
        let mut sessions = 0;
        while let Some(candidate) = shrinking.next() {
            let candidate = case.with(candidate.clone());
            // One that spins spins on.
            let again = cost == Cost::Spins && !self.is_back().await;
            shrinking.judge(!again && self.costs(&candidate, cost).await.is_some());
            sessions += if cost == Cost::Kept { TIMES as usize } else { 1 };
            if self.watcher.stopped() {
                break;
            }
        }
        (case.with(shrinking.into_smallest()), sessions)
    }

    async fn is_back(&self) -> bool {
        match self.process {
            Some(process) => process.restart().await.again.is_ok(),
            None => false,
        }
    }

    pub(super) async fn pause(&self, length: Duration) {
        self.transport
            .run(Script { steps: vec![Step::Pause(length)], replies: Replies::Stream, bound: length * 2, errand: None })
            .await;
    }
}
