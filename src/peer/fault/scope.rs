//! To which framings a fault applies.

use crate::framing::{Counts, Escape, Field, Framing, Idle, Kind as Wire, Length, Over, Partial, Strategy};

pub(super) fn any(_: &Framing) -> bool {
    true
}

/// Replies begin at once.
pub(super) fn stream(framing: &Framing) -> bool {
    framing.strategy() == Strategy::Raw
}

pub(super) fn close(framing: &Framing) -> bool {
    framing.strategy() == Strategy::Close
}

pub(super) fn fixed(framing: &Framing) -> bool {
    framing.strategy() == Strategy::Fixed
}

pub(super) fn length(framing: &Framing) -> bool {
    framing.strategy() == Strategy::Length
}

pub(super) fn delimiter(framing: &Framing) -> bool {
    framing.strategy() == Strategy::Delimiter
}

/// Not `close`: a connection may carry several messages.
pub(super) fn many(framing: &Framing) -> bool {
    !close(framing)
}

/// A connection carries messages that it marks by itself.
pub(super) fn framed(framing: &Framing) -> bool {
    !matches!(framing.strategy(), Strategy::Raw | Strategy::Close)
}

/// Messages may have any size.
pub(super) fn sized(framing: &Framing) -> bool {
    matches!(framing.strategy(), Strategy::Length | Strategy::Delimiter)
}

pub(super) fn not_fixed(framing: &Framing) -> bool {
    !fixed(framing)
}

/// The length of a framing that has one.
pub(super) fn length_of(framing: &Framing) -> Option<&Length> {
    match framing.kind() {
        Wire::Length(length) => Some(length),
        _ => None,
    }
}

pub(super) fn of_length(framing: &Framing, is: impl FnOnce(&Length) -> bool) -> bool {
    length_of(framing).is_some_and(is)
}

fn field(framing: &Framing) -> Option<Field> {
    length_of(framing).map(|length| length.field)
}

/// The value of the length field counts the field too.
pub(super) fn counts_header(framing: &Framing) -> bool {
    of_length(framing, |length| matches!(length.counts, Counts::Field | Counts::Header)) && wide(framing)
}

/// NETCONF's chunks.
pub(super) fn chunks(framing: &Framing) -> bool {
    field(framing) == Some(Field::Chunked11)
}

/// Several delimiters.
pub(super) fn several(framing: &Framing) -> bool {
    matches!(framing.kind(), Wire::Delimiter(it) if it.set.len() > 1)
}

/// The first and the last of its delimiters.
pub(super) fn ends(framing: &Framing) -> (Vec<u8>, Vec<u8>) {
    match framing.kind() {
        Wire::Delimiter(it) => {
            (it.set.first().cloned().unwrap_or_default(), it.set.last().cloned().unwrap_or_default())
        }
        _ => (Vec::new(), Vec::new()),
    }
}

/// It is declared when a silent connection is closed.
pub(super) fn idles(framing: &Framing) -> bool {
    framing.behaviour().idle.and_then(Idle::time).is_some()
}

/// It is declared when an unfinished message is given up.
pub(super) fn hurries(framing: &Framing) -> bool {
    framing.behaviour().deadline.and_then(Idle::time).is_some()
}

/// It is declared that no reply begins before its message is complete.
pub(super) fn silent(framing: &Framing) -> bool {
    framing.behaviour().partial == Some(Partial::No)
}

/// A binary length of at least two bytes.
pub(super) fn wide(framing: &Framing) -> bool {
    framing.field_width().is_some_and(|width| width >= 2)
}

/// A binary length of at least four bytes.
pub(super) fn very_wide(framing: &Framing) -> bool {
    framing.field_width().is_some_and(|width| width >= 4)
}

/// … and messages that need more than twelve bits of it.
pub(super) fn wide_and_roomy(framing: &Framing) -> bool {
    wide(framing) && roomy(framing)
}

pub(super) fn very_wide_and_roomy(framing: &Framing) -> bool {
    very_wide(framing) && roomy(framing)
}

pub(super) fn varint(framing: &Framing) -> bool {
    field(framing) == Some(Field::Varint)
}

/// A length in decimal digits with a separator: netstrings.
pub(super) fn digits(framing: &Framing) -> bool {
    field(framing) == Some(Field::Dec) && framing.to_string().contains("sep")
}

