//! A badge, as shields.io reads it from an address (<https://shields.io/badges/endpoint-badge>).

use serde::Serialize;

use super::model::{Conformance, Report};
use crate::oracle::Verdict;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Badge {
    schema_version: u8,
    label: &'static str,
    message: String,
    color: &'static str,
    is_error: bool,
}

pub(super) fn render(report: &Report) -> Vec<u8> {
    let passed = report.requirements_with(Verdict::Pass).count();
    let skipped = report.requirements_with(Verdict::Skipped).count();
    let share = format!("{passed} of {}", report.requirements.len() - skipped);
    let (message, color) = match report.verdict {
        Conformance::Conforms => (share, "brightgreen"),
        Conformance::DoesNotConform => (share, "red"),
        Conformance::Inconclusive => (format!("{share}, inconclusive"), "yellow"),
        Conformance::NotTested => ("not tested".into(), "lightgrey"),
    };
    let is_error = report.verdict == Conformance::DoesNotConform;
    let badge = Badge { schema_version: 1, label: "echospec", message, color, is_error };
    let mut bytes = serde_json::to_vec_pretty(&badge).unwrap_or_else(|error| error.to_string().into_bytes());
    bytes.push(b'\n');
    bytes
}
