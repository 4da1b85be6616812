//! The reference server and client, sans-IO: state machines that run over TCP and in the simulator alike.

pub mod client;
mod endpoint;
pub mod fault;
mod held;
mod server;
mod service;
mod settings;

pub(crate) use client::replies;
pub use client::{Client, ClientFault, Farewell, Task};
pub use endpoint::{Ending, Endpoint};
pub use fault::Fault;
pub use server::Connection;
pub use service::Service;
pub use settings::Settings;
