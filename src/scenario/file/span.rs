//! How long: a duration, or a range of durations.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::{Scalar, wrong};

/// No step may last longer.
const LONGEST: Duration = Duration::from_secs(3600);

/// `300ms`, or `100ms..300ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Scalar", into = "String")]
#[schemars(with = "String")]
pub struct Span {
    /// The least.
    pub from: Duration,
    /// The most.
    pub to: Duration,
}

impl Span {
    /// Exactly this long.
    pub fn exactly(length: Duration) -> Self {
        Self { from: length, to: length }
    }
}

impl TryFrom<Scalar> for Span {
    type Error = String;

    fn try_from(scalar: Scalar) -> Result<Self, String> {
        let text = match scalar {
            Scalar::Text(text) => text,
            Scalar::Number(number) => number.to_string(),
        };
        let (from, to) = text.split_once("..").unwrap_or((&text, &text));
        let span = Self { from: duration(from)?, to: duration(to)? };
        match span {
            Span { from, to } if from > to => {
                Err(wrong(format!("`{text}` ends before it begins"), "the shorter time first"))
            }
            Span { to, .. } if to > LONGEST => Err(wrong(format!("`{text}` is too long"), "at most an hour")),
            span => Ok(span),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let right = "a time with its unit such as 300ms or 3s, or a range such as 100ms..300ms";
    humantime::parse_duration(text.trim()).map_err(|_| wrong(format!("`{text}` is no duration"), right))
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.from))?;
        if self.to != self.from {
            write!(f, "..{}", humantime::format_duration(self.to))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Span, String> {
        Span::try_from(Scalar::Text(text.to_owned()))
    }

    #[test]
    fn a_span_is_a_time_or_a_range() {
        assert_eq!(read("3s"), Ok(Span::exactly(Duration::from_secs(3))));
        let range = read("100ms..300ms").unwrap();
        assert_eq!((range.from.as_millis(), range.to.as_millis()), (100, 300));
        assert_eq!(range.to_string(), "100ms..300ms");
    }

    #[test]
    fn err_no_unit_backwards_too_long() {
        assert!(read("300").unwrap_err().contains("is no duration"));
        assert!(read("3s..1s").unwrap_err().contains("ends before it begins"));
        assert!(read("2h").unwrap_err().contains("too long"));
    }
}
