//! Steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::expect::Expect;
use super::launch::Launch;
use super::send::Send;
use super::shape::{TextOr, wrong};
use super::size::Size;
use super::slot::Slot;
use super::span::Span;

/// One step of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Starts a client under test; the other steps are its server's.
    Launch(Box<Launch>),
    /// Opens a connection; without it a connection is opened at its first use.
    Connect(Connect),
    /// Sends messages or bytes.
    Send(Box<Send>),
    /// Lets time pass; a range is drawn from the seed.
    Pause(Slot<Span>),
    /// Says how fast a connection is read.
    Read(Read),
    /// Sends FIN; the other direction stays open.
    HalfClose(String),
    /// Closes both directions.
    Close(String),
    /// Closes with RST.
    Reset(String),
    /// Sends a byte of urgent data; what comes back on the connection is not compared from then on.
    Urgent(String),
    /// Waits for something.
    Expect(Expect),
    /// Does steps several times; connections that are opened inside are fresh in every round.
    Repeat(Repeat),
}

/// A connection, or a group of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "TextOr<ConnectForm>", into = "TextOr<ConnectForm>")]
pub struct Connect {
    /// Its name.
    pub on: String,
    /// `SO_RCVBUF`, set before connecting.
    pub receive_buffer: Option<Slot<Size>>,
    /// How many; steps on the group act on each of them.
    pub count: Option<Slot<u32>>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ConnectForm {
    /// Its name; `a` if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on: Option<String>,
    /// `SO_RCVBUF`, set before connecting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receive_buffer: Option<Slot<Size>>,
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<Slot<u32>>,
}

impl TryFrom<TextOr<ConnectForm>> for Connect {
    type Error = String;

    fn try_from(shape: TextOr<ConnectForm>) -> Result<Self, String> {
        let form = match shape {
            TextOr::Form(form) => form,
            TextOr::Text(name) => ConnectForm { on: Some(name), ..ConnectForm::default() },
        };
        let on = form.on.unwrap_or_else(|| "a".to_owned());
        Ok(Self { on, receive_buffer: form.receive_buffer, count: form.count })
    }
}

impl From<Connect> for TextOr<ConnectForm> {
    fn from(connect: Connect) -> Self {
        match connect {
            Connect { on, receive_buffer: None, count: None } => Self::Text(on),
            Connect { on, receive_buffer, count } => Self::Form(ConnectForm { on: Some(on), receive_buffer, count }),
        }
    }
}

/// How fast a connection is read from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// The connection; `a` if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// How fast.
    pub pace: Slot<Reading>,
}

/// A way of reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "TextOr<Drip>", into = "TextOr<Drip>")]
pub enum Reading {
    /// Whatever comes, at once.
    Eager,
    /// Not at all.
    Stopped,
    /// Little by little.
    Drip(Drip),
}

/// So many bytes, so often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drip {
    /// Bytes a read.
    pub bytes: Slot<u32>,
    /// Time between reads.
    pub every: Slot<Span>,
}

impl TryFrom<TextOr<Drip>> for Reading {
    type Error = String;

    fn try_from(shape: TextOr<Drip>) -> Result<Self, String> {
        match shape {
            TextOr::Form(drip) => Ok(Self::Drip(drip)),
            TextOr::Text(text) if text == "eager" => Ok(Self::Eager),
            TextOr::Text(text) if text == "stopped" => Ok(Self::Stopped),
            TextOr::Text(text) => {
                Err(wrong(format!("`{text}` is no pace"), "eager, stopped, or {bytes: 1, every: 1ms}"))
            }
        }
    }
}

impl From<Reading> for TextOr<Drip> {
    fn from(reading: Reading) -> Self {
        match reading {
            Reading::Eager => Self::Text("eager".to_owned()),
            Reading::Stopped => Self::Text("stopped".to_owned()),
            Reading::Drip(drip) => Self::Form(drip),
        }
    }
}

/// Steps that are done several times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How many times.
    pub times: Slot<u32>,
    /// What.
    pub steps: Vec<Step>,
}
