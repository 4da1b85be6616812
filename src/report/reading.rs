//! Questions that every renderer asks of a report.

use std::collections::BTreeMap;

use super::model::{CaseResult, Conformance, Part, Report, RequirementResult};
use crate::oracle::Verdict;

impl Report {
    /// The requirement of this id, if a case judged it.
    pub fn requirement(&self, id: &str) -> Option<&RequirementResult> {
        self.requirements.iter().find(|requirement| requirement.id == id)
    }

    /// Whether failing this requirement is a failure rather than a warning.
    pub fn counts(&self, requirement: &RequirementResult) -> bool {
        requirement.level <= self.level
    }

    /// Whether any requirement that the case judges counts. One that nobody knows does.
    pub fn case_counts(&self, case: &CaseResult) -> bool {
        let counts = |id: &String| self.requirement(id).is_none_or(|requirement| self.counts(requirement));
        case.requirements.is_empty() || case.requirements.iter().any(counts)
    }

    /// Cases with this verdict.
    pub fn cases_with(&self, verdict: Verdict) -> impl Iterator<Item = &CaseResult> {
        self.cases.iter().filter(move |case| case.verdict == verdict)
    }

    /// Requirements with this verdict.
    pub fn requirements_with(&self, verdict: Verdict) -> impl Iterator<Item = &RequirementResult> {
        self.requirements.iter().filter(move |requirement| requirement.verdict == verdict)
    }

    /// Failed cases that count and that nobody expected to fail.
    pub fn failures(&self) -> impl Iterator<Item = &CaseResult> {
        self.cases_with(Verdict::Fail).filter(|case| case.expected.is_none() && self.case_counts(case))
    }

    /// Failed cases that do not count.
    pub fn warnings(&self) -> impl Iterator<Item = &CaseResult> {
        self.cases_with(Verdict::Fail).filter(|case| case.expected.is_none() && !self.case_counts(case))
    }

    /// Failed cases that were expected to fail.
    pub fn expected(&self) -> impl Iterator<Item = &CaseResult> {
        self.cases_with(Verdict::Fail).filter(|case| case.expected.is_some())
    }

    /// The exit code that the run ended with, or that its verdict leads to.
    pub fn exit_code(&self) -> u8 {
        self.volatile.ending.as_ref().map_or(self.verdict.exit_code(), |ending| ending.exit_code)
    }

    /// Whether the run was stopped before all was judged.
    pub fn is_partial(&self) -> bool {
        self.volatile.ending.as_ref().is_some_and(|ending| ending.partial)
    }

    /// The parts of the cases that it is about, as in `1/4, 3/4`; empty if it is about all of them.
    pub fn part(&self) -> String {
        self.parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    /// What the cases of each requirement came to, in one pass over all of them.
    pub fn tallies(&self) -> Tallies<'_> {
        let mut tallies = Tallies::default();
        for case in &self.cases {
            for id in &case.requirements {
                let tally = tallies.0.entry(id).or_default();
                *tally.verdicts.entry(case.verdict).or_default() += 1;
                tally.expected += usize::from(case.verdict == Verdict::Fail && case.expected.is_some());
            }
        }
        tallies
    }
}

/// What the cases of each requirement came to.
#[derive(Clone, Debug, Default)]
pub struct Tallies<'a>(BTreeMap<&'a str, Tally>);

#[derive(Clone, Debug, Default)]
struct Tally {
    verdicts: BTreeMap<Verdict, usize>,
    /// Of those that failed.
    expected: usize,
}

impl Tallies<'_> {
    /// Of the cases of a requirement, how many failed, or came to whatever the requirement itself came to.
    pub fn share(&self, requirement: &RequirementResult) -> (usize, usize) {
        let tally = self.0.get(requirement.id.as_str());
        (tally.map_or(0, |tally| tally.count(requirement.verdict)), requirement.cases.len())
    }

    /// Whether it failed, and every failure of it was expected.
    pub fn is_expected(&self, requirement: &RequirementResult) -> bool {
        let tally = self.0.get(requirement.id.as_str());
        tally.is_some_and(|tally| tally.expected > 0 && tally.expected == tally.count(Verdict::Fail))
    }
}

impl Tally {
    fn count(&self, verdict: Verdict) -> usize {
        self.verdicts.get(&verdict).copied().unwrap_or(0)
    }
}

/// Failed cases by the reason for which they were expected.
pub(super) fn by_expectation(report: &Report) -> Vec<(&str, Vec<&CaseResult>)> {
    grouped(report.expected().map(|case| (case.expected.as_deref().unwrap_or_default(), case)))
}

impl CaseResult {
    /// The id without the framing that follows it where a run has several.
    pub fn plain_id(&self) -> &str {
        self.id.strip_suffix(&format!(" ({})", self.framing)).unwrap_or(&self.id)
    }
}

/// Cases by their reason, in the order in which the reasons first appear.
pub(super) fn by_reason<'a>(cases: impl Iterator<Item = &'a CaseResult>) -> Vec<(&'a str, Vec<&'a CaseResult>)> {
    grouped(cases.map(|case| (case.reason.as_deref().unwrap_or("no reason was given"), case)))
}

fn grouped<'a>(cases: impl Iterator<Item = (&'a str, &'a CaseResult)>) -> Vec<(&'a str, Vec<&'a CaseResult>)> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: Vec<(&str, Vec<&CaseResult>)> = Vec::new();
    for (reason, case) in cases {
        let place = *places.entry(reason).or_insert(groups.len());
        if place == groups.len() {
            groups.push((reason, Vec::new()));
        }
        groups[place].1.push(case);
    }
    groups
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl Conformance {
    /// The exit code that this verdict alone leads to.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Conforms => 0,
            Self::DoesNotConform => 1,
            Self::NotTested => 3,
            Self::Inconclusive => 4,
        }
    }

    /// As a heading says it.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Conforms => "conforms",
            Self::DoesNotConform => "does not conform",
            Self::Inconclusive => "inconclusive",
            Self::NotTested => "not tested",
        }
    }
}
