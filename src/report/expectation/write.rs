//! A file of expected failures, made from a run.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::Expectations;
use crate::oracle::Verdict;
use crate::report::escape::visible;
use crate::report::model::{CaseResult, Report};

const HEAD: &str = "\
# Failures that are known. Each entry has a pattern for `requirement` or `case`, may be narrowed by `framing`, and says
# why: `reason`, perhaps a `link`, and `until`, the last day on which it may fail. One that passes is stale (exit code 5).
";

/// The failures of a run that count, as a file. What was expected already keeps its entry.
pub(super) fn write(report: &Report, kept: Option<&Expectations>) -> String {
    let mut text = String::from(HEAD);
    let covered = |case: &CaseResult| kept.is_some_and(|kept| kept.entries.iter().any(|one| one.covers(case)));
    for one in kept.iter().flat_map(|kept| &kept.entries) {
        if report.cases.iter().any(|case| case.verdict == Verdict::Fail && one.covers(case)) {
            entry(&mut text, &one.entry.rows());
        }
    }
    let mut scenarios: BTreeMap<(&str, &str), Vec<&CaseResult>> = BTreeMap::new();
    for case in report.cases.iter().filter(|case| !covered(case)) {
        scenarios.entry((&case.scenario, &case.framing)).or_default().push(case);
    }
    for cases in scenarios.values() {
        scenario(&mut text, report, cases);
    }
    if text == HEAD {
        text.push_str("[]\n");
    }
    text
}

/// One entry for each case that failed, where it is known of each whether it does; otherwise one for the scenario.
fn scenario(text: &mut String, report: &Report, cases: &[&CaseResult]) {
    let failed: Vec<_> =
        cases.iter().filter(|case| case.verdict == Verdict::Fail && report.case_counts(case)).collect();
    let Some(first) = failed.first() else { return };
    let has = |verdict| cases.iter().any(|case| case.verdict == verdict);
    if has(Verdict::NotRun) || !has(Verdict::Pass) {
        return entry(text, &rows(first, &first.scenario));
    }
    for case in failed {
        entry(text, &rows(case, case.plain_id()));
    }
}

fn rows<'a>(case: &'a CaseResult, id: &'a str) -> Vec<(&'static str, String)> {
    let broken = case.breaches.first().map_or("fails", |breach| breach.sentence.as_str());
    let reason = format!("{} (written down from a run, not yet explained)", broken.trim_end_matches('.'));
    vec![("case", literal(id)), ("framing", literal(&case.framing)), ("reason", reason)]
}

/// A pattern that matches nothing but this.
fn literal(id: &str) -> String {
    let escape = |c: char| if matches!(c, '*' | '?' | '{' | '}' | '\\') { format!("\\{c}") } else { c.to_string() };
    id.chars().map(escape).collect()
}

/// A JSON string is a YAML string.
fn entry(text: &mut String, rows: &[(&'static str, String)]) {
    text.push('\n');
    for (index, (key, value)) in rows.iter().enumerate() {
        let lead = if index == 0 { "- " } else { "  " };
        let value = serde_json::to_string(&visible(value)).unwrap_or_default();
        _ = writeln!(text, "{lead}{key}: {value}");
    }
}
