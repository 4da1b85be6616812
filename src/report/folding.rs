//! Cases become requirements, and requirements the verdict on the whole.

use std::collections::BTreeMap;

use super::model::{CaseResult, Conformance, Report, RequirementResult, Summary};
use crate::oracle::{Level, Verdict, requirement};

/// The requirements that the cases judge, by id.
pub fn requirements(cases: &[CaseResult]) -> Vec<RequirementResult> {
    let mut by_id: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
    for case in cases {
        for id in &case.requirements {
            by_id.entry(id).or_default().push(case);
        }
    }
    let result = |(id, cases): (&str, Vec<&CaseResult>)| RequirementResult {
        id: id.into(),
        level: requirement(id).map_or(Level::Must, |requirement| requirement.level),
        verdict: folded(cases.iter().map(|case| case.verdict)),
        sentence: requirement(id).map_or_else(String::new, |requirement| requirement.sentence.into()),
        cases: cases.iter().map(|case| case.id.clone()).collect(),
    };
    by_id.into_iter().map(result).collect()
}

/// A requirement's verdict folds its cases; one without a conclusive case has not passed.
fn folded(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let all: Vec<_> = verdicts.collect();
    let has = |verdict| all.contains(&verdict);
    match () {
        () if has(Verdict::Fail) => Verdict::Fail,
        () if has(Verdict::Inconclusive) => Verdict::Inconclusive,
        () if has(Verdict::NotRun) => {
            if has(Verdict::Pass) {
                Verdict::Inconclusive
            } else {
                Verdict::NotRun
            }
        }
        () if has(Verdict::Flaky) => Verdict::Flaky,
        () if has(Verdict::Pass) => Verdict::Pass,
        () => Verdict::Skipped,
    }
}

/// The verdict on the whole, from `level` up. A case that is about no requirement binds like a MUST: whoever wrote it wants
/// to know.
pub fn conformance(requirements: &[RequirementResult], cases: &[CaseResult], level: Level) -> Conformance {
    let counted = requirements.iter().filter(|requirement| requirement.level <= level).map(|one| one.verdict);
    let free = cases.iter().filter(|case| case.requirements.is_empty()).map(|case| case.verdict);
    let counted: Vec<_> = counted.chain(free).collect();
    let any = |verdicts: &[Verdict]| counted.iter().any(|verdict| verdicts.contains(verdict));
    // What does not count has been judged nevertheless: whoever asks for a SHOULD alone is told what came of it.
    let judged = |verdict: Verdict| matches!(verdict, Verdict::Pass | Verdict::Flaky | Verdict::Fail);
    let mut all = requirements.iter().map(|one| one.verdict).chain(cases.iter().map(|case| case.verdict));
    match () {
        () if any(&[Verdict::Fail]) => Conformance::DoesNotConform,
        () if !all.any(judged) => Conformance::NotTested,
        () if any(&[Verdict::Inconclusive, Verdict::NotRun]) => Conformance::Inconclusive,
        () => Conformance::Conforms,
    }
}

/// Counts what came to what.
pub fn summary(requirements: &[RequirementResult], cases: &[CaseResult], level: Level) -> Summary {
    let mut summary = Summary::default();
    for case in cases {
        *summary.cases.entry(case.verdict).or_default() += 1;
    }
    for requirement in requirements {
        *summary.requirements.entry(requirement.verdict).or_default() += 1;
        summary.warnings += usize::from(requirement.verdict == Verdict::Fail && requirement.level > level);
    }
    summary
}

impl Report {
    /// The verdict if every failure that was expected had passed: what decides how a run ends.
    pub fn verdict_but_for_expected(&self) -> Conformance {
        if !self.cases.iter().any(|case| case.expected.is_some()) {
            return self.verdict;
        }
        let excused = |case: &CaseResult| match case.expected {
            Some(_) => CaseResult { verdict: Verdict::Pass, ..case.clone() },
            None => case.clone(),
        };
        let cases: Vec<_> = self.cases.iter().map(excused).collect();
        let mut requirements = requirements(&cases);
        for one in &mut requirements {
            one.level = self.requirement(&one.id).map_or(one.level, |known| known.level);
        }
        conformance(&requirements, &cases, self.level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(requirements: &[(Level, Verdict)]) -> Conformance {
        let result = |(level, verdict): &(Level, Verdict)| RequirementResult {
            id: "SEG-13".into(),
            level: *level,
            verdict: *verdict,
            sentence: String::new(),
            cases: Vec::new(),
        };
        conformance(&requirements.iter().map(result).collect::<Vec<_>>(), &[], Level::Must)
    }

    #[test]
    fn a_case_that_is_about_no_requirement_counts_all_the_same() {
        let case = |verdict| CaseResult {
            requirements: Vec::new(),
            verdict,
            ..crate::report::specimen::specimen().cases[0].clone()
        };
        let verdict = |verdict| conformance(&[], &[case(verdict)], Level::Must);
        assert_eq!(verdict(Verdict::Fail), Conformance::DoesNotConform);
        assert_eq!(verdict(Verdict::Inconclusive), Conformance::NotTested);
        assert_eq!(verdict(Verdict::Pass), Conformance::Conforms);
    }

    #[test]
    fn whoever_asks_for_a_should_alone_is_told_what_came_of_it() {
        assert_eq!(verdict(&[(Level::Should, Verdict::Pass)]), Conformance::Conforms);
        assert_eq!(verdict(&[(Level::Should, Verdict::Fail)]), Conformance::Conforms);
    }

    #[test]
    fn a_run_that_judged_nothing_is_no_pass() {
        assert_eq!(verdict(&[]), Conformance::NotTested);
        assert_eq!(verdict(&[(Level::Must, Verdict::Skipped)]), Conformance::NotTested);
        assert_eq!(
            verdict(&[(Level::Must, Verdict::NotRun), (Level::Should, Verdict::Inconclusive)]),
            Conformance::NotTested
        );
    }

    #[test]
    fn what_stayed_open_at_its_level_leaves_the_whole_open() {
        let should = |verdict| (Level::Should, verdict);
        assert_eq!(verdict(&[(Level::Must, Verdict::NotRun), should(Verdict::Fail)]), Conformance::Inconclusive);
        assert_eq!(verdict(&[(Level::Must, Verdict::Pass), should(Verdict::Inconclusive)]), Conformance::Conforms);
    }
}
