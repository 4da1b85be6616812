//! One entry as it stands in the file, and what can be wrong with it.

use serde::Deserialize;
use serde_yaml::Spanned;

use super::{Known, escape, matcher};
use crate::complaint::{Complaint, Source};

/// What is written in the file.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// A glob over ids of requirements.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) requirement: Option<Spanned<String>>,
    /// A glob over ids of cases and scenarios.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) case: Option<Spanned<String>>,
    /// A glob over framings.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) framing: Option<Spanned<String>>,
    /// Why this is known and left as it is.
    #[schemars(with = "String")]
    pub(super) reason: Spanned<String>,
    /// Where more is said of it.
    #[serde(default)]
    pub(super) link: Option<String>,
    /// The last day on which it holds: `2026-12-31`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    until: Option<Spanned<String>>,
}

/// A complaint about a value.
pub(super) fn at(source: Source<'_>, value: &Spanned<String>, wrong: String, right: Option<String>) -> Complaint {
    let (line, column) = place(value);
    source.complaint(line, column, wrong, right)
}

fn place(value: &Spanned<String>) -> (usize, usize) {
    (value.referenced.line().max(1) as usize, value.referenced.column().max(1) as usize)
}

impl Entry {
    /// Line and column of the first pattern.
    pub(super) fn place(&self) -> (usize, usize) {
        place(self.requirement.as_ref().or(self.case.as_ref()).unwrap_or(&self.reason))
    }

    pub(super) fn until(&self) -> Option<&str> {
        self.until.as_ref().map(|until| until.value.as_str())
    }

    /// The reason with its link.
    pub(super) fn words(&self) -> String {
        match &self.link {
            Some(link) => format!("{} ({link})", self.reason.value.trim()),
            None => self.reason.value.trim().to_owned(),
        }
    }

    /// Key and value of all that is given.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let value = |one: &Option<Spanned<String>>| one.as_ref().map(|one| one.value.clone());
        let rows = [
            ("requirement", value(&self.requirement)),
            ("case", value(&self.case)),
            ("framing", value(&self.framing)),
            ("reason", Some(self.reason.value.clone())),
            ("link", self.link.clone()),
            ("until", value(&self.until)),
        ];
        rows.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }

    /// What it is about: `SEG-* in lines`.
    pub(super) fn what(&self) -> String {
        let value = |one: &Option<Spanned<String>>| one.as_ref().map(|one| one.value.clone());
        let patterns: Vec<_> = [value(&self.requirement), value(&self.case)].into_iter().flatten().collect();
        let framing = value(&self.framing).map_or(String::new(), |framing| format!(" in {framing}"));
        format!("{}{framing}", patterns.join(" with "))
    }

    pub(super) fn check(&self, source: Source<'_>, known: Known<'_>) -> Result<(), Box<Complaint>> {
        if self.requirement.is_none() && self.case.is_none() {
            let right = Some("a `requirement` or a `case` beside it".into());
            return Err(at(source, &self.reason, "this reason is given for nothing".into(), right).into());
        }
        if self.reason.value.trim().is_empty() {
            return Err(
                at(source, &self.reason, "an expected failure without a reason".into(), Some("why".into())).into()
            );
        }
        if let Some(until) = self.until.as_ref().filter(|until| !is_date(&until.value)) {
            let wrong = format!("`{}` is no date", until.value);
            return Err(at(source, until, wrong, Some("year, month and day, as in 2026-12-31".into())).into());
        }
        self.check_alive(source, known)
    }

    /// A pattern that no requirement or scenario has ever matched expects nothing.
    fn check_alive(&self, source: Source<'_>, known: Known<'_>) -> Result<(), Box<Complaint>> {
        let dead =
            |stem: &str, ids: &[&str]| matcher(stem).is_ok_and(|glob| !ids.iter().any(|id| glob.is_match(escape(id))));
        let complain = |value: &Spanned<String>, what: &str, ids: &[&str]| {
            let close = similar::get_close_matches(value.value.as_str(), ids, 1, 0.6);
            let close = close.first().map_or(String::new(), |close| format!("`{close}`? "));
            let right = format!("{close}`echospec list {what}s` shows all");
            Err(at(source, value, format!("`{}` matches no {what}", value.value), Some(right)).into())
        };
        if let Some(value) = self.requirement.as_ref().filter(|one| dead(&one.value, known.requirements)) {
            return complain(value, "requirement", known.requirements);
        }
        if let Some(value) = self.case.as_ref().filter(|one| dead(stem(&one.value), known.scenarios)) {
            return complain(value, "scenario", known.scenarios);
        }
        Ok(())
    }
}

/// Of `topic/name[size=3] (lines)` the scenario's part.
fn stem(case: &str) -> &str {
    case.split(['[', ' ']).next().unwrap_or(case)
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).is_ok()
}
