//! What the fuzz targets check: one public function for each, over bytes that a fuzzer makes up.
//!
//! Every byte string is a valid input, and what it stands for has an inverse, so that seeds are made from scenarios and
//! crashes become scenarios. The encoding is documented where it is read: [`Cursor`] for its atoms, [`Stream`] for
//! messages and damage, [`Cutting`] for `framing`.
//!
//! The functions panic where a law is broken. They run under cargo-fuzz (`fuzz/`) and, on the corpus and on inputs that
//! proptest makes, under `cargo test`.

#[cfg(any(test, fuzzing))]
mod agreement;
mod cursor;
mod damage;
mod dialect;
mod framing;
mod stream;

pub use cursor::{Code, Cursor};
pub use damage::{Damage, Harm};
pub use framing::{Cutting, framing};
pub use stream::{Message, Stream};
