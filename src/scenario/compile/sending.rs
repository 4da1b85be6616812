//! The step that sends.

use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;

use super::super::file::{Content, Fin, Send, Span, Step};
use super::super::places::whereabouts;
use super::super::wire::{Message, Wire};
use super::connections::{FIRST, Held};
use super::cutting::Cuts;
use super::{Compiler, MOST_BYTES, describe};
use crate::framing::Strategy;
use crate::session::{Duty, Promise, Segment, Step as Action};

/// What one send has been decided to be.
struct Plan {
    wire: Rc<Wire>,
    /// The part that goes out.
    range: Range<usize>,
    cuts: Cuts,
    fin: Fin,
    promises: Vec<(usize, Promise)>,
}

impl Compiler<'_> {
    pub(super) fn send(&mut self, send: &Send, later: &[Step]) -> Result<(), String> {
        let name = send.on.as_deref().unwrap_or(FIRST);
        for (index, live) in self.open_or_find(name)?.into_iter().enumerate() {
            let plan = self.plan(send, name, live, later)?;
            if index == 0 {
                self.say(&sentence(send, name, &plan, self.variant.context.profile.max)?);
            }
            self.emit(send, live, plan)?;
        }
        Ok(())
    }

    fn plan(&mut self, send: &Send, name: &str, live: usize, later: &[Step]) -> Result<Plan, String> {
        let at = std::ptr::from_ref(send).addr();
        let held = self.held(send, live)?;
        let (wire, from) = (Rc::clone(&held.wire), held.from);
        let to = match &send.until {
            Some(place) => self.until(at, *place.given()?, &wire)?,
            None => wire.len(),
        };
        let range = from..to;
        let cuts = self.cuts(at, send.cut.given()?, &wire, &range)?;
        let returns = send.until.is_some() && rest_follows(name, later);
        let duty = send.duty.as_ref().map(|duty| duty.given().map(|duty| Duty::from(*duty))).transpose()?;
        let promises = promises(&wire, &range, duty, send.until.is_some() && !returns);
        let ends = send.until.is_none() && held.ends_with_fin;
        let fin = match &send.fin {
            Some(fin) => *fin.given()?,
            None if ends => Fin::After,
            None => Fin::No,
        };
        self.connections.live_mut(live).held = returns.then_some(Held { from: to, ..held });
        Ok(Plan { wire, range, cuts, fin, promises })
    }

    /// The bytes of a send, and from where on.
    fn held(&mut self, send: &Send, live: usize) -> Result<Held, String> {
        if send.content == Content::Rest {
            let held = self.connections.live_mut(live).held.take();
            return held.ok_or_else(|| "`rest` without an earlier `until` on this connection".to_owned());
        }
        let is_message =
            matches!(send.content, Content::Message(_) | Content::Messages(_) | Content::Copies(..) | Content::Echo);
        let closes = is_message && self.ends_by_fin();
        if closes && self.connections.live(live).spoken {
            return Err("a connection carries one message".to_owned());
        }
        let (oversize, number) =
            (self.connections.live(live).oversize, usize::from(self.connections.live(live).conn.0) + 1);
        let wire = self.wire(|compiler, setting| compiler.make(send, setting, oversize), number)?;
        if closes && wire.messages.len() > 1 {
            return Err("a connection carries one message".to_owned());
        }
        let wire = match &send.mutation {
            Some(mutation) => Rc::new(self.rewritten(std::ptr::from_ref(send).addr(), &wire, mutation.given()?.0)?),
            None => wire,
        };
        let live = self.connections.live_mut(live);
        live.spoken |= is_message;
        live.oversize |= is_message
            && wire
                .messages
                .iter()
                .any(|message| matches!(message.duty, Duty::Never | Duty::Text) && !message.payload.is_empty());
        Ok(Held { wire, from: 0, ends_with_fin: closes })
    }

    /// Whether a message ends with FIN.
    fn ends_by_fin(&self) -> bool {
        let context = self.variant.context;
        let client = context.profile.client.as_ref();
        context.framing.strategy() == Strategy::Close
            || client.is_some_and(|client| client.half_closes || client.waits_for_end)
    }

    /// Writes the steps of a send.
    fn emit(&mut self, send: &Send, live: usize, plan: Plan) -> Result<(), String> {
        let Plan { wire, range, cuts, fin, mut promises } = plan;
        if self.errand.is_some() {
            promises.clear(); // a client owes nothing for what it is sent
        }
        self.weight += range.len() * wire.times as usize;
        if self.weight > MOST_BYTES {
            return Err("the case sends more than 128MiB".to_owned());
        }
        let echoes = promises.iter().filter(|(_, promise)| promise.duty == Duty::Echo);
        let echoes = echoes.map(|(_, promise)| promise.copies).sum::<u32>();
        self.connections.live_mut(live).echoes += echoes as usize;
        self.batch = self.batch.max(echoes);
        let within = send.wait.given()?.then_some(self.variant.context.tempo.reply_to(self.weight as u64));
        let conn = self.connections.live(live).conn;
        let mut segments = segments(&wire, &range, &cuts.offsets);
        if fin == Fin::With {
            finish(&mut segments);
            self.connections.finish(live);
        }
        if let Some(gap) = &send.gap {
            self.emit_apart(Parts { conn, segments, promises, within }, *gap.given()?)?;
        } else {
            let promises = promises.into_iter().map(|(_, promise)| promise).collect();
            let segments = segments.into_iter().map(|(_, segment)| segment).collect();
            self.act(Action::Send { conn, promises, segments, within })?;
        }
        if fin == Fin::After { self.shut_down(live) } else { Ok(()) }
    }

    /// Segments with pauses between them; each promise goes with the segment that completes its message.
    fn emit_apart(&mut self, parts: Parts, gap: Span) -> Result<(), String> {
        let Parts { conn, segments, mut promises, within } = parts;
        let last = segments.len().saturating_sub(1);
        for (index, (end, segment)) in segments.into_iter().enumerate() {
            let later = promises.iter().position(|(at, _)| *at > end && index < last).unwrap_or(promises.len());
            let due = promises.drain(..later).map(|(_, promise)| promise).collect();
            self.act(Action::Send { conn, promises: due, segments: vec![segment], within })?;
            if index < last {
                let length = self.drawn(gap);
                let length = self.lasting(length);
                self.patience += length;
                self.act(Action::Pause(length))?;
            }
        }
        Ok(())
    }
}

