//! What a case does, in concrete bytes: the steps that a [`Session`](super::Session) walks through.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::errand::Errand;
use crate::framing::Framing;

/// One connection of a case, by the order in which the scenario names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conn(pub u16);

impl fmt::Display for Conn {
    /// `a` to `z`, then `a1`, `b1` and so on.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = char::from(b'a' + (self.0 % 26) as u8);
        match self.0 / 26 {
            0 => write!(f, "{letter}"),
            round => write!(f, "{letter}{round}"),
        }
    }
}

/// What a right target owes for a message that it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Duty {
    /// It comes back.
    Echo,
    /// It may come back, once, or not at all: an unfinished or an empty message where right implementations differ.
    May,
    /// It must not come back: an oversize or a damaged message, or a part of one.
    Never,
    /// It is answered with a text that nobody can know, and then the connection ends (`over=reply`, CATALOGUE D5, D20).
    Text,
}

/// A message that the following bytes carry, and what is owed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The message itself, without framing.
    pub payload: Bytes,
    /// What the target owes.
    pub duty: Duty,
    /// So many times in a row, at least once: a great many equal messages need no list.
    pub copies: u32,
}

impl Promise {
    /// One message.
    pub fn once(payload: Bytes, duty: Duty) -> Self {
        Self { payload, duty, copies: 1 }
    }
}

/// Bytes that leave together, apart from what was sent before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What is written at once.
    pub bytes: Bytes,
    /// So many times in a row, at least once and without a gap: a flood needs no memory.
    pub times: u32,
    /// Whether it continues a message, so that it must be seen to arrive apart from what came before.
    pub cut: bool,
    /// Whether the FIN travels in the same packet as the last byte.
    pub fin: bool,
}

impl Segment {
    /// The beginning of something, and no FIN.
    pub fn once(bytes: Bytes) -> Self {
        Self { bytes, times: 1, cut: false, fin: false }
    }
}

/// How replies relate to what was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replies {
    /// The bytes sent come back as they are (RFC 862; close framing; targets measured as `partial=yes`).
    Stream,
    /// Messages come back as frames of this framing.
    Framed(Box<Framing>),
    /// The payloads of what was promised come, one after another and nothing else: what a client sends.
    Payloads,
}

impl Replies {
    /// Frames of the framing of replies, none larger than the largest message that these steps send: so a reply that
    /// claims more is wrong on its header.
    pub fn framed(framing: &Framing, steps: &[Step]) -> Self {
        Self::messages(&framing.reply(), steps)
    }

    /// Frames of this framing itself, none larger than the largest message that the steps promise.
    pub fn messages(framing: &Framing, steps: &[Step]) -> Self {
        let payloads = steps.iter().flat_map(|step| match step {
            Step::Send { promises, .. } => promises.as_slice(),
            _ => &[],
        });
        let largest = payloads.map(|promise| promise.payload.len() as u64).max().unwrap_or(0);
        let mut behaviour = framing.behaviour().clone();
        behaviour.max = Some(largest.max(ROOM));
        Self::Framed(Box::new(framing.clone().with_behaviour(behaviour)))
    }
}

/// A reply of up to so many bytes is compared, and not refused, whatever was sent: what came instead should be seen.
const ROOM: u64 = 4 * 1024;

/// What is kept of a message or a segment beside its bytes: in the script, the account and the trace.
const EACH: usize = 256;

/// So many bytes the buffers between two programs on one machine hold at most, about.
const BUFFERED: u64 = 8 * 1024 * 1024;

/// What is asked of the target on one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// So many messages (of a stream: segments).
    pub messages: u32,
    /// So many bytes in all.
    pub bytes: u64,
    /// For so long its replies are read, where that is slow on purpose.
    pub read_in: Duration,
}

/// What a step waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Until {
    /// Everything owed on the connection has come back.
    Echo,
    /// At least this many bytes have come in all.
    Bytes(u64),
    /// Nothing at all happens for the whole time.
    Silence,
    /// The target's FIN.
    End,
    /// The target's FIN or RST.
    Closed,
    /// The connection was refused.
    Refused,
    /// The client under test has left: its process has ended.
    Left,
    /// The target takes no more of what is being sent: nothing could be written for the whole time.
    Stalled,
    /// The replies so far have come promptly: the median of the round trips is below this. Does not wait.
    Prompt(Duration),
    /// The same has come on each of the connections, as far as each is still heard. Does not wait.
    Same,
}

