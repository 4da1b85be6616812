//! Makes the bytes of a send: messages in their frames, raw bytes, headers that claim what nothing backs.

use super::super::Unsendable;
use super::super::file::{Base, Claim, Claimed, Content, Copies, Field, LARGEST, Need, Owed, Payload, Send, Slot};
use super::super::material::{Setting, stripped};
use super::super::wire::{Message, Wire};
use super::{Compiler, MOST_BYTES};
use crate::framing::{Deframer, Framing, Kind, Length, Over, Role, Strategy};
use crate::mutation::{Effect, Mutation};
use crate::session::Duty;

/// Up to so many copies the places of each are known; of more only the bytes.
const PLACED_COPIES: usize = 1_000;

impl Compiler<'_> {
    /// The wire of a send. `oversize`: its connection has carried a message over the maximum before.
    pub(super) fn make(&self, send: &Send, setting: Setting<'_>, oversize: bool) -> Result<Wire, String> {
        let one = std::slice::from_ref;
        let wire = match &send.content {
            Content::Message(payload) if send.until.is_some() => self.parted(payload, setting, oversize)?,
            Content::Message(payload) => self.messages(one(payload), setting, oversize)?,
            Content::Messages(payloads) => self.messages(payloads, setting, oversize)?,
            Content::Copies(payload, copies) => self.copies(payload, *copies.given()?, setting, oversize)?,
            Content::Raw(payload) if !send.carries.is_empty() => {
                let mut wire = Wire::raw(setting.bytes(payload.given()?)?);
                for payload in &send.carries {
                    wire.carry(setting.bytes(payload.given()?)?.into());
                }
                wire
            }
            Content::Raw(payload) => self.raw(setting.bytes(payload.given()?)?, send)?,
            Content::Claim(claim) => self.claim(claim, setting, send.duty.is_some())?,
            Content::Rest => Wire::default(),
            Content::Echo => self.echo()?,
        };
        if matches!(send.content, Content::Message(_)) && self.is_right_reply(&wire) {
            return Err("in this framing the reply would be right".to_owned());
        }
        let wire = match &send.behind {
            Some(bytes) => wire.followed(&setting.bytes(bytes.given()?)?),
            None => wire,
        };
        match &send.trailer {
            Some(trailer) => Ok(self.answered(with_trailer(&wire, &trailer.given()?.0)?)),
            None => Ok(wire),
        }
    }

    /// What is refused, or may be, may be answered with a text, where the target does so.
    fn answered(&self, mut wire: Wire) -> Wire {
        let may_be_refused = wire.messages.iter().any(|message| matches!(message.duty, Duty::Never | Duty::May));
        if may_be_refused && self.variant.context.profile.over == Some(Over::Reply) {
            wire.answer();
        }
        wire
    }

    /// A message that is sent in parts must be one: a fixed length takes no more of the payload than fits.
    pub(super) fn parted(&self, payload: &Slot<Payload>, setting: Setting<'_>, oversize: bool) -> Result<Wire, String> {
        let context = self.variant.context;
        if context.framing.strategy() != Strategy::Fixed {
            return self.messages(std::slice::from_ref(payload), setting, oversize);
        }
        let mut bytes = setting.bytes(payload.given()?)?;
        bytes.truncate(context.framing.smallest() as usize);
        self.meant(std::slice::from_ref(payload), Wire::messages(context, vec![bytes], oversize)?)
    }

    /// The same message many times; with a fixed length, as much of it as fits one.
    fn copies(
        &self,
        payload: &Slot<Payload>,
        copies: Copies,
        setting: Setting<'_>,
        oversize: bool,
    ) -> Result<Wire, String> {
        let wire = self.parted(payload, setting, oversize)?;
        let count = copies.count(wire.len());
        if wire.len().saturating_mul(count) > MOST_BYTES {
            return Err("the messages of one send are more than 128MiB".to_owned());
        }
        Ok(if count <= PLACED_COPIES { wire.repeated(count) } else { wire.condensed(count, copies) })
    }

    fn messages(&self, payloads: &[Slot<Payload>], setting: Setting<'_>, oversize: bool) -> Result<Wire, String> {
        let (context, unsendable) = (self.variant.context, self.variant.scenario.unsendable);
        // A fixed length is kept by fitting, later.
        let strips = unsendable == Unsendable::Strip && context.framing.strategy() != Strategy::Fixed;
        let bytes = payloads.iter().map(|payload| {
            let bytes = setting.bytes(payload.given()?)?;
            Ok::<_, String>(if strips { stripped(context.framing, bytes) } else { bytes })
        });
        self.meant(payloads, Wire::messages(context, bytes.collect::<Result<_, _>>()?, oversize)?)
    }

    /// The wire, unless it holds an oversize message by accident: that it does not come back would prove nothing that
    /// the scenario is about.
    fn meant(&self, payloads: &[Slot<Payload>], wire: Wire) -> Result<Wire, String> {
        let needs = &self.variant.scenario.applies.needs;
        let about_max = needs.iter().any(|need| matches!(need, Need::Max | Need::OverClose | Need::OverSkip))
            || payloads.iter().any(|payload| payload.given().is_ok_and(Payload::is_relative_to_max));
        let max = self.variant.context.profile.max;
        let largest = wire.messages.iter().map(|message| message.payload.len() as u64).max().unwrap_or(0);
        match max.filter(|max| largest > *max && self.variant.context.framing.strategy() != Strategy::Raw) {
            Some(max) if !about_max && self.variant.context.profile.edge => {
                Err(format!("needs a message of {largest} bytes; the largest that this target took is {max}"))
            }
            Some(max) if !about_max => {
                Err(format!("needs a message of {largest} bytes; the declared maximum is {max}"))
            }
            _ => Ok(wire),
        }
    }

    /// The wire with each of its frames rewritten. Several ways make a family; the same message again is rewritten in the same
    /// way.
    pub(super) fn rewritten(&mut self, at: usize, wire: &Wire, mutation: &Mutation) -> Result<Wire, String> {
        let framing = self.variant.context.framing;
        let mut ways: Vec<_> =
            wire.messages.iter().map(|message| mutation.ways(framing, &wire.bytes[message.frame.clone()])).collect();
        let fewest = ways.iter().map(Vec::len).min().unwrap_or(0);
        if fewest == 0 {
            return Err(format!("the framing has nothing for the mutation {}", mutation.name));
        }
        let before = self.ways.iter().find(|(name, bytes, _)| *name == mutation.name && *bytes == wire.bytes);
        let index = match before.map(|(_, _, index)| *index) {
            Some(index) => index,
            None if fewest == 1 => 0,
            None => self.choices.choose(at, "way", fewest),
        };
        if before.is_none() {
            let name = ways[0][index].name.clone();
            self.choices.name(at, "way", name.clone(), format!("{} {}", mutation.name, name.replace('-', " ")));
            self.ways.push((mutation.name, wire.bytes.clone(), index));
        }
        let mut other = Wire::default();
        for (message, ways) in wire.messages.iter().zip(&mut ways) {
            other.rewrite(message, &ways.swap_remove(index).bytes, mutation.effect);
        }
        if mutation.effect == Effect::Doubt {
            self.allow_frames(&mut other);
        }
        Ok(self.answered(other))
    }

    /// Bytes as they are. A `duty` is that of the frames that stand in them, or else of the whole.
    fn raw(&self, bytes: Vec<u8>, send: &Send) -> Result<Wire, String> {
        let mut wire = Wire::raw(bytes);
        let streams = matches!(self.variant.context.framing.strategy(), Strategy::Raw | Strategy::Close);
        let duty = send.duty.as_ref().map(Slot::given).transpose()?;
        if duty != Some(&Owed::Never) && (duty.is_some() || !streams) {
            self.allow_frames(&mut wire);
        }
        match duty {
            Some(Owed::Echo) if wire.messages.is_empty() => {
                return Err("these bytes are no frame in this framing".to_owned());
            }
            Some(Owed::May) if wire.messages.is_empty() => wire.promise(0..wire.len(), Duty::May),
            _ => {}
        }
        Ok(wire)
    }

    /// What happens to be whole frames of this framing may be answered, whatever it was meant to be; and what is none with
    /// a text, where the target does so.
    fn allow_frames(&self, wire: &mut Wire) {
        let (framing, profile) = (self.variant.context.framing, self.variant.context.profile);
        let mut deframer = Deframer::new(&framing.tolerant());
        deframer.push(&wire.bytes);
        let all = 0..wire.len();
        let message = |payload, duty| Message { payload, frame: all.clone(), body: all.clone(), duty, copies: 1 };
        let is_refused = loop {
            match deframer.next_frame() {
                Some(Ok(frame)) => wire.messages.push(message(frame.payload.into(), Duty::May)),
                Some(Err(_)) => break true,
                None => break profile.max.is_none(),
            }
        };
        if is_refused && profile.over == Some(Over::Reply) {
            wire.answer();
        }
    }

    fn claim(&self, claim: &Claim, setting: Setting<'_>, promises: bool) -> Result<Wire, String> {
        let framing = self.variant.context.framing;
        let header = match &claim.field {
            Field::Bytes(bytes) => framing.header_with_field(&bytes.given()?.0),
            Field::Value(value) => self.claiming(*value.given()?)?,
        };
        let header = header.ok_or_else(|| match framing.strategy() {
            Strategy::Length => "the length field cannot hold this value".to_owned(),
            _ => "there is no length field".to_owned(),
        })?;
        let mut body = claim.body.as_ref().map(|body| setting.bytes(body.given()?)).transpose()?.unwrap_or_default();
        if claim.complete {
            body.extend(trailer(framing));
        }
        let mut wire = Wire::claim(&header, &body);
        if promises {
            wire.promise(header.len()..wire.len(), Duty::May);
        } else {
            self.allow_frames(&mut wire);
        }
        Ok(wire)
    }

    /// The header for a claimed value.
    fn claiming(&self, Claimed { base, more }: Claimed) -> Result<Option<Vec<u8>>, String> {
        let framing = self.variant.context.framing;
        let bits = value_bits(framing).min(128);
        let base = match base {
            Base::Number(number) => number,
            Base::AllOnes => u128::MAX >> (128 - bits),
            Base::SignBit => 1 << (bits - 1),
            Base::Max => return self.announcing(more),
        };
        Ok(base.checked_add_signed(more.into()).and_then(|value| framing.header_claiming(value)))
    }

    /// The header of a message that is so much larger than the declared maximum.
    fn announcing(&self, more: i64) -> Result<Option<Vec<u8>>, String> {
        let context = self.variant.context;
        let max = context.profile.max.ok_or("no max is declared")?;
        let size = max.checked_add_signed(more).filter(|size| *size <= LARGEST).ok_or("max is too large for this")?;
        let mut frame = Vec::new();
        let encoded = context.framing.encode_unlimited(&vec![b'a'; size as usize], &mut frame);
        encoded.map_err(|error| error.to_string())?;
        let anatomy = context.framing.anatomy(&frame);
        let body = anatomy.iter().find(|part| part.role == Role::Payload).map_or(frame.len(), |part| part.range.start);
        frame.truncate(body);
        Ok((context.framing.strategy() == Strategy::Length).then_some(frame))
    }
}

