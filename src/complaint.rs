//! What is wrong in a YAML file that a person wrote: where, the line itself with a caret, and what would be right.

use std::fmt;

use serde_yaml::budget::BudgetBreach;
use serde_yaml::{DefaultMessageFormatter, Error as Yaml, MessageFormatter, Options};

/// One thing that is wrong in the text of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Complaint {
    /// The file, as the user named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The line itself.
    pub text: String,
    /// What is wrong.
    pub wrong: String,
    /// What would be right.
    pub right: Option<String>,
}

// What `thiserror` would do in one line takes a picture here.
impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, text, wrong, right } = self;
        let margin = " ".repeat(line.to_string().len());
        writeln!(f, "{file}:{line}:{column}: {wrong}")?;
        let (text, before) = excerpt(text, *column);
        writeln!(f, " {line} | {text}")?;
        write!(f, " {margin} | {}^", " ".repeat(before))?;
        match right {
            Some(right) => write!(f, "\n {margin} = right: {right}"),
            None => Ok(()),
        }
    }
}

/// A line is shown up to this many characters.
const WIDTH: usize = 160;

/// The part of a line around a column, and how many characters of it come before the column.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    let from = column.saturating_sub(WIDTH / 2);
    let from = if line.chars().count() <= WIDTH { 0 } else { from };
    let shown = line.chars().skip(from).take(WIDTH).map(|c| if c.is_control() { ' ' } else { c });
    (shown.collect(), column.saturating_sub(1).saturating_sub(from))
}

/// A text and its name, for saying where in it something is wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
    pub(crate) kind: Kind,
}

/// What kind of file it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// In the singular, with its article: `a scenario`.
    pub(crate) noun: &'static str,
    /// What the whole text should be.
    pub(crate) whole: &'static str,
}

/// Bounds against hostile text: nesting, nodes and what aliases grow to.
pub(crate) fn bounded() -> Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: 32,
            max_nodes: 20_000,
            max_events: 60_000,
            max_documents: 1,
            max_aliases: 100,
            max_anchors: 100,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 8,
        },
        strict_booleans: true,
    }
}

impl Source<'_> {
    /// A line, counted from 1.
    pub(crate) fn line(&self, line: usize) -> &str {
        self.text.trim_start_matches('\u{feff}').lines().nth(line.saturating_sub(1)).unwrap_or_default()
    }

    /// A complaint about a place.
    pub(crate) fn complaint(&self, line: usize, column: usize, wrong: String, right: Option<String>) -> Complaint {
        let (file, text) = (self.name.to_owned(), self.line(line).to_owned());
        Complaint { file, line, column, text, wrong, right }
    }

    /// A complaint about the first place where `needle` stands below the key `steps`, or anywhere.
    pub(crate) fn complaint_at(&self, needle: &str, wrong: String, right: Option<String>) -> Complaint {
        let steps = self.text.find("\nsteps:").unwrap_or(0);
        let at = self.text[steps..].find(needle).map(|at| steps + at).or_else(|| self.text.find(needle)).unwrap_or(0);
        let before = &self.text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
        self.complaint(line, column, wrong, right)
    }

    /// What the YAML reader says, in our words.
    pub(crate) fn yaml(&self, error: &Yaml) -> Complaint {
        let location = error.location();
        let line = location.map_or(1, |at| at.line() as usize).max(1);
        let column = location.map_or(1, |at| at.column() as usize).max(1);
        let (wrong, right) = words(innermost(error), self.kind);
        self.complaint(line, column, wrong, right)
    }
}

fn innermost(error: &Yaml) -> &Yaml {
    match error {
        Yaml::WithSnippet { error, .. } | Yaml::AliasError { error, .. } => innermost(error),
        error => error,
    }
}

/// What is wrong, and what would be right.
fn words(error: &Yaml, kind: Kind) -> (String, Option<String>) {
    match error {
        Yaml::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown key `{field}`"), Some(choice(field, expected)))
        }
        Yaml::SerdeUnknownVariant { variant, expected, .. } => {
            (format!("unknown `{variant}`"), Some(choice(variant, expected)))
        }
        Yaml::SerdeMissingField { field, .. } => (format!("the key `{field}` is missing"), None),
        Yaml::SerdeInvalidType { unexpected, expected, .. } | Yaml::SerdeInvalidValue { unexpected, expected, .. } => {
            (format!("{unexpected} does not belong here"), Some(expected.clone()))
        }
        Yaml::DuplicateMappingKey { key: Some(key), .. } => (format!("the key `{key}` stands twice"), None),
        Yaml::Unexpected { expected, .. } => match BELONGS.iter().find(|(theirs, ..)| theirs == expected) {
            Some((_, what, right)) => (format!("no {what} stands here"), Some((*right).into())),
            None => (format!("{expected} does not stand here"), None),
        },
        Yaml::ExpectedMappingEndAfterEnumVariantValue { .. } => {
            ("a second key in one step".into(), Some("each step in an item of its own, with `-` before it".into()))
        }
        Yaml::Eof { .. } => ("the text ends here".into(), Some(kind.whole.into())),
        Yaml::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            ("nested too deeply".into(), Some("at most 32 levels".into()))
        }
        Yaml::Budget { .. } | Yaml::AliasReplayLimitExceeded { .. } | Yaml::AliasReplayStackDepthExceeded { .. } => (
            format!("too much for {}, or aliases that grow beyond bounds", kind.noun),
            Some("fewer nodes and aliases".into()),
        ),
        other => {
            let message = DefaultMessageFormatter.format_message(other).into_owned();
            match message.split_once('\n') {
                Some((wrong, right)) => (wrong.to_owned(), Some(right.to_owned())),
                None => (message, None),
            }
        }
    }
}

/// The reader's words for what it wants, ours, and how it is written.
const BELONGS: &[(&str, &str, &str)] = &[
    ("string scalar", "text", "a text, in quotes where it holds one of `:#{}[],`"),
    ("sequence start", "list", "a list: lines that begin with `- `, or [one, another]"),
    ("mapping start", "mapping", "a mapping: lines like `key: value`, or {key: value}"),
];

/// The possible names, the one that was probably meant first.
fn choice(name: &str, expected: &[&'static str]) -> String {
    let all = expected.join(", ");
    match similar::get_close_matches(name, expected, 1, 0.6).first() {
        Some(close) => format!("`{close}`? one of {all}"),
        None => format!("one of {all}"),
    }
}
