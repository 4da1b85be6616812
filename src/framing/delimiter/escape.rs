//! Framings that keep the end byte out of payloads by byte stuffing: SLIP and asynchronous HDLC.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use crate::framing::outcome::{Decoded, Reason, Resume, Unencodable};

/// How the delimiter is kept out of payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Escape {
    /// c0 ends; c0 is sent as db dc, db as db dd (RFC 1055).
    Slip,
    /// 00 ends; zeros are replaced by the distance to the next one (Cheshire and Baker, 1999).
    Cobs,
    /// 7e ends; 7e and 7d are sent as 7d and the byte xor 20 (RFC 1662 4.2). No FCS.
    Hdlc,
    /// A line with a single dot ends; other lines that begin with a dot get another (RFC 5321 4.5.2).
    Dot,
}

impl crate::framing::behaviour::Choice for Escape {
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        ("slip", Self::Slip, "RFC 1055; delimiter x'c0'"),
        ("cobs", Self::Cobs, "consistent overhead byte stuffing; delimiter nul"),
        ("hdlc", Self::Hdlc, "RFC 1662 octet stuffing; delimiter x'7e'"),
        ("dot", Self::Dot, "SMTP dot stuffing; delimiter \"\\r\\n.\\r\\n\""),
    ];
}

impl Escape {
    /// The one delimiter that goes with this escape.
    pub fn delimiter(self) -> &'static [u8] {
        match self {
            Self::Slip => &[0xc0],
            Self::Cobs => &[0],
            Self::Hdlc => &[0x7e],
            Self::Dot => b"\r\n.\r\n",
        }
    }

    /// The byte that stands nowhere but at the end of a frame, where there is such a byte.
    pub(super) fn end_byte(self) -> Option<u8> {
        match self.delimiter() {
            [end] => Some(*end),
            _ => None,
        }
    }

    fn lead(self) -> u8 {
        if self == Self::Slip { 0xdb } else { 0x7d }
    }

    fn end(self) -> u8 {
        self.delimiter()[0]
    }

    /// What follows the escape byte in place of `byte`, if it must be escaped.
    fn stuffed(self, byte: u8) -> Option<u8> {
        match (self, byte) {
            (Self::Slip, 0xc0) => Some(0xdc),
            (Self::Slip, 0xdb) => Some(0xdd),
            (Self::Hdlc, 0x7e | 0x7d) => Some(byte ^ 0x20),
            _ => None,
        }
    }

    /// What `byte` stands for behind the escape byte. HDLC's sender may escape whatever it likes.
    fn unstuffed(self, byte: u8) -> Option<u8> {
        match (self, byte) {
            (Self::Slip, 0xdc) => Some(0xc0),
            (Self::Slip, 0xdd) => Some(0xdb),
            (Self::Hdlc, _) => Some(byte ^ 0x20),
            _ => None,
        }
    }
}

const FILL: u8 = 0;
const DATA: u8 = 1;
const ESCAPED: u8 = 2;

pub(super) fn scan(escape: Escape, input: &[u8], mut resume: Resume, limit: Option<u64>) -> Decoded {
    let (end, lead) = (escape.end(), escape.lead());
    let mut at = resume.at;
    while let Some(&byte) = input.get(at) {
        let len = match resume.phase {
            ESCAPED if byte == end || escape.unstuffed(byte).is_none() => {
                return Decoded::Malformed(Reason::BadEscape(byte).at(at));
            }
            ESCAPED => 1,
            FILL if byte == end => {
                at += 1;
                continue;
            }
            _ if byte == end => return Decoded::Frame { len: at + 1 },
            _ if byte == lead => {
                (resume.phase, at) = (ESCAPED, at + 1);
                continue;
            }
            _ => memchr2(end, lead, &input[at..]).unwrap_or(input.len() - at),
        };
        (resume.phase, at) = (DATA, at + len);
        resume.payload += len as u64;
        if let Some(limit) = limit.filter(|limit| resume.payload > *limit) {
            let claimed = None;
            return Decoded::Malformed(Reason::TooLong { limit, claimed }.at(0));
        }
    }
    resume.at = input.len();
    Decoded::Incomplete(resume)
}

pub(super) fn encode(escape: Escape, start: &[u8], payload: &[u8], out: &mut Vec<u8>) -> Result<(), Unencodable> {
    // Two end bytes in a row are idle fill, not an empty frame.
    if payload.is_empty() {
        return Err(Unencodable::Empty);
    }
    out.extend_from_slice(start);
    let mut rest = payload;
    while let Some(at) = memchr2(escape.end(), escape.lead(), rest) {
        out.extend_from_slice(&rest[..at]);
        out.push(escape.lead());
        out.extend(escape.stuffed(rest[at]));
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(escape.end());
    Ok(())
}

pub(super) fn decode(escape: Escape, raw: &[u8]) -> Cow<'_, [u8]> {
    let lead = escape.lead();
    let mut rest = raw;
    let mut payload = Vec::new();
    while let Some(at) = memchr(lead, rest) {
        payload.reserve(rest.len());
        payload.extend_from_slice(&rest[..at]);
        payload.extend(rest.get(at + 1).and_then(|next| escape.unstuffed(*next)));
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    if rest.len() == raw.len() {
        return Cow::Borrowed(raw);
    }
    payload.extend_from_slice(rest);
    Cow::Owned(payload)
}

#[cfg(test)]
mod tests {
    use crate::framing::laws::{bad, good, reads};
    use crate::framing::{Framing, Reason, Unencodable};

    /// RFC 1055: END is octal 300, ESC 333; behind ESC, octal 334 and 335 stand for them.
    #[test]
    fn golden_slip() {
        good("slip", b"hello\xc0", b"hello");
        good("slip", b"\xdb\xdc\xdb\xdd\xdc\xdd\xc0", b"\xc0\xdb\xdc\xdd");
    }

    /// CATALOGUE ESC-04: RFC 1055 allows a leading END.
    #[test]
    fn repeated_end_bytes_are_no_frames() {
        reads("slip", b"\xc0\xc0\xc0a\xc0", b"a");
        let framing: Framing = "slip".parse().unwrap();
        assert_eq!(framing.encode(b"", &mut Vec::new()), Err(Unencodable::Empty));
        assert_eq!(framing.smallest(), 1);
    }

    #[test]
    fn a_senseless_escape_is_refused() {
        bad("slip", b"\xdb\x41\xc0", Reason::BadEscape(0x41), 1);
        bad("slip", b"a\xdb\xc0", Reason::BadEscape(0xc0), 2);
        bad("hdlc", b"~a\x7d~", Reason::BadEscape(b'~'), 3);
    }

    /// RFC 1662 4.2: 7e is sent as 7d 5e, 7d as 7d 5d; 03 may be sent as 7d 23.
    #[test]
    fn golden_hdlc() {
        good("hdlc", b"~hello~", b"hello");
        good("hdlc", b"~\x7d\x5e\x7d\x5d~", b"\x7e\x7d");
        reads("hdlc", b"~\x7d\x23\x03~", b"\x03\x03");
        reads("hdlc", b"hello~", b"hello");
    }

    #[test]
    fn an_escaped_byte_counts_once_towards_the_limit() {
        reads("slip,max=2", b"\xdb\xdc\xdb\xdd\xc0", b"\xc0\xdb");
        let (limit, claimed) = (2, None);
        bad("slip,max=2", b"\xdb\xdc\xdb\xdda", Reason::TooLong { limit, claimed }, 0);
    }
}
