//! The same bytes, other segments, the same answer (SEG-12): what needs no model of what is right.

use bytes::Bytes;

use super::known::Known;
use crate::framing::Deframer;
use crate::fuzzing::{Plan, Trust, segments};
use crate::oracle::{Judgement, Transcript, judge};
use crate::profile::Tempo;
use crate::session::{Conn, Duty, Event, Promise, Replies, Script, Segment, Step, Trace, Until};

/// Sent whole, and as the plan cuts it.
pub(super) fn scripts(plan: &Plan, known: &Known, tempo: Tempo) -> [Script; 2] {
    let cut = segments(plan, &known.settings, Trust::Measured);
    let whole = vec![Bytes::from(cut.concat())];
    [whole, cut].map(|segments| script(segments, &[], known, tempo))
}

/// How the bytes of a plan are sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// In one segment.
    Whole,
    /// As the plan cuts them.
    Cut,
}

/// Sent in one way, and owed is what the other one brought.
pub(super) fn told(plan: &Plan, way: Way, known: &Known, tempo: Tempo, other: &Trace) -> Script {
    let came = Transcript::of(other);
    let mut deframer = Deframer::new(&known.settings.framing.reply());
    deframer.push(came.bytes());
    let messages: Vec<_> = std::iter::from_fn(|| deframer.next_frame()?.ok()).map(|frame| frame.payload).collect();
    let cut = segments(plan, &known.settings, Trust::Measured);
    let segments = match way {
        Way::Whole => vec![Bytes::from(cut.concat())],
        Way::Cut => cut,
    };
    script(segments, &messages, known, tempo)
}

fn script(segments: Vec<Bytes>, messages: &[Vec<u8>], known: &Known, tempo: Tempo) -> Script {
    let conn = Conn(0);
    let segments = segments.into_iter().enumerate();
    let segments = segments.map(|(at, bytes)| Segment { cut: at > 0, ..Segment::once(bytes) }).collect();
    let promises: Vec<_> = messages.iter().map(|one| Promise::once(Bytes::copy_from_slice(one), Duty::Echo)).collect();
    let within = tempo.reply;
    let mut steps = vec![
        Step::Connect { conn, receive_buffer: None },
        Step::Send { conn, promises, segments, within: Some(within) },
        Step::Shutdown(conn),
    ];
    if !messages.is_empty() {
        steps.push(Step::Await { conns: vec![conn], any: vec![Until::Echo], within });
    }
    steps.push(Step::Await { conns: vec![conn], any: vec![Until::Closed], within });
    steps.push(Step::Close(conn));
    let replies = Replies::Framed(Box::new(known.settings.framing.reply().into_owned()));
    Script { steps, replies, bound: tempo.case, errand: None }
}

/// Says where the two differ. `cut`: what was played last, which may not have arrived as it was cut.
pub(super) fn compare(cut: &Script, whole_trace: &Trace, cut_trace: &Trace) -> Judgement {
    let inconclusive = judge(cut, cut_trace).inconclusive;
    let [whole, pieces] = [whole_trace, cut_trace].map(Transcript::of);
    let mut judgement = Judgement { inconclusive, ..Judgement::default() };
    let seen = |trace: &Trace, event: &Event| trace.records.iter().any(|record| record.event == *event);
    // Of more than the session reads the end is not seen.
    let is_whole = |trace: &Trace| seen(trace, &Event::Connected) && !seen(trace, &Event::Flood);
    let comparable = is_whole(whole_trace) && is_whole(cut_trace) && judgement.inconclusive.is_none();
    if !comparable || whole.agrees(&pieces) {
        return judgement;
    }
    judgement.breaches = vec![whole.difference(&pieces)];
    judgement
}
