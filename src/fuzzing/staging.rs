//! From a plan to a script: every wait is for something that a right server does.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use super::account::{Account, Trust, account, is_stream};
use super::plan::{Act, Move, Plan};
use crate::framing::{Framing, Reason, Strategy};
use crate::peer::Settings;
use crate::profile::Tempo;
use crate::session::{Conn, Duty, Pace, Promise, Replies, Script, Segment, Step, Until};

/// The bound on one session: every wait is bounded, this is only so that there is a bound.
const BOUND: Duration = Duration::from_secs(24 * 60 * 60);

/// Of a stream of more bytes, what comes before something that is refused is answered before that is sent.
const SMALL: usize = 4096;

/// A stream is cut so often at most to what the moves send of it.
const ATTEMPTS: u32 = 32;

/// The longest pause where time is real.
const REAL: Duration = Duration::from_millis(10);

/// The script of a plan for a server that does what these settings say.
pub fn script(plan: &Plan, settings: &Settings, trust: Trust, tempo: Tempo) -> Script {
    let lines = lines(plan, settings, trust);
    let longest = if trust == Trust::Declared { REAL } else { Duration::MAX };
    let mut stage = Stage { framing: &settings.framing, trust, tempo, longest, lines, steps: Vec::new() };
    for Move { on, act } in &plan.moves {
        if let Some(index) = usize::from(*on).checked_rem(plan.streams.len()) {
            stage.play(index, *act);
        }
    }
    for index in 0..plan.streams.len() {
        stage.finish(index);
    }
    let framed = || Replies::Framed(Box::new(settings.framing.reply().into_owned()));
    let replies = if is_stream(&settings.framing) { Replies::Stream } else { framed() };
    Script { steps: stage.steps, replies, bound: BOUND, errand: None }
}

/// The bytes of the first connection in the segments in which a plan sends them.
pub fn segments(plan: &Plan, settings: &Settings, trust: Trust) -> Vec<Bytes> {
    let Some(line) = lines(plan, settings, trust).into_iter().next() else { return Vec::new() };
    let mut from = 0;
    let segments = ends(plan, 0, &line).into_iter().map(|end| line.wire.slice(std::mem::replace(&mut from, end)..end));
    segments.filter(|segment| !segment.is_empty()).collect()
}

/// What the streams of a plan are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nature {
    /// Messages that come back, on all connections.
    pub owed: usize,
    /// Why something is refused, if anything is.
    pub refusal: Option<Reason>,
    /// The server may end a connection before its client does.
    pub may_end: bool,
    /// A stream ends inside a message.
    pub is_unfinished: bool,
    /// The largest message, in bytes.
    pub largest: usize,
    /// A message is cut: in so many pieces at most.
    pub pieces: usize,
    /// So many messages end in one segment, at most.
    pub together: usize,
}

/// Looks at what a plan sends.
pub fn nature(plan: &Plan, settings: &Settings, trust: Trust) -> Nature {
    let mut nature = Nature::default();
    for (index, line) in lines(plan, settings, trust).into_iter().enumerate() {
        let ends = ends(plan, index, &line);
        let owed = &line.account.owed;
        nature.owed += owed.len();
        nature.refusal = nature.refusal.or(line.account.refusal);
        nature.may_end |= line.account.ends_after.is_some();
        nature.is_unfinished |= line.account.is_unfinished;
        nature.largest = owed.iter().map(|owed| owed.payload.len()).chain([nature.largest]).max().unwrap_or(0);
        let within =
            |frame: &Range<usize>| ends.iter().filter(|end| (frame.start + 1..frame.end).contains(end)).count();
        nature.pieces = owed.iter().map(|owed| within(&owed.frame) + 1).chain([nature.pieces]).max().unwrap_or(0);
        let mut from = 0;
        for end in ends {
            let ended = owed.iter().filter(|owed| (from + 1..=end).contains(&owed.frame.end)).count();
            nature.together = nature.together.max(ended);
            from = end;
        }
    }
    nature
}

