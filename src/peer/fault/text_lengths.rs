//! Lengths in digits and in header lines that are read wrongly.

use super::decode::{Decode, Reader};
use super::desk::Desk;
use super::header::{find, trailer};
use super::{Fault, reading, scope};

pub(super) const FAULTS: &[Fault] = &[
    reading(
        "leading-zeros-taken",
        "takes lengths with leading zeros (Twisted before 10.2)",
        &["ASC-03"],
        scope::digits,
        |desk| lenient(desk, |digits| digits.parse().ok().filter(|_| !digits.starts_with('+'))),
    ),
    reading("plus-and-blanks-taken", "takes what strtoul takes for a length", &["ASC-03"], scope::digits, |desk| {
        lenient(desk, |digits| digits.trim_start().parse().ok())
    }),
    reading(
        "underscores-taken",
        "takes a length with underscores between its digits (Python's int)",
        &["ASC-03"],
        scope::digits,
        |desk| {
            lenient(desk, |digits| match digits.split_once('_') {
                Some((first, _)) if is_strict(first) => digits.replace('_', "").parse().ok(),
                _ => digits.parse().ok().filter(|_| is_strict(digits)),
            })
        },
    ),
    reading("hexadecimal-taken", "takes a length that begins with 0x", &["ASC-03"], scope::digits, |desk| {
        lenient(desk, |digits| match digits.strip_prefix("0x") {
            Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16).ok(),
            None => digits.parse().ok().filter(|_| is_strict(digits)),
        })
    }),
    reading("no-digits-is-zero", "takes a missing length for zero", &["ASC-03"], scope::digits, |desk| {
        lenient(
            desk,
            |digits| if digits.is_empty() { Some(0) } else { digits.parse().ok().filter(|_| is_strict(digits)) },
        )
    }),
    reading("letters-end-digits", "reads digits up to the first letter (atoi)", &["ASC-03"], scope::digits, |desk| {
        lenient(desk, |digits| {
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            digits[..end].parse().ok().filter(|_| is_strict(&digits[..end]))
        })
    }),
    reading(
        "digits-mod-2-32",
        "reads digits modulo two to the thirty-second (rsyslog@0381a0de6)",
        &["ASC-05"],
        scope::digits,
        |desk| lenient(desk, |digits| is_strict(digits).then(|| wrapping(digits) & 0xffff_ffff)),
    ),
    reading("digits-mod-2-64", "reads digits modulo two to the sixty-fourth", &["ASC-05"], scope::digits, |desk| {
        lenient(desk, |digits| is_strict(digits).then(|| wrapping(digits)))
    }),
    reading("digits-endless", "waits for the end of a number that has none", &["ASC-06"], scope::digits, |desk| {
        lenient(desk, |digits| digits.parse().ok().filter(|_| is_strict(digits)))
    }),
    reading(
        "digits-end-with-read",
        "takes the digits of a read for the whole number, and those of the next for another",
        &["ASC-01", "SEG-02"],
        scope::digits,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                let digits = |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
                while let Some((head, len)) = it.whole() {
                    it.deliver(head, len);
                }
                if digits(it.buffer) {
                    it.buffer.clear();
                }
            })
        },
    ),
    reading(
        "trailer-unchecked",
        "does not look at the byte behind the payload",
        &["ASC-04", "ASC-09", "LEN-27"],
        scope::trailer,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some((head, len)) = it.whole() {
                    it.deliver(head, len);
                }
            })
        },
    ),
    reading(
        "trailer-first-byte-only",
        "looks at the first of the bytes behind the payload, and at no other",
        &["LEN-27", "ASC-04"],
        |framing| scope::of_length(framing, |length| length.end.len() > 1),
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some((head, len)) = it.whole() {
                    let behind = len - trailer(it.state).len();
                    if it.buffer[behind] != trailer(it.state)[0] {
                        return it.refuse();
                    }
                    it.deliver(head, len);
                }
            })
        },
    ),
    reading(
        "payload-ends-at-trailer",
        "looks for the trailer instead of counting",
        &["ASC-02", "LEN-18", "BYT-01", "BYT-11"],
        scope::digits,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some(colon) = find(it.buffer, b":") {
                    let Some(comma) = find(&it.buffer[colon..], trailer(it.state)) else { return };
                    let payload = it.buffer[colon + 1..colon + comma].to_vec();
                    it.drop(colon + comma + 1);
                    it.message(&payload);
                }
            })
        },
    ),
    reading(
        "header-name-literal",
        "knows only `Content-Length: `, in this spelling and as the first line",
        &["ASC-10"],
        scope::header,
        |desk| blocks(desk, |lines| lines.strip_prefix("Content-Length: ")?.split("\r\n").next()?.parse().ok()),
    ),
    reading(
        "two-lengths-added",
        "takes two lengths that contradict each other for the parts of one",
        &["ASC-11"],
        scope::header,
        |desk| blocks(desk, |lines| lengths(lines).iter().map(|value| value.parse::<u64>().ok()).sum()),
    ),
    reading("bad-header-is-zero", "takes a length that is no number for zero", &["ASC-12"], scope::header, |desk| {
        blocks(desk, |lines| Some(lengths(lines).first()?.parse().unwrap_or(0)))
    }),
    reading(
        "header-parsed-as-int",
        "reads a length as parseInt does, up to what is no digit",
        &["ASC-12"],
        scope::header,
        |desk| {
            blocks(desk, |lines| {
                let value = lengths(lines).first()?.clone();
                let end = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
                value[..end].parse().ok()
            })
        },
    ),
];

