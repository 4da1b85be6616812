//! The target `session`: a right server fails nothing, whatever the stream, the segments and the delays.

use super::account::Trust;
use super::cursor::Code;
use super::plan::Plan;
use super::staging::script;
use crate::framing::{After, Framing, Strategy};
use crate::oracle::judge;
use crate::peer::Settings;
use crate::profile::Tempo;
use crate::session::Trace;
use crate::transport::Simulator;

/// Traces of more bytes than these are not written out: writing takes longer than playing.
const WRITTEN: usize = 2048;

/// The law of the target `session`: the reference server, on a simulated link in virtual time, breaks no rule, and what
/// is said of a trace is said again of what was written of it.
pub fn session(data: &[u8]) {
    let plan = Plan::decode(data);
    if contradicts_itself(&plan.framing) {
        return;
    }
    let settings = Settings::new(plan.framing.clone());
    let script = script(&plan, &settings, Trust::Reference, Tempo::PATIENT);
    let trace = Simulator::new(settings).play(script.clone());
    let judgement = judge(&script, &trace);
    let breaches = &judgement.breaches;
    assert!(breaches.is_empty(), "{}: {breaches:#?}\n{script:#?}\n{trace}", plan.framing);
    if script.weight() > WRITTEN {
        return;
    }
    let text = trace.to_string();
    let again: Trace = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again, trace);
    assert_eq!(judge(&script, &again), judgement, "judged again:\n{text}");
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
