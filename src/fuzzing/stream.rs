//! Messages one after another on one connection, and what was damaged on the way.

use super::cursor::{Code, Cursor, write_list};
use super::damage::Damage;
use crate::framing::{Framing, Kind, Unencodable};

/// Most messages of a stream, and most edits.
const MOST_MESSAGES: u8 = 12;
const MOST_DAMAGE: u8 = 6;

/// No message is added to a stream that has come to this length, in bytes.
const FULL: usize = 96 * 1024;

/// A list of messages (at most 12) and a list of damage (at most 6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// In the order of sending.
    pub messages: Vec<Message>,
    /// In the order of happening, that to single frames before that to the stream.
    pub damage: Vec<Damage>,
}

/// What a message holds; where the framing cannot carry it, what is nearest to it.
///
/// First byte below 0xf0: its length, and then the bytes. From 0xf0: one of `SIZES`, and the first byte of a row of
/// bytes that count up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// These bytes; fewer than 240.
    Bytes(Vec<u8>),
    /// Bytes that count up.
    Row {
        /// How many: a row of `SIZES`.
        size: u8,
        /// The first one.
        first: u8,
    },
}

const LONG: u8 = 0xf0;

/// Where buffers, length fields and COBS groups end.
const SIZES: [usize; 16] = [240, 253, 254, 255, 256, 257, 508, 512, 1000, 1024, 1460, 2048, 4096, 8192, 16384, 65536];

impl Code for Message {
    fn read(cursor: &mut Cursor<'_>) -> Self {
        match cursor.byte() {
            len @ ..LONG => Self::Bytes(cursor.bytes(len.into()).to_vec()),
            size => Self::Row { size: size - LONG, first: cursor.byte() },
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bytes(bytes) => {
                out.push(bytes.len() as u8);
                out.extend(bytes);
            }
            Self::Row { size, first } => out.extend([LONG + size, *first]),
        }
    }
}

impl Code for Stream {
    fn read(cursor: &mut Cursor<'_>) -> Self {
        Self { messages: cursor.list(MOST_MESSAGES), damage: cursor.list(MOST_DAMAGE) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_list(&self.messages, out);
        write_list(&self.damage, out);
    }
}

impl Message {
    fn payload(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Row { size, first } => {
                let bytes = (0..=255_u8).cycle().skip(usize::from(*first));
                bytes.take(SIZES[usize::from(*size) % SIZES.len()]).collect()
            }
        }
    }
}

impl Stream {
    /// The payloads that the framing carries, in order.
    pub fn payloads(&self, framing: &Framing) -> Vec<Vec<u8>> {
        let mut length = 0;
        let room = self.messages.iter().map(Message::payload).take_while(|payload| {
            let has_room = length < FULL;
            length += payload.len();
            has_room
        });
        room.filter_map(|payload| fitted(framing, payload)).collect()
    }

    /// The bytes that are sent for these payloads.
    pub fn wire(&self, framing: &Framing, payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut wire = Vec::new();
        for (index, payload) in payloads.iter().enumerate() {
            let mut frame = Vec::new();
            if framing.encode_unlimited(payload, &mut frame).is_ok() {
                self.damage.iter().for_each(|damage| damage.frame(framing, index, payloads.len(), &mut frame));
                wire.extend(frame);
            }
        }
        self.damage.iter().for_each(|damage| damage.stream(&mut wire));
        wire
    }
}

/// The payload itself, or what comes nearest to it in this framing; `max` does not count.
fn fitted(framing: &Framing, mut payload: Vec<u8>) -> Option<Vec<u8>> {
    if let Kind::Fixed(fixed) = framing.kind() {
        payload.resize(fixed.size, b'.'); // a fill is not told from data
    }
    let mut frame = Vec::new();
    for _ in 0..6 {
        match framing.encode_unlimited(&payload, &mut frame) {
            Ok(()) => return Some(payload),
            Err(Unencodable::NotExactly { expected: size, .. } | Unencodable::TooShort { minimum: size, .. }) => {
                payload.resize(usize::try_from(size).ok()?, b'.');
            }
            Err(Unencodable::TooLong { limit, .. } | Unencodable::OverMax { limit, .. }) => {
                payload.truncate(limit as usize);
            }
            Err(Unencodable::Delimiter { at }) => payload.truncate(at.min(payload.len().checked_sub(1)?)),
            Err(Unencodable::NoDelimiter) => payload.extend(framing.terminator()?),
            Err(Unencodable::Empty) => payload.push(b'.'),
            Err(Unencodable::NotUtf8 | Unencodable::NotAscii) => payload.iter_mut().for_each(|byte| *byte &= 0x7f),
        }
    }
    None
}
