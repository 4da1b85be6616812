//! The text form of framings (CATALOGUE A0): `kind:argument,key=value,…`.

mod alias;
mod args;
mod build;
mod check;
mod error;
mod mapping;
mod show;
mod table;
mod value;

pub use alias::{ALIASES, Alias};
pub use error::SyntaxError;
pub use table::{FIELDS, FieldWord, KEYS, KINDS, Key, Word};

use std::str::FromStr;

use super::Framing;

impl FromStr for Framing {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        build::framing(&args::Args::parse(text)?)
    }
}

#[cfg(test)]
mod tests;