/// The step in words.
fn sentence(send: &Send, name: &str, plan: &Plan, max: Option<u64>) -> Result<String, String> {
    let content = describe::content(&send.content)?;
    let size = describe::count(plan.wire.len() * plan.wire.times as usize);
    let is_said = send.content == Content::Rest || content.ends_with(&format!(" {size}"));
    let size = if is_said { String::new() } else { format!(" as {size}") };
    let end = plan.range.end;
    let is_part = end < plan.wire.len();
    let part =
        if is_part { format!(", only the first {end} ({})", whereabouts(&plan.wire, end, max)) } else { String::new() };
    let cut = plan.cuts.words.as_ref().map_or(String::new(), |cut| format!(", cut {cut}"));
    Ok(format!("{name}: send {content}{size}{part}{cut}{}", describe::manner(send, plan.fin)?))
}

/// A send that is stretched over time.
struct Parts {
    conn: crate::session::Conn,
    /// Where in the wire each segment ends.
    segments: Vec<(usize, Segment)>,
    /// Where in the wire the message of each promise ends.
    promises: Vec<(usize, Promise)>,
    within: Option<std::time::Duration>,
}

/// Whether a later step sends the rest on this connection.
fn rest_follows(name: &str, later: &[Step]) -> bool {
    later.iter().any(|step| match step {
        Step::Send(send) => send.content == Content::Rest && send.on.as_deref().unwrap_or(FIRST) == name,
        Step::Repeat(repeat) => rest_follows(name, &repeat.steps),
        _ => false,
    })
}

/// What is owed for the messages that this part of the wire completes; `cut_off`: nothing follows it, so with a duty
/// of its own also for what it holds of an unfinished message.
fn promises(wire: &Wire, range: &Range<usize>, duty: Option<Duty>, cut_off: bool) -> Vec<(usize, Promise)> {
    let first = |message: &&Message| message.frame.end > range.start || range.start == 0;
    let completed = wire.messages.iter().filter(first).filter(|message| message.frame.end <= range.end);
    let promise = |message: &Message| {
        let Message { payload, copies, .. } = message.clone();
        let duty = duty.filter(|_| message.duty != Duty::Text).unwrap_or(message.duty);
        (message.frame.end, Promise { payload, duty, copies })
    };
    let mut promises: Vec<_> = completed.map(promise).collect();
    if let (true, Some(duty)) = (cut_off, duty) {
        let unfinished = wire.messages.iter().find(|message| message.frame.end > range.end);
        promises.extend(unfinished.into_iter().flat_map(|message| partial(wire, message, range.end, duty)));
    }
    promises
}

/// What there is of a message up to an offset. Of a delimiter that is not complete nobody can say whether it is one: it
/// may be left out, or belong to the message.
fn partial(wire: &Wire, message: &Message, to: usize, duty: Duty) -> Vec<(usize, Promise)> {
    let body = message.body.clone();
    let end = body.end.min(to).max(body.start);
    let payload = if end == body.end { message.payload.clone() } else { wire.bytes.slice(body.start..end) };
    let with_delimiter = (duty == Duty::May && to > body.end).then(|| wire.bytes.slice(body.start..to));
    let payloads = [Some(payload), with_delimiter];
    payloads.into_iter().flatten().map(|payload| (to, Promise::once(payload, duty))).collect()
}

/// The pieces of a range, with where each ends.
fn segments(wire: &Wire, range: &Range<usize>, cuts: &[usize]) -> Vec<(usize, Segment)> {
    let ends = cuts.iter().copied().chain([range.end]);
    let mut start = range.start;
    let pieces = ends.map(|end| {
        let (bytes, cut) = (wire.bytes.slice(start..end), start > 0);
        start = end;
        (end, Segment { times: wire.times, cut, ..Segment::once(bytes) })
    });
    pieces.filter(|(_, segment)| !segment.bytes.is_empty()).collect()
}

fn finish(segments: &mut Vec<(usize, Segment)>) {
    match segments.last_mut() {
        Some((_, segment)) => segment.fin = true,
        None => segments.push((0, Segment { fin: true, ..Segment::once(Bytes::new()) })),
    }
}
