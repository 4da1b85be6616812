//! How many times a message is sent.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::{Scalar, wrong};
use super::size::Size;

/// A number, or as many as make up a size: `copies: 100`, `copies: 8MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Scalar", into = "Scalar")]
pub enum Copies {
    /// So many.
    Count(u32),
    /// As many as together have this many bytes in their frames; at least one.
    Filling(u64),
}

impl Copies {
    /// How many that is with frames of so many bytes.
    pub fn count(self, frame: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            Self::Filling(bytes) => (bytes as usize / frame.max(1)).max(1),
        }
    }
}

impl TryFrom<Scalar> for Copies {
    type Error = String;

    fn try_from(scalar: Scalar) -> Result<Self, String> {
        let no_count = || wrong("this is no number of copies", "a whole number such as 100, or a size such as 8MiB");
        match scalar {
            Scalar::Number(number) => u32::try_from(number).map(Self::Count).map_err(|_| no_count()),
            Scalar::Text(text) => match (text.parse().map(Self::Count), text.parse()) {
                (Ok(count), _) => Ok(count),
                (_, Ok(Size::Bytes(bytes))) => Ok(Self::Filling(bytes)),
                _ => Err(no_count()),
            },
        }
    }
}

impl From<Copies> for Scalar {
    fn from(copies: Copies) -> Self {
        match copies {
            Copies::Count(count) => Self::Number(count.into()),
            Copies::Filling(bytes) => Self::Text(format!("{}KiB", bytes.div_ceil(1024))),
        }
    }
}

impl fmt::Display for Copies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count} times"),
            Self::Filling(bytes) => write!(f, "{bytes} bytes in copies of"),
        }
    }
}
