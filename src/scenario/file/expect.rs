//! The step that waits for something.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::{OneOrMany, TextOr, only_one, wrong};
use super::slot::Slot;
use super::span::Span;

/// What must follow, where and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "TextOr<ExpectForm>", into = "TextOr<ExpectForm>")]
pub struct Expect {
    /// The connections; only `a` if nothing is said.
    pub on: Vec<String>,
    /// Any of these will do.
    pub any: Vec<Slot<What>>,
    /// How long to wait; the calibrated deadline if nothing is said.
    pub within: Option<Slot<Span>>,
}

/// What can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "TextOr<BytesForm>", into = "TextOr<BytesForm>")]
pub enum What {
    /// Everything owed so far is back.
    Echo,
    /// The message of a client under test has come, whole and nothing but it.
    Message,
    /// Nothing comes.
    Silence,
    /// The target's FIN.
    End,
    /// The target's FIN or RST.
    Closed,
    /// The connection was refused.
    Refused,
    /// The process of a client under test has ended.
    Left,
    /// A fresh connection gets a plain message back.
    Alive,
    /// The target takes no more of what is being sent.
    Stalled,
    /// The median of the round trips so far is below `within`, or what calibration makes of it.
    Prompt,
    /// The same has come on each of the connections: what the same bytes in other segments must bring, whatever that is.
    Same,
    /// So many bytes have come in all.
    Bytes(u64),
}

const NAMES: [(&str, What); 11] = [
    ("echo", What::Echo),
    ("message", What::Message),
    ("silence", What::Silence),
    ("end", What::End),
    ("closed", What::Closed),
    ("refused", What::Refused),
    ("left", What::Left),
    ("alive", What::Alive),
    ("stalled", What::Stalled),
    ("prompt", What::Prompt),
    ("same", What::Same),
];

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BytesForm {
    /// So many bytes have come in all.
    bytes: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExpectForm {
    /// The connection or connections; `a` if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on: Option<OneOrMany>,
    /// What must follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    is: Option<Slot<What>>,
    /// Any of these must follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    any: Option<Vec<Slot<What>>>,
    /// So many bytes must have come in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// How long to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    within: Option<Slot<Span>>,
}

impl TryFrom<TextOr<BytesForm>> for What {
    type Error = String;

    fn try_from(shape: TextOr<BytesForm>) -> Result<Self, String> {
        match shape {
            TextOr::Form(form) => Ok(Self::Bytes(form.bytes)),
            TextOr::Text(text) => {
                NAMES.iter().find(|(name, _)| *name == text).map(|(_, what)| *what).ok_or_else(|| {
                    let names = NAMES.map(|(name, _)| name).join(", ");
                    wrong(format!("`{text}` is nothing to expect"), format!("{names}, or {{bytes: 5}}"))
                })
            }
        }
    }
}

impl From<What> for TextOr<BytesForm> {
    fn from(what: What) -> Self {
        match NAMES.iter().find(|(_, named)| *named == what) {
            Some((name, _)) => Self::Text((*name).to_owned()),
            None => match what {
                What::Bytes(bytes) => Self::Form(BytesForm { bytes }),
                _ => Self::Form(BytesForm::default()),
            },
        }
    }
}

impl TryFrom<TextOr<ExpectForm>> for Expect {
    type Error = String;

    fn try_from(shape: TextOr<ExpectForm>) -> Result<Self, String> {
        let form = match shape {
            TextOr::Form(form) => form,
            TextOr::Text(text) => ExpectForm { is: Some(slot(text)?), ..ExpectForm::default() },
        };
        let found = [
            ("is", form.is.map(|what| vec![what])),
            ("any", form.any),
            ("bytes", form.bytes.map(|bytes| vec![Slot::Given(What::Bytes(bytes))])),
        ];
        let any = only_one(found.into_iter().filter_map(|(name, any)| Some((name, any?))).collect(), "is, any, bytes")?;
        if any.is_empty() {
            return Err(wrong("nothing is expected", "at least one thing in `any`"));
        }
        if any.len() > 1 && any.contains(&Slot::Given(What::Alive)) {
            return Err(wrong("`alive` among others", "`expect: alive` as a step of its own"));
        }
        Ok(Self { on: form.on.map(|names| names.0).unwrap_or_default(), any, within: form.within })
    }
}

fn slot(text: String) -> Result<Slot<What>, String> {
    match text.strip_prefix('$') {
        Some(name) if super::is_name(name) => Ok(Slot::Variable(format!("${name}"))),
        _ => What::try_from(TextOr::Text(text)).map(Slot::Given),
    }
}

impl From<Expect> for TextOr<ExpectForm> {
    fn from(expect: Expect) -> Self {
        let mut form = ExpectForm {
            on: Some(OneOrMany(expect.on)).filter(|names| !names.0.is_empty()),
            within: expect.within,
            ..ExpectForm::default()
        };
        match expect.any.as_slice() {
            [Slot::Given(what)] if form.on.is_none() && form.within.is_none() => {
                if let TextOr::Text(text) = (*what).into() {
                    return Self::Text(text);
                }
                form.is = Some(Slot::Given(*what));
            }
            [what] => form.is = Some(what.clone()),
            _ => form.any = Some(expect.any),
        }
        Self::Form(form)
    }
}

impl From<What> for Expect {
    fn from(what: What) -> Self {
        Self { on: Vec::new(), any: vec![Slot::Given(what)], within: None }
    }
}
