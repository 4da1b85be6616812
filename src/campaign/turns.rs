//! Plays a case once, and again where a target that serves few has turned a connection away.

use super::Watcher;
use super::client::blame;
use super::outcome::Outcome;
use super::run::Field;
use crate::oracle::{Breach, Judgement, Verdict, has_turned_away, judge, judge_of_few};
use crate::profile::Profile;
use crate::scenario::Case;
use crate::session::{Script, Step, Trace};
use crate::transport::Transport;

/// A target that serves few and turns away the rest is given so many turns with each case.
const TURNS: usize = 4;

/// Why a case was left out.
const CROWDED: &str = "opens more connections, one after another, than the target serves at once; it turned some away";

impl<T: Transport, W: Watcher> Field<'_, T, W> {
    /// Plays one case once; again where a target that serves few has turned a connection away.
    pub(super) async fn play(&self, case: Case, script: Script) -> Outcome {
        let conns = self.calibration.profile.conns;
        let serves_few = !self.calibration.profile.serves(Profile::CONNS_TRIED);
        let judge = if serves_few { judge_of_few } else { judge };
        let opened = script.steps.iter().filter(|step| matches!(step, Step::Connect { .. })).count();
        let mut turns = 1;
        loop {
            let trace = self.transport.run(script.clone()).await;
            let judgement = judge(&script, &trace);
            let is_crowded = serves_few && judgement.rests_on_time() && has_turned_away(&trace);
            if is_crowded && turns == TURNS && opened > conns {
                return Outcome::without_run(case, Verdict::Skipped, CROWDED.into());
            }
            if !is_crowded || turns == TURNS || self.watcher.stopped() {
                return self.outcome(case, trace, judgement);
            }
            // It has to see first that the clients before this one have gone.
            self.pause(self.calibration.tempo.quiet / 4).await;
            turns += 1;
        }
    }

    fn outcome(&self, case: Case, trace: Trace, judgement: Judgement) -> Outcome {
        let verdict = match () {
            () if judgement.is_pass() => Verdict::Pass,
            () if judgement.breaches.is_empty() => Verdict::Inconclusive,
            () => Verdict::Fail,
        };
        let reason = judgement.inconclusive.clone().filter(|_| verdict == Verdict::Inconclusive);
        let took = trace.duration();
        let case = with_wrong_bytes(case, &judgement);
        let mut outcome = Outcome { case, verdict, reason, judgement, trace: Some(trace), shown: None, took };
        if let Some(client) = &self.calibration.profile.client {
            blame(&mut outcome, client);
        }
        outcome
    }
}

/// A case that is about something else, and brought wrong bytes, fails what they fail, too.
fn with_wrong_bytes(mut case: Case, judgement: &Judgement) -> Case {
    let failed = case.wrong_bytes.clone().filter(|id| !case.requirements.contains(id));
    case.requirements.extend(failed.filter(|_| judgement.breaches.iter().any(Breach::is_of_wrong_bytes)));
    case
}