/// Netstrings whose digits are read by `parse`; what it does not take is refused.
fn lenient(desk: &Desk, parse: fn(&str) -> Option<u64>) -> Box<dyn Decode> {
    Reader::boxed((desk.framing().clone(), parse), |it| {
        let end = trailer(&it.state.0).to_vec();
        while let Some(colon) = find(it.buffer, b":") {
            let digits = std::str::from_utf8(&it.buffer[..colon]).unwrap_or("?");
            let max = it.state.0.behaviour().max.unwrap_or(u64::MAX);
            let Some(value) = it.state.1(digits).filter(|value| *value <= max) else { return it.refuse() };
            let payload = colon + 1..colon + 1 + value as usize;
            if it.buffer.len() < payload.end + end.len() {
                return;
            }
            if !it.buffer[payload.end..].starts_with(&end) {
                return it.refuse();
            }
            let message = it.buffer[payload.clone()].to_vec();
            it.drop(payload.end + end.len());
            it.message(&message);
        }
    })
}

/// Header blocks whose length is read by `parse`; what it does not take is refused.
pub(super) fn blocks(desk: &Desk, parse: fn(&str) -> Option<u64>) -> Box<dyn Decode> {
    Reader::boxed((desk.framing().clone(), parse), |it| {
        while let Some(end) = find(it.buffer, b"\r\n\r\n") {
            let lines = std::str::from_utf8(&it.buffer[..end]).unwrap_or("?");
            let max = it.state.0.behaviour().max.unwrap_or(u64::MAX);
            let Some(value) = it.state.1(lines).filter(|value| *value <= max) else { return it.refuse() };
            let payload = end + 4..end + 4 + value as usize;
            if it.buffer.len() < payload.end {
                return;
            }
            let message = it.buffer[payload.clone()].to_vec();
            it.drop(payload.end);
            it.message(&message);
        }
    })
}

/// The values of all lengths in a header block.
pub(super) fn lengths(lines: &str) -> Vec<String> {
    let fields = lines.split("\r\n").filter_map(|line| line.split_once(':'));
    let lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.map(|(_, value)| value.trim().to_owned()).collect()
}

fn is_strict(digits: &str) -> bool {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain && (digits == "0" || !digits.starts_with('0'))
}

fn wrapping(digits: &str) -> u64 {
    digits.bytes().fold(0_u64, |value, digit| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
}
