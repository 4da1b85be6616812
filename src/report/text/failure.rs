//! A failed case with everything that proves it.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Page, heading, paragraph};
use crate::oracle::Breach;
use crate::report::difference::difference;
use crate::report::escape::visible;
use crate::report::model::{CaseLog, CaseResult};

/// At most so many failed cases are shown in detail.
pub(super) const SHOWN: usize = 20;

/// At most so many events of a wire log are shown: its beginning and its end.
const EVENTS: usize = 30;

/// Longer lines are cut.
const LINE: usize = 120;

pub(super) fn failures(out: &mut String, page: &Page<'_>) {
    let all: Vec<&CaseResult> = page.report.failures().collect();
    if all.is_empty() {
        return;
    }
    heading(out, page, "Failures");
    let shown = telling(&all);
    for (number, index) in shown.iter().enumerate() {
        failure(out, page, number + 1, all[*index]);
    }
    let rest = (0..all.len()).filter(|index| !shown.contains(index)).map(|index| all[index]);
    more(out, &rest.collect::<Vec<_>>());
}

/// The topic of scenarios that combine what others try one by one.
const COMBINATIONS: &str = "combinations/";

/// Which of many failures are shown: the first of each requirement, then as many others as fit. Those that were made to be
/// about something come first; of combinations nobody knows what in them it was.
fn telling(all: &[&CaseResult]) -> Vec<usize> {
    let mut known: Vec<&[String]> = Vec::new();
    let (mut first, mut others) = (Vec::new(), Vec::new());
    let (combined, directed): (Vec<_>, Vec<_>) =
        (0..all.len()).partition(|index| all[*index].scenario.starts_with(COMBINATIONS));
    for index in directed.into_iter().chain(combined) {
        if known.contains(&all[index].requirements.as_slice()) {
            others.push(index);
        } else {
            known.push(&all[index].requirements);
            first.push(index);
        }
    }
    first.extend(others);
    first.truncate(SHOWN);
    first.sort_unstable_by_key(|index| (all[*index].scenario.starts_with(COMBINATIONS), *index));
    first
}

fn more(out: &mut String, rest: &[&CaseResult]) {
    if rest.is_empty() {
        return;
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for id in rest.iter().flat_map(|case| &case.requirements) {
        *counts.entry(id).or_default() += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(id, count)| format!("{id} ({count})")).collect();
    out.push('\n');
    paragraph(out, "  ", 2, &format!("and {} more like these: {}", rest.len(), counts.join(", ")));
}

fn failure(out: &mut String, page: &Page<'_>, number: usize, case: &CaseResult) {
    let fail = page.palette.fail;
    _ = writeln!(out, "\n{fail}{number}. {}{fail:#}  in {}", visible(&case.id), visible(&case.framing));
    for id in &case.requirements {
        requirement(out, page, id);
    }
    label(out, page, "what was done", &case.title);
    for step in &case.stimulus {
        paragraph(out, "     - ", 7, step);
    }
    for breach in &case.breaches {
        evidence(out, page, breach);
    }
    if let Some(log) = page.report.volatile.logs.get(&case.id) {
        wire(out, page, log);
        label(out, page, "to see it again", "");
        _ = writeln!(out, "     {}", visible(&log.rerun));
    }
}

fn requirement(out: &mut String, page: &Page<'_>, id: &str) {
    let Some(one) = page.report.requirement(id) else { return label(out, page, id, "") };
    label(out, page, &format!("{id} ({})", one.level), &one.sentence);
    if let Some(why) = (page.why)(id) {
        paragraph(out, "     ", 5, why);
    }
}

/// `   name: text`, the text broken into lines.
fn label(out: &mut String, page: &Page<'_>, name: &str, text: &str) {
    let (bold, name) = (page.palette.bold, visible(name));
    if text.is_empty() {
        _ = writeln!(out, "   {bold}{name}{bold:#}");
    } else {
        let indent = name.chars().count() + 5;
        paragraph(out, &format!("   {bold}{name}{bold:#}: "), indent, text);
    }
}

/// What was due beside what came.
fn evidence(out: &mut String, page: &Page<'_>, breach: &Breach) {
    label(out, page, &breach.rule, &breach.sentence);
    match (&breach.expected, &breach.actual) {
        (Some(expected), Some(actual)) => both(out, page, expected, actual, breach.differs_at),
        (Some(expected), None) => _ = writeln!(out, "     expected  {}\n     actual    nothing", clipped(expected)),
        (None, Some(actual)) => _ = writeln!(out, "     actual    {}", clipped(actual)),
        (None, None) => {}
    }
}

fn both(out: &mut String, page: &Page<'_>, expected: &str, actual: &str, at: Option<u64>) {
    let difference = difference(expected, actual);
    _ = writeln!(out, "     expected  {}\n     actual    {}", difference.expected, difference.actual);
    let fail = page.palette.fail;
    let at = at.map_or(String::new(), |at| format!(" first difference, at byte {at}"));
    match difference.column {
        Some(column) => _ = writeln!(out, "               {:column$}{fail}^{fail:#}{at}", ""),
        None if !at.is_empty() => _ = writeln!(out, "              {at}"),
        None => {}
    }
}

/// The wire log, long ones by their beginning and their end.
fn wire(out: &mut String, page: &Page<'_>, log: &CaseLog) {
    if !log.wire.is_empty() {
        label(out, page, "on the wire", "");
    }
    let left_out = log.wire.len().saturating_sub(EVENTS);
    for (index, line) in log.wire.iter().enumerate() {
        let middle = index >= EVENTS / 2 && index < EVENTS / 2 + left_out;
        if !middle {
            _ = writeln!(out, "     {}", clipped(line));
        } else if index == EVENTS / 2 {
            _ = writeln!(out, "     … {left_out} more events …");
        }
    }
    for detail in &log.details {
        _ = writeln!(out, "     {}", clipped(detail));
    }
}

fn clipped(line: &str) -> String {
    let line = visible(line);
    match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.into_owned(),
    }
}
