//! Replies that are written later, each at its time.

use std::collections::VecDeque;
use std::time::Duration;

/// In the order in which they leave.
#[derive(Debug, Default)]
pub(super) struct Held {
    parts: VecDeque<(Duration, Vec<u8>)>,
    len: usize,
}

impl Held {
    /// Adds what leaves at `at`, and not before what is here already.
    pub(super) fn push(&mut self, at: Duration, bytes: Vec<u8>) {
        self.len += bytes.len();
        self.parts.push_back((at, bytes));
    }

    /// The next part, if it leaves by now.
    pub(super) fn due(&mut self, now: Duration) -> Option<Vec<u8>> {
        self.next().filter(|at| *at <= now)?;
        let (_, bytes) = self.parts.pop_front()?;
        self.len -= bytes.len();
        Some(bytes)
    }

    /// When the next part leaves.
    pub(super) fn next(&self) -> Option<Duration> {
        self.parts.front().map(|(at, _)| *at)
    }

    /// When the last part leaves.
    pub(super) fn last(&self) -> Option<Duration> {
        self.parts.back().map(|(at, _)| *at)
    }

    /// Bytes of all parts.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