/// Where the segments of a connection end.
fn ends(plan: &Plan, index: usize, line: &Line) -> Vec<usize> {
    let mut line = Line { sent: 0, is_ended: false, ..line.clone() };
    let mut ends = Vec::new();
    for one in plan.moves.iter().filter(|one| usize::from(one.on) % plan.streams.len() == index) {
        line.rehearse(one.act);
        ends.push(line.sent);
    }
    if !line.is_ended {
        ends.push(line.wire.len());
    }
    ends.dedup();
    ends
}

/// One connection on its way.
#[derive(Clone)]
struct Line {
    wire: Bytes,
    account: Account,
    is_born: bool,
    /// Nothing more is sent.
    is_ended: bool,
    sent: usize,
    /// How many of the messages owed have been promised.
    promised: usize,
    reads: Pace,
}

struct Stage<'a> {
    framing: &'a Framing,
    trust: Trust,
    tempo: Tempo,
    /// No pause is longer.
    longest: Duration,
    lines: Vec<Line>,
    steps: Vec<Step>,
}

/// What is sent on each connection until it ends, and what is owed for that.
fn lines(plan: &Plan, settings: &Settings, trust: Trust) -> Vec<Line> {
    let wires = plan.streams.iter().map(|stream| Bytes::from(stream.sent(&settings.framing, usize::MAX).wire));
    let lines = wires.enumerate().map(|(index, wire)| {
        let account = account(settings, trust, &wire);
        let mut line =
            Line { wire, account, is_born: false, is_ended: false, sent: 0, promised: 0, reads: Pace::Eager };
        for attempt in 1.. {
            for one in plan.moves.iter().filter(|one| usize::from(one.on) % plan.streams.len() == index) {
                line.rehearse(one.act);
            }
            let sends_all = !line.is_ended || line.sent >= line.wire.len();
            let sent = line.sent;
            (line.sent, line.is_ended) = (0, false);
            if sends_all {
                break;
            }
            // Moves that go by the ends of messages lead elsewhere where a message has lost its end. Each time a little less,
            // for thousands of times, would take a time that is quadratic in the stream: then it stands for none.
            line.wire.truncate(if attempt < ATTEMPTS { sent } else { 0 });
            line.account = self::account(settings, trust, &line.wire);
        }
        line
    });
    lines.collect()
}

impl Line {
    /// How far an act brings the stream.
    fn rehearse(&mut self, act: Act) {
        match act {
            _ if self.is_ended => {}
            Act::Send(_) | Act::Finish(_) | Act::Short(_) => self.sent = self.end_of(act),
            Act::SendFin => (self.sent, self.is_ended) = (self.wire.len(), true),
            Act::HalfClose | Act::Close | Act::Reset => self.is_ended = true,
            Act::Pause(_) | Act::Echo | Act::Quiet | Act::Read(_) => {}
        }
    }

    /// Where the segment ends that an act sends.
    fn end_of(&self, act: Act) -> usize {
        let end = match act {
            Act::Send(len) => self.sent + usize::from(len) + 1,
            Act::Finish(further) => self.end_of_message(further),
            Act::Short(by) => {
                let end = self.end_of_message(0).min(self.wire.len()).saturating_sub(usize::from(by) + 1);
                end.max(self.sent + 1)
            }
            _ => usize::MAX,
        };
        end.min(self.wire.len())
    }

    /// Where the message ends that is being sent, or one so many behind it.
    fn end_of_message(&self, further: u8) -> usize {
        let mut ends = self.account.owed.iter().map(|owed| owed.frame.end).filter(|end| *end > self.sent);
        ends.nth(further.into()).unwrap_or(usize::MAX)
    }

    /// Whether the server may have ended the connection.
    fn may_be_over(&self) -> bool {
        self.is_ended || self.account.ends_after.is_some_and(|after| self.sent > after)
    }
}

