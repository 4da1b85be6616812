//! Bytes and events as people read them, long ones shortened.

use bytes::Bytes;

use super::client::told;
use crate::session::{Event, Trace};

/// More bytes than this are shown by their beginning and their end.
const SHOWN: usize = 64;

/// More lines than this of a wire log are shown by their beginning and their end.
const LINES: usize = 60;

/// So many of the last lines of a client's standard error are shown.
const LAST: usize = 4;

/// Bytes as text with escapes; long ones with their length.
pub fn excerpt(bytes: &[u8]) -> String {
    if bytes.len() <= SHOWN {
        return format!("\"{}\"", bytes.escape_ascii());
    }
    let (head, tail) = (&bytes[..SHOWN / 2], &bytes[bytes.len() - SHOWN / 4..]);
    format!("\"{}\" … \"{}\" ({} bytes)", head.escape_ascii(), tail.escape_ascii(), bytes.len())
}

/// The same, of two that differ from a place on: long ones by what stands around that place.
pub(super) fn excerpt_at(bytes: &[u8], at: usize) -> String {
    if bytes.len() <= SHOWN || at < SHOWN / 4 {
        return excerpt(bytes);
    }
    let (from, to) = (at - SHOWN / 4, bytes.len().min(at + SHOWN / 4));
    let more = if to < bytes.len() { " …" } else { "" };
    format!("… \"{}\"{more} ({} bytes)", bytes[from.min(to)..to].escape_ascii(), bytes.len())
}

/// A line an event.
pub type Log = Vec<String>;

/// What went over the wire: both directions, cuts, times, endings.
pub fn wire_log(trace: &Trace) -> Log {
    let single = trace.records.iter().all(|record| record.conn.0 == 0);
    let lines: Log = trace
        .records
        .iter()
        .filter_map(|record| {
            let event = describe(&record.event)?;
            let conn = if single { String::new() } else { format!("{} ", record.conn) };
            Some(format!("{:>9.3} ms  {conn}{event}", record.at.as_secs_f64() * 1e3))
        })
        .collect();
    shorten(lines)
}

fn shorten(mut lines: Log) -> Log {
    if lines.len() > LINES {
        let left_out = lines.len() - LINES;
        let tail = lines.split_off(lines.len() - LINES / 2);
        lines.truncate(LINES / 2);
        lines.push(format!("    … {left_out} further events …"));
        lines.extend(tail);
    }
    lines
}

fn describe(event: &Event) -> Option<String> {
    Some(match event {
        Event::Connected => "connected".into(),
        Event::ConnectFailed(why) => format!("not connected: {why}"),
        Event::Promised(_) | Event::OutOfTime { .. } => return None,
        Event::Sent(bytes) => format!("→ {}", sized(bytes)),
        Event::Apart(proof) => match proof {
            crate::session::Proof::Read => "  ⎮ cut: the target has read everything so far".into(),
            crate::session::Proof::Acked => "  ⎮ cut: everything so far was acknowledged".into(),
            crate::session::Proof::None => "  ⎮ cut: not seen to have been read apart".into(),
            crate::session::Proof::Moot => "  ⎮ not read yet".into(),
            crate::session::Proof::Gone => "  ⎮ the target has closed its socket".into(),
        },
        Event::SentFin => "→ FIN".into(),
        Event::SentReset => "→ RST".into(),
        Event::SentUrgent => "→ a byte of urgent data".into(),
        Event::Closed => "→ close".into(),
        Event::Received(bytes) => format!("← {}", sized(bytes)),
        Event::Fin => "← FIN".into(),
        Event::Reset => "← RST".into(),
        Event::WriteFailed(why) => format!("→ write failed: {why}"),
        Event::Flood => "reading stopped: more came than can be right".into(),
        Event::Again => "another connection came".into(),
        Event::Output(bytes) => format!("  standard output: {}", sized(bytes)),
        Event::Errors(bytes) => format!("  standard error: {}", last_lines(bytes)),
        Event::Left(departure) => format!("  the client {}", told(departure.how)),
        Event::Step { outcome, .. } => match outcome {
            crate::session::Outcome::Met => return None,
            other => format!("  waiting ended: {other}"),
        },
    })
}

/// The last lines of a text, as one.
pub(super) fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(LAST)..].join(" | ");
    last.chars().flat_map(char::escape_debug).collect()
}

fn sized(bytes: &Bytes) -> String {
    match bytes.len() {
        0..=SHOWN => format!("{} ({})", excerpt(bytes), bytes.len()),
        _ => excerpt(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_shown_however_far_inside_it_stands() {
        let due: Vec<u8> = (0..2048).map(|at| b'a' + (at % 23) as u8).collect();
        let mut came = due.clone();
        came[718] = b'#';
        assert_eq!(excerpt_at(&due, 718), r#"… "mnopqrstuvwabcdefghijklmnopqrstu" … (2048 bytes)"#);
        assert_eq!(excerpt_at(&came, 718), r#"… "mnopqrstuvwabcde#ghijklmnopqrstu" … (2048 bytes)"#);
        assert_eq!(excerpt_at(&due[..718], 718), r#"… "mnopqrstuvwabcde" (718 bytes)"#);
        assert_eq!(excerpt_at(&due, 3), excerpt(&due));
    }
}
