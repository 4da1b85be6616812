//! The reference server and client, sans-IO: state machines that run over TCP and in the simulator alike.

mod client;
mod server;

pub(crate) use client::replies;
pub use client::{Conversation, conversation};
pub use server::{Connection, Ending, Settings};
