//! Frames spelled otherwise, or damaged, in a named way. Pure: a framing and a frame in, other bytes out.

use std::ops::Range;

use crate::framing::{Decoded, Escape, Field, Framing, Kind, Length, More, Resume, Role};

/// One way to rewrite a frame.
#[derive(Clone, Copy, Debug)]
pub struct Mutation {
    /// As it stands in scenarios.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// What it makes of the message.
    pub effect: Effect,
    ways: fn(&Framing, &[u8]) -> Vec<Way>,
}

/// A frame as a mutation leaves it, in one of the ways in which it can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// What tells it from the others: `byte-2`.
    pub name: String,
    /// The frame.
    pub bytes: Vec<u8>,
}

impl Way {
    fn new(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), bytes }
    }

    /// The only one there is.
    fn only(bytes: Option<Vec<u8>>) -> Vec<Self> {
        bytes.map(|bytes| Self::new("", bytes)).into_iter().collect()
    }
}

/// What a mutation makes of the message in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The same message in another legal spelling: it comes back.
    Spelling,
    /// No frame, or one that the framing forbids: nothing of it comes back.
    Damage,
    /// What some read as a message and others refuse: whatever the framing reads in it may come back.
    Doubt,
}

/// All that there are.
pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "other-header",
        about: "other values in the header bytes around the length field that nothing prescribes (LEN-25)",
        effect: Effect::Spelling,
        ways: other_header,
    },
    Mutation {
        name: "wrong-magic",
        about: "another value in one of the header bytes that must have a certain one (LEN-26)",
        effect: Effect::Damage,
        ways: wrong_magic,
    },
    Mutation {
        name: "reserved-bit",
        about: "a bit of the length field set that the mask reserves (LEN-30)",
        effect: Effect::Damage,
        ways: reserved_bit,
    },
    Mutation {
        name: "fragments",
        about: "the message in several fragments, where the framing has fragments (LEN-28)",
        effect: Effect::Spelling,
        ways: fragments,
    },
    Mutation {
        name: "wrong-trailer",
        about: "another value in one byte of the trailer, or in all of them (LEN-27)",
        effect: Effect::Damage,
        ways: wrong_trailer,
    },
    Mutation {
        name: "long-length",
        about: "a length in more bytes than it needs, where its width depends on its value (VAR-04)",
        effect: Effect::Doubt,
        ways: long_length,
    },
    Mutation {
        name: "odd-digits",
        about: "a length in digits, in a spelling that few grammars allow (ASC-03)",
        effect: Effect::Doubt,
        ways: odd_digits,
    },
    Mutation {
        name: "other-delimiter",
        about: "the last of several delimiters in the place of the first (DEL-23)",
        effect: Effect::Spelling,
        ways: other_delimiter,
    },
    Mutation {
        name: "bad-escape",
        about: "an escape byte followed by one that cannot follow it, at the end of the payload (ESC-03)",
        effect: Effect::Damage,
        ways: bad_escape,
    },
];

