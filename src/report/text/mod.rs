//! For people: what was judged, what failed and why that matters, how to see it again, and one sentence at the end.

mod failure;
mod palette;
mod rest;

use std::fmt::Write;

use super::escape::visible;
use super::model::{Conformance, Report, RequirementResult};
use super::reading::Tallies;
use super::sentence::sentence;
use crate::oracle::{self, Level, Verdict};
use failure::failures;
use palette::{COLORED, PLAIN, Palette};
use rest::{expected, findings, reasons, warnings};

/// Lines are broken at this column.
const WIDTH: usize = 100;

/// Further lines of a paragraph are not indented deeper.
const HANGING: usize = 34;

/// Without colour.
pub fn render(report: &Report) -> Vec<u8> {
    page(&Page { report, palette: PLAIN, why }).into_bytes()
}

/// With the ANSI escapes of a terminal.
pub fn render_colored(report: &Report) -> Vec<u8> {
    page(&Page { report, palette: COLORED, why }).into_bytes()
}

fn why(id: &str) -> Option<&'static str> {
    oracle::requirement(id).map(|requirement| requirement.why)
}

/// What every part of the page needs.
struct Page<'a> {
    report: &'a Report,
    palette: Palette,
    /// Why a requirement matters, by id.
    why: fn(&str) -> Option<&'static str>,
}

fn page(page: &Page<'_>) -> String {
    let mut out = String::new();
    header(&mut out, page);
    requirements(&mut out, page);
    failures(&mut out, page);
    findings(&mut out, page);
    warnings(&mut out, page);
    expected(&mut out, page);
    for (title, verdict) in [
        ("Inconclusive", Verdict::Inconclusive),
        ("Flaky", Verdict::Flaky),
        ("Skipped", Verdict::Skipped),
        ("Not run", Verdict::NotRun),
    ] {
        reasons(&mut out, page, title, verdict);
    }
    verdict(&mut out, page);
    out
}

fn header(out: &mut String, page: &Page<'_>) {
    let (report, dim) = (page.report, page.palette.dim);
    let framings = report.framings.join(", ");
    let level = if report.level == Level::Must { String::new() } else { format!("{} and above count", report.level) };
    for (name, value) in [
        ("target", &report.target),
        ("address", &report.volatile.address),
        ("command", &report.volatile.command),
        ("framing", &framings),
        ("level", &level),
        ("seed", &report.seed),
        ("part", &report.part()),
    ] {
        if !value.is_empty() {
            _ = writeln!(out, "{dim}{name:<8}{dim:#} {}", visible(value));
        }
    }
}

/// A sentence for each requirement that was judged and did not pass; the others are counted, or named.
fn requirements(out: &mut String, page: &Page<'_>) {
    let report = page.report;
    if report.requirements.is_empty() {
        return;
    }
    heading(out, page, "Requirements");
    let passed = report.requirements_with(Verdict::Pass).count();
    _ = writeln!(out, "  {}{passed} of {} passed{:#}", page.palette.pass, report.requirements.len(), page.palette.pass);
    let tallies = report.tallies();
    let unremarkable = [Verdict::Pass, Verdict::Skipped, Verdict::NotRun];
    for one in report.requirements.iter().filter(|one| !unremarkable.contains(&one.verdict)) {
        requirement(out, page, one, &tallies);
    }
    for (lead, verdict) in [("  skipped       ", Verdict::Skipped), ("  not run       ", Verdict::NotRun)] {
        let ids: Vec<_> = report.requirements_with(verdict).map(|one| one.id.as_str()).collect();
        if !ids.is_empty() {
            paragraph(out, lead, 16, &ids.join(" "));
        }
    }
}

fn requirement(out: &mut String, page: &Page<'_>, one: &RequirementResult, tallies: &Tallies<'_>) {
    let expected = tallies.is_expected(one);
    let mild = expected || (one.verdict == Verdict::Fail && !page.report.counts(one));
    let word = match () {
        () if expected => "expected".into(),
        () if mild => "warning".into(),
        () => one.verdict.to_string(),
    };
    let style = page.palette.of(one.verdict, mild);
    let (some, all) = tallies.share(one);
    let share = if all > 1 { format!(" ({some} of {all} cases)") } else { String::new() };
    let lead = format!("  {style}{word:<12}{style:#}  {:<6}  {:<7}  ", one.level, visible(&one.id));
    paragraph(out, &lead, 33, &format!("{}{share}", one.sentence));
}

fn verdict(out: &mut String, page: &Page<'_>) {
    let verdict = page.report.verdict;
    let (word, style) = match verdict {
        Conformance::Conforms => ("Conforms", page.palette.pass),
        Conformance::DoesNotConform => ("Does not conform", page.palette.fail),
        Conformance::Inconclusive => ("Inconclusive", page.palette.warn),
        Conformance::NotTested => ("Not tested", page.palette.fail),
    };
    let sentence = sentence(page.report);
    let because = page.report.volatile.ending.as_ref().map_or("", |ending| ending.because.as_str());
    let because = if because.is_empty() { String::new() } else { format!(", {}", visible(because)) };
    // One line, however long: the last line of a log says it all.
    _ = writeln!(
        out,
        "\n{style}{word}{style:#}{because} (exit code {}): {}.",
        page.report.exit_code(),
        visible(&sentence)
    );
}

fn heading(out: &mut String, page: &Page<'_>, title: &str) {
    let bold = page.palette.bold;
    _ = writeln!(out, "\n{bold}{title}{bold:#}");
}

/// A text broken at `WIDTH`: the lead, which takes `indent` columns, then the words, every further line indented alike.
fn paragraph(out: &mut String, lead: &str, indent: usize, text: &str) {
    out.push_str(lead);
    let mut column = indent;
    for (index, word) in visible(text).split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 && column + 1 + length > WIDTH {
            let indent = indent.min(HANGING);
            _ = write!(out, "\n{:indent$}", "");
            column = indent;
        } else if index > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{specimen::specimen, tests::golden};

    fn known(id: &str) -> Option<&'static str> {
        (id == "X-02").then_some(
            "A reader that takes what one read brings for a message works on loopback and breaks in the field.",
        )
    }

    #[test]
    fn a_failure_says_why_its_requirement_matters() {
        let report = specimen();
        golden("text-with-reasons", page(&Page { report: &report, palette: PLAIN, why: known }).as_bytes());
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let colored = render_colored(&specimen());
        assert_ne!(colored, render(&specimen()));
        assert_eq!(anstream::adapter::strip_bytes(&colored).into_vec(), render(&specimen()));
    }

    #[test]
    fn many_failures_are_shown_in_part_and_counted() {
        let mut report = specimen();
        let pattern = report.cases[2].clone();
        report.cases.extend(
            (0..50).map(|n| crate::report::CaseResult { id: format!("cut/one[cut={}]", n + 10), ..pattern.clone() }),
        );
        let text = String::from_utf8(render(&report)).expect("UTF-8");
        assert_eq!(text.matches("altered-reply: ").count(), failure::SHOWN - 2);
        assert!(text.contains("35 more like these: X-02 (35)"), "{text}");
    }
}
