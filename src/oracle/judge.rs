//! The judgement of one trace.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::excerpt::excerpt;
use super::rules::{self, Rule};
use super::verdict::Breach;
use crate::framing::{Compare, Deframer};
use crate::session::{Conn, Event, Failure, Ledger, Outcome, Proof, Replies, Script, Step, Trace, Until, Wrong};

/// Bytes of context shown before the first difference in a stream.
const CONTEXT: u64 = 16;

/// What is to be said of one trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// What was broken; empty: nothing was.
    pub breaches: Vec<Breach>,
    /// Why nothing can be concluded, if so. Breaches go first.
    pub inconclusive: Option<String>,
    /// Replies carried the right messages in another spelling (D8): worth knowing, no fault.
    pub respelled: bool,
    /// What varies from run to run: counts, times.
    pub details: Vec<String>,
}

impl Judgement {
    /// Nothing was broken and everything was seen.
    pub fn is_pass(&self) -> bool {
        self.breaches.is_empty() && self.inconclusive.is_none()
    }

    /// Everything that was broken could be explained by a slow machine.
    pub fn rests_on_time(&self) -> bool {
        !self.breaches.is_empty() && self.breaches.iter().all(|breach| breach.timing)
    }
}

/// Judges what happened when the script was played.
pub fn judge(script: &Script, trace: &Trace) -> Judgement {
    let mut bench = Bench { script, trace, accounts: BTreeMap::new(), judgement: Judgement::default() };
    for (index, record) in trace.records.iter().enumerate() {
        bench.hear(index, record.conn, &record.event);
    }
    bench.close();
    bench.judgement
}

/// After this case the target no longer answered.
pub fn target_died() -> Breach {
    Breach { rule: rules::DIED.name.into(), sentence: rules::DIED.about.into(), ..Breach::default() }
}

struct Bench<'a> {
    script: &'a Script,
    trace: &'a Trace,
    accounts: BTreeMap<Conn, Account>,
    judgement: Judgement,
}

struct Account {
    ledger: Ledger,
    received: Vec<Bytes>,
    ending: Option<(usize, Ending)>,
    failed: Option<Failure>,
    told: bool,
    unproved: bool,
    /// We closed or reset it: a reply that stops there is our doing.
    left: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Fin,
    Reset,
}

impl Bench<'_> {
    fn hear(&mut self, index: usize, conn: Conn, event: &Event) {
        let account = self.accounts.entry(conn).or_insert_with(|| Account {
            ledger: Ledger::new(&self.script.replies),
            received: Vec::new(),
            ending: None,
            failed: None,
            told: false,
            unproved: false,
            left: false,
        });
        match event {
            Event::Promised(promise) => {
                account.unproved = false; // another message: what lies before it is no cut
                account.ledger.promise(promise);
            }
            Event::Sent(bytes) => {
                account.ledger.sent(bytes);
                if account.unproved && account.ending.is_none() {
                    let reason = "a segment was not seen to be read apart from the one before it";
                    self.judgement.inconclusive.get_or_insert_with(|| reason.into());
                }
            }
            Event::Received(bytes) => {
                account.ledger.received(bytes);
                account.received.push(bytes.clone());
                self.compare(index, conn);
            }
            Event::Fin => self.ended(index, conn, Ending::Fin),
            Event::Reset => self.ended(index, conn, Ending::Reset),
            Event::ConnectFailed(Failure::Ours) => {
                account.failed = Some(Failure::Ours);
                self.judgement.inconclusive =
                    Some("no connection could be opened from here: out of ports or descriptors".into());
            }
            Event::ConnectFailed(why) => account.failed = Some(*why),
            Event::Flood => {
                account.told = true;
                self.breach(&rules::FLOOD, index, Breach::default());
            }
            Event::Closed | Event::SentReset => account.left = true,
            Event::Apart(proof) => account.unproved = *proof == Proof::None,
            Event::Step { step, outcome } => self.step(index, *step, *outcome),
            Event::OutOfTime { .. } => self.breach(&rules::OUT_OF_TIME, index, Breach::default()),
            _ => {}
        }
    }

    fn ended(&mut self, index: usize, conn: Conn, ending: Ending) {
        let Some(account) = self.accounts.get_mut(&conn) else { return };
        account.ending.get_or_insert((index, ending));
        account.ledger.ended();
        self.compare(index, conn);
    }

    /// Says what is wrong with the replies of a connection, once.
    fn compare(&mut self, index: usize, conn: Conn) {
        let Some(account) = self.accounts.get_mut(&conn) else { return };
        let Some(wrong) = account.ledger.wrong().filter(|_| !account.told) else { return };
        let (rule, breach) = describe(wrong, &account.received);
        account.told = true;
        self.breach(rule, index, breach);
    }

    fn step(&mut self, index: usize, step: usize, outcome: Outcome) {
        if outcome == Outcome::Met {
            return;
        }
        match self.script.steps.get(step) {
            Some(Step::Await { conns, any, .. }) => {
                let conns = conns.clone();
                for conn in conns {
                    self.unmet(index, conn, any, outcome);
                }
            }
            Some(Step::Send { .. }) if outcome == Outcome::Overdue => {
                self.breach(&rules::NOT_READING, index, Breach::default());
            }
            _ => {}
        }
    }

    /// One connection did not bring what a step waited for.
    fn unmet(&mut self, index: usize, conn: Conn, any: &[Until], outcome: Outcome) {
        let Some(account) = self.accounts.get_mut(&conn) else { return };
        if account.told || any.iter().any(|until| account.brings(until)) {
            return;
        }
        let rule = account.missing(any, outcome);
        let Some(rule) = rule else { return };
        account.told = true;
        let due = account.ledger.due().map(|promise| excerpt(&promise.payload));
        let detail = format!("{conn}: {} bytes had come", account.ledger.total());
        let expected = due.filter(|_| [rules::NO_REPLY, rules::CLOSED_EARLY].contains(rule));
        self.breach(rule, index, Breach { expected, ..Breach::default() });
        self.judgement.details.push(detail);
    }

    /// Looks at what no step waited for.
    fn close(&mut self) {
        let end = self.trace.records.len().saturating_sub(1);
        let conns: Vec<Conn> = self.accounts.keys().copied().collect();
        for conn in conns {
            let account = &self.accounts[&conn];
            if !account.told && !account.left && !account.ledger.rest_fits() {
                let actual = Some(excerpt(account.ledger.rest()));
                self.breach(&rules::UNASKED, end, Breach { actual, ..Breach::default() });
            }
            self.spelling(conn, end);
        }
    }

    /// Whether replies that carry the right messages also spell them as the framing does.
    fn spelling(&mut self, conn: Conn, end: usize) {
        let (Replies::Framed(framing), account) = (&self.script.replies, &self.accounts[&conn]) else { return };
        if account.told || account.received.is_empty() {
            return;
        }
        let wire = account.received.concat();
        let mut deframer = Deframer::new(framing);
        deframer.push(&wire);
        let mut spelled = Vec::new();
        while let Some(Ok(frame)) = deframer.next_frame() {
            if framing.encode_unlimited(&frame.payload, &mut spelled).is_err() {
                return;
            }
        }
        if wire.starts_with(&spelled) && deframer.offset() == spelled.len() as u64 {
            return;
        }
        self.judgement.respelled = true;
        if framing.behaviour().compare == Some(Compare::Bytes) {
            self.breach(&rules::RESPELLED, end, difference(&spelled, &wire));
        }
    }

    fn breach(&mut self, rule: &Rule, index: usize, details: Breach) {
        let breach = Breach {
            rule: rule.name.into(),
            sentence: rule.about.into(),
            timing: rule.timing,
            evidence: vec![index],
            ..details
        };
        self.judgement.breaches.push(breach);
    }
}

