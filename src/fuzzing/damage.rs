//! What is done to an encoded stream before it is sent.

use super::cursor::{Code, Cursor};
use crate::framing::{Framing, Role};

/// One edit. Four bytes: what (modulo 8), where (two), how much or with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is done.
    pub harm: Harm,
    /// Where: a byte of the stream, or a message, modulo how many there are.
    pub at: u16,
    /// With what: see [`Harm`].
    pub with: u8,
}

/// Kinds of edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Bits of a byte are inverted: those that are set, or all if none is.
    Flip,
    /// This byte is put in.
    Insert,
    /// So many bytes more than one are taken out.
    Delete,
    /// So many bytes more than one stand twice.
    Duplicate,
    /// So many bytes more than one change places with as many behind them.
    Swap,
    /// What follows is left out.
    Truncate,
    /// The length of a message says something else: so much more or less (as a signed byte), or one of `CLAIMS`.
    Length,
    /// The delimiter of a message is left out, loses its last byte, stands twice, or stands inside the message, too.
    Delimiter,
}

const HARMS: [Harm; 8] = [
    Harm::Flip,
    Harm::Insert,
    Harm::Delete,
    Harm::Duplicate,
    Harm::Swap,
    Harm::Truncate,
    Harm::Length,
    Harm::Delimiter,
];

/// Lengths at which number types end.
const CLAIMS: [u128; 16] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x00ff_ffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_fff0,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_ffff,
];

impl Code for Damage {
    fn read(cursor: &mut Cursor<'_>) -> Self {
        let harm = HARMS[usize::from(cursor.byte()) % HARMS.len()];
        Self { harm, at: cursor.word(), with: cursor.byte() }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(HARMS.iter().position(|harm| *harm == self.harm).unwrap_or(0) as u8);
        self.at.write(out);
        out.push(self.with);
    }
}

impl Damage {
    /// Changes the frame of one message.
    pub(super) fn frame(self, framing: &Framing, frame: &mut Vec<u8>) {
        match self.harm {
            Harm::Length => self.claim(framing, frame),
            Harm::Delimiter => self.delimit(framing, frame),
            _ => {}
        }
    }

    fn claim(self, framing: &Framing, frame: &mut Vec<u8>) {
        let payload = framing.anatomy(frame).into_iter().find(|part| part.role == Role::Payload);
        let payload = payload.map_or(frame.len()..frame.len(), |part| part.range);
        let value = match self.with {
            0x78..=0x87 => CLAIMS[usize::from(self.with - 0x78)],
            more => (payload.len() as u128).saturating_add_signed(i128::from(more.cast_signed())),
        };
        if let Some(header) = framing.header_claiming(value) {
            frame.splice(..payload.start, header);
        }
    }

    fn delimit(self, framing: &Framing, frame: &mut Vec<u8>) {
        let parts = framing.anatomy(frame);
        let Some(end) = parts.into_iter().find(|part| part.role == Role::Delimiter).map(|part| part.range) else {
            return;
        };
        let delimiter = frame[end.clone()].to_vec();
        match self.with % 4 {
            0 => drop(frame.drain(end)),
            1 => drop(frame.remove(end.end - 1)),
            2 => frame.extend(delimiter),
            _ => drop(frame.splice(end.start / 2..end.start / 2, delimiter)),
        }
    }

    /// Changes the stream.
    pub(super) fn stream(self, stream: &mut Vec<u8>) {
        if stream.is_empty() {
            return;
        }
        let at = usize::from(self.at) % stream.len();
        let len = (usize::from(self.with) + 1).min(stream.len() - at);
        match self.harm {
            Harm::Flip => stream[at] ^= if self.with == 0 { 0xff } else { self.with },
            Harm::Insert => stream.insert(at, self.with),
            Harm::Delete => drop(stream.drain(at..at + len)),
            Harm::Duplicate => {
                let twice = stream[at..at + len].to_vec();
                stream.splice(at..at, twice);
            }
            Harm::Swap => {
                let len = len.min((stream.len() - at) / 2);
                let (first, second) = stream[at..at + 2 * len].split_at_mut(len);
                first.swap_with_slice(second);
            }
            Harm::Truncate => stream.truncate(at),
            Harm::Length | Harm::Delimiter => {}
        }
    }
}
