//! TAP 14, for test harnesses. A failure that does not count is `TODO`, what was not judged is `SKIP`; a run that
//! judged nothing bails out.

use std::fmt::Write;

use super::escape::visible;
use super::model::{CaseResult, Conformance, Report};
use super::sentence::sentence;
use crate::oracle::Verdict;

pub(super) fn render(report: &Report) -> Vec<u8> {
    let mut out = String::from("TAP version 14\n");
    _ = writeln!(out, "1..{}", report.cases.len() + report.stale.len());
    for (name, value) in [("target", &report.target), ("framing", &report.framing), ("seed", &report.seed)] {
        _ = writeln!(out, "# {name}: {}", visible(value));
    }
    for (index, case) in report.cases.iter().enumerate() {
        point(&mut out, report, index + 1, case);
    }
    for (index, stale) in report.stale.iter().enumerate() {
        _ = writeln!(out, "not ok {} - {}", report.cases.len() + index + 1, escape(stale));
    }
    match report.verdict {
        Conformance::NotTested => _ = writeln!(out, "Bail out! {}", sentence(report)),
        verdict => _ = writeln!(out, "# {}: {}", verdict.phrase(), sentence(report)),
    }
    out.into_bytes()
}

fn point(out: &mut String, report: &Report, number: usize, case: &CaseResult) {
    let bad = matches!(case.verdict, Verdict::Fail | Verdict::Inconclusive);
    let reason = escape(case.reason.as_deref().unwrap_or_default());
    let directive = match case.verdict {
        Verdict::Skipped => format!(" # SKIP {reason}"),
        Verdict::NotRun => format!(" # SKIP not run: {reason}"),
        _ if bad && case.expected.is_some() => {
            format!(" # TODO expected: {}", escape(case.expected.as_deref().unwrap_or_default()))
        }
        _ if bad && !report.case_counts(case) => " # TODO does not count at this level".into(),
        _ => String::new(),
    };
    let ok = if bad { "not ok" } else { "ok" };
    _ = writeln!(out, "{ok} {number} - {}{directive}", escape(&case.id));
    if bad || case.verdict == Verdict::Flaky {
        diagnosis(out, report, case);
    }
}

/// A YAML block; a JSON string is a YAML string. Keys are unique, so it is the first breach that is shown.
fn diagnosis(out: &mut String, report: &Report, case: &CaseResult) {
    let (breach, log) = (case.breaches.first(), report.volatile.logs.get(&case.id));
    let message = breach.map(|breach| &breach.sentence).or(case.reason.as_ref());
    let lines = [
        ("verdict", Some(case.verdict.to_string())),
        ("requirements", Some(case.requirements.join(" "))),
        ("title", Some(case.title.clone())),
        ("rule", breach.map(|breach| breach.rule.clone())),
        ("message", message.cloned()),
        ("expected", breach.and_then(|breach| breach.expected.clone())),
        ("actual", breach.and_then(|breach| breach.actual.clone())),
        ("again", log.map(|log| log.rerun.clone())),
    ];
    out.push_str("  ---\n");
    for (key, value) in lines {
        if let Some(value) = value {
            _ = writeln!(out, "  {key}: {}", quoted(&value));
        }
    }
    out.push_str("  ...\n");
}

fn quoted(value: &str) -> String {
    serde_json::to_string(&visible(value)).unwrap_or_default()
}

/// In a description `#` begins a directive and `\` escapes.
fn escape(text: &str) -> String {
    visible(text).replace('\\', "\\\\").replace('#', "\\#")
}
