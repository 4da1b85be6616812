//! Which cases are run: by id, by level, by shard.

use globset::{GlobBuilder, GlobMatcher};
use thiserror::Error;

use crate::scenario::Scenario;

/// Which cases are run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    only: Vec<GlobMatcher>,
    skip: Vec<GlobMatcher>,
    /// A stable part of the cases.
    pub shard: Option<Shard>,
}

/// The part `index` of `count`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    pub index: usize,
    /// How many parts there are.
    pub count: usize,
}

/// A pattern that cannot be used.
#[derive(Debug, Error)]
pub enum SelectionError {
    /// Not a glob.
    #[error("`{pattern}` is no pattern: {why}")]
    Pattern {
        /// As given.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// Matches no scenario and no requirement.
    #[error(
        "`{0}` matches no requirement and no scenario; `echospec list requirements` and `echospec list scenarios` show them"
    )]
    Unmatched(String),
}

impl Selection {
    /// Patterns match a scenario's id, a requirement's id, or a case's id.
    pub fn new(only: &[String], skip: &[String], scenarios: &[Scenario]) -> Result<Self, SelectionError> {
        let compile = |patterns: &[String]| -> Result<Vec<_>, _> {
            patterns.iter().map(|pattern| matcher(pattern, scenarios)).collect()
        };
        Ok(Self { only: compile(only)?, skip: compile(skip)?, shard: None })
    }

    /// Whether the scenario is wanted at all.
    pub fn takes(&self, scenario: &Scenario) -> bool {
        let hit = |globs: &[GlobMatcher]| globs.iter().any(|glob| matches(glob, scenario));
        (self.only.is_empty() || hit(&self.only)) && !hit(&self.skip)
    }

    /// Whether the case is wanted, of a scenario that is.
    pub fn takes_case(&self, id: &str) -> bool {
        let by_case: Vec<_> = self.only.iter().filter(|glob| glob.glob().glob().contains('[')).collect();
        let wanted = by_case.is_empty() || self.only.iter().any(|glob| glob.is_match(escape(id)));
        wanted && self.shard.is_none_or(|shard| stable_hash(id) % shard.count as u64 == shard.index as u64 - 1)
    }
}

fn matcher(pattern: &str, scenarios: &[Scenario]) -> Result<GlobMatcher, SelectionError> {
    let glob = GlobBuilder::new(&escape(pattern)).case_insensitive(true).literal_separator(false).build();
    let glob = glob.map_err(|error| SelectionError::Pattern { pattern: pattern.into(), why: error.to_string() })?;
    let glob = glob.compile_matcher();
    if scenarios.iter().any(|scenario| matches(&glob, scenario)) {
        return Ok(glob);
    }
    Err(SelectionError::Unmatched(pattern.into()))
}

/// The values of a case stand in brackets, which a glob would read as a set of characters.
fn escape(id: &str) -> String {
    id.replace('[', "\u{27e6}").replace(']', "\u{27e7}")
}

fn matches(glob: &GlobMatcher, scenario: &Scenario) -> bool {
    let pattern = glob.glob().glob();
    let id = scenario.id.as_str();
    let names_a_case = pattern.split('\u{27e6}').next().is_some_and(|stem| stem == id) && pattern.contains('\u{27e6}');
    names_a_case || glob.is_match(id) || scenario.requirements.iter().any(|requirement| glob.is_match(requirement))
}

/// FNV-1a: the same on every machine and in every version.
fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
