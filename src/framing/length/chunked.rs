//! Messages in chunks: each has its own length, and an end mark closes the message.

use super::{Field, Head};
use crate::framing::outcome::{Malformed, Reason, Unencodable};

/// Most bytes of an HTTP chunk header, extensions included.
const CHUNK_HEADER_LIMIT: usize = 1024;
/// RFC 6242 4.2: the end of chunks.
const NETCONF_END: &[u8] = b"\n##\n";
/// RFC 9112 7.1: the last chunk, and no trailer fields.
const HTTP_END: &[u8] = b"0\r\n\r\n";

/// What stands at `input`: the header of a chunk, or the end of chunks. `searched`: so many bytes end no line.
pub(super) fn head(field: Field, input: &[u8], searched: &mut usize) -> Result<Option<Head>, Malformed> {
    if field == Field::Chunked11 { netconf(input) } else { http(input, searched) }
}

/// What follows the bytes of every chunk.
pub(super) fn trailer(field: Field) -> &'static [u8] {
    if field == Field::Chunked11 { b"" } else { b"\r\n" }
}

/// `LF "#" chunk-size LF`, the size from 1 to 4294967295 without leading zeros, or `LF "##" LF` (RFC 6242 4.2).
fn netconf(input: &[u8]) -> Result<Option<Head>, Malformed> {
    for (i, due) in b"\n#".iter().enumerate() {
        match input.get(i) {
            None => return Ok(None),
            Some(byte) if byte == due => {}
            Some(_) => return Err(Reason::BadChunk.at(i)),
        }
    }
    match &input[2..] {
        [] | [b'#'] => Ok(None),
        [b'#', b'\n', ..] => Ok(Some(Head::end(NETCONF_END.len()))),
        [b'#', ..] => Err(Reason::BadChunk.at(3)),
        [b'0', ..] => Err(Reason::LeadingZero.at(2)),
        digits => netconf_size(digits).map_err(|malformed| malformed.shifted(2)),
    }
}

fn netconf_size(digits: &[u8]) -> Result<Option<Head>, Malformed> {
    let mut size = 0_u64;
    for (i, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' if i == 10 => return Err(Reason::TooManyDigits { most: 10 }.at(i)),
            b'0'..=b'9' => size = size * 10 + u64::from(byte - b'0'),
            b'\n' if i > 0 && u32::try_from(size).is_ok() => {
                return Ok(Some(Head::chunk(i + 3, size)));
            }
            b'\n' if i > 0 => return Err(Reason::Overflow.at(0)),
            b'-' if i == 0 => return Err(Reason::Negative.at(0)),
            _ => return Err(Reason::BadDigit(*byte).at(i)),
        }
    }
    Ok(None)
}

/// `1*HEXDIG [ extensions ] CRLF`; size 0 is the last chunk (RFC 9112 7.1). Trailer fields are refused.
fn http(input: &[u8], searched: &mut usize) -> Result<Option<Head>, Malformed> {
    let mut new = input.iter().enumerate().take(CHUNK_HEADER_LIMIT).skip(*searched);
    let Some((end, _)) = new.find(|(_, byte)| **byte == b'\n') else {
        *searched = input.len();
        return unfinished_http(input);
    };
    let size = http_size(&input[..end])?;
    let line = end + 1;
    match (size, &input[line..]) {
        (1.., _) => Ok(Some(Head::chunk(line, size))),
        (0, [b'\r', b'\n', ..]) => Ok(Some(Head::end(line + 2))),
        (0, [] | [b'\r']) => Ok(None),
        _ => Err(Reason::BadChunk.at(line)),
    }
}

fn unfinished_http(input: &[u8]) -> Result<Option<Head>, Malformed> {
    if input.len() >= CHUNK_HEADER_LIMIT {
        let limit = CHUNK_HEADER_LIMIT;
        return Err(Reason::HeaderTooLong { limit }.at(0));
    }
    Ok(None)
}

fn http_size(line: &[u8]) -> Result<u64, Malformed> {
    let line = line.strip_suffix(b"\r").ok_or(Reason::BadChunk.at(line.len()))?;
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    match line.get(digits) {
        _ if digits == 0 => return Err(Reason::NoDigits.at(0)),
        Some(b';' | b' ' | b'\t') | None => {}
        Some(other) => return Err(Reason::BadDigit(*other).at(digits)),
    }
    // Sixteen digits are all that 64 bits hold; leading zeros are legal, and not counted.
    let text = str::from_utf8(&line[..digits]).unwrap_or_default();
    u64::from_str_radix(text, 16).map_err(|_| Reason::Overflow.at(0))
}

