//! The four strategies of framing, and none.

use std::fmt;

/// How messages are marked off from one another, in the terms of the requirements.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Not at all: a byte stream (RFC 862).
    Raw,
    /// One message in a connection, ended by closing.
    Close,
    /// Messages of one known length.
    Fixed,
    /// A prefix says how long the message is.
    Length,
    /// A byte sequence ends the message.
    Delimiter,
}

impl Strategy {
    /// All strategies.
    pub const ALL: [Self; 5] = [Self::Raw, Self::Close, Self::Fixed, Self::Length, Self::Delimiter];

    /// The word that names it in framing strings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Close => "close",
            Self::Fixed => "fixed",
            Self::Length => "length",
            Self::Delimiter => "delimiter",
        }
    }

    /// The prefix of its requirements' ids; `raw` has none of its own.
    pub fn id(self) -> Option<&'static str> {
        match self {
            Self::Raw => None,
            Self::Close => Some("CLS"),
            Self::Fixed => Some("FIX"),
            Self::Length => Some("LEN"),
            Self::Delimiter => Some("DEL"),
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
