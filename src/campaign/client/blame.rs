//! What a failed case of a client is blamed on. What every session shows is told once, and what becomes of the reply is told by
//! what is about the reply.

use super::is_about_message;
use crate::campaign::outcome::Outcome;
use crate::oracle::{Breach, Level, Verdict};
use crate::profile::ClientProfile;
use crate::session::Exit;

/// How a session ends. Where it always ends so, that says nothing of what came before.
pub(super) const ABOUT_END: &[&str] = &["not-closed", "reset", "still-running"];
/// What a case sees of a client that keeps the connection for longer than it is waited for.
pub(super) const LATE: &[&str] = &["not-closed", "still-running"];
/// What is wrong with the end of every session, where it is.
pub(super) const HABITS: &[&str] = &["client-crashed", "false-failure", "not-closed", "reset", "still-running"];

const AGAIN: &str = "another-connection";

/// What CLI-01 is about: all else that its cases show is told by others.
const ABOUT_CONNECTIONS: &[&str] = &[AGAIN, "not-connected", "no-handshake"];

/// What is about the message, and the wait for its reply.
const BEFORE_REPLY: &[&str] = &["CLI-03", "CLI-04", "CLI-05", "CLI-17", "CLI-18"];

/// What is about the message itself, and what a wrong one shows.
const OF_MESSAGE: &[&str] = &["CLI-03", "CLI-04", "CLI-17"];
const WRONG_MESSAGE: &[&str] =
    &["altered-reply", "closed-early", "flood", "malformed-reply", "no-reply", "unended-message", "unfinished-reply"];

/// What needs its message to have come rightly before it can show anything.
const BEHIND_MESSAGE: &[&str] = &[
    "CLI-05", "CLI-06", "CLI-07", "CLI-08", "CLI-09", "CLI-10", "CLI-11", "CLI-12", "CLI-13", "CLI-15", "CLI-16",
    "CLI-22",
];

/// What a client that leaves inside the reply shows besides.
const OF_LEAVING: &[&str] = &["early-close", "not-reading", "reset"];

/// Takes away what another requirement is about.
pub(in crate::campaign) fn blame(outcome: &mut Outcome, client: &ClientProfile) {
    if outcome.verdict != Verdict::Fail {
        return;
    }
    if client.closes_after.is_some() {
        // It was seen to take so long each time, on purpose: that is no matter of luck.
        let late = outcome.judgement.breaches.iter_mut().filter(|breach| LATE.contains(&breach.rule.as_str()));
        late.for_each(|breach| breach.timing = false);
    }
    only_connections(outcome);
    without_second_connection(outcome);
    without_habits(outcome, client);
}

fn is_about(outcome: &Outcome, requirement: &str) -> bool {
    outcome.case.requirements.iter().any(|id| id == requirement)
}

/// How a session ends that its server has ended, and what its client says of it, is told by what is about that.
fn only_connections(outcome: &mut Outcome) {
    if !is_about(outcome, "CLI-01") {
        return;
    }
    outcome.judgement.breaches.retain(|breach| ABOUT_CONNECTIONS.contains(&breach.rule.as_str()));
    if outcome.judgement.breaches.is_empty() {
        outcome.verdict = if outcome.judgement.inconclusive.is_none() { Verdict::Pass } else { Verdict::Inconclusive };
    }
}

/// That a session is one connection is told by CLI-01, which is about it.
fn without_second_connection(outcome: &mut Outcome) {
    let breaches = &outcome.judgement.breaches;
    if is_about(outcome, "CLI-01") || !breaches.iter().any(|breach| breach.rule == AGAIN) {
        return;
    }
    outcome.judgement.breaches.retain(|breach| breach.rule != AGAIN);
    if outcome.judgement.breaches.is_empty() {
        let how = outcome.trace.as_ref().and_then(|trace| trace.departure()).map(|departure| departure.how);
        let is_seen = outcome.judgement.inconclusive.is_none() && how != Some(Exit::Ended);
        outcome.verdict = if is_seen { Verdict::Pass } else { Verdict::Inconclusive };
        outcome.reason = (!is_seen).then(|| "the client connected again (CLI-01)".into());
    }
}

