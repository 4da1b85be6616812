//! YAML files, their errors, their expansion into scripts.
//!
//! A file becomes a [`Scenario`], whose types are those of [`mod@file`]. [`Scenario::expand`] makes its cases for one
//! target: the matrix is expanded, variables are put in, messages are encoded, families of cuts become one case for
//! each cut. What does not apply is a case too, one that is skipped with the reason.

mod choices;
mod compile;
mod covering;
mod error;
mod expand;
pub mod file;
mod fit;
mod load;
mod material;
mod parse;
mod places;
mod print;
mod seed;
mod variables;
mod wire;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::complaint::Complaint;
use crate::framing::Framing;
use crate::profile::{Profile, Side, Tempo};
pub use error::{MAX_TEXT, ScenarioError};
pub use expand::{Case, Plan};
use file::{Applies, Cover, Matrix, Step, Watch};
#[cfg(feature = "cli")]
pub(crate) use load::read;
pub use load::{builtin, load};
pub(crate) use material::pattern;
pub use parse::parse;

/// A scenario has at most so many cases.
pub const MAX_CASES: usize = 5_000;

/// One file: one case, or a family of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// Its name: the path below the scenario folder without extension.
    #[serde(skip)]
    pub id: String,
    /// What is done: a short phrase.
    pub title: String,
    /// The requirements that a failure of a case fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<String>,
    /// The requirement that wrong bytes fail, whatever else the scenario is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong_bytes: Option<String>,
    /// To which targets it applies.
    #[serde(default, skip_serializing_if = "is_default")]
    pub applies: Applies,
    /// What happens to a payload that the framing cannot carry.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unsendable: Unsendable,
    /// Whether it may hurt the target or needs all of it, and so runs by itself.
    #[serde(default, skip_serializing_if = "is_default")]
    pub alone: bool,
    /// Whether it runs only when asked to be thorough.
    #[serde(default, skip_serializing_if = "is_default")]
    pub thorough: bool,
    /// What it may cost the target's process: judged only where that can be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
    /// Values that are put into the steps.
    #[serde(default, skip_serializing_if = "is_default")]
    pub matrix: Matrix,
    /// Which combinations of them become cases.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cover: Cover,
    /// What to do and what must follow.
    pub steps: Vec<Step>,
}

/// What happens to a payload that the framing cannot carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unsendable {
    /// The case is skipped.
    #[default]
    Skip,
    /// The bytes that the framing cannot carry are left out.
    Strip,
}

/// A scenario without steps, and with nothing said but its title.
pub(crate) fn plain(title: &str) -> Scenario {
    Scenario {
        id: String::new(),
        title: title.to_owned(),
        requirements: Vec::new(),
        wrong_bytes: None,
        applies: Applies::default(),
        unsendable: Unsendable::default(),
        alone: false,
        thorough: false,
        watch: None,
        matrix: Matrix::default(),
        cover: Cover::default(),
        steps: Vec::new(),
    }
}

impl Scenario {
    /// Whom it judges: a client if it starts one.
    pub fn side(&self) -> Side {
        let launches = self.steps.iter().any(|step| matches!(step, Step::Launch(_)));
        if launches { Side::Client } else { Side::Server }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The target for which a scenario is expanded.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// How messages are framed.
    pub framing: &'a Framing,
    /// What is known of the target.
    pub profile: &'a Profile,
    /// How long to wait, already at the scale of the run.
    pub tempo: Tempo,
    /// What multiplies the times that stand in the file.
    pub time_scale: f64,
    /// What everything random follows from.
    pub seed: u64,
    /// Whether scenarios with `thorough` run.
    pub thorough: bool,
    /// Whether the report is compared with another one: what is left out must not depend on how busy the machine is.
    pub patient: bool,
}

impl<'a> Context<'a> {
    /// As the times stand in the file, from seed 0, without what only a thorough run plays.
    pub fn new(framing: &'a Framing, profile: &'a Profile, tempo: Tempo) -> Self {
        Self { framing, profile, tempo, time_scale: 1.0, seed: 0, thorough: false, patient: false }
    }
}

/// The JSON Schema of scenario files.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Scenario).to_value();
    schema["$id"] = "urn:echospec:scenario:1".into();
    schema
}

#[cfg(test)]
mod tests;
