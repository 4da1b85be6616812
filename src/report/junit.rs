//! `JUnit` XML, for CI servers: a suite a framing, a test a case.

use std::collections::BTreeSet;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report as Junit, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::escape::visible;
use super::model::{CaseResult, Conformance, Report};
use super::sentence::sentence;
use crate::oracle::Verdict;

pub(super) fn render(report: &Report) -> Vec<u8> {
    let mut junit = Junit::new("echospec");
    if let Ok(time) = Duration::try_from_secs_f64(report.volatile.seconds) {
        junit.set_time(time);
    }
    for framing in framings(report) {
        junit.add_test_suite(suite(report, framing));
    }
    if !report.stale.is_empty() {
        junit.add_test_suite(stale(report));
    }
    if report.verdict == Conformance::NotTested {
        junit.add_test_suite(not_tested(report));
    }
    let xml = junit.to_string().unwrap_or_else(|error| error.to_string());
    // The schema that most readers go by (Jenkins's junit-10.xsd) counts what was skipped in a suite, not in all.
    xml.replacen(&format!(" skipped=\"{}\"", junit.skipped), "", 1).into_bytes()
}

/// In their order, each once; also one that only a case knows.
fn framings(report: &Report) -> Vec<&str> {
    let mut framings: Vec<&str> = Vec::new();
    for framing in report.framings.iter().chain(report.cases.iter().map(|case| &case.framing)) {
        if !framings.contains(&framing.as_str()) {
            framings.push(framing);
        }
    }
    framings
}

fn suite(report: &Report, framing: &str) -> TestSuite {
    let mut suite = TestSuite::new(visible(framing));
    let properties = [("target", &report.target), ("address", &report.volatile.address), ("seed", &report.seed)];
    suite.add_properties(properties.map(|(name, value)| Property::new(name, visible(value))));
    suite.add_properties(requirements(report, framing));
    suite.add_test_cases(report.cases.iter().filter(|case| case.framing == framing).map(|case| test(report, case)));
    suite
}

/// Level and sentence of every requirement that a case of the suite judges: the schema has no properties of a case.
fn requirements(report: &Report, framing: &str) -> Vec<Property> {
    let cases = report.cases.iter().filter(|case| case.framing == framing);
    let ids: BTreeSet<&str> = cases.flat_map(|case| &case.requirements).map(String::as_str).collect();
    let known = ids.iter().filter_map(|id| report.requirement(id));
    known.map(|one| Property::new(visible(&one.id), format!("{}: {}", one.level, visible(&one.sentence)))).collect()
}

/// A run that judged nothing must not read as a pass.
fn not_tested(report: &Report) -> TestSuite {
    let mut suite = TestSuite::new("echospec");
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("not-tested").set_message(sentence(report));
    suite.add_test_case(TestCase::new("the target was tested", status));
    suite
}

/// What was expected to fail and did not is red, too.
fn stale(report: &Report) -> TestSuite {
    let mut suite = TestSuite::new("expected failures");
    for sentence in &report.stale {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("stale").set_message(visible(sentence));
        suite.add_test_case(TestCase::new(visible(sentence), status));
    }
    suite
}

fn test(report: &Report, case: &CaseResult) -> TestCase {
    let mut test = TestCase::new(visible(&case.id), status(report, case));
    test.set_classname(visible(&case.scenario));
    if !case.requirements.is_empty() {
        test.extra.insert("group".into(), visible(&case.requirements.join(" ")).as_ref().into());
    }
    if case.verdict == Verdict::Fail && case.expected.is_some() {
        test.set_system_out(description(report, case));
    } else if case.verdict == Verdict::Fail && !report.case_counts(case) {
        test.set_system_out(format!("warning, does not count: {}", description(report, case)));
    }
    test
}

