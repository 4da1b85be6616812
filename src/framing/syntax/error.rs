//! What is wrong with a framing string, and where.

use std::fmt;
use std::ops::Range;

use thiserror::Error;

/// A framing string that was refused.
///
/// Its display has two lines: the string, and below it carets at the offending part with what is wrong and what is
/// possible there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct SyntaxError {
    text: String,
    span: Range<usize>,
    message: String,
}

impl SyntaxError {
    pub(super) fn new(text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        let (text, message) = (text.to_owned(), one_line(&message.into()));
        Self { text, span, message }
    }

    /// The offending part, in bytes of the string; empty where something is missing.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// What is wrong, without the string.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = |text: &str| text.chars().count();
        let before = self.text.get(..self.span.start).map_or(0, columns);
        let carets = self.text.get(self.span.clone()).map_or(1, columns).max(1);
        writeln!(f, "{}", one_line(&self.text))?;
        write!(f, "{:before$}{:^<carets$} {}", "", "", self.message)
    }
}

/// The text with a mark for each line break and the like: they would part the carets from what they point at.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}

/// The one of `known` that `word` is most likely a misspelling of.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().map(|candidate| (distance(word, candidate), candidate));
    let (edits, candidate) = near.min_by_key(|(edits, _)| *edits)?;
    (edits <= 2 && edits < candidate.len()).then_some(candidate)
}

/// Insertions, deletions and replacements that turn `a` into `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[row.len() - 1]
}
