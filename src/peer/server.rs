//! One connection of the reference server: bytes in, bytes out, and how it ends (R3, R6).
//!
//! Memory is bounded: a message may have [`Settings::max`] bytes, and nothing is read while replies wait to be written.

use std::sync::Arc;
use std::time::Duration;

use crate::framing::{After, AtEnd, Deframer, Empty, Eof, Framing, Over, Partial, Reason, Strategy};

/// Nothing is read while more than this waits to be written.
const BACKLOG: usize = 256 * 1024;

/// How long and how much is read and thrown away after a refusal, so that the reply and the FIN before it are not lost
/// to a reset (RFC 1122 4.2.2.13: closing with unread data resets).
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = 4 * 1024 * 1024;

/// What a server serves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How messages are framed, with the behaviour declared there.
    pub framing: Framing,
    /// The largest payload taken, in bytes.
    pub max: u64,
    /// A connection that moves nothing for so long is closed.
    pub idle: Option<Duration>,
}

impl Settings {
    /// Payloads are bounded at 64 MiB where the framing declares no maximum.
    pub const DEFAULT_MAX: u64 = 64 * 1024 * 1024;

    /// Serves a framing as it declares itself.
    pub fn new(framing: Framing) -> Self {
        let max = framing.behaviour().max.unwrap_or(Self::DEFAULT_MAX);
        let mut behaviour = framing.behaviour().clone();
        behaviour.max = Some(max);
        Self { framing: framing.with_behaviour(behaviour), max, idle: None }
    }
}

/// How the server ends its side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Shut down the sending direction: FIN after everything written.
    Fin,
    /// Close both directions.
    Close,
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    settings: Arc<Settings>,
    deframer: Deframer,
    out: Vec<u8>,
    written: usize,
    state: State,
    moved_at: Duration,
    discarded: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Takes messages and answers them.
    Serving,
    /// Answers what it has, then FIN; what comes is thrown away.
    Refusing,
    /// FIN is out; what comes is thrown away until the client's FIN.
    Draining { since: Duration },
    /// The client's FIN is here; answers what it has, then closes.
    Finishing,
    /// Over.
    Closed,
}

impl Connection {
    /// A connection accepted at `now`.
    pub fn new(settings: Arc<Settings>, now: Duration) -> Self {
        let deframer = match settings.framing.behaviour().over {
            Some(Over::Skip) => Deframer::skipping(&settings.framing),
            _ => Deframer::new(&settings.framing),
        };
        Self { settings, deframer, out: Vec::new(), written: 0, state: State::Serving, moved_at: now, discarded: 0 }
    }

    /// Whether bytes may be read now. Not while replies wait: this is the backpressure.
    pub fn reads(&self) -> bool {
        match self.state {
            State::Serving => self.outgoing().len() < BACKLOG,
            State::Refusing | State::Draining { .. } => true,
            State::Finishing | State::Closed => false,
        }
    }

    /// Bytes came.
    pub fn received(&mut self, now: Duration, bytes: &[u8]) {
        self.moved_at = now;
        if self.state != State::Serving {
            self.discarded += bytes.len() as u64;
            if self.discarded > LINGER_BYTES {
                self.state = State::Closed;
            }
            return;
        }
        if self.is_stream() {
            self.out.extend_from_slice(bytes);
            return;
        }
        self.deframer.push(bytes);
        self.answer();
    }

    /// The client's FIN came.
    pub fn received_fin(&mut self, now: Duration) {
        self.moved_at = now;
        match self.state {
            State::Serving => {
                self.answer_rest();
                self.state = State::Finishing;
            }
            State::Refusing => self.state = State::Finishing,
            State::Draining { .. } => self.state = State::Closed,
            State::Finishing | State::Closed => {}
        }
    }

    /// The connection was reset or writing failed.
    pub fn lost(&mut self) {
        self.state = State::Closed;
    }

    /// What is to be written.
    pub fn outgoing(&self) -> &[u8] {
        &self.out[self.written..]
    }

    /// So much of it was written.
    pub fn wrote(&mut self, now: Duration, len: usize) {
        self.moved_at = now;
        self.written += len;
        if self.written == self.out.len() {
            self.out.clear();
            self.written = 0;
            if self.out.capacity() > BACKLOG * 4 {
                self.out = Vec::new();
            }
        }
    }

    /// What to do about the end, once nothing is left to be written.
    pub fn ending(&self) -> Option<Ending> {
        match self.state {
            _ if self.state == State::Closed => Some(Ending::Close),
            _ if !self.outgoing().is_empty() => None,
            State::Refusing => Some(Ending::Fin),
            State::Finishing => Some(Ending::Close),
            _ => None,
        }
    }

    /// The FIN went out.
    pub fn sent_fin(&mut self, now: Duration) {
        self.state = State::Draining { since: now };
    }

    /// When to call [`tick`](Self::tick) if nothing happens before.
    pub fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Draining { since } => Some(since + LINGER),
            State::Serving => self.settings.idle.map(|idle| self.moved_at + idle),
            _ => None,
        }
    }

    /// Time went by.
    pub fn tick(&mut self, now: Duration) {
        if self.deadline().is_some_and(|deadline| now >= deadline) {
            self.state = match self.state {
                State::Draining { .. } => State::Closed,
                _ => State::Refusing,
            };
        }
    }

    fn is_stream(&self) -> bool {
        let framing = &self.settings.framing;
        framing.strategy() == Strategy::Raw || framing.behaviour().partial == Some(Partial::Yes)
    }

    /// Answers every whole message in the buffer.
    fn answer(&mut self) {
        while self.state == State::Serving {
            match self.deframer.next_frame() {
                None => return,
                Some(Ok(frame)) => self.answer_message(&frame.payload),
                Some(Err(error)) => {
                    let skip = self.settings.framing.behaviour().over == Some(Over::Skip);
                    if !(skip && matches!(error.reason, Reason::TooLong { .. })) {
                        self.state = State::Refusing;
                    }
                }
            }
        }
    }

    fn answer_message(&mut self, payload: &[u8]) {
        let behaviour = self.settings.framing.behaviour();
        if payload.is_empty() {
            match behaviour.empty {
                Some(Empty::Skip) => return,
                Some(Empty::Close | Empty::End) => {
                    self.state = State::Refusing;
                    return;
                }
                _ => {}
            }
        }
        self.reply(payload);
        if self.settings.framing.behaviour().after == Some(After::Close) {
            self.state = State::Refusing;
        }
    }

    fn reply(&mut self, payload: &[u8]) {
        if self.settings.framing.reply().encode(payload, &mut self.out).is_err() {
            self.state = State::Refusing;
        }
    }

    /// The stream ended: close framing has its message now, an unfinished one is dropped unless declared otherwise.
    fn answer_rest(&mut self) {
        if self.is_stream() {
            return;
        }
        let rest = self.deframer.rest().to_vec();
        match self.deframer.finish() {
            AtEnd::Message(payload) => self.reply(&payload),
            AtEnd::Unfinished if self.settings.framing.behaviour().eof == Some(Eof::Deliver) => self.reply(&rest),
            AtEnd::Unfinished | AtEnd::Nothing => {}
        }
    }
}
