//! What is known of a target: what its framing string declares, and what calibration measured (CATALOGUE D).
//!
//! Where right implementations differ, the profile decides what a case expects; the oracle never guesses.

use std::time::Duration;

use bytes::Bytes;

use crate::framing::{After, Empty, Eof, Framing, Over, Partial, Strategy};
use crate::session::Demand;

/// Which end of a session is under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The server: scripts are its client's.
    Server,
    /// The client: scripts are its server's.
    Client,
}

/// The declared and the measured side of one target under one framing.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not a state machine")]
pub struct Profile {
    /// Replies begin before a message is complete (D1): the target is judged as a byte stream.
    pub partial: bool,
    /// The connection is closed after one reply (D2).
    pub once: bool,
    /// How many connections were served at once, up to [`CONNS_TRIED`](Self::CONNS_TRIED) (D18).
    pub conns: usize,
    /// What an empty message brings (D4); `None`: not known.
    pub empty: Option<Empty>,
    /// What an oversize message brings (D5); `None`: not known.
    pub over: Option<Over>,
    /// What an unfinished message at the end of the stream brings (D6, D7); `None`: not known.
    pub eof: Option<Eof>,
    /// The largest payload that must be taken, in bytes: declared, or found by measuring. `None`: not known.
    pub max: Option<u64>,
    /// The maximum was found by measuring: one byte more was refused.
    pub edge: bool,
    /// The largest payload that was seen to come back, in bytes; larger ones were refused cleanly. `None`: no limit was met.
    pub limit: Option<u64>,
    /// What the target's process takes can be seen.
    pub watched: bool,
    /// The target is a client.
    pub client: Option<Box<ClientProfile>>,
}

/// What is known of a client under test.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not a state machine")]
pub struct ClientProfile {
    /// How its messages are framed.
    pub requests: Framing,
    /// How replies to it are framed.
    pub replies: Framing,
    /// How it is told what to send.
    pub told: Told,
    /// It sends this message, whatever it is told.
    pub own: Option<Bytes>,
    /// What it sends varies: that was its last one.
    pub varies: bool,
    /// It ends its message with FIN, and waits for the FIN that ends the reply: close framing, and byte streams whose
    /// sender half-closes.
    pub half_closes: bool,
    /// It closes only when its server has.
    pub waits_for_end: bool,
    /// It keeps the connection for so long behind every reply, longer than it is waited for.
    pub closes_after: Option<Duration>,
    /// It prints the reply, and this behind it, which is no part of it: line ends. `None`: nothing, or something else.
    pub prints: Option<Bytes>,
    /// The most resident memory of a plain session, in bytes, where it can be seen.
    pub memory: Option<u64>,
    /// The most address space, in bytes, where it can be seen.
    pub space: Option<u64>,
    /// The most processor time, in milliseconds, where it can be seen.
    pub cpu: Option<u64>,
    /// It takes its time to come, and leaves the processor to others meanwhile.
    pub dawdles: bool,
    /// The rules that it breaks in a plain session, and so in any other.
    pub habitual: Vec<String>,
    /// There is a name with an address of either family, to send it to.
    pub two_addresses: bool,
}

impl ClientProfile {
    /// Nothing but how it is spoken to.
    pub fn unknown(framing: &Framing, told: Told) -> Self {
        Self {
            requests: framing.clone(),
            replies: framing.reply().into_owned(),
            told,
            own: None,
            varies: false,
            half_closes: framing.strategy() == Strategy::Close,
            waits_for_end: false,
            closes_after: None,
            prints: None,
            memory: None,
            space: None,
            cpu: None,
            dawdles: false,
            habitual: Vec::new(),
            two_addresses: false,
        }
    }
}

/// How a client is told its message, and so which messages it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// As an argument: a text without zero bytes.
    Text,
    /// As an argument in hexadecimal.
    Hex,
    /// In its environment, as text or in hexadecimal: measuring says which.
    Environment,
    /// On standard input, or in a file: any bytes.
    Bytes,
    /// Not at all: somebody else has started it.
    Nothing,
}

