//! What looking at bytes can end in: the types that every strategy answers with.

use std::ops::Range;

use thiserror::Error;

/// Where an earlier look at the same beginning of input stopped.
///
/// Everything before `at` is settled: a later look never goes back there, which is what makes the total work linear
/// however the input is fed, and what lets an oversize frame be dropped while it still arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resume {
    /// Bytes of the input that are settled.
    pub(super) at: usize,
    /// Payload bytes among them.
    pub(super) payload: u64,
    /// Bytes that follow `at` and need not be looked at (the rest of a counted payload, of a COBS group).
    pub(super) left: u64,
    /// Bytes after `at` that were searched in vain, where the search may start later than what it searches for.
    pub(super) searched: usize,
    /// Fragments begun so far, of a message that may come in several.
    pub(super) fragments: u32,
    /// The state of the strategy's machine; 0 is its start.
    pub(super) phase: u8,
    /// Whether what is being read is the last of its kind (length: the last fragment; COBS: no zero is owed).
    pub(super) last: bool,
}

impl Resume {
    /// The same state, seen from after `at`: for a caller who has dropped the settled bytes.
    pub(super) fn rebased(self) -> Self {
        Self { at: 0, ..self }
    }
}

/// What stands at the start of some input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// No decision yet; not an error. Look again with more input and with this.
    Incomplete(Resume),
    /// A complete frame.
    Frame {
        /// Bytes of the frame on the wire, from the start of the input.
        len: usize,
    },
    /// No frame can start here. Final: the same or longer input gives the same answer.
    Malformed(Malformed),
}

/// Why input is refused, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("{reason} (at byte {offset})")]
pub struct Malformed {
    /// The rule that was broken.
    pub reason: Reason,
    /// Bytes from the start of the input; from a [`Deframer`](super::Deframer), from the start of the stream.
    pub offset: usize,
}

impl Malformed {
    /// The same refusal, seen from `by` bytes earlier.
    pub(super) fn shifted(self, by: usize) -> Self {
        let offset = self.offset.saturating_add(by);
        Self { offset, ..self }
    }
}

/// The rule that refused input breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Reason {
    /// The payload is over the declared `max` (CATALOGUE LEN-10, DEL-10).
    #[error("payload over the limit of {limit} bytes{}", claim(*.claimed))]
    TooLong {
        /// The declared `max`, in bytes.
        limit: u64,
        /// Payload bytes that the prefix announces; `None` where there is no prefix.
        claimed: Option<u64>,
    },
    /// A negative length (CATALOGUE LEN-13, ASC-12).
    #[error("negative length")]
    Negative,
    /// A byte that is no digit of this field's base (CATALOGUE ASC-03).
    #[error("byte {0:#04x} where a digit was due")]
    BadDigit(u8),
    /// A length without digits (CATALOGUE ASC-03).
    #[error("length without digits")]
    NoDigits,
    /// A leading zero where the framing has one spelling for each length (netstrings; CATALOGUE D23).
    #[error("leading zero in the length")]
    LeadingZero,
    /// More digits than the field may have (CATALOGUE ASC-05, ASC-06).
    #[error("more than {most} digits in the length")]
    TooManyDigits {
        /// The most that are allowed.
        most: u8,
    },
    /// Something else where the separator after the length was due.
    #[error("byte {0:#04x} where the separator was due")]
    BadSeparator(u8),
    /// Something else where the trailer after the payload was due (CATALOGUE LEN-27, ASC-04).
    #[error("wrong trailer after the payload")]
    BadTrailer,
    /// A header byte that differs from the declared magic (CATALOGUE LEN-26).
    #[error("byte {0:#04x} in place of the magic bytes")]
    BadMagic(u8),
    /// Something else where the start marker was due.
    #[error("byte {0:#04x} in place of the start marker")]
    BadStart(u8),
    /// A variable-width length with more bytes than it may have (CATALOGUE VAR-05).
    #[error("length field too long")]
    Overlong,
    /// A length in more bytes than it needs, where that is forbidden (CATALOGUE D12, RFC 6455 5.2).
    #[error("length not in its shortest form")]
    NotMinimal,
    /// A length that no memory can hold: above 2^63-1 (CATALOGUE LEN-12, VAR-06).
    #[error("length too large to represent")]
    Overflow,
    /// A value below what it has to count at least (CATALOGUE LEN-23).
    #[error("length {claimed} is below the minimum of {minimum}")]
    BelowMinimum {
        /// The smallest legal value of the field.
        minimum: u64,
        /// The value that stands there.
        claimed: u64,
    },
    /// BER's form without a length.
    #[error("indefinite length")]
    Indefinite,
    /// Bits that must be zero are not (CATALOGUE LEN-30).
    #[error("reserved bits are set in the length field")]
    ReservedBits,
    /// A byte that may not follow where it stands in an escaped payload (CATALOGUE ESC-03, ESC-06).
    #[error("byte {0:#04x} is not legal in this place of an escaped payload")]
    BadEscape(u8),
    /// A chunk header that breaks its grammar (RFC 6242 4.2, RFC 9112 7.1).
    #[error("malformed chunk header")]
    BadChunk,
    /// More fragments in a message than memory for their headers is given to.
    #[error("more than {limit} fragments in one message")]
    TooManyFragments {
        /// The most that are taken.
        limit: u32,
    },
    /// A header block without the header that holds the length.
    #[error("no length in the header block")]
    MissingHeader,
    /// A line of a header block without a colon.
    #[error("header line without a name")]
    BadHeader,
    /// Two lengths in a header block that contradict each other (CATALOGUE ASC-11).
    #[error("contradictory lengths in the header block")]
    DuplicateHeader,
    /// A header block that does not end within its bound.
    #[error("header block over {limit} bytes")]
    HeaderTooLong {
        /// The bound, in bytes.
        limit: usize,
    },
    /// A payload that is not UTF-8, where `enc=utf8` is declared.
    #[error("payload is not UTF-8")]
    NotUtf8,
    /// A payload that is not ASCII, where `enc=ascii` is declared.
    #[error("payload is not ASCII")]
    NotAscii,
}

