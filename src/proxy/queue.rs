//! What waits to go on, in order, each with its time.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

/// What travels in one direction of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parcel {
    /// Bytes that are written in one go.
    Data(Bytes),
    /// The end of the stream.
    Fin,
    /// The end of the connection, with FIN; nothing follows in either direction.
    Close,
    /// The end of the connection, with RST.
    Reset,
}

impl Parcel {
    /// How many bytes it holds.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Data(bytes) => bytes.len(),
            Self::Fin | Self::Close | Self::Reset => 0,
        }
    }
}

/// Parcels never overtake each other: one that is due before the one in front of it waits for that.
#[derive(Debug, Default)]
pub(super) struct Queue {
    parcels: VecDeque<(Duration, Parcel)>,
    bytes: usize,
    last: Duration,
}

impl Queue {
    pub(super) fn push(&mut self, due: Duration, parcel: Parcel) {
        self.last = self.last.max(due);
        self.bytes += parcel.len();
        self.parcels.push_back((self.last, parcel));
    }

    /// Adds to the last parcel, if that holds bytes and has not gone on.
    pub(super) fn join(&mut self, bytes: &Bytes) -> bool {
        let Some((_, Parcel::Data(last))) = self.parcels.back_mut() else { return false };
        *last = [last.as_ref(), bytes].concat().into();
        self.bytes += bytes.len();
        true
    }

    /// Takes the first, if it is due.
    pub(super) fn take(&mut self, now: Duration) -> Option<(Duration, Parcel)> {
        self.parcels.front().filter(|(due, _)| *due <= now)?;
        let (due, parcel) = self.parcels.pop_front()?;
        self.bytes -= parcel.len();
        Some((due, parcel))
    }

    /// When the first is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.parcels.front().map(|(due, _)| *due)
    }

    /// When the last one is due, or was.
    pub(super) fn last(&self) -> Duration {
        self.last
    }

    /// How many bytes wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
