//! Lengths of a fixed number of bytes, unsigned or signed, in either order.

use super::Read;
use crate::framing::outcome::{Malformed, Reason};

/// The order of the bytes of a binary field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// Most significant byte first: network order.
    Big,
    /// Least significant byte first.
    Little,
    /// That of the machine on which echospec runs (Chrome's and Firefox's native messaging).
    Native,
}

impl Order {
    fn is_big(self) -> bool {
        self == Self::Big || (self == Self::Native && cfg!(target_endian = "big"))
    }
}

pub(super) fn read(input: &[u8], bytes: u8, order: Order, signed: bool) -> Result<Option<Read>, Malformed> {
    let len = usize::from(bytes);
    let Some(field) = input.get(..len) else {
        return Ok(None);
    };
    let fold = |value, byte: &u8| value << 8 | u64::from(*byte);
    let value = if order.is_big() { field.iter().fold(0, fold) } else { field.iter().rev().fold(0, fold) };
    // A signed field that is read as unsigned turns -1 into 4 GiB (CATALOGUE LEN-13).
    if signed && value >> (8 * len - 1) == 1 {
        return Err(Reason::Negative.at(0));
    }
    Ok(Some(Read { len, value }))
}

/// The field's bytes, or nothing if it is too narrow. The value is that of the bits, whatever the sign.
pub(super) fn write(value: u128, bytes: u8, order: Order) -> Option<Vec<u8>> {
    let width = usize::from(bytes);
    if value >> (8 * width) != 0 {
        return None;
    }
    let mut field = value.to_le_bytes()[..width].to_vec();
    if order.is_big() {
        field.reverse();
    }
    Some(field)
}

#[cfg(test)]
mod tests {
    use crate::framing::laws::{bad, good};
    use crate::framing::{Framing, Reason};

    #[test]
    fn golden_frames_of_every_width_and_order() {
        good("length:u8", b"\x05hello", b"hello");
        good("length:u16be", b"\x00\x05hello", b"hello");
        good("length:u16le", b"\x05\x00hello", b"hello");
        good("length:u24be", b"\x00\x00\x05hello", b"hello");
        good("length:u24le", b"\x05\x00\x00hello", b"hello");
        good("length:u32be", b"\x00\x00\x00\x05hello", b"hello");
        good("length:u32le", b"\x05\x00\x00\x00hello", b"hello");
        good("length:u64be", b"\0\0\0\0\0\0\0\x05hello", b"hello");
        good("length:u64le", b"\x05\0\0\0\0\0\0\0hello", b"hello");
        good("length:i32be", b"\x00\x00\x00\x05hello", b"hello");
        good("length:i16le", b"\x05\x00hello", b"hello");
        good("length:u32be", b"\0\0\0\0", b"");
    }

    #[test]
    fn a_byte_order_shows_at_256() {
        let payload = [b'x'; 256];
        let big = [&b"\x01\x00"[..], &payload].concat();
        good("length:u16be", &big, &payload);
        let little = [&b"\x00\x01"[..], &payload].concat();
        good("length:u16le", &little, &payload);
    }

    #[test]
    fn a_native_field_has_the_order_of_this_machine() {
        let wire = [&5_u32.to_ne_bytes()[..], b"hello"].concat();
        good("length:u32ne", &wire, b"hello");
        good("native-msg", &wire, b"hello");
    }

    #[test]
    fn a_sign_bit_is_negative_in_a_signed_field_and_large_in_an_unsigned_one() {
        bad("length:i32be", b"\x80\0\0\0", Reason::Negative, 0);
        bad("length:i32be", b"\xff\xff\xff\xfc", Reason::Negative, 0);
        bad("length:i8", b"\x80", Reason::Negative, 0);
        bad("length:i64le", b"\xff\xff\xff\xff\xff\xff\xff\xff", Reason::Negative, 0);
        let (limit, claimed) = (10, Some(0x8000_0000));
        bad("length:u32be,max=10", b"\x80\0\0\0", Reason::TooLong { limit, claimed }, 0);
    }

    #[test]
    fn a_length_above_the_address_space_is_refused_without_a_limit() {
        bad("length:u64be", &[0xff; 8], Reason::Overflow, 0);
        bad("length:u64be", b"\x80\0\0\0\0\0\0\0", Reason::Overflow, 0);
    }

    #[test]
    fn the_field_bounds_the_payload() {
        let framing: Framing = "length:u8".parse().unwrap();
        assert!(framing.carries(&[0; 255]));
        assert!(!framing.carries(&[0; 256]));
        assert_eq!(framing.largest(), Some(255));
        let signed: Framing = "length:i8".parse().unwrap();
        assert_eq!(signed.largest(), Some(127));
        assert!(!signed.carries(&[0; 128]));
    }
}
