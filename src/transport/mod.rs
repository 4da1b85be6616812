//! Carries bytes and time between a session and a target.
//!
//! A transport decides nothing and judges nothing: it does what the [session](crate::session) asks for and reports what
//! happened. [`Tcp`] and [`Server`] are the only places in the library that read a clock.

mod diag;
mod gate;
mod host;
mod line;
mod proxy;
mod serve;
mod sim;
mod tcp;
mod visit;

pub use diag::listens;
pub use host::{Host, Preview};
pub use line::reach;
pub use proxy::{Proxy, Ways};
pub use serve::Server;
pub use sim::Simulator;
pub use tcp::Tcp;
pub use visit::{NoVisit, visit};

use crate::session::{Script, Trace};

/// A way to a target.
pub trait Transport: Sync {
    /// Plays one script to its end. What goes wrong on the way, on either side, is an event of the trace:
    /// [`Failure::Ours`](crate::session::Failure::Ours) says that the fault is not the target's, and
    /// [`Event::Apart`](crate::session::Event::Apart) how well segments could be kept apart.
    ///
    /// Lasts no longer than the script's bound (and what the machine adds to it).
    fn run(&self, script: Script) -> impl Future<Output = Trace> + Send;
}
