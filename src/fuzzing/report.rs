//! The target `report`: every renderer on reports that no run would give.

use serde_json::{Value, json};

use super::cursor::{Code, Cursor};
use crate::report::{self, FORMATS, Report};

/// Most cases and most requirements.
const MOST: u8 = 6;

const VERDICTS: [&str; 6] = ["pass", "fail", "flaky", "inconclusive", "skipped", "not-run"];
const LEVELS: [&str; 3] = ["must", "should", "may"];
const CONFORMANCE: [&str; 4] = ["conforms", "does-not-conform", "inconclusive", "not-tested"];

/// The law of the target `report`: whatever a report says, every format is UTF-8 without control characters, JSON is
/// JSON and reads back to the same, and XML is well-formed.
///
/// The report is made of the input's bytes: a byte chooses a row of a table, a text is a byte of length and its bytes.
pub fn report(data: &[u8]) {
    let report = made_up(&mut Cursor(data));
    for format in FORMATS {
        let rendered = (format.render)(&report);
        let text = String::from_utf8(rendered).unwrap_or_else(|error| panic!("{}: {error}", format.name));
        well_formed(format.name, &text, &report);
    }
}

fn well_formed(format: &str, text: &str, report: &Report) {
    if format == "json" {
        let again = report::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(&again, report);
        return;
    }
    if ["ndjson", "badge"].contains(&format) {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        assert!(values.all(|value| value.is_ok()), "{format} is not JSON:\n{text}");
        return;
    }
    let passed = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(passed, None, "{format} lets a control character through:\n{text}");
    #[cfg(any(test, fuzzing))]
    if format == "junit" {
        xml(text);
    }
}

#[cfg(any(test, fuzzing))]
fn xml(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().enable_all_checks(true);
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Eof) => return,
            Ok(quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag)) => {
                for attribute in tag.attributes() {
                    let attribute = attribute.unwrap_or_else(|error| panic!("{error}\n{text}"));
                    attribute
                        .normalized_value(quick_xml::XmlVersion::Explicit1_0)
                        .unwrap_or_else(|error| panic!("{error}\n{text}"));
                }
            }
            Ok(_) => {}
            Err(error) => panic!("{error}\n{text}"),
        }
    }
}

/// A report, by way of its JSON, in which everything that has no say is as in an empty one.
fn made_up(cursor: &mut Cursor<'_>) -> Report {
    let framing = text(cursor);
    let value = json!({
        "schema": report::SCHEMA,
        "version": text(cursor),
        "target": text(cursor),
        "framing": &framing,
        "framings": [&framing, text(cursor)],
        "level": row(cursor, &LEVELS),
        "seed": text(cursor),
        "verdict": row(cursor, &CONFORMANCE),
        "summary": {
            "cases": { row(cursor, &VERDICTS): cursor.byte() },
            "requirements": { row(cursor, &VERDICTS): cursor.byte() },
            "warnings": cursor.byte(),
        },
        "requirements": many(cursor, requirement),
        "cases": many(cursor, |cursor| case(cursor, &framing)),
        "findings": many(cursor, |cursor| finding(cursor, &framing)),
        "volatile": volatile(cursor),
    });
    serde_json::from_value(value).expect("the JSON of a report")
}

fn text(cursor: &mut Cursor<'_>) -> String {
    let len = cursor.byte() % 48;
    String::from_utf8_lossy(cursor.bytes(len.into())).into_owned()
}

fn row(cursor: &mut Cursor<'_>, table: &[&'static str]) -> &'static str {
    table[usize::from(cursor.byte()) % table.len()]
}

fn many(cursor: &mut Cursor<'_>, one: impl Fn(&mut Cursor<'_>) -> Value) -> Vec<Value> {
    let count = cursor.byte() % (MOST + 1);
    (0..count).map(|_| one(cursor)).collect()
}

fn requirement(cursor: &mut Cursor<'_>) -> Value {
    json!({
        "id": text(cursor),
        "level": row(cursor, &LEVELS),
        "verdict": row(cursor, &VERDICTS),
        "sentence": text(cursor),
        "cases": [text(cursor)],
    })
}

fn case(cursor: &mut Cursor<'_>, framing: &str) -> Value {
    let mut case = json!({
        "id": text(cursor),
        "scenario": text(cursor),
        "framing": framing,
        "title": text(cursor),
        "requirements": [text(cursor)],
        "verdict": row(cursor, &VERDICTS),
        "stimulus": many(cursor, |cursor| text(cursor).into()),
        "breaches": many(cursor, breach),
    });
    if cursor.byte() & 1 == 1 {
        case["reason"] = text(cursor).into();
    }
    case
}

fn breach(cursor: &mut Cursor<'_>) -> Value {
    let mut breach = json!({ "rule": text(cursor), "sentence": text(cursor), "timing": cursor.byte() & 1 == 1 });
    let which = cursor.byte();
    for (bit, key) in ["expected", "actual"].iter().enumerate() {
        if which >> bit & 1 == 1 {
            breach[key] = text(cursor).into();
        }
    }
    if which >> 2 & 1 == 1 {
        breach["differs_at"] = cursor.word().into();
    }
    breach
}

fn finding(cursor: &mut Cursor<'_>, framing: &str) -> Value {
    json!({
        "framing": framing,
        "key": text(cursor),
        "value": text(cursor),
        "declared": cursor.byte() & 1 == 1,
        "sentence": text(cursor),
    })
}

fn volatile(cursor: &mut Cursor<'_>) -> Value {
    json!({
        "address": text(cursor),
        "started": text(cursor),
        "seconds": f64::from(u16::read(cursor)) / 8.0,
        "round_trip_ms": { text(cursor): f64::from(cursor.byte()) / 4.0 },
        "logs": { text(cursor): { "wire": [text(cursor), text(cursor)], "details": [text(cursor)], "rerun": text(cursor) } },
        "seconds_by_scenario": { text(cursor): f64::from(cursor.byte()) },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_law_holds(data in proptest::collection::vec(any::<u8>(), 0..600)) {
            super::report(&data);
        }
    }
}
