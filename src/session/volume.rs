//! How much goes over one connection, and how long a target may take over it.

use std::time::Duration;

use super::script::{Promise, Replies};

/// What was sent may take so long: so many bytes a second, and so much for each segment, which waits until the one
/// before it was read.
const SLOWEST: f64 = 512.0 * 1024.0;
const EACH_SEGMENT: Duration = Duration::from_millis(10);

/// A target may take in so many bytes, in as many messages as they are, before it says anything.
const TAKEN_IN_AT_ONCE: u64 = 2 * 1024 * 1024;

/// Whoever has sent so many bytes a second of what is due may go on: it will be done.
const CRAWL: f64 = 64.0 * 1024.0;

/// A deadline has room for so many ordinary replies, and so many messages at most get more of it for being many.
const REPLIES: u32 = 16;
const MOST_ANSWERED: u32 = 1_000;

#[derive(Debug)]
pub(super) struct Volume {
    /// Replies need no framing: where the stream ends, so may the only message.
    is_stream: bool,
    /// Bytes written.
    pub(super) sent: u64,
    /// Bytes that are due to come.
    promised: u64,
    /// Of them those of the largest message; `None`: all of it is one.
    largest: Option<u64>,
    /// Segments to be written.
    pub(super) segments: u32,
    /// Messages that they carry.
    messages: u32,
}

impl Volume {
    pub(super) fn new(replies: &Replies) -> Self {
        let is_stream = *replies == Replies::Stream;
        Self { is_stream, sent: 0, promised: 0, largest: Some(0), segments: 0, messages: 0 }
    }

    pub(super) fn promise(&mut self, promise: &Promise) {
        let bytes = promise.payload.len() as u64;
        // Of a stream that has not ended each byte may come back at once.
        self.largest = self.largest.map(|largest| if self.is_stream { 0 } else { largest.max(bytes) });
        self.messages = self.messages.saturating_add(promise.copies);
        self.promised += bytes * u64::from(promise.copies);
    }

    /// Our FIN was sent.
    pub(super) fn end(&mut self) {
        self.largest = self.largest.filter(|_| !self.is_stream);
    }

    /// How long it may take on its way, one segment after another, and to be answered, one message after another, where
    /// a reply may take `within`.
    pub(super) fn transfer(&self, within: Duration) -> Duration {
        let answers = within / REPLIES * self.messages.min(MOST_ANSWERED);
        EACH_SEGMENT * self.segments + at_slowest(self.whole()) + answers
    }

    /// For how long nothing may move while a slow target takes it in: whoever frames has nothing to say before a message
    /// is complete, and what is no message here may be one to the target. Many small ones are no reason to be silent.
    pub(super) fn silence(&self) -> Duration {
        let apart = |largest: u64| largest.max(self.sent.saturating_sub(self.promised)).max(TAKEN_IN_AT_ONCE);
        at_slowest(self.largest.map_or(self.whole(), |largest| apart(largest).min(self.whole())))
    }

    /// Whether so many bytes of `came` within `time`, of `seen` in all, are such a pace that the rest is worth waiting for.
    pub(super) fn keeps_pace(&self, seen: u64, came: u64, time: Duration) -> bool {
        seen < self.promised && came as f64 >= CRAWL * time.as_secs_f64()
    }

    fn whole(&self) -> u64 {
        self.sent.max(self.promised)
    }
}

fn at_slowest(bytes: u64) -> Duration {
    Duration::from_secs_f64(bytes as f64 / SLOWEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::Framing;
    use crate::session::Duty;

    const MIB: u64 = 1 << 20;

    fn silence(replies: &Replies, message: u64, copies: u32, fin: bool) -> Duration {
        let mut volume = Volume::new(replies);
        volume.promise(&Promise { payload: vec![b'm'; message as usize].into(), duty: Duty::Echo, copies });
        volume.sent += message * u64::from(copies);
        if fin {
            volume.end();
        }
        volume.silence()
    }

    #[test]
    fn only_a_large_message_keeps_a_target_silent_for_long() {
        let lines = Replies::Framed(Box::new("lf".parse::<Framing>().unwrap()));
        let large = at_slowest(8 * MIB);
        assert_eq!(silence(&lines, 8 * MIB, 1, false), large);
        assert_eq!(silence(&Replies::Stream, 8 * MIB, 1, false), at_slowest(TAKEN_IN_AT_ONCE));
        for replies in [&lines, &Replies::Stream] {
            assert_eq!(silence(replies, 1024, 8 * 1024, false), at_slowest(TAKEN_IN_AT_ONCE));
            assert_eq!(silence(replies, 1024, 1, false), at_slowest(1024));
        }
        assert_eq!(silence(&lines, 1024, 8 * 1024, true), at_slowest(TAKEN_IN_AT_ONCE));
        assert_eq!(silence(&Replies::Stream, 1024, 8 * 1024, true), large, "close framing: the stream is the message");
    }

    #[test]
    fn what_is_no_message_may_be_one_to_the_target() {
        let mut volume = Volume::new(&Replies::Framed(Box::new("lf".parse::<Framing>().unwrap())));
        volume.sent = 8 * MIB;
        assert_eq!(volume.silence(), at_slowest(8 * MIB));
    }
}
