//! What a run found: one model, many renderings. Everything outside [`Volatile`] is the same from run to run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::oracle::{Breach, Level, Verdict, WireEvent};

/// The version of this model; a reader refuses what it does not know.
pub const SCHEMA: &str = "echospec-report/2";

/// Versions that are read: what one of them lacks is empty.
pub const READABLE: &[&str] = &["echospec-report/1", SCHEMA];

/// A whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of echospec that wrote it.
    pub version: String,
    /// What was judged, in words; its address is volatile.
    pub target: String,
    /// The framings, joined by a blank.
    pub framing: String,
    /// The same, one by one.
    pub framings: Vec<String>,
    /// Which levels count as failures.
    pub level: Level,
    /// What everything random followed from.
    pub seed: String,
    /// Which parts of the cases were asked for; empty: all of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parts: Vec<Part>,
    /// The verdict on the whole.
    pub verdict: Conformance,
    /// How many cases and requirements came to what.
    pub summary: Summary,
    /// By id.
    pub requirements: Vec<RequirementResult>,
    /// By framing, then id.
    pub cases: Vec<CaseResult>,
    /// What was measured where right implementations differ.
    pub findings: Vec<Finding>,
    /// Expected failures that are out of date, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub stale: Vec<String>,
    /// What differs from run to run.
    pub volatile: Volatile,
}

/// One of several parts of the cases, as in `--shard 2/4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// From 1.
    pub number: usize,
    /// How many parts there are.
    pub of: usize,
}

/// The verdict on a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Conformance {
    /// Nothing that counts failed, and something was judged.
    Conforms,
    /// Something that counts failed.
    DoesNotConform,
    /// Nothing failed, but something that must be known is not.
    Inconclusive,
    /// Nothing was judged.
    NotTested,
}

/// Counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Cases by verdict.
    pub cases: BTreeMap<Verdict, usize>,
    /// Requirements by verdict.
    pub requirements: BTreeMap<Verdict, usize>,
    /// Requirements that failed below the level that counts.
    pub warnings: usize,
}

/// One requirement over all its cases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequirementResult {
    /// `SEG-02`.
    pub id: String,
    /// How binding.
    pub level: Level,
    /// Folded from its cases.
    pub verdict: Verdict,
    /// The requirement itself.
    pub sentence: String,
    /// Ids of its cases.
    pub cases: Vec<String>,
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
    /// Unique in the report: scenario, values of its matrix, and the framing where there are several.
    pub id: String,
    /// The scenario's id.
    pub scenario: String,
    /// The framing it was played in.
    pub framing: String,
    /// What the scenario does, in a sentence.
    pub title: String,
    /// Requirements that it judges.
    pub requirements: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, for everything but a pass or a failure.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// What was done, a line a step; only for what did not pass.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub stimulus: Vec<String>,
    /// What was broken.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub breaches: Vec<Breach>,
    /// Why this failure is known and does not count, as the file of expected failures says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected: Option<String>,
}

/// Something measured where right implementations differ, or worth knowing without being a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The framing it was found under.
    pub framing: String,
    /// Which question: `partial`, `after`, `conns`, `empty`, `over`, `eof`, `max`.
    pub key: String,
    /// The answer in a word: `no`, `keep`, `8KiB`.
    pub value: String,
    /// Whether the framing string declared it, or it was measured.
    pub declared: bool,
    /// A sentence for people.
    pub sentence: String,
}

/// What differs from run to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Volatile {
    /// The target's address.
    pub address: String,
    /// The command that was judged, where echospec started it.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub command: String,
    /// When the run began, RFC 3339.
    pub started: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The calibrated round trip, by framing, in milliseconds.
    pub round_trip_ms: BTreeMap<String, f64>,
    /// Of every case that did not pass: its wire log, what was measured, and how to run it again.
    pub logs: BTreeMap<String, CaseLog>,
    /// How long the cases of each scenario took together, in seconds. Cases that ran side by side count in full.
    #[serde(default)]
    pub seconds_by_scenario: BTreeMap<String, f64>,
    /// How the run ended, where something besides the verdict decided it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ending: Option<Ending>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ending {
    /// The exit code.
    pub exit_code: u8,
    /// What decided it: `as accepted in echospec.snap`.
    pub because: String,
    /// It was stopped before all was judged.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub partial: bool,
}

/// The wire log of one case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseLog {
    /// A line an event.
    pub wire: Vec<String>,
    /// The same events with their bytes, for drawing; empty in reports of schema 1.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub events: Vec<WireEvent>,
    /// What varies in the breaches: counts of bytes, times.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub details: Vec<String>,
    /// A command that runs just this case again.
    pub rerun: String,
}
