//! What went over the wire, event by event, as a drawing needs it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::told;
use super::excerpt::{excerpt, last_lines};
use super::verdict::Breach;
use crate::session::{Conn, Event, Outcome, Proof, Record, Trace};

/// Of a longer segment, its beginning is kept, so many bytes of it,
const HEAD: usize = 48;

/// and so many of its end.
const TAIL: usize = 16;

/// A log with more events is kept by its beginning and its end.
const EVENTS: usize = 60;

/// One event on a connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WireEvent {
    /// Since the start of the case, in milliseconds.
    pub at_ms: f64,
    /// The connection: `a`, `b`, …
    pub conn: String,
    /// What happened.
    pub kind: WireKind,
    /// How many bytes the segment had.
    #[serde(skip_serializing_if = "is_default", default)]
    pub length: u64,
    /// Its first bytes, or all of them, in hex.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub head: String,
    /// Its last bytes, in hex, where something between is left out.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub tail: String,
    /// What else is to be said.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub note: String,
    /// Whether this proves what was broken.
    #[serde(skip_serializing_if = "is_default", default)]
    pub proves: bool,
    /// Which byte of the segment is the first that is not as it was due, from 0.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub differs_at: Option<u64>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What happened on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WireKind {
    /// The handshake was completed.
    Connected,
    /// It was not.
    NotConnected,
    /// Bytes left, in one segment.
    Sent,
    /// What came before was read apart from what follows, or was not seen to be.
    Cut,
    /// Our FIN.
    SentFin,
    /// Our RST.
    SentReset,
    /// We closed both directions.
    Closed,
    /// Writing failed.
    WriteFailed,
    /// Bytes came.
    Received,
    /// The target's FIN.
    Fin,
    /// The target's RST.
    Reset,
    /// A remark about what did not happen.
    #[default]
    Note,
}

/// The events of a trace, with those marked that prove the breaches.
pub fn wire_events(trace: &Trace, breaches: &[Breach]) -> Vec<WireEvent> {
    let mut events = Vec::new();
    let mut received: BTreeMap<Conn, u64> = BTreeMap::new();
    for (index, record) in trace.records.iter().enumerate() {
        let Some(event) = event(&record.event) else { continue };
        let proves = breaches.iter().any(|breach| breach.evidence.contains(&index));
        let mut differs_at = None;
        if let Event::Received(bytes) = &record.event {
            let before = received.entry(record.conn).or_default();
            differs_at = breaches.iter().find_map(|breach| differing(trace, record, *before, breach));
            *before += bytes.len() as u64;
        }
        let (at_ms, conn) = (record.at.as_secs_f64() * 1e3, record.conn.to_string());
        events.push(WireEvent { at_ms: (at_ms * 1e3).round() / 1e3, conn, proves, differs_at, ..event });
    }
    shorten(events)
}

/// Which byte of this record the breach is about, if it is one of them.
fn differing(trace: &Trace, record: &Record, before: u64, breach: &Breach) -> Option<u64> {
    let proof = trace.records.get(*breach.evidence.first()?)?;
    let Event::Received(bytes) = &record.event else { return None };
    let at = breach.wire_at?.checked_sub(before)?;
    (record.conn == proof.conn && at < bytes.len() as u64).then_some(at)
}

