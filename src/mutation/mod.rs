//! Frames spelled otherwise, or damaged, in a named way. Pure: a framing and a frame in, other bytes out.

use crate::framing::{Decoded, Framing, Kind, Length, More, Resume, Role};

/// One way to rewrite a frame.
#[derive(Clone, Copy, Debug)]
pub struct Mutation {
    /// As it stands in scenarios.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// What it makes of the message.
    pub effect: Effect,
    apply: fn(&Framing, &[u8]) -> Option<Vec<u8>>,
}

/// What a mutation makes of the message in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The same message in another legal spelling: it comes back.
    Spelling,
    /// No frame, or one that the framing forbids: nothing of it comes back.
    Damage,
}

/// All that there are.
pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "other-header",
        about: "other values in the header bytes around the length field that nothing prescribes (LEN-25)",
        effect: Effect::Spelling,
        apply: other_header,
    },
    Mutation {
        name: "wrong-magic",
        about: "another value in the first of the header bytes that must have a certain one (LEN-26)",
        effect: Effect::Damage,
        apply: wrong_magic,
    },
    Mutation {
        name: "reserved-bit",
        about: "a bit of the length field set that the mask reserves (LEN-30)",
        effect: Effect::Damage,
        apply: reserved_bit,
    },
    Mutation {
        name: "fragments",
        about: "the message in two fragments, where the framing has fragments (LEN-28)",
        effect: Effect::Spelling,
        apply: fragments,
    },
    Mutation {
        name: "wrong-trailer",
        about: "another value in the first byte of the trailer (LEN-27)",
        effect: Effect::Damage,
        apply: wrong_trailer,
    },
    Mutation {
        name: "other-delimiter",
        about: "the last of several delimiters in the place of the first (DEL-23)",
        effect: Effect::Spelling,
        apply: other_delimiter,
    },
    Mutation {
        name: "bad-escape",
        about: "an escape byte followed by one that cannot follow it, at the end of the payload (ESC-03)",
        effect: Effect::Damage,
        apply: bad_escape,
    },
];

impl Mutation {
    /// The mutation of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        MUTATIONS.iter().find(|mutation| mutation.name == name)
    }

    /// Rewrites one frame; `None` where the framing has nothing of the kind.
    pub fn apply(&self, framing: &Framing, frame: &[u8]) -> Option<Vec<u8>> {
        (self.apply)(framing, frame)
    }
}

fn length(framing: &Framing) -> Option<&Length> {
    match framing.kind() {
        Kind::Length(length) => Some(length),
        _ => None,
    }
}

/// The frame with one of its bytes changed.
fn with(frame: &[u8], at: usize, change: impl FnOnce(u8) -> u8) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[at] = change(frame[at]);
    frame
}

/// Where the first part of this role begins.
fn first(framing: &Framing, frame: &[u8], role: Role) -> Option<usize> {
    framing.anatomy(frame).into_iter().find(|part| part.role == role).map(|part| part.range.start)
}

fn other_header(framing: &Framing, frame: &[u8]) -> Option<Vec<u8>> {
    let magic = length(framing)?.magic.len();
    let headers = framing.anatomy(frame).into_iter().filter(|part| part.role == Role::Header);
    let free: Vec<usize> = headers.flat_map(|part| part.range).filter(|at| *at >= magic).collect();
    let mut other = frame.to_vec();
    for at in &free {
        other[*at] ^= 0x15;
    }
    (!free.is_empty()).then_some(other)
}

fn wrong_magic(framing: &Framing, frame: &[u8]) -> Option<Vec<u8>> {
    let has_magic = !length(framing)?.magic.is_empty();
    has_magic.then(|| with(frame, 0, |byte| byte ^ 0x20))
}

fn reserved_bit(framing: &Framing, frame: &[u8]) -> Option<Vec<u8>> {
    let length = length(framing)?;
    let (mask, width) = (length.mask.filter(|_| length.more.is_none())?, framing.field_width()?);
    let reserved = (0..8 * width as u32).rev().find(|bit| mask & (1 << bit) == 0)?;
    let frame_of = first(framing, frame, Role::Prefix)?;
    // The two orders have the bit at opposite ends; the one that makes another frame illegal is the right one.
    let places = [frame_of + width - 1 - reserved as usize / 8, frame_of + reserved as usize / 8];
    let damaged = places.map(|at| with(frame, at, |byte| byte | 1 << (reserved % 8)));
    damaged.into_iter().find(|damaged| matches!(framing.decode(damaged, Resume::default()), Decoded::Malformed(_)))
}