impl Stage<'_> {
    fn play(&mut self, index: usize, act: Act) {
        if self.lines[index].is_ended {
            return;
        }
        self.open(index);
        let conn = Conn(index as u16);
        match act {
            Act::Send(_) | Act::Finish(_) | Act::Short(_) => {
                let end = self.lines[index].end_of(act);
                self.send(index, end, false);
            }
            Act::SendFin => {
                self.send(index, usize::MAX, true);
                if !self.lines[index].is_ended {
                    self.ended(index);
                }
            }
            Act::HalfClose => self.half_close(index),
            Act::Pause(length) => self.steps.push(Step::Pause(pause(length).min(self.longest))),
            Act::Echo => self.echo(index),
            Act::Quiet => self.quiet(index),
            Act::Read(bytes) => self.read(index, bytes),
            Act::Close | Act::Reset => {
                self.lines[index].is_ended = true;
                self.steps.push(if act == Act::Close { Step::Close(conn) } else { Step::Reset(conn) });
            }
        }
    }

    /// The rest of a stream, its replies, and the end.
    fn finish(&mut self, index: usize) {
        if !self.lines[index].is_ended {
            self.open(index);
            self.send(index, usize::MAX, false);
        }
        if !self.lines[index].is_ended {
            self.echo(index);
            self.half_close(index);
            self.steps.push(Step::Close(Conn(index as u16)));
        }
    }

    fn open(&mut self, index: usize) {
        if !std::mem::replace(&mut self.lines[index].is_born, true) {
            self.steps.push(Step::Connect { conn: Conn(index as u16), receive_buffer: None });
        }
    }

    /// Sends up to an offset; of what comes behind something doubtful nothing is claimed, so it is not read.
    fn send(&mut self, index: usize, end: usize, fin: bool) {
        let line = &self.lines[index];
        let crosses = |place: &usize| (line.sent..end.min(line.wire.len())).contains(place);
        if let Some(refused) = line.account.ends_after.filter(crosses).filter(|_| self.is_large(index)) {
            // What came before may be lost with the connection, if there is much of it.
            self.send_known(index, refused, false);
            self.echo(index);
            return self.send_known(index, end, fin);
        }
        let line = &self.lines[index];
        let Some(doubtful) = line.account.doubtful_after.filter(|doubtful| end.min(line.wire.len()) > *doubtful) else {
            return self.send_known(index, end, fin);
        };
        if doubtful > line.sent {
            self.send_known(index, doubtful, false);
        }
        self.echo(index);
        self.pace(index, Pace::Stopped);
        self.send_known(index, end, fin);
        self.lines[index].is_ended = true;
        self.steps.push(Step::Reset(Conn(index as u16)));
    }

    fn is_large(&self, index: usize) -> bool {
        self.trust == Trust::Measured && self.lines[index].wire.len() > SMALL
    }

    /// Sends up to an offset; right after another segment of the same connection, as the next segment of one step.
    fn send_known(&mut self, index: usize, end: usize, fin: bool) {
        let line = &mut self.lines[index];
        let bytes = line.wire.slice(line.sent..end.min(line.wire.len()));
        line.sent += bytes.len();
        let segment = Segment { fin, ..Segment::once(bytes) };
        let due = line.account.owed[line.promised..].iter().take_while(|owed| owed.frame.end <= line.sent);
        let due = due.map(|owed| Promise::once(owed.payload.clone(), Duty::Echo));
        let mut due: Vec<_> = due.collect();
        line.promised += due.len();
        if fin {
            due.extend(line.account.last_promise());
        }
        let conn = Conn(index as u16);
        match self.steps.last_mut() {
            Some(Step::Send { conn: last, promises, segments, .. }) if *last == conn => {
                promises.extend(due);
                segments.push(Segment { cut: true, ..segment });
            }
            _ if segment.bytes.is_empty() && !fin && due.is_empty() => {}
            _ => {
                let within = Some(self.tempo.reply);
                self.steps.push(Step::Send { conn, promises: due, segments: vec![segment], within });
            }
        }
    }

    fn half_close(&mut self, index: usize) {
        let conn = Conn(index as u16);
        if let Some(promise) = self.lines[index].account.last_promise() {
            let promises = vec![promise];
            self.steps.push(Step::Send { conn, promises, segments: Vec::new(), within: Some(self.tempo.reply) });
        }
        self.steps.push(Step::Shutdown(conn));
        self.ended(index);
    }

    /// Our FIN is out: the last replies come, and then the server's FIN.
    fn ended(&mut self, index: usize) {
        let conn = Conn(index as u16);
        self.attend(index);
        let refuses = self.lines[index].may_be_over() || self.lines[index].account.is_unfinished;
        let line = &mut self.lines[index];
        line.is_ended = true;
        // A stream without frames comes back whole or, refused, not at all.
        if self.framing.strategy() != Strategy::Close || line.account.at_end.is_some() || self.framing.echoes_at_once()
        {
            self.wait(conn, Until::Echo, self.tempo.reply);
        }
        // Whoever refuses may leave bytes unread, which turns his FIN into RST (CATALOGUE D15).
        let end = if refuses && self.trust == Trust::Measured { Until::Closed } else { Until::End };
        self.wait(conn, end, self.tempo.reply);
    }

    /// Waits for everything owed, where it is known to be owed before our FIN.
    fn echo(&mut self, index: usize) {
        if self.framing.strategy() == Strategy::Close && !self.framing.echoes_at_once() {
            return;
        }
        self.attend(index);
        self.wait(Conn(index as u16), Until::Echo, self.tempo.reply);
    }

    fn quiet(&mut self, index: usize) {
        self.echo(index);
        if !self.lines[index].may_be_over() {
            self.wait(Conn(index as u16), Until::Silence, self.tempo.quiet);
        }
    }

    fn wait(&mut self, conn: Conn, until: Until, within: Duration) {
        self.steps.push(Step::Await { conns: vec![conn], any: vec![until], within });
    }

    fn read(&mut self, index: usize, bytes: u8) {
        // However large the stream, its replies are read within a few hundred reads; a few where time is real.
        let most = if self.trust == Trust::Measured { 12 } else { 256 };
        let least = self.lines[index].wire.len() / most;
        let every = Duration::from_millis(1);
        let pace = match bytes {
            0 => Pace::Stopped,
            _ => Pace::Drip { bytes: usize::from(bytes).max(least), every },
        };
        self.pace(index, pace);
    }

    /// Replies that are waited for are read.
    fn attend(&mut self, index: usize) {
        if self.lines[index].reads == Pace::Stopped {
            self.pace(index, Pace::Eager);
        }
    }

    fn pace(&mut self, index: usize, pace: Pace) {
        self.lines[index].reads = pace;
        self.steps.push(Step::Read { conn: Conn(index as u16), pace });
    }
}

