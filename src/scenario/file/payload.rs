//! What a message holds.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::{Scalar, TextOr, only_one, wrong};
use super::size::Size;
use super::slot::Slot;

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "TextOr<PayloadForm>", into = "TextOr<PayloadForm>")]
pub enum Payload {
    /// A text as it is, in UTF-8; `{n}`, `{i}` and `$$` are filled in.
    Text(String),
    /// Bytes.
    Hex(Slot<Hexadecimal>),
    /// Bytes, in base64.
    Base64(Slot<Base64>),
    /// Another payload, several times.
    Repeat(Box<Slot<Payload>>, Slot<u32>),
    /// A readable pattern of this size without bytes that delimit.
    Fill(Slot<Size>),
    /// The same, so long that its frame has this size.
    Frame(Slot<Size>),
    /// The frames of another payload, again and again up to this size.
    Frames(Box<Slot<Payload>>, Slot<Size>),
    /// Incompressible bytes drawn from the seed.
    Random(Slot<Size>),
    /// Several payloads as one.
    Join(Vec<Slot<Payload>>),
    /// The first bytes of the delimiter, so many, and fewer than all.
    FalseStart(Slot<u32>),
    /// Counted in 32 bits, big-endian, from 0: a mismatch shows which block was lost, doubled or moved.
    Counter(Slot<Size>),
}

const FORMS: &str =
    "text, hex, base64, repeat (with times), join, false-start, fill, frame, frames-of (with size), random, counter";

/// The mapping.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PayloadForm {
    /// A text as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Bytes in hexadecimal; blanks are ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hex: Option<Slot<Hexadecimal>>,
    /// Bytes in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<Slot<Base64>>,
    /// Another payload, `times` times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repeat: Option<Box<Slot<Payload>>>,
    /// How many times `repeat` is repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<Slot<u32>>,
    /// Several payloads as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    join: Option<Vec<Slot<Payload>>>,
    /// The first bytes of the delimiter, so many, and fewer than all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    false_start: Option<Slot<u32>>,
    /// A readable pattern of this size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fill: Option<Slot<Size>>,
    /// A readable pattern so long that its frame has this size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frame: Option<Slot<Size>>,
    /// The frames of another payload, again and again up to `size`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frames_of: Option<Box<Slot<Payload>>>,
    /// How many bytes of `frames-of`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<Slot<Size>>,
    /// Incompressible bytes drawn from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    random: Option<Slot<Size>>,
    /// 32-bit counters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counter: Option<Slot<Size>>,
}

impl Payload {
    /// These bytes, as a text where they are readable.
    pub fn bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains(['{', '\u{feff}']) && !text.chars().any(char::is_control) => {
                Self::Text(text.replace('$', "$$"))
            }
            _ => Self::Hex(Slot::Given(Hexadecimal(bytes.to_vec()))),
        }
    }
}

impl Payload {
    /// Whether its size is given by the largest message that the target must take.
    pub fn is_relative_to_max(&self) -> bool {
        match self {
            Self::Fill(size) | Self::Frame(size) | Self::Frames(_, size) | Self::Random(size) | Self::Counter(size) => {
                matches!(size, Slot::Given(Size::Max(_)))
            }
            Self::Repeat(payload, _) => payload.given().is_ok_and(Self::is_relative_to_max),
            Self::Join(payloads) => payloads.iter().any(|one| one.given().is_ok_and(Self::is_relative_to_max)),
            Self::Text(_) | Self::Hex(_) | Self::Base64(_) | Self::FalseStart(_) => false,
        }
    }
}

impl TryFrom<TextOr<PayloadForm>> for Payload {
    type Error = String;

    fn try_from(shape: TextOr<PayloadForm>) -> Result<Self, String> {
        match shape {
            TextOr::Text(text) => Ok(Self::Text(text)),
            TextOr::Form(form) => form.payload(),
        }
    }
}

impl PayloadForm {
    fn payload(self) -> Result<Payload, String> {
        if self.repeat.is_some() != self.times.is_some() {
            return Err(wrong("`repeat` and `times` belong together", "{repeat: PAYLOAD, times: 3}"));
        }
        if self.frames_of.is_some() != self.size.is_some() {
            return Err(wrong("`frames-of` and `size` belong together", "{frames-of: PAYLOAD, size: max+1}"));
        }
        let found = [
            ("text", self.text.map(Payload::Text)),
            ("hex", self.hex.map(Payload::Hex)),
            ("base64", self.base64.map(Payload::Base64)),
            ("repeat", self.repeat.zip(self.times).map(|(payload, times)| Payload::Repeat(payload, times))),
            ("join", self.join.map(Payload::Join)),
            ("false-start", self.false_start.map(Payload::FalseStart)),
            ("fill", self.fill.map(Payload::Fill)),
            ("frame", self.frame.map(Payload::Frame)),
            ("frames-of", self.frames_of.zip(self.size).map(|(payload, size)| Payload::Frames(payload, size))),
            ("random", self.random.map(Payload::Random)),
            ("counter", self.counter.map(Payload::Counter)),
        ];
        only_one(found.into_iter().filter_map(|(name, payload)| Some((name, payload?))).collect(), FORMS)
    }
}

impl From<Payload> for TextOr<PayloadForm> {
    fn from(payload: Payload) -> Self {
        let mut form = PayloadForm::default();
        match payload {
            Payload::Text(text) => return Self::Text(text),
            Payload::Hex(bytes) => form.hex = Some(bytes),
            Payload::Base64(bytes) => form.base64 = Some(bytes),
            Payload::Repeat(payload, times) => (form.repeat, form.times) = (Some(payload), Some(times)),
            Payload::Join(payloads) => form.join = Some(payloads),
            Payload::FalseStart(bytes) => form.false_start = Some(bytes),
            Payload::Fill(size) => form.fill = Some(size),
            Payload::Frame(size) => form.frame = Some(size),
            Payload::Frames(payload, size) => (form.frames_of, form.size) = (Some(payload), Some(size)),
            Payload::Random(size) => form.random = Some(size),
            Payload::Counter(size) => form.counter = Some(size),
        }
        Self::Form(form)
    }
}

/// Bytes that are written in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Scalar", into = "String")]
#[schemars(with = "String")]
pub struct Hexadecimal(pub Vec<u8>);

impl TryFrom<Scalar> for Hexadecimal {
    type Error = String;

    fn try_from(scalar: Scalar) -> Result<Self, String> {
        let Scalar::Text(text) = scalar else {
            return Err(wrong("a number where hexadecimal belongs", "pairs of digits in quotes, such as \"00ff 0a\""));
        };
        let digits: Option<Vec<u8>> =
            text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
        match digits {
            Some(digits) if digits.len() % 2 == 0 => {
                Ok(Self(digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()))
            }
            _ => Err(wrong(format!("`{text}` is not hexadecimal"), "pairs of digits in quotes, such as \"00ff 0a\"")),
        }
    }
}

impl From<Hexadecimal> for String {
    fn from(bytes: Hexadecimal) -> Self {
        bytes.to_string()
    }
}

impl fmt::Display for Hexadecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Bytes that are written in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Base64(pub Vec<u8>);

impl TryFrom<String> for Base64 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = STANDARD.decode(text.trim());
        bytes.map(Self).map_err(|error| wrong(format!("this is not base64: {error}"), "base64 with its padding"))
    }
}

impl From<Base64> for String {
    fn from(bytes: Base64) -> Self {
        STANDARD.encode(bytes.0)
    }
}
