//! What messages hold.

use super::dice::Dice;
use super::known::Known;
use super::swarm::{Feature, Swarm};
use crate::framing::{Framing, Kind, Role};
use crate::fuzzing::Message;
use crate::scenario::pattern;

/// Texts and bytes to which some program gives a meaning (CATALOGUE BYT, LEN-15).
const WORDS: &[&[u8]] = &[
    b"quit",
    b"exit",
    b"QUIT",
    b"Q",
    b"q",
    b"GET / HTTP/1.1",
    b"PING",
    b"0",
    b"5:hello,",
    b"12 12 12",
    b"3abc",
    b" ",
    b"  both  ",
    b"\tin\ttabs\t",
    b"%s%n%d 100%",
    b"a\\nb\\r\\0",
    b"'it''s' \"quoted\" `x`",
    b"<a href=\"x\">&amp;</a>",
    b"$HOME ${x} $(id)",
    b"../../etc/passwd",
    b"MiXeD cAsE",
    b"\xef\xbb\xbfmark",
    b"\xef\xac\x81ve stra\xc3\x9fe \xc3\xa9\xcc\x81",
    b"\xe2\x82\xac\xf0\x9f\x98\x80",
    b"\xff\xfe\xfd\x80",
    b"\xc3",
    b"\xff\xf4\xff\xfd\x06",
    b"\xff",
    b"a\0b",
    b"\0",
    b"end\0",
    b"\x04",
    b"a\x1ab",
    b"\x11\x13\x03\x7f\x1b[A",
    b"a\r\nb",
    b"a\nb",
    b"a\rb",
    b"\r",
    b"a\r\r",
    b".",
    b".dot",
    b"..\r\n.x",
    b"-1",
    b"0x10",
];

/// Bytes of other protocols, and of numbers that never end.
const FOREIGN: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1",
    b"SSH-2.0-x\r\n",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
    b"\x85\x80\x00hello",
    b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x80\x80\x80\x80\x08",
    b"99999999999999999999999999999999",
    b"4294967301:hello,",
    b"18446744073709551621:hello,",
    b"\x80\0\0\0",
    b"\x80\0\0\0\0\0\0\0",
    b"\xff\xff\xff\xfb12345678",
];

/// What is put into the digits of a length, at one end or the other.
const SPELLINGS: &[&[u8]] = &[b"0", b"00", b"+", b"-", b" ", b"\t", b"0x", b"x", b"e1", b"_0", b".0", b";"];

/// Sizes at which number types, escapes, packets and buffers end.
const EDGES: &[usize] = &[
    1, 2, 3, 4, 7, 8, 9, 10, 13, 15, 16, 31, 32, 63, 64, 99, 100, 101, 126, 127, 128, 129, 240, 252, 253, 254, 255,
    256, 257, 508, 511, 512, 513, 999, 1000, 1001, 1023, 1024, 1025, 1448, 1460, 1500, 2047, 2048, 2049, 4095, 4096,
    4097, 8191, 8192, 8193, 16383, 16384, 16385, 32767, 32768, 32769, 65534, 65535, 65536, 65600,
];

/// From this size on a message is rare: it costs as much as a hundred others.
const LARGE: usize = 2_100;

/// Draws a message.
type Drawing = fn(&mut Dice, &Known) -> Message;

/// One message.
pub(super) fn message(dice: &mut Dice, swarm: &Swarm, known: &Known) -> Message {
    let framing = &known.settings.framing;
    let kinds: [(Drawing, usize); 7] = [
        (text, 6),
        (word, swarm.weight(Feature::Words, 5)),
        (binary, swarm.weight(Feature::Binary, 4)),
        (empty, swarm.weight(Feature::Empty, 1)),
        (edge, swarm.weight(Feature::Edges, 5)),
        (limit, known.limit().map_or(0, |_| swarm.weight(Feature::Limits, 4))),
        (misspelled, swarm.weight(Feature::Spellings, usize::from(matches!(framing.kind(), Kind::Length(_))))),
    ];
    dice.weighed(&kinds)(dice, known)
}

/// A short text that is like no other near it, so that nothing can stand in for it.
pub(super) fn text(dice: &mut Dice, _: &Known) -> Message {
    let names = ["a", "bc", "hello", "message", "echo me", "x"];
    Message::Bytes(format!("{}{}", dice.pick(&names), dice.below(1000)).into_bytes())
}

