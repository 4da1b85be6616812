//! What a script shows: what it sends on each connection, in which segments, and how it leaves. Of a finding the script that
//! is told says which requirement is broken, not the case that it began as.

use std::ops::Range;
use std::time::Duration;

use super::known::Known;
use crate::framing::{AtEnd, Deframer, Empty, Framing, Over, Reason, Role, Strategy};
use crate::session::{Conn, Pace, Script, Step};

/// A shorter pause is no pause to a timer.
const PAUSE: Duration = Duration::from_millis(20);

/// What one connection carries.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) wire: Vec<u8>,
    /// Where segments end.
    pub(super) ends: Vec<usize>,
    /// Where it pauses, in bytes sent before.
    pub(super) pauses: Vec<usize>,
    /// Whole messages: where their frames stand, and what they carry.
    pub(super) messages: Vec<(Range<usize>, Vec<u8>)>,
    /// A message over the maximum is passed over; it begins here.
    pub(super) oversize: Option<(Reason, usize)>,
    /// Why the rest is refused, if it is; it begins here.
    pub(super) refusal: Option<(Reason, usize)>,
    /// What is left at the end is no whole message.
    pub(super) is_unfinished: bool,
    /// Our FIN is sent, by itself or in the packet of the last byte.
    pub(super) fin: Option<Fin>,
    /// It is left although something may still come.
    pub(super) left: Option<Leaving>,
    /// Replies are not read for a while.
    pub(super) is_unread: bool,
}

/// How our FIN is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fin {
    Apart,
    WithData,
}

/// How a connection is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    Close,
    Reset,
}

/// What a script shows of a target with this framing.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    pub(super) framing: Framing,
    pub(super) lines: Vec<Line>,
    /// The declared maximum.
    pub(super) max: Option<u64>,
    /// A message is what right servers treat in different ways: only that this one changes its mind is wrong.
    pub(super) is_open: bool,
    /// What becomes of an empty message was not declared.
    pub(super) is_empty_open: bool,
}

impl Evidence {
    pub(super) fn of(script: &Script, known: &Known, is_open: bool) -> Self {
        let framing = known.settings.framing.clone();
        let mut lines: Vec<Line> = Vec::new();
        for step in &script.steps {
            play(step, &mut lines);
        }
        for line in &mut lines {
            line.read(&framing);
        }
        let is_empty_open = matches!(known.framing.behaviour().empty, None | Some(Empty::Any));
        Self { framing, lines, max: known.framing.behaviour().max, is_open, is_empty_open }
    }

    pub(super) fn strategy(&self) -> Strategy {
        self.framing.strategy()
    }

    pub(super) fn any(&self, so: impl Fn(&Line) -> bool) -> bool {
        self.lines.iter().any(so)
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = &(Range<usize>, Vec<u8>)> {
        self.lines.iter().flat_map(|line| &line.messages)
    }

    pub(super) fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        self.messages().map(|(_, payload)| payload.as_slice())
    }

    /// In how many pieces a message arrives, at most.
    pub(super) fn pieces(&self) -> usize {
        let pieces = |line: &Line| line.messages.iter().map(|(frame, _)| line.cuts(frame).count() + 1).max();
        self.lines.iter().filter_map(pieces).max().unwrap_or(0)
    }

    /// How many messages end in one segment, at most.
    pub(super) fn together(&self) -> usize {
        self.lines.iter().map(Line::together).max().unwrap_or(0)
    }

    /// Whether messages are cut in parts of this role, and nowhere else.
    pub(super) fn is_cut_only_in(&self, role: Role) -> bool {
        self.is_cut_in(role, self.pieces() - 1)
    }

    /// Whether a message is cut inside a part that has this role; so often, at least.
    pub(super) fn is_cut_in(&self, role: Role, times: usize) -> bool {
        self.any(|line| {
            line.messages.iter().any(|(frame, _)| {
                let parts = self.framing.anatomy(&line.wire[frame.clone()]);
                parts.iter().filter(|part| part.role == role).any(|part| {
                    let (start, end) = (frame.start + part.range.start, frame.start + part.range.end);
                    line.cuts(&(start..end)).count() >= times
                })
            })
        })
    }
}