impl Until {
    /// Whether it is so when nothing happens for the whole time.
    pub(super) fn is_still(&self) -> bool {
        matches!(self, Self::Silence | Self::Stalled)
    }
}

/// One step. A step begins when the one before it is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Opens a connection; complete when it stands or has failed.
    Connect {
        /// Its name from now on.
        conn: Conn,
        /// `SO_RCVBUF` in bytes, set before connecting.
        receive_buffer: Option<u32>,
    },
    /// Sends segments, each apart from the one before.
    Send {
        /// Where.
        conn: Conn,
        /// The messages that the segments carry, whole or in part.
        promises: Vec<Promise>,
        /// What is written, in order.
        segments: Vec<Segment>,
        /// How long no byte may move before the target counts as not reading; `None`: do not wait, go on at once.
        within: Option<Duration>,
    },
    /// Lets time pass.
    Pause(Duration),
    /// Sets how fast a connection is read.
    Read {
        /// Which.
        conn: Conn,
        /// How from now on.
        pace: Pace,
    },
    /// Half-close: FIN by itself, after the target has read what came before.
    Shutdown(Conn),
    /// Closes both directions.
    Close(Conn),
    /// Closes with RST, after the target has read what came before.
    Reset(Conn),
    /// Sends one byte of urgent data (RFC 9293 3.8.5), `!`. What comes back on the connection is not compared any more.
    Urgent(Conn),
    /// Waits until one of several things is so on every one of the connections.
    Await {
        /// Where.
        conns: Vec<Conn>,
        /// Any of these will do.
        any: Vec<Until>,
        /// For a silence its whole length; otherwise how long nothing may move.
        within: Duration,
    },
}

/// How fast the session reads a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Whatever comes, at once.
    Eager,
    /// Not at all.
    Stopped,
    /// So many bytes each time.
    Drip {
        /// Bytes a read.
        bytes: usize,
        /// Time between reads.
        every: Duration,
    },
}

/// A whole case in concrete steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// What to do, in order.
    pub steps: Vec<Step>,
    /// How replies are compared.
    pub replies: Replies,
    /// The bound on the whole case.
    pub bound: Duration,
    /// What the target is started for, if it is a client; `None`: it is a server.
    pub errand: Option<Errand>,
}

/// No reply takes less.
const ROUND_TRIP: Duration = Duration::from_micros(100);

/// And a segment, which the target reads before the next one is sent.
const SEGMENT: Duration = Duration::from_micros(30);

