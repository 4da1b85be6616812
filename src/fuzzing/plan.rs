//! A whole session in bytes: what `session` and `live` play, and what the network fuzzer varies.

use super::cursor::{Code, Cursor, write_list};
use super::stream::Stream;
use crate::framing::Framing;

/// Most connections, and most moves.
const MOST_CONNECTIONS: u8 = 4;
const MOST_MOVES: u8 = 64;

/// An act that was added when inputs had been made.
const SHORT: u8 = 63;

/// A framing, a list of streams, one a connection (at most 4), and a list of moves (at most 64).
///
/// When the moves are done, every connection that is still open gets the rest of its stream, is read to the last
/// reply, half-closed and closed. A fault of the peer has its place behind the moves: where the input ends before it,
/// there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How messages are framed.
    pub framing: Framing,
    /// What is sent on each connection.
    pub streams: Vec<Stream>,
    /// When, and what else is done.
    pub moves: Vec<Move>,
}

/// One move, in two bytes: in the lowest two bits of the first the connection, modulo how many there are, in the others
/// the act, modulo 10 (63 is one of its own); the second byte says how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// On which connection.
    pub on: u8,
    /// What is done. Its first move opens a connection.
    pub act: Act,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The next so many bytes and one more leave as one segment.
    Send(u8),
    /// What is left up to the end of the message after so many others leaves as one segment.
    Finish(u8),
    /// What is left of a message but for its last bytes, so many and one more, leaves as one segment; at least one byte.
    Short(u8),
    /// So many times so many milliseconds pass: up to a minute.
    Pause(u8),
    /// Everything owed comes back.
    Echo,
    /// Where nothing is owed nothing comes.
    Quiet,
    /// So many bytes are read each millisecond; 0: nothing is read until something is waited for.
    Read(u8),
    /// The rest leaves, and our FIN in the same packet.
    SendFin,
    /// Our FIN, by itself.
    HalfClose,
    /// We close.
    Close,
    /// We reset.
    Reset,
}

impl Code for Plan {
    fn read(cursor: &mut Cursor<'_>) -> Self {
        Self { framing: Framing::read(cursor), streams: cursor.list(MOST_CONNECTIONS), moves: cursor.list(MOST_MOVES) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.framing.write(out);
        write_list(&self.streams, out);
        write_list(&self.moves, out);
    }
}

impl Code for Move {
    fn read(cursor: &mut Cursor<'_>) -> Self {
        let (first, much) = (cursor.byte(), cursor.byte());
        let act = match (first >> 2) % 10 {
            _ if first >> 2 == SHORT => Act::Short(much),
            0 => Act::Send(much),
            1 => Act::Finish(much),
            2 => Act::Pause(much),
            3 => Act::Echo,
            4 => Act::Quiet,
            5 => Act::Read(much),
            6 => Act::SendFin,
            7 => Act::HalfClose,
            8 => Act::Close,
            _ => Act::Reset,
        };
        Self { on: first & 3, act }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let (act, much) = match self.act {
            Act::Send(much) => (0, much),
            Act::Finish(much) => (1, much),
            Act::Short(much) => (SHORT, much),
            Act::Pause(much) => (2, much),
            Act::Echo => (3, 0),
            Act::Quiet => (4, 0),
            Act::Read(much) => (5, much),
            Act::SendFin => (6, 0),
            Act::HalfClose => (7, 0),
            Act::Close => (8, 0),
            Act::Reset => (9, 0),
        };
        out.extend([act << 2 | self.on, much]);
    }
}
