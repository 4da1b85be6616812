//! What a peer does where right implementations differ, as declared with a framing.
//!
//! The choices are those of CATALOGUE A0 and D. A key that is absent (`None`) was not declared, so the harness
//! measures it; `any` is a declaration of its own: whatever the peer does is accepted and nothing is measured.

use std::time::Duration;

use super::Framing;

/// A choice with a fixed set of words.
///
/// The table is the single list that the parser accepts, that errors offer and that `list framings` prints.
pub trait Choice: Copy + PartialEq + 'static {
    /// Word, value and meaning of every choice, in the order in which they are listed.
    const WORDS: &'static [(&'static str, Self, &'static str)];

    /// The word that stands for this value in a framing string.
    fn word(self) -> &'static str {
        let row = Self::WORDS.iter().find(|(_, value, _)| *value == self);
        row.map_or("", |(word, _, _)| word)
    }

    /// The value that `word` stands for.
    fn from_word(word: &str) -> Option<Self> {
        let row = Self::WORDS.iter().find(|(known, _, _)| *known == word);
        row.map(|(_, value, _)| *value)
    }
}

/// The declared behaviour of a peer; `None` is "not declared".
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Behaviour {
    /// Largest payload in bytes that the peer accepts; always counts payload, never prefix or delimiter (CATALOGUE A0).
    pub max: Option<u64>,
    /// What happens to a message over `max` (CATALOGUE D5).
    pub over: Option<Over>,
    /// What happens to an unfinished frame when the stream ends (CATALOGUE D6, D7).
    pub eof: Option<Eof>,
    /// What happens to an empty message (CATALOGUE D4).
    pub empty: Option<Empty>,
    /// Whether a reply may start before its message is complete (CATALOGUE D1).
    pub partial: Option<Partial>,
    /// What happens to the connection after one reply (CATALOGUE D2).
    pub after: Option<After>,
    /// Which payloads the peer takes (CATALOGUE D13).
    pub enc: Option<Enc>,
    /// How replies are compared (CATALOGUE D8, D26).
    pub compare: Option<Compare>,
    /// How replies are framed, where that differs from requests (CATALOGUE D8).
    pub reply: Option<Reply>,
    /// When a silent connection is ended (CATALOGUE D16).
    pub idle: Option<Idle>,
    /// When a message that was begun and is not complete is given up, however it goes on (CATALOGUE D16).
    pub deadline: Option<Idle>,
}

/// What a peer does with a message over `max` (CATALOGUE D5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Over {
    /// Ends the connection with FIN.
    Close,
    /// Ends the connection with RST.
    Reset,
    /// Drops that message and goes on with the next one.
    Skip,
    /// Takes it as several messages.
    Split,
    /// Keeps its beginning and drops the rest.
    Truncate,
    /// Answers with an error text.
    Reply,
    /// Any of these.
    Any,
}

impl Choice for Over {
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        ("close", Self::Close, "ends the connection"),
        ("reset", Self::Reset, "resets the connection"),
        ("skip", Self::Skip, "drops that message, goes on with the next"),
        ("split", Self::Split, "takes it as several messages"),
        ("truncate", Self::Truncate, "keeps its beginning"),
        ("reply", Self::Reply, "answers with an error text"),
        ("any", Self::Any, "any of these"),
    ];
}

/// What a peer does with an unfinished frame when the stream ends (CATALOGUE D6, D7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Eof {
    /// Forgets it.
    Drop,
    /// Takes it as a message.
    Deliver,
    /// Treats it as an error.
    Error,
    /// Any of these.
    Any,
}

impl Choice for Eof {
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        ("drop", Self::Drop, "forgets it"),
        ("deliver", Self::Deliver, "takes it as a message"),
        ("error", Self::Error, "treats it as an error"),
        ("any", Self::Any, "any of these"),
    ];
}

/// What a peer does with an empty message (CATALOGUE D4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Empty {
    /// Answers it like any other.
    Echo,
    /// Passes over it.
    Skip,
    /// Ends the connection.
    Close,
    /// Takes it as the end of the session.
    End,
    /// Any of these.
    Any,
}

impl Choice for Empty {
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        ("echo", Self::Echo, "answers it like any other"),
        ("skip", Self::Skip, "passes over it"),
        ("close", Self::Close, "ends the connection"),
        ("end", Self::End, "takes it as the end of the session"),
        ("any", Self::Any, "any of these"),
    ];
}

/// Whether a reply may start before its message is complete (CATALOGUE D1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Partial {
    /// Waits for the whole message.
    No,
    /// Answers as bytes come.
    Yes,
    /// Either.
    Any,
}

impl Choice for Partial {
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        ("no", Self::No, "waits for the whole message"),
        ("yes", Self::Yes, "answers as bytes come"),
        ("any", Self::Any, "either"),
    ];
}

/// What a peer does with the connection after one reply (CATALOGUE D2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum After {
    /// Keeps it for further messages.
    Keep,
    /// Closes it.
    Close,
    /// Either.
    Any,
}

impl Choice for After {
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        ("keep", Self::Keep, "keeps the connection"),
        ("close", Self::Close, "closes it"),
        ("any", Self::Any, "either"),
    ];
}

/// Which payloads a peer takes (CATALOGUE D13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Enc {
    /// All bytes.
    Bytes,
    /// UTF-8 only; other payloads are malformed.
    Utf8,
    /// Bytes below 0x80 only; other payloads are malformed.
    Ascii,
}

impl Choice for Enc {
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        ("bytes", Self::Bytes, "all bytes"),
        ("utf8", Self::Utf8, "UTF-8 only"),
        ("ascii", Self::Ascii, "bytes below 0x80 only"),
    ];
}

/// How a reply is compared with its message (CATALOGUE D8, D26).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compare {
    /// Byte for byte, prefix and delimiter included.
    Bytes,
    /// Decoded payloads; another spelling of prefix or delimiter is accepted.
    Payload,
}

impl Choice for Compare {
    const WORDS: &'static [(&'static str, Self, &'static str)] =
        &[("bytes", Self::Bytes, "prefix and delimiter too"), ("payload", Self::Payload, "decoded payloads only")];
}

/// How replies are framed, where that differs from requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// As the request, with this delimiter (delimiter framings only).
    Delimiter(Vec<u8>),
    /// In another framing.
    Framing(Box<Framing>),
}

/// When a peer ends a silent connection (CATALOGUE D16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Idle {
    /// After this long.
    After(Duration),
    /// Never.
    None,
    /// Whenever it likes.
    Any,
}

impl Idle {
    /// The time, where one is declared.
    pub fn time(self) -> Option<Duration> {
        match self {
            Self::After(time) => Some(time),
            Self::None | Self::Any => None,
        }
    }
}
