//! A failure counts when it comes again, alone; then it is made smaller, and told.

use std::time::Duration;

use super::Watcher;
use super::case::{Case, Played};
use super::errand;
use super::evidence::Evidence;
use super::finding::{Finding, Key, shorter};
use super::naming::{Failure, named};
use super::run::{Fuzzer, Suspect};
use super::segmentation::{self, Way};
use super::shape::{requirement, shape};
use crate::campaign::{Process, answers_within, is_alive};
use crate::fuzzing::{Plan, Shrinking, candidates, scenario_of};
use crate::oracle::{Breach, judge, target_ended};
use crate::scenario::plain;
use crate::session::{Replies, Script, Step, Until};
use crate::transport::Transport;

/// What rests on time alone must come again so often, with so much more time; all else once.
pub(super) const TIMES: usize = 3;
const MORE_TIME: f64 = 4.0;

/// While it is shrunk, nothing is waited for as long as usual; what is left is confirmed again. Nor is it where a target is known
/// to fail by time: there every other case might wait.
pub(super) const HASTE: f64 = 0.4;

/// A case is shrunk in so many sessions, then its script in so many; and in so much time, at a time scale of 1.
const PLANS: usize = 600;
const SCRIPTS: usize = 200;
const PATIENCE: Duration = Duration::from_secs(30);

/// By these rules a target that dies is seen first; so often is looked whether it has ended, so long apart.
const LOST: &[&str] = &["closed-early", "early-close", "not-connected", "reset", "unfinished-reply"];
const LOOKS: usize = 3;
const BETWEEN: Duration = Duration::from_millis(20);

/// A confirmed failure, and what shows it.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) finding: Finding,
    pub(super) case: Case,
    /// Nothing where the case itself is what is told.
    pub(super) script: Option<Script>,
}

/// A failure on its way to become smaller.
#[derive(Debug)]
struct Shrunk<T> {
    smallest: T,
    /// What it did when it was last played, if it was made smaller at all.
    played: Option<Played>,
    breach: Breach,
    sessions: usize,
}

