//! What was due beside what came, with a mark under the first difference.

use super::escape::visible;

/// How many columns of each are shown.
const WINDOW: usize = 72;

/// What is shown before the difference when not all fits.
const BEFORE: usize = 40;

/// Two texts, shortened alike, and the column where they begin to differ.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) expected: String,
    pub(super) actual: String,
    /// In characters from the beginning of the shown text; `None` where both look the same.
    pub(super) column: Option<usize>,
}

impl Difference {
    /// A side before the difference, the character or escape that differs, and what follows.
    pub(super) fn parts<'a>(&self, side: &'a str) -> [&'a str; 3] {
        let Some(column) = self.column else { return [side, "", ""] };
        let at = side.char_indices().nth(column).map_or(side.len(), |(at, _)| at);
        let (before, rest) = side.split_at(at);
        let (differing, after) = rest.split_at(units(rest).first().map_or(0, |unit| unit.len()));
        [before, differing, after]
    }
}

/// Lines up two texts in which bytes stand as they are or as escapes (`\x00`, `\n`): an escape differs as a whole.
pub(super) fn difference(expected: &str, actual: &str) -> Difference {
    let (expected, actual) = (visible(expected), visible(actual));
    let (due, came) = (units(&expected), units(&actual));
    let same = due.iter().zip(&came).take_while(|(due, came)| due == came).count();
    let differs = same < due.len() || same < came.len();
    let column: usize = due[..same].iter().map(|unit| unit.chars().count()).sum();
    let start = if differs && column > WINDOW - 8 { column - BEFORE } else { 0 };
    let shift = usize::from(start > 0);
    Difference {
        expected: window(&expected, start),
        actual: window(&actual, start),
        column: differs.then_some(column - start + shift),
    }
}

/// `WINDOW` characters from `start` on, with a mark where something was left out.
fn window(text: &str, start: usize) -> String {
    let mut shown: String = text.chars().skip(start).take(WINDOW).collect();
    if start > 0 {
        shown.insert(0, '…');
    }
    if text.chars().count() > start + WINDOW {
        shown.push('…');
    }
    shown
}

/// Characters, an escape being one.
fn units(text: &str) -> Vec<&str> {
    let mut units = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match (first, rest.as_bytes().get(1)) {
            ('\\', Some(b'x')) => 4,
            ('\\', Some(_)) => 2,
            _ => first.len_utf8(),
        };
        let length = if rest.is_char_boundary(length) { length } else { first.len_utf8() };
        let (unit, after) = rest.split_at(length);
        units.push(unit);
        rest = after;
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(expected: &str, actual: &str) -> Option<usize> {
        difference(expected, actual).column
    }

    #[test]
    fn the_mark_stands_at_the_first_difference() {
        assert_eq!(column(r#""hello""#, r#""hallo""#), Some(2));
        assert_eq!(column(r#""he""#, r#""hello""#), Some(3));
        assert_eq!(column("same", "same"), None);
        assert_eq!(column("", "x"), Some(0));
    }

    #[test]
    fn an_escape_differs_as_a_whole() {
        assert_eq!(column(r"a\x00b", r"a\x0fb"), Some(1));
        assert_eq!(column(r"a\\n", r"a\\t"), Some(3));
        assert_eq!(column(r"\é", r"\é!"), Some(2));
    }

    #[test]
    fn of_long_texts_what_surrounds_the_difference_is_shown() {
        let long = "abcdefghij".repeat(20);
        let other = format!("{}X{}", &long[..150], &long[151..]);
        let found = difference(&long, &other);
        let column = found.column.expect("they differ");
        assert_eq!(found.actual.chars().nth(column), Some('X'));
        assert_eq!(found.expected.chars().nth(column), Some('a'));
        assert!(found.actual.starts_with('…') && found.actual.chars().count() <= WINDOW + 2);
    }
}
