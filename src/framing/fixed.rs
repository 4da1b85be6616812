//! Fixed length: every message has the same, known number of bytes (CATALOGUE A2).

use super::outcome::{AtEnd, Decoded, Resume, Unencodable};

/// A framing in which every frame has `size` bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fixed {
    /// Bytes of every frame; at least 1.
    pub size: usize,
    /// What shorter payloads are filled with; without it they cannot be sent. The receiver keeps the fill, because
    /// only the application can tell it from data (CATALOGUE A2: trimming corrupts binary).
    pub pad: Option<u8>,
    /// On which side the fill stands.
    pub side: Side,
    /// Whether a shorter, last record before the end of the stream is a message.
    pub last_short: bool,
}

/// On which side of a short payload the fill stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Before the payload.
    Left,
    /// After it.
    #[default]
    Right,
}

impl super::behaviour::Choice for Side {
    const WORDS: &'static [(&'static str, Self, &'static str)] =
        &[("left", Self::Left, "before the payload"), ("right", Self::Right, "after it")];
}

impl Fixed {
    pub(super) fn encode(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Unencodable> {
        let fill = self.fill(payload.len())?;
        let fill = std::iter::repeat_n(self.pad.unwrap_or(0), fill);
        match self.side {
            Side::Left => out.extend(fill.chain(payload.iter().copied())),
            Side::Right => out.extend(payload.iter().copied().chain(fill)),
        }
        Ok(())
    }

    fn fill(&self, actual: usize) -> Result<usize, Unencodable> {
        match self.size.checked_sub(actual) {
            Some(0) => Ok(0),
            Some(fill) if self.pad.is_some() => Ok(fill),
            _ => Err(Unencodable::NotExactly { expected: self.size as u64, actual: actual as u64 }),
        }
    }

    pub(super) fn scan(&self, input: &[u8], mut resume: Resume) -> Decoded {
        if resume.phase == 0 {
            resume.phase = 1;
            resume.left = self.size as u64;
        }
        let here = (input.len() - resume.at).min(resume.left as usize);
        resume.at += here;
        resume.left -= here as u64;
        if resume.left == 0 { Decoded::Frame { len: resume.at } } else { Decoded::Incomplete(resume) }
    }

    pub(super) fn at_end(&self, rest: &[u8]) -> AtEnd {
        match rest {
            [] => AtEnd::Nothing,
            _ if self.last_short => AtEnd::Message(rest.to_vec()),
            _ => AtEnd::Unfinished,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::framing::{AtEnd, Deframer, Framing, Unencodable};

    fn framing(text: &str) -> Framing {
        text.parse().expect("a framing")
    }

    #[test]
    fn frames_are_cut_by_count_alone() {
        let mut deframer = Deframer::new(&framing("fixed:4"));
        deframer.push(b"ab\n\0efghij");
        assert_eq!(deframer.next_frame().unwrap().unwrap().payload, b"ab\n\0");
        assert_eq!(deframer.next_frame().unwrap().unwrap().payload, b"efgh");
        assert!(deframer.next_frame().is_none());
        assert_eq!(deframer.finish(), AtEnd::Unfinished);
    }

    #[test]
    fn a_short_last_record_is_a_message_only_when_declared() {
        assert_eq!(framing("fixed:4").at_end(b"ab"), AtEnd::Unfinished);
        let short = framing("fixed:4,last=short");
        assert_eq!(short.at_end(b"ab"), AtEnd::Message(b"ab".to_vec()));
        assert_eq!(short.at_end(b""), AtEnd::Nothing);
    }

    #[test]
    fn short_payloads_need_a_pad() {
        let mut out = Vec::new();
        let refused = framing("fixed:4").encode(b"ab", &mut out);
        let (expected, actual) = (4, 2);
        assert_eq!(refused, Err(Unencodable::NotExactly { expected, actual }));
        framing("fixed:4,pad=\" \"").encode(b"ab", &mut out).unwrap();
        framing("fixed:4,pad=nul,side=left").encode(b"ab", &mut out).unwrap();
        assert_eq!(out, b"ab  \0\0ab");
    }

    #[test]
    fn long_payloads_are_refused_with_or_without_a_pad() {
        for text in ["fixed:4", "fixed:4,pad=nul", "fixed:4,last=short"] {
            assert!(!framing(text).carries(b"abcde"), "{text}");
        }
    }
}
