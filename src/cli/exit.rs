//! How a command ends.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::process::ExitCode;

use thiserror::Error;

use crate::report::Conformance;

/// The exit codes. A code says what kind of outcome it was, never how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The target conforms, or the command did what it was asked for.
    Conforms = 0,
    /// The target does not conform.
    Nonconforming = 1,
    /// The command line, a scenario or an expectation file is wrong.
    Usage = 2,
    /// The target could not be tested, or echospec itself failed.
    Untested = 3,
    /// Nothing failed, but something that must be known stayed inconclusive.
    Inconclusive = 4,
    /// An expected failure passes now, or matches nothing.
    Stale = 5,
    /// The report differs from its snapshot.
    SnapshotDiffers = 6,
    /// Ended by Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// Every code with its meaning, as help prints it.
    pub const ALL: &[(Self, &str)] = &[
        (Self::Conforms, "the target conforms"),
        (Self::Nonconforming, "it does not conform"),
        (Self::Usage, "the command line, a scenario or an expectation file is wrong"),
        (
            Self::Untested,
            "the target could not be tested (refused, unreachable, never ready), or echospec itself failed",
        ),
        (Self::Inconclusive, "nothing failed, but something that must be known stayed inconclusive"),
        (Self::Stale, "expectations are stale"),
        (Self::SnapshotDiffers, "the report differs from its snapshot"),
        (Self::Interrupted, "ended by Ctrl-C; the partial report is written"),
    ];

    /// Which goes first where several apply. With a snapshot it is the accepted report that judges, so a difference
    /// goes before what it differs in.
    const PRECEDENCE: &[Self] = &[
        Self::Interrupted,
        Self::Usage,
        Self::Untested,
        Self::SnapshotDiffers,
        Self::Nonconforming,
        Self::Stale,
        Self::Inconclusive,
    ];

    /// The one that decides.
    #[must_use]
    pub fn of(all: &[Self]) -> Self {
        Self::PRECEDENCE.iter().copied().find(|exit| all.contains(exit)).unwrap_or(Self::Conforms)
    }

    /// The code of this number.
    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.iter().map(|(exit, _)| *exit).find(|exit| exit.code() == code)
    }

    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl From<Conformance> for Exit {
    fn from(verdict: Conformance) -> Self {
        match verdict {
            Conformance::Conforms => Self::Conforms,
            Conformance::DoesNotConform => Self::Nonconforming,
            Conformance::Inconclusive => Self::Inconclusive,
            Conformance::NotTested => Self::Untested,
        }
    }
}

/// What help says about exit codes.
pub(super) fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (exit, about) in Exit::ALL {
        _ = writeln!(text, "  {:>3}  {about}", exit.code());
    }
    text.push_str(
        "Where several apply, the first in the order 2, 3, 1, 5, 4 decides. With --snapshot the accepted report judges, \
         and the same is 0 (or 5), whatever it holds.",
    );
    text
}

/// Why a command did not do what it was asked for.
#[derive(Debug, Error)]
pub(super) enum Failure {
    /// Something that was given is wrong.
    #[error("{0}")]
    Usage(Box<dyn Error + Send + Sync>),
    /// A file that was given is wrong.
    #[error("{0}: {1}")]
    Input(String, String),
    /// The target could not be tested.
    #[error("{0}")]
    Untested(String),
    /// Somebody did not want to wait.
    #[error("interrupted")]
    Interrupted,
    /// Something could not be written.
    #[error("cannot write {0}: {1}")]
    Output(String, io::Error),
    /// The operating system refused something that we need.
    #[error("{0}: {1}")]
    System(String, io::Error),
}

impl Failure {
    /// A wrong command line.
    pub(super) fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Usage(error.into())
    }

    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Input(..) => Exit::Usage,
            Self::Interrupted => Exit::Interrupted,
            Self::Output(_, error) if error.kind() == io::ErrorKind::Interrupted => Exit::Interrupted,
            Self::Untested(_) | Self::Output(..) | Self::System(..) => Exit::Untested,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_in_the_documented_order_decides() {
        let order = [Exit::Usage, Exit::Untested, Exit::Nonconforming, Exit::Stale, Exit::Inconclusive];
        for (index, first) in order.iter().enumerate() {
            let mut rest = order[index..].to_vec();
            rest.reverse();
            assert_eq!(Exit::of(&rest), *first);
        }
        assert_eq!(Exit::of(&[Exit::Conforms, Exit::Inconclusive]), Exit::Inconclusive);
        assert_eq!(Exit::of(&[]), Exit::Conforms);
    }

    #[test]
    fn the_accepted_report_judges_before_the_verdict() {
        assert_eq!(Exit::of(&[Exit::Nonconforming, Exit::SnapshotDiffers]), Exit::SnapshotDiffers);
        assert_eq!(Exit::of(&[Exit::Interrupted, Exit::Usage]), Exit::Interrupted);
    }

    #[test]
    fn the_report_names_the_code_that_the_process_ends_with() {
        use Conformance::{Conforms, DoesNotConform, Inconclusive, NotTested};
        for verdict in [Conforms, DoesNotConform, Inconclusive, NotTested] {
            assert_eq!(Exit::from(verdict).code(), verdict.exit_code());
        }
    }
}
