//! What only some framings have, taken for something else: marks and flags beside a length, fragments, chunks, several
//! delimiters.

use super::decode::{Decode, Reader};
use super::header::{find, header};
use super::{Act, Fault, Moment, reading, scope};
use crate::framing::{Framing, Kind, Length};

pub(super) const FAULTS: &[Fault] = &[
    reading(
        "magic-unchecked",
        "does not look at the bytes that mark the protocol",
        &["LEN-26"],
        |framing| scope::of_length(framing, |length| !length.magic.is_empty()) && !scope::trailer(framing),
        |desk| super::right_decoder(&with_length(desk.framing(), |length| length.magic.clear())),
    ),
    reading(
        "magic-first-byte-only",
        "looks at the first of the bytes that mark the protocol, and at no other",
        &["LEN-26"],
        |framing| scope::of_length(framing, |length| length.magic.len() > 1),
        |desk| super::right_decoder(&with_length(desk.framing(), |length| length.magic.truncate(1))),
    ),
    reading(
        "reserved-bit-masked",
        "masks a reserved bit of the length away",
        &["LEN-30"],
        |framing| scope::of_length(framing, |length| length.mask.is_some() && length.more.is_none()),
        |desk| {
            let mask = scope::length_of(desk.framing()).and_then(|length| length.mask).unwrap_or(u64::MAX);
            Reader::boxed((desk.framing().clone(), mask), |it| {
                while let Some(head) = header(&it.state.0, it.buffer) {
                    let (len, value) = (head.len, head.value & it.state.1);
                    if value > it.state.0.behaviour().max.unwrap_or(u64::MAX) {
                        return it.refuse();
                    }
                    let end = len + value as usize;
                    if it.buffer.len() < end {
                        return;
                    }
                    let payload = it.buffer[len..end].to_vec();
                    it.drop(end);
                    it.message(&payload);
                }
            })
        },
    ),
    reading(
        "fragments-are-messages",
        "takes each fragment for a message (Erlang's sunrm)",
        &["LEN-28"],
        |framing| scope::of_length(framing, |length| length.more == Some(crate::framing::More::Msb)),
        |desk| super::lengths::counted(desk, |value| value & 0x7fff_ffff),
    ),
    reading(
        "flag-makes-the-header-longer",
        "takes the first byte of the payload for a part of the header when a flag in it is set (tokio#8348)",
        &["LEN-25"],
        |framing| scope::of_length(framing, |length| length.off > length.magic.len()),
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some((len, payload)) = it.first() {
                    let free = scope::length_of(it.state).map_or(0, |length| length.magic.len());
                    let flagged = usize::from(it.buffer[free] != 0).min(payload.len());
                    it.drop(len);
                    it.message(&payload[flagged..]);
                }
            })
        },
    ),
    reading(
        "below-header-is-empty",
        "takes a length that is smaller than what it counts for an empty message",
        &["LEN-23"],
        scope::counts_header,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                loop {
                    while let Some(head) = header(it.state, it.buffer).filter(|head| head.value < LEAST) {
                        it.drop(head.len);
                        it.message(b"");
                    }
                    let Some((len, payload)) = it.first() else { return };
                    it.drop(len);
                    it.message(&payload);
                }
            })
        },
    ),
    Fault {
        name: "below-header-kills",
        about: "dies of a length that is smaller than what it counts (it wraps, and so much cannot be had)",
        breaks: &["LEN-23"],
        applies: scope::counts_header,
        act: Act::Session(|desk, moment| match moment {
            Moment::Read(bytes) if header(desk.framing(), bytes).is_some_and(|head| head.value < LEAST) => {
                desk.order(super::Order::Die);
            }
            _ => {}
        }),
    },
    reading(
        "oversize-falls-back-to-lines",
        "reads lines from a count on that is over the maximum (rsyslog's maxFrameSize)",
        &["ASC-14", "LEN-10"],
        |framing| scope::digits(framing) && scope::limited(framing),
        |desk| {
            Reader::boxed((desk.framing().clone(), false), |it| {
                while !it.state.1
                    && let Some(head) = header(&it.state.0, it.buffer)
                {
                    let end = head.len as u64 + head.value + super::header::trailer(&it.state.0).len() as u64;
                    it.state.1 = head.value > it.state.0.behaviour().max.unwrap_or(u64::MAX);
                    if !it.state.1 && (it.buffer.len() as u64) < end {
                        return;
                    }
                    if !it.state.1 {
                        let payload = it.buffer[head.len..head.len + head.value as usize].to_vec();
                        it.drop(end as usize);
                        it.message(&payload);
                    }
                }
                while it.state.1
                    && let Some(at) = find(it.buffer, b"\n")
                {
                    let line = it.buffer[..at].to_vec();
                    it.drop(at + 1);
                    it.message(&line);
                }
            })
        },
    ),
    reading(
        "chunk-size-like-strtoul",
        "takes what strtoul takes for the size of a chunk (libnetconf2)",
        &["ASC-13"],
        scope::chunks,
        |_| chunks(|digits| digits.trim_start().trim_start_matches('+').parse().ok(), false),
    ),
    reading(
        "junk-before-chunk-skipped",
        "passes over what stands before a chunk (libnetconf2)",
        &["ASC-13"],
        scope::chunks,
        |_| chunks(|digits| digits.parse().ok().filter(|_| !digits.starts_with(['0', '+'])), true),
    ),
    reading(
        "chunk-header-in-one-read",
        "takes each chunk that is there for a message when its header was cut",
        &["ASC-13", "SEG-02"],
        scope::chunks,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                if it.fresh > 0 && it.fresh < 3 {
                    it.buffer.drain(..it.fresh);
                }
                it.search();
            })
        },
    ),
    reading(
        "first-delimiter-only",
        "knows the first of several delimiters, and no other",
        &["DEL-23"],
        scope::several,
        |desk| super::right_decoder(&with_first(desk.framing(), 1)),
    ),
    Fault {
        name: "reply-delimiter-varies",
        about: "ends every second reply with another of its delimiters",
        breaks: &["DEL-25"],
        applies: |framing| scope::several(framing) && framing.behaviour().reply.is_some(),
        act: Act::Reply(|desk, mut reply| {
            let (first, last) = scope::ends(desk.framing());
            let used = if reply.ends_with(&first) { first } else { last.clone() };
            if desk.next() % 2 == 0 {
                reply.truncate(reply.len() - used.len());
                reply.extend_from_slice(&last);
            }
            reply
        }),
    },
];

