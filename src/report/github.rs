//! Annotations, as a GitHub workflow reads them from a step's output: `::error title=…::…`.

use std::fmt::Write;

use super::escape::visible;
use super::model::{CaseResult, Report};
use super::sentence::sentence;

/// GitHub shows so many of each kind in a step, and passes over the rest.
const SHOWN: usize = 10;

pub(super) fn render(report: &Report) -> Vec<u8> {
    let mut out = String::new();
    let stale = report.stale.iter().map(|stale| ("no longer as expected".to_owned(), stale.clone()));
    several(&mut out, "error", stale.chain(report.failures().map(|case| failure(report, case))));
    let expected = report.expected().map(|case| {
        let reason = case.expected.as_deref().unwrap_or_default();
        (case.id.clone(), format!("expected to fail: {reason}"))
    });
    several(&mut out, "warning", expected.chain(report.warnings().map(|case| failure(report, case))));
    let title = format!("echospec: {}", report.verdict.phrase());
    annotation(&mut out, "notice", &title, &sentence(report));
    out.into_bytes()
}

fn failure(report: &Report, case: &CaseResult) -> (String, String) {
    let mut lines = Vec::new();
    for id in &case.requirements {
        lines.push(report.requirement(id).map_or_else(|| id.clone(), |one| format!("{id}: {}", one.sentence)));
    }
    for breach in &case.breaches {
        lines.push(breach.sentence.clone());
        lines.extend(breach.expected.iter().map(|expected| format!("expected {expected}")));
        lines.extend(breach.actual.iter().map(|actual| format!("actual   {actual}")));
    }
    lines.extend(report.volatile.logs.get(&case.id).map(|log| log.rerun.clone()));
    (format!("{} in {}", case.plain_id(), case.framing), lines.join("\n"))
}

fn several(out: &mut String, kind: &str, all: impl Iterator<Item = (String, String)>) {
    let mut all = all.peekable();
    for (title, text) in all.by_ref().take(SHOWN - 1) {
        annotation(out, kind, &title, &text);
    }
    match (all.next(), all.count()) {
        (Some((title, text)), 0) => annotation(out, kind, &title, &text),
        (Some(_), more) => annotation(out, kind, "and more", &format!("{} more like these", more + 1)),
        (None, _) => {}
    }
}

/// In a command `%` begins an escape, and in a property `:` and `,` end it.
fn annotation(out: &mut String, kind: &str, title: &str, text: &str) {
    let lines: Vec<_> = text.lines().map(|line| visible(line).replace('%', "%25")).collect();
    let title = visible(title).replace('%', "%25").replace(':', "%3A").replace(',', "%2C");
    _ = writeln!(out, "::{kind} title={title}::{}", lines.join("%0A"));
}
