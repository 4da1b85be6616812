//! Binary lengths whose width depends on their value.

use super::{Field, Read};
use crate::framing::outcome::{Malformed, Reason};

/// The rules that a variable-width field may be held to.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    /// Most bytes of a varint.
    pub(super) most: u8,
    /// Whether only the shortest form is legal.
    pub(super) minimal: bool,
}

type Reading = Result<Option<Read>, Malformed>;

pub(super) fn read(field: Field, input: &[u8], rules: Rules) -> Reading {
    let reading = match field {
        Field::Varint | Field::Vlq => groups(input, rules.most, field == Field::Vlq),
        Field::Quic => Ok(quic(input)),
        Field::Ber => ber(input),
        Field::Zmtp => zmtp(input),
        _ => websocket(input),
    };
    match reading {
        Ok(Some(read)) if rules.minimal && !is_minimal(field, read) => Err(Reason::NotMinimal.at(0)),
        other => other,
    }
}

pub(super) fn write(field: Field, value: u128, most: u8) -> Option<Vec<u8>> {
    match field {
        Field::Varint => write_groups(value, most),
        Field::Vlq => write_groups(value, most).map(vlq_from_leb),
        Field::Quic => write_quic(value),
        Field::Ber => write_ber(value),
        Field::Zmtp => write_zmtp(value),
        _ => write_websocket(value),
    }
}

/// The value of a field in every longer form that there is, from the shortest on; also where only the shortest is legal.
/// `most`: most bytes of a varint.
pub(super) fn longer(field: Field, input: &[u8], most: u8) -> Vec<Vec<u8>> {
    let Ok(Some(Read { value, len })) = read(field, input, Rules { most, minimal: false }) else { return Vec::new() };
    let behind = |lead: u8, count: usize| Some([&[lead][..], &in_bytes(value, count)?].concat());
    let forms: Vec<Option<Vec<u8>>> = match field {
        Field::Varint => (len + 1..=usize::from(most)).map(|groups| Some(stretched(&input[..len], groups))).collect(),
        Field::Vlq => {
            (1..=usize::from(most) - len).map(|more| Some([&vec![0x80; more], &input[..len]].concat())).collect()
        }
        Field::Quic => (1..=3).map(|power| quic_of_width(value, power)).collect(),
        Field::Ber => (1..=8).map(|count| behind(0x80 | count as u8, count)).collect(),
        Field::Zmtp => vec![behind(2, 8)],
        _ => vec![behind(126, 2), behind(127, 8)],
    };
    forms.into_iter().flatten().filter(|form| form.len() > len).collect()
}

/// The value in so many bytes, the most significant first, if it fits.
fn in_bytes(value: u64, count: usize) -> Option<Vec<u8>> {
    let bytes = value.to_be_bytes();
    let (zeros, rest) = bytes.split_at(bytes.len() - count);
    zeros.iter().all(|byte| *byte == 0).then(|| rest.to_vec())
}

/// A varint in so many groups, the last of which hold zeros.
fn stretched(short: &[u8], groups: usize) -> Vec<u8> {
    let mut long = short.to_vec();
    long.resize(groups, 0);
    long[short.len() - 1..groups - 1].iter_mut().for_each(|byte| *byte |= 0x80);
    long
}

fn quic_of_width(value: u64, power: u8) -> Option<Vec<u8>> {
    let mut field = in_bytes(value, 1 << power).filter(|field| field[0] < 0x40)?;
    field[0] |= power << 6;
    Some(field)
}

fn is_minimal(field: Field, read: Read) -> bool {
    write(field, u128::from(read.value), u8::MAX).is_some_and(|shortest| shortest.len() == read.len)
}

/// Seven bits a byte, the top bit set on all but the last: least significant group first (LEB128, protobuf) or most
/// significant first (VLQ, MIDI).
fn groups(input: &[u8], most: u8, big: bool) -> Reading {
    let mut value = 0_u128;
    for (i, byte) in input.iter().enumerate() {
        if i >= usize::from(most) {
            return Err(Reason::Overlong.at(i));
        }
        let group = u128::from(byte & 0x7f);
        value = if big { value << 7 | group } else { value | group << (7 * i) };
        if byte & 0x80 == 0 {
            let value = u64::try_from(value).map_err(|_| Reason::Overflow.at(i))?;
            return Ok(Some(Read { len: i + 1, value }));
        }
    }
    // Refused without waiting for a byte that could not help any more (CATALOGUE VAR-05).
    if input.len() >= usize::from(most) {
        return Err(Reason::Overlong.at(usize::from(most)));
    }
    Ok(None)
}

