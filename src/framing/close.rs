//! One message in a connection: its end is the end of the stream (CATALOGUE A1).

use super::outcome::{Decoded, Reason, Resume};

/// How much of the connection the sender closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseForm {
    /// Its sending half; the reply comes on the other half.
    #[default]
    Half,
    /// All of it; no reply is possible.
    Full,
}

impl super::behaviour::Choice for CloseForm {
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        ("half", Self::Half, "the sender closes its half, the reply comes on the other"),
        ("full", Self::Full, "the sender closes the connection, no reply is possible"),
    ];
}

/// There is no frame before the end of the stream; only the limit can be judged.
pub(super) fn scan(input: &[u8], limit: Option<u64>) -> Decoded {
    if let Some(limit) = limit.filter(|limit| input.len() as u64 > *limit) {
        let claimed = None;
        return Decoded::Malformed(Reason::TooLong { limit, claimed }.at(0));
    }
    let at = input.len();
    Decoded::Incomplete(Resume { at, ..Resume::default() })
}

#[cfg(test)]
mod tests {
    use crate::framing::{AtEnd, Deframer, Framing, Reason};

    fn deframer(text: &str) -> Deframer {
        Deframer::new(&text.parse::<Framing>().expect("a framing"))
    }

    #[test]
    fn the_end_of_the_stream_makes_the_message() {
        let mut close = deframer("close");
        close.push(b"hel");
        close.push(b"lo\n");
        assert!(close.next_frame().is_none());
        assert_eq!(close.finish(), AtEnd::Message(b"hello\n".to_vec()));
    }

    #[test]
    fn a_connection_without_data_is_an_empty_message() {
        assert_eq!(deframer("close").finish(), AtEnd::Message(Vec::new()));
        assert_eq!(deframer("raw").finish(), AtEnd::Nothing);
    }

    #[test]
    fn the_limit_holds_before_the_end() {
        let mut close = deframer("close,max=4");
        close.push(b"hell");
        assert!(close.next_frame().is_none());
        close.push(b"o");
        let refused = close.next_frame().expect("a decision").expect_err("too long");
        let (limit, claimed) = (4, None);
        assert_eq!(refused.reason, Reason::TooLong { limit, claimed });
        assert_eq!(close.finish(), AtEnd::Unfinished);
    }
}
