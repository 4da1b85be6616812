//! A run begins by measuring the target: does it answer, how fast, and what it chose where right implementations
//! differ (CATALOGUE D). What is declared is not measured, but printed as declared.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use super::danger::{Danger, Endured};
use super::life::{Process, Restarted};
use super::probe::{Probe, plain, received, reply_time, was_answered, was_closed};
use crate::framing::{Deframer, Framing, Strategy};
use crate::oracle::{Judgement, judge};
use crate::profile::{Effort, Profile, Tempo};
use crate::session::{Conn, Duty, Event, Failure, Promise, Script, Segment, Step, Trace, Until};
use crate::transport::Transport;

/// How many times a plain message is tried before the target counts as not answering.
const ATTEMPTS: usize = 3;

/// So many messages in a row show what each of them adds, and none is tried that would take longer than this: the more the
/// better, where they take no time. The second shows whether it was chance that each message of the first cost so much.
const ROWS: [(u32, Duration); 4] = [(FEW, BRIEF), (SOME, BRIEF.saturating_mul(25)), (64, BRIEF), (512, BRIEF)];
const FEW: u32 = 4;
const SOME: u32 = 16;
const BRIEF: Duration = Duration::from_millis(20);

/// What costs so much is measured by more than a few.
const COSTLY: Duration = Duration::from_millis(1);

/// Whoever takes so long over a small reply is slow.
const SLOW: Duration = Duration::from_millis(20);

/// Whoever serves so many connections at once is asked for more.
const MANY: usize = 32;

/// Into so many segments a message is cut to see what each of them costs.
const PIECES: usize = 5;

/// So many connections at once show whether one that is busy keeps the others waiting.
pub(super) const RIVALS: u32 = 4;

/// What was measured.
#[derive(Clone, Debug)]
pub struct Calibration {
    /// Declared and measured behaviour.
    pub profile: Profile,
    /// Deadlines that follow from the round trip.
    pub tempo: Tempo,
    /// The slowest of the plain replies.
    pub round_trip: Duration,
    /// A plain message came back as it was sent. Of a target that sends something else nothing is measured that takes long.
    pub sound: bool,
    /// What the target died of while it was measured.
    pub died_of: Option<Danger>,
    /// How its process ended then, and whether it runs again, where it is ours.
    pub end: Option<Restarted>,
}

impl Calibration {
    /// Whether nothing is there any more that could be judged.
    pub(super) fn is_dead(&self) -> bool {
        self.died_of.is_some() && !self.end.as_ref().is_some_and(Restarted::is_back)
    }

    /// How long the target may be busy with a script, so that others have to wait.
    pub(super) fn work(&self, script: &Script) -> Duration {
        self.tempo.effort.over(script.demands().into_values())
    }

    /// Whether it takes so long over a small reply that whoever asks has nothing to do meanwhile.
    pub(super) fn is_slow(&self) -> bool {
        self.round_trip >= SLOW || self.profile.client.as_ref().is_some_and(|client| client.dawdles)
    }

    /// How long it may be busy while others wait for their replies: they have to come in time nevertheless.
    pub(super) fn patience(&self) -> Duration {
        self.tempo.reply / 4
    }
}

/// Why no calibration could be had.
#[derive(Clone, Debug)]
pub enum Unfit {
    /// No connection: nothing can be said of the target.
    Unreachable(Failure),
    /// It connects, but a plain message does not come back in time, every time. The last attempt is the evidence.
    Mute {
        /// What was played.
        script: Box<Script>,
        /// What happened.
        trace: Box<Trace>,
        /// What is wrong with it.
        judgement: Judgement,
        /// It had answered one before: a target that serves once and no more.
        served: bool,
    },
}

