//! A client that leaves before the whole of a reply, which it was to take, has been sent to it.

use crate::session::{Event, Exit, Proof, Report, Script, Step, Trace};

/// Where the trace shows it, if it does: a part of the reply is sent after the client's FIN, to a socket that is gone, or not any
/// more because of RST. A FIN before the reply, or of a client that ends its messages so, ends the message only.
pub(super) fn desertion(script: &Script, trace: &Trace) -> Option<usize> {
    let errand = script.errand.as_ref().filter(|errand| errand.report == Report::Success)?;
    // Whoever comes by himself may be sent another reply than the script has.
    let is_known = trace.departure().is_some_and(|left| left.how != Exit::Unseen);
    let due = if is_known { reply_bytes(script) } else { 0 };
    let (mut sent, mut is_gone) = (0, false);
    for (index, record) in trace.records.iter().enumerate() {
        match &record.event {
            Event::Sent(_) if is_gone => return Some(index),
            Event::Sent(bytes) => sent += bytes.len(),
            Event::Fin => is_gone |= sent > 0 && !errand.half_closes,
            Event::Apart(Proof::Gone) => is_gone = true,
            Event::Reset if sent > 0 && sent < due => return Some(index),
            Event::Closed | Event::SentReset => return None,
            _ => {}
        }
    }
    None
}

fn reply_bytes(script: &Script) -> usize {
    let segments = script.steps.iter().flat_map(|step| match step {
        Step::Send { segments, .. } => segments.as_slice(),
        _ => &[],
    });
    segments.map(|segment| segment.bytes.len() * segment.times as usize).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::oracle::judge;
    use crate::session::{Conn, Departure, Errand, Host, Record, Replies, Segment};

    /// A reply of two bytes, and what came of it.
    fn session(report: Report, half_closes: bool, how: Exit, events: &[Event]) -> (Script, Trace) {
        let (conn, byte) = (Conn(0), Segment::once(Bytes::from_static(b"a")));
        let errand = Errand {
            message: Bytes::from_static(b"aa"),
            host: Host::Listening,
            report,
            prints: None,
            half_closes,
            leaves_within: Duration::ZERO,
            memory: None,
            space: None,
            cpu: None,
            patient: false,
        };
        let steps = vec![Step::Send { conn, promises: Vec::new(), segments: vec![byte; 2], within: None }];
        let script = Script { steps, replies: Replies::Payloads, bound: Duration::ZERO, errand: Some(errand) };
        let left = Event::Left(Departure::of(how));
        let records = events.iter().cloned().chain([left]).map(|event| Record { at: Duration::ZERO, conn, event });
        (script, Trace { records: records.collect() })
    }

    /// Where it shows in the trace.
    fn shown(report: Report, half_closes: bool, events: &[Event]) -> Option<usize> {
        let (script, trace) = session(report, half_closes, Exit::Success(0), events);
        desertion(&script, &trace)
    }

    /// With `--listen` nothing but the connection can show it.
    #[test]
    fn whoever_leaves_is_told_though_its_process_cannot_be_seen() {
        let sent = || Event::Sent(Bytes::from_static(b"a"));
        let broken = |events: &[Event]| {
            let (script, trace) = session(Report::Success, false, Exit::Unseen, events);
            judge(&script, &trace).breaches.into_iter().map(|breach| breach.rule).collect::<Vec<_>>()
        };
        assert_eq!(broken(&[sent(), Event::Fin, sent()]), ["early-close"]);
        assert_eq!(broken(&[sent(), sent(), Event::Fin]), Vec::<String>::new());
    }

    #[test]
    fn the_rest_of_a_reply_that_follows_the_clients_end_finds_nobody() {
        let sent = || Event::Sent(Bytes::from_static(b"a"));
        assert_eq!(shown(Report::Success, false, &[sent(), Event::Fin, sent()]), Some(2));
        assert_eq!(shown(Report::Success, true, &[sent(), Event::Apart(Proof::Gone), sent()]), Some(2));
        assert_eq!(shown(Report::Success, false, &[sent(), Event::Reset]), Some(1));
        assert_eq!(shown(Report::Success, false, &[sent(), sent(), Event::Reset]), None);
        assert_eq!(shown(Report::Success, false, &[sent(), sent(), Event::Fin]), None);
        assert_eq!(shown(Report::Any, false, &[sent(), Event::Fin, sent()]), None, "it may refuse this one");
    }

    #[test]
    fn a_fin_that_ends_the_message_is_no_end_of_the_client() {
        let sent = || Event::Sent(Bytes::from_static(b"a"));
        assert_eq!(shown(Report::Success, true, &[sent(), Event::Fin, sent()]), None);
        assert_eq!(shown(Report::Success, false, &[Event::Fin, sent(), sent()]), None);
    }
}
