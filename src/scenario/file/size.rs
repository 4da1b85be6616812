//! How many bytes: a number, a number with a unit, or relative to the largest message that the target must take.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::{Scalar, wrong};

/// No message is larger than this: 64 MiB.
pub const LARGEST: u64 = 64 * 1024 * 1024;

const UNITS: [(&str, u64); 4] = [("KiB", 1024), ("MiB", 1024 * 1024), ("kB", 1000), ("MB", 1_000_000)];

/// A size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Scalar", into = "Scalar")]
pub enum Size {
    /// So many bytes.
    Bytes(u64),
    /// The declared maximum, and so many more or less.
    Max(i64),
    /// The number of the round, and so many more.
    Round(i64),
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || {
            wrong(
                format!("`{text}` is no size"),
                "a whole number, \"64KiB\", \"64KiB-3\", max, max+1, max-1 or \"{i}\", the number of the round",
            )
        };
        if let Some(rest) = text.strip_prefix("max") {
            return signed(rest).map(Self::Max).ok_or_else(unknown);
        }
        if let Some(rest) = text.strip_prefix("{i}") {
            return signed(rest).map(Self::Round).ok_or_else(unknown);
        }
        let (base, more) = match text.find(['+', '-']).filter(|at| *at > 0) {
            Some(at) => (&text[..at], signed(&text[at..]).ok_or_else(unknown)?),
            None => (text, 0),
        };
        let (digits, factor) = UNITS
            .iter()
            .find_map(|(unit, factor)| Some((base.strip_suffix(unit)?.trim_end(), *factor)))
            .unwrap_or((base, 1));
        let bytes = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(factor)?.checked_add_signed(more));
        bounded(bytes.ok_or_else(unknown)?)
    }
}

/// `+1` is 1, `-1` is -1, an empty text is 0; nothing else is anything.
pub(super) fn signed(text: &str) -> Option<i64> {
    match text.as_bytes() {
        [] => Some(0),
        [b'+' | b'-', b'0'..=b'9', ..] => text.parse().ok(),
        _ => None,
    }
}

fn bounded(bytes: u64) -> Result<Size, String> {
    if bytes > LARGEST {
        return Err(wrong(format!("{bytes} bytes are too many"), "at most 64MiB"));
    }
    Ok(Size::Bytes(bytes))
}

impl TryFrom<Scalar> for Size {
    type Error = String;

    fn try_from(scalar: Scalar) -> Result<Self, String> {
        match scalar {
            Scalar::Text(text) => text.parse(),
            Scalar::Number(number) => match u64::try_from(number) {
                Ok(bytes) => bounded(bytes),
                Err(_) => number.to_string().parse(),
            },
        }
    }
}

impl From<Size> for Scalar {
    fn from(size: Size) -> Self {
        match size {
            Size::Bytes(bytes) => Self::Number(bytes.into()),
            Size::Max(_) | Size::Round(_) => Self::Text(size.to_string()),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{bytes}"),
            Self::Max(0) => f.write_str("max"),
            Self::Max(more) => write!(f, "max{more:+}"),
            Self::Round(0) => f.write_str("{i}"),
            Self::Round(more) => write!(f, "{{i}}{more:+}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_units_or_relative_to_the_maximum() {
        let read = |text: &str| text.parse::<Size>().unwrap();
        assert_eq!(read("17"), Size::Bytes(17));
        assert_eq!(read("64KiB"), Size::Bytes(65_536));
        assert_eq!(read("1 MB"), Size::Bytes(1_000_000));
        assert_eq!(read("64KiB-3"), Size::Bytes(65_533));
        assert_eq!(read("100+28"), Size::Bytes(128));
        assert_eq!(read("max"), Size::Max(0));
        assert_eq!(read("max-1"), Size::Max(-1));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for size in [Size::Bytes(3), Size::Max(0), Size::Max(1), Size::Max(-7), Size::Round(0), Size::Round(250)] {
            assert_eq!(Size::try_from(Scalar::from(size)), Ok(size));
        }
    }

    #[test]
    fn err_too_large_and_no_size() {
        assert!("65MiB".parse::<Size>().unwrap_err().contains("at most 64MiB"));
        for text in ["", "max1", "maximum", "-1", "12q", "max+", "KiB"] {
            assert!(text.parse::<Size>().unwrap_err().contains("is no size"), "{text}");
        }
    }
}