impl Account {
    fn last_promise(&self) -> Option<Promise> {
        self.at_end.as_ref().map(|(payload, duty)| Promise::once(payload.clone(), *duty))
    }
}

/// Half a millisecond to a minute, about a twelfth more each time.
pub(crate) fn pause(length: u8) -> Duration {
    let (octave, step) = (u32::from(length / 16), u64::from(length % 16));
    Duration::from_micros((500 + 32 * step) << octave.min(15))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{Strategy as _, prop_assert_eq, prop_oneof, proptest};

    use super::*;
    use crate::fuzzing::stream::{Message, Stream};

    fn act() -> impl proptest::strategy::Strategy<Value = Act> {
        prop_oneof![(0_u8..3).prop_map(Act::Send), (0_u8..2).prop_map(Act::Finish), (0_u8..3).prop_map(Act::Short)]
    }

    proptest! {
        #[test]
        fn an_unfinished_message_that_may_be_delivered_is_what_was_sent_of_it(
            sizes in vec(1_usize..6, 1..4),
            acts in vec(act(), 0..4),
        ) {
            let settings = Settings::new("delimiter:lf".parse().expect("a framing"));
            let messages = sizes.iter().map(|size| Message::Bytes(vec![b'a'; *size])).collect();
            let moves = acts.into_iter().chain([Act::HalfClose]).map(|act| Move { on: 0, act }).collect();
            let streams = vec![Stream { messages, damage: Vec::new() }];
            let plan = Plan { framing: settings.framing.clone(), streams, moves };
            let script = script(&plan, &settings, Trust::Measured, Tempo::PATIENT);
            let mut sent = Vec::new();
            for step in &script.steps {
                let Step::Send { promises, segments, .. } = step else { continue };
                sent.extend(segments.iter().flat_map(|segment| segment.bytes.iter().copied()));
                for promise in promises.iter().filter(|promise| promise.duty == Duty::May) {
                    let last = sent.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
                    prop_assert_eq!(&promise.payload[..], last);
                }
            }
        }
    }
}
