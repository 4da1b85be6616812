//! Consistent overhead byte stuffing: groups of up to 254 bytes that hold no zero, and a zero at the end.
//!
//! A group starts with its length, itself included; all but those of length 255 stand for a zero after them, unless
//! they are the last (Cheshire and Baker, "Consistent Overhead Byte Stuffing", 1999).

use memchr::memchr;

use crate::framing::outcome::{Decoded, Reason, Resume};

const GROUP: u8 = 1;

pub(super) fn scan(input: &[u8], mut resume: Resume, limit: Option<u64>) -> Decoded {
    let mut at = resume.at;
    while let Some(&byte) = input.get(at) {
        match (resume.phase, byte) {
            (0, 0) => at += 1,
            (GROUP, 0) if resume.left == 0 => return Decoded::Frame { len: at + 1 },
            (GROUP, 0) => return Decoded::Malformed(Reason::BadEscape(0).at(at)),
            (GROUP, _) if resume.left > 0 => {
                let group = &input[at..input.len().min(at + resume.left as usize)];
                let len = memchr(0, group).unwrap_or(group.len());
                at += len;
                resume.left -= len as u64;
                resume.payload += len as u64;
            }
            (phase, code) => {
                let owed = phase == GROUP && !resume.last;
                at += 1;
                resume.payload += u64::from(owed);
                (resume.phase, resume.left, resume.last) = (GROUP, u64::from(code) - 1, code == 255);
            }
        }
        if let Some(limit) = limit.filter(|limit| resume.payload > *limit) {
            let claimed = None;
            return Decoded::Malformed(Reason::TooLong { limit, claimed }.at(0));
        }
    }
    resume.at = input.len();
    Decoded::Incomplete(resume)
}

pub(super) fn encode(payload: &[u8], out: &mut Vec<u8>) {
    let mut groups = payload.split(|byte| *byte == 0);
    while let Some(group) = groups.next() {
        let mut pieces = group.chunks(254).peekable();
        if pieces.peek().is_none() {
            out.push(1);
        }
        while let Some(piece) = pieces.next() {
            out.push(piece.len() as u8 + 1);
            out.extend_from_slice(piece);
            // A full piece owes no zero: where one follows in the payload, an empty group says so.
            if piece.len() == 254 && pieces.peek().is_none() && groups.clone().next().is_some() {
                out.push(1);
            }
        }
    }
    out.push(0);
}

pub(super) fn decode(raw: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [code, bytes @ ..] = rest {
        let len = usize::from(code.saturating_sub(1)).min(bytes.len());
        payload.extend_from_slice(&bytes[..len]);
        rest = &bytes[len..];
        if *code != 255 && !rest.is_empty() {
            payload.push(0);
        }
    }
    payload
}

#[cfg(test)]
mod tests {
    use crate::framing::Reason;
    use crate::framing::laws::{bad, good, reads};

    /// The cases of the COBS paper's tables and of CATALOGUE ESC-05.
    #[test]
    fn golden_cobs() {
        good("cobs", b"\x01\x00", b"");
        good("cobs", b"\x01\x01\x00", b"\x00");
        good("cobs", b"\x01\x01\x01\x00", b"\x00\x00");
        good("cobs", b"\x03\x11\x22\x02\x33\x00", b"\x11\x22\x00\x33");
        good("cobs", b"\x05\x11\x22\x33\x44\x00", b"\x11\x22\x33\x44");
        good("cobs", b"\x02\x11\x01\x01\x01\x00", b"\x11\x00\x00\x00");
    }

    #[test]
    fn golden_cobs_at_the_edge_of_a_group() {
        let ones: Vec<u8> = (1..=254).collect();
        good("cobs", &[&[255][..], &ones, &[0]].concat(), &ones);
        let with_zero = [&ones[..], &[0]].concat();
        good("cobs", &[&[255][..], &ones, &[1, 1, 0]].concat(), &with_zero);
        let more: Vec<u8> = (1..=255).collect();
        good("cobs", &[&[255][..], &ones, &[2, 255, 0]].concat(), &more);
        let short = &ones[..253];
        good("cobs", &[&[254][..], short, &[0]].concat(), short);
        let both = [&ones[..], &ones].concat();
        good("cobs", &[&[255][..], &ones, &[255], &ones, &[0]].concat(), &both);
    }

    #[test]
    fn a_closing_empty_group_after_a_full_one_is_accepted() {
        let ones: Vec<u8> = (1..=254).collect();
        reads("cobs", &[&[255][..], &ones, &[1, 0]].concat(), &ones);
    }

    #[test]
    fn the_zero_that_a_full_group_does_not_owe_does_not_count_towards_the_limit() {
        let ones: Vec<u8> = (1..=254).collect();
        let wire = [&[255][..], &ones, &[255], &ones, &[0]].concat();
        reads("cobs,max=508", &wire, &[&ones[..], &ones].concat());
        let (limit, claimed) = (507, None);
        bad("cobs,max=507", &wire, Reason::TooLong { limit, claimed }, 0);
        reads("cobs,max=3", b"\x02\x11\x02\x22\x00", b"\x11\x00\x22");
        let (limit, claimed) = (1, None);
        bad("cobs,max=1", b"\x02\x11\x02", Reason::TooLong { limit, claimed }, 0);
    }

    /// CATALOGUE ESC-06.
    #[test]
    fn a_zero_inside_a_group_is_refused() {
        bad("cobs", b"\x02\x00\x00", Reason::BadEscape(0), 1);
    }
}
