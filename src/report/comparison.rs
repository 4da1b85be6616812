//! Several implementations side by side: a row a requirement, a column a report.

use std::collections::BTreeMap;
use std::fmt::Write;

use askama::Template;
use serde::Serialize;

use super::escape::visible;
use super::markdown;
use super::model::{Conformance, Report};
use super::sentence::sentence;
use crate::oracle::{Level, Verdict};

/// The version of the comparison's JSON.
const SCHEMA: &str = "echospec-comparison/1";

/// Reports side by side.
#[derive(Debug, Serialize)]
pub struct Comparison {
    schema: &'static str,
    columns: Vec<Column>,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Column {
    name: String,
    verdict: Conformance,
    framings: Vec<String>,
    sentence: String,
}

#[derive(Debug, Serialize)]
struct Row {
    id: String,
    level: Level,
    sentence: String,
    /// A word a column; `None` where the report does not have the requirement.
    verdicts: Vec<Option<String>>,
    /// Whether the columns do not all say the same.
    differs: bool,
}

/// A way to write a comparison.
#[derive(Clone, Copy, Debug)]
pub struct ComparisonFormat {
    /// As it stands on the command line.
    pub name: &'static str,
    /// Comparison to bytes.
    pub render: fn(&Comparison) -> Vec<u8>,
}

/// The formats that can hold one.
pub const COMPARISONS: &[ComparisonFormat] = &[
    ComparisonFormat { name: "text", render: text },
    ComparisonFormat { name: "json", render: json },
    ComparisonFormat { name: "markdown", render: to_markdown },
    ComparisonFormat { name: "html", render: html },
];

impl Comparison {
    /// Of named reports, in their order.
    pub fn new(reports: &[(String, Report)]) -> Self {
        let columns = reports.iter().map(|(name, report)| Column {
            name: name.clone(),
            verdict: report.verdict,
            framings: report.framings.clone(),
            sentence: sentence(report),
        });
        let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
        for (index, (_, report)) in reports.iter().enumerate() {
            let tallies = report.tallies();
            for one in &report.requirements {
                let row = rows.entry(&one.id).or_insert_with(|| Row {
                    id: one.id.clone(),
                    level: one.level,
                    sentence: one.sentence.clone(),
                    verdicts: vec![None; reports.len()],
                    differs: false,
                });
                row.verdicts[index] = Some(match one.verdict {
                    Verdict::Fail if tallies.is_expected(one) => "expected".into(),
                    Verdict::Fail if !report.counts(one) => "warning".into(),
                    other => other.to_string(),
                });
            }
        }
        for row in rows.values_mut() {
            row.differs = row.verdicts.iter().any(|verdict| *verdict != row.verdicts[0]);
        }
        Self { schema: SCHEMA, columns: columns.collect(), rows: rows.into_values().collect() }
    }
}

fn json(comparison: &Comparison) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(comparison).unwrap_or_else(|error| error.to_string().into_bytes());
    bytes.push(b'\n');
    bytes
}

fn word(verdict: Option<&String>) -> &str {
    verdict.map_or("-", String::as_str)
}

/// Only rows in which the columns differ; the others are counted.
fn text(comparison: &Comparison) -> Vec<u8> {
    let mut out = String::new();
    for (number, column) in comparison.columns.iter().enumerate() {
        let name = visible(&column.name);
        _ = writeln!(out, "{:>3}  {name}: {}; {}", number + 1, column.verdict.phrase(), visible(&column.sentence));
    }
    let differing: Vec<_> = comparison.rows.iter().filter(|row| row.differs).collect();
    let same = comparison.rows.len() - differing.len();
    _ = writeln!(out, "\nThe same in all: {same} of {} requirements\n", comparison.rows.len());
    for row in differing {
        _ = write!(out, "{:<7} {:<7} ", visible(&row.id), row.level);
        for verdict in &row.verdicts {
            _ = write!(out, "{:<13}", word(verdict.as_ref()));
        }
        _ = writeln!(out, " {}", visible(&row.sentence));
    }
    out.into_bytes()
}

fn to_markdown(comparison: &Comparison) -> Vec<u8> {
    let names: Vec<_> = comparison.columns.iter().map(|column| markdown::escape(&column.name)).collect();
    let mut out = format!("| id | level | {} | requirement |\n|{}", names.join(" | "), "---|".repeat(names.len() + 3));
    for row in &comparison.rows {
        let strong = |verdict: &Option<String>| match word(verdict.as_ref()) {
            "fail" => "**fail**".to_owned(),
            other => markdown::escape(other),
        };
        let words: Vec<_> = row.verdicts.iter().map(strong).collect();
        let (id, sentence) = (markdown::escape(&row.id), markdown::escape(&row.sentence));
        _ = write!(out, "\n| {id} | {} | {} | {sentence} |", row.level, words.join(" | "));
    }
    out.push('\n');
    out.into_bytes()
}

#[derive(Template)]
#[template(path = "comparison.html")]
struct Page<'a> {
    comparison: &'a Comparison,
    style: &'static str,
}

fn html(comparison: &Comparison) -> Vec<u8> {
    let page = Page { comparison, style: include_str!("../../templates/report.css") };
    page.render().unwrap_or_else(|error| error.to_string()).into_bytes()
}

/// What the template calls for every text that somebody else wrote.
fn shown(text: impl AsRef<str>) -> String {
    visible(text.as_ref()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{specimen::specimen, tests::golden};

    #[test]
    fn every_format_shows_which_implementation_differs_in_what() {
        let mut other = specimen();
        other.requirements[1].verdict = Verdict::Pass;
        other.requirements.pop();
        let hostile = "\"><script>\u{1b}[2J|`".to_owned();
        let comparison = Comparison::new(&[("mine".into(), specimen()), (hostile, other)]);
        for format in COMPARISONS {
            golden(&format!("comparison-{}", format.name), &(format.render)(&comparison));
        }
    }
}
