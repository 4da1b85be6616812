//! The few styles of the page.

use anstyle::{AnsiColor, Style};

use crate::oracle::Verdict;

/// A style for each meaning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    pub(super) bold: Style,
    pub(super) dim: Style,
    pub(super) pass: Style,
    pub(super) fail: Style,
    pub(super) warn: Style,
}

pub(super) const PLAIN: Palette =
    Palette { bold: Style::new(), dim: Style::new(), pass: Style::new(), fail: Style::new(), warn: Style::new() };

pub(super) const COLORED: Palette = Palette {
    bold: Style::new().bold(),
    dim: Style::new().dimmed(),
    pass: AnsiColor::Green.on_default(),
    fail: AnsiColor::Red.on_default().bold(),
    warn: AnsiColor::Yellow.on_default(),
};

impl Palette {
    pub(super) fn of(&self, verdict: Verdict, warning: bool) -> Style {
        match verdict {
            Verdict::Pass => self.pass,
            Verdict::Fail if !warning => self.fail,
            Verdict::Fail | Verdict::Flaky | Verdict::Inconclusive => self.warn,
            Verdict::Skipped | Verdict::NotRun => self.dim,
        }
    }
}
