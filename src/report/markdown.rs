//! The canonical report: sorted, nothing that differs from run to run, made for review in a repository.

use std::fmt::Write;

use super::canonical::canonical;
use super::escape::visible;
use super::model::{CaseResult, Report, RequirementResult};
use super::reading::{Tallies, by_expectation, by_reason};
use super::sentence::sentence;
use crate::oracle::{Breach, Verdict};

/// How the first line begins; what was found follows.
pub(super) const TITLE: &str = "# echospec: ";

pub(super) fn render(report: &Report) -> Vec<u8> {
    let report = canonical(report);
    let mut out = String::new();
    header(&mut out, &report);
    let tallies = report.tallies();
    table(
        &mut out,
        "Requirements",
        ["id", "level", "verdict", "cases", "requirement"],
        report.requirements.iter().map(|one| requirement_row(&report, one, &tallies)),
    );
    table(
        &mut out,
        "Findings",
        ["framing", "what", "value", "known by", "meaning"],
        report.findings.iter().map(|finding| {
            let known = if finding.declared { "declared" } else { "measured" };
            [&finding.framing, &finding.key, &finding.value, known, &finding.sentence].map(escape)
        }),
    );
    section(&mut out, "Failures", report.failures());
    section(&mut out, "Warnings", report.warnings());
    grouped(&mut out, "Expected failures", by_expectation(&report));
    if !report.stale.is_empty() {
        let stale = report.stale.iter().map(|stale| format!("- {}\n", escape(stale)));
        _ = write!(out, "\n## No longer as expected\n\n{}", stale.collect::<String>());
    }
    for (title, verdict) in [
        ("Inconclusive", Verdict::Inconclusive),
        ("Flaky", Verdict::Flaky),
        ("Skipped", Verdict::Skipped),
        ("Not run", Verdict::NotRun),
    ] {
        grouped(&mut out, title, by_reason(report.cases_with(verdict)));
    }
    out.into_bytes()
}

fn header(out: &mut String, report: &Report) {
    _ = writeln!(out, "{TITLE}{}\n", report.verdict.phrase());
    let level = format!("from {} up", report.level);
    for (name, value) in [
        ("target", &report.target),
        ("framing", &report.framings.join(", ")),
        ("seed", &report.seed),
        ("part", &report.part()),
        ("counts as failure", &level),
    ] {
        if value.is_empty() {
            continue;
        }
        _ = writeln!(out, "- {name}: {}", escape(value));
    }
    _ = writeln!(out, "\n{}.", escape(sentence(report)));
}

fn requirement_row(report: &Report, one: &RequirementResult, tallies: &Tallies<'_>) -> [String; 5] {
    let verdict = match one.verdict {
        Verdict::Fail if tallies.is_expected(one) => "expected failure".into(),
        Verdict::Fail if report.counts(one) => "**fail**".into(),
        Verdict::Fail => "warning".into(),
        other => other.to_string(),
    };
    let (some, all) = tallies.share(one);
    let cases = if some == all { all.to_string() } else { format!("{some} of {all}") };
    [escape(&one.id), one.level.to_string(), verdict, cases, escape(&one.sentence)]
}

fn table(out: &mut String, title: &str, head: [&str; 5], rows: impl Iterator<Item = [String; 5]>) {
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return;
    }
    _ = writeln!(out, "\n## {title}\n\n| {} |\n|{}", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        _ = writeln!(out, "| {} |", row.join(" | "));
    }
}

fn section<'a>(out: &mut String, title: &str, cases: impl Iterator<Item = &'a CaseResult>) {
    let mut cases = cases.peekable();
    if cases.peek().is_some() {
        _ = writeln!(out, "\n## {title}");
    }
    for case in cases {
        _ = writeln!(out, "\n### {}\n", escape(&case.id));
        _ = writeln!(
            out,
            "{} ({}): {}\n",
            escape(&case.framing),
            escape(case.requirements.join(", ")),
            escape(&case.title)
        );
        fenced(out, case.stimulus.iter().map(ToString::to_string));
        for breach in &case.breaches {
            _ = writeln!(out, "\n{}: {}\n", escape(&breach.rule), escape(&breach.sentence));
            fenced(out, sides(breach));
        }
    }
}

fn sides(breach: &Breach) -> impl Iterator<Item = String> {
    let expected = breach.expected.iter().map(|expected| format!("expected {expected}"));
    let actual = breach.actual.iter().map(|actual| format!("actual   {actual}"));
    expected.chain(actual)
}

/// A code block whose fence is longer than any run of backticks in it.
fn fenced(out: &mut String, lines: impl Iterator<Item = String>) {
    let text: Vec<String> = lines.map(|line| visible(&line).into_owned()).collect();
    if text.is_empty() {
        return;
    }
    let longest = text.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    _ = writeln!(out, "{fence}text\n{}\n{fence}", text.join("\n"));
}

fn grouped(out: &mut String, title: &str, groups: Vec<(&str, Vec<&CaseResult>)>) {
    if !groups.is_empty() {
        _ = writeln!(out, "\n## {title}\n");
    }
    for (reason, cases) in groups {
        let ids: Vec<_> = cases.iter().map(|case| escape(&case.id)).collect();
        _ = writeln!(out, "- {} ({}): {}", escape(reason), cases.len(), ids.join(", "));
    }
}

/// Text in which nothing is markup (`CommonMark` 2.4: any ASCII punctuation may be escaped).
pub(super) fn escape(text: impl AsRef<str>) -> String {
    let mut escaped = String::new();
    for c in visible(text.as_ref()).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' | '~') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
