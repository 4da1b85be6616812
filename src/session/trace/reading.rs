//! A trace from its text: the inverse of its `Display`.

use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use super::{DUTIES, Event, FAILURES, OUTCOMES, PROOFS, Record, Trace};
use crate::session::{Conn, Promise};

/// A line that is no record of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line} of the trace: `{text}` is {wrong}")]
pub struct TraceError {
    /// Which line, from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
    /// What is wrong with it, and what would be right.
    pub wrong: &'static str,
}

impl FromStr for Trace {
    type Err = TraceError;

    /// Times are read as they are written, to the microsecond.
    fn from_str(text: &str) -> Result<Self, TraceError> {
        let mut records: Vec<Record> = Vec::new();
        for (index, text) in text.lines().enumerate() {
            let refused = |wrong| TraceError { line: index + 1, text: text.to_owned(), wrong };
            let record = record(text).map_err(refused)?;
            if records.last().is_some_and(|before| before.at > record.at) {
                return Err(refused("earlier than the line before it; times never fall"));
            }
            records.push(record);
        }
        Ok(Self { records })
    }
}

fn record(line: &str) -> Result<Record, &'static str> {
    let mut words = line.splitn(3, ' ');
    let at = words.next().and_then(time).ok_or("not begun by a time such as `0.000050`")?;
    let conn = words.next().and_then(conn).ok_or("without the name of a connection, such as `a` or `b1`")?;
    let event = words.next().and_then(event).ok_or("no event, such as `connected`, `> \"bytes\"` or `step 2 met`")?;
    Ok(Record { at, conn, event })
}

fn time(text: &str) -> Option<Duration> {
    let (secs, micros) = text.split_once('.')?;
    let is_written = micros.len() == 6 && micros.bytes().all(|byte| byte.is_ascii_digit());
    let micros: u32 = micros.parse().ok().filter(|_| is_written)?;
    Some(Duration::new(secs.parse().ok()?, micros * 1000))
}

fn conn(text: &str) -> Option<Conn> {
    let (letter, round) = (*text.as_bytes().first()?, text.get(1..)?);
    let round: u16 = if round.is_empty() { 0 } else { round.parse().ok().filter(|round| *round > 0)? };
    let letter = letter.is_ascii_lowercase().then(|| u16::from(letter - b'a'))?;
    round.checked_mul(26)?.checked_add(letter).map(Conn)
}

fn event(text: &str) -> Option<Event> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    Some(match (word, rest) {
        ("connected", "") => Event::Connected,
        ("connect-failed", why) => Event::ConnectFailed(named(&FAILURES, why)?),
        ("promised", promise) => {
            let (duty, payload) = promise.split_once(' ')?;
            let (copies, payload) = payload.split_once(" x ")?;
            let copies = copies.parse().ok().filter(|copies| *copies > 0)?;
            Event::Promised(Promise { duty: named(&DUTIES, duty)?, payload: quoted(payload)?, copies })
        }
        (">", "FIN") => Event::SentFin,
        (">", "RST") => Event::SentReset,
        (">", "urgent") => Event::SentUrgent,
        (">", "close") => Event::Closed,
        (">", bytes) => Event::Sent(quoted(bytes)?),
        ("<", "FIN") => Event::Fin,
        ("<", "RST") => Event::Reset,
        ("<", bytes) => Event::Received(quoted(bytes)?),
        ("apart", proof) => Event::Apart(named(&PROOFS, proof)?),
        ("write-failed", why) => Event::WriteFailed(named(&FAILURES, why)?),
        ("flood", "") => Event::Flood,
        ("again", "") => Event::Again,
        ("output", bytes) => Event::Output(quoted(bytes)?),
        ("errors", bytes) => Event::Errors(quoted(bytes)?),
        ("left", how) => Event::Left(how.parse().ok()?),
        ("step", step) => {
            let (step, outcome) = step.split_once(' ')?;
            Event::Step { step: step.parse().ok()?, outcome: named(&OUTCOMES, outcome)? }
        }
        ("out-of-time", step) => Event::OutOfTime { step: step.parse().ok()? },
        _ => return None,
    })
}

fn named<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
}

/// Bytes in quotes, as [`escape_ascii`](slice::escape_ascii) writes them.
fn quoted(text: &str) -> Option<Bytes> {
    let mut rest = text.strip_prefix('"')?.strip_suffix('"')?.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((first, behind)) = rest.split_first() {
        let (byte, behind) = match first {
            b'\\' => escaped(behind)?,
            b'"' => return None,
            byte => (*byte, behind),
        };
        bytes.push(byte);
        rest = behind;
    }
    Some(bytes.into())
}

fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let (kind, rest) = text.split_first()?;
    let byte = match kind {
        b't' => b'\t',
        b'r' => b'\r',
        b'n' => b'\n',
        b'\\' | b'\'' | b'"' => *kind,
        b'x' => {
            let (digits, rest) = rest.split_at_checked(2)?;
            let digit = |byte: u8| char::from(byte).to_digit(16);
            return Some(((digit(digits[0])? * 16 + digit(digits[1])?) as u8, rest));
        }
        _ => return None,
    };
    Some((byte, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::{Departure, Duty, Exit, Failure, Outcome, Proof};

    fn bytes() -> impl Strategy<Value = Bytes> {
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from)
    }

    fn of<T: Copy + std::fmt::Debug>(table: &'static [(&str, T)]) -> impl Strategy<Value = T> {
        proptest::sample::select(table).prop_map(|(_, value)| value)
    }

    fn departures() -> impl Strategy<Value = Departure> {
        let code = any::<i32>;
        let how = prop_oneof![
            code().prop_map(Exit::Success),
            code().prop_map(Exit::Failure),
            code().prop_map(Exit::Unknown),
            code().prop_map(Exit::Signal),
            Just(Exit::Ended),
            Just(Exit::Unseen),
        ];
        let taken = any::<Option<u64>>;
        (how, taken(), taken(), taken(), taken()).prop_map(|(how, memory, space, cpu, held)| Departure {
            how,
            memory,
            space,
            cpu,
            held,
        })
    }

    fn events() -> impl Strategy<Value = Event> {
        let promised = (of(&DUTIES), bytes(), 1_u32..)
            .prop_map(|(duty, payload, copies)| Event::Promised(Promise { payload, duty, copies }));
        prop_oneof![
            Just(Event::Connected),
            of(&FAILURES).prop_map(Event::ConnectFailed),
            promised,
            bytes().prop_map(Event::Sent),
            of(&PROOFS).prop_map(Event::Apart),
            Just(Event::SentFin),
            Just(Event::SentReset),
            Just(Event::SentUrgent),
            Just(Event::Closed),
            bytes().prop_map(Event::Received),
            Just(Event::Fin),
            Just(Event::Reset),
            of(&FAILURES).prop_map(Event::WriteFailed),
            Just(Event::Flood),
            Just(Event::Again),
            bytes().prop_map(Event::Output),
            bytes().prop_map(Event::Errors),
            departures().prop_map(Event::Left),
            (any::<usize>(), of(&OUTCOMES)).prop_map(|(step, outcome)| Event::Step { step, outcome }),
            any::<usize>().prop_map(|step| Event::OutOfTime { step }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(events in proptest::collection::vec((0_u64..1 << 40, any::<u16>(), events()), 0..20)) {
            let mut at = Duration::ZERO;
            let records = events.into_iter().map(|(later, conn, event)| {
                at += Duration::from_micros(later);
                Record { at, conn: Conn(conn), event }
            });
            let trace = Trace { records: records.collect() };
            prop_assert_eq!(trace.to_string().parse::<Trace>(), Ok(trace));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9.]{0,9} [a-z0-9]{0,3} (> |< |step |promised |)[ -~\\\\\"é]{0,12}") {
            let _ = text.parse::<Trace>();
        }
    }

    #[test]
    fn every_word_is_read() {
        let text = "0.000000 a connected\n0.000001 b1 promised may 2 x \"a\\\"\\n\\x00\"\n1.500000 a apart unproved\n\
                    1.500000 a write-failed broken\n2.000000 a step 3 overdue\n";
        let trace: Trace = text.parse().unwrap();
        assert_eq!(trace.to_string(), text);
        let payload = Bytes::from_static(b"a\"\n\0");
        assert_eq!(trace.records[1].event, Event::Promised(Promise { payload, duty: Duty::May, copies: 2 }));
        assert_eq!(trace.records[2].event, Event::Apart(Proof::None));
        assert_eq!(trace.records[3].event, Event::WriteFailed(Failure::Broken));
        assert_eq!(trace.records[4].event, Event::Step { step: 3, outcome: Outcome::Overdue });
    }

    #[test]
    fn err_says_which_line_and_what_would_be_right() {
        let said = |text: &str| text.parse::<Trace>().unwrap_err().to_string();
        let error = said("0.000000 a connected\n0.000001 a conected");
        assert!(error.starts_with("line 2 of the trace: `0.000001 a conected` is no event"), "{error}");
        assert!(said("1 a connected").contains("time such as"));
        assert!(said("1.000000 A connected").contains("name of a connection"));
        assert!(said("1.000000 a connected\n0.500000 a flood").contains("times never fall"));
        assert!(said("1.000000 a > \"\\q\"").contains("no event"));
    }
}
