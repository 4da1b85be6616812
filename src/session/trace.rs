//! What happened, as it happened: the only thing that the oracle sees.

mod reading;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::errand::Departure;
use super::script::{Conn, Duty, Promise};
pub use reading::TraceError;

/// Everything that one run of a script did and saw, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// In the order of their happening; times never fall.
    pub records: Vec<Record>,
}

/// What comes within so short a time is one piece, up to so many bytes: a target that answers byte by byte would cost a
/// hundred times the memory of its replies.
const AT_ONCE: Duration = Duration::from_millis(50);
const PIECE: usize = 256;

impl Trace {
    /// For how long nothing had happened when it ended.
    pub fn stood_still(&self) -> Duration {
        let [.., before, last] = self.records.as_slice() else { return Duration::ZERO };
        last.at.saturating_sub(before.at)
    }

    /// How the client under test left, if there was one.
    pub fn departure(&self) -> Option<&Departure> {
        self.records.iter().rev().find_map(|record| match &record.event {
            Event::Left(departure) => Some(departure),
            _ => None,
        })
    }

    /// Adds what happened last.
    pub fn push(&mut self, record: Record) {
        if let (Event::Received(came), Some(last)) = (&record.event, self.records.last_mut())
            && last.conn == record.conn
            && record.at.saturating_sub(last.at) < AT_ONCE
            && let Event::Received(before) = &mut last.event
            && before.len() + came.len() <= PIECE
        {
            *before = [&before[..], came].concat().into();
            return;
        }
        self.records.push(record);
    }
}

/// One event with its time since the start of the case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Since the start of the case.
    pub at: Duration,
    /// On which connection; the first one for events that concern none.
    pub conn: Conn,
    /// What happened.
    pub event: Event,
}

/// What can happen. Received segments are not frames: how TCP cut the reply means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The handshake is complete.
    Connected,
    /// It could not be completed.
    ConnectFailed(Failure),
    /// The bytes that follow carry this message.
    Promised(Promise),
    /// Written to the socket in one go.
    Sent(Bytes),
    /// The bytes before this were seen to arrive apart from those after it.
    Apart(Proof),
    /// Our FIN.
    SentFin,
    /// Our RST.
    SentReset,
    /// A byte of urgent data, after which replies are not compared.
    SentUrgent,
    /// We closed both directions.
    Closed,
    /// Bytes as they came.
    Received(Bytes),
    /// The target's FIN.
    Fin,
    /// The target's RST.
    Reset,
    /// Writing failed: the target is gone.
    WriteFailed(Failure),
    /// More came than could ever be right, or a good deal behind what is wrong; reading stopped.
    Flood,
    /// A waiting step ended.
    Step {
        /// Index in the script.
        step: usize,
        /// How.
        outcome: Outcome,
    },
    /// Another connection came than the script has.
    Again,
    /// All that a client wrote to its standard output.
    Output(Bytes),
    /// The end of what a client wrote to its standard error.
    Errors(Bytes),
    /// A client left.
    Left(Departure),
    /// The bound on the whole case ran out in this step.
    OutOfTime {
        /// Index in the script.
        step: usize,
    },
}

/// How it is known that a segment arrived by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// The target's receive queue was empty: it has read the segment.
    Read,
    /// The target's kernel has acknowledged it, and some time went by.
    Acked,
    /// Neither could be seen in time.
    None,
    /// Neither could be seen in time, but what follows is another message: no cut depends on it.
    Moot,
    /// The target has closed its socket.
    Gone,
}

/// Why a connection could not be had or written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// Nobody listens.
    Refused,
    /// RST.
    Reset,
    /// The other side has closed (EPIPE).
    Broken,
    /// No answer in time.
    Timeout,
    /// No way to the address.
    Unreachable,
    /// We ran out of something (descriptors, ports): nothing is known of the target.
    Ours,
}

/// How a waiting step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// What it waited for is so.
    Met,
    /// Time ran out.
    Overdue,
    /// It cannot become so any more: the connection has ended, or the reply is wrong already.
    Hopeless,
    /// Something came where silence was due.
    Broken,
}

impl Trace {
    /// The events of one connection with their index in the trace.
    pub fn of(&self, conn: Conn) -> impl Iterator<Item = (usize, &Record)> {
        self.records.iter().enumerate().filter(move |(_, record)| record.conn == conn)
    }

    /// Puts an event where its time belongs.
    pub fn insert(&mut self, record: Record) {
        let at = self.records.partition_point(|other| other.at <= record.at);
        self.records.insert(at, record);
    }

    /// When the last event happened.
    pub fn duration(&self) -> Duration {
        self.records.last().map_or(Duration::ZERO, |record| record.at)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.records.iter().try_for_each(|record| writeln!(f, "{record}"))
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06} {} {}", self.at.as_secs(), self.at.subsec_micros(), self.conn, self.event)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("connected"),
            Self::ConnectFailed(why) => write!(f, "connect-failed {why}"),
            Self::Promised(Promise { payload, duty, copies }) => {
                write!(f, "promised {} {copies} x \"{}\"", name(&DUTIES, *duty), payload.escape_ascii())
            }
            Self::Sent(bytes) => write!(f, "> \"{}\"", bytes.escape_ascii()),
            Self::Apart(proof) => write!(f, "apart {}", name(&PROOFS, *proof)),
            Self::SentFin => f.write_str("> FIN"),
            Self::SentReset => f.write_str("> RST"),
            Self::SentUrgent => f.write_str("> urgent"),
            Self::Closed => f.write_str("> close"),
            Self::Received(bytes) => write!(f, "< \"{}\"", bytes.escape_ascii()),
            Self::Fin => f.write_str("< FIN"),
            Self::Reset => f.write_str("< RST"),
            Self::WriteFailed(why) => write!(f, "write-failed {why}"),
            Self::Flood => f.write_str("flood"),
            Self::Again => f.write_str("again"),
            Self::Output(bytes) => write!(f, "output \"{}\"", bytes.escape_ascii()),
            Self::Errors(bytes) => write!(f, "errors \"{}\"", bytes.escape_ascii()),
            Self::Left(departure) => write!(f, "left {departure}"),
            Self::Step { step, outcome } => write!(f, "step {step} {outcome}"),
            Self::OutOfTime { step } => write!(f, "out-of-time {step}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(&FAILURES, *self))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(&OUTCOMES, *self))
    }
}

/// The word that stands for a value in a trace.
fn name<T: Copy + PartialEq>(table: &[(&'static str, T)], value: T) -> &'static str {
    table.iter().find(|(_, known)| *known == value).map_or("?", |(name, _)| name)
}

const DUTIES: [(&str, Duty); 4] =
    [("echo", Duty::Echo), ("may", Duty::May), ("never", Duty::Never), ("text", Duty::Text)];

const PROOFS: [(&str, Proof); 5] = [
    ("read", Proof::Read),
    ("acked", Proof::Acked),
    ("unproved", Proof::None),
    ("moot", Proof::Moot),
    ("gone", Proof::Gone),
];

const FAILURES: [(&str, Failure); 6] = [
    ("refused", Failure::Refused),
    ("reset", Failure::Reset),
    ("broken", Failure::Broken),
    ("timeout", Failure::Timeout),
    ("unreachable", Failure::Unreachable),
    ("ours", Failure::Ours),
];

const OUTCOMES: [(&str, Outcome); 4] = [
    ("met", Outcome::Met),
    ("overdue", Outcome::Overdue),
    ("hopeless", Outcome::Hopeless),
    ("broken", Outcome::Broken),
];
