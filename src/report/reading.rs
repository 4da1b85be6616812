//! Questions that every renderer asks of a report.

use std::collections::BTreeMap;

use super::model::{CaseResult, Conformance, Report, RequirementResult};
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

    /// Failed cases that count.
    pub fn failures(&self) -> impl Iterator<Item = &CaseResult> {
        self.cases_with(Verdict::Fail).filter(|case| self.case_counts(case))
    }

    /// Failed cases that do not.
    pub fn warnings(&self) -> impl Iterator<Item = &CaseResult> {
        self.cases_with(Verdict::Fail).filter(|case| !self.case_counts(case))
    }

    /// Of the cases of a requirement, how many failed, or came to whatever the requirement itself came to.
    pub fn share(&self, requirement: &RequirementResult) -> (usize, usize) {
        let verdicts: BTreeMap<&str, Verdict> =
            self.cases.iter().map(|case| (case.id.as_str(), case.verdict)).collect();
        let same = |id: &&String| verdicts.get(id.as_str()) == Some(&requirement.verdict);
        (requirement.cases.iter().filter(same).count(), requirement.cases.len())
    }
}

/// Cases by their reason, in the order in which the reasons first appear.
pub(super) fn by_reason<'a>(cases: impl Iterator<Item = &'a CaseResult>) -> Vec<(&'a str, Vec<&'a CaseResult>)> {
    let mut groups: Vec<(&str, Vec<&CaseResult>)> = Vec::new();
    for case in cases {
        let reason = case.reason.as_deref().unwrap_or("no reason was given");
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, cases)) => cases.push(case),
            None => groups.push((reason, vec![case])),
        }
    }
    groups
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
