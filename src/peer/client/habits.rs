//! What a client does at each point of its session: right, or as a fault has it.

use std::time::Duration;

use super::Farewell;
use crate::framing::{Framing, Strategy};
use crate::session::Exit;

/// How a client goes about its session.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent habits, each of which a fault changes by itself")]
pub struct Habits {
    /// How it knows that the reply is whole.
    pub whole: Whole,
    /// How many bytes it counts, where it counts; the message's length if nothing is said.
    pub counted: Option<usize>,
    /// Whether what comes beyond them is dropped unseen.
    pub drops_surplus: bool,
    /// What it does while it sends.
    pub sending: Sending,
    /// So many bytes are written at once.
    pub write_at_once: usize,
    /// Takes a write that took a part for one that took all.
    pub ignores_short_writes: bool,
    /// Sends FIN behind its message.
    pub half_closes: bool,
    /// How it closes.
    pub closing: Closing,
    /// How long it keeps the connection after the reply.
    pub delay: Duration,
    /// Its own patience, if it does not do as it is told.
    pub patience: Option<Duration>,
    /// A reply that is not the message.
    pub on_mismatch: Reaction,
    /// Bytes behind the reply that belong to no frame of it.
    pub on_surplus: Reaction,
    /// A reply that is no frame.
    pub on_malformed: Reaction,
    /// A reply whose trailer is wrong.
    pub on_trailer: Reaction,
    /// An escape byte (of SLIP and HDLC) at the end of what one read brings is lost.
    pub loses_cut_escapes: bool,
    /// A line feed ends the reply as CR LF does.
    pub lines_end_anyhow: bool,
    /// FIN inside the reply.
    pub on_early_end: Reaction,
    /// FIN without a byte of it.
    pub on_no_reply: Reaction,
    /// RST.
    pub on_reset: Reaction,
    /// Silence.
    pub on_timeout: Reaction,
    /// Nobody listens.
    pub on_refused: Reaction,
    /// Exit status, whatever happened.
    pub status: Option<i32>,
    /// The signal that ends it after its session, whatever happened.
    pub dies_of: Option<i32>,
    /// What it makes of the reply before it compares it.
    pub takes: fn(Vec<u8>) -> Vec<u8>,
    /// What it makes of what it prints.
    pub prints: fn(Vec<u8>) -> Vec<u8>,
    /// Connects a second time.
    pub again: bool,
    /// Tries the first address of a name, and no other.
    pub one_address: bool,
    /// Asks again at once where it should wait; only its process shows it.
    pub spins: bool,
}

/// How a client knows that the reply is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// The framing says so.
    Framing,
    /// The stream has ended.
    End,
    /// As many bytes have come as were sent.
    Count,
    /// Something has come.
    FirstRead,
}

/// What a client does while its message is on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Listens at the same time.
    AndListening,
    /// Reads nothing before all is written.
    BeforeReading,
    /// Leaves as soon as all is written.
    AndLeaves,
}

/// How a client closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// At once, with FIN.
    Fin,
    /// At once, with RST.
    Reset,
    /// When the server has closed.
    AfterFin,
    /// Not at all.
    Never,
}

/// What a client does when something has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Reports success.
    Succeed,
    /// Reports a failure.
    Fail,
    /// Waits on, or loops.
    Hang,
    /// Is ended by a signal of this number.
    Crash(i32),
    /// Reports a failure, and connects once more.
    Retry,
}

impl Reaction {
    /// How the client leaves; `None`: it does not.
    pub(super) fn farewell(self, habits: &Habits, reply: Vec<u8>, why: &str) -> Option<Farewell> {
        let status = |code: i32| {
            let code = habits.status.unwrap_or(code);
            if code == 0 { Exit::Success(code) } else { Exit::Failure(code) }
        };
        let exit = match self {
            Self::Hang => return None,
            Self::Succeed => status(0),
            Self::Fail | Self::Retry => status(1),
            Self::Crash(signal) => Exit::Signal(signal),
        };
        let exit = habits.dies_of.map_or(exit, Exit::Signal);
        let why = (self != Self::Succeed).then(|| why.to_owned());
        Some(Farewell { exit, output: (habits.prints)(reply), why, again: habits.again || self == Self::Retry })
    }
}

impl Habits {
    /// What is right in this framing.
    pub(super) fn right(framing: &Framing) -> Self {
        let whole = match framing.strategy() {
            Strategy::Raw => Whole::Count,
            Strategy::Close => Whole::End,
            _ => Whole::Framing,
        };
        Self {
            whole,
            counted: None,
            drops_surplus: false,
            sending: Sending::AndListening,
            write_at_once: usize::MAX,
            ignores_short_writes: false,
            half_closes: framing.strategy() == Strategy::Close,
            closing: Closing::Fin,
            delay: Duration::ZERO,
            patience: None,
            on_mismatch: Reaction::Fail,
            on_surplus: Reaction::Succeed,
            on_malformed: Reaction::Fail,
            on_trailer: Reaction::Fail,
            loses_cut_escapes: false,
            lines_end_anyhow: false,
            on_early_end: Reaction::Fail,
            on_no_reply: Reaction::Fail,
            on_reset: Reaction::Fail,
            on_timeout: Reaction::Fail,
            on_refused: Reaction::Fail,
            status: None,
            dies_of: None,
            takes: |reply| reply,
            prints: |reply| reply,
            again: false,
            one_address: false,
            spins: false,
        }
    }
}
