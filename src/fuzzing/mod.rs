//! What the fuzz targets check: one public function for each, over bytes that a fuzzer makes up.
//!
//! Every byte string is a valid input, and what it stands for has an inverse, so that seeds are made from scenarios and
//! crashes become scenarios. The encoding is documented where it is read: [`Cursor`] for its atoms, [`Stream`] for
//! messages and damage, [`Cutting`] for `framing`, [`Plan`] for `session` and `live`, [`Story`]
//! for `trace`.
//!
//! The functions panic where a law is broken. They run under cargo-fuzz (`fuzz/`) and, on the corpus and on inputs that
//! proptest makes, under `cargo test`.

mod account;
#[cfg(any(test, fuzzing))]
mod agreement;
mod cursor;
mod damage;
mod dialect;
mod framing;
mod live;
mod plan;
mod report;
mod scenario;
mod seeds;
mod session;
mod shrinking;
mod staging;
mod stream;
mod telling;
mod trace;

pub use account::Trust;
pub use cursor::{Code, Cursor};
pub use damage::{Damage, Harm};
pub use framing::{Cutting, framing};
pub use live::{Live, LiveError, live};
pub use plan::{Act, Move, Plan};
pub use report::report;
pub use scenario::scenario;
pub use seeds::{Seed, seeds};
pub use session::{betrayed, session};
pub use shrinking::{Shrinking, candidates, shrunk};
pub(crate) use staging::pause;
pub use staging::{Nature, nature, script, segments};
pub use stream::{Message, Sent, Stream};
pub(crate) use telling::told_payload;
pub use telling::{Artifact, commented, scenario_of};
pub use trace::{Happening, Story, trace};
