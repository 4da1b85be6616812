//! Classes of behaviour: what answers alike is one class, and a case that brings a new one is worth to be varied.

use std::time::Duration;

use crate::oracle::Breach;
use crate::session::{Conn, Event, Trace};

/// How a case was answered, in broad terms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Class {
    connections: Vec<Answer>,
    broken: Vec<String>,
}

/// How one connection was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Answer {
    ending: Ending,
    /// It ended before we had sent our FIN.
    first: bool,
    /// Nothing, a part of what was sent, all of it, more; by size.
    share: Share,
    /// How many powers of four bytes came back.
    size: u32,
    /// How late the first byte came after the last that was sent before it.
    delay: Delay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Refused,
    Open,
    Fin,
    Reset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Share {
    Nothing,
    Part,
    All,
    More,
}

/// Classes of time: at once; a delayed acknowledgement (CATALOGUE E5); a poll timer or worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Delay {
    None,
    Short,
    Acknowledgement,
    Long,
}

impl Class {
    pub(super) fn of(traces: &[Trace], breaches: &[Breach]) -> Self {
        let mut connections: Vec<_> = traces.iter().flat_map(answers).collect();
        connections.sort_unstable();
        connections.dedup();
        let mut broken: Vec<_> = breaches.iter().map(|breach| breach.rule.clone()).collect();
        broken.dedup();
        Self { connections, broken }
    }
}

fn answers(trace: &Trace) -> Vec<Answer> {
    let last = trace.records.iter().map(|record| record.conn.0).max().map_or(0, |last| last + 1);
    (0..last).map(|conn| answer(trace, Conn(conn))).collect()
}

fn answer(trace: &Trace, conn: Conn) -> Answer {
    let (mut ending, mut first, mut left) = (Ending::Open, false, false);
    let (mut sent, mut came) = (0, 0);
    let (mut sent_at, mut came_at): (Option<Duration>, Option<Duration>) = (None, None);
    for (_, record) in trace.of(conn) {
        match &record.event {
            Event::ConnectFailed(_) => ending = Ending::Refused,
            Event::Sent(bytes) => {
                sent += bytes.len();
                sent_at = came_at.map_or(Some(record.at), |_| sent_at);
            }
            Event::Received(bytes) => {
                came += bytes.len();
                came_at.get_or_insert(record.at);
            }
            Event::SentFin | Event::SentReset | Event::Closed => left = true,
            Event::Fin => (ending, first) = (Ending::Fin, !left),
            Event::Reset => (ending, first) = (Ending::Reset, !left),
            _ => {}
        }
    }
    let share = match came {
        0 => Share::Nothing,
        _ if came < sent => Share::Part,
        _ if came == sent => Share::All,
        _ => Share::More,
    };
    let delay = came_at.zip(sent_at).map_or(Delay::None, |(came, sent)| Delay::of(came.saturating_sub(sent)));
    Answer { ending, first, share, size: came.checked_ilog2().unwrap_or(0) / 2, delay }
}

impl Delay {
    fn of(delay: Duration) -> Self {
        match delay.as_millis() {
            0..30 => Self::Short,
            30..80 => Self::Acknowledgement,
            _ => Self::Long,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> Class {
        Class::of(&[text.parse().expect("a trace")], &[])
    }

    #[test]
    fn who_ends_first_makes_a_class_and_a_little_time_does_not() {
        let echo = "0.000000 a connected\n0.000100 a > \"hi\"\n0.000200 a < \"hi\"\n";
        let ours = class(&format!("{echo}0.000300 a > FIN\n0.000400 a < FIN\n"));
        let later = class(&format!("{echo}0.001300 a > FIN\n0.002400 a < FIN\n"));
        let theirs = class(&format!("{echo}0.000300 a < FIN\n"));
        assert_eq!(ours, later);
        assert_ne!(ours, theirs);
    }
}
