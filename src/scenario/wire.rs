//! The bytes of one send: which messages they carry, where their parts are, and what is owed for them.

use std::ops::Range;

use bytes::Bytes;

use super::Context;
use super::file::{Copies, LARGEST};
use crate::framing::{Empty, Over, Part, Role, Strategy};
use crate::mutation::Effect;
use crate::session::Duty;

/// Of many copies so many bytes are made; the rest is these again.
const CHUNK: usize = 64 * 1024;

/// Bytes ready to be cut and sent.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) bytes: Bytes,
    /// So many times in a row.
    pub(super) times: u32,
    /// The parts of all frames, in order.
    pub(super) parts: Vec<Part>,
    pub(super) messages: Vec<Message>,
}

/// One message in a wire.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) payload: Bytes,
    /// The whole frame in the wire.
    pub(super) frame: Range<usize>,
    /// The payload in the wire, where it stands there as it is.
    pub(super) body: Range<usize>,
    pub(super) duty: Duty,
    /// How many times in a row the frame stands there.
    pub(super) copies: u32,
}

impl Default for Wire {
    fn default() -> Self {
        Self { bytes: Bytes::new(), times: 1, parts: Vec::new(), messages: Vec::new() }
    }
}

impl Wire {
    /// Messages back to back. `after_oversize`: the connection has carried a message over the maximum before.
    pub(super) fn messages(
        context: &Context<'_>,
        payloads: Vec<Vec<u8>>,
        after_oversize: bool,
    ) -> Result<Self, String> {
        let payloads = payloads.into_iter().flat_map(|payload| fitted(context, payload));
        let mut out = Vec::new();
        let mut frames = Vec::new();
        let mut oversize = after_oversize;
        for payload in payloads {
            let start = out.len();
            context.framing.encode_unlimited(&payload, &mut out).map_err(|error| error.to_string())?;
            let duty = duty(context, payload.len() as u64, oversize)?;
            oversize |= is_oversize(context, payload.len() as u64);
            frames.push((payload, start..out.len(), duty));
            if out.len() as u64 > 2 * LARGEST {
                return Err("the messages of one send are larger than 128MiB".to_owned());
            }
        }
        Ok(Self::assemble(context, out.into(), frames))
    }

    fn assemble(context: &Context<'_>, bytes: Bytes, frames: Vec<(Vec<u8>, Range<usize>, Duty)>) -> Self {
        let mut wire = Self { bytes, ..Self::default() };
        for (payload, frame, duty) in frames {
            let anatomy = context.framing.anatomy(&wire.bytes[frame.clone()]);
            let parts = anatomy
                .into_iter()
                .map(|part| Part { range: part.range.start + frame.start..part.range.end + frame.start, ..part });
            let parts: Vec<_> = parts.collect();
            let body = parts
                .iter()
                .find(|part| part.role == Role::Payload)
                .map_or(frame.end..frame.end, |part| part.range.clone());
            wire.parts.extend(parts);
            // Most payloads stand in the frame as they are, and so need no memory of their own.
            let standing = wire.bytes.slice(body.clone());
            let payload = if standing == payload { standing } else { payload.into() };
            wire.messages.push(Message { payload, frame, body, duty, copies: 1 });
        }
        wire
    }

    /// The whole of it so many times.
    pub(super) fn repeated(&self, count: usize) -> Self {
        let mut all = Self { bytes: self.bytes.repeat(count).into(), ..Self::default() };
        for by in (0..count).map(|copy| copy * self.len()) {
            let shift = |range: &Range<usize>| range.start + by..range.end + by;
            all.parts.extend(self.parts.iter().map(|part| Part { range: shift(&part.range), ..part.clone() }));
            all.messages.extend(self.messages.iter().map(|message| Message {
                frame: shift(&message.frame),
                body: shift(&message.body),
                ..message.clone()
            }));
        }
        all
    }

    /// About so many copies, exactly if a number was asked for, as one entry and in little memory: no place inside is
    /// known.
    pub(super) fn condensed(&self, count: usize, asked: Copies) -> Self {
        let most = (CHUNK / self.len().max(1)).clamp(1, count);
        let chunk = match asked {
            Copies::Count(_) => (1..=most).rev().find(|chunk| count.is_multiple_of(*chunk)).unwrap_or(1),
            Copies::Filling(_) => most,
        };
        let count = count / chunk * chunk;
        let bytes: Bytes = self.bytes.repeat(chunk).into();
        let all = 0..bytes.len();
        let message = |message: &Message| Message {
            frame: all.clone(),
            body: all.clone(),
            copies: u32::try_from(count).unwrap_or(u32::MAX),
            ..message.clone()
        };
        let times = u32::try_from(count / chunk).unwrap_or(u32::MAX);
        Self { messages: self.messages.iter().map(message).collect(), parts: Vec::new(), bytes, times }
    }

    /// One readable message of about this size.
    pub(super) fn sample(context: &Context<'_>, size: u64) -> Result<Self, String> {
        let most = context.framing.largest().into_iter().chain(context.profile.max).chain(context.profile.limit).min();
        let size = most.map_or(size, |most| most.min(size)).max(context.framing.smallest());
        Self::messages(context, vec![super::material::pattern(context.framing, size as usize)], false)
    }

    /// Adds a message whose frame is rewritten to these bytes, in which no place is known.
    pub(super) fn rewrite(&mut self, message: &Message, frame: &[u8], effect: Effect) {
        let range = self.len()..self.len() + frame.len();
        self.bytes = [&self.bytes, frame].concat().into();
        self.parts.push(Part { role: Role::Payload, range: range.clone() });
        let duty = match effect {
            Effect::Spelling => message.duty,
            Effect::Damage => Duty::Never,
            Effect::Doubt => return,
        };
        self.messages.push(Message { frame: range.clone(), body: range, duty, ..message.clone() });
    }