impl Script {
    /// How many connections the script names.
    pub fn connections(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Connect { .. })).count()
    }

    /// Whether it asks how promptly replies come.
    pub fn is_timed(&self) -> bool {
        let asks = |until: &Until| matches!(until, Until::Prompt(_));
        self.steps.iter().any(|step| matches!(step, Step::Await { any, .. } if any.iter().any(asks)))
    }

    /// The largest message that it sends, or has sent to it, in bytes of payload.
    pub fn largest_message(&self) -> u64 {
        let promises = self.steps.iter().filter_map(|step| match step {
            Step::Send { promises, .. } => Some(promises),
            _ => None,
        });
        promises.flatten().map(|promise| promise.payload.len() as u64).max().unwrap_or(0)
    }

    /// How long the script waits by itself, whatever the target does: its pauses and its silences.
    pub fn waits(&self) -> Duration {
        let wait = |step: &Step| match step {
            Step::Pause(length) => *length,
            Step::Await { any, within, .. } if any.iter().any(Until::is_still) => *within,
            _ => Duration::ZERO,
        };
        self.steps.iter().map(wait).sum()
    }

    /// How long it lasts at least: what it waits, what it reads in drops, a round trip for each reply, and what it takes to
    /// see that a segment was read.
    pub fn lasts(&self) -> Duration {
        let drops = self.demands().into_values().map(|demand| demand.read_in).max().unwrap_or_default();
        let rounds = self.steps.iter().filter(|step| matches!(step, Step::Await { .. })).count();
        let segments = self.segments().into_values().max().unwrap_or(0);
        self.waits() + drops + ROUND_TRIP.saturating_mul(rounds as u32) + SEGMENT.saturating_mul(segments)
    }

    /// What it asks for on each connection, as far as that makes work: whoever finds no more room for replies that nobody
    /// reads has nothing to do.
    pub fn demands(&self) -> BTreeMap<Conn, Demand> {
        let mut demands: BTreeMap<Conn, Demand> = BTreeMap::new();
        let mut paces = BTreeMap::new();
        for step in &self.steps {
            if let Step::Read { conn, pace } = step {
                paces.insert(*conn, *pace);
            }
            let Step::Send { conn, promises, segments, .. } = step else { continue };
            let demand = demands.entry(*conn).or_default();
            let messages: u32 = match self.replies {
                Replies::Stream | Replies::Payloads => segments.iter().map(|segment| segment.times).sum(),
                Replies::Framed(_) => promises.iter().map(|promise| promise.copies).sum(),
            };
            let bytes = segments.iter().map(|segment| segment.bytes.len() as u64 * u64::from(segment.times));
            demand.messages = demand.messages.saturating_add(messages);
            demand.bytes += bytes.sum::<u64>();
        }
        for (conn, demand) in &mut demands {
            match paces.get(conn) {
                Some(Pace::Stopped) if demand.bytes > BUFFERED => {
                    demand.messages = (u64::from(demand.messages) * BUFFERED / demand.bytes) as u32;
                    demand.bytes = BUFFERED;
                }
                Some(Pace::Drip { bytes, every }) => {
                    demand.read_in = every.mul_f64(demand.bytes as f64 / (*bytes).max(1) as f64);
                }
                _ => {}
            }
        }
        demands
    }

    /// In how many segments that is sent, on each connection.
    pub fn segments(&self) -> BTreeMap<Conn, u32> {
        let mut all = BTreeMap::new();
        for step in &self.steps {
            let Step::Send { conn, segments, .. } = step else { continue };
            *all.entry(*conn).or_default() += segments.len() as u32;
        }
        all
    }

    /// How many bytes the script holds.
    pub fn weight(&self) -> usize {
        self.steps
            .iter()
            .map(|step| match step {
                Step::Send { segments, .. } => segments.iter().map(|s| s.bytes.len()).sum(),
                _ => 0,
            })
            .sum()
    }

    /// How many bytes of memory it takes to play it, about: what it sends, and what is kept of each message.
    pub fn footprint(&self) -> usize {
        let of = |step: &Step| match step {
            Step::Send { segments, promises, .. } => {
                segments.iter().map(|segment| segment.bytes.len() + EACH).sum::<usize>() + promises.len() * EACH
            }
            _ => 0,
        };
        self.steps.iter().map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Effort;

    fn flood(reads: &[Pace]) -> Script {
        let conn = Conn(0);
        let payload = Bytes::from_static(b"message");
        let segment = Segment { times: 4_000_000, ..Segment::once(payload.clone()) };
        let promise = Promise { payload, duty: Duty::May, copies: 4_000_000 };
        let mut steps: Vec<_> = reads.iter().map(|pace| Step::Read { conn, pace: *pace }).collect();
        let segments = vec![segment];
        steps.insert(1, Step::Send { conn, segments, promises: vec![promise], within: None });
        Script { steps, replies: Replies::framed(&"lf".parse().unwrap(), &[]), bound: Duration::ZERO, errand: None }
    }

    #[test]
    fn a_flood_whose_replies_nobody_reads_makes_no_more_work_than_there_is_room_for() {
        let demanded = |reads: &[Pace]| {
            let Demand { messages, bytes, .. } = flood(reads).demands()[&Conn(0)];
            (messages, bytes)
        };
        assert_eq!(demanded(&[Pace::Eager]), (4_000_000, 28_000_000));
        assert_eq!(demanded(&[Pace::Stopped]).1, BUFFERED);
        assert!(demanded(&[Pace::Stopped]).0 < 1_200_000);
        assert_eq!(demanded(&[Pace::Stopped, Pace::Eager]), (4_000_000, 28_000_000));
    }

    #[test]
    fn nobody_waits_for_a_target_that_waits_for_a_slow_reader() {
        let effort = Effort { in_a_batch: Duration::from_micros(1), ..Effort::default() };
        let work = |pace| effort.over(flood(&[pace]).demands().into_values());
        let drip = |micros| Pace::Drip { bytes: 7, every: Duration::from_micros(micros) };
        assert!(work(Pace::Eager) > Duration::from_secs(3));
        assert_eq!(work(drip(2)), Duration::ZERO);
        assert_eq!(work(drip(0)), work(Pace::Eager));
    }
}