/// No length that counts itself is smaller.
const LEAST: u64 = 2;

/// The same with another length.
fn with_length(framing: &Framing, alter: impl FnOnce(&mut Length)) -> Framing {
    let mut kind = framing.kind().clone();
    if let Kind::Length(length) = &mut kind {
        alter(length);
    }
    framing.clone().with_kind(kind)
}

/// The same with the first of its delimiters only.
fn with_first(framing: &Framing, count: usize) -> Framing {
    let mut kind = framing.kind().clone();
    if let Kind::Delimiter(delimiter) = &mut kind {
        delimiter.set.truncate(count);
    }
    framing.clone().with_kind(kind)
}

/// NETCONF's chunks, whose sizes are read by `parse`; what stands before one is refused or passed over.
fn chunks(parse: fn(&str) -> Option<u64>, passes_over: bool) -> Box<dyn Decode> {
    Reader::boxed((parse, passes_over, Vec::new()), |it| {
        loop {
            let Some(mark) = find(it.buffer, b"\n#") else { return };
            if mark > 0 && !it.state.1 {
                return it.refuse();
            }
            let Some(end) = find(&it.buffer[mark + 2..], b"\n").map(|at| mark + 2 + at) else { return };
            let size = String::from_utf8_lossy(&it.buffer[mark + 2..end]).into_owned();
            if size == "#" {
                let payload = std::mem::take(&mut it.state.2);
                it.drop(end + 1);
                it.message(&payload);
                continue;
            }
            let Some(size) = (it.state.0)(&size).filter(|size| *size <= 1 << 26) else { return it.refuse() };
            let body = end + 1..end + 1 + size as usize;
            if it.buffer.len() < body.end {
                return;
            }
            it.state.2.extend_from_slice(&it.buffer[body.clone()]);
            it.drop(body.end);
        }
    })
}
