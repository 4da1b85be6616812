//! How a stream is cut into messages: the right way, and what the wrong ways have in common.

use std::collections::VecDeque;
use std::fmt;

use crate::framing::{AtEnd, Deframer, Eof, Framing, Over, Reason};

/// What a decoder finds next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A message.
    Message(Vec<u8>),
    /// A message over the maximum, of which nothing is kept; the next may follow.
    PassedOver,
    /// No message can follow any more.
    Refused,
}

/// Finds messages in a stream that arrives in pieces.
pub trait Decode: fmt::Debug + Send {
    /// Takes what a read brought.
    fn push(&mut self, bytes: &[u8]);

    /// The next message, or `None` while bytes are missing.
    fn next(&mut self) -> Option<Heard>;

    /// The messages that the end of the stream makes of the rest.
    fn finish(&mut self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// Whether it stands inside a message.
    fn is_inside(&self) -> bool {
        false
    }
}

/// What a right server does.
pub(in crate::peer) fn right(framing: &Framing) -> Box<dyn Decode> {
    let skips = framing.behaviour().over == Some(Over::Skip);
    let deframer = if skips { Deframer::skipping(framing) } else { Deframer::new(framing) };
    let delivers = framing.behaviour().eof == Some(Eof::Deliver);
    Box::new(Right { deframer, skips, delivers })
}

#[derive(Debug)]
struct Right {
    deframer: Deframer,
    skips: bool,
    delivers: bool,
}

impl Decode for Right {
    fn push(&mut self, bytes: &[u8]) {
        self.deframer.push(bytes);
    }

    fn next(&mut self) -> Option<Heard> {
        Some(match self.deframer.next_frame()? {
            Ok(frame) => Heard::Message(frame.payload),
            Err(error) if self.skips && matches!(error.reason, Reason::TooLong { .. }) => Heard::PassedOver,
            Err(_) => Heard::Refused,
        })
    }

    fn finish(&mut self) -> Vec<Vec<u8>> {
        let rest = self.deframer.rest().to_vec();
        match self.deframer.finish() {
            AtEnd::Message(payload) => vec![payload],
            AtEnd::Unfinished if self.delivers => vec![rest],
            AtEnd::Unfinished | AtEnd::Nothing => Vec::new(),
        }
    }

    fn is_inside(&self) -> bool {
        !self.deframer.rest().is_empty()
    }
}

/// A decoder that makes up its mind whenever a read brings something: `cut` takes messages off the buffer.
pub(super) struct Reader<S> {
    /// Read and not used up.
    pub(super) buffer: Vec<u8>,
    /// Where what the last read brought begins in the buffer.
    pub(super) fresh: usize,
    found: VecDeque<Heard>,
    state: S,
    cut: fn(&mut Cutting<'_, S>),
    rest: fn(&S, Vec<u8>) -> Vec<Vec<u8>>,
}

/// What a wrong decoder sees of one read.
pub(super) struct Cutting<'a, S> {
    /// Everything that is not used up, the read included.
    pub(super) buffer: &'a mut Vec<u8>,
    /// Where the read begins in it.
    pub(super) fresh: usize,
    /// What the fault keeps.
    pub(super) state: &'a mut S,
    found: &'a mut VecDeque<Heard>,
}

impl<S> Cutting<'_, S> {
    /// A message was found.
    pub(super) fn message(&mut self, payload: &[u8]) {
        self.found.push_back(Heard::Message(payload.to_vec()));
    }

    /// What came is no message.
    pub(super) fn refuse(&mut self) {
        self.buffer.clear();
        self.found.push_back(Heard::Refused);
    }

    /// So many bytes are done with.
    pub(super) fn drop(&mut self, len: usize) {
        self.buffer.drain(..len);
        self.fresh = self.fresh.saturating_sub(len);
    }
}

impl<S: Send + 'static> Reader<S> {
    /// A decoder that cuts with `cut`; the end of the stream brings nothing.
    pub(super) fn boxed(state: S, cut: fn(&mut Cutting<'_, S>)) -> Box<dyn Decode> {
        Self::ending(state, cut, |_, _| Vec::new())
    }

    /// The same; `rest` says which messages the end of the stream makes of what is left.
    pub(super) fn ending(
        state: S,
        cut: fn(&mut Cutting<'_, S>),
        rest: fn(&S, Vec<u8>) -> Vec<Vec<u8>>,
    ) -> Box<dyn Decode> {
        Box::new(Self { buffer: Vec::new(), fresh: 0, found: VecDeque::new(), state, cut, rest })
    }
}

impl<S: Send> Decode for Reader<S> {
    fn push(&mut self, bytes: &[u8]) {
        self.fresh = self.buffer.len();
        self.buffer.extend_from_slice(bytes);
        let Self { buffer, fresh, found, state, cut, .. } = self;
        cut(&mut Cutting { buffer, fresh: *fresh, state, found });
    }

    fn next(&mut self) -> Option<Heard> {
        self.found.pop_front()
    }

    fn finish(&mut self) -> Vec<Vec<u8>> {
        let rest = std::mem::take(&mut self.buffer);
        (self.rest)(&self.state, rest)
    }

    fn is_inside(&self) -> bool {
        !self.buffer.is_empty()
    }
}

impl<S> fmt::Debug for Reader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({} bytes)", self.buffer.len())
    }
}
