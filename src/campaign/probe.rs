//! The small scripts by which a target is measured before it is judged.

use std::time::Duration;

use bytes::Bytes;

use crate::framing::{Framing, Strategy};
use crate::peer::replies;
use crate::profile::Tempo;
use crate::session::{Conn, Duty, Event, Failure, Promise, Replies, Script, Segment, Step, Trace, Until};
use crate::transport::Transport;

/// No probe takes longer, but for four replies that a slow target may need.
const LONGEST: Duration = Duration::from_secs(5);

/// Builds one probe step by step.
pub(super) struct Probe<'a> {
    framing: &'a Framing,
    tempo: Tempo,
    script: Script,
    opened: u16,
}

impl<'a> Probe<'a> {
    pub(super) fn new(framing: &'a Framing, tempo: Tempo) -> Self {
        let bound = tempo.case.min(LONGEST + tempo.reply * 4);
        let script = Script { steps: Vec::new(), replies: replies(framing), bound, errand: None };
        Self { framing, tempo, script, opened: 0 }
    }

    /// Judges replies as a byte stream.
    pub(super) fn stream(mut self) -> Self {
        self.script.replies = Replies::Stream;
        self
    }

    pub(super) fn open(&mut self) -> Conn {
        let conn = Conn(self.opened);
        self.opened += 1;
        self.script.steps.push(Step::Connect { conn, receive_buffer: None });
        conn
    }

    /// Sends a whole message; with close framing also the FIN that ends it.
    pub(super) fn say(&mut self, conn: Conn, payload: impl Into<Bytes>, duty: Duty) {
        let payload = payload.into();
        self.send(conn, self.frame(&payload), Some(Promise::once(payload, duty)));
        if self.framing.strategy() == Strategy::Close {
            self.script.steps.push(Step::Shutdown(conn));
        }
    }

    pub(super) fn frame(&self, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        // What cannot be encoded is not probed: callers ask `carries` first.
        self.framing.encode_unlimited(payload, &mut frame).unwrap_or_default();
        frame
    }

    pub(super) fn send(&mut self, conn: Conn, bytes: impl Into<Bytes>, promise: Option<Promise>) {
        self.send_segments(conn, vec![Segment::once(bytes.into())], promise);
    }

    pub(super) fn send_segments(&mut self, conn: Conn, segments: Vec<Segment>, promise: Option<Promise>) {
        let promises = promise.into_iter().collect();
        self.script.steps.push(Step::Send { conn, promises, segments, within: Some(self.tempo.reply) });
    }

    pub(super) fn step(&mut self, step: Step) {
        self.script.steps.push(step);
    }

    pub(super) fn hear(&mut self, conns: &[Conn], any: &[Until]) {
        let within = self.tempo.reply;
        self.script.steps.push(Step::Await { conns: conns.to_vec(), any: any.to_vec(), within });
    }

    pub(super) fn listen_briefly(&mut self, conn: Conn, until: Until) {
        let within = self.tempo.quiet;
        self.script.steps.push(Step::Await { conns: vec![conn], any: vec![until], within });
    }

    pub(super) fn script(mut self) -> Script {
        if let Replies::Framed(_) = self.script.replies {
            self.script.replies = Replies::framed(self.framing, &self.script.steps);
        }
        self.script
    }
}

/// Whether the target still does anything: one that answers wrongly, or closes, is no dead one, nor is one that is busy
/// with something large.
pub(crate) async fn is_alive<T: Transport>(transport: &T, framing: &Framing, tempo: Tempo) -> bool {
    answers_within(transport, framing, tempo, &[1.0, 4.0, 8.0, 24.0]).await
}

/// The same after something that some targets die of: whichever of its threads does may not have run yet when the first
/// question is answered.
pub(super) async fn survives<T: Transport>(transport: &T, framing: &Framing, tempo: Tempo) -> bool {
    is_alive(transport, framing, tempo).await && is_alive(transport, framing, tempo).await
}