fn write_groups(mut value: u128, most: u8) -> Option<Vec<u8>> {
    let mut field = Vec::new();
    loop {
        let group = value as u8 & 0x7f;
        value >>= 7;
        field.push(if value == 0 { group } else { group | 0x80 });
        if value == 0 {
            return (field.len() <= usize::from(most)).then_some(field);
        }
    }
}

fn vlq_from_leb(mut field: Vec<u8>) -> Vec<u8> {
    field.reverse();
    let last = field.len() - 1;
    field[..last].iter_mut().for_each(|byte| *byte |= 0x80);
    field[last] &= 0x7f;
    field
}

/// The two top bits say how many bytes (RFC 9000 16).
fn quic(input: &[u8]) -> Option<Read> {
    let len = 1 << (input.first()? >> 6);
    let strip = |value| value & (u64::MAX >> (66 - 8 * len));
    big_endian(input, 0, len).map(|value| Read { len, value: strip(value) })
}

fn write_quic(value: u128) -> Option<Vec<u8>> {
    let value = u64::try_from(value).ok()?;
    (0..4).find_map(|power| quic_of_width(value, power))
}

/// One byte below 0x80, or 0x80 and the number of bytes that follow (X.690 8.1.3).
fn ber(input: &[u8]) -> Reading {
    match input.first() {
        None => Ok(None),
        Some(&short @ ..0x80) => Ok(Some(Read { len: 1, value: u64::from(short) })),
        Some(0x80) => Err(Reason::Indefinite.at(0)),
        Some(&count @ 0x81..=0x88) => Ok(long_form(input, usize::from(count - 0x80))),
        Some(_) => Err(Reason::Overlong.at(0)),
    }
}

fn write_ber(value: u128) -> Option<Vec<u8>> {
    let value = u64::try_from(value).ok()?;
    if value < 0x80 {
        return Some(vec![value as u8]);
    }
    let skip = value.leading_zeros() as usize / 8;
    let mut field = vec![0x80 | (8 - skip) as u8];
    field.extend_from_slice(&value.to_be_bytes()[skip..]);
    Some(field)
}

/// Flags, then one byte, or eight if the flags say "long" (ZMTP 3.1). `MORE` and `COMMAND` frames are no messages.
fn zmtp(input: &[u8]) -> Reading {
    match input.first() {
        None => Ok(None),
        Some(0) => Ok(long_form(input, 1)),
        Some(2) => Ok(long_form(input, 8)),
        Some(_) => Err(Reason::ReservedBits.at(0)),
    }
}

fn write_zmtp(value: u128) -> Option<Vec<u8>> {
    let value = u64::try_from(value).ok()?;
    Some(match u8::try_from(value) {
        Ok(short) => vec![0, short],
        Err(_) => [&[2][..], &value.to_be_bytes()].concat(),
    })
}

/// Seven bits, or 126 and two bytes, or 127 and eight; bit 7 would announce a masking key (RFC 6455 5.2).
fn websocket(input: &[u8]) -> Reading {
    match input.first() {
        None => Ok(None),
        Some(&short @ ..126) => Ok(Some(Read { len: 1, value: u64::from(short) })),
        Some(126) => Ok(long_form(input, 2)),
        Some(127) => Ok(long_form(input, 8)),
        Some(_) => Err(Reason::ReservedBits.at(0)),
    }
}

fn write_websocket(value: u128) -> Option<Vec<u8>> {
    match value {
        ..126 => Some(vec![value as u8]),
        126..0x1_0000 => Some([&[126][..], &(value as u16).to_be_bytes()].concat()),
        0x1_0000..0x8000_0000_0000_0000 => Some([&[127][..], &(value as u64).to_be_bytes()].concat()),
        _ => None,
    }
}

/// One byte that was looked at already, then a value of `count` bytes.
fn long_form(input: &[u8], count: usize) -> Option<Read> {
    let len = count + 1;
    big_endian(input, 1, len).map(|value| Read { len, value })
}