fn on(lines: &mut Vec<Line>, conn: Conn) -> &mut Line {
    let at = usize::from(conn.0);
    if lines.len() <= at {
        lines.resize_with(at + 1, Line::default);
    }
    &mut lines[at]
}

fn play(step: &Step, lines: &mut Vec<Line>) {
    match step {
        Step::Connect { conn, .. } => _ = on(lines, *conn),
        Step::Send { conn, segments, .. } => {
            let line = on(lines, *conn);
            for segment in segments {
                line.wire.extend_from_slice(&segment.bytes.repeat(segment.times as usize));
                line.ends.push(line.wire.len());
                line.fin = line.fin.or(segment.fin.then_some(Fin::WithData));
            }
        }
        Step::Pause(length) if *length >= PAUSE => lines.iter_mut().for_each(|line| line.pauses.push(line.wire.len())),
        Step::Read { conn, pace } => on(lines, *conn).is_unread = *pace == Pace::Stopped,
        Step::Shutdown(conn) => _ = on(lines, *conn).fin.get_or_insert(Fin::Apart),
        Step::Reset(conn) => on(lines, *conn).left = Some(Leaving::Reset),
        Step::Close(conn) => {
            let line = on(lines, *conn);
            line.left = line.fin.is_none().then_some(Leaving::Close);
        }
        _ => {}
    }
}

impl Line {
    fn read(&mut self, framing: &Framing) {
        let skips = framing.behaviour().over == Some(Over::Skip);
        let mut deframer = if skips { Deframer::skipping(framing) } else { Deframer::new(framing) };
        deframer.push(&self.wire);
        let mut end = 0;
        while let Some(next) = deframer.next_frame() {
            match next {
                Ok(frame) => {
                    let start =
                        if self.oversize.is_some_and(|(_, at)| at == end) { frame.at.start as usize } else { end };
                    end = frame.at.end as usize;
                    self.messages.push((start..end, frame.payload));
                }
                Err(error) if skips && matches!(error.reason, Reason::TooLong { .. }) => {
                    self.oversize.get_or_insert((error.reason, end));
                }
                Err(error) => {
                    self.refusal = Some((error.reason, end));
                    return;
                }
            }
        }
        match deframer.finish() {
            AtEnd::Message(payload) => self.messages.push((end..self.wire.len(), payload)),
            AtEnd::Unfinished => self.is_unfinished = true,
            AtEnd::Nothing => {}
        }
    }

    /// Where segments end inside of this.
    fn cuts(&self, range: &Range<usize>) -> impl Iterator<Item = &usize> {
        self.ends.iter().filter(move |end| (range.start + 1..range.end).contains(*end))
    }

    fn together(&self) -> usize {
        let mut from = 0;
        let ends = |to: &usize| {
            let from = std::mem::replace(&mut from, *to);
            self.messages.iter().filter(|(frame, _)| (from + 1..=*to).contains(&frame.end)).count()
        };
        self.ends.iter().map(ends).max().unwrap_or(0)
    }

    /// A segment is as long as a buffer.
    pub(super) fn fills(&self, buffer: usize) -> bool {
        let from = [0].iter().chain(&self.ends);
        self.ends.iter().zip(from).any(|(to, from)| to > from && (to - from).is_multiple_of(buffer))
    }

    /// A segment brings the end of a message and the beginning of the next one.
    pub(super) fn straddles(&self) -> bool {
        self.messages.iter().any(|(frame, _)| frame.end < self.wire.len() && !self.ends.contains(&frame.end))
            && self.messages.iter().any(|(frame, _)| frame.start > 0 && self.cuts(frame).next().is_some())
    }

    /// It pauses inside a message.
    pub(super) fn pauses_inside(&self) -> bool {
        let begins = |at: &usize| *at == 0 || self.messages.iter().any(|(frame, _)| frame.end == *at);
        self.pauses.iter().any(|at| !begins(at))
    }

    /// Where what is refused or passed over begins, something good stands behind it.
    pub(super) fn has_more_behind(&self, at: usize) -> bool {
        self.messages.iter().any(|(frame, _)| frame.start > at)
    }
}
