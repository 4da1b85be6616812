//! A mutation by its name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shape::wrong;
use crate::mutation::{MUTATIONS, Mutation};

/// One of the mutations that there are.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Rewrite(pub &'static Mutation);

impl PartialEq for Rewrite {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Rewrite {}

impl TryFrom<String> for Rewrite {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Mutation::find(&name).map(Self).ok_or_else(|| {
            let names: Vec<_> = MUTATIONS.iter().map(|mutation| mutation.name).collect();
            wrong(format!("`{name}` is no mutation"), names.join(", "))
        })
    }
}

impl From<Rewrite> for String {
    fn from(rewrite: Rewrite) -> Self {
        rewrite.0.name.to_owned()
    }
}
