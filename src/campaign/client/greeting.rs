//! One plain session, and what it shows of a client.

use std::time::Duration;

use crate::campaign::Unfit;
use crate::oracle::Judgement;
use crate::session::{Event, Exit, Failure, Script, Trace};

/// One that needs so long before it connects keeps a run waiting.
const DAWDLING: Duration = Duration::from_millis(300);

/// One plain session.
pub(super) struct Greeting {
    pub(super) message: Vec<u8>,
    pub(super) script: Script,
    pub(super) trace: Trace,
    pub(super) judgement: Judgement,
}

impl Greeting {
    pub(super) fn unfit(self) -> Unfit {
        let Self { script, trace, judgement, .. } = self;
        Unfit::Mute { script: Box::new(script), trace: Box::new(trace), judgement, served: false }
    }

    /// Where in the trace the first event of a kind stands.
    fn first(&self, wanted: impl Fn(&Event) -> bool) -> Option<usize> {
        self.trace.records.iter().position(|record| wanted(&record.event))
    }

    /// The client could not be started, or not be listened for.
    pub(super) fn is_ours(&self) -> bool {
        self.first(|event| *event == Event::ConnectFailed(Failure::Ours)).is_some()
    }

    /// It came so late that more of its kind may do so at once, since it has no need of the processor for that.
    pub(super) fn dawdles(&self) -> bool {
        let came = self.first(|event| *event == Event::Connected).map(|index| self.trace.records[index].at);
        let busy = self.trace.departure().and_then(|left| left.cpu).map(Duration::from_millis);
        came.zip(busy).is_some_and(|(came, busy)| came > DAWDLING && came > busy * 4)
    }

    /// Its FIN came before anything was sent back.
    pub(super) fn half_closes(&self) -> bool {
        let sent = self.first(|event| matches!(event, Event::Sent(_)));
        self.first(|event| *event == Event::Fin).zip(sent).is_some_and(|(fin, sent)| fin < sent)
    }

    /// It did not close before its server did.
    pub(super) fn waits_for_end(&self) -> bool {
        let ended = self.first(|event| matches!(event, Event::Fin | Event::Reset));
        ended.zip(self.first(|event| *event == Event::SentFin)).is_some_and(|(ended, sent)| ended > sent)
    }

    /// The line ends that it prints behind its message, but for one that may stand there anyhow; `None`: it prints nothing, or
    /// something else besides, which need not be the same each time.
    pub(super) fn prints(&self) -> Option<&'static [u8]> {
        let outputs = self.trace.records.iter().filter_map(|record| match &record.event {
            Event::Output(bytes) => bytes.strip_prefix(&self.message[..]),
            _ => None,
        });
        match outputs.last()? {
            b"" | b"\n" | b"\r\n" => Some(b""),
            b"\n\n" | b"\n\r\n" => Some(b"\n"), // a line that is printed with its own end, and one more
            b"\r\n\n" | b"\r\n\r\n" => Some(b"\r\n"),
            _ => None,
        }
    }
}

/// How long the client took, apart from its start: from the reply to its end.
pub(super) fn pace(trace: &Trace) -> Duration {
    let at = |wanted: fn(&Event) -> bool| trace.records.iter().rev().find(|record| wanted(&record.event)).map(|r| r.at);
    let message = at(|event| matches!(event, Event::Received(_))).unwrap_or_default();
    let connected = at(|event| *event == Event::Connected).unwrap_or_default();
    // One that had to be ended says nothing of how long it takes to end.
    let ended = at(|event| matches!(event, Event::Left(left) if left.how != Exit::Ended)).unwrap_or_default();
    let fin = at(|event| matches!(event, Event::Fin | Event::Reset | Event::SentFin)).unwrap_or_default();
    message.saturating_sub(connected).max(ended.saturating_sub(fin))
}

/// How long the client kept the connection when nothing more was to come from its server.
pub(super) fn closing(trace: &Trace) -> Duration {
    kept_since(trace, |event| matches!(event, Event::Sent(_) | Event::SentFin)).unwrap_or_default()
}

/// How long the client kept the connection behind the reply.
pub(super) fn kept(trace: &Trace) -> Option<Duration> {
    kept_since(trace, |event| matches!(event, Event::Sent(_)))
}

/// From the last such event until the client ended the connection.
fn kept_since(trace: &Trace, is_last: fn(&Event) -> bool) -> Option<Duration> {
    let end = trace.records.iter().rposition(|record| matches!(record.event, Event::Fin | Event::Reset))?;
    let last = trace.records[..end].iter().rfind(|record| is_last(&record.event))?;
    Some(trace.records[end].at.saturating_sub(last.at))
}
