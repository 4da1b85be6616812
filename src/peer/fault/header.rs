//! Where headers and frames end, for faults that get just that wrong.

use crate::framing::{Field, Framing, Kind, Length, Order};

/// A header as it stands on the wire: its length in bytes and the number that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) len: usize,
    pub(super) value: u64,
}

/// The header of plain binary lengths, varints, digits with a separator, and header blocks. `None`: not complete.
pub(super) fn header(framing: &Framing, input: &[u8]) -> Option<Header> {
    let Kind::Length(length) = framing.kind() else { return None };
    match length.field {
        Field::Binary { bytes, order, .. } => binary(length, input, usize::from(bytes), order),
        Field::Varint => varint(input),
        Field::Header => block(input),
        _ => digits(length, input),
    }
}

fn binary(length: &Length, input: &[u8], width: usize, order: Order) -> Option<Header> {
    let field = input.get(length.off..length.off + width)?;
    let little = order == Order::Little || (order == Order::Native && cfg!(target_endian = "little"));
    let value = |bytes: &mut dyn Iterator<Item = &u8>| bytes.fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let value = if little { value(&mut field.iter().rev()) } else { value(&mut field.iter()) };
    Some(Header { len: length.off + width + length.skip, value })
}

fn varint(input: &[u8]) -> Option<Header> {
    let last = input.iter().position(|byte| byte & 0x80 == 0)?;
    let groups = input[..=last].iter().take(9).enumerate();
    let value = groups.fold(0_u64, |value, (i, byte)| value | u64::from(byte & 0x7f) << (7 * i));
    Some(Header { len: last + 1, value })
}

fn digits(length: &Length, input: &[u8]) -> Option<Header> {
    let digits = input.get(length.magic.len()..)?;
    let end = length.magic.len() + find(digits, &length.sep)?;
    let value = text(&input[length.magic.len()..end])?.parse().ok()?;
    Some(Header { len: end + length.sep.len(), value })
}

fn block(input: &[u8]) -> Option<Header> {
    let end = find(input, b"\r\n\r\n")?;
    let lines = text(&input[..end])?.to_ascii_lowercase();
    let value = lines.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())?;
    Some(Header { len: end + 4, value })
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Where `needle` begins.
pub(super) fn find(input: &[u8], needle: &[u8]) -> Option<usize> {
    input.windows(needle.len().max(1)).position(|window| window == needle)
}

/// Bytes of the header, as soon as it is complete; `Some(0)` where some of it is there, `None` where nothing is.
pub(super) fn header_len(framing: &Framing, input: &[u8]) -> Option<usize> {
    match header(framing, input) {
        Some(header) => Some(header.len),
        None => (!input.is_empty()).then_some(0),
    }
}

/// What follows a payload.
pub(super) fn trailer(framing: &Framing) -> &[u8] {
    match framing.kind() {
        Kind::Length(length) => &length.end,
        _ => &[],
    }
}

/// Bytes of the whole frame, as soon as its header is complete.
pub(super) fn frame_len(framing: &Framing, input: &[u8]) -> Option<u64> {
    let header = header(framing, input)?;
    (header.len as u64).checked_add(header.value)?.checked_add(trailer(framing).len() as u64)
}
