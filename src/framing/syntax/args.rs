//! A framing string taken apart: its kind, and its arguments by key.

use crate::framing::Framing;
use std::ops::Range;

use super::alias::{ALIASES, Alias};
use super::error::{SyntaxError, nearest};
use super::table::{FIELDS, KEYS, KINDS, Key};
use super::value;
use crate::framing::{Choice, CloseForm, Strategy};

/// Longer strings are refused, so that no input makes the parser work for long.
const MOST_TEXT: usize = 4096;

/// The arguments of a framing string.
pub(super) struct Args<'t> {
    text: &'t str,
    /// The kind, after aliases.
    pub(super) kind: Strategy,
    /// Where the kind stands.
    pub(super) kind_span: Range<usize>,
    list: Vec<Arg<'t>>,
}

struct Arg<'t> {
    key: &'static str,
    value: &'t str,
    span: Range<usize>,
    /// What an alias says may be said otherwise behind it.
    from_alias: bool,
}

type Result<T> = std::result::Result<T, SyntaxError>;

impl<'t> Args<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self> {
        if text.len() > MOST_TEXT {
            let start: String = text.chars().take(40).collect();
            return Err(SyntaxError::new(&start, 0..0, format!("longer than {MOST_TEXT} bytes")));
        }
        let pieces = pieces(text)?;
        let (kind_span, kind) = (pieces[0].clone(), &text[pieces[0].clone()]);
        let mut args = Self::of_kind(text, kind, kind_span)?;
        for piece in &pieces[1..] {
            let span = trimmed(text, piece.clone());
            let arg = args.arg(&text[span.clone()], span)?;
            args.add(arg)?;
        }
        Ok(args)
    }

    /// Nothing but the kind, or what an alias stands for.
    fn of_kind(text: &'t str, word: &str, kind_span: Range<usize>) -> Result<Self> {
        if let Some(kind) = Strategy::ALL.into_iter().find(|kind| kind.name() == word) {
            let list = Vec::new();
            return Ok(Self { text, kind, kind_span, list });
        }
        match ALIASES.iter().find(|alias| alias.name == word) {
            Some(alias) => Self::of_alias(text, alias, kind_span),
            None => Err(SyntaxError::new(text, kind_span, unknown_kind(word))),
        }
    }

    fn of_alias(text: &'t str, alias: &'static Alias, kind_span: Range<usize>) -> Result<Self> {
        let expanded = Args::parse(alias.expansion)?;
        let list = expanded.list.into_iter().map(|arg| {
            let span = kind_span.clone();
            Arg { span, from_alias: true, ..arg }
        });
        let (kind, list) = (expanded.kind, list.collect());
        Ok(Self { text, kind, kind_span, list })
    }

    fn arg(&self, piece: &'t str, span: Range<usize>) -> Result<Arg<'t>> {
        let word_end = piece.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        let (word, rest) = piece.split_at(word_end.unwrap_or(piece.len()));
        let from_alias = false;
        if let Some(value) = rest.strip_prefix('=') {
            let key_span = span.start..span.start + word.len();
            let key = self.key(word).map_err(|message| self.error(key_span, message))?;
            let span = span.end - value.len()..span.end;
            if key.value.is_empty() {
                return Err(self.error(span, format!("`{}` takes no value", key.name)));
            }
            let key = key.name;
            return Ok(Arg { key, value, span, from_alias });
        }
        let (key, value) = match self.bare(piece) {
            Ok(key) if key.value.is_empty() => (key.name, ""),
            Ok(key) => (key.name, piece),
            Err(message) => return Err(self.error(span, message)),
        };
        Ok(Arg { key, value, span, from_alias })
    }

    fn key(&self, word: &str) -> std::result::Result<&'static Key, String> {
        let known = KEYS.iter().find(|key| key.name == word);
        match known {
            Some(key) if key.belongs_to(self.kind) => Ok(key),
            Some(key) => Err(format!(
                "`{word}` belongs to `{}`, not to `{}`; possible: {}",
                key.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join("`, `"),
                self.kind,
                self.keys()
            )),
            None => {
                let keys = KEYS.iter().filter(|key| key.belongs_to(self.kind)).map(|key| key.name);
                Err(format!("unknown key `{word}`{}; possible: {}", hint(word, keys), self.keys()))
            }
        }
    }

    fn keys(&self) -> String {
        let keys = KEYS.iter().filter(|key| key.belongs_to(self.kind)).map(|key| key.name);
        keys.collect::<Vec<_>>().join(" ")
    }

    /// The key that an argument without `=` belongs to.
    fn bare(&self, piece: &str) -> std::result::Result<&'static Key, String> {
        let named = KEYS.iter().find(|key| key.name == piece && key.belongs_to(self.kind));
        match named {
            _ if piece.is_empty() => return Err("empty argument".to_owned()),
            Some(key) if key.value.is_empty() => return Ok(key),
            Some(key) => return Err(format!("`{piece}` needs a value: {piece}={}", key.value)),
            None => {}
        }
        let (positional, fits) = match self.kind {
            Strategy::Raw => (None, false),
            Strategy::Close => (Some("form"), CloseForm::from_word(piece).is_some()),
            Strategy::Fixed => (Some("size"), piece.starts_with(|c: char| c.is_ascii_digit())),
            Strategy::Length => (Some("field"), FIELDS.iter().any(|field| field.name == piece)),
            Strategy::Delimiter => (Some("set"), true),
        };
        match positional.and_then(|name| KEYS.iter().find(|key| key.name == name)) {
            // Only the first such argument can be meant so: a later one is a key without its value, or misspelt.
            Some(key) if fits || !self.has(key.name) => Ok(key),
            _ => Err(format!("unknown argument `{piece}`; possible: {}", self.keys())),
        }
    }

    fn add(&mut self, arg: Arg<'t>) -> Result<()> {
        match self.list.iter_mut().find(|other| other.key == arg.key) {
            Some(other) if other.from_alias => *other = arg,
            Some(_) => return Err(self.error(arg.span, format!("`{}` is given twice", arg.key))),
            None => self.list.push(arg),
        }
        Ok(())
    }

    /// Whether the key is given.
    pub(super) fn has(&self, key: &str) -> bool {
        self.list.iter().any(|arg| arg.key == key)
    }

    /// The value of a key, read by `read`.
    pub(super) fn get<T>(
        &self,
        key: &str,
        read: impl FnOnce(&str) -> std::result::Result<T, String>,
    ) -> Result<Option<T>> {
        let Some(arg) = self.list.iter().find(|arg| arg.key == key) else {
            return Ok(None);
        };
        read(arg.value).map(Some).map_err(|message| self.error(arg.span.clone(), message))
    }

    /// The value of a key with a fixed set of words.
    pub(super) fn choice<T: Choice>(&self, key: &str) -> Result<Option<T>> {
        self.get(key, |word| {
            T::from_word(word).ok_or_else(|| {
                let words: Vec<&str> = T::WORDS.iter().map(|(word, _, _)| *word).collect();
                let hint = hint(word, words.iter().copied());
                format!("unknown value `{word}` of `{key}`{hint}; possible: {}", words.join(" "))
            })
        })
    }

    /// An error at a key, or at the kind if the key is not given.
    pub(super) fn refuse<T>(&self, key: &str, message: impl Into<String>) -> Result<T> {
        let arg = self.list.iter().find(|arg| arg.key == key);
        let span = arg.map_or(self.kind_span.clone(), |arg| arg.span.clone());
        Err(self.error(span, message))
    }

    fn error(&self, span: Range<usize>, message: impl Into<String>) -> SyntaxError {
        SyntaxError::new(self.text, span, message)
    }
}

