//! A header that claims a length of the author's choice.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::payload::{Hexadecimal, Payload};
use super::shape::{Scalar, only_one, wrong};
use super::size::signed;
use super::slot::Slot;

/// For length framings: a header with this in its field, and what follows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "ClaimForm", into = "ClaimForm")]
pub struct Claim {
    /// What the field says.
    pub field: Field,
    /// The bytes behind the header.
    pub body: Option<Slot<Payload>>,
    /// Whether the trailer of the framing follows, if it has one.
    pub complete: bool,
}

/// The field of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// Its value, before adjustments of the framing.
    Value(Slot<Claimed>),
    /// Its very bytes.
    Bytes(Slot<Hexadecimal>),
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ClaimForm {
    /// The value of the field: a number, all-ones, sign-bit, max+1 and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Slot<Claimed>>,
    /// The bytes of the field in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<Slot<Hexadecimal>>,
    /// The bytes behind the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Slot<Payload>>,
    /// Whether the trailer of the framing follows, if it has one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    complete: bool,
}

impl TryFrom<ClaimForm> for Claim {
    type Error = String;

    fn try_from(form: ClaimForm) -> Result<Self, String> {
        let found = [("value", form.value.map(Field::Value)), ("field", form.field.map(Field::Bytes))];
        let found = found.into_iter().filter_map(|(name, field)| Some((name, field?)));
        Ok(Self { field: only_one(found.collect(), "value, field")?, body: form.body, complete: form.complete })
    }
}

impl From<Claim> for ClaimForm {
    fn from(claim: Claim) -> Self {
        let complete = claim.complete;
        let (value, field) = match claim.field {
            Field::Value(value) => (Some(value), None),
            Field::Bytes(bytes) => (None, Some(bytes)),
        };
        Self { value, field, body: claim.body, complete }
    }
}

/// A value for a length field: a base, and so much more or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Scalar", into = "Scalar")]
pub struct Claimed {
    /// What it starts from.
    pub base: Base,
    /// What is added.
    pub more: i64,
}

/// What a claimed value starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// This number.
    Number(u128),
    /// All bits of the field set (64 of them where the field has no fixed width).
    AllOnes,
    /// Only the highest bit of the field set.
    SignBit,
    /// What the field says for a message of the declared maximum.
    Max,
}

const NAMES: [(&str, Base); 3] = [("all-ones", Base::AllOnes), ("sign-bit", Base::SignBit), ("max", Base::Max)];

impl FromStr for Claimed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = NAMES.iter().find_map(|(name, base)| Some((text.strip_prefix(name)?, *base)));
        let claimed = match named {
            Some((rest, base)) => signed(rest).map(|more| Self { base, more }),
            None => number(text).map(|number| Self { base: Base::Number(number), more: 0 }),
        };
        claimed.ok_or_else(|| {
            let right = "a whole number, all-ones, sign-bit or max, the last three also with +1, -3 and so on";
            wrong(format!("`{text}` is no value for a length field"), right)
        })
    }
}

fn number(text: &str) -> Option<u128> {
    match text.strip_prefix("0x") {
        Some(digits) => u128::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

impl TryFrom<Scalar> for Claimed {
    type Error = String;

    fn try_from(scalar: Scalar) -> Result<Self, String> {
        match scalar {
            Scalar::Text(text) => text.parse(),
            Scalar::Number(number) => number.to_string().parse(),
        }
    }
}

impl From<Claimed> for Scalar {
    fn from(claimed: Claimed) -> Self {
        match claimed.base {
            Base::Number(number) if i64::try_from(number).is_ok() => Self::Number(number as i128),
            _ => Self::Text(claimed.to_string()),
        }
    }
}

impl fmt::Display for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, base)| *base == self.base) {
            Some((name, _)) => f.write_str(name)?,
            None => match self.base {
                Base::Number(number) => write!(f, "{number}")?,
                _ => return Ok(()),
            },
        }
        if self.more == 0 { Ok(()) } else { write!(f, "{:+}", self.more) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claimed_values_are_numbers_or_relative_to_the_field() {
        let read = |text: &str| text.parse::<Claimed>().unwrap();
        assert_eq!(read("all-ones-3"), Claimed { base: Base::AllOnes, more: -3 });
        assert_eq!(read("max+1"), Claimed { base: Base::Max, more: 1 });
        assert_eq!(read("0xfffffffb"), Claimed { base: Base::Number(0xffff_fffb), more: 0 });
        assert_eq!(read("340282366920938463463374607431768211455").base, Base::Number(u128::MAX));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["5", "all-ones", "sign-bit-1", "max+2", "18446744073709551616"] {
            let claimed: Claimed = text.parse().unwrap();
            assert_eq!(Claimed::try_from(Scalar::from(claimed)), Ok(claimed));
        }
    }
}