/// Measures a target, whose process may be ours: then it is started again if it dies of that.
pub async fn calibrate<T: Transport>(
    transport: &T,
    process: Option<&dyn Process>,
    framing: &Framing,
    scale: f64,
) -> Result<Calibration, Unfit> {
    let Greeted { fastest, slowest: round_trip, spread, sound } =
        greet(transport, framing, Tempo::PATIENT.scaled(scale)).await?;
    let tempo = Tempo::for_round_trip(round_trip).expecting(fastest).scaled(scale);
    let mut profile = Profile::declared(framing);
    let lab = Lab { transport, framing, tempo, round_trip: fastest, spread };
    if let Some(danger) = lab.dies_of_visits().await {
        let end = revive(process).await;
        // All else that is measured ends in a departure.
        let lives = end.as_ref().is_some_and(Restarted::is_back);
        profile.conns = if lives { lab.connections().await.map_or(1, |(conns, _)| conns) } else { 1 };
        if process.is_some_and(Process::ended) {
            revive(process).await;
        }
        return Ok(Calibration { profile, tempo, round_trip, sound, died_of: Some(danger), end });
    }
    let (conns, message) = lab.connections().await.unwrap_or((1, round_trip));
    profile.conns = conns;
    if let Some(danger) = lab.dies_of_a_crowd().await {
        let end = revive(process).await;
        return Ok(Calibration { profile, tempo, round_trip, sound, died_of: Some(danger), end });
    }
    let (in_a_row, in_a_batch) = if sound { lab.in_a_row(conns).await } else { Default::default() };
    let died_of = if sound { lab.dies_of_a_burst().await } else { None };
    // The part of a message goes last: some die of what becomes of it, a little later.
    let habits = Habits { once: lab.once().await, partial: lab.partial().await };
    let endured = lab.endures(died_of).await;
    settle(&mut profile, framing, habits, &endured);
    let segment = if round_trip >= SLOW { lab.each_segment().await } else { Duration::ZERO };
    let effort = Effort { message, in_a_row, in_a_batch, segment, ..Effort::default() };
    let end = if endured.died_of.is_some() { revive(process).await } else { None };
    Ok(Calibration { profile, tempo: Tempo { effort, ..tempo }, round_trip, sound, died_of: endured.died_of, end })
}

async fn revive(process: Option<&dyn Process>) -> Option<Restarted> {
    match process {
        Some(process) => Some(process.restart().await),
        None => None,
    }
}

/// Whether it resets connections, but not as one does that has room for so many and no more: the first of them too, or some
/// between others that it serves.
fn is_picky(trace: &Trace, conns: &[Conn], answered: &[bool]) -> bool {
    let is_reset = |conn: &Conn| trace.of(*conn).any(|(_, record)| record.event == Event::Reset);
    let all_told = conns.iter().zip(answered).all(|(conn, answered)| *answered || is_reset(conn));
    let first_refused = answered.iter().position(|answered| !answered).unwrap_or(0);
    all_told && (first_refused == 0 || answered[first_refused..].contains(&true))
}

/// What became of some messages that were sent at once.
#[derive(Clone, Copy, Debug)]
struct Row {
    messages: u32,
    first: Duration,
    last: Duration,
}

/// What each of several that were at work at once added to the time that one takes by itself.
pub(super) fn added(one: Duration, all: impl IntoIterator<Item = Duration>) -> Duration {
    all.into_iter().max().unwrap_or_default().saturating_sub(one) / (RIVALS - 1)
}

/// What a target does with ordinary messages.
#[derive(Clone, Copy, Debug)]
struct Habits {
    partial: bool,
    once: bool,
}

fn settle(profile: &mut Profile, framing: &Framing, habits: Habits, endured: &Endured) {
    let declared = framing.behaviour();
    if !matches!(declared.partial, Some(crate::framing::Partial::Yes | crate::framing::Partial::No)) {
        profile.partial = habits.partial;
    }
    if !matches!(declared.after, Some(crate::framing::After::Keep | crate::framing::After::Close)) {
        profile.once = habits.once;
    }
    profile.empty = profile.empty.take().or(endured.empty);
    profile.eof = profile.eof.take().or(endured.eof);
    profile.over = profile.over.take().or(endured.over);
}

