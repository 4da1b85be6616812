//! Dot-stuffed text: a line that consists of a single dot ends the message (RFC 5321 4.5.2).
//!
//! Lines end in CRLF and nothing else: bare LF before the dot is data, or a message could smuggle another one in.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

use crate::framing::outcome::{Decoded, Reason, Resume};

const END: &[u8] = b"\r\n.\r\n";

/// How much of `CR LF . CR LF` has been seen; a message starts as if a line had just ended.
const TEXT: u8 = 0;
const CR: u8 = 1;
const LINE: u8 = 2;
const DOT: u8 = 3;
const DOT_CR: u8 = 4;
/// The machine's states are kept shifted by this, so that 0 is the start of a message.
const START: u8 = LINE;

/// The state after `byte`, and how many payload bytes have thereby become certain. `None` is the end.
fn step(state: u8, byte: u8) -> Option<(u8, u64)> {
    Some(match (state, byte) {
        (TEXT, b'\r') => (CR, 0),
        (TEXT, _) => (TEXT, 1),
        (CR, b'\n') => (LINE, 0),
        (CR, b'\r') => (CR, 1),
        (CR, _) => (TEXT, 2),
        (LINE, b'.') => (DOT, 0),
        (LINE, b'\r') => (CR, 2),
        // Not the end after all, so the dot was stuffed: CR and LF count, it does not.
        (DOT, b'\r') => (DOT_CR, 0),
        (LINE | DOT, _) => (TEXT, 3),
        (_, b'\n') => return None,
        (_, b'\r') => (CR, 3),
        (_, _) => (TEXT, 4),
    })
}

pub(super) fn scan(input: &[u8], mut resume: Resume, limit: Option<u64>) -> Decoded {
    let mut at = resume.at;
    while let Some(&byte) = input.get(at) {
        let state = (resume.phase + START) % 5;
        let Some((next, certain)) = step(state, byte) else {
            return Decoded::Frame { len: at + 1 };
        };
        at += 1;
        resume.phase = (next + 5 - START) % 5;
        resume.payload += certain;
        if next == TEXT {
            let text = memchr(b'\r', &input[at..]).unwrap_or(input.len() - at);
            at += text;
            resume.payload += text as u64;
        }
        // The count includes the line end that a message is taken to start behind: two bytes.
        if let Some(limit) = limit.filter(|limit| resume.payload.saturating_sub(2) > *limit) {
            let claimed = None;
            return Decoded::Malformed(Reason::TooLong { limit, claimed }.at(0));
        }
    }
    resume.at = input.len();
    Decoded::Incomplete(resume)
}

/// Where dots stand that begin a line.
fn leading_dots(text: &[u8]) -> impl Iterator<Item = usize> {
    memchr_iter(b'.', text).filter(|at| *at == 0 || text[..*at].ends_with(b"\r\n"))
}

pub(super) fn encode(payload: &[u8], out: &mut Vec<u8>) {
    let mut sent = 0;
    for at in leading_dots(payload) {
        out.extend_from_slice(&payload[sent..at]);
        out.push(b'.');
        sent = at;
    }
    out.extend_from_slice(&payload[sent..]);
    out.extend_from_slice(END);
}

/// Where the payload of a complete frame ends. An empty message may be the closing line alone.
pub(super) fn body_end(frame: &[u8]) -> usize {
    frame.len().saturating_sub(END.len())
}

pub(super) fn decode(raw: &[u8]) -> Cow<'_, [u8]> {
    let mut dots = leading_dots(raw).peekable();
    if dots.peek().is_none() {
        return Cow::Borrowed(raw);
    }
    let mut payload = Vec::with_capacity(raw.len());
    let mut read = 0;
    for at in dots {
        payload.extend_from_slice(&raw[read..at]);
        read = at + 1;
    }
    payload.extend_from_slice(&raw[read..]);
    Cow::Owned(payload)
}

#[cfg(test)]
mod tests {
    use crate::framing::Reason;
    use crate::framing::laws::{bad, good, reads};

    #[test]
    fn golden_dot_stuffing() {
        good("smtp-data", b"hello\r\n.\r\n", b"hello");
        good("smtp-data", b"..\r\n.\r\n", b".");
        good("smtp-data", b"a\r\n..b\r\n.\r\n", b"a\r\n.b");
        good("smtp-data", b"a\r\n..\r\nb\r\n.\r\n", b"a\r\n.\r\nb");
        good("smtp-data", b"\r\n.\r\n", b"");
        good("smtp-data", b"a\r\r\n.\r\n", b"a\r");
        good("smtp-data", b"a\r\n\r\n.\r\n", b"a\r\n");
    }

    #[test]
    fn a_message_may_be_the_closing_line_alone() {
        reads("smtp-data", b".\r\n", b"");
    }

    #[test]
    fn a_dot_that_was_not_stuffed_is_still_removed() {
        reads("smtp-data", b".a\r\n.\r\n", b"a");
        reads("smtp-data", b"a\r\n.\rb\r\n.\r\n", b"a\r\n\rb");
    }

    /// CATALOGUE DEL-17, ESC-08: taking this as an end is how mail is smuggled (CVE-2023-51764).
    #[test]
    fn a_dot_between_bare_line_feeds_is_no_end() {
        reads("smtp-data", b"a\n.\nb\r\n.\r\n", b"a\n.\nb");
        reads("smtp-data", b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb");
        reads("smtp-data", b"a\r\n.\nb\r\n.\r\n", b"a\r\n\nb");
    }

    #[test]
    fn neither_stuffing_nor_the_closing_line_counts_towards_the_limit() {
        reads("smtp-data,max=2", b"..a\r\n.\r\n", b".a");
        let (limit, claimed) = (2, None);
        bad("smtp-data,max=2", b"..a\r\nb", Reason::TooLong { limit, claimed }, 0);
        reads("smtp-data,max=0", b"\r\n.\r\n", b"");
    }
}
