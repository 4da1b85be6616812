//! A framing in bytes: a row of the table with its limit and behaviour, or any framing as text.

use std::sync::LazyLock;

use super::cursor::{Code, Cursor};
use crate::framing::{After, Behaviour, Empty, Eof, Framing, Over, Partial, VARIANTS};

/// From here on the first byte says that the framing is spelled out.
const TEXT: u8 = 0xe0;

/// A text longer than this is cut.
const LONGEST: usize = 400;

/// Rows of the table, parsed once.
static ROWS: LazyLock<Vec<Framing>> =
    LazyLock::new(|| VARIANTS.iter().map(|text| text.parse().expect("the table holds framings")).collect());

/// First byte below 0xe0: that row of [`VARIANTS`], modulo their number; then a limit (0: as the row says; n: the
/// smallest payload plus n; from 0xf0: 256 to 65536 more) and a byte of behaviour, two bits each from the lowest:
/// `over`, `eof`, `empty`, and `after` with `partial`, where 0 is as the row says.
///
/// From 0xe0: two bytes of length, and the framing as text; a row of the table, if it is none.
impl Code for Framing {
    fn read(cursor: &mut Cursor<'_>) -> Self {
        let row = cursor.byte();
        if row < TEXT {
            return bent(row_of(row.into()), cursor.byte(), cursor.byte());
        }
        let len = usize::from(cursor.word()).min(LONGEST);
        let text = cursor.bytes(len);
        let parsed = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        parsed.unwrap_or_else(|| row_of(text.iter().map(|byte| usize::from(*byte)).sum()).clone())
    }

    fn write(&self, out: &mut Vec<u8>) {
        if let Some(row) = ROWS.iter().position(|framing| framing == self) {
            out.extend([row as u8, 0, 0]);
            return;
        }
        let text = self.to_string();
        out.push(TEXT);
        out.extend((text.len() as u16).to_be_bytes());
        out.extend(text.as_bytes());
    }
}

fn row_of(row: usize) -> &'static Framing {
    &ROWS[row % ROWS.len()]
}

fn bent(framing: &Framing, limit: u8, bits: u8) -> Framing {
    if (limit, bits) == (0, 0) {
        return framing.clone();
    }
    let declared = framing.behaviour();
    let two = |shift: u8| usize::from(bits >> shift & 3);
    let behaviour = Behaviour {
        max: max(framing, limit).or(declared.max),
        over: [None, Some(Over::Close), Some(Over::Skip), Some(Over::Any)][two(0)].or(declared.over),
        eof: [None, Some(Eof::Drop), Some(Eof::Deliver), Some(Eof::Error)][two(2)].or(declared.eof),
        empty: [None, Some(Empty::Skip), Some(Empty::Close), Some(Empty::End)][two(4)].or(declared.empty),
        after: (two(6) & 1 != 0).then_some(After::Close).or(declared.after),
        partial: (two(6) & 2 != 0).then_some(Partial::Yes).or(declared.partial),
        ..declared.clone()
    };
    framing.clone().with_behaviour(behaviour)
}

fn max(framing: &Framing, limit: u8) -> Option<u64> {
    let more = match limit {
        0 => return None,
        1..0xf0 => u64::from(limit),
        _ => 256 << ((limit - 0xf0) / 2),
    };
    Some(framing.smallest().saturating_add(more))
}