    /// Bytes that are no message of the framing.
    pub(super) fn raw(bytes: Vec<u8>) -> Self {
        let parts = vec![Part { role: Role::Payload, range: 0..bytes.len() }];
        Self { bytes: bytes.into(), parts, ..Self::default() }
    }

    /// A header and what follows it.
    pub(super) fn claim(header: &[u8], body: &[u8]) -> Self {
        let bytes = [header, body].concat();
        let prefix = Part { role: Role::Prefix, range: 0..header.len() };
        let payload = Part { role: Role::Payload, range: header.len()..bytes.len() };
        Self { bytes: bytes.into(), parts: vec![prefix, payload], ..Self::default() }
    }

    /// The same with bytes behind it that belong to no message.
    pub(super) fn followed(mut self, bytes: &[u8]) -> Self {
        let range = self.bytes.len()..self.bytes.len() + bytes.len();
        self.parts.push(Part { role: Role::Payload, range });
        self.bytes = [&self.bytes, bytes].concat().into();
        self
    }

    /// Makes the whole wire one message with this payload.
    pub(super) fn promise(&mut self, body: Range<usize>, duty: Duty) {
        let payload = self.bytes.slice(body.clone());
        self.messages = vec![Message { payload, frame: 0..self.bytes.len(), body, duty, copies: 1 }];
    }

    /// The whole may be answered with a text.
    pub(super) fn answer(&mut self) {
        let all = 0..self.bytes.len();
        self.messages.push(Message {
            payload: Bytes::new(),
            frame: all.clone(),
            body: all,
            duty: Duty::Text,
            copies: 1,
        });
    }

    /// The whole completes one more message, whose echo is owed.
    pub(super) fn carry(&mut self, payload: Bytes) {
        let all = 0..self.bytes.len();
        self.messages.push(Message { payload, frame: all.clone(), body: all, duty: Duty::Echo, copies: 1 });
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Where prefixes stand, each with the header around it; nothing in framings without a length.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = Range<usize>> {
        let has_prefix = self.parts.iter().any(|part| part.role == Role::Prefix);
        self.runs(|role| matches!(role, Role::Start | Role::Header | Role::Prefix)).filter(move |_| has_prefix)
    }

    /// Where delimiters and trailers stand.
    pub(super) fn terminators(&self) -> impl Iterator<Item = Range<usize>> {
        self.runs(|role| matches!(role, Role::Delimiter | Role::Trailer))
    }

    /// Neighbouring parts of certain roles as one range, never across the end of a frame.
    fn runs(&self, wanted: fn(Role) -> bool) -> impl Iterator<Item = Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        let ends_frame = |at: usize| self.messages.binary_search_by_key(&at, |message| message.frame.end).is_ok();
        for part in self.parts.iter().filter(|part| wanted(part.role) && !part.range.is_empty()) {
            match runs.last_mut() {
                Some(run) if run.end == part.range.start && !ends_frame(run.end) => run.end = part.range.end,
                _ => runs.push(part.range.clone()),
            }
        }
        runs.into_iter()
    }
}

/// With `fixed`, a short payload is filled and a long one becomes several; otherwise a payload is what it is.
fn fitted(context: &Context<'_>, payload: Vec<u8>) -> Vec<Vec<u8>> {
    let size = match context.framing.strategy() {
        Strategy::Fixed => context.framing.largest().unwrap_or(1).max(1) as usize,
        _ => return vec![payload],
    };
    // What matters about a payload is often its last byte, so where there is room the message ends in it, too.
    let filled = |chunk: &[u8]| {
        let mut message = chunk.to_vec();
        message.resize(size, b'.');
        if chunk.len() * 2 <= size {
            message[size - chunk.len()..].copy_from_slice(chunk);
        }
        message
    };
    if payload.is_empty() { vec![filled(&[])] } else { payload.chunks(size).map(filled).collect() }
}

fn is_oversize(context: &Context<'_>, size: u64) -> bool {
    context.profile.max.is_some_and(|max| size > max) && context.framing.strategy() != Strategy::Raw
}

/// What is owed for a message of this size; an error where it cannot be judged fairly.
fn duty(context: &Context<'_>, size: u64, after_oversize: bool) -> Result<Duty, String> {
    let profile = context.profile;
    if is_oversize(context, size) {
        return match profile.over {
            Some(Over::Split) => Err("over=split: the pieces of an oversize message come back".to_owned()),
            Some(Over::Truncate) => Err("over=truncate: a part of an oversize message comes back".to_owned()),
            Some(Over::Reply) if profile.partial || context.framing.strategy() == Strategy::Close => {
                Err("over=reply: a text may look like what was sent".to_owned())
            }
            Some(Over::Reply) => Ok(Duty::Text),
            _ => Ok(Duty::Never),
        };
    }
    if let Some(limit) = profile.limit.filter(|limit| size > *limit) {
        return Err(format!("needs a message of {size} bytes; the largest that this target took is {limit}"));
    }
    Ok(match (after_oversize, size) {
        (true, _) if profile.over != Some(Over::Skip) => Duty::May,
        (_, 0) if context.framing.strategy() != Strategy::Close => empty_duty(profile.empty),
        _ => Duty::Echo,
    })
}

fn empty_duty(empty: Option<Empty>) -> Duty {
    match empty {
        Some(Empty::Echo) => Duty::Echo,
        Some(Empty::Skip) => Duty::Never,
        _ => Duty::May,
    }
}
