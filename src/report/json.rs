//! All that is known, for programs; and read back again.

use serde::Deserialize;
use thiserror::Error;

use super::model::{READABLE, Report, SCHEMA};

/// Why a text is no report that this version reads.
#[derive(Debug, Error)]
pub enum ReadError {
    /// Not JSON at all.
    #[error("no JSON: {0}")]
    NotJson(serde_json::Error),
    /// JSON, but nothing that echospec wrote.
    #[error("no echospec report: the field `schema` is missing")]
    NoSchema,
    /// Written by a version that this one does not know.
    #[error("the report has the schema `{0}`, this version reads {known}: render it with the version that wrote it", known = known())]
    UnknownSchema(String),
    /// Has the right schema and another shape.
    #[error("no whole report: {0}")]
    Damaged(serde_json::Error),
}

#[derive(Deserialize)]
struct Envelope {
    schema: Option<String>,
}

pub(super) fn render(report: &Report) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(report).unwrap_or_else(|error| error.to_string().into_bytes());
    bytes.push(b'\n');
    bytes
}

fn known() -> String {
    READABLE.iter().map(|schema| format!("`{schema}`")).collect::<Vec<_>>().join(" and ")
}

/// Reads a report that the JSON format wrote, this version's or an older one's. One of another schema is refused, not
/// guessed at.
pub fn parse(json: &[u8]) -> Result<Report, ReadError> {
    let envelope: Envelope = serde_json::from_slice(json)
        .map_err(|e| if e.is_data() { ReadError::NoSchema } else { ReadError::NotJson(e) })?;
    match envelope.schema {
        None => Err(ReadError::NoSchema),
        Some(schema) if !READABLE.contains(&schema.as_str()) => Err(ReadError::UnknownSchema(schema)),
        Some(_) => {
            let report: Report = serde_json::from_slice(json).map_err(ReadError::Damaged)?;
            Ok(Report { schema: SCHEMA.into(), ..report })
        }
    }
}

/// The JSON Schema of a report, pretty-printed.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Report);
    format!("{:#}\n", schema.as_value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{specimen, tests::golden};

    #[test]
    fn a_report_that_was_written_is_read_back_the_same() {
        let mut report = specimen::specimen();
        for breach in report.cases.iter_mut().flat_map(|case| &mut case.breaches) {
            breach.evidence.clear(); // points into the trace, which is not kept
        }
        assert_eq!(parse(&render(&report)).expect("our own report"), report);
    }

    #[test]
    fn what_is_no_report_is_refused_with_a_reason() {
        let refused = |json: &str| parse(json.as_bytes()).expect_err("no report").to_string();
        insta::assert_snapshot!(refused("{"), @"no JSON: EOF while parsing an object at line 1 column 1");
        let invalid = parse(b"{\"schema\": \"\xff\"}").expect_err("no UTF-8").to_string();
        insta::assert_snapshot!(invalid, @"no JSON: invalid unicode code point at line 1 column 13");
        insta::assert_snapshot!(refused("[]"), @"no echospec report: the field `schema` is missing");
        insta::assert_snapshot!(refused("{\"cases\": []}"), @"no echospec report: the field `schema` is missing");
        insta::assert_snapshot!(refused(r#"{"schema": "echospec-report/99"}"#), @"the report has the schema `echospec-report/99`, this version reads `echospec-report/1` and `echospec-report/2`: render it with the version that wrote it");
        insta::assert_snapshot!(refused(r#"{"schema": "echospec-report/1"}"#), @"no whole report: missing field `version` at line 1 column 31");
    }

    #[test]
    fn the_schema_is_as_reviewed() {
        golden("schema", schema().as_bytes());
    }
}