/// The header of a chunk that claims `value` bytes.
pub(super) fn write(field: Field, value: u128) -> Vec<u8> {
    if field == Field::Chunked11 { format!("\n#{value}\n").into_bytes() } else { format!("{value:x}\r\n").into_bytes() }
}

/// One chunk, or as many as the largest chunk makes necessary, and the end.
pub(super) fn encode(field: Field, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Unencodable> {
    // RFC 6242 has no way to say nothing: at least one chunk, of at least one byte.
    if field == Field::Chunked11 && payload.is_empty() {
        return Err(Unencodable::Empty);
    }
    for chunk in payload.chunks(u32::MAX as usize) {
        out.extend_from_slice(&write(field, chunk.len() as u128));
        out.extend_from_slice(chunk);
        out.extend_from_slice(trailer(field));
    }
    out.extend_from_slice(if field == Field::Chunked11 { NETCONF_END } else { HTTP_END });
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::framing::laws::{bad, good, reads};
    use crate::framing::{Deframer, Reason, Unencodable};

    /// Found by the fuzz target `framing`: an extension that came byte by byte was searched from its start each time.
    #[test]
    fn an_unfinished_chunk_header_is_searched_once() {
        let mut deframer = Deframer::new(&"http-chunked".parse().unwrap());
        deframer.push(b"5;");
        for _ in 0..500 {
            deframer.push(b"x");
            assert_eq!(deframer.next_frame(), None);
            assert_eq!(deframer.looked_at_again(), 0);
        }
        deframer.push(b"\r\nhello\r\n0\r\n\r\n");
        assert_eq!(deframer.next_frame().unwrap().unwrap().payload, b"hello");
    }

    /// RFC 6242 4.2 shows a message in chunks of 4, 18 and 79 bytes; this is its beginning, ended early.
    #[test]
    fn golden_netconf_chunks() {
        good("chunked11", b"\n#5\nhello\n##\n", b"hello");
        reads("chunked11", b"\n#2\nhe\n#3\nllo\n##\n", b"hello");
        reads("chunked11", b"\n#4\n<rpc\n#18\n message-id=\"102\"\n\n##\n", b"<rpc message-id=\"102\"\n");
        reads("chunked11", b"\n#4\n\n##\n\n##\n", b"\n##\n");
    }

    /// CATALOGUE ASC-13.
    #[test]
    fn netconf_chunk_sizes_have_one_spelling() {
        bad("chunked11", b"\n#0\n", Reason::LeadingZero, 2);
        bad("chunked11", b"\n#05\nhello", Reason::LeadingZero, 2);
        bad("chunked11", b"\n#+5\nhello", Reason::BadDigit(b'+'), 2);
        bad("chunked11", b"\n#-5\nhello", Reason::Negative, 2);
        bad("chunked11", b"\n#4294967296\n", Reason::Overflow, 2);
        bad("chunked11", b"\n#42949672960\n", Reason::TooManyDigits { most: 10 }, 12);
        bad("chunked11", b"x\n#5\nhello", Reason::BadChunk, 0);
        bad("chunked11", b"\n#5\nhello\n#\n", Reason::BadDigit(b'\n'), 11);
        bad("chunked11", b"\n#5\nhello\n##x", Reason::BadChunk, 12);
    }

    #[test]
    fn a_netconf_message_has_at_least_one_chunk() {
        bad("chunked11", b"\n##\n", Reason::BadChunk, 0);
        let framing: crate::framing::Framing = "chunked11".parse().unwrap();
        assert_eq!(framing.encode(b"", &mut Vec::new()), Err(Unencodable::Empty));
    }

    #[test]
    fn the_limit_counts_all_chunks_of_a_message() {
        let (limit, claimed) = (4, Some(5));
        bad("chunked11,max=4", b"\n#2\nhe\n#3\n", Reason::TooLong { limit, claimed }, 6);
    }

    /// The form of RFC 9112 7.1.
    #[test]
    fn golden_http_chunks() {
        good("http-chunked", b"5\r\nhello\r\n0\r\n\r\n", b"hello");
        good("http-chunked", b"0\r\n\r\n", b"");
        reads("http-chunked", b"2;x=\"y\"\r\nhe\r\n03\r\nllo\r\n000\r\n\r\n", b"hello");
        bad("http-chunked", b"5\nhello", Reason::BadChunk, 1);
        bad("http-chunked", b"\r\nhello", Reason::NoDigits, 0);
        bad("http-chunked", b"5x\r\nhello", Reason::BadDigit(b'x'), 1);
        bad("http-chunked", b"5\r\nhelloXX", Reason::BadTrailer, 8);
        bad("http-chunked", b"10000000000000000\r\n", Reason::Overflow, 0);
        bad("http-chunked", b"0\r\nX: y\r\n\r\n", Reason::BadChunk, 3);
    }
}
