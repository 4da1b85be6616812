//! The target `session`: a right server fails nothing, whatever the stream, the segments and the delays.

use std::sync::LazyLock;

use super::account::Trust;
use super::cursor::{Code, Cursor};
use super::plan::Plan;
use super::staging::script;
use crate::framing::{After, Behaviour, Framing, Strategy};
use crate::oracle::{Judgement, judge};
use crate::peer::{Fault, Settings, fault};
use crate::profile::Tempo;
use crate::session::{Script, Trace};
use crate::transport::Simulator;

/// Traces of more bytes than these are not written out: writing takes longer than playing.
const WRITTEN: usize = 2048;

/// The environment variable that switches a fault on: then the reference server has it, and the law must find it.
const FAULT: &str = "ECHOSPEC_FAULT";

/// The law of the target `session`: the reference server, on a simulated link in virtual time, breaks no rule, and what
/// is said of a trace is said again of what was written of it. Where the input says so, a server with a fault plays the
/// same session, too: whatever that does, the session ends, and is judged the same twice.
///
/// With a fault switched on, in `ECHOSPEC_FAULT`, only the server with that one plays, and is held to what a right one does.
pub fn session(data: &[u8]) {
    static SWITCHED_ON: LazyLock<Option<&Fault>> = LazyLock::new(|| {
        let name = std::env::var(FAULT).ok()?;
        Some(fault::find(&name).unwrap_or_else(|| panic!("{FAULT}: no fault has the name {name}")))
    });
    let mut cursor = Cursor(data);
    let mut plan = Plan::read(&mut cursor);
    // The model knows no time: whoever closes when a time is up is judged by scenarios (CLO-11, RES-08).
    let behaviour = Behaviour { idle: None, deadline: None, ..plan.framing.behaviour().clone() };
    plan.framing = plan.framing.with_behaviour(behaviour);
    if contradicts_itself(&plan.framing) {
        return;
    }
    if let Some(fault) = *SWITCHED_ON {
        if let Some(complaint) = betrayed(&plan, fault) {
            panic!("{complaint}");
        }
        return;
    }
    let settings = Settings::new(plan.framing.clone());
    let script = script(&plan, &settings, Trust::Reference, Tempo::PATIENT);
    let (trace, judgement) = played(settings.clone(), &script);
    let breaches = &judgement.breaches;
    assert!(breaches.is_empty(), "{}: {breaches:#?}\n{script:#?}\n{trace}", plan.framing);
    if let Some(fault) = planted(&mut cursor, &plan.framing) {
        played(settings.with_fault(fault), &script);
    }
}

/// What a server with this fault does wrong in a session, as the law of the target `session` says it.
pub fn betrayed(plan: &Plan, fault: &'static Fault) -> Option<String> {
    if !(fault.applies)(&plan.framing) || contradicts_itself(&plan.framing) {
        return None;
    }
    let settings = Settings::new(plan.framing.clone());
    let script = script(plan, &settings, Trust::Reference, Tempo::PATIENT);
    let (trace, judgement) = played(settings.with_fault(fault), &script);
    let breach = judgement.breaches.first()?;
    Some(format!("{} in {}: {breach:#?}\n{trace}", fault.name, plan.framing))
}

/// The fault that stands behind the moves, in two bytes: nothing, or a number modulo how many there are and one more.
fn planted(cursor: &mut Cursor<'_>, framing: &Framing) -> Option<&'static Fault> {
    let count = fault::all().count();
    let number = (usize::from(cursor.word()) % (count + 1)).checked_sub(1)?;
    let (_, fault) = fault::all().nth(number)?;
    (fault.applies)(framing).then_some(fault)
}

/// Plays a script, and judges it twice where that does not take longer than playing.
fn played(settings: Settings, script: &Script) -> (Trace, Judgement) {
    let trace = Simulator::new(settings).play(script.clone());
    let judgement = judge(script, &trace);
    if script.weight() <= WRITTEN {
        let text = trace.to_string();
        let again: Trace = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(again.to_string(), text);
        assert_eq!(judge(script, &again), judgement, "judged again:\n{text}");
    }
    (trace, judgement)
}

/// Replies that end with the connection, on a connection that goes on.
pub(super) fn contradicts_itself(framing: &Framing) -> bool {
    let reply = framing.reply();
    let ends = matches!(reply.strategy(), Strategy::Raw | Strategy::Close);
    ends && framing.strategy() != reply.strategy() && framing.behaviour().after != Some(After::Close)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::peer::fault::Kind;

    /// The plans of the committed corpus.
    fn corpus() -> Vec<Plan> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/session");
        let files = std::fs::read_dir(folder).expect("the corpus").map(|entry| entry.expect("an entry").path());
        files.map(|file| Plan::decode(&std::fs::read(file).expect("an input"))).collect()
    }

    #[test]
    fn the_corpus_alone_finds_faults_of_decoders_when_they_are_switched_on() {
        let corpus = corpus();
        let decoders = fault::all().filter(|(kind, _)| *kind == Kind::Decoder).map(|(_, fault)| fault);
        let found: Vec<_> =
            decoders.filter(|fault| corpus.iter().any(|plan| betrayed(plan, fault).is_some())).collect();
        assert!(found.len() >= 20, "{} are found: {found:?}", found.len());
    }

    #[test]
    fn whatever_a_fault_does_the_session_ends_and_is_judged_the_same() {
        for (plan, number) in corpus().iter().take(60).zip(1_u16..) {
            let mut data = plan.encode();
            for fault in (number..).step_by(60).take_while(|number| usize::from(*number) <= fault::all().count()) {
                data.truncate(plan.encode().len());
                data.extend(fault.to_be_bytes());
                session(&data);
            }
        }
    }

    proptest! {
        #[test]
        fn the_law_holds(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            session(&data);
        }

        #[test]
        fn what_is_read_is_written_and_read_again(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            let plan = Plan::decode(&data);
            prop_assert_eq!(Plan::decode(&plan.encode()), plan);
        }
    }
}