/// The same, asked as often and with so many times the usual time.
pub(crate) async fn answers_within<T: Transport>(
    transport: &T,
    framing: &Framing,
    tempo: Tempo,
    patience: &[f64],
) -> bool {
    let does = |event: &Event| {
        // What went wrong on our side says nothing of it.
        matches!(event, Event::Received(_) | Event::Fin | Event::Reset | Event::ConnectFailed(Failure::Ours))
    };
    for patience in patience {
        let mut probe = Probe::new(framing, tempo.scaled(*patience));
        let conn = probe.open();
        probe.say(conn, plain(framing, 0), Duty::Echo);
        probe.hear(&[conn], &[Until::Echo]);
        probe.step(Step::Close(conn));
        let trace = transport.run(probe.script()).await;
        if trace.records.iter().any(|record| does(&record.event)) {
            return true;
        }
    }
    false
}

/// How long a plain message takes to come back, if it does.
pub(super) async fn plain_time<T: Transport>(transport: &T, framing: &Framing, tempo: Tempo) -> Option<Duration> {
    let mut probe = Probe::new(framing, tempo);
    let conn = probe.open();
    probe.say(conn, plain(framing, 0), Duty::Echo);
    probe.hear(&[conn], &[Until::Echo]);
    probe.step(Step::Close(conn));
    let trace = transport.run(probe.script()).await;
    let came = trace.records.iter().any(|record| matches!(record.event, Event::Received(_)));
    came.then(|| reply_time(&trace, <[_]>::last))
}

/// A plain message that the framing carries: readable, different for each number, of the fixed length if there is one.
pub(crate) fn plain(framing: &Framing, number: usize) -> Vec<u8> {
    let texts = ["echospec", "plain message", "calibration", "are you there"];
    fitted(framing, format!("{}-{number}", texts[number % texts.len()]).as_bytes())
}

/// The text cut or filled to what the framing demands.
fn fitted(framing: &Framing, text: &[u8]) -> Vec<u8> {
    let least = framing.smallest() as usize;
    let most = framing.largest().into_iter().chain(framing.behaviour().max).min().unwrap_or(u64::MAX);
    let len = text.len().max(least).min(usize::try_from(most).unwrap_or(usize::MAX));
    // The beginning of a delimiter that does not follow is the business of the cases, not of measuring.
    let terminator = framing.terminator().unwrap_or_default();
    let stands_in = b"_~^*".iter().copied().find(|byte| !terminator.contains(byte)).unwrap_or(b'_');
    let plain = |byte: u8| if terminator.contains(&byte) { stands_in } else { byte };
    text.iter().rev().copied().chain(std::iter::repeat(b'.')).take(len).map(plain).collect()
}

/// What came on a connection, piece by piece.
pub(super) fn received(trace: &Trace, conn: Conn) -> impl Iterator<Item = &Bytes> {
    trace.of(conn).filter_map(|(_, record)| match &record.event {
        Event::Received(bytes) => Some(bytes),
        _ => None,
    })
}

/// Whether anything came.
pub(super) fn was_answered(trace: &Trace, conn: Conn) -> bool {
    received(trace, conn).next().is_some()
}

pub(super) fn was_closed(trace: &Trace, conn: Conn) -> bool {
    trace.of(conn).any(|(_, record)| matches!(record.event, Event::Fin | Event::Reset | Event::WriteFailed(_)))
}

/// From when the first bytes were sent until some of those that came did.
pub(super) fn reply_time(trace: &Trace, which: fn(&[Duration]) -> Option<&Duration>) -> Duration {
    let at = |wanted: fn(&Event) -> bool| -> Vec<_> {
        trace.records.iter().filter(|record| wanted(&record.event)).map(|record| record.at).collect()
    };
    let sent = at(|event| matches!(event, Event::Sent(_)));
    let came = at(|event| matches!(event, Event::Received(_)));
    which(&came).copied().unwrap_or_default().saturating_sub(sent.first().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_messages_hold_nothing_of_a_delimiter() {
        for framing in ["delimiter:\"aab\"", "delimiter:\"-0e\"", "lf", "delimiter:\"_.\""] {
            let framing: Framing = framing.parse().unwrap();
            let holds =
                |number| plain(&framing, number).iter().any(|byte| framing.terminator().unwrap().contains(byte));
            assert!(!(0..40).any(holds), "{framing}");
        }
    }
}