impl Mutation {
    /// The mutation of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        MUTATIONS.iter().find(|mutation| mutation.name == name)
    }

    /// Every way in which it rewrites this frame; none where the framing has nothing of the kind.
    pub fn ways(&self, framing: &Framing, frame: &[u8]) -> Vec<Way> {
        (self.ways)(framing, frame)
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

/// Where the first part of this role stands.
fn first(framing: &Framing, frame: &[u8], role: Role) -> Option<Range<usize>> {
    framing.anatomy(frame).into_iter().find(|part| part.role == role).map(|part| part.range)
}

/// Each of these bytes by itself made wrong.
fn each_wrong(frame: &[u8], range: Range<usize>, bits: u8) -> Vec<Way> {
    let wrong = |(number, at)| Way::new(format!("byte-{}", number + 1), with(frame, at, |byte| byte ^ bits));
    range.enumerate().map(wrong).collect()
}

fn other_header(framing: &Framing, frame: &[u8]) -> Vec<Way> {
    let Some(length) = length(framing) else { return Vec::new() };
    let headers = framing.anatomy(frame).into_iter().filter(|part| part.role == Role::Header);
    let free: Vec<usize> = headers.flat_map(|part| part.range).filter(|at| *at >= length.magic.len()).collect();
    let mut other = frame.to_vec();
    for at in &free {
        other[*at] ^= 0x15;
    }
    Way::only((!free.is_empty()).then_some(other))
}

fn wrong_magic(framing: &Framing, frame: &[u8]) -> Vec<Way> {
    let magic = length(framing).map_or(0, |length| length.magic.len());
    let mut ways = each_wrong(frame, 0..magic, 0x20);
    let reversed: Vec<u8> = frame[..magic].iter().rev().chain(&frame[magic..]).copied().collect();
    if reversed != frame {
        ways.push(Way::new("reversed", reversed));
    }
    ways
}

fn reserved_bit(framing: &Framing, frame: &[u8]) -> Vec<Way> {
    let reserved = || {
        let length = length(framing)?;
        let (mask, width) = (length.mask.filter(|_| length.more.is_none())?, framing.field_width()?);
        let reserved = (0..8 * width as u32).rev().find(|bit| mask & (1 << bit) == 0)?;
        let field = first(framing, frame, Role::Prefix)?.start;
        // The two orders have the bit at opposite ends; the one that makes another frame illegal is the right one.
        let places = [field + width - 1 - reserved as usize / 8, field + reserved as usize / 8];
        let damaged = places.map(|at| with(frame, at, |byte| byte | 1 << (reserved % 8)));
        damaged.into_iter().find(|damaged| matches!(framing.decode(damaged, Resume::default()), Decoded::Malformed(_)))
    };
    Way::only(reserved())
}

/// Into how many parts a message is broken, and what its parts are called that hold nothing.
const FRAGMENTS: &[(&str, &[u8])] = &[
    ("2", &[50, 100]),
    ("3", &[30, 60, 100]),
    ("5", &[20, 40, 60, 80, 100]),
    ("empty-first", &[0, 100]),
    ("empty-between", &[50, 50, 100]),
    ("empty-last", &[100, 100]),
];

/// Fragments that are not the last, then one as it would be sent by itself. Where each ends is given in percent.
fn fragments(framing: &Framing, frame: &[u8]) -> Vec<Way> {
    let payload = framing.payload(frame).into_owned();
    let way = |(name, ends): &(&str, &[u8])| {
        let (mut bytes, mut from) = (Vec::new(), 0);
        for (number, percent) in ends.iter().enumerate() {
            let to = payload.len() * usize::from(*percent) / 100;
            let mut fragment = Vec::new();
            framing.encode_unlimited(&payload[from..to], &mut fragment).ok()?;
            if number + 1 < ends.len() {
                go_on(framing, &mut fragment)?;
            }
            bytes.extend(fragment);
            from = to;
        }
        Some(Way::new(*name, bytes))
    };
    let has_fragments = length(framing).is_some_and(|length| length.more == Some(More::Msb));
    FRAGMENTS.iter().filter(|_| has_fragments).filter_map(way).collect()
}

/// Takes the mark away that says that a fragment is the last.
fn go_on(framing: &Framing, fragment: &mut [u8]) -> Option<()> {
    let (width, at) = (framing.field_width()?, first(framing, fragment, Role::Prefix)?.start);
    let top = [at, at + width - 1].into_iter().find(|at| fragment[*at] & 0x80 != 0)?;
    fragment[top] &= 0x7f;
    Some(())
}

fn wrong_trailer(framing: &Framing, frame: &[u8]) -> Vec<Way> {
    let Some(trailer) = first(framing, frame, Role::Trailer) else { return Vec::new() };
    let mut ways = each_wrong(frame, trailer.clone(), 0x55);
    if ways.len() > 1 {
        let all = trailer.fold(frame.to_vec(), |frame, at| with(&frame, at, |byte| byte ^ 0x55));
        ways.push(Way::new("all", all));
    }
    ways
}

fn long_length(framing: &Framing, frame: &[u8]) -> Vec<Way> {
    let (Some(length), Some(field)) = (length(framing), first(framing, frame, Role::Prefix)) else {
        return Vec::new();
    };
    let longer = length.longer(&frame[field.clone()]).into_iter();
    longer.map(|longer| Way::new(format!("{}-bytes", longer.len()), replaced(frame, &field, &longer))).collect()
}

/// Digits as some functions that read numbers take them, and no grammar of lengths does: `{}` is the number.
const SPELLINGS: &[(&str, &str)] = &[
    ("zero", "0{}"),
    ("zeros", "00{}"),
    ("plus", "+{}"),
    ("minus", "-{}"),
    ("blank", " {}"),
    ("tab", "\t{}"),
    ("blank-behind", "{} "),
    ("none", ""),
    ("base", "0x{}"),
    ("fraction", "{}.0"),
    ("exponent", "{}e0"),
    ("letter-behind", "{}a"),
    ("zero-byte-behind", "{}\0"),
];

fn odd_digits(framing: &Framing, frame: &[u8]) -> Vec<Way> {
    let is_text = length(framing).is_some_and(|length| matches!(length.field, Field::Dec | Field::Hex | Field::Oct));
    let Some(field) = first(framing, frame, Role::Prefix).filter(|_| is_text) else { return Vec::new() };
    let digits = frame[field.clone()].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let number = String::from_utf8_lossy(&frame[field.start..field.start + digits]).into_owned();
    let mut ways: Vec<(&str, String)> =
        SPELLINGS.iter().map(|(name, spelling)| (*name, spelling.replace("{}", &number))).collect();
    if let Some((first, rest)) = number.split_at_checked(1).filter(|(_, rest)| !rest.is_empty()) {
        ways.push(("underscore", format!("{first}_{rest}")));
        ways.push(("comma", format!("{first},{rest}")));
        ways.push(("blank-within", format!("{first} {rest}")));
    }
    let devanagari = number.chars().map(|digit| digit.to_digit(10).and_then(|digit| char::from_u32(0x966 + digit)));
    ways.extend(devanagari.collect::<Option<String>>().map(|digits| ("other-script", digits)));
    let place = field.start..field.start + digits;
    ways.into_iter().map(|(name, digits)| Way::new(name, replaced(frame, &place, digits.as_bytes()))).collect()
}

fn replaced(frame: &[u8], range: &Range<usize>, by: &[u8]) -> Vec<u8> {
    [&frame[..range.start], by, &frame[range.end..]].concat()
}

fn other_delimiter(framing: &Framing, frame: &[u8]) -> Vec<Way> {
    let other = || {
        let Kind::Delimiter(delimiter) = framing.kind() else { return None };
        let [_, .., last] = delimiter.set.as_slice() else { return None };
        let at = first(framing, frame, Role::Delimiter)?.start;
        Some([&frame[..at], last].concat())
    };
    Way::only(other())
}

fn bad_escape(framing: &Framing, frame: &[u8]) -> Vec<Way> {
    let bad = || {
        let Kind::Delimiter(delimiter) = framing.kind() else { return None };
        let bad: &[u8] = match delimiter.escape? {
            Escape::Slip => &[0xdb, 0x41],
            Escape::Cobs => return Some(vec![0x05, b'a', 0x00]), // a group that says 4 bytes and has 1
            Escape::Hdlc | Escape::Dot => return None,
        };
        let at = first(framing, frame, Role::Delimiter)?.start;
        Some([&frame[..at], bad, &frame[at..]].concat())
    };
    Way::only(bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutated(name: &str, framing: &str, payload: &[u8]) -> Vec<Way> {
        let framing: Framing = framing.parse().expect("a framing");
        let mut frame = Vec::new();
        framing.encode(payload, &mut frame).expect("it can be encoded");
        Mutation::find(name).expect("a mutation").ways(&framing, &frame)
    }

    #[test]
    fn golden_bytes_of_each_mutation() {
        let is = |name, framing, payload: &[u8], wire: &[&[u8]]| {
            let made: Vec<_> = mutated(name, framing, payload).into_iter().map(|way| way.bytes).collect();
            assert_eq!(made, wire, "{name}");
        };
        is("other-header", "grpc", b"hi", &[b"\x15\0\0\0\x02hi"]);
        is("wrong-magic", "tpkt", b"hi", &[b"\x23\0\0\x06hi", b"\x03\x20\0\x06hi", b"\0\x03\0\x06hi"]);
        is("reserved-bit", "length:u32be,mask=0x7fffffff", b"hi", &[b"\x80\0\0\x02hi"]);
        is("reserved-bit", "length:u32le,mask=0x7fffffff", b"hi", &[b"\x02\0\0\x80hi"]);
        is("wrong-trailer", "netstring", b"hi", &[b"2:hiy"]);
        let trailers: [&[u8]; 3] = [b"$2\r\nhiX\n", b"$2\r\nhi\r_", b"$2\r\nhiX_"];
        is("wrong-trailer", "resp-bulk", b"hi", &trailers);
        is("other-delimiter", "delimiter:crlf/nul", b"hi", &[b"hi\0"]);
        is("bad-escape", "slip", b"hi", &[b"hi\xdb\x41\xc0"]);
        is("long-length", "length:varint,digits=1-3", b"a", &[b"\x81\0a", b"\x81\x80\0a"]);
        is("long-length", "length:quic", b"a", &[b"\x40\x01a", b"\x80\0\0\x01a", b"\xc0\0\0\0\0\0\0\x01a"]);
    }

    #[test]
    fn golden_bytes_of_the_ways_that_have_names() {
        let is = |name, framing, payload: &[u8], way, wire: &[u8]| {
            let ways = mutated(name, framing, payload);
            assert_eq!(ways.iter().find(|one| one.name == way).map(|way| way.bytes.as_slice()), Some(wire), "{way}");
        };
        is("fragments", "rpc", b"hello", "2", b"\0\0\0\x02he\x80\0\0\x03llo");
        is("fragments", "rpc", b"hello", "empty-last", b"\0\0\0\x05hello\x80\0\0\0");
        is("odd-digits", "netstring", b"0123456789", "underscore", b"1_0:0123456789,");
        is("odd-digits", "syslog", b"a", "plus", b"+1 a");
        is("odd-digits", "length:dec,sep=x'3b'", b"a", "none", b";a");
        is("odd-digits", "length:dec,sep=x'3b'", b"a", "other-script", "\u{967};a".as_bytes());
    }

    #[test]
    fn where_there_is_nothing_of_the_kind_nothing_is_made() {
        for mutation in MUTATIONS {
            assert_eq!(mutated(mutation.name, "length:u16be", b"hello"), [], "{}", mutation.name);
        }
    }

    #[test]
    fn no_two_ways_are_the_same() {
        for variant in crate::framing::VARIANTS {
            let framing: Framing = variant.parse().expect("a variant");
            let mut frame = Vec::new();
            if framing.encode(b"ten bytes!", &mut frame).is_err() {
                continue;
            }
            for mutation in MUTATIONS {
                let ways = mutation.ways(&framing, &frame);
                let names: std::collections::BTreeSet<_> = ways.iter().map(|way| &way.name).collect();
                assert_eq!(names.len(), ways.len(), "{} in {variant}", mutation.name);
                assert!(ways.iter().all(|way| way.bytes != frame), "{} in {variant}", mutation.name);
            }
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
                for Way { name, bytes } in mutation.ways(&framing, &frame) {
                    match (mutation.effect, framing.decode(&bytes, Resume::default())) {
                        (Effect::Spelling, Decoded::Frame { len }) => {
                            assert_eq!(*framing.payload(&bytes[..len]), *b"hello", "{} {variant}", mutation.name);
                        }
                        (Effect::Damage, Decoded::Malformed(_)) | (Effect::Doubt, _) => {}
                        (_, decoded) => panic!("{} {name} in {variant}: {decoded:?}", mutation.name),
                    }
                }
            }
        }
    }

    #[test]
    fn a_longer_length_is_the_same_length_or_refused() {
        for variant in ["length:varint", "length:vlq", "length:quic", "length:ber", "length:zmtp", "length:ws"] {
            let ways = mutated("long-length", variant, b"hello");
            assert!(!ways.is_empty(), "{variant}");
            let framing: Framing = variant.parse().expect("a variant");
            for way in ways {
                match framing.decode(&way.bytes, Resume::default()) {
                    Decoded::Frame { len } => {
                        assert_eq!((len, &*framing.payload(&way.bytes)), (way.bytes.len(), &b"hello"[..]));
                    }
                    decoded => assert!(matches!(decoded, Decoded::Malformed(_)), "{variant} {}: {decoded:?}", way.name),
                }
            }
        }
    }
}