/// Takes away what every session of the client shows: that is told once, by CLI-07, which is about it.
fn without_habits(outcome: &mut Outcome, client: &ClientProfile) {
    if is_about(outcome, "CLI-07") || outcome.verdict != Verdict::Fail {
        return;
    }
    let breaches = &mut outcome.judgement.breaches;
    let only_end = breaches.iter().all(|breach| ABOUT_END.contains(&breach.rule.as_str()));
    breaches.retain(|breach| !client.habitual.contains(&breach.rule));
    if breaches.is_empty() && only_end {
        outcome.verdict = Verdict::Pass;
    } else if breaches.is_empty() {
        outcome.verdict = Verdict::Inconclusive;
        outcome.reason = Some("what it shows, a plain session shows as well (CLI-07)".into());
    }
}

/// A case about the reply whose message came wrong says nothing of the reply: that is told by a case about the message, whatever
/// that asks for.
pub(super) fn leave_to_the_message(outcomes: &mut [Outcome]) {
    let ids = |outcome: &Outcome, of: &[&str]| {
        let ids = &outcome.case.requirements;
        !ids.is_empty() && ids.iter().all(|id| of.contains(&id.as_str()))
    };
    let shows = |breach: &Breach| WRONG_MESSAGE.contains(&breach.rule.as_str());
    let is_wrong = |outcome: &Outcome| outcome.verdict == Verdict::Fail && outcome.judgement.breaches.iter().any(shows);
    let told = outcomes.iter().find(|outcome| is_wrong(outcome) && ids(outcome, OF_MESSAGE));
    let told = told.and_then(|outcome| outcome.case.requirements.first()).cloned();
    let told = told.or_else(|| {
        // One of those in which it shows stands for it, where the run is about that, too.
        let is_asked = outcomes.iter().any(|outcome| is_about(outcome, "CLI-03"));
        let first =
            outcomes.iter_mut().find(|outcome| is_asked && is_wrong(outcome) && ids(outcome, BEHIND_MESSAGE))?;
        first.case.requirements = vec!["CLI-03".into()];
        Some("CLI-03".to_owned())
    });
    for outcome in outcomes.iter_mut().filter(|outcome| is_wrong(outcome) && ids(outcome, BEHIND_MESSAGE)) {
        let Some(told) = &told else { return };
        outcome.verdict = Verdict::Inconclusive;
        outcome.reason = Some(format!("its message came wrong, which is told by {told}"));
    }
}

/// A case about the message whose message came right says nothing more where the same goes wrong with the reply in a case that is
/// about the reply.
pub(super) fn leave_to_the_reply(outcomes: &mut [Outcome]) {
    let before = |outcome: &Outcome| outcome.case.requirements.iter().all(|id| BEFORE_REPLY.contains(&id.as_str()));
    let proves = |outcome: &&Outcome| outcome.verdict == Verdict::Fail && outcome.level() == Some(Level::Must);
    let told: Vec<(String, String)> = outcomes
        .iter()
        .filter(proves)
        .filter(|outcome| !before(outcome))
        .flat_map(|outcome| {
            let rules = outcome.judgement.breaches.iter().map(|breach| breach.rule.clone());
            rules.filter_map(|rule| Some((rule, outcome.case.requirements.first()?.clone())))
        })
        .collect();
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.verdict == Verdict::Fail && before(outcome)) {
        let judgement = &outcome.judgement;
        let leaves = |rule: &str| OF_LEAVING.contains(&rule);
        let is_same = |rule: &str, other: &str| rule == other || leaves(rule) && leaves(other);
        let elsewhere = |breach: &Breach| told.iter().find(|(rule, _)| is_same(rule, &breach.rule));
        let Some((_, requirement)) = judgement.breaches.iter().find_map(elsewhere) else { continue };
        let follows = |breach: &Breach| leaves(&breach.rule) || elsewhere(breach).is_some();
        if judgement.answered && !is_about_message(judgement) && judgement.breaches.iter().all(follows) {
            outcome.reason =
                Some(format!("its message came right; what becomes of the reply is told by {requirement}"));
            outcome.verdict = Verdict::Inconclusive;
        }
    }
}