/// The first half as a fragment that is not the last, then the rest as it would be sent by itself.
fn fragments(framing: &Framing, frame: &[u8]) -> Option<Vec<u8>> {
    let (length, width) = (length(framing)?, framing.field_width()?);
    let (payload, at) = (framing.payload(frame).into_owned(), first(framing, frame, Role::Prefix)?);
    if length.more != Some(More::Msb) || payload.len() < 2 {
        return None;
    }
    let (head, tail) = payload.split_at(payload.len() / 2);
    let mut fragment = Vec::new();
    framing.encode_unlimited(head, &mut fragment).ok()?;
    let top = [at, at + width - 1].into_iter().find(|at| fragment[*at] & 0x80 != 0)?;
    fragment[top] &= 0x7f;
    framing.encode_unlimited(tail, &mut fragment).ok()?;
    Some(fragment)
}

fn wrong_trailer(framing: &Framing, frame: &[u8]) -> Option<Vec<u8>> {
    first(framing, frame, Role::Trailer).map(|at| with(frame, at, |byte| byte ^ 0x55))
}

fn other_delimiter(framing: &Framing, frame: &[u8]) -> Option<Vec<u8>> {
    let Kind::Delimiter(delimiter) = framing.kind() else { return None };
    let [_, .., last] = delimiter.set.as_slice() else { return None };
    let at = first(framing, frame, Role::Delimiter)?;
    Some([&frame[..at], last].concat())
}

fn bad_escape(framing: &Framing, frame: &[u8]) -> Option<Vec<u8>> {
    use crate::framing::Escape;
    let Kind::Delimiter(delimiter) = framing.kind() else { return None };
    let bad: &[u8] = match delimiter.escape? {
        Escape::Slip => &[0xdb, 0x41],
        Escape::Cobs => return Some(vec![0x05, b'a', 0x00]), // a group that says 4 bytes and has 1
        Escape::Hdlc | Escape::Dot => return None,
    };
    let at = first(framing, frame, Role::Delimiter)?;
    Some([&frame[..at], bad, &frame[at..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutated(name: &str, framing: &str, payload: &[u8]) -> Option<Vec<u8>> {
        let framing: Framing = framing.parse().expect("a framing");
        let mut frame = Vec::new();
        framing.encode(payload, &mut frame).expect("it can be encoded");
        Mutation::find(name).expect("a mutation").apply(&framing, &frame)
    }

    #[test]
    fn golden_bytes_of_each_mutation() {
        let is = |name, framing, payload: &[u8], wire: &[u8]| {
            assert_eq!(mutated(name, framing, payload).as_deref(), Some(wire), "{name}");
        };
        is("other-header", "grpc", b"hi", b"\x15\0\0\0\x02hi");
        is("wrong-magic", "tpkt", b"hi", b"\x23\0\0\x06hi");
        is("reserved-bit", "length:u32be,mask=0x7fffffff", b"hi", b"\x80\0\0\x02hi");
        is("reserved-bit", "length:u32le,mask=0x7fffffff", b"hi", b"\x02\0\0\x80hi");
        is("fragments", "rpc", b"hello", b"\0\0\0\x02he\x80\0\0\x03llo");
        is("wrong-trailer", "netstring", b"hi", b"2:hiy");
        is("other-delimiter", "delimiter:crlf/nul", b"hi", b"hi\0");
        is("bad-escape", "slip", b"hi", b"hi\xdb\x41\xc0");
    }

    #[test]
    fn where_there_is_nothing_of_the_kind_nothing_is_made() {
        for mutation in MUTATIONS {
            assert_eq!(mutated(mutation.name, "length:u16be", b"hello"), None, "{}", mutation.name);
        }
    }

    /// What each effect says holds in every variant: a spelling reads as the same message, damage as none.
    #[test]
    fn an_effect_is_what_the_framing_makes_of_it() {
        for variant in crate::framing::VARIANTS {
            let framing: Framing = variant.parse().expect("a variant");
            let mut frame = Vec::new();
            if framing.encode(b"hello", &mut frame).is_err() {
                continue;
            }
            for mutation in MUTATIONS {
                let Some(other) = mutation.apply(&framing, &frame) else { continue };
                match (mutation.effect, framing.decode(&other, Resume::default())) {
                    (Effect::Spelling, Decoded::Frame { len }) => {
                        assert_eq!(*framing.payload(&other[..len]), *b"hello", "{} {variant}", mutation.name);
                    }
                    (Effect::Damage, Decoded::Malformed(_)) => {}
                    (_, decoded) => panic!("{} in {variant}: {decoded:?}", mutation.name),
                }
            }
        }
    }
}
