//! The step that sends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::copies::Copies;
use super::cut::Cut;
use super::payload::{Hexadecimal, Payload};
use super::place::Place;
use super::rewrite::Rewrite;
use super::shape::{only_one, wrong};
use super::slot::Slot;
use super::span::Span;
use crate::session::Duty;

/// What is sent and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "SendForm", into = "SendForm")]
pub struct Send {
    /// The connection; `a` if nothing is said.
    pub on: Option<String>,
    /// What is sent.
    pub content: Content,
    /// How it is cut.
    pub cut: Slot<Cut>,
    /// The time between segments.
    pub gap: Option<Slot<Span>>,
    /// Send only up to there, and hold the rest back.
    pub until: Option<Slot<Place>>,
    /// Whether and how the FIN follows.
    pub fin: Option<Slot<Fin>>,
    /// Whether to go on only when everything is written.
    pub wait: Slot<bool>,
    /// What is owed, if it is not what the framing says.
    pub duty: Option<Slot<Owed>>,
    /// What stands in the place of the trailer.
    pub trailer: Option<Slot<Hexadecimal>>,
    /// How each frame is spelled otherwise or damaged.
    pub mutation: Option<Slot<Rewrite>>,
    /// Messages that raw bytes complete; what is owed for them is `duty`, or their echo.
    pub carries: Vec<Slot<Payload>>,
    /// Bytes that follow the messages, in the same segment.
    pub behind: Option<Slot<Payload>>,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// One message.
    Message(Slot<Payload>),
    /// Messages back to back.
    Messages(Vec<Slot<Payload>>),
    /// One message, so many times back to back.
    Copies(Slot<Payload>, Slot<Copies>),
    /// Bytes as they are.
    Raw(Slot<Payload>),
    /// A header and what follows.
    Claim(Box<Claim>),
    /// What was held back.
    Rest,
    /// The message of a client under test, as a right server sends it back.
    Echo,
}

/// Where the FIN goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fin {
    /// There is none.
    No,
    /// In the packet of the last byte.
    With,
    /// By itself.
    After,
}

/// What the target owes for what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Owed {
    /// It comes back.
    Echo,
    /// It may come back.
    May,
    /// It must not.
    Never,
}

impl From<Owed> for Duty {
    fn from(owed: Owed) -> Self {
        match owed {
            Owed::Echo => Self::Echo,
            Owed::May => Self::May,
            Owed::Never => Self::Never,
        }
    }
}

const CONTENTS: &str = "message, messages, raw, claim, rest, echo";

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SendForm {
    /// The connection; `a` if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on: Option<String>,
    /// One message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<Slot<Payload>>,
    /// How many times the message is sent, back to back: a number, or as many as make up a size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    copies: Option<Slot<Copies>>,
    /// Messages back to back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    messages: Option<Vec<Slot<Payload>>>,
    /// Bytes as they are; they promise nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raw: Option<Slot<Payload>>,
    /// Length framings: a header with a field of the author's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claim: Option<Claim>,
    /// What an earlier `until` held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rest: Option<bool>,
    /// The message of a client under test, as a right server sends it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    echo: Option<bool>,
    /// Bytes that follow the messages, in the same segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    behind: Option<Slot<Payload>>,
    /// How it is cut into segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut: Option<Slot<Cut>>,
    /// The time between segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gap: Option<Slot<Span>>,
    /// Send only up to there, and hold the rest back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Slot<Place>>,
    /// Whether and how the FIN follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fin: Option<Slot<Fin>>,
    /// `false`: go on at once while the bytes are still being written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wait: Option<Slot<bool>>,
    /// What is owed, if it is not what the framing says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duty: Option<Slot<Owed>>,
    /// What stands in the place of the trailer, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trailer: Option<Slot<Hexadecimal>>,
    /// How each frame is spelled otherwise or damaged: one of `echospec list mutations`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mutation: Option<Slot<Rewrite>>,
    /// Messages that `raw` bytes complete; what is owed for them is `duty`, or their echo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    carries: Option<Vec<Slot<Payload>>>,
}

impl TryFrom<SendForm> for Send {
    type Error = String;

    fn try_from(form: SendForm) -> Result<Self, String> {
        if form.rest == Some(false) {
            return Err(wrong("`rest: false` says nothing", "`rest: true`, or no `rest` at all"));
        }
        if form.echo == Some(false) {
            return Err(wrong("`echo: false` says nothing", "`echo: true`, or no `echo` at all"));
        }
        if form.copies.is_some() && form.message.is_none() {
            return Err(wrong("`copies` without `message`", "{message: PAYLOAD, copies: 3}"));
        }
        if form.carries.is_some() && form.raw.is_none() {
            return Err(wrong("`carries` without `raw`", "{raw: {hex: \"610a\"}, carries: [a]}"));
        }
        let message = form.message.map(|message| match form.copies {
            Some(copies) => Content::Copies(message, copies),
            None => Content::Message(message),
        });
        let found = [
            ("message", message),
            ("messages", form.messages.map(Content::Messages)),
            ("raw", form.raw.map(Content::Raw)),
            ("claim", form.claim.map(|claim| Content::Claim(Box::new(claim)))),
            ("rest", form.rest.map(|_| Content::Rest)),
            ("echo", form.echo.map(|_| Content::Echo)),
        ];
        let content =
            only_one(found.into_iter().filter_map(|(name, content)| Some((name, content?))).collect(), CONTENTS)?;
        Ok(Self {
            on: form.on,
            content,
            cut: form.cut.unwrap_or(Slot::Given(Cut::Whole)),
            gap: form.gap,
            until: form.until,
            fin: form.fin,
            wait: form.wait.unwrap_or(Slot::Given(true)),
            duty: form.duty,
            trailer: form.trailer,
            mutation: form.mutation,
            carries: form.carries.unwrap_or_default(),
            behind: form.behind,
        })
    }
}

impl From<Send> for SendForm {
    fn from(send: Send) -> Self {
        let mut form = Self {
            on: send.on,
            cut: Some(send.cut).filter(|cut| *cut != Slot::Given(Cut::Whole)),
            gap: send.gap,
            until: send.until,
            fin: send.fin,
            wait: Some(send.wait).filter(|wait| *wait != Slot::Given(true)),
            duty: send.duty,
            trailer: send.trailer,
            mutation: send.mutation,
            carries: Some(send.carries).filter(|carries| !carries.is_empty()),
            behind: send.behind,
            ..Self::default()
        };
        match send.content {
            Content::Message(payload) => form.message = Some(payload),
            Content::Messages(payloads) => form.messages = Some(payloads),
            Content::Copies(payload, copies) => (form.message, form.copies) = (Some(payload), Some(copies)),
            Content::Raw(payload) => form.raw = Some(payload),
            Content::Claim(claim) => form.claim = Some(*claim),
            Content::Rest => form.rest = Some(true),
            Content::Echo => form.echo = Some(true),
        }
        form
    }
}

impl From<Content> for Send {
    /// On `a`, whole, without FIN.
    fn from(content: Content) -> Self {
        let (cut, wait) = (Slot::Given(Cut::Whole), Slot::Given(true));
        let (on, gap, until, fin, duty, trailer, mutation) = (None, None, None, None, None, None, None);
        Self { on, content, cut, gap, until, fin, wait, duty, trailer, mutation, carries: Vec::new(), behind: None }
    }
}
