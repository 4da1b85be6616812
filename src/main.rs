//! The command.
#![forbid(unsafe_code)]
#![forbid(unstable_features)]
fn main() {}