impl<T: Transport, W: Watcher> Fuzzer<'_, T, W> {
    /// What a suspect turns out to be: `None` if it does not fail again.
    pub(super) async fn confirm(&self, suspect: &Suspect) -> Option<Finding> {
        let shown = self.confirmed(suspect).await?;
        Some(self.without_history(suspect, shown).await)
    }

    pub(super) async fn confirmed(&self, suspect: &Suspect) -> Option<Shown> {
        let Suspect { number, case, breach } = suspect;
        let mut again = self.repeated(case, breach).await?;
        let died = |played: &Played| breaks(played, DIED);
        if died(&again) && breach.rule != DIED {
            // Its end may have been another case's doing, and only have taken a moment.
            again = Some(self.replay(case, 1.0, DIED).await).filter(died)?;
        }
        let breach = again.breach()?.clone();
        self.watcher.found(&breach.rule);
        let small = self.shrink(case, &breach).await;
        let sessions = small.sessions;
        let (case, again, breach) = match self.repeated(&small.smallest, &small.breach).await {
            Some(again) => (small.smallest, again, small.breach),
            // Nobody has the time to see it once more.
            None if self.watcher.stopped() && small.played.is_some() => {
                (small.smallest, small.played.unwrap_or(again), small.breach)
            }
            None => (case.clone(), again, breach),
        };
        if let Case::Reply(_) = case {
            let finding = self.finding(*number, &case, None, (breach, again.details), sessions + 2);
            return Some(Shown { finding, case, script: None });
        }
        let script = self.script(&case).await?;
        let Shrunk { smallest: short, sessions: shortened, .. } = self.shorten(&case, script.clone(), &breach).await;
        let mut shown = None;
        for script in [short, script] {
            let fails = self.fails_patiently(&case, &script, &breach).await;
            shown = Some((script, fails));
            if fails {
                break;
            }
        }
        let (script, confirmed) = shown?;
        let breach = again.breaches.iter().find(|one| one.rule == breach.rule).unwrap_or(&breach).clone();
        let finding = self.finding(*number, &case, Some(&script), (breach, again.details), sessions + shortened + 2);
        // Whoever has no time left has seen the case fail again, but not what is told of it.
        let confirmed = confirmed || self.watcher.stopped();
        Some(Shown { finding: Finding { confirmed, ..finding }, case, script: Some(script) })
    }

    pub(super) fn finding(
        &self,
        number: u64,
        case: &Case,
        script: Option<&Script>,
        (breach, details): (Breach, Vec<String>),
        sessions: usize,
    ) -> Finding {
        let told = match (script, self.known.client()) {
            (Some(script), _) => scenario_of(script, &self.known.framing, ""),
            (None, Some(client)) => errand::scenario(case.plan(), client),
            (None, None) => plain(""),
        };
        let stated = self.known.stated(&told);
        let explained = stated.is_some();
        let framing = stated.unwrap_or_else(|| self.known.framing.clone());
        let measured = framing != self.known.framing;
        let requirement = match script.filter(|_| self.known.client().is_none()) {
            Some(script) => named(&Evidence::of(script, self.known, measured), &breach),
            None => requirement(case, &breach, self.known),
        };
        Finding {
            key: Key { requirement, rule: breach.rule.clone(), shape: shape(case, self.known) },
            breach,
            details,
            measured,
            framing,
            explained,
            case: number,
            sessions,
            shrunk: Some(case.clone()),
            told,
            confirmed: true,
            cost: None,
        }
    }

    /// Plays it alone, as often as what it breaks demands. What the last time brought, if it failed each time.
    async fn repeated(&self, case: &Case, breach: &Breach) -> Option<Played> {
        let (times, scale) = if breach.timing { (self.times, MORE_TIME) } else { (1, 1.0) };
        let mut last = None;
        for _ in 0..times {
            let played = self.replay(case, scale, &breach.rule).await;
            let fails = played.breaches.iter().any(|one| breach.timing || !one.timing);
            last = Some(played).filter(|_| fails);
            last.as_ref()?;
        }
        last
    }

    /// Plays a case alone. Where the target is ours, its end is what comes of it, and it is started again.
    pub(super) async fn replay(&self, case: &Case, scale: f64, rule: &str) -> Played {
        self.renew().await;
        let played = case.play(self.transport, self.known, scale).await;
        self.looked_after(played, rule, scale < 1.0).await
    }

    /// `in_haste`: what is silent for a while is taken for dead; it is looked at again in the end.
    async fn looked_after(&self, mut played: Played, rule: &str, in_haste: bool) -> Played {
        let Some(process) = self.process.filter(|_| !self.watcher.stopped()) else { return played };
        if rule == DIED || played.breaches.iter().any(|breach| LOST.contains(&breach.rule.as_str())) {
            self.let_it_end().await;
        }
        // That it is silent for good shows only if it is asked, which is needless where something else is looked for.
        let mute = rule == DIED && !process.ended() && !self.answers_in(in_haste).await;
        if mute || process.ended() {
            let restarted = process.restart().await;
            played.details.extend(restarted.last_words.iter().map(|line| format!("its standard error: {line}")));
            played.breaches.insert(0, target_ended(&restarted.how));
        }
        played
    }

    /// A process that dies closes its connections a moment before it has ended.
    pub(super) async fn let_it_end(&self) {
        for _ in 0..LOOKS {
            if self.process.is_none_or(Process::ended) {
                return;
            }
            self.pause(BETWEEN).await;
        }
    }

    async fn answers_in(&self, haste: bool) -> bool {
        let (framing, tempo) = (&self.known.framing, self.known.tempo);
        if haste { answers_within(self.transport, framing, tempo, &[1.0, 2.0]).await } else { self.answers().await }
    }

    pub(super) async fn answers(&self) -> bool {
        // A client is another process each time.
        self.known.client.is_some() || is_alive(self.transport, &self.known.framing, self.known.tempo).await
    }

    /// A smaller case that breaks the same rule.
    async fn shrink(&self, case: &Case, breach: &Breach) -> Shrunk<Case> {
        let mut shrinking = Shrinking::new(case.plan().clone(), PLANS, candidates as fn(&Plan) -> Vec<Plan>);
        let (began, mut breach) = (self.watcher.elapsed(), breach.clone());
        let (mut sessions, mut took, mut most) = (0, Duration::ZERO, self.case_burden(case).await);
        let mut last = None;
        while let Some(candidate) = shrinking.next() {
            let candidate = case.with(candidate.clone());
            let played = self.replay(&candidate, HASTE, &breach.rule).await;
            (sessions, took) = (sessions + 1, took + played.took);
            // A client that breaks another requirement, too, has another failure.
            let other = |case: &Case| requirement(case, &breach, self.known);
            let is_other = self.known.client.is_some() && other(&candidate) != other(case);
            let mut alike = self.alike(&played, &breach).filter(|_| !is_other).cloned();
            if let Some(new) = alike.take_if(|new| new.rule != breach.rule) {
                sessions += self.times;
                alike = self.repeated(&candidate, &new).await.map(|_| new);
            }
            let mut fails = alike.is_some();
            if fails {
                let burden = self.case_burden(&candidate).await;
                (fails, most) = (burden <= most, burden.min(most));
            }
            shrinking.judge(fails);
            breach = alike.filter(|_| fails).unwrap_or(breach);
            last = Some(played).filter(|_| fails).or(last);
            if self.is_enough(took, began) {
                break;
            }
        }
        Shrunk { smallest: case.with(shrinking.into_smallest()), played: last, breach, sessions }
    }

    /// What breaks the same rule; otherwise what fails in the same way at another moment: a reply that does not come is missed
    /// when it is late, or at the end of the connection, whichever is first.
    fn alike<'a>(&self, played: &'a Played, breach: &Breach) -> Option<&'a Breach> {
        let is_missing = |breach: &Breach| Failure::of(&breach.rule) == Failure::Missing;
        let same = played.breaches.iter().find(|one| one.rule == breach.rule);
        let may_differ = self.known.client.is_none() && is_missing(breach);
        same.or_else(|| played.breaches.iter().find(|one| may_differ && is_missing(one)))
    }

    /// The same with fewer steps.
    async fn shorten(&self, case: &Case, script: Script, breach: &Breach) -> Shrunk<Script> {
        let began = self.watcher.elapsed();
        let (mut sessions, mut took, most) = (0, Duration::ZERO, self.burden(&script));
        let mut shrinking = Shrinking::new(script, SCRIPTS, shorter as fn(&Script) -> Vec<Script>);
        while let Some(candidate) = shrinking.next() {
            let candidate = candidate.clone();
            if !waits_for(&candidate, &breach.rule) {
                shrinking.judge(false);
                continue;
            }
            let (fails, lasted) = self.script_fails(case, &candidate, breach).await;
            shrinking.judge(fails && self.burden(&candidate) <= most);
            (sessions, took) = (sessions + 1, took + lasted);
            if self.is_enough(took, began) {
                break;
            }
        }
        Shrunk { smallest: shrinking.into_smallest(), played: None, breach: breach.clone(), sessions }
    }

    /// Whether a script fails as its case does, and how long that took.
    async fn script_fails(&self, case: &Case, script: &Script, breach: &Breach) -> (bool, Duration) {
        self.renew().await;
        let trace = self.transport.run(script.clone()).await;
        let played = Played::new(judge(script, &trace), &[trace]);
        let played = self.looked_after(played, &breach.rule, true).await;
        let fails = match case {
            Case::Session(_) | Case::Reply(_) => breaks(&played, &breach.rule),
            Case::Segmentations(_) => !played.breaches.is_empty(),
        };
        (fails, played.took)
    }

    /// The same, given all the time that it needs.
    pub(super) async fn fails_patiently(&self, case: &Case, script: &Script, breach: &Breach) -> bool {
        self.script_fails(case, &waiting(script, MORE_TIME / HASTE), breach).await.0
    }

    /// A fresh process each time takes longer than what is played with it.
    fn is_enough(&self, took: Duration, began: Duration) -> bool {
        took.max(self.watcher.elapsed().saturating_sub(began)) > PATIENCE.mul_f64(self.options.time_scale)
            || self.watcher.stopped()
    }

    /// The script of a case by which people see what fails.
    pub(super) async fn script(&self, case: &Case) -> Option<Script> {
        let scripts = case.scripts(self.known, self.known.tempo.scaled(HASTE));
        match case {
            Case::Session(_) | Case::Reply(_) => scripts.into_iter().next(),
            Case::Segmentations(plan) => self.told(plan, scripts).await,
        }
    }

    /// Where the same bytes bring two different answers, one of them is the right one, and owed for the others: which of
    /// them, a right server says.
    async fn told(&self, plan: &Plan, scripts: Vec<Script>) -> Option<Script> {
        let mut told = Vec::new();
        for (script, other) in scripts.into_iter().zip([Way::Cut, Way::Whole]) {
            let brought = self.transport.run(script).await;
            let owed = segmentation::told(plan, other, self.known, self.known.tempo, &brought);
            told.push(Script { replies: Replies::framed(&self.known.framing, &owed.steps), ..owed });
        }
        told.into_iter().min_by_key(|script| self.burden(script))
    }

    /// How much of what was measured has to be stated with a case.
    async fn case_burden(&self, case: &Case) -> usize {
        match self.script(case).await {
            Some(script) => self.burden(&script),
            None => usize::MAX,
        }
    }
}

/// Whether a script ends by waiting for what shows that the rule is broken: whoever leaves before may see it or not.
fn waits_for(script: &Script, rule: &str) -> bool {
    let Some(Step::Await { any, .. }) = script.steps.last() else { return false };
    // What nothing asked for nothing waits for, but the end.
    !["unasked-reply", "forbidden-reply"].contains(&rule) || !any.contains(&Until::Echo)
}

/// The same with more or less time to wait for what is due.
fn waiting(script: &Script, scale: f64) -> Script {
    let mut script = script.clone();
    for step in &mut script.steps {
        match step {
            Step::Await { within, any, .. } if !any.contains(&Until::Silence) => *within = within.mul_f64(scale),
            Step::Send { within: Some(within), .. } => *within = within.mul_f64(scale),
            _ => {}
        }
    }
    script
}

/// The rule of the oracle for a target that has died.
pub(super) const DIED: &str = "target-died";

fn breaks(played: &Played, rule: &str) -> bool {
    played.breaches.iter().any(|breach| breach.rule == rule)
}
