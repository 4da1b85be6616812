//! What goes wrong on a connection while the target is measured is a fact about the target. A limit of connections is one
//! of its choices (D18): whoever waits is served when another has left, or is turned away. A connection that gets neither
//! a reply nor an end, although those before it have ended, or later ones are answered, is no limit.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::calibrate::Calibration;
use super::life::Process;
use super::outcome::Outcome;
use super::probe::{Probe, plain, was_answered, was_closed};
use crate::framing::Framing;
use crate::oracle::{Judgement, Verdict, judge, judge_of_few, unserved};
use crate::session::{Conn, Duty, Event, Promise, Script, Step, Trace, Until};
use crate::transport::Transport;

/// Silence is confirmed as all that rests on time is: when it has been seen so often again, with so many times the time.
const AGAIN: usize = 3;
const SCALE: f64 = 4.0;

/// So many sessions more than it took the first time, for each time, may be needed until it is seen again.
const MORE: usize = 4;

/// No more sessions are played at once, nor for longer if all are served.
const MOST: usize = 200;
const LONGEST: Duration = Duration::from_secs(5);

/// Of whoever has left so many connections silent it is not measured how much it takes.
const ENOUGH: usize = 3;

const ONCE: &str =
    "a connection got no reply while the target was measured, although later ones did; it was not seen again";
const STIMULUS: [&str; 2] = ["a: send a plain message, as the calibration does", "a: expect everything back"];

/// A transport that takes note of what goes wrong, and plays again what one silent connection would make a wrong measure of.
pub(super) struct Witness<'a, T> {
    transport: &'a T,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    /// Connections so far.
    opened: usize,
    /// Some connection was answered.
    served: bool,
    /// The last script left a connection silent.
    silent: bool,
    /// The first silent connection, which counts as soon as a later one is answered.
    pending: Option<Silence>,
    silence: Option<Silence>,
    /// How many there were.
    silences: usize,
    /// The first wrong reply to a plain message.
    wrong: Option<Incident>,
}

/// What was played, and what happened.
#[derive(Clone, Debug)]
struct Incident {
    script: Script,
    trace: Trace,
}

/// A connection that got nothing.
#[derive(Clone, Debug)]
struct Silence {
    incident: Incident,
    /// How many there had been.
    number: usize,
}

/// What is known in the end of what went wrong.
#[derive(Debug, Default)]
pub(super) struct Testimony {
    wrong: Option<Incident>,
    silence: Option<Incident>,
    /// Silence was seen again and again.
    confirmed: bool,
    /// Its process was started for that, and is not back.
    pub(super) lost: bool,
}