/// How long plain replies took.
#[derive(Clone, Copy, Debug)]
struct Greeted {
    fastest: Duration,
    slowest: Duration,
    /// By how much they differ, but for one of them: the first reply of a virtual machine takes long.
    spread: Duration,
    /// One of them was right.
    sound: bool,
}

/// Sends three plain messages, of which at least one must come back.
async fn greet<T: Transport>(transport: &T, framing: &Framing, tempo: Tempo) -> Result<Greeted, Unfit> {
    let mut times: Vec<Duration> = Vec::new();
    let (mut last, mut only_first, mut sound) = (None, false, false);
    for attempt in 0..ATTEMPTS {
        let script = greeting(framing, attempt, tempo);
        let trace = transport.run(script.clone()).await;
        let refusal = trace.records.iter().find_map(|record| match record.event {
            Event::ConnectFailed(why) => Some(why),
            _ => None,
        });
        let judgement = judge(&script, &trace);
        match refusal {
            Some(why) if attempt == 0 || why == Failure::Ours => return Err(Unfit::Unreachable(why)),
            // It was there a moment ago: a target that serves once and no more.
            Some(_) => {
                let served = !times.is_empty();
                return Err(Unfit::Mute { script: Box::new(script), trace: Box::new(trace), judgement, served });
            }
            None => {}
        }
        let answered = trace.records.iter().any(|record| matches!(record.event, Event::Received(_)));
        sound |= judgement.is_pass();
        if judgement.is_pass() || (answered && !judgement.rests_on_time()) {
            times.push(reply_time(&trace, <[_]>::first));
            only_first = attempt == 0;
        }
        last = Some((script, trace, judgement));
    }
    times.sort_unstable();
    match (times.first().copied().zip(times.last().copied()), last) {
        (Some((fastest, slowest)), Some(_)) if !only_first => {
            let spread = times.get(1).map_or(Duration::ZERO, |second| second.saturating_sub(fastest));
            Ok(Greeted { fastest, slowest, spread, sound })
        }
        (_, Some((script, trace, judgement))) => {
            let served = !times.is_empty();
            Err(Unfit::Mute { script: Box::new(script), trace: Box::new(trace), judgement, served })
        }
        (_, None) => Err(Unfit::Unreachable(Failure::Timeout)),
    }
}

fn greeting(framing: &Framing, attempt: usize, tempo: Tempo) -> Script {
    // The first reply of a target may take long (a virtual machine warms up); a mute one must not cost much.
    let tempo = if attempt == 0 { tempo } else { tempo.scaled(0.4) };
    let mut probe = Probe::new(framing, tempo);
    let conn = probe.open();
    probe.say(conn, plain(framing, attempt), Duty::Echo);
    probe.hear(&[conn], &[Until::Echo]);
    probe.step(Step::Close(conn));
    probe.script()
}

/// Where a target is measured.
pub(super) struct Lab<'a, T> {
    pub(super) transport: &'a T,
    pub(super) framing: &'a Framing,
    pub(super) tempo: Tempo,
    /// What a plain reply takes.
    pub(super) round_trip: Duration,
    /// By how much that differs from one to the next.
    pub(super) spread: Duration,
}