/// A trailer stands behind the payload.
pub(super) fn trailer(framing: &Framing) -> bool {
    matches!(framing.kind(), Wire::Length(length) if !length.end.is_empty())
}

/// A header block.
pub(super) fn header(framing: &Framing) -> bool {
    field(framing) == Some(Field::Header)
}

/// Bytes without any structure but the delimiter.
pub(super) fn undelimited_or_plain(framing: &Framing) -> bool {
    stream(framing) || plain(framing)
}

/// A delimiter without escapes, marks or alternatives.
pub(super) fn plain(framing: &Framing) -> bool {
    matches!(framing.kind(), Wire::Delimiter(it) if it.escape.is_none() && it.start.is_empty() && !it.keep)
}

/// A plain delimiter of several bytes.
pub(super) fn token(framing: &Framing) -> bool {
    plain(framing) && framing.terminator().is_some_and(|delimiter| delimiter.len() >= 2)
}

/// A plain delimiter that begins again inside itself.
pub(super) fn overlapping(framing: &Framing) -> bool {
    let again = |delimiter: &[u8]| (1..delimiter.len()).any(|at| delimiter.starts_with(&delimiter[at..]));
    plain(framing) && framing.terminator().is_some_and(again)
}

pub(super) fn crlf(framing: &Framing) -> bool {
    plain(framing) && framing.terminator() == Some(b"\r\n")
}

/// A line feed, perhaps with a carriage return before it.
pub(super) fn lines(framing: &Framing) -> bool {
    plain(framing) && framing.terminator() == Some(b"\n")
}

fn escape(framing: &Framing) -> Option<Escape> {
    match framing.kind() {
        Wire::Delimiter(delimiter) => delimiter.escape,
        _ => None,
    }
}

pub(super) fn slip(framing: &Framing) -> bool {
    escape(framing) == Some(Escape::Slip)
}

pub(super) fn cobs(framing: &Framing) -> bool {
    escape(framing) == Some(Escape::Cobs)
}

pub(super) fn dotted(framing: &Framing) -> bool {
    escape(framing) == Some(Escape::Dot)
}

fn declares_max(framing: &Framing) -> bool {
    framing.behaviour().max.is_some_and(|max| max < 64 * 1024 * 1024)
}

/// Messages may have 128 KiB.
pub(super) fn roomy(framing: &Framing) -> bool {
    let max = framing.behaviour().max.into_iter().chain(framing.largest()).min();
    not_fixed(framing) && max.is_none_or(|max| max >= 65535)
}

/// Messages may have eight mebibytes: more than sockets hold.
pub(super) fn huge(framing: &Framing) -> bool {
    let max = framing.behaviour().max.into_iter().chain(framing.largest()).min();
    (sized(framing) || close(framing)) && max.is_none_or(|max| max >= 8 << 20)
}

/// Messages of any size up to a declared maximum.
pub(super) fn limited(framing: &Framing) -> bool {
    sized(framing) && declares_max(framing)
}

pub(super) fn limited_length(framing: &Framing) -> bool {
    length(framing) && declares_max(framing)
}

pub(super) fn limited_delimiter(framing: &Framing) -> bool {
    plain(framing) && declares_max(framing)
}

pub(super) fn limited_token(framing: &Framing) -> bool {
    token(framing) && declares_max(framing)
}

fn skips(framing: &Framing) -> bool {
    declares_max(framing) && framing.behaviour().over == Some(Over::Skip)
}

pub(super) fn answering_what_it_refuses(framing: &Framing) -> bool {
    framed(framing) && framing.behaviour().over == Some(Over::Reply)
}

pub(super) fn skipping(framing: &Framing) -> bool {
    sized(framing) && skips(framing)
}

pub(super) fn skipping_token(framing: &Framing) -> bool {
    token(framing) && skips(framing)
}

/// A declared maximum, and whoever is over it is not passed over.
pub(super) fn closing(framing: &Framing) -> bool {
    sized(framing) && declares_max(framing) && !skips(framing)
}

/// The framing can carry an empty message.
pub(super) fn empties(framing: &Framing) -> bool {
    framed(framing) && framing.carries(b"")
}

/// Any byte can be a part of a message.
pub(super) fn carries_lines(framing: &Framing) -> bool {
    !lines(framing) && !crlf(framing) && !dotted(framing)
}
