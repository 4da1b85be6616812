//! Failures that are known: a file says which, and why. One that no longer happens is stale.

mod entry;
mod write;

use globset::{GlobBuilder, GlobMatcher};

use super::model::{CaseResult, Report};
use crate::complaint::{Complaint, Kind, Source, bounded};
use crate::framing::Framing;
use crate::oracle::Verdict;
use entry::Entry;

/// The expected failures of a target.
///
/// A YAML list. Each entry has a pattern for `requirement` or `case` (or both, and then both must match), may narrow it
/// by `framing`, gives the `reason`, and may name a `link` and the last day (`until`) on which it holds.
#[derive(Clone, Debug)]
pub struct Expectations {
    file: String,
    entries: Vec<Expectation>,
}

/// What there is to be expected.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Ids of all requirements.
    pub requirements: &'a [&'a str],
    /// Ids of all scenarios.
    pub scenarios: &'a [&'a str],
}

/// The run that expectations are held against.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// As in `2026-01-31`.
    pub today: &'a str,
    /// It was not stopped before its end.
    pub finished: bool,
    /// Every case was asked for. Where only some were, an entry without a case is not stale.
    pub all_cases: bool,
}

#[derive(Clone, Debug)]
struct Expectation {
    entry: Entry,
    requirement: Option<GlobMatcher>,
    case: Option<GlobMatcher>,
    framing: Option<GlobMatcher>,
    /// The framing that the pattern names, as reports spell it: `lines` is `delimiter:lf,chomp=cr`.
    spelled: Option<String>,
    /// The line on which it begins.
    text: String,
}

const KIND: Kind = Kind {
    noun: "a file of expected failures",
    whole: "a list whose entries have a `requirement` or a `case`, and a `reason`; `[]` if there are none",
};

impl Expectations {
    /// Reads the text of a file; `file` is what errors call it. A pattern that matches nothing that exists is an error.
    pub fn parse(file: &str, text: &str, known: Known<'_>) -> Result<Self, Box<Complaint>> {
        let source = Source { name: file, text, kind: KIND };
        let entries: Vec<Entry> =
            serde_yaml::from_str_with_options(text, bounded()).map_err(|error| source.yaml(&error))?;
        let entries = entries.into_iter().map(|entry| Expectation::new(source, entry, known));
        Ok(Self { file: file.to_owned(), entries: entries.collect::<Result<_, _>>()? })
    }

    /// Whether a text is such a file, or empty, and may be replaced; its patterns may be out of date.
    pub fn are_in(text: &str) -> bool {
        text.trim().is_empty() || serde_yaml::from_str_with_options::<Vec<Entry>>(text, bounded()).is_ok()
    }

    /// Marks what was expected to fail and did. Entries that are out of date are noted in the report, and returned.
    pub fn apply(&self, report: &mut Report, run: Run<'_>) -> Vec<Complaint> {
        let stale: Vec<_> = self.entries.iter().filter_map(|one| one.apply(report, run, &self.file)).collect();
        report.stale.extend(stale.iter().map(|complaint| complaint.wrong.clone()));
        stale
    }

    /// The text of a file in which the failures of a run that count are expected; `kept` are entries to keep if they
    /// still fail.
    pub fn write(report: &Report, kept: Option<&Self>) -> String {
        write::write(report, kept)
    }
}

impl Expectation {
    fn new(source: Source<'_>, entry: Entry, known: Known<'_>) -> Result<Self, Box<Complaint>> {
        entry.check(source, known)?;
        let compile = |pattern: &Option<serde_yaml::Spanned<String>>| match pattern {
            Some(pattern) => matcher(&pattern.value).map(Some).map_err(|why| {
                let right = Some("a glob such as `SEG-*` or `delimiter/*`".into());
                entry::at(source, pattern, format!("`{}` is no pattern: {why}", pattern.value), right)
            }),
            None => Ok(None),
        };
        Ok(Self {
            requirement: compile(&entry.requirement)?,
            case: compile(&entry.case)?,
            framing: compile(&entry.framing)?,
            spelled: entry.framing.as_ref().and_then(|one| one.value.parse::<Framing>().ok()).map(|f| f.to_string()),
            text: source.line(entry.place().0).to_owned(),
            entry,
        })
    }

    fn covers(&self, case: &CaseResult) -> bool {
        let hit = |glob: &Option<GlobMatcher>, ids: &[&str]| match glob {
            Some(glob) => ids.iter().any(|id| glob.is_match(escape(id))),
            None => true,
        };
        let requirements: Vec<&str> = case.requirements.iter().map(String::as_str).collect();
        hit(&self.requirement, &requirements)
            && hit(&self.case, &[&case.id, case.plain_id(), &case.scenario])
            && (hit(&self.framing, &[&case.framing]) || self.spelled.as_ref() == Some(&case.framing))
    }

    /// Marks the failures that it covers, and says why it is stale if it is.
    fn apply(&self, report: &mut Report, run: Run<'_>, file: &str) -> Option<Complaint> {
        let mut covered: Vec<&mut CaseResult> = report.cases.iter_mut().filter(|case| self.covers(case)).collect();
        let failed = covered.iter().any(|case| case.verdict == Verdict::Fail);
        for case in &mut covered {
            // What was not tried because enough of its kind had failed is part of the same failure.
            let untried = failed && run.finished && case.verdict == Verdict::NotRun;
            if case.verdict == Verdict::Fail || untried {
                case.expected.get_or_insert_with(|| self.entry.words());
            }
        }
        let open =
            |case: &&mut CaseResult| matches!(case.verdict, Verdict::Inconclusive | Verdict::Flaky | Verdict::NotRun);
        let passed = covered.iter().any(|case| case.verdict == Verdict::Pass);
        let expired = self.entry.until().filter(|until| *until < run.today);
        let what = self.entry.what();
        let (wrong, right) = match () {
            () if expired.is_some() => {
                let wrong = format!("the expectation that {what} fails was good until {}", expired.unwrap_or_default());
                (wrong, "a later date, or no entry")
            }
            () if failed || covered.iter().any(open) => return None,
            () if passed => (format!("{what} was expected to fail and passes now"), "no entry"),
            () if covered.is_empty() && !(run.finished && run.all_cases) => return None,
            () => (format!("{what} was expected to fail and was not judged at all"), "an entry that matches a case"),
        };
        let (line, column) = self.entry.place();
        let (file, text, right) = (file.to_owned(), self.text.clone(), Some(right.to_owned()));
        Some(Complaint { file, line, column, text, wrong, right })
    }
}

/// The JSON Schema of the file.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Vec<Entry>).to_value();
    schema["$id"] = "urn:echospec:expectations:1".into();
    schema
}

/// Patterns do not care about case; brackets hold the values of a case and are no sets of characters.
fn matcher(pattern: &str) -> Result<GlobMatcher, globset::Error> {
    let glob = GlobBuilder::new(&escape(pattern))
        .case_insensitive(true)
        .literal_separator(false)
        .backslash_escape(true)
        .build()?;
    Ok(glob.compile_matcher())
}

fn escape(id: &str) -> String {
    id.replace('[', "\u{27e6}").replace(']', "\u{27e7}")
}

#[cfg(test)]
mod tests;