impl<T: Transport> Lab<'_, T> {
    pub(super) fn probe(&self) -> Probe<'_> {
        Probe::new(self.framing, self.tempo)
    }

    /// D18: how many connections are served at once, and what each of their replies took; nothing if one keeps the next
    /// waiting.
    async fn connections(&self) -> Option<(usize, Duration)> {
        for count in [MANY, 16, 8, 2] {
            let Some(each) = self.serves(count).await else { continue };
            if count < MANY {
                return Some((count, each));
            }
            for more in [Profile::CONNS_TRIED, Profile::CONNS_TRIED / 2] {
                if let Some(each) = self.serves(more).await {
                    return Some((more, each));
                }
            }
            return Some((count, each));
        }
        // One that has been silent so far keeps the others out. If it does not once it has spoken, that is no choice (CON-01).
        self.serves_beside_a_speaker().await.then_some((2, self.round_trip))
    }

    /// Whether a second connection is served while the first, which has been, is open.
    async fn serves_beside_a_speaker(&self) -> bool {
        let mut probe = self.probe();
        let conns = [probe.open(), probe.open()];
        for (number, conn) in conns.iter().enumerate() {
            probe.say(*conn, plain(self.framing, number), Duty::Echo);
            probe.hear(&[*conn], &[Until::Echo]);
        }
        let trace = self.transport.run(probe.script()).await;
        conns.iter().all(|conn| was_answered(&trace, *conn)) && !was_closed(&trace, conns[0])
    }

    /// What each reply took on so many connections at once, but for the first, which is idle; nothing if they were not all
    /// served.
    async fn serves(&self, count: usize) -> Option<Duration> {
        let mut probe = self.probe();
        let conns: Vec<_> = (0..count).map(|_| probe.open()).collect();
        for (number, conn) in conns.iter().enumerate().skip(1) {
            probe.say(*conn, plain(self.framing, number), Duty::Echo);
        }
        probe.hear(&conns[1..], &[Until::Echo]);
        let trace = self.transport.run(probe.script()).await;
        // Somebody else's reply, or a wrong one, is no sign of a limit: the cases will find what it is a sign of.
        let answered: Vec<_> = conns[1..].iter().map(|conn| was_answered(&trace, *conn)).collect();
        let served = answered.iter().all(|answered| *answered) || is_picky(&trace, &conns[1..], &answered);
        // A queue that overflows makes clients wait for a second try of the handshake, a second later.
        let at_once = trace.records.iter().all(|r| r.event != Event::Connected || r.at < self.tempo.reply);
        let (first, last) = (reply_time(&trace, <[_]>::first), reply_time(&trace, <[_]>::last));
        (served && at_once).then(|| last.saturating_sub(first) / (count - 1) as u32)
    }

    /// What each of a few messages adds that are sent at once on one connection, and for how long each of many keeps the
    /// other connections waiting.
    async fn in_a_row(&self, conns: usize) -> (Duration, Duration) {
        let (mut few, mut each) = (Duration::ZERO, Duration::ZERO);
        if self.framing.strategy() == Strategy::Close {
            return (few, each);
        }
        let mut longest = None;
        for (row, most) in ROWS {
            if each * row > most {
                break;
            }
            let Row { messages, first, last } = self.row(row).await;
            if row > FEW && messages < row {
                break; // a fault, or a limit: nothing to measure by
            }
            each = last.saturating_sub(self.round_trip) / row;
            if row == FEW || row == SOME && few >= COSTLY {
                few = last.saturating_sub(first) / (row - 1);
            }
            longest = Some((row, last));
        }
        match longest.filter(|(row, _)| conns >= RIVALS as usize && each * *row > BRIEF) {
            Some((row, one)) => {
                let rows = join_all((0..RIVALS).map(|_| self.row(row))).await;
                // What differs by chance is nobody's waiting for others; twice as much is rarely met by chance.
                let chance = self.spread.mul_f64(2.0 * f64::from(row).sqrt());
                (few, added(one + chance, rows.iter().map(|row| row.last)) / row)
            }
            None => (few, each),
        }
    }

    /// What each segment of a message costs a target that reads it before the next one is sent.
    async fn each_segment(&self) -> Duration {
        let message = plain(self.framing, 3);
        let mut probe = self.probe();
        let conn = probe.open();
        let frame = Bytes::from(probe.frame(&message));
        let pieces = PIECES.min(frame.len());
        if pieces < 2 {
            return Duration::ZERO;
        }
        let cuts = |piece: usize| piece * frame.len() / pieces;
        let segments = (0..pieces)
            .map(|piece| Segment { cut: piece > 0, ..Segment::once(frame.slice(cuts(piece)..cuts(piece + 1))) });
        probe.send_segments(conn, segments.collect(), Some(Promise::once(message.into(), Duty::Echo)));
        if self.framing.strategy() == Strategy::Close {
            probe.step(Step::Shutdown(conn));
        }
        probe.hear(&[conn], &[Until::Echo, Until::Closed]);
        let trace = self.transport.run(probe.script()).await;
        let more = reply_time(&trace, <[_]>::last).saturating_sub(self.round_trip);
        more / u32::try_from(pieces - 1).unwrap_or(1)
    }

    /// So many messages at once on a connection of their own.
    async fn row(&self, row: u32) -> Row {
        let message = plain(self.framing, 0);
        let promise = Promise { payload: message.clone().into(), duty: Duty::Echo, copies: row };
        let mut probe = self.probe();
        let conn = probe.open();
        probe.send(conn, probe.frame(&message).repeat(row as usize), Some(promise));
        probe.hear(&[conn], &[Until::Echo, Until::Closed]);
        let trace = self.transport.run(probe.script()).await;
        Row {
            messages: u32::try_from(self.count(&trace, conn, &message)).unwrap_or(u32::MAX),
            first: reply_time(&trace, <[_]>::first),
            last: reply_time(&trace, <[_]>::last),
        }
    }

    /// D1: whether a reply begins before the message is complete.
    async fn partial(&self) -> bool {
        let strategy = self.framing.strategy();
        if strategy == Strategy::Raw {
            return true;
        }
        let mut probe = self.probe().stream();
        let conn = probe.open();
        let frame = probe.frame(&plain(self.framing, 1));
        let most = if strategy == Strategy::Close { frame.len() } else { frame.len().saturating_sub(1) };
        if most == 0 {
            return false;
        }
        probe.send(conn, frame[..most].to_vec(), None);
        probe.listen_briefly(conn, Until::Bytes(1));
        probe.step(Step::Reset(conn)); // FIN inside a message is another matter
        let trace = self.transport.run(probe.script()).await;
        was_answered(&trace, conn)
    }

    /// D2: whether the connection is closed after one reply.
    async fn once(&self) -> bool {
        if self.framing.strategy() == Strategy::Close {
            return true;
        }
        let mut probe = self.probe();
        let conn = probe.open();
        probe.say(conn, plain(self.framing, 1), Duty::Echo);
        probe.hear(&[conn], &[Until::Echo]);
        probe.say(conn, plain(self.framing, 2), Duty::Echo);
        probe.hear(&[conn], &[Until::Echo, Until::Closed]);
        let trace = self.transport.run(probe.script()).await;
        was_closed(&trace, conn) && self.messages(&trace, conn).len() < 2
    }

    /// How many of these messages came back on a connection; in a stream, which has none, how many would fit.
    fn count(&self, trace: &Trace, conn: Conn, message: &[u8]) -> usize {
        let messages = self.messages(trace, conn);
        if self.is_framed() { messages.len() } else { messages.concat().len() / message.len().max(1) }
    }

    pub(super) fn is_framed(&self) -> bool {
        !matches!(self.framing.strategy(), Strategy::Raw | Strategy::Close)
    }

    /// The messages that came on a connection; of a stream, which has none, all bytes.
    pub(super) fn messages(&self, trace: &Trace, conn: Conn) -> Vec<Bytes> {
        if !self.is_framed() {
            return vec![received(trace, conn).flatten().copied().collect()];
        }
        let mut deframer = Deframer::new(&self.framing.reply());
        let mut messages = Vec::new();
        for bytes in received(trace, conn) {
            deframer.push(bytes);
            messages.extend(std::iter::from_fn(|| deframer.next_frame()?.ok()).map(|frame| Bytes::from(frame.payload)));
        }
        messages
    }
}
