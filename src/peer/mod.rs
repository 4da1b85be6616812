//! The reference server and client, sans-IO: state machines that run over TCP and in the simulator alike.

mod client;
pub mod fault;
mod server;
mod service;

pub(crate) use client::replies;
pub use client::{Conversation, conversation};
pub use fault::Fault;
pub use server::{Connection, Ending, Settings};
pub use service::Service;
