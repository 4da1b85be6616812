//! The target `trace`: the oracle on traces that no session would write.

use std::time::Duration;

use super::account::Trust;
use super::cursor::{Code, Cursor, write_list};
use super::plan::Plan;
use super::staging::script;
use crate::oracle::{RULES, judge, wire_log};
use crate::peer::Settings;
use crate::profile::Tempo;
use crate::session::{Conn, Duty, Event, Failure, Outcome, Promise, Proof, Record, Trace};

/// Most events of a trace.
const MOST_EVENTS: u8 = 60;

/// What a trace is judged by, and its events: a plan, and a list of events (at most 60).
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// Whose script it is judged by.
    pub plan: Plan,
    /// What is said to have happened.
    pub events: Vec<Happening>,
}

/// An event in four bytes and what follows: milliseconds since the one before; the connection, modulo 6; the kind,
/// modulo 15; how. Bytes are as many as `how` says, 0 to 63.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// Milliseconds since the one before.
    pub later: u8,
    /// Where.
    pub conn: u8,
    /// What.
    pub kind: u8,
    /// How: a row of a table, the number of a step.
    pub how: u8,
    /// The bytes, for kinds that have them.
    pub bytes: Vec<u8>,
}

/// Kinds that have bytes.
const PROMISED: u8 = 2;
const SENT: u8 = 3;
const RECEIVED: u8 = 4;
const KINDS: u8 = 15;

const FAILURES: [Failure; 6] =
    [Failure::Refused, Failure::Reset, Failure::Broken, Failure::Timeout, Failure::Unreachable, Failure::Ours];
const OUTCOMES: [Outcome; 4] = [Outcome::Met, Outcome::Overdue, Outcome::Hopeless, Outcome::Broken];
const PROOFS: [Proof; 3] = [Proof::Read, Proof::Acked, Proof::None];
const DUTIES: [Duty; 4] = [Duty::Echo, Duty::May, Duty::Never, Duty::Text];

impl Code for Happening {
    fn read(cursor: &mut Cursor<'_>) -> Self {
        let (later, conn) = (cursor.byte(), cursor.byte() % 6);
        let (kind, how) = (cursor.byte() % KINDS, cursor.byte());
        let len = if (PROMISED..=RECEIVED).contains(&kind) { how % 64 } else { 0 };
        Self { later, conn, kind, how, bytes: cursor.bytes(len.into()).to_vec() }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend([self.later, self.conn, self.kind, self.how]);
        out.extend(&self.bytes);
    }
}

impl Code for Story {
    fn read(cursor: &mut Cursor<'_>) -> Self {
        Self { plan: Plan::read(cursor), events: cursor.list(MOST_EVENTS) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.plan.write(out);
        write_list(&self.events, out);
    }
}

impl Happening {
    fn event(&self) -> Event {
        let bytes = || self.bytes.clone().into();
        let how = usize::from(self.how);
        let (failure, outcome) = (FAILURES[how % FAILURES.len()], OUTCOMES[how % OUTCOMES.len()]);
        match self.kind {
            0 => Event::Connected,
            1 => Event::ConnectFailed(failure),
            PROMISED => Event::Promised(Promise::once(bytes(), DUTIES[how / 64 % DUTIES.len()])),
            SENT => Event::Sent(bytes()),
            RECEIVED => Event::Received(bytes()),
            5 => Event::Apart(PROOFS[how % PROOFS.len()]),
            6 => Event::SentFin,
            7 => Event::SentReset,
            8 => Event::Closed,
            9 => Event::Fin,
            10 => Event::Reset,
            11 => Event::WriteFailed(failure),
            12 => Event::Flood,
            13 => Event::Step { step: how / OUTCOMES.len(), outcome },
            _ => Event::OutOfTime { step: how },
        }
    }
}

/// The law of the target `trace`: whatever is said to have happened, the oracle says something of it, the same each
/// time, by rules of its table, with evidence that stands in the trace.
pub fn trace(data: &[u8]) {
    let Story { plan, events } = Story::decode(data);
    let script = script(&plan, &Settings::new(plan.framing.clone()), Trust::Reference, Tempo::PATIENT);
    let mut at = Duration::ZERO;
    let records = events.iter().map(|happening| {
        at += Duration::from_millis(happening.later.into());
        Record { at, conn: Conn(happening.conn.into()), event: happening.event() }
    });
    let trace = Trace { records: records.collect() };
    let judgement = judge(&script, &trace);
    for breach in &judgement.breaches {
        assert!(RULES.iter().any(|rule| rule.name == breach.rule), "{breach:?}\n{trace}");
        assert!(!breach.evidence.is_empty(), "{breach:?}\n{trace}");
        assert!(breach.evidence.iter().all(|index| *index < trace.records.len()), "{breach:?}\n{trace}");
    }
    let again: Trace = trace.to_string().parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(judge(&script, &again), judgement, "{trace}");
    assert!(wire_log(&trace).len() <= trace.records.len());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn happenings() -> impl Strategy<Value = Vec<Happening>> {
        let bytes = proptest::collection::vec(any::<u8>(), 0..64);
        let one = (any::<u8>(), 0..6_u8, 0..KINDS, any::<u8>(), bytes).prop_map(|(later, conn, kind, how, bytes)| {
            let has_bytes = (PROMISED..=RECEIVED).contains(&kind);
            let (how, bytes) = if has_bytes { (how & 0xc0 | bytes.len() as u8, bytes) } else { (how, Vec::new()) };
            Happening { later, conn, kind, how, bytes }
        });
        proptest::collection::vec(one, 0..30)
    }

    proptest! {
        #[test]
        fn the_law_holds(plan in proptest::collection::vec(any::<u8>(), 0..60), events in happenings()) {
            trace(&Story { plan: Plan::decode(&plan), events }.encode());
        }

        #[test]
        fn what_is_read_is_written_and_read_again(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            let story = Story::decode(&data);
            prop_assert_eq!(Story::decode(&story.encode()), story);
        }
    }
}