fn status(report: &Report, case: &CaseResult) -> TestCaseStatus {
    let reason = visible(case.reason.as_deref().unwrap_or_default());
    let counts = report.case_counts(case);
    match case.verdict {
        Verdict::Fail | Verdict::NotRun if case.expected.is_some() => {
            let mut status = TestCaseStatus::skipped();
            let reason = case.expected.as_deref().unwrap_or_default();
            status.set_type("expected-failure").set_message(format!("expected to fail: {}", visible(reason)));
            status
        }
        Verdict::Fail if counts => failure(report, case),
        Verdict::Pass | Verdict::Fail => TestCaseStatus::success(),
        Verdict::Flaky => {
            let mut rerun = TestRerun::new(NonSuccessKind::Failure);
            rerun.set_type("flaky").set_message(reason);
            let mut status = TestCaseStatus::success();
            status.add_rerun(rerun);
            status
        }
        Verdict::Inconclusive if counts => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type("inconclusive").set_message(reason);
            status
        }
        Verdict::Inconclusive | Verdict::Skipped | Verdict::NotRun => {
            let mut status = TestCaseStatus::skipped();
            status.set_type(case.verdict.to_string()).set_message(reason);
            status
        }
    }
}

fn failure(report: &Report, case: &CaseResult) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    if let Some(breach) = case.breaches.first() {
        status.set_type(visible(&breach.rule)).set_message(visible(&breach.sentence));
    }
    status.set_description(description(report, case));
    status
}

/// Everything about a failed case, as lines.
fn description(report: &Report, case: &CaseResult) -> String {
    let mut lines = vec![case.title.clone()];
    for id in &case.requirements {
        let known = report.requirement(id).map(|one| format!("{id} ({}): {}", one.level, one.sentence));
        lines.push(known.unwrap_or_else(|| id.clone()));
    }
    lines.extend(case.stimulus.iter().map(|step| format!("- {step}")));
    for breach in &case.breaches {
        lines.push(format!("{}: {}", breach.rule, breach.sentence));
        lines.extend(breach.expected.iter().map(|expected| format!("expected {expected}")));
        lines.extend(breach.actual.iter().map(|actual| format!("actual   {actual}")));
    }
    if let Some(log) = report.volatile.logs.get(&case.id) {
        lines.push(format!("again: {}", log.rerun));
    }
    lines.iter().map(|line| visible(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::specimen::specimen;

    /// The reader is nextest's.
    #[test]
    fn a_reader_of_junit_finds_every_case_with_its_verdict() {
        let report = specimen();
        let xml = String::from_utf8(render(&report)).expect("UTF-8");
        let read = Junit::deserialize_from_str(&xml).expect("JUnit");
        let tests: Vec<_> = read.test_suites.iter().flat_map(|suite| &suite.test_cases).collect();
        let stale = report.stale.len();
        assert_eq!(tests.len(), report.cases.len() + stale);
        let verdict_of = |test: &TestCase| match &test.status {
            TestCaseStatus::Success { flaky_runs, .. } if !flaky_runs.is_empty() => "flaky",
            TestCaseStatus::Success { .. } => "pass",
            TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, .. } => "failure",
            TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, .. } => "error",
            TestCaseStatus::Skipped { .. } => "skipped",
        };
        for case in &report.cases {
            let is_it = |test: &&&TestCase| test.name.as_str() == visible(&case.id);
            let test = tests.iter().find(is_it).unwrap_or_else(|| panic!("no {}", case.id));
            let counts = report.case_counts(case);
            let right = match case.verdict {
                Verdict::Flaky => "flaky",
                Verdict::Fail if case.expected.is_some() => "skipped",
                Verdict::Fail if counts => "failure",
                Verdict::Pass | Verdict::Fail => "pass",
                Verdict::Inconclusive if counts => "error",
                Verdict::Inconclusive | Verdict::Skipped | Verdict::NotRun => "skipped",
            };
            assert_eq!(verdict_of(test), right, "{}", case.id);
        }
        let (failures, errors): (usize, usize) = (read.failures, read.errors);
        let count = |kind: &str| tests.iter().filter(|test| verdict_of(test) == kind).count();
        assert_eq!((failures, errors), (count("failure"), count("error")));
    }

    #[test]
    fn what_the_common_schema_does_not_know_is_not_written() {
        let xml = String::from_utf8(render(&specimen())).expect("UTF-8");
        let head = xml.lines().find(|line| line.starts_with("<testsuites")).expect("the root");
        assert!(!head.contains("skipped="), "{head}");
        let mut inside = false;
        for line in xml.lines().map(str::trim) {
            inside = (inside || line.starts_with("<testcase")) && !line.starts_with("</testcase");
            assert!(!(inside && line.starts_with("<properties")), "a case has no properties");
        }
    }
}
