//! The types of a scenario file, as they are written. [`Scenario`](super::Scenario) is the whole of it.
//!
//! Steps are an externally tagged enum and every other choice is a text or a mapping that is read by hand: so an
//! error carries the exact line and column, which untagged, flattened and internally tagged types lose.

mod applies;
mod claim;
mod copies;
mod cut;
mod expect;
mod launch;
mod matrix;
mod payload;
mod place;
mod rewrite;
mod send;
mod shape;
mod size;
mod slot;
mod span;
mod step;
mod watch;

pub use applies::{Applies, Need};
pub use claim::{Base, Claim, Claimed, Field};
pub use copies::Copies;
pub use cut::Cut;
pub use expect::{Expect, What};
pub use launch::{Ending, Launch, Server};
pub use matrix::{Cover, Matrix};
pub use payload::{Base64, Hexadecimal, Payload};
pub use place::{BOUNDARIES, Place};
pub use rewrite::Rewrite;
pub use send::{Content, Fin, Owed, Send};
pub use size::{LARGEST, Size};
pub use slot::Slot;
pub(super) use slot::{is_name, names_in};
pub use span::Span;
pub use step::{Connect, Drip, Read, Reading, Repeat, Step};
pub use watch::Watch;