fn big_endian(input: &[u8], from: usize, to: usize) -> Option<u64> {
    let bytes = input.get(from..to)?;
    Some(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use crate::framing::Reason;
    use crate::framing::laws::{bad, good, reads};

    /// The numbers are those of the protobuf encoding guide (300) and of CATALOGUE VAR-01.
    #[test]
    fn golden_leb128() {
        good("pb", b"\x05hello", b"hello");
        good("pb", &[&b"\x80\x01"[..], &[7; 128]].concat(), &[7; 128]);
        good("pb", &[&b"\xac\x02"[..], &[7; 300]].concat(), &[7; 300]);
        good("pb", &[&b"\x80\x80\x01"[..], &[7; 16384]].concat(), &[7; 16384]);
        good("pb", b"\0", b"");
    }

    /// MIDI 1.0: 0x80 is 81 00, 0x3fff is ff 7f.
    #[test]
    fn golden_vlq() {
        good("length:vlq", b"\x05hello", b"hello");
        good("length:vlq", &[&b"\x81\x00"[..], &[7; 128]].concat(), &[7; 128]);
        good("length:vlq", &[&b"\xff\x7f"[..], &[7; 16383]].concat(), &[7; 16383]);
    }

    /// RFC 9000 A.1: 15293 is 7b bd, 37 is 25, and also 40 25.
    #[test]
    fn golden_quic() {
        good("length:quic", &[&b"\x25"[..], &[7; 37]].concat(), &[7; 37]);
        good("length:quic", &[&b"\x7b\xbd"[..], &[7; 15293]].concat(), &[7; 15293]);
        reads("length:quic", &[&b"\x40\x25"[..], &[7; 37]].concat(), &[7; 37]);
        let (limit, claimed) = (9, Some(494_878_333));
        bad("length:quic,max=9", b"\x9d\x7f\x3e\x7d", Reason::TooLong { limit, claimed }, 0);
        let claimed = Some(151_288_809_941_952_652);
        bad("length:quic,max=9", b"\xc2\x19\x7c\x5e\xff\x14\xe8\x8c", Reason::TooLong { limit, claimed }, 0);
    }

    /// X.690 8.1.3.5: 201 is 81 c9.
    #[test]
    fn golden_ber() {
        good("length:ber", b"\x05hello", b"hello");
        good("length:ber", &[&b"\x81\xc9"[..], &[7; 201]].concat(), &[7; 201]);
        good("length:ber", &[&b"\x82\x01\x00"[..], &[7; 256]].concat(), &[7; 256]);
        reads("length:ber", b"\x82\x00\x02hi", b"hi");
        bad("length:ber", b"\x80hi\0\0", Reason::Indefinite, 0);
        bad("length:ber", b"\x89", Reason::Overlong, 0);
        bad("length:ber", b"\xff", Reason::Overlong, 0);
        bad("length:ber,minimal=deny", b"\x81\x02hi", Reason::NotMinimal, 0);
    }

    #[test]
    fn golden_zmtp() {
        good("length:zmtp", b"\x00\x05hello", b"hello");
        good("length:zmtp", &[&b"\x02\0\0\0\0\0\0\x01\x00"[..], &[7; 256]].concat(), &[7; 256]);
        bad("length:zmtp", b"\x01\x05", Reason::ReservedBits, 0);
    }

    /// RFC 6455 5.7: "Hello" unmasked is 81 05; 256 bytes are 82 7e 01 00; 65536 bytes 82 7f and eight bytes.
    #[test]
    fn golden_websocket_lengths() {
        good("length:ws,off=1,magic=x'81'", b"\x81\x05Hello", b"Hello");
        good("ws", &[&b"\x82\x7e\x01\x00"[..], &[7; 256]].concat(), &[7; 256]);
        good("ws", &[&b"\x82\x7f\0\0\0\0\0\x01\0\0"[..], &vec![7; 65536]].concat(), &vec![7; 65536]);
        bad("ws", b"\x82\x7e\x00\x05", Reason::NotMinimal, 1);
        bad("ws", b"\x82\x85", Reason::ReservedBits, 1);
    }

    /// CATALOGUE VAR-04, D12.
    #[test]
    fn a_longer_form_than_needed_is_decoded_unless_denied() {
        reads("pb", b"\x81\x00a", b"a");
        reads("pb", b"\x82\x80\x00ab", b"ab");
        bad("pb,minimal=deny", b"\x81\x00a", Reason::NotMinimal, 0);
        good("pb,minimal=deny", b"\x00", b"");
    }

    /// CATALOGUE VAR-05 to VAR-07.
    #[test]
    fn endless_and_overflowing_varints_are_refused() {
        bad("pb", &[0x80; 20], Reason::Overlong, 10);
        bad("pb", &[0x80; 10], Reason::Overlong, 10);
        bad("pb", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", Reason::Overflow, 9);
        bad("pb", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", Reason::Overflow, 0);
        bad("pb,digits=1-4", b"\x80\x80\x80\x80", Reason::Overlong, 4);
        let (limit, claimed) = (9, Some(1 << 56));
        bad("pb,max=9", b"\x80\x80\x80\x80\x80\x80\x80\x80\x01", Reason::TooLong { limit, claimed }, 0);
    }
}