/// What follows a payload that was counted.
fn trailer(framing: &Framing) -> Vec<u8> {
    let mut frame = Vec::new();
    _ = framing.encode_unlimited(b"a", &mut frame); // a framing without such a message has no such trailer
    let anatomy = framing.anatomy(&frame);
    let part = anatomy.iter().find(|part| part.role == Role::Trailer);
    part.map_or_else(Vec::new, |part| frame[part.range.clone()].to_vec())
}

/// How many bits of the length field hold the value.
fn value_bits(framing: &Framing) -> u32 {
    match framing.kind() {
        Kind::Length(Length { mask: Some(mask), .. }) => u64::BITS - mask.leading_zeros(),
        _ => framing.field_width().map_or(64, |width| 8 * width as u32),
    }
}

/// The wire with another trailer behind each payload: damaged messages, which must not come back.
fn with_trailer(wire: &Wire, trailer: &[u8]) -> Result<Wire, String> {
    let mut bytes = wire.bytes.to_vec();
    let last = wire.parts.last().filter(|part| part.role == Role::Trailer).ok_or("there is no trailer")?;
    if wire.messages.len() > 1 {
        return Err("only a single message can have another trailer".to_owned());
    }
    bytes.truncate(last.range.start);
    bytes.extend_from_slice(trailer);
    let mut parts = wire.parts.clone();
    if let Some(part) = parts.last_mut() {
        part.range.end = bytes.len();
    }
    let messages =
        wire.messages.iter().map(|message| Message { frame: 0..bytes.len(), duty: Duty::Never, ..message.clone() });
    Ok(Wire { messages: messages.collect(), parts, bytes: bytes.into(), ..Wire::default() })
}
