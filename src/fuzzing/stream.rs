//! Messages one after another on one connection, and what was damaged on the way.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::cursor::{Code, Cursor, write_list};
use super::damage::Damage;
use crate::framing::{Framing, Kind, Unencodable};

/// Most messages of a stream, and most edits.
const MOST_MESSAGES: u8 = 24;
const MOST_DAMAGE: u8 = 6;

/// No message is added to a stream that has come to this length, in bytes.
const FULL: usize = 16 * 1024;

/// A list of messages (at most 24) and a list of damage (at most 6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// In the order of sending.
    pub messages: Vec<Message>,
    /// In the order of happening, that to single frames before that to the stream.
    pub damage: Vec<Damage>,
}

/// What a message holds; where the framing cannot carry it, what is nearest to it.
///
/// First byte below 0xc0: its length, and then the bytes. From 0xc0: so many bytes without a frame. From 0xf0: one of
/// `SIZES`, and the first byte of a row of bytes that count up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// These bytes; fewer than 192.
    Bytes(Vec<u8>),
    /// No message: bytes that are sent as they are; fewer than 48.
    Raw(Vec<u8>),
    /// Bytes that count up.
    Row {
        /// How many: a row of `SIZES`.
        size: u8,
        /// The first one.
        first: u8,
    },
}

const RAW: u8 = 0xc0;
const LONG: u8 = 0xf0;

/// Where buffers, length fields and COBS groups end; the last one is more than a pipe of the simulator holds.
const SIZES: [usize; 16] = [192, 240, 253, 254, 255, 256, 257, 508, 512, 513, 1000, 1024, 1460, 2048, 4097, 65600];

/// A row of bytes that count up.
static ROW: LazyLock<Vec<u8>> = LazyLock::new(|| (0..=255).cycle().take(256 + SIZES[15]).collect());

impl Code for Message {
    fn read(cursor: &mut Cursor<'_>) -> Self {
        match cursor.byte() {
            len @ ..RAW => Self::Bytes(cursor.bytes(len.into()).to_vec()),
            len @ RAW..LONG => Self::Raw(cursor.bytes((len - RAW).into()).to_vec()),
            size => Self::Row { size: size - LONG, first: cursor.byte() },
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bytes(bytes) => {
                out.push(bytes.len() as u8);
                out.extend(bytes);
            }
            Self::Raw(bytes) => {
                out.push(RAW + bytes.len() as u8);
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
    /// Messages and raw bytes that stand for these bytes.
    pub fn raw(bytes: &[u8]) -> Vec<Self> {
        bytes.chunks(usize::from(LONG - RAW - 1)).map(|piece| Self::Raw(piece.to_vec())).collect()
    }

    /// The message that holds these bytes, or as many of them as it can.
    pub fn holding(bytes: &[u8]) -> Self {
        match SIZES.iter().rposition(|size| *size <= bytes.len()) {
            Some(size) if bytes.len() >= usize::from(RAW) => Self::Row { size: size as u8, first: bytes[0] },
            _ => Self::Bytes(bytes[..bytes.len().min(usize::from(RAW) - 1)].to_vec()),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) | Self::Raw(bytes) => bytes,
            Self::Row { size, first } => &ROW[usize::from(*first)..][..SIZES[usize::from(*size) % SIZES.len()]],
        }
    }
}

/// What a stream comes to in a framing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The bytes.
    pub wire: Vec<u8>,
    /// The payloads in it, if it holds nothing else.
    pub payloads: Option<Vec<Vec<u8>>>,
}

impl Stream {
    /// The bytes that are sent; of each message at most so many.
    pub fn sent(&self, framing: &Framing, most: usize) -> Sent {
        let mut payloads = Vec::new();
        let mut frames = Vec::new();
        let mut length = 0;
        for message in &self.messages {
            let bytes = message.bytes();
            let bytes = &bytes[..bytes.len().min(most)];
            if let Message::Raw(_) = message {
                frames.push(bytes.to_vec());
            } else if let Some((payload, frame)) = fitted(framing, bytes.into()) {
                payloads.push(payload.into_owned());
                frames.push(frame);
            }
            length += frames.last().map_or(0, Vec::len);
            if length >= FULL {
                break;
            }
        }
        let is_plain = self.damage.is_empty() && payloads.len() == frames.len();
        Sent { wire: self.damaged(framing, frames), payloads: is_plain.then_some(payloads) }
    }

    fn damaged(&self, framing: &Framing, mut frames: Vec<Vec<u8>>) -> Vec<u8> {
        let count = frames.len();
        for damage in &self.damage {
            if let Some(frame) = usize::from(damage.at).checked_rem(count).map(|index| &mut frames[index]) {
                damage.frame(framing, frame);
            }
        }
        let mut wire = frames.concat();
        self.damage.iter().for_each(|damage| damage.stream(&mut wire));
        wire
    }
}

/// The payload itself, or what comes nearest to it in this framing, and its frame; `max` does not count.
fn fitted<'a>(framing: &Framing, mut payload: Cow<'a, [u8]>) -> Option<(Cow<'a, [u8]>, Vec<u8>)> {
    if let Kind::Fixed(fixed) = framing.kind()
        && payload.len() != fixed.size
    {
        payload.to_mut().resize(fixed.size.min(FULL), b'.'); // a fill is not told from data
    }
    let mut frame = Vec::with_capacity(payload.len() + 16);
    for _ in 0..6 {
        match framing.encode_unlimited(&payload, &mut frame) {
            Ok(()) => return Some((payload, frame)),
            Err(why) => fit(framing, payload.to_mut(), why)?,
        }
    }
    None
}

/// Brings a payload nearer to what the framing carries; `None`: nothing comes near.
fn fit(framing: &Framing, payload: &mut Vec<u8>, why: Unencodable) -> Option<()> {
    match why {
        Unencodable::NotExactly { expected: size, .. } | Unencodable::TooShort { minimum: size, .. } => {
            payload.resize(usize::try_from(size).ok().filter(|size| *size <= FULL)?, b'.');
        }
        Unencodable::TooLong { limit, .. } | Unencodable::OverMax { limit, .. } => payload.truncate(limit as usize),
        Unencodable::Delimiter { at } => payload.truncate(at.min(payload.len().checked_sub(1)?)),
        Unencodable::NoDelimiter => payload.extend(framing.terminator()?),
        Unencodable::Empty => payload.push(b'.'),
        Unencodable::NotUtf8 | Unencodable::NotAscii => payload.iter_mut().for_each(|byte| *byte &= 0x7f),
    }
    Some(())
}
