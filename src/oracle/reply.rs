//! What was wrong with a reply, as a breach: what was due beside what came.

use bytes::Bytes;

use super::excerpt::{excerpt, excerpt_at};
use super::rules::{self, Rule};
use super::verdict::Breach;
use crate::framing::{Malformed, Reason};
use crate::session::Wrong;

/// Bytes of context shown before the first difference in a stream.
const CONTEXT: u64 = 16;

/// A differing byte is looked for in so many bytes.
const SEARCHED: usize = 64 * 1024;

/// The rule that a wrong reply breaks, and how.
pub(super) fn describe(wrong: &Wrong, received: &[Bytes]) -> (&'static Rule, Breach) {
    let actual_only = |actual: &Bytes| Breach { actual: Some(excerpt(actual)), ..Breach::default() };
    match wrong {
        Wrong::Byte { at, expected, .. } => {
            (&rules::ALTERED, Breach { wire_at: Some(*at), ..at_byte(*at, expected, received) })
        }
        Wrong::Message { expected, actual, .. } => {
            let breach = difference(expected, actual);
            (&rules::ALTERED, Breach { wire_at: on_wire(actual, breach.differs_at, received), ..breach })
        }
        Wrong::Forbidden { actual, .. } => (&rules::FORBIDDEN, actual_only(actual)),
        // How much of it had come by the time of reading varies from run to run.
        Wrong::Unasked { actual } => (&rules::UNASKED, actual_only(&actual.slice(..actual.len().min(1)))),
        Wrong::Malformed { error, .. } => {
            (&rules::MALFORMED, Breach { actual: Some(why_malformed(*error)), ..Breach::default() })
        }
        Wrong::Unfinished { actual } => (&rules::UNFINISHED, actual_only(actual)),
    }
}

/// The limit on a message is not that of the framing, but that of what the case is about.
fn why_malformed(error: Malformed) -> String {
    match error.reason {
        Reason::TooLong { claimed: Some(bytes), .. } => {
            format!("{bytes} bytes are announced, more than any message has here (at byte {})", error.offset)
        }
        Reason::TooLong { limit, .. } => format!("no end in {limit} bytes, which is more than any message has here"),
        _ => error.to_string(),
    }
}

/// Where the differing byte of a message stands among all that was received, if its payload came as it is.
fn on_wire(payload: &[u8], differs_at: Option<u64>, received: &[Bytes]) -> Option<u64> {
    let latest = received.last()?.len() + payload.len();
    if latest > SEARCHED {
        return None;
    }
    let all = received.concat();
    let from = all.len().saturating_sub(latest);
    let found = all[from..].windows(payload.len().max(1)).position(|window| window == payload)?;
    Some((from + found) as u64 + differs_at?)
}

/// A difference in a stream: what was the same before it, and the one byte that differs. More would depend on how
/// much had been read by then.
fn at_byte(at: u64, expected: &Bytes, received: &[Bytes]) -> Breach {
    let from = at.saturating_sub(CONTEXT);
    let came: Vec<u8> = received.iter().flatten().skip(from as usize).take((at - from) as usize + 1).copied().collect();
    let mut due = came[..came.len() - 1].to_vec();
    due.extend(expected.first());
    Breach { expected: Some(excerpt(&due)), actual: Some(excerpt(&came)), differs_at: Some(at), ..Breach::default() }
}

/// What was due beside what came instead.
pub(super) fn difference(expected: &[u8], actual: &[u8]) -> Breach {
    let same = expected.iter().zip(actual).take_while(|(due, came)| due == came).count();
    Breach {
        expected: Some(excerpt_at(expected, same)),
        actual: Some(excerpt_at(actual, same)),
        differs_at: Some(same as u64),
        ..Breach::default()
    }
}
