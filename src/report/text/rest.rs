//! What is no failure, but worth knowing.

use std::fmt::Write;

use super::failure::SHOWN;
use super::{Page, heading, paragraph};
use crate::oracle::Verdict;
use crate::report::escape::visible;
use crate::report::model::{CaseResult, Finding};
use crate::report::reading::{by_expectation, by_reason};

/// More cases than this are counted, not named.
const NAMED: usize = 6;

/// What was measured or declared where right implementations differ; what several framings share, once.
pub(super) fn findings(out: &mut String, page: &Page<'_>) {
    if page.report.findings.is_empty() {
        return;
    }
    heading(out, page, "Findings");
    let mut shared: Vec<(&Finding, Vec<&str>)> = Vec::new();
    for finding in &page.report.findings {
        match shared.iter_mut().find(|(known, _)| says_the_same(known, finding)) {
            Some((_, framings)) => framings.push(&finding.framing),
            None => shared.push((finding, vec![&finding.framing])),
        }
    }
    for (finding, framings) in shared {
        let known = if finding.declared { "; declared" } else { "" };
        let all = framings.len() == page.report.framings.len();
        let of = if all { String::new() } else { format!(" ({})", framings.join(", ")) };
        let lead = format!("  {:<15} ", visible(&format!("{}={}", finding.key, finding.value)));
        paragraph(out, &lead, 18, &format!("{}{known}{of}", finding.sentence));
    }
    let dim = page.palette.dim;
    _ = writeln!(out, "  {dim}Right implementations differ in these; a framing string can declare them.{dim:#}");
}

fn says_the_same(a: &Finding, b: &Finding) -> bool {
    (&a.key, &a.value, a.declared, &a.sentence) == (&b.key, &b.value, b.declared, &b.sentence)
}

/// Failed cases that do not count, in short.
pub(super) fn warnings(out: &mut String, page: &Page<'_>) {
    let cases: Vec<&CaseResult> = page.report.warnings().collect();
    if cases.is_empty() {
        return;
    }
    heading(out, page, "Warnings");
    for case in cases.iter().take(SHOWN) {
        warning(out, page, case);
    }
    if cases.len() > SHOWN {
        _ = writeln!(out, "  and {} more", cases.len() - SHOWN);
    }
}

fn warning(out: &mut String, page: &Page<'_>, case: &CaseResult) {
    let warn = page.palette.warn;
    _ = writeln!(out, "  {warn}{}{warn:#}", visible(&case.id));
    for one in case.requirements.iter().filter_map(|id| page.report.requirement(id)) {
        paragraph(out, &format!("    {} ({}): ", visible(&one.id), one.level), 6, &one.sentence);
    }
    for breach in &case.breaches {
        paragraph(out, &format!("    {}: ", visible(&breach.rule)), 6, &breach.sentence);
    }
    if let Some(log) = page.report.volatile.logs.get(&case.id) {
        _ = writeln!(out, "    to see it again: {}", visible(&log.rerun));
    }
}

/// Failures that were known, by the reason that was given for them; and what was known and is no longer so.
pub(super) fn expected(out: &mut String, page: &Page<'_>) {
    let groups = by_expectation(page.report);
    if !groups.is_empty() {
        heading(out, page, "Expected failures");
    }
    for (reason, cases) in groups {
        paragraph(out, &format!("  {:>4}  ", cases.len()), 8, &format!("{reason}: {}", named(&cases)));
    }
    if !page.report.stale.is_empty() {
        heading(out, page, "No longer as expected");
    }
    for stale in &page.report.stale {
        paragraph(out, "  - ", 4, stale);
    }
}

/// Cases that came to no pass and no failure, grouped by the reason.
pub(super) fn reasons(out: &mut String, page: &Page<'_>, title: &str, verdict: Verdict) {
    let groups = by_reason(page.report.cases_with(verdict));
    if groups.is_empty() {
        return;
    }
    heading(out, page, title);
    for (reason, cases) in groups {
        paragraph(out, &format!("  {:>4}  ", cases.len()), 8, &format!("{reason}: {}", named(&cases)));
    }
}

fn named(cases: &[&CaseResult]) -> String {
    let mut ids: Vec<&str> = Vec::new();
    for case in cases {
        if !ids.contains(&case.scenario.as_str()) {
            ids.push(&case.scenario);
        }
    }
    let more = ids.len().saturating_sub(NAMED);
    ids.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", ids.join(", "))
}
