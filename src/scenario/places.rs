//! Which offsets a place stands for in the bytes of a send, and what stands at an offset.

use std::ops::Range;

use super::file::{BOUNDARIES, Place};
use super::wire::Wire;
use crate::framing::Role;

/// No family has more places than this: further ones would not become cases anyway.
const MOST: usize = 100_000;

/// The offsets strictly inside `range` that a place stands for, ascending.
pub(super) fn offsets(place: Place, wire: &Wire, range: &Range<usize>) -> Vec<usize> {
    let length = range.len();
    let inside = |run: Range<usize>| run.start + 1..run.end;
    let mut found: Vec<usize> = match place {
        Place::At(offset) => from_either_end(offset, range).into_iter().collect(),
        Place::InsidePrefix => wire.prefixes().flat_map(inside).collect(),
        Place::AfterPrefix => wire.prefixes().map(|run| run.end).collect(),
        Place::InsideTerminator => wire.terminators().flat_map(inside).collect(),
        Place::BeforeTerminator => wire.terminators().map(|run| run.start).collect(),
        Place::BeforeLast => vec![range.end.saturating_sub(1)],
        Place::AfterFirst => vec![range.start + 1],
        Place::Middle => vec![range.start + length / 2],
        Place::Every => (range.start + 1..range.end).take(MOST).collect(),
        Place::Boundaries => BOUNDARIES.iter().map(|boundary| range.start + *boundary as usize).collect(),
    };
    found.retain(|offset| range.start < *offset && *offset < range.end);
    found.sort_unstable();
    found.dedup();
    found
}

fn from_either_end(offset: i64, range: &Range<usize>) -> Option<usize> {
    let from = if offset < 0 { range.end } else { range.start };
    from.checked_add_signed(isize::try_from(offset).ok()?)
}

/// The offsets of several places together, ascending.
pub(super) fn all_offsets(places: &[Place], wire: &Wire, range: &Range<usize>) -> Vec<usize> {
    let mut found: Vec<_> = places.iter().flat_map(|place| offsets(*place, wire, range)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// What stands at an offset: `inside the prefix`, `before the delimiter`, `between the CR and the LF of a message of exactly
/// max`.
pub(super) fn whereabouts(wire: &Wire, offset: usize, max: Option<u64>) -> String {
    let within = wire.messages.iter().find(|message| message.frame.start < offset && offset < message.frame.end);
    let size = within.map(|message| message.payload.len() as u64);
    let of = match max.zip(size) {
        Some((max, size)) if size == max => " of a message of exactly max",
        Some((max, size)) if size > max => " of an oversize message",
        _ => "",
    };
    format!("{}{of}", place(wire, offset))
}

fn place(wire: &Wire, offset: usize) -> String {
    let full: Vec<_> = wire.parts.iter().filter(|part| !part.range.is_empty()).collect();
    if let Some(part) = full.iter().find(|part| part.range.start < offset && offset < part.range.end) {
        let is_line_end = wire.bytes.get(part.range.clone()).is_some_and(|bytes| bytes == &b"\r\n"[..]);
        return if is_line_end {
            "between the CR and the LF".to_owned()
        } else {
            format!("inside the {}", name(part.role))
        };
    }
    if wire.messages.iter().any(|message| message.frame.start == offset) {
        return "between two messages".to_owned();
    }
    let before = full.iter().find(|part| part.range.end == offset).map(|part| part.role);
    let after = full.iter().find(|part| part.range.start == offset).map(|part| part.role);
    match (before, after) {
        (Some(Role::Payload), Some(role)) => format!("before the {}", name(role)),
        (Some(role), _) => format!("after the {}", name(role)),
        (None, _) => "at the start".to_owned(),
    }
}

fn name(role: Role) -> &'static str {
    match role {
        Role::Start => "start marker",
        Role::Header => "header",
        Role::Prefix => "prefix",
        Role::Payload => "payload",
        Role::Delimiter => "delimiter",
        Role::Trailer => "trailer",
    }
}