impl<'a, T: Transport> Witness<'a, T> {
    pub(super) fn new(transport: &'a T) -> Self {
        Self { transport, notes: Mutex::default() }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether so many connections were silent that waiting for more of them tells nothing new.
    pub(super) fn has_seen_enough(&self) -> bool {
        self.notes().silences >= ENOUGH
    }

    /// Takes note of what happened. Says whether it is to be played again.
    fn note(&self, script: &Script, trace: &Trace) -> bool {
        let mut notes = self.notes();
        let incident = || Incident { script: script.clone(), trace: trace.clone() };
        let before = notes.opened;
        notes.opened += trace.records.iter().filter(|record| record.event == Event::Connected).count();
        if notes.wrong.is_none() && is_plain(script) && wrong(script, trace).is_some() {
            notes.wrong = Some(incident());
        }
        let was_silent = notes.silent;
        let asked = asked(script);
        let mute = asked.iter().position(|conn| is_mute(trace, *conn));
        let answered = asked.iter().rposition(|conn| was_answered(trace, *conn));
        // Whoever waits behind those that are open may do so because of them.
        let silent = mute.filter(|mute| script_opens(script) == 1 || answered.is_some_and(|answered| answered > *mute));
        notes.silent = silent.is_some();
        let Some(mute) = silent else {
            if answered.is_some() {
                notes.served = true;
                notes.silences += usize::from(notes.pending.is_some());
                let pending = notes.pending.take();
                notes.silence = notes.silence.take().or(pending);
            }
            return false;
        };
        if was_silent && notes.served {
            notes.pending = None; // it is always so: the cases will find what it is a sign of
            return false;
        }
        let number = before + usize::from(asked[mute].0) + 1;
        notes.pending = notes.pending.take().or_else(|| Some(Silence { incident: incident(), number }));
        notes.served
    }

    /// Looks again for a silent connection, if there was one: in as many sessions as it took the first time, each by itself,
    /// and in a new life of its process, where that is ours.
    pub(super) async fn testify(
        self,
        process: Option<&dyn Process>,
        framing: &Framing,
        calibration: &Calibration,
    ) -> Testimony {
        let transport = self.transport;
        let Notes { wrong, silence, .. } = self.notes.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut testimony = Testimony { wrong: wrong.filter(|_| calibration.sound), ..Testimony::default() };
        let Some(Silence { incident, number }) = silence.filter(|_| !calibration.is_dead()) else { return testimony };
        let affordable = LONGEST.as_nanos() / calibration.round_trip.as_nanos().max(1);
        let most = (AGAIN * number + MORE).min(MOST).min(usize::try_from(affordable).unwrap_or(MOST));
        let sessions = Sessions { transport, framing, calibration, most };
        let mut seen = sessions.silences(AGAIN).await;
        if let (true, Some(process)) = (seen.is_empty(), process) {
            for _ in 0..AGAIN {
                testimony.lost = process.restart().await.again.is_err();
                let again = if testimony.lost { Vec::new() } else { sessions.silences(1).await };
                if again.is_empty() {
                    break;
                }
                seen.extend(again);
            }
        }
        testimony.confirmed = seen.len() >= AGAIN;
        testimony.silence = Some(seen.pop().unwrap_or(incident));
        testimony
    }
}

impl<T: Transport> Transport for Witness<'_, T> {
    async fn run(&self, script: Script) -> Trace {
        let trace = self.transport.run(script.clone()).await;
        if !self.note(&script, &trace) {
            return trace;
        }
        let again = self.transport.run(script.clone()).await;
        self.note(&script, &again);
        again
    }
}

/// Plain sessions, one after the other.
struct Sessions<'a, T> {
    transport: &'a T,
    framing: &'a Framing,
    calibration: &'a Calibration,
    most: usize,
}

impl<T: Transport> Sessions<'_, T> {
    /// The silent ones among them, each of which is followed by one that is served; no more than so many.
    async fn silences(&self, enough: usize) -> Vec<Incident> {
        let (mut silences, mut pending) = (Vec::new(), None);
        for number in 0..self.most {
            let script = session(self.framing, self.calibration, number);
            let trace = self.transport.run(script.clone()).await;
            match (is_mute(&trace, Conn(0)), pending.take()) {
                (true, None) => pending = Some(Incident { script, trace }),
                (true, Some(_)) => break, // it serves nobody any more
                (false, before) => silences.extend(before),
            }
            if silences.len() == enough {
                break;
            }
        }
        silences
    }
}

fn session(framing: &Framing, calibration: &Calibration, number: usize) -> Script {
    let mut probe = Probe::new(framing, calibration.tempo.scaled(SCALE));
    let conn = probe.open();
    probe.say(conn, plain(framing, number), Duty::Echo);
    probe.hear(&[conn], &[Until::Echo]);
    probe.step(Step::Close(conn));
    probe.script()
}

fn script_opens(script: &Script) -> usize {
    script.steps.iter().filter(|step| matches!(step, Step::Connect { .. })).count()
}

/// The connections on which a reply is due, in the order in which they are opened.
fn asked(script: &Script) -> Vec<Conn> {
    let of = |step: &Step| match step {
        Step::Send { conn, promises, .. } if promises.iter().any(|promise| promise.duty == Duty::Echo) => Some(*conn),
        _ => None,
    };
    let mut asked: Vec<_> = script.steps.iter().filter_map(of).collect();
    asked.sort_unstable();
    asked.dedup();
    asked
}