impl Told {
    /// Why a client cannot be told this message, if so. The kernel bounds an argument at 128 KiB (`MAX_ARG_STRLEN`).
    pub fn objection(self, message: &[u8]) -> Option<&'static str> {
        const LONGEST: usize = 120 * 1024;
        match self {
            Self::Text if message.len() > LONGEST => Some(
                "the message is an argument or a variable, which cannot be so long: {message-file} or standard input can",
            ),
            Self::Text if message.contains(&0) || std::str::from_utf8(message).is_err() => Some(
                "the message is an argument or a variable, which is text: one in hexadecimal, {message-file} or standard input is not",
            ),
            Self::Hex | Self::Environment if message.len() > LONGEST / 2 => Some(
                "the message is an argument or a variable, which cannot be so long: {message-file} or standard input can",
            ),
            _ => None,
        }
    }
}

/// On one machine a small reply takes a fraction of a millisecond; a delayed acknowledgement costs 40 (TIM-01).
const PROMPT: Duration = Duration::from_millis(10);

/// No target that is quick takes so long for its quickest reply, also on a busy machine.
const SLOW: Duration = Duration::from_millis(5);

/// What is repeated on a slow target is repeated for so long.
const REPEATING: Duration = Duration::from_secs(3);

/// How long to wait, derived from the calibrated round trip (PRODUCT "Judging fairly").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tempo {
    /// How long nothing may move while a reply is due.
    pub reply: Duration,
    /// How long a silence is watched where no barrier exists.
    pub quiet: Duration,
    /// The bound on one case.
    pub case: Duration,
    /// How often something is repeated at most where each round waits for a reply: what is enough in number on a fast
    /// target would take minutes on a slow one.
    pub rounds: u32,
    /// What the median of small round trips stays below where nothing delays them.
    pub prompt: Duration,
    /// What the target needs for one more reply among many, and for a mebibyte more: while it is busy with them, it may
    /// keep everybody else waiting.
    pub effort: Effort,
}

/// What replies cost the target in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// One more small reply, when many connections ask for one at once.
    pub message: Duration,
    /// One more small reply on the same connection, when there are a few of them.
    pub in_a_row: Duration,
    /// For how long one of many on a connection keeps the other connections waiting.
    pub in_a_batch: Duration,
    /// One more segment of a message, which it reads before the next one is sent.
    pub segment: Duration,
    /// A mebibyte of one large message.
    pub mebibyte: Duration,
    /// For how long that keeps the other connections waiting.
    pub mebibyte_beside: Duration,
}

impl Effort {
    /// How long others may wait for the target to be done with what is asked of it on some connections. Where replies are
    /// read so slowly that it waits for us, nobody waits for it.
    pub fn over(&self, demands: impl IntoIterator<Item = Demand>) -> Duration {
        let work = |Demand { messages, bytes, read_in }: Demand| {
            let first = if messages == 0 { Duration::ZERO } else { self.message };
            let large = share(self.mebibyte_beside, bytes);
            let work = first + self.in_a_batch.saturating_mul(messages.saturating_sub(1)) + large;
            if work > read_in { work } else { Duration::ZERO }
        };
        demands.into_iter().map(work).sum()
    }

    /// The same where it is beyond any doubt, for a target that was measured at a time scale of 1 and multiplied by
    /// `scale` since; nothing of what a busy machine makes of a quick target.
    #[must_use]
    pub fn of_the_slow(self, scale: f64) -> Self {
        let slow = |time: Duration, from: Duration| if time >= from.mul_f64(scale) { time } else { Duration::ZERO };
        Self {
            in_a_row: slow(self.in_a_row, Duration::from_millis(5)),
            mebibyte: slow(self.mebibyte, Duration::from_secs(2)),
            ..self
        }
    }

    /// Whether the target is slow beyond any doubt over many messages, or large ones; as it was measured.
    pub fn is_of_the_slow(self) -> bool {
        let Self { in_a_row, mebibyte, .. } = self.of_the_slow(1.0);
        !(in_a_row + mebibyte).is_zero()
    }

    /// The same, multiplied.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            message: self.message.mul_f64(factor),
            in_a_row: self.in_a_row.mul_f64(factor),
            in_a_batch: self.in_a_batch.mul_f64(factor),
            segment: self.segment.mul_f64(factor),
            mebibyte: self.mebibyte.mul_f64(factor),
            mebibyte_beside: self.mebibyte_beside.mul_f64(factor),
        }
    }

    /// How long one connection may take over so much.
    pub fn on_one(&self, messages: u32, bytes: u64) -> Duration {
        self.in_a_row.saturating_mul(messages) + self.transfer(bytes)
    }

    /// How long it takes over so many bytes of large messages.
    pub fn transfer(&self, bytes: u64) -> Duration {
        share(self.mebibyte, bytes)
    }
}

