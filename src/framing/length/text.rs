//! Lengths in ASCII digits: netstrings, octet counting, RESP, fixed decimal headers.

use super::{Length, Read};
use crate::framing::outcome::{Malformed, Reason};

/// Most digits of a 64-bit number in this base: what a field may have unless `digits=` says otherwise.
pub(super) fn widest(radix: u32) -> u8 {
    match radix {
        16 => 16,
        8 => 22,
        _ => 20,
    }
}

pub(super) fn read(length: &Length, radix: u32, input: &[u8]) -> Result<Option<Read>, Malformed> {
    let (least, most) = length.digit_range(radix);
    let mut value = 0_u64;
    let mut count = 0;
    while let Some(digit) = input.get(count).and_then(|byte| char::from(*byte).to_digit(radix)) {
        if count == usize::from(most) {
            // With a separator there may be no further digit; without one, this is payload already.
            break;
        }
        if count == 1 && value == 0 && length.lead0_deny {
            return Err(Reason::LeadingZero.at(0));
        }
        value = push(value, radix, digit).ok_or(Reason::Overflow.at(count))?;
        count += 1;
    }
    let rest = &input[count..];
    let done = count >= usize::from(least);
    match rest.first() {
        None if done && length.sep.is_empty() && least == most => Ok(Some(Read { len: count, value })),
        None => Ok(None),
        Some(_) if done => separator(length, radix, rest, most)
            .map(|sep| sep.map(|sep| Read { len: count + sep, value }))
            .map_err(|malformed| malformed.shifted(count)),
        Some(&other) => Err(no_digit(other, count, &length.sep).at(count)),
    }
}

fn push(value: u64, radix: u32, digit: u32) -> Option<u64> {
    value.checked_mul(u64::from(radix))?.checked_add(u64::from(digit))
}

fn separator(length: &Length, radix: u32, rest: &[u8], most: u8) -> Result<Option<usize>, Malformed> {
    for (i, due) in length.sep.iter().enumerate() {
        match rest.get(i) {
            None => return Ok(None),
            Some(byte) if byte == due => {}
            Some(&byte) if i == 0 && char::from(byte).is_digit(radix) => {
                return Err(Reason::TooManyDigits { most }.at(0));
            }
            Some(&byte) => return Err(Reason::BadSeparator(byte).at(i)),
        }
    }
    Ok(Some(length.sep.len()))
}

fn no_digit(found: u8, count: usize, sep: &[u8]) -> Reason {
    match found {
        b'-' if count == 0 => Reason::Negative,
        _ if count == 0 && sep.first() == Some(&found) => Reason::NoDigits,
        _ => Reason::BadDigit(found),
    }
}

/// Digits, filled up with zeros to the least number, and the separator.
pub(super) fn write(length: &Length, radix: u32, value: u128) -> Option<Vec<u8>> {
    let (least, most) = length.digit_range(radix);
    let width = usize::from(least);
    let mut field = match radix {
        16 => format!("{value:0width$x}"),
        8 => format!("{value:0width$o}"),
        _ => format!("{value:0width$}"),
    }
    .into_bytes();
    if field.len() > usize::from(most) {
        return None;
    }
    field.extend_from_slice(&length.sep);
    Some(field)
}

#[cfg(test)]
mod tests {
    use crate::framing::Reason;
    use crate::framing::laws::{bad, good, reads};

    /// The example of the netstring specification (Bernstein, 1997), and nested ones (CATALOGUE ASC-02).
    #[test]
    fn golden_netstrings() {
        good("netstring", b"12:hello world!,", b"hello world!");
        good("netstring", b"0:,", b"");
        good("netstring", b"4:1:a,,", b"1:a,");
    }

    /// CATALOGUE ASC-03.
    #[test]
    fn a_netstring_has_one_legal_spelling() {
        bad("netstring", b"01:a,", Reason::LeadingZero, 0);
        bad("netstring", b"00:,", Reason::LeadingZero, 0);
        bad("netstring", b"+1:a,", Reason::BadDigit(b'+'), 0);
        bad("netstring", b"-1:a,", Reason::Negative, 0);
        bad("netstring", b" 1:a,", Reason::BadDigit(b' '), 0);
        bad("netstring", b":a,", Reason::NoDigits, 0);
        bad("netstring", b"0x1:a,", Reason::BadSeparator(b'x'), 1);
        bad("netstring", b"1_0:", Reason::BadSeparator(b'_'), 1);
        bad("netstring", "१:a,".as_bytes(), Reason::BadDigit(0xe0), 0);
    }

    /// CATALOGUE ASC-04.
    #[test]
    fn a_wrong_trailer_is_refused() {
        bad("netstring", b"1:ab", Reason::BadTrailer, 3);
        bad("netstring", b"3aaa,", Reason::BadSeparator(b'a'), 1);
        bad("netstring", b"0:a,", Reason::BadTrailer, 2);
        bad("netstring", b"2:aaa,", Reason::BadTrailer, 4);
        bad("resp-bulk", b"$5\r\nhelloXX", Reason::BadTrailer, 9);
    }

    /// CATALOGUE ASC-05, ASC-06.
    #[test]
    fn overflowing_digits_are_refused_from_the_digits_alone() {
        bad("netstring", b"99999999999999999999:", Reason::TooManyDigits { most: 9 }, 9);
        bad("length:dec,sep=\":\"", b"18446744073709551617:a", Reason::Overflow, 19);
        bad("length:dec,sep=\":\"", b"000000000000000000000", Reason::TooManyDigits { most: 20 }, 20);
        bad("length:dec,sep=\":\"", b"9999999999999999999:", Reason::Overflow, 0);
    }

    /// RFC 6587 3.4.1: the count has no leading zero and is not 0.
    #[test]
    fn golden_octet_counting() {
        good("syslog", b"5 hello", b"hello");
        let (minimum, claimed) = (1, 0);
        bad("syslog", b"0 ", Reason::BelowMinimum { minimum, claimed }, 0);
        bad("syslog", b"05 hello", Reason::LeadingZero, 0);
    }

    #[test]
    fn golden_resp_bulk_strings() {
        good("resp-bulk", b"$5\r\nhello\r\n", b"hello");
        good("resp-bulk", b"$0\r\n\r\n", b"");
        bad("resp-bulk", b"$-1\r\n", Reason::Negative, 1);
        bad("resp-bulk", b"*1\r\n", Reason::BadMagic(b'*'), 0);
        bad("resp-bulk", b"$5\rxhello", Reason::BadSeparator(b'x'), 3);
    }

    #[test]
    fn golden_fixed_digits() {
        good("length:dec,digits=4", b"0005hello", b"hello");
        good("length:dec,digits=4", b"000512345", b"12345");
        good("length:hex,digits=2", b"0ahellohello", b"hellohello");
        reads("length:hex,digits=2", b"0Ahellohello", b"hellohello");
        good("length:oct,digits=3", b"012hellohello", b"hellohello");
        bad("length:dec,digits=4", b"00x5hello", Reason::BadDigit(b'x'), 2);
        bad("length:oct,digits=3", b"008", Reason::BadDigit(b'8'), 2);
    }

    #[test]
    fn leading_zeros_are_read_unless_denied() {
        reads("length:dec,sep=\":\"", b"005:hello", b"hello");
    }
}