/// Whether nothing is sent but one whole message on each connection, whose reply is waited for.
fn is_plain(script: &Script) -> bool {
    let sends = script.steps.iter().filter_map(|step| match step {
        Step::Send { promises, .. } => Some(promises.as_slice()),
        _ => None,
    });
    let is_one = |promises: &&[Promise]| matches!(promises, [Promise { duty: Duty::Echo, copies: 1, .. }]);
    let (plain, other): (Vec<_>, Vec<_>) = sends.partition(is_one);
    other.is_empty() && plain.len() == asked(script).len()
}

/// Whether it stands, and there was neither a byte on it nor an end.
fn is_mute(trace: &Trace, conn: Conn) -> bool {
    let stands = trace.of(conn).any(|(_, record)| record.event == Event::Connected);
    stands && !was_answered(trace, conn) && !was_closed(trace, conn)
}

/// Whether other bytes came than were due, or not all of them before the end. Of a connection that got nothing but an end this
/// may be a clean refusal.
fn wrong(script: &Script, trace: &Trace) -> Option<Judgement> {
    let mut judgement = judge_of_few(script, trace);
    judgement.breaches.retain(|breach| !breach.timing && (breach.is_of_wrong_bytes() || breach.is_of_missing_bytes()));
    (!judgement.breaches.is_empty()).then_some(judgement)
}

impl Testimony {
    /// Whether something is proved.
    pub(super) fn is_proof(&self) -> bool {
        self.wrong.is_some() || self.confirmed
    }

    /// What was seen becomes the verdict of a case that is about it, unless the cases have found the same.
    pub(super) fn pin(self, outcomes: &mut [Outcome]) {
        if let Some((incident, judgement)) =
            self.wrong.and_then(|it| wrong(&it.script, &it.trace).map(|judgement| (it, judgement)))
        {
            let has_same = |outcome: &Outcome| {
                let mut rules = outcome.judgement.breaches.iter().map(|breach| &breach.rule);
                outcome.verdict == Verdict::Fail && rules.any(|rule| *rule == judgement.breaches[0].rule)
            };
            if !outcomes.iter().any(has_same) {
                pin(outcomes, &["SES-02", "SES-03"], Verdict::Fail, judgement, incident.trace);
            }
        }
        if let Some(incident) = self.silence {
            let mut judgement = judge(&incident.script, &incident.trace);
            let verdict = if self.confirmed { Verdict::Fail } else { Verdict::Flaky };
            if self.confirmed {
                judgement.breaches = judgement.breaches.drain(..).take(1).map(unserved).collect();
            }
            pin(outcomes, &["SES-03", "SES-02"], verdict, judgement, incident.trace);
        }
    }
}

/// The first case of the first of these requirements that has one, unless its own failure says as much.
fn pin(outcomes: &mut [Outcome], requirements: &[&str], verdict: Verdict, judgement: Judgement, trace: Trace) {
    let is_of = |outcome: &Outcome, id: &str| {
        outcome.verdict != Verdict::Skipped && outcome.case.requirements.iter().any(|other| other == id)
    };
    let found = requirements.iter().find_map(|id| outcomes.iter().position(|outcome| is_of(outcome, id)));
    let Some(outcome) = found.map(|index| &mut outcomes[index]) else { return };
    let is_known = outcome.verdict == Verdict::Fail && (verdict == Verdict::Flaky || !outcome.rests_on_time());
    if is_known {
        return;
    }
    let mut case = outcome.case.clone();
    case.stimulus = STIMULUS.map(Into::into).to_vec();
    let reason = (verdict == Verdict::Flaky).then(|| ONCE.into());
    let took = trace.duration();
    *outcome = Outcome { case, verdict, reason, judgement, trace: Some(trace), shown: None, took }.stands();
}
