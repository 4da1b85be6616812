//! One JSON object a line, for programs that read along: what a run begins with, each result, how it ended.

use serde::Serialize;

use super::model::{CaseResult, Conformance, Report, RequirementResult, Summary};
use crate::oracle::{Level, Verdict};

/// The version of these lines.
pub const EVENTS_SCHEMA: &str = "echospec-events/1";

/// One line. While a run is on its way, `Phase` and `Case` tell how far it is; the verdict of a `Case` may still change
/// when it is confirmed. `Run`, `Result`, `Requirement` and `End` are written when all is known.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum LineEvent<'a> {
    /// The run goes on to something else.
    Phase {
        /// [`EVENTS_SCHEMA`].
        schema: &'a str,
        /// The framing in progress.
        framing: &'a str,
        /// What is being done.
        name: &'a str,
        /// How many cases that is.
        cases: usize,
    },
    /// A case was played.
    Case {
        /// The framing in progress.
        framing: &'a str,
        /// The case, without its framing.
        id: &'a str,
        /// What it came to for now.
        verdict: Verdict,
    },
    /// What was judged.
    Run {
        /// [`EVENTS_SCHEMA`].
        schema: &'a str,
        /// Version of echospec.
        version: &'a str,
        /// What was judged, in words.
        target: &'a str,
        /// Its address.
        address: &'a str,
        /// The framings.
        framings: &'a [String],
        /// Which levels count as failures.
        level: Level,
        /// What everything random followed from.
        seed: &'a str,
    },
    /// What a case came to.
    Result(&'a CaseResult),
    /// What a requirement came to.
    Requirement(&'a RequirementResult),
    /// The end.
    End {
        /// The verdict on the whole.
        verdict: Conformance,
        /// The exit code.
        exit_code: u8,
        /// How many came to what.
        summary: &'a Summary,
    },
}

impl LineEvent<'_> {
    /// The line with its end.
    pub fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).unwrap_or_else(|error| error.to_string().into_bytes());
        line.push(b'\n');
        line
    }
}

pub(super) fn render(report: &Report) -> Vec<u8> {
    let run = LineEvent::Run {
        schema: EVENTS_SCHEMA,
        version: &report.version,
        target: &report.target,
        address: &report.volatile.address,
        framings: &report.framings,
        level: report.level,
        seed: &report.seed,
    };
    let mut out = run.line();
    report.cases.iter().for_each(|case| out.extend(LineEvent::Result(case).line()));
    report.requirements.iter().for_each(|one| out.extend(LineEvent::Requirement(one).line()));
    let exit_code = report.exit_code();
    out.extend(LineEvent::End { verdict: report.verdict, exit_code, summary: &report.summary }.line());
    out
}
