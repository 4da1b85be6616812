//! One model, a file for each format.
//!
//! A renderer is a pure function from a [`Report`] to bytes: it opens nothing, asks no clock and only writes. What a
//! report says may come from the target, or from a file that somebody else wrote, so each renderer escapes it.

mod badge;
mod canonical;
mod comparison;
mod difference;
mod escape;
mod expectation;
mod folding;
mod github;
mod html;
mod json;
mod junit;
mod markdown;
mod merge;
mod model;
mod ndjson;
mod reading;
mod sentence;
mod snapshot;
#[cfg(test)]
mod specimen;
mod tap;
pub mod text;

pub use canonical::canonical;
pub use comparison::{COMPARISONS, Comparison, ComparisonFormat};
pub use expectation::{Expectations, Known, Run, schema as expectation_schema};
pub use folding::{conformance, requirements, summary};
pub use json::{ReadError, parse, schema};
pub use merge::{MergeError, Merged, merge};
pub use model::*;
pub use ndjson::{EVENTS_SCHEMA, LineEvent};
pub use reading::Tallies;
pub use snapshot::{Snapshot, difference};

/// A way to write a report.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// As it stands on the command line.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Report to bytes.
    pub render: fn(&Report) -> Vec<u8>,
}

/// Every format.
pub const FORMATS: &[Format] = &[
    Format { name: "text", about: "for people at a terminal", render: text::render },
    Format { name: "json", about: "all that is known; `echospec report` renders it again", render: json::render },
    Format { name: "junit", about: "JUnit XML, for CI servers", render: junit::render },
    Format { name: "tap", about: "TAP 14, for test harnesses", render: tap::render },
    Format {
        name: "html",
        about: "one page that needs no network: filters, and what went over the wire",
        render: html::render,
    },
    Format { name: "markdown", about: "canonical, the same from run to run: for review", render: markdown::render },
    Format {
        name: "ndjson",
        about: "one JSON object a line, written while the run is on its way",
        render: ndjson::render,
    },
    Format {
        name: "github",
        about: "annotations (::error) for the output of a GitHub workflow",
        render: github::render,
    },
    Format { name: "badge", about: "JSON that shields.io makes a badge from", render: badge::render },
];

/// The format of this name.
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares a rendering with its golden file in `snapshots/`.
    pub(super) fn golden(name: &str, rendered: &[u8]) {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/report"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let rendered = std::str::from_utf8(rendered).expect("a report is UTF-8");
        settings.bind(|| insta::assert_snapshot!(name, rendered));
    }

    #[test]
    fn every_format_renders_the_specimen_as_reviewed() {
        for format in FORMATS {
            golden(format.name, &(format.render)(&specimen::specimen()));
        }
    }

    #[test]
    fn every_format_renders_a_report_of_nothing() {
        for format in FORMATS {
            golden(&format!("{}-of-nothing", format.name), &(format.render)(&specimen::nothing()));
        }
    }

    #[test]
    fn no_format_lets_a_control_character_through_unescaped() {
        for format in FORMATS {
            let text = String::from_utf8((format.render)(&specimen::specimen())).expect("a report is UTF-8");
            let passed = text.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(passed, None, "{}", format.name);
        }
    }

    /// Every case failed and has a log, in the proportions of the specimen.
    fn large(cases: usize) -> Report {
        let mut report = specimen::specimen();
        let patterns = report.cases.clone();
        report.cases = (0..cases)
            .map(|n| CaseResult {
                id: format!("{}#{n}", patterns[n % patterns.len()].id),
                ..patterns[n % patterns.len()].clone()
            })
            .collect();
        let log = report.volatile.logs["cut/one[cut=3]"].clone();
        report.volatile.logs = report.cases.iter().map(|case| (case.id.clone(), log.clone())).collect();
        report.requirements = requirements(&report.cases);
        report
    }

    /// `cargo test --release --lib -- --ignored twenty_thousand`
    #[test]
    #[ignore = "measures, so it needs a release build and a machine that is idle"]
    fn a_report_of_twenty_thousand_cases_renders_within_two_seconds_in_every_format() {
        let report = large(20_000);
        for format in FORMATS {
            let begun = std::time::Instant::now();
            let bytes = (format.render)(&report).len();
            let took = begun.elapsed();
            println!("{:<9} {took:>8.0?} {bytes:>11} bytes", format.name);
            assert!(took.as_secs_f64() < 2.0, "{} took {took:?}", format.name);
        }
    }

    #[test]
    fn formats_are_found_by_name() {
        assert_eq!(format("tap").map(|format| format.name), Some("tap"));
        assert!(format("pdf").is_none());
    }
}
