//! A length in a block of header lines, as in LSP, DAP, SIP and RTSP.

use super::{Length, Read};
use crate::framing::outcome::{Malformed, Reason};

/// Most bytes of a header block. No protocol that uses one states a bound; 8 KiB is what HTTP servers commonly take.
pub const HEADER_LIMIT: usize = 8 * 1024;

/// What a header block may be, so far.
pub(super) enum Block {
    /// Not complete; so many bytes need not be searched again.
    Incomplete(usize),
    /// Complete.
    Complete(Read),
}

pub(super) fn read(length: &Length, input: &[u8], searched: usize) -> Result<Block, Malformed> {
    let sep = &length.sep[..];
    let from = searched.min(input.len());
    let found = input[from..].windows(sep.len()).position(|window| window == sep);
    let end = found.map(|at| from + at);
    if end.map_or(input.len() + 1, |end| end + sep.len()) > HEADER_LIMIT {
        return Err(Reason::HeaderTooLong { limit: HEADER_LIMIT }.at(0));
    }
    let Some(end) = end else {
        return Ok(Block::Incomplete(input.len().saturating_sub(sep.len() - 1)));
    };
    let value = parse(length, &input[..end])?;
    let len = end + sep.len();
    Ok(Block::Complete(Read { len, value }))
}

/// The block's separator is two ends of line.
pub(super) fn end_of_line(length: &Length) -> &[u8] {
    &length.sep[..length.sep.len() / 2]
}

fn parse(length: &Length, block: &[u8]) -> Result<u64, Malformed> {
    let mut found = None;
    let mut start = 0;
    for line in lines(block, end_of_line(length)) {
        let (name, value) = halves(line).ok_or(Reason::BadHeader.at(start))?;
        if name.eq_ignore_ascii_case(length.name.as_bytes()) {
            let value = number(value).map_err(|reason| reason.at(start))?;
            // A second, different length is how requests are smuggled (CATALOGUE ASC-11).
            if found.is_some_and(|earlier| earlier != value) {
                return Err(Reason::DuplicateHeader.at(start));
            }
            found = Some(value);
        }
        start += line.len() + end_of_line(length).len();
    }
    found.ok_or(Reason::MissingHeader.at(0))
}

fn lines<'a>(mut block: &'a [u8], end: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut done = false;
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let at = block.windows(end.len()).position(|window| window == end);
        let line = &block[..at.unwrap_or(block.len())];
        done = at.is_none();
        block = &block[(line.len() + end.len()).min(block.len())..];
        Some(line)
    })
}

fn halves(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii();
    (!name.is_empty()).then(|| (name, line[colon + 1..].trim_ascii()))
}

fn number(digits: &[u8]) -> Result<u64, Reason> {
    match digits {
        [] => return Err(Reason::NoDigits),
        [b'-', ..] => return Err(Reason::Negative),
        _ => {}
    }
    digits.iter().try_fold(0_u64, |value, byte| {
        let digit = char::from(*byte).to_digit(10).ok_or(Reason::BadDigit(*byte))?;
        let value = value.checked_mul(10).and_then(|value| value.checked_add(u64::from(digit)));
        value.ok_or(Reason::Overflow)
    })
}

pub(super) fn write(length: &Length, value: u128) -> Vec<u8> {
    let mut block = format!("{}: {value}", length.name).into_bytes();
    block.extend_from_slice(&length.sep);
    block
}

#[cfg(test)]
mod tests {
    use super::HEADER_LIMIT;
    use crate::framing::Reason;
    use crate::framing::laws::{bad, good, reads};

    #[test]
    fn golden_content_length() {
        good("lsp", b"Content-Length: 5\r\n\r\nhello", b"hello");
        good("lsp", b"Content-Length: 0\r\n\r\n", b"");
    }

    /// CATALOGUE ASC-10.
    #[test]
    fn name_case_order_and_blanks_are_free() {
        reads("lsp", b"content-length:5\r\nX: y\r\n\r\nhello", b"hello");
        reads("lsp", b"X: y\r\nCONTENT-LENGTH:   5  \r\n\r\nhello", b"hello");
        reads("lsp", b"Content-Length: 05\r\nContent-Length: 5\r\n\r\nhello", b"hello");
    }

    /// CATALOGUE ASC-11, ASC-12.
    #[test]
    fn contradictory_missing_and_senseless_lengths_are_refused() {
        let twice = b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!";
        bad("lsp", twice, Reason::DuplicateHeader, 19);
        bad("lsp", b"X: y\r\n\r\n", Reason::MissingHeader, 0);
        bad("lsp", b"\r\n\r\n\r\n", Reason::BadHeader, 0);
        bad("lsp", b"Content-Length 5\r\n\r\n", Reason::BadHeader, 0);
        bad("lsp", b"Content-Length: -1\r\n\r\n", Reason::Negative, 0);
        bad("lsp", b"Content-Length: 5abc\r\n\r\n", Reason::BadDigit(b'a'), 0);
        bad("lsp", b"Content-Length: 5, 5\r\n\r\n", Reason::BadDigit(b','), 0);
        bad("lsp", b"Content-Length:\r\n\r\n", Reason::NoDigits, 0);
        bad("lsp", b"Content-Length: 18446744073709551617\r\n\r\n", Reason::Overflow, 0);
    }

    #[test]
    fn a_header_block_without_end_is_refused_at_its_bound() {
        let limit = HEADER_LIMIT;
        let block = [b'x'; HEADER_LIMIT];
        bad("lsp", &block, Reason::HeaderTooLong { limit }, 0);
        let mut fits = b"Content-Length: 1\r\nX:".to_vec();
        fits.resize(HEADER_LIMIT - 4, b'x');
        fits.extend_from_slice(b"\r\n\r\n!");
        reads("lsp", &fits, b"!");
    }
}
