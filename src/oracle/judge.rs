//! The judgement of one trace.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::client::{be_patient, be_slow, departed, of_client, of_message, told};
use super::desertion::desertion;
use super::excerpt::excerpt;
use super::queue::crowded_out;
use super::reply::{describe, difference};
use super::rules::{self, Rule};
use super::transcript::{Ending, Transcript};
use super::verdict::Breach;
use crate::framing::{Compare, Deframer};
use crate::session::{
    Conn, Departure, Event, Exit, Failure, Ledger, Outcome, Proof, Record, Replies, Report, Script, Step, Trace, Until,
};

/// So many breaches of one rule are shown.
const SOME: usize = 3;

/// What is to be said of one trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// What was broken; empty: nothing was.
    pub breaches: Vec<Breach>,
    /// Why nothing can be concluded, if so. Breaches go first.
    pub inconclusive: Option<String>,
    /// Replies carried the right messages in another spelling (D8): worth knowing, no fault.
    pub respelled: bool,
    /// Something was sent before anything was broken: of a client, that the reply had begun.
    pub answered: bool,
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

    /// Nothing is wrong but that the bound on the case ended it.
    pub fn only_ran_out_of_time(&self) -> bool {
        self.rests_on_time() && self.breaches.iter().all(|breach| breach.rule == rules::OUT_OF_TIME.name)
    }
}

/// Judges what happened when the script was played.
pub fn judge(script: &Script, trace: &Trace) -> Judgement {
    judge_but_for(&crowded_out(trace), script, trace)
}

/// What was broken on these connections proves nothing by itself.
pub(super) fn judge_but_for(doubtful: &BTreeSet<Conn>, script: &Script, trace: &Trace) -> Judgement {
    let judgement = Judgement::default();
    let mut bench = Bench { script, trace, accounts: BTreeMap::new(), judgement, breaches: Vec::new(), printed: None };
    let deserted = desertion(script, trace);
    for (index, record) in trace.records.iter().enumerate() {
        bench.hear(index, record);
        if deserted == Some(index) {
            bench.on_its_own(index, record.conn, &rules::EARLY_CLOSE);
        }
    }
    bench.close();
    for (_, breach) in bench.breaches.iter_mut().filter(|(conn, _)| doubtful.contains(conn)) {
        breach.timing = true;
    }
    let sent = trace.records.iter().position(|record| matches!(record.event, Event::Sent(_)));
    let broken = bench.breaches.iter().flat_map(|(_, breach)| &breach.evidence).min();
    bench.judgement.answered = sent.zip(broken).is_some_and(|(sent, broken)| sent < *broken);
    bench.judgement.breaches = few(bench.breaches);
    if let Some(errand) = &script.errand {
        be_patient(errand, &mut bench.judgement);
    }
    if let Some(departure) = trace.departure() {
        be_slow(departure, &mut bench.judgement.breaches);
    }
    bench.judgement
}

/// The breaches by connection: which connection was first varies from run to run. Many that break the same rule prove no
/// more than some.
fn few(mut breaches: Vec<(Conn, Breach)>) -> Vec<Breach> {
    breaches.sort_by_key(|(conn, _)| *conn);
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    breaches.retain(|(_, breach)| {
        let count = told.entry(breach.rule.clone()).or_default();
        *count += 1;
        *count <= SOME
    });
    breaches.into_iter().map(|(_, breach)| breach).collect()
}

struct Bench<'a> {
    script: &'a Script,
    trace: &'a Trace,
    accounts: BTreeMap<Conn, Account>,
    judgement: Judgement,
    /// What was broken, and on which connection.
    breaches: Vec<(Conn, Breach)>,
    /// What a client wrote to its standard output.
    printed: Option<Bytes>,
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
    /// When something was last sent.
    sent_at: Duration,
    /// How long each reply took that a step waited for.
    round_trips: Vec<Duration>,
}