fn event(event: &Event) -> Option<WireEvent> {
    let note = |kind, note: String| Some(WireEvent { kind, note, ..WireEvent::default() });
    let plain = |kind| Some(WireEvent { kind, ..WireEvent::default() });
    match event {
        Event::Promised(_) | Event::OutOfTime { .. } | Event::Step { outcome: Outcome::Met, .. } => None,
        Event::Connected => plain(WireKind::Connected),
        Event::ConnectFailed(why) => note(WireKind::NotConnected, why.to_string()),
        Event::Sent(bytes) => Some(segment(WireKind::Sent, bytes)),
        Event::Received(bytes) => Some(segment(WireKind::Received, bytes)),
        Event::Apart(Proof::Read) => note(WireKind::Cut, "the target has read everything so far".into()),
        Event::Apart(Proof::Acked) => note(WireKind::Cut, "everything so far was acknowledged".into()),
        Event::Apart(Proof::None) => note(WireKind::Cut, "not seen to have been read apart".into()),
        Event::Apart(Proof::Moot) => note(WireKind::Note, "not read yet".into()),
        Event::Apart(Proof::Gone) => note(WireKind::Note, "the target has closed its socket".into()),
        Event::SentUrgent => note(WireKind::Note, "a byte of urgent data was sent".into()),
        Event::SentFin => plain(WireKind::SentFin),
        Event::SentReset => plain(WireKind::SentReset),
        Event::Closed => plain(WireKind::Closed),
        Event::Fin => plain(WireKind::Fin),
        Event::Reset => plain(WireKind::Reset),
        Event::WriteFailed(why) => note(WireKind::WriteFailed, why.to_string()),
        Event::Again => note(WireKind::Note, "another connection came".into()),
        Event::Output(bytes) => note(WireKind::Note, format!("standard output: {}", excerpt(bytes))),
        Event::Errors(bytes) => note(WireKind::Note, format!("standard error: {}", last_lines(bytes))),
        Event::Left(departure) => note(WireKind::Note, format!("the client {}", told(departure.how))),
        Event::Flood => note(WireKind::Note, "reading stopped: more came than can be right".into()),
        Event::Step { outcome, .. } => note(WireKind::Note, format!("waiting ended: {outcome}")),
    }
}

fn segment(kind: WireKind, bytes: &[u8]) -> WireEvent {
    let whole = bytes.len() <= HEAD + TAIL;
    let (head, tail) = if whole { (bytes, &[][..]) } else { (&bytes[..HEAD], &bytes[bytes.len() - TAIL..]) };
    WireEvent { kind, length: bytes.len() as u64, head: hex(head), tail: hex(tail), ..WireEvent::default() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Keeps what proves something, the beginning and the end.
fn shorten(events: Vec<WireEvent>) -> Vec<WireEvent> {
    let all = events.len();
    if all <= EVENTS {
        return events;
    }
    let mut kept: Vec<WireEvent> = Vec::with_capacity(EVENTS);
    let mut left_out = 0;
    for (index, event) in events.into_iter().enumerate() {
        let wanted = index < EVENTS / 2 || index >= all - EVENTS / 2;
        if !(wanted || event.proves || event.differs_at.is_some()) {
            left_out += 1;
            continue;
        }
        if left_out > 0 {
            let note = format!("… {left_out} further events …");
            kept.push(WireEvent { at_ms: event.at_ms, note, ..WireEvent::default() });
            left_out = 0;
        }
        kept.push(event);
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;

    fn trace(events: &[Event]) -> Trace {
        let record = |(index, event): (usize, &Event)| Record {
            at: Duration::from_micros(1500 * index as u64),
            conn: Conn(0),
            event: event.clone(),
        };
        Trace { records: events.iter().enumerate().map(record).collect() }
    }

    fn received(text: &'static str) -> Event {
        Event::Received(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn the_differing_byte_is_found_in_its_segment() {
        let trace = trace(&[Event::Connected, received("abc"), received("dXf"), Event::Fin]);
        let breach = Breach { wire_at: Some(4), evidence: vec![2], ..Breach::default() };
        let events = wire_events(&trace, &[breach]);
        assert_eq!(events.iter().map(|event| event.differs_at).collect::<Vec<_>>(), [None, None, Some(1), None]);
        assert_eq!(events.iter().map(|event| event.proves).collect::<Vec<_>>(), [false, false, true, false]);
    }

    #[test]
    fn a_long_segment_is_kept_by_its_ends_and_a_long_log_by_its_ends_and_its_proof() {
        let long = Event::Sent(Bytes::from(vec![7; 1000]));
        let events = wire_events(&trace(&[long]), &[]);
        assert_eq!((events[0].length, events[0].head.len(), events[0].tail.len()), (1000, 2 * HEAD, 2 * TAIL));
        let mut many = vec![received("x"); 500];
        many[250] = received("y");
        let breach = Breach { evidence: vec![250], ..Breach::default() };
        let events = wire_events(&trace(&many), &[breach]);
        assert_eq!(events.len(), EVENTS + 3);
        assert!(events.iter().any(|event| event.proves && event.head == "79"));
    }
}
