//! What the bytes of a message have to do with a failure.

use super::evidence::{Evidence, Line};
use super::naming::{Failure, LARGE, by};
use crate::framing::{Escape, Framing, Kind, Strategy};
use crate::oracle::Breach;

/// Bytes that mean something beside a delimiter, or to an escape.
pub(super) fn of_marks(evidence: &Evidence, failure: Failure, _: &Breach) -> Option<&'static str> {
    if evidence.strategy() != Strategy::Delimiter || failure == Failure::Death {
        return None;
    }
    if let Some(escape) = escape(&evidence.framing) {
        return escaped(evidence, escape);
    }
    let ends = |so: fn(u8) -> bool| evidence.payloads().any(|it| it.last().is_some_and(|last| so(*last)));
    let is_number = |it: &[u8]| it.first().is_some_and(u8::is_ascii_digit);
    let is_kept = failure == Failure::Missing || evidence.together() > 1;
    match () {
        () if has_false_start(evidence) => Some("DEL-05"),
        () if ends_in_lf(&evidence.framing) && ends(|last| last == b'\r') => Some("DEL-19"),
        () if evidence.payloads().any(|it| it.contains(&b'\r')) => Some("DEL-18"),
        () if evidence.framing.terminator() == Some(b"\r\n") && evidence.payloads().any(|it| it.contains(&b'\n')) => {
            Some("DEL-17")
        }
        () if is_kept && ends(|last| last >= 0x80) => Some("DEL-28"),
        () if is_kept && evidence.payloads().any(|it| it.contains(&0)) => Some("DEL-29"),
        () if failure == Failure::Missing && evidence.payloads().any(is_number) => Some("ASC-15"),
        () => None,
    }
}

fn ends_in_lf(framing: &Framing) -> bool {
    framing.terminator().is_some_and(|end| end.ends_with(b"\n"))
}

pub(super) fn escape(framing: &Framing) -> Option<Escape> {
    match framing.kind() {
        Kind::Delimiter(delimiter) => delimiter.escape,
        _ => None,
    }
}

/// Bytes in a payload that begin like a delimiter of several bytes.
pub(super) fn has_false_start(evidence: &Evidence) -> bool {
    let Some([first, _, ..]) = evidence.framing.terminator() else { return false };
    escape(&evidence.framing).is_none() && evidence.payloads().any(|payload| payload.contains(first))
}

pub(super) fn is_escaped(evidence: &Evidence, payload: &[u8]) -> bool {
    let bytes: &[u8] = match escape(&evidence.framing) {
        Some(Escape::Slip) => b"\xc0\xdb",
        Some(Escape::Hdlc) => b"\x7e\x7d",
        Some(Escape::Cobs) => b"\0",
        Some(Escape::Dot) => b".",
        None => b"",
    };
    payload.iter().any(|byte| bytes.contains(byte))
}

fn escaped(evidence: &Evidence, escape: Escape) -> Option<&'static str> {
    let has_run = |payload: &[u8]| payload.split(|byte| *byte == 0).any(|run| run.len() >= 253);
    let is_dotted = |payload: &[u8]| payload.starts_with(b".") || payload.windows(3).any(|it| it == b"\r\n.");
    let mark = evidence.framing.terminator().unwrap_or_default();
    let repeats = |line: &Line| !mark.is_empty() && line.wire.windows(2 * mark.len()).any(|it| it == mark.repeat(2));
    match escape {
        Escape::Cobs => evidence.payloads().any(has_run).then_some("ESC-05"),
        Escape::Dot => evidence.payloads().any(is_dotted).then_some("ESC-08"),
        Escape::Slip | Escape::Hdlc if evidence.any(repeats) => Some("ESC-04"),
        Escape::Slip | Escape::Hdlc => evidence.payloads().any(|it| is_escaped(evidence, it)).then_some("ESC-01"),
    }
}

/// What is left of a message when everything else has been made as plain as it can be.
pub(super) fn of_content(evidence: &Evidence, failure: Failure, breach: &Breach) -> Option<&'static str> {
    let is_close = evidence.strategy() == Strategy::Close;
    let ends_lines = |payload: &[u8]| payload.iter().any(|byte| b"\r\n\0".contains(byte));
    match (failure, content(evidence)) {
        (_, Some(_)) if is_close && failure == Failure::Missing && evidence.payloads().any(ends_lines) => {
            Some("CLS-10")
        }
        (Failure::Surplus, _) => Some("BYT-15"),
        (Failure::Missing, None | Some("BYT-01")) if is_close => Some("CLS-01"),
        (Failure::Wrong, _) if breach.rule == "malformed-reply" => by(evidence, "LEN-01", "DEL-01", ""),
        (Failure::Missing | Failure::Death, Some(_)) if evidence.payloads().any(is_word) => Some("BYT-11"),
        // What is longer or shorter is no matter of single bytes.
        (Failure::Wrong, None)
            if breach.expected.as_ref().map(String::len) != breach.actual.as_ref().map(String::len) =>
        {
            by(evidence, "LEN-01", "DEL-01", "FIX-01").or(Some("BYT-01"))
        }
        (Failure::Wrong, id) => id.or(Some("BYT-01")),
        (Failure::Death | Failure::Missing, id) => id.filter(|id| *id != "BYT-01"),
        _ => None,
    }
}

/// Not as plain as shrinking would have made it.
fn is_telling(payload: &[u8]) -> bool {
    !payload.is_empty() && payload.len() < LARGE && payload.iter().any(|byte| *byte != b'a')
}

/// What a person might type, or a program.
fn is_word(payload: &[u8]) -> bool {
    is_telling(payload) && payload.is_ascii() && payload.iter().any(u8::is_ascii_alphabetic)
}

/// What is special about the bytes of a small message.
pub(super) fn content(evidence: &Evidence) -> Option<&'static str> {
    let payload = evidence.payloads().find(|payload| is_telling(payload))?;
    let has = |bytes: &[u8]| payload.iter().any(|byte| bytes.contains(byte));
    let is_blank = |byte: Option<&u8>| byte.is_some_and(|byte| b" \t".contains(byte));
    Some(match () {
        () if has(b"\0") => "BYT-02",
        () if has(b"\xff") => "BYT-09",
        () if str::from_utf8(payload).is_err() => "BYT-03",
        () if !payload.is_ascii() => "BYT-08",
        () if has(b"\r\n") => "BYT-05",
        () if is_blank(payload.first()) || is_blank(payload.last()) => "BYT-07",
        () if payload.iter().any(u8::is_ascii_control) => "BYT-12",
        () if has(b"%\\'\"<>&$") => "BYT-10",
        () if has(b"{}[]()") => "BYT-01",
        () if payload.iter().any(u8::is_ascii_alphabetic) => "BYT-08",
        () => "BYT-01",
    })
}