impl Account {
    /// Whether this is so at this moment; used where a step waited on several connections and one spoiled it.
    fn brings(&self, until: &Until) -> bool {
        match until {
            Until::Echo => self.ledger.is_settled() && self.failed.is_none(),
            Until::Bytes(count) => self.ledger.total() >= *count,
            Until::End => self.ending.is_some_and(|(_, ending)| ending == Ending::Fin),
            Until::Closed => self.ending.is_some(),
            Until::Refused => self.failed.is_some(),
            Until::Silence => false,
        }
    }

    /// The rule that is broken when none of these came.
    fn missing(&self, any: &[Until], outcome: Outcome) -> Option<&'static Rule> {
        if self.failed == Some(Failure::Ours) {
            return None;
        }
        if self.failed.is_some() {
            return Some(&rules::NOT_CONNECTED);
        }
        if outcome == Outcome::Broken {
            return Some(if self.ending.is_some() { &rules::EARLY_CLOSE } else { &rules::EARLY_REPLY });
        }
        let echo = any.iter().any(|until| matches!(until, Until::Echo | Until::Bytes(_)));
        Some(match (outcome, self.ending) {
            (Outcome::Hopeless, None) => return None, // another connection of the same step spoiled it
            (Outcome::Hopeless, Some((_, Ending::Reset))) if !echo => &rules::RESET,
            (Outcome::Hopeless, Some(_)) if any.contains(&Until::Silence) => &rules::EARLY_CLOSE,
            (Outcome::Hopeless, Some(_)) => &rules::CLOSED_EARLY,
            _ if echo => &rules::NO_REPLY,
            _ => &rules::NOT_CLOSED,
        })
    }
}

fn describe(wrong: &Wrong, received: &[Bytes]) -> (&'static Rule, Breach) {
    let actual_only = |actual: &Bytes| Breach { actual: Some(excerpt(actual)), ..Breach::default() };
    match wrong {
        Wrong::Byte { at, expected, .. } => (&rules::ALTERED, at_byte(*at, expected, received)),
        Wrong::Message { expected, actual, .. } => (&rules::ALTERED, difference(expected, actual)),
        Wrong::Forbidden { actual, .. } => (&rules::FORBIDDEN, actual_only(actual)),
        // How much of it had come by the time of reading varies from run to run.
        Wrong::Unasked { actual } => (&rules::UNASKED, actual_only(&actual.slice(..actual.len().min(1)))),
        Wrong::Malformed { error, .. } => {
            (&rules::MALFORMED, Breach { actual: Some(error.to_string()), ..Breach::default() })
        }
        Wrong::Unfinished { actual } => (&rules::UNFINISHED, actual_only(actual)),
    }
}

/// A difference in a stream: what was the same before it, and the one byte that differs. More would depend on how
/// much had been read by then.
fn at_byte(at: u64, expected: &Bytes, received: &[Bytes]) -> Breach {
    let from = at.saturating_sub(CONTEXT);
    let came: Vec<u8> = received.iter().flatten().skip(from as usize).take((at - from) as usize + 1).copied().collect();
    let mut due = came[..came.len() - 1].to_vec();
    due.extend(expected.first());
    Breach { expected: Some(excerpt(&due)), actual: Some(excerpt(&came)), differs_at: Some(at), ..Breach::default() }
}

fn difference(expected: &[u8], actual: &[u8]) -> Breach {
    let same = expected.iter().zip(actual).take_while(|(due, came)| due == came).count();
    Breach {
        expected: Some(excerpt(expected)),
        actual: Some(excerpt(actual)),
        differs_at: Some(same as u64),
        ..Breach::default()
    }
}