impl Bench<'_> {
    fn hear(&mut self, index: usize, record: &Record) {
        let Record { at, conn, event } = record;
        let conn = *conn;
        let succeeds = self.script.errand.as_ref().is_some_and(|errand| errand.report == Report::Success);
        let account = self.accounts.entry(conn).or_insert_with(|| Account::new(&self.script.replies, *at));
        match event {
            Event::Promised(promise) => {
                account.unproved = false; // another message: what lies before it is no cut
                account.ledger.promise(promise);
            }
            Event::Sent(bytes) => {
                account.ledger.sent(bytes);
                account.sent_at = *at;
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
            Event::WriteFailed(_) => {
                account.ledger.cut_off();
                // A reply that was to be taken found nobody there.
                if succeeds && !account.told {
                    account.told = true;
                    self.breach(&rules::EARLY_CLOSE, index, None, Breach::default());
                }
            }
            Event::Fin => self.ended(index, conn, Ending::Fin),
            Event::Reset => self.ended(index, conn, Ending::Reset),
            Event::ConnectFailed(Failure::Ours) => {
                account.failed = Some(Failure::Ours);
                self.judgement.inconclusive =
                    Some("no connection could be opened from here: out of ports or descriptors".into());
            }
            Event::ConnectFailed(why) => {
                account.failed = Some(*why);
                if *why == Failure::Timeout {
                    account.told = true;
                    self.breach(&rules::NO_HANDSHAKE, index, None, Breach::default());
                }
            }
            Event::Flood if !account.told => {
                account.told = true;
                self.breach(&rules::FLOOD, index, None, Breach::default());
            }
            Event::Closed | Event::SentReset => account.left = true,
            Event::SentUrgent => account.ledger.forgive(),
            Event::Apart(proof) => account.unproved = *proof == Proof::None,
            Event::Step { step, outcome: Outcome::Met } => self.met(index, *at, *step),
            Event::Step { step, outcome } => self.step(index, *step, *outcome),
            Event::OutOfTime { .. } => self.breach(&rules::OUT_OF_TIME, index, None, Breach::default()),
            Event::Again => {
                let failing = self.script.errand.as_ref().is_some_and(|errand| errand.report != Report::Success);
                let actual = failing.then(|| "a connection after a session without a right reply".to_owned());
                self.breach(&rules::AGAIN, index, None, Breach { actual, ..Breach::default() });
            }
            Event::Output(bytes) => self.printed = Some(bytes.clone()),
            Event::Left(departure) => self.left(index, departure),
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
        self.breach(rule, index, Some(conn), breach);
    }

    /// A step that got what it waited for: a round trip, if that was a reply.
    fn met(&mut self, index: usize, at: Duration, step: usize) {
        let Some(Step::Await { conns, any, .. }) = self.script.steps.get(step) else { return };
        if any.contains(&Until::Same) {
            self.differing(index, conns);
        }
        for conn in conns.clone() {
            let Some(account) = self.accounts.get_mut(&conn) else { continue };
            if any.contains(&Until::Echo) {
                account.round_trips.push(at.saturating_sub(account.sent_at));
            }
            let limit = any.iter().find_map(|until| match until {
                Until::Prompt(limit) => Some(*limit),
                _ => None,
            });
            let median = account.median_round_trip();
            if let Some(median) = median.filter(|median| limit.is_some_and(|limit| *median > limit)) {
                let times = account.round_trips.len();
                self.judgement.details.push(format!("{conn}: {}", rhythm(median, times)));
                self.breach(&rules::SLOW_REPLIES, index, Some(conn), Breach::default());
            }
        }
    }

    /// Connections that have to have brought the same: what is wrong with one of them by itself was told already.
    fn differing(&mut self, index: usize, conns: &[Conn]) {
        let accounts: Option<Vec<_>> = conns.iter().map(|conn| self.accounts.get(conn)).collect();
        // A text may say what it refuses, and how much of it had come.
        let comparable = |account: &&Account| !account.told && !account.ledger.allows_anything();
        let accounts = accounts.filter(|all| all.iter().all(comparable)).unwrap_or_default();
        let transcripts: Vec<_> = accounts.iter().map(|account| account.transcript()).collect();
        let Some((first, others)) = transcripts.split_first() else { return };
        if let Some(other) = others.iter().find(|other| !first.brings_as_much(other)) {
            self.breach(&rules::CUT_DEPENDENT, index, None, first.difference(other));
        }
    }

    fn step(&mut self, index: usize, step: usize, outcome: Outcome) {
        match self.script.steps.get(step) {
            Some(Step::Await { conns, any, .. }) => {
                let conns = conns.clone();
                for conn in conns {
                    self.unmet(index, conn, any, outcome);
                }
            }
            Some(Step::Send { .. }) if outcome == Outcome::Overdue => {
                self.breach(&rules::NOT_READING, index, None, Breach::default());
            }
            _ => {}
        }
    }

    /// Something is wrong with a connection, if nothing was before.
    fn on_its_own(&mut self, index: usize, conn: Conn, rule: &Rule) {
        let told = self.accounts.get_mut(&conn).map(|account| std::mem::replace(&mut account.told, true));
        if told == Some(false) {
            self.breach(rule, index, Some(conn), Breach::default());
        }
    }

    /// One connection did not bring what a step waited for.
    fn unmet(&mut self, index: usize, conn: Conn, any: &[Until], outcome: Outcome) {
        let Some(account) = self.accounts.get_mut(&conn) else { return };
        if account.told || any.iter().any(|until| account.brings(until)) {
            return;
        }
        let rule = account.missing(any, outcome);
        let Some(rule) = rule.map(|rule| of_message(rule, any, self.script, &self.trace.records[..index])) else {
            return;
        };
        account.told = true;
        let due = account.ledger.due().map(|promise| excerpt(&promise.payload));
        let detail = format!("{conn}: {} bytes had come", account.ledger.total());
        let expected = due.filter(|_| [rules::NO_REPLY, rules::CLOSED_EARLY].contains(rule));
        self.breach(rule, index, Some(conn), Breach { expected, ..Breach::default() });
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
                self.breach(&rules::UNASKED, end, Some(conn), Breach { actual, ..Breach::default() });
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
            self.breach(&rules::RESPELLED, end, Some(conn), difference(&spelled, &wire));
        }
    }

    /// What the end of a client says of it.
    fn left(&mut self, index: usize, departure: &Departure) {
        let Some(errand) = &self.script.errand else { return };
        // A byte of the reply that is sent after it has left is one that it did not wait for.
        let sent = |record: &Record| matches!(record.event, Event::Sent(_));
        let (before, after) = self.trace.records.split_at(index);
        let is_reply = |record: &Record| sent(record) || record.event == Event::SentFin;
        let (succeeded, replied) = (matches!(departure.how, Exit::Success(_)), before.iter().any(is_reply));
        let is_due = errand.report == Report::Success && !replied;
        if succeeded && after.iter().any(sent) || is_due && after.iter().any(is_reply) {
            self.breach(&rules::EARLY_CLOSE, index, None, Breach::default());
        }
        let mut departed = departed(errand, departure, self.printed.as_ref());
        if self.trace.records.iter().any(|record| record.event == Event::Again) {
            // Its end is that of its second session, or ours.
            departed.retain(|(rule, _)| ![rules::STILL_THERE, rules::FALSE_FAILURE].contains(rule));
        }
        if let (Exit::Unknown(code), true) = (departure.how, errand.report != Report::Any) {
            let reason = format!("exit code {code} stands neither in --exit-ok nor in --exit-error");
            self.judgement.inconclusive.get_or_insert(reason);
        }
        // Where no reply was sent, something else was wrong before it could be.
        for (rule, details) in departed.into_iter().filter(|(rule, _)| replied || **rule != rules::FALSE_FAILURE) {
            self.breach(rule, index, None, details);
        }
        self.judgement.details.push(format!("the client {}", told(departure.how)));
    }

    /// `on`: the connection, if it is not the one of the event.
    fn breach(&mut self, rule: &Rule, index: usize, on: Option<Conn>, details: Breach) {
        let breach = Breach {
            rule: rule.name.into(),
            sentence: if self.script.errand.is_some() { of_client(rule) } else { rule.about }.into(),
            timing: rule.timing,
            evidence: vec![index],
            ..details
        };
        let conn = self.trace.records.get(index).map_or(Conn(0), |record| record.conn);
        self.breaches.push((on.unwrap_or(conn), breach));
    }
}