/// The kind, and the arguments behind `:` or `,`.
fn pieces(text: &str) -> Result<Vec<Range<usize>>> {
    let kind = trimmed(text, 0..text.find([':', ',']).unwrap_or(text.len()));
    let mut pieces = vec![kind.clone()];
    let rest = text[kind.end..].trim_start();
    if rest.len() > 1 {
        let start = text.len() - rest.len() + 1;
        let args = value::split(&text[start..], &[',']);
        let args = args.map_err(|at| SyntaxError::new(text, start + at..start + at + 1, "never closed"))?;
        pieces.extend(args.into_iter().map(|arg| arg.start + start..arg.end + start));
    }
    Ok(pieces)
}

fn trimmed(text: &str, span: Range<usize>) -> Range<usize> {
    let piece = &text[span.clone()];
    let start = span.start + piece.len() - piece.trim_start().len();
    start..start + piece.trim().len()
}

fn unknown_kind(word: &str) -> String {
    let kinds = KINDS.iter().map(|kind| kind.name);
    let all: Vec<&str> = kinds.chain(ALIASES.iter().map(|alias| alias.name)).collect();
    // `u32be` is a field, and stands behind its strategy.
    let full = ["length", "delimiter", "fixed"].map(|strategy| format!("{strategy}:{word}"));
    let full = full.iter().find(|full| !word.is_empty() && full.parse::<Framing>().is_ok());
    let hint = match full {
        Some(full) => format!(", did you mean `{full}`?"),
        None => hint(word, all.iter().copied()),
    };
    format!("unknown framing `{word}`{hint}; possible: {}", all.join(" "))
}

/// A question, if `word` looks like a misspelling.
pub(super) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |near| format!(", did you mean `{near}`?"))
}
