//! The step that starts a client under test: the scenario is about clients then, and its other steps are its server's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::payload::Payload;
use super::size::Size;
use super::slot::Slot;
use crate::session;

/// What a client is started for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Launch {
    /// The message that it is told to send; a plain one if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Slot<Payload>>,
    /// Whether this is a message that the framing cannot carry, so that it must not be sent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unsendable: bool,
    /// Where its server is; it listens if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Slot<Server>>,
    /// `SO_RCVBUF` of its server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receive_buffer: Option<Slot<Size>>,
    /// What its exit status must say; success if nothing is said. Success also means that the reply was printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Slot<Ending>>,
    /// Whether it may print whatever it likes, also with success.
    #[serde(default, skip_serializing_if = "is_default")]
    pub any_output: bool,
    /// How long it waits is its own choice: that it has not ended by the end of the scenario proves nothing.
    #[serde(default, skip_serializing_if = "is_default")]
    pub patient: bool,
    /// So many MiB more of resident memory than with a plain message, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// So many MiB more of address space than with a plain message, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<u32>,
    /// So many milliseconds more of processor time than with a plain message, at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Where the server of a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Server {
    /// At the address that the client is given.
    Listening,
    /// Nobody listens there.
    Refusing,
    /// The client is given a name of two addresses, and only the IPv6 one is listened at.
    SecondFamily,
}

/// What an exit status must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The echo was right.
    Success,
    /// Something went wrong.
    Failure,
    /// Either.
    Any,
}

impl From<Server> for session::Host {
    fn from(server: Server) -> Self {
        match server {
            Server::Listening => Self::Listening,
            Server::Refusing => Self::Refusing,
            Server::SecondFamily => Self::SecondFamily,
        }
    }
}

impl From<Ending> for session::Report {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Success => Self::Success,
            Ending::Failure => Self::Failure,
            Ending::Any => Self::Any,
        }
    }
}