fn word(dice: &mut Dice, _: &Known) -> Message {
    let mut bytes = dice.pick(WORDS).to_vec();
    if dice.once_in(4) {
        bytes.extend(dice.pick(WORDS).iter());
    }
    Message::Bytes(bytes)
}

fn empty(_: &mut Dice, _: &Known) -> Message {
    Message::Bytes(Vec::new())
}

/// Any bytes, many of them of the kind that delimits, escapes or counts.
fn binary(dice: &mut Dice, known: &Known) -> Message {
    let framing = &known.settings.framing;
    let mut special = vec![0, 1, 0x0a, 0x0d, 0x7f, 0x80, 0xc0, 0xdb, 0xdc, 0xdd, 0xff, b'0', b':', b',', b'.'];
    special.extend(framing.terminator().unwrap_or_default());
    let len = dice.between(1, 40);
    let byte = |dice: &mut Dice| if dice.once_in(2) { *dice.pick(&special) } else { dice.byte() };
    let mut bytes: Vec<u8> = (0..len).map(|_| byte(dice)).collect();
    if let Some([start @ .., _]) = framing.terminator().filter(|_| dice.once_in(2)) {
        let at = dice.below(bytes.len());
        bytes.splice(at..at, start[..dice.between(0, start.len())].iter().copied()); // a false start
    }
    Message::Bytes(carried(framing, bytes))
}

/// Without what the framing cannot carry, where that is single bytes.
fn carried(framing: &Framing, mut bytes: Vec<u8>) -> Vec<u8> {
    let is_sendable = |bytes: &[u8]| framing.encode_unlimited(bytes, &mut Vec::new()).is_ok();
    while !is_sendable(&bytes) && !bytes.is_empty() {
        let at = (1..=bytes.len()).find(|len| !is_sendable(&bytes[..*len])).unwrap_or(1);
        bytes.remove(at - 1);
    }
    bytes
}

/// Near a size at which something ends; of the payload, or of the whole frame.
fn edge(dice: &mut Dice, known: &Known) -> Message {
    let mut size = *dice.pick(EDGES);
    while size > known.largest || (size > LARGE && !dice.once_in(8)) {
        size = *dice.pick(EDGES);
    }
    if dice.once_in(2) {
        size -= overhead(&known.settings.framing, size).min(size - 1);
    }
    filled(known, size)
}

/// How many bytes of a frame of this size are no payload.
fn overhead(framing: &Framing, size: usize) -> usize {
    let mut frame = Vec::new();
    // A payload a little smaller has the same prefix, but for a few sizes.
    let sample = pattern(framing, size.saturating_sub(8));
    match framing.encode_unlimited(&sample, &mut frame) {
        Ok(()) => frame.len() - sample.len(),
        Err(_) => 0,
    }
}

/// Around the largest message that must be taken.
fn limit(dice: &mut Dice, known: &Known) -> Message {
    let more = *dice.pick(&[0_isize, 0, 0, 1, 1, 1, -1, 2, 3, 5, 8, 40, -2]);
    filled(known, known.limit().unwrap_or(1).saturating_add_signed(more))
}

fn filled(known: &Known, size: usize) -> Message {
    Message::Bytes(pattern(&known.settings.framing, size))
}

/// A frame whose length is spelled in a way that no encoder would choose, or no frame at all.
fn misspelled(dice: &mut Dice, known: &Known) -> Message {
    if dice.once_in(3) {
        return Message::Raw(dice.pick(FOREIGN).to_vec());
    }
    let (framing, mut frame) = (&known.settings.framing, Vec::new());
    let payload = pattern(framing, dice.between(1, 12));
    if framing.encode_unlimited(&payload, &mut frame).is_err() {
        return Message::Bytes(payload);
    }
    let prefix = framing.anatomy(&frame).into_iter().find(|part| part.role == Role::Prefix);
    let Some(range) = prefix.map(|part| part.range) else { return Message::Bytes(payload) };
    let digits: Vec<usize> = range.clone().filter(|at| frame[*at].is_ascii_hexdigit()).collect();
    let (Some(first), Some(last)) = (digits.first(), digits.last()) else { return Message::Raw(frame) };
    match dice.below(8) {
        0 => drop(frame.drain(*first..=*last)),
        1 => drop(frame.splice(range.clone(), frame[range].repeat(2))),
        _ => {
            let at = if dice.once_in(2) { *first } else { *last + 1 };
            frame.splice(at..at, dice.pick(SPELLINGS).iter().copied());
        }
    }
    Message::Raw(frame)
}
