//! Which cases are run: by id, by level, by shard.

use globset::{GlobBuilder, GlobMatcher};
use thiserror::Error;

use crate::scenario::{Case, Scenario};

/// Which cases are run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    only: Vec<GlobMatcher>,
    skip: Vec<GlobMatcher>,
    /// A stable part of the scenarios.
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
    /// What is to be played is to be left out as well.
    #[error("`--skip` leaves nothing of what `--only` takes")]
    Nothing,
}

impl Selection {
    /// Patterns match a scenario's id, a requirement's id, or a case's id.
    pub fn new(only: &[String], skip: &[String], scenarios: &[Scenario]) -> Result<Self, SelectionError> {
        let compile = |patterns: &[String]| -> Result<Vec<_>, _> {
            patterns.iter().map(|pattern| matcher(pattern, scenarios)).collect()
        };
        let selection = Self { only: compile(only)?, skip: compile(skip)?, shard: None };
        let takes_any = scenarios.is_empty() || scenarios.iter().any(|scenario| selection.takes(scenario));
        takes_any.then_some(selection).ok_or(SelectionError::Nothing)
    }

    /// Whether any case of the scenario may be wanted.
    pub fn takes(&self, scenario: &Scenario) -> bool {
        let skips = |glob: &GlobMatcher| !names_a_case(glob) && matches(glob, &scenario.id, &scenario.requirements);
        (self.only.is_empty() || self.only.iter().any(|glob| matches(glob, &scenario.id, &scenario.requirements)))
            && !self.skip.iter().any(skips)
    }

    /// Whether the case is wanted, of a scenario that may be.
    pub fn takes_case(&self, case: &Case) -> bool {
        let hit = |glob: &GlobMatcher| {
            if names_a_case(glob) {
                glob.is_match(escape(&case.id))
            } else {
                matches(glob, &case.scenario, &case.requirements)
            }
        };
        // The variants of a scenario stay together: the first of them that fail decide which are not run.
        let in_shard = |shard: Shard| stable_hash(&case.scenario) % shard.count as u64 == shard.index as u64 - 1;
        (self.only.is_empty() || self.only.iter().any(hit))
            && !self.skip.iter().any(hit)
            && self.shard.is_none_or(in_shard)
    }
}

fn matcher(pattern: &str, scenarios: &[Scenario]) -> Result<GlobMatcher, SelectionError> {
    let glob = GlobBuilder::new(&escape(pattern)).case_insensitive(true).literal_separator(false).build();
    let glob = glob.map_err(|error| SelectionError::Pattern { pattern: pattern.into(), why: error.to_string() })?;
    let glob = glob.compile_matcher();
    if scenarios.iter().any(|scenario| matches(&glob, &scenario.id, &scenario.requirements)) {
        return Ok(glob);
    }
    Err(SelectionError::Unmatched(pattern.into()))
}

/// The values of a case stand in brackets, which a glob would read as a set of characters.
fn escape(id: &str) -> String {
    id.replace('[', "\u{27e6}").replace(']', "\u{27e7}")
}

/// Whether a pattern is about one case or some, not all, of a scenario.
fn names_a_case(glob: &GlobMatcher) -> bool {
    glob.glob().glob().contains('\u{27e6}')
}

/// Whether a pattern is about a scenario, or some of its cases.
fn matches(glob: &GlobMatcher, scenario: &str, requirements: &[String]) -> bool {
    let stem = glob.glob().glob().split('\u{27e6}').next();
    let of_it = names_a_case(glob) && stem == Some(scenario);
    of_it || glob.is_match(scenario) || requirements.iter().any(|requirement| glob.is_match(requirement))
}

/// FNV-1a: the same on every machine and in every version.
fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Plan;

    fn case(id: &str) -> Case {
        let plan = Plan::Skip(String::new());
        let (scenario, requirements) = (id.split('[').next().unwrap().to_owned(), vec!["BYT-07".to_owned()]);
        Case {
            id: id.into(),
            scenario,
            requirements,
            wrong_bytes: None,
            title: String::new(),
            alone: false,
            expects_alive: false,
            stimulus: Vec::new(),
            plan,
            watch: None,
        }
    }

    fn takes(only: &[&str], skip: &[&str], id: &str) -> bool {
        let scenarios = crate::scenario::builtin().unwrap();
        let owned = |patterns: &[&str]| patterns.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let selection = Selection::new(&owned(only), &owned(skip), &scenarios).unwrap();
        let scenario = scenarios.iter().find(|one| one.id == "bytes/blanks-kept").unwrap();
        selection.takes(scenario) && selection.takes_case(&case(id))
    }

    #[test]
    fn a_pattern_with_values_is_about_those_cases_only() {
        let [one, other] = ["bytes/blanks-kept[text=#1]", "bytes/blanks-kept[text=#2]"];
        assert!(takes(&[one], &[], one) && !takes(&[one], &[], other));
        assert!(takes(&["BYT-07"], &[one], other) && !takes(&["BYT-07"], &[one], one));
        assert!(takes(&[one, "BYT-07"], &[], other));
        assert!(takes(&["bytes/blanks-kept[text=*"], &[], other));
        assert!(!takes(&[], &["bytes/*"], one));
    }
}
