//! Connections for which the target, or its queue, had no room.
//!
//! While the queue of a listener is full, the kernel drops handshakes. The client repeats its own after a second, and where
//! that is taken, but still nobody accepts, the first bytes may be answered with RST: the server has never seen them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::judge::{Judgement, judge_but_for};
use crate::session::{Conn, Event, Script, Trace};

/// A handshake that takes longer has been repeated (RFC 6298 2.1: after a second). When it began is not recorded: a pause
/// before it looks the same, and then a failure is tried again for nothing.
const REPEATED: Duration = Duration::from_millis(900);

/// The connections that came late and got nothing but an end.
pub(super) fn crowded_out(trace: &Trace) -> BTreeSet<Conn> {
    let mut crowded = BTreeSet::new();
    let mut last = Duration::ZERO;
    for record in &trace.records {
        match record.event {
            Event::Connected if record.at.saturating_sub(last) >= REPEATED => _ = crowded.insert(record.conn),
            Event::Received(_) => _ = crowded.remove(&record.conn),
            _ => {}
        }
        last = record.at;
    }
    crowded
}

/// Judges what happened, where the target is known to serve few connections at once: that it turns one away may be because
/// it has not yet seen that another has gone.
pub fn judge_of_few(script: &Script, trace: &Trace) -> Judgement {
    judge_but_for(&(&crowded_out(trace) | &turned_away(trace)), script, trace)
}

/// Whether a connection was turned away, or may have been.
pub fn has_turned_away(trace: &Trace) -> bool {
    !turned_away(trace).is_empty()
}

/// The connections that got nothing but an end before they were left. That they had said that nothing more would come is no
/// difference: with close framing a message ends so.
fn turned_away(trace: &Trace) -> BTreeSet<Conn> {
    let (mut away, mut settled) = (BTreeSet::new(), BTreeSet::new());
    for record in &trace.records {
        match record.event {
            Event::Received(_) | Event::SentReset | Event::Closed => _ = settled.insert(record.conn),
            Event::Fin | Event::Reset if !settled.contains(&record.conn) => _ = away.insert(record.conn),
            _ => {}
        }
    }
    away
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::oracle::judge;
    use crate::session::{Duty, Outcome, Promise, Record, Replies, Step, Until};

    fn rests_on_time(connected: u64, reply: Option<&'static [u8]>) -> bool {
        judged_by(judge, connected, reply)
    }

    /// What becomes of a message whose connection stands after so long, and is then reset.
    fn judged_by(judge: fn(&Script, &Trace) -> Judgement, connected: u64, reply: Option<&'static [u8]>) -> bool {
        let within = Duration::from_secs(1);
        let steps = vec![Step::Await { conns: vec![Conn(0)], any: vec![Until::Echo], within }];
        let script = Script { steps, replies: Replies::Stream, bound: within, errand: None };
        let promise = Promise { payload: Bytes::from_static(b"hello"), duty: Duty::Echo, copies: 1 };
        let events = [Event::Connected, Event::Promised(promise), Event::Sent(Bytes::from_static(b"hello"))];
        let reply = reply.map(|bytes| Event::Received(Bytes::from_static(bytes)));
        let mut trace = Trace::default();
        for event in
            events.into_iter().chain(reply).chain([Event::Reset, Event::Step { step: 0, outcome: Outcome::Hopeless }])
        {
            trace.push(Record { at: Duration::from_millis(connected), conn: Conn(0), event });
        }
        let judgement = judge(&script, &trace);
        assert!(!judgement.breaches.is_empty());
        judgement.rests_on_time()
    }

    #[test]
    fn a_connection_that_was_not_let_in_at_first_and_then_reset_is_tried_again() {
        assert!(rests_on_time(1014, None));
    }

    #[test]
    fn one_that_was_let_in_at_once_or_served_was_reset_by_the_server() {
        assert!(!rests_on_time(0, None));
        assert!(!rests_on_time(1014, Some(b"hel")));
    }

    #[test]
    fn one_that_is_turned_away_proves_nothing_where_few_are_served() {
        assert!(judged_by(judge_of_few, 0, None));
        assert!(!judged_by(judge_of_few, 0, Some(b"hel")));
    }
}