impl Reason {
    /// This reason, at `offset` bytes from the start of the input.
    pub(super) fn at(self, offset: usize) -> Malformed {
        let reason = self;
        Malformed { reason, offset }
    }
}

fn claim(claimed: Option<u64>) -> String {
    claimed.map_or_else(String::new, |bytes| format!(": {bytes} announced"))
}

/// Why a payload has no spelling in a framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum Unencodable {
    /// Over the declared `max`.
    #[error("payload of {actual} bytes is over max={limit}")]
    OverMax {
        /// The declared `max`.
        limit: u64,
        /// Bytes of the payload.
        actual: u64,
    },
    /// More than the length field can say.
    #[error("payload of {actual} bytes is more than the length field can say ({limit})")]
    TooLong {
        /// The most that it can say.
        limit: u64,
        /// Bytes of the payload.
        actual: u64,
    },
    /// Less than the declared `min`.
    #[error("payload of {actual} bytes is below the minimum of {minimum}")]
    TooShort {
        /// The smallest legal payload.
        minimum: u64,
        /// Bytes of the payload.
        actual: u64,
    },
    /// Not the fixed length, and no `pad=` to fill it up.
    #[error("payload of {actual} bytes in frames of exactly {expected}")]
    NotExactly {
        /// The fixed length.
        expected: u64,
        /// Bytes of the payload.
        actual: u64,
    },
    /// The payload holds the delimiter, or runs into it so that the frame would end elsewhere.
    #[error("payload holds or runs into the delimiter at byte {at}")]
    Delimiter {
        /// Where the frame would end.
        at: usize,
    },
    /// With `keep`, a payload has to end in its delimiter.
    #[error("payload does not end in its delimiter, which `keep` counts as a part of it")]
    NoDelimiter,
    /// The framing cannot say "empty": idle fill looks the same.
    #[error("an empty payload has no frame in this framing")]
    Empty,
    /// Not UTF-8, where `enc=utf8` is declared.
    #[error("payload is not UTF-8")]
    NotUtf8,
    /// Not ASCII, where `enc=ascii` is declared.
    #[error("payload is not ASCII")]
    NotAscii,
}

/// What the rest of a stream means once the stream has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtEnd {
    /// Nothing is left over.
    Nothing,
    /// The rest is a message: its end is the end of the stream.
    Message(Vec<u8>),
    /// A frame was begun and not finished; what becomes of it is the peer's `eof=`.
    Unfinished,
}

/// What a part of a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Start marker.
    Start,
    /// Bytes around the length field: `off`, `magic`, `skip`.
    Header,
    /// Length field, with its digits and separator.
    Prefix,
    /// Payload as it stands on the wire, escapes included.
    Payload,
    /// Delimiter.
    Delimiter,
    /// What follows a counted payload: `end`, and the end of chunks.
    Trailer,
}

/// A part of an encoded frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is for.
    pub role: Role,
    /// Where it stands, in bytes from the start of the frame; never empty.
    pub range: Range<usize>,
}

/// Appends a part, unless it is empty.
pub(super) fn push_part(parts: &mut Vec<Part>, role: Role, range: Range<usize>) {
    if !range.is_empty() {
        parts.push(Part { role, range });
    }
}