/// What so many bytes take where a mebibyte takes so long.
fn share(mebibyte: Duration, bytes: u64) -> Duration {
    Duration::from_nanos(((mebibyte.as_nanos() * u128::from(bytes)) >> 20) as u64)
}

impl Profile {
    /// So many connections at once are tried; a target that serves them all has no known limit.
    pub const CONNS_TRIED: usize = 128;

    /// What the target is.
    pub fn side(&self) -> Side {
        if self.client.is_some() { Side::Client } else { Side::Server }
    }

    /// Whether the target serves so many connections at once, as far as is known.
    pub fn serves(&self, connections: usize) -> bool {
        connections <= self.conns || self.conns >= Self::CONNS_TRIED
    }

    /// How many connections one case may open where there is a limit.
    pub fn share(&self) -> usize {
        if self.serves(usize::MAX) { usize::MAX } else { self.conns / self.cases_at_once() }
    }

    /// How many cases may be played at once.
    pub fn cases_at_once(&self) -> usize {
        if self.serves(usize::MAX) { usize::MAX } else { (self.conns / 4).max(1) }
    }

    /// What the framing string declares; the rest as for a target that does what most do.
    pub fn declared(framing: &Framing) -> Self {
        let behaviour = framing.behaviour();
        Self {
            partial: behaviour.partial == Some(Partial::Yes),
            once: behaviour.after == Some(After::Close),
            conns: usize::MAX,
            empty: behaviour.empty.filter(|empty| *empty != Empty::Any),
            over: behaviour.over.filter(|over| *over != Over::Any),
            eof: behaviour.eof.filter(|eof| *eof != Eof::Any),
            max: behaviour.max,
            edge: false,
            limit: None,
            watched: true,
            client: None,
        }
    }
}

impl Tempo {
    /// Before anything was measured: patient.
    pub const PATIENT: Self = Self {
        reply: Duration::from_secs(5),
        quiet: Duration::from_millis(250),
        case: Duration::from_secs(60),
        rounds: 20,
        prompt: PROMPT,
        effort: Effort {
            message: Duration::ZERO,
            in_a_row: Duration::ZERO,
            in_a_batch: Duration::ZERO,
            segment: Duration::ZERO,
            mebibyte: Duration::ZERO,
            mebibyte_beside: Duration::ZERO,
        },
    };

    /// Deadlines for a target that needs `round_trip` for a small message: 20 times that, at least 500 ms (2 s when a
    /// failure is confirmed), at most 20 s (CATALOGUE D31).
    pub fn for_round_trip(round_trip: Duration) -> Self {
        let reply = (round_trip * 20).clamp(Duration::from_millis(500), Duration::from_secs(20));
        let quiet = (round_trip * 3).clamp(Duration::from_millis(200), Duration::from_secs(5));
        let case = Duration::from_secs(60) + reply * 10;
        Self { reply, quiet, case, rounds: rounds(round_trip), prompt: PROMPT, effort: Effort::default() }
    }

    /// As it is, for a target whose fastest small reply took so long.
    #[must_use]
    pub fn expecting(self, fastest: Duration) -> Self {
        Self { prompt: PROMPT.max(fastest * 3), rounds: rounds(fastest), ..self }
    }

    /// The same, multiplied.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            reply: self.reply.mul_f64(factor),
            quiet: self.quiet.mul_f64(factor),
            case: self.case.mul_f64(factor.max(1.0)),
            prompt: self.prompt.mul_f64(factor),
            effort: self.effort.scaled(factor),
            ..self
        }
    }

    /// How long nothing may move while so many bytes are taken in.
    pub fn reply_to(&self, bytes: u64) -> Duration {
        self.reply + self.effort.transfer(bytes)
    }
}

/// How often a round trip is repeated: as often as asked for, unless the target is slow beyond any doubt.
fn rounds(round_trip: Duration) -> u32 {
    if round_trip < SLOW {
        return u32::MAX;
    }
    (REPEATING.as_secs_f64() / round_trip.as_secs_f64().max(1e-6)).max(3.0) as u32
}
