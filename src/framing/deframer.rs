//! The one owner of buffer, limit and end of stream.

use std::ops::Range;

use super::outcome::{AtEnd, Decoded, Malformed, Reason, Resume};
use super::{Framing, Strategy};

/// Cuts a stream that arrives in pieces into frames.
///
/// Equivalent to calling [`Framing::decode`] on the whole stream again and again, whatever the pieces are. Every byte
/// is looked at once, or a few times where a delimiter is cut; with a declared `max`, what is buffered never exceeds a
/// frame of that size and the last piece, if frames are taken after every push.
#[derive(Clone, Debug)]
pub struct Deframer {
    framing: Framing,
    buffer: Vec<u8>,
    /// Bytes at the start of the buffer that are done with.
    done: usize,
    /// Stream offset of the first byte that is not done with.
    offset: u64,
    /// Stream offset where the last frame ended.
    frame_start: u64,
    resume: Resume,
    state: State,
    /// Whether a frame over `max` is dropped, and not the end.
    skips: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between frames, or inside one.
    Reading,
    /// Inside a frame over `max` that was reported.
    Dropping,
    /// The stream broke the framing's rules; nothing after that means anything.
    Failed(Malformed),
}

/// A frame that was cut from a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The message.
    pub payload: Vec<u8>,
    /// Where the frame stands in the stream, in bytes; frames follow each other without gaps, so fill between two
    /// frames counts as the beginning of the second.
    pub at: Range<u64>,
}

impl Deframer {
    /// A deframer to which the first malformed frame is the end.
    pub fn new(framing: &Framing) -> Self {
        Self {
            framing: framing.clone(),
            buffer: Vec::new(),
            done: 0,
            offset: 0,
            frame_start: 0,
            resume: Resume::default(),
            state: State::Reading,
            skips: false,
        }
    }

    /// A deframer that reports a frame over `max` once, drops exactly that frame and goes on (`over=skip`).
    ///
    /// Other malformed frames are the end all the same. Of the dropped frame nothing is buffered.
    pub fn skipping(framing: &Framing) -> Self {
        Self { skips: true, ..Self::new(framing) }
    }

    /// Adds what arrived. After a malformed frame it is ignored.
    pub fn push(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Failed(_)) {
            return;
        }
        // What is done with is moved out once it is at least half of the buffer: linear in all bytes ever pushed.
        if self.done * 2 >= self.buffer.len() {
            self.buffer.drain(..self.done);
            self.done = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, or why there can be none; `None` while bytes are missing.
    ///
    /// Offsets of errors count from the start of the stream. An error repeats for ever, apart from a frame over `max`
    /// in a [`skipping`](Self::skipping) deframer.
    pub fn next_frame(&mut self) -> Option<Result<Frame, Malformed>> {
        if self.state == State::Dropping {
            self.drop_oversize()?;
        }
        if let State::Failed(malformed) = self.state {
            return Some(Err(malformed));
        }
        if self.resume == Resume::default() {
            self.advance(self.framing.filler(self.rest()));
        }
        match self.framing.decode(self.rest(), self.resume) {
            Decoded::Incomplete(resume) => {
                self.resume = resume;
                None
            }
            Decoded::Frame { len } => Some(Ok(self.take(len))),
            Decoded::Malformed(malformed) => Some(Err(self.fail(malformed))),
        }
    }

    fn take(&mut self, len: usize) -> Frame {
        let payload = self.framing.payload(&self.rest()[..len]).into_owned();
        let start = self.frame_start;
        self.end_frame(len);
        let at = start..self.offset;
        Frame { payload, at }
    }

    fn end_frame(&mut self, len: usize) {
        self.advance(len);
        self.resume = Resume::default();
        self.frame_start = self.offset;
    }

    fn advance(&mut self, len: usize) {
        self.done += len;
        self.offset += len as u64;
    }

    fn fail(&mut self, malformed: Malformed) -> Malformed {
        let malformed = malformed.shifted(self.offset as usize);
        self.state = match malformed.reason {
            Reason::TooLong { .. } if self.skips => State::Dropping,
            _ => State::Failed(malformed),
        };
        self.resume = Resume::default();
        malformed
    }

    /// Drops what has come of a frame over `max`. `None` if more of it is to come.
    fn drop_oversize(&mut self) -> Option<()> {
        match self.framing.scan(self.rest(), self.resume, None) {
            Decoded::Incomplete(resume) => {
                self.advance(resume.at);
                self.resume = resume.rebased();
                None
            }
            Decoded::Frame { len } => {
                self.end_frame(len);
                self.state = State::Reading;
                Some(())
            }
            Decoded::Malformed(malformed) => {
                self.state = State::Failed(malformed.shifted(self.offset as usize));
                Some(())
            }
        }
    }

    /// What the end of the stream makes of the rest. To be called when all frames were taken.
    ///
    /// After a malformed frame, and inside one that is being dropped, the rest is unfinished.
    pub fn finish(&mut self) -> AtEnd {
        match self.state {
            State::Reading => self.framing.at_end(self.rest()),
            State::Dropping if self.framing.strategy() == Strategy::Close => AtEnd::Nothing,
            _ => AtEnd::Unfinished,
        }
    }

    /// Bytes that are not yet part of a frame.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.done..]
    }

    /// How many bytes of the rest a look with more bytes would look at again; none after the end.
    pub fn looked_at_again(&self) -> usize {
        if matches!(self.state, State::Failed(_)) {
            return 0;
        }
        self.rest().len().saturating_sub(self.resume.at + self.resume.searched)
    }

    /// Where [`rest`](Self::rest) starts, in bytes from the start of the stream.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}
