//! The two streams that a command writes to.

use std::io::{self, ErrorKind, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use clap::builder::StyledStr;

use super::exit::Failure;

/// Standard output and standard error, and what they can show.
pub struct Console<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    out_color: bool,
    err_color: bool,
    err_terminal: bool,
}

impl<'a> Console<'a> {
    /// Streams that take no colour and are no terminals.
    pub fn plain(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self { out, err, out_color: false, err_color: false, err_terminal: false }
    }

    /// The process's own streams; colour as `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and the terminal have it.
    pub fn standard(out: &'a mut io::Stdout, err: &'a mut io::Stderr) -> Self {
        let colored = |choice| choice != anstream::ColorChoice::Never;
        Self {
            out_color: colored(anstream::AutoStream::choice(out)),
            err_color: colored(anstream::AutoStream::choice(err)),
            err_terminal: err.is_terminal(),
            out,
            err,
        }
    }

    /// Whether standard output shows colour.
    pub(super) fn takes_color(&self) -> bool {
        self.out_color
    }

    /// Whether somebody may be watching standard error.
    pub(super) fn is_watched(&self) -> bool {
        self.err_terminal
    }

    /// Writes to standard output, at once. A reader that has gone away has seen enough.
    pub(super) fn print(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.out.write_all(bytes).and_then(|()| self.out.flush());
        match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::Output("standard output".into(), error))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn print_styled(&mut self, text: &StyledStr) -> Result<(), Failure> {
        let text = if self.out_color { text.ansi().to_string() } else { text.to_string() };
        self.print(text.as_bytes())
    }

    pub(super) fn warn_styled(&mut self, text: &StyledStr) {
        let text = if self.err_color { text.ansi().to_string() } else { text.to_string() };
        _ = self.err.write_all(text.as_bytes());
    }

    /// A remark on standard error. There is nowhere to report that it cannot be written.
    pub(super) fn remark(&mut self, text: &str) {
        _ = writeln!(self.err, "{text}");
    }

    /// A line of a difference on standard error, in the colour of its sign.
    pub(super) fn difference(&mut self, sign: char, line: &str) {
        let style = match sign {
            '-' => AnsiColor::Red.on_default(),
            '+' => AnsiColor::Green.on_default(),
            '@' => AnsiColor::Cyan.on_default(),
            _ => Style::new(),
        };
        let style = if self.err_color { style } else { Style::new() };
        let lead = if sign == '@' { String::new() } else { sign.to_string() };
        _ = writeln!(self.err, "{style}{lead}{line}{style:#}");
    }

    pub(super) fn complain(&mut self, failure: &Failure) {
        let style = clap::builder::Styles::styled();
        let style = if self.err_color { *style.get_error() } else { Style::new() };
        _ = writeln!(self.err, "{style}error:{style:#} {failure}");
    }
}