impl Account {
    /// Of a connection of which something is heard for the first time.
    fn new(replies: &Replies, at: Duration) -> Self {
        Self {
            ledger: Ledger::new(replies),
            received: Vec::new(),
            ending: None,
            failed: None,
            told: false,
            unproved: false,
            left: false,
            sent_at: at,
            round_trips: Vec::new(),
        }
    }

    /// Whether this is so at this moment; used where a step waited on several connections and one spoiled it.
    fn brings(&self, until: &Until) -> bool {
        match until {
            Until::Echo => self.ledger.is_settled() && self.failed.is_none(),
            Until::Bytes(count) => self.ledger.total() >= *count,
            Until::End => self.ending.is_some_and(|(_, ending)| ending == Ending::Fin),
            Until::Closed => self.ending.is_some(),
            Until::Refused => self.failed.is_some(),
            Until::Silence | Until::Stalled | Until::Left => false,
            Until::Prompt(_) | Until::Same => true,
        }
    }

    fn transcript(&self) -> Transcript {
        Transcript { bytes: self.received.concat(), ending: self.ending.map(|(_, ending)| ending) }
    }

    fn median_round_trip(&self) -> Option<Duration> {
        let mut times = self.round_trips.clone();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
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
        if any.contains(&Until::Stalled) && outcome == Outcome::Hopeless && self.ending.is_none() {
            return Some(&rules::NO_BACKPRESSURE);
        }
        if any.contains(&Until::Left) {
            return Some(&rules::STILL_THERE);
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

/// What a median says: 35 to 50 ms and 190 to 210 ms are the marks of a delayed acknowledgement (CATALOGUE E5).
fn rhythm(median: Duration, times: usize) -> String {
    let millis = median.as_secs_f64() * 1e3;
    let cause = match median.as_millis() {
        35..50 | 190..210 => {
            ": as long as a delayed acknowledgement; is a reply written in two parts without TCP_NODELAY?"
        }
        98..103 | 245..258 | 485..515 | 970..1030 => ": as long as the tick of a timer; is readiness polled?",
        _ => "",
    };
    format!("the median of {times} round trips is {millis:.1} ms{cause}")
}
