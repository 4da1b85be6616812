//! What happens to bytes between a client and a server: toxics, one after another, in one direction of a connection.
//!
//! No socket and no clock: a [`Flow`] is told what came and what time it is, and says what goes on, and when to ask
//! again. `transport/proxy.rs` carries it over sockets. A toxic is one row of [`TOXICS`] and a function or a small type
//! that takes a parcel and queues what becomes of it.

mod flow;
mod queue;
mod toxics;

pub use flow::Flow;
pub use queue::Parcel;
pub use toxics::{TOXICS, Toxic, ToxicError, ToxicKind};
