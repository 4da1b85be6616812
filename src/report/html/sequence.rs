//! A wire log as the rows of a sequence diagram: on the left the client's line, on the right the target's.

use crate::oracle::{WireEvent, WireKind};

/// Bytes in a line of a dump: a phone shows so many.
const ACROSS: usize = 8;

/// One row of the drawing.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) time: String,
    /// The connection, where there are several.
    pub(super) conn: String,
    /// A class of the style sheet: where the arrow points, or what else the row is.
    pub(super) shape: &'static str,
    /// What stands on the arrow.
    pub(super) label: String,
    /// The bytes, a line each.
    pub(super) dump: Vec<Line>,
    /// Whether it proves what was broken.
    pub(super) proves: bool,
}

/// Up to eight bytes.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) offset: String,
    pub(super) bytes: Vec<Byte>,
}

/// A byte as hex and as text.
#[derive(Debug)]
pub(super) struct Byte {
    pub(super) hex: String,
    pub(super) text: char,
    /// Whether it is the first that is not as it was due.
    pub(super) differs: bool,
}

pub(super) fn rows(events: &[WireEvent]) -> Vec<Row> {
    let several = events.iter().any(|event| !event.conn.is_empty() && event.conn != events[0].conn);
    events.iter().map(|event| row(event, several)).collect()
}

fn row(event: &WireEvent, several: bool) -> Row {
    let (shape, label) = arrow(event);
    Row {
        time: format!("{:.3} ms", event.at_ms),
        conn: if several { event.conn.clone() } else { String::new() },
        shape,
        label,
        dump: dump(event),
        proves: event.proves,
    }
}

fn arrow(event: &WireEvent) -> (&'static str, String) {
    let bytes = if event.length == 1 { "1 byte".into() } else { format!("{} bytes", event.length) };
    match event.kind {
        WireKind::Connected => ("both", "connected".into()),
        WireKind::NotConnected => ("right lost", format!("not connected: {}", event.note)),
        WireKind::Sent => ("right", bytes),
        WireKind::Received => ("left", bytes),
        WireKind::Cut => ("cut", format!("cut: {}", event.note)),
        WireKind::SentFin => ("right end", "FIN".into()),
        WireKind::SentReset => ("right reset", "RST".into()),
        WireKind::Closed => ("right end", "closed".into()),
        WireKind::WriteFailed => ("right lost", format!("write failed: {}", event.note)),
        WireKind::Fin => ("left end", "FIN".into()),
        WireKind::Reset => ("left reset", "RST".into()),
        WireKind::Note => ("note", event.note.clone()),
    }
}

fn dump(event: &WireEvent) -> Vec<Line> {
    let (head, tail) = (unhex(&event.head), unhex(&event.tail));
    let mut lines = lines(event, &head, 0);
    if !tail.is_empty() {
        lines.push(Line { offset: "…".into(), bytes: Vec::new() });
        lines.extend(self::lines(event, &tail, event.length.saturating_sub(tail.len() as u64)));
    }
    lines
}

/// Some bytes of a segment, from an offset on, at columns that are the same in all of its lines.
fn lines(event: &WireEvent, bytes: &[u8], from: u64) -> Vec<Line> {
    let digits = format!("{:x}", event.length).len().max(4);
    let line = |(number, bytes): (usize, &[u8])| {
        let start = from.saturating_add((number * ACROSS) as u64);
        let byte = |(index, byte): (usize, &u8)| Byte {
            hex: format!("{byte:02x}"),
            text: if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '·' },
            differs: event.differs_at == Some(start.saturating_add(index as u64)),
        };
        Line { offset: format!("{start:0digits$x}"), bytes: bytes.iter().enumerate().map(byte).collect() }
    };
    bytes.chunks(ACROSS).enumerate().map(line).collect()
}

/// What is no hex, in a report that somebody else wrote, is left out.
fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_that_differs_is_marked_in_its_line() {
        let head = "00".repeat(10);
        let event = WireEvent { length: 10, head, differs_at: Some(9), ..WireEvent::default() };
        let lines = dump(&event);
        let marked: Vec<_> = lines.iter().map(|line| line.bytes.iter().position(|byte| byte.differs)).collect();
        assert_eq!(marked, [None, Some(1)]);
        assert_eq!(lines[1].offset, "0008");
    }

    #[test]
    fn of_a_long_segment_both_ends_are_drawn_at_their_offsets() {
        let event = WireEvent { length: 1000, head: "61".into(), tail: "7a".into(), ..WireEvent::default() };
        let offsets: Vec<_> = dump(&event).into_iter().map(|line| line.offset).collect();
        assert_eq!(offsets, ["0000", "…", "03e7"]);
    }

    #[test]
    fn a_length_that_cannot_be_is_no_reason_to_fall_over() {
        let event = WireEvent { length: 0, head: "x".into(), tail: "7a".into(), ..WireEvent::default() };
        assert_eq!(dump(&event).len(), 2);
    }
}
