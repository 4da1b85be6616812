//! Places in the bytes of a send, by number or by what stands there.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::{Scalar, wrong};

/// Sizes of buffers in use, and what is next to them (CATALOGUE SEG-09).
pub const BOUNDARIES: [u64; 36] = [
    63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 1448, 1459, 1460, 1461, 2047, 2048,
    2049, 4095, 4096, 4097, 8191, 8192, 8193, 16383, 16384, 16385, 32767, 32768, 65535, 65536, 65537,
];

/// A place, or all places of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Scalar", into = "Scalar")]
pub enum Place {
    /// After so many bytes; negative: before so many bytes of the end.
    At(i64),
    /// Between any two bytes of a length prefix.
    InsidePrefix,
    /// Between a length prefix and the payload.
    AfterPrefix,
    /// Between any two bytes of a delimiter or trailer.
    InsideTerminator,
    /// Between the payload and its delimiter or trailer.
    BeforeTerminator,
    /// Before the last byte.
    BeforeLast,
    /// After the first byte.
    AfterFirst,
    /// Half-way.
    Middle,
    /// Between any two bytes.
    Every,
    /// At each of [`BOUNDARIES`].
    Boundaries,
}

const NAMES: [(&str, Place); 9] = [
    ("inside-prefix", Place::InsidePrefix),
    ("after-prefix", Place::AfterPrefix),
    ("inside-terminator", Place::InsideTerminator),
    ("before-terminator", Place::BeforeTerminator),
    ("before-last", Place::BeforeLast),
    ("after-first", Place::AfterFirst),
    ("middle", Place::Middle),
    ("every", Place::Every),
    ("boundaries", Place::Boundaries),
];

impl TryFrom<Scalar> for Place {
    type Error = String;

    fn try_from(scalar: Scalar) -> Result<Self, String> {
        let text = match scalar {
            Scalar::Number(number) => return Ok(Self::At(i64::try_from(number).unwrap_or(i64::MAX))),
            Scalar::Text(text) => text,
        };
        let found = NAMES.iter().find(|(name, _)| *name == text).map(|(_, place)| *place);
        found.or_else(|| text.parse().ok().map(Self::At)).ok_or_else(|| {
            let names = NAMES.map(|(name, _)| name).join(", ");
            wrong(format!("`{text}` is no place"), format!("an offset in bytes (negative: from the end), or {names}"))
        })
    }
}

impl From<Place> for Scalar {
    fn from(place: Place) -> Self {
        match place {
            Place::At(offset) => Self::Number(offset.into()),
            named => Self::Text(named.to_string()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, place)| place == self) {
            Some((name, _)) => f.write_str(name),
            None => match self {
                Self::At(offset) => write!(f, "{offset}"),
                _ => Ok(()),
            },
        }
    }
}
