//! Makes the bytes of a send: messages in their frames, raw bytes, headers that claim what nothing backs.

use bytes::Bytes;

use super::super::Unsendable;
use super::super::file::{Base, Claim, Claimed, Content, Field, LARGEST, Payload, Send, Slot};
use super::super::material::{Setting, stripped};
use super::super::wire::{Message, Wire};
use super::{Compiler, MOST_BYTES};
use crate::framing::{Deframer, Role, Strategy};
use crate::session::Duty;

/// One send carries at most so many messages.
const MOST_COPIES: usize = 1_000_000;

impl Compiler<'_> {
    /// The wire of a send. `oversize`: its connection has carried a message over the maximum before.
    pub(super) fn make(&self, send: &Send, setting: Setting<'_>, oversize: bool) -> Result<Wire, String> {
        let one = std::slice::from_ref;
        let wire = match &send.content {
            Content::Message(payload) if send.until.is_some() => self.parted(payload, setting, oversize)?,
            Content::Message(payload) => self.messages(one(payload), 1, setting, oversize)?,
            Content::Messages(payloads) => self.messages(payloads, 1, setting, oversize)?,
            Content::Copies(payload, copies) => self.messages(one(payload), *copies.given()?, setting, oversize)?,
            Content::Raw(payload) if !send.carries.is_empty() => {
                let mut wire = Wire::raw(setting.bytes(payload.given()?)?);
                for payload in &send.carries {
                    wire.carry(setting.bytes(payload.given()?)?.into());
                }
                wire
            }
            Content::Raw(payload) => self.raw(setting.bytes(payload.given()?)?, send.duty.is_some()),
            Content::Claim(claim) => self.claim(claim, setting, send.duty.is_some())?,
            Content::Rest => Wire::default(),
        };
        match &send.trailer {
            Some(trailer) => with_trailer(&wire, &trailer.given()?.0),
            None => Ok(wire),
        }
    }

    /// A message that is sent in parts must be one: a fixed length takes no more of the payload than fits.
    fn parted(&self, payload: &Slot<Payload>, setting: Setting<'_>, oversize: bool) -> Result<Wire, String> {
        let context = self.variant.context;
        if context.framing.strategy() != Strategy::Fixed {
            return self.messages(std::slice::from_ref(payload), 1, setting, oversize);
        }
        let mut bytes = setting.bytes(payload.given()?)?;
        bytes.truncate(context.framing.smallest() as usize);
        Wire::messages(context, vec![bytes], oversize)
    }

    fn messages(
        &self,
        payloads: &[Slot<Payload>],
        copies: u32,
        setting: Setting<'_>,
        oversize: bool,
    ) -> Result<Wire, String> {
        let (context, unsendable) = (self.variant.context, self.variant.scenario.unsendable);
        // A fixed length is kept by fitting, later.
        let strips = unsendable == Unsendable::Strip && context.framing.strategy() != Strategy::Fixed;
        let bytes = payloads.iter().map(|payload| {
            let bytes = setting.bytes(payload.given()?)?;
            Ok::<_, String>(if strips { stripped(context.framing, bytes) } else { bytes })
        });
        let bytes: Vec<_> = bytes.collect::<Result<_, _>>()?;
        let copies = copies as usize;
        if bytes.iter().map(Vec::len).sum::<usize>().saturating_mul(copies) > MOST_BYTES || copies > MOST_COPIES {
            return Err("the messages of one send are more than 128MiB or than a million".to_owned());
        }
        let bytes = if copies == 1 { bytes } else { vec![bytes; copies].concat() };
        Wire::messages(context, bytes, oversize)
    }

    /// Bytes as they are. With a `duty` it is that of the frames that stand in them, or else of the whole.
    fn raw(&self, bytes: Vec<u8>, promises: bool) -> Wire {
        let mut wire = Wire::raw(bytes);
        if promises {
            let mut deframer = Deframer::new(self.variant.context.framing);
            deframer.push(&wire.bytes);
            let all = 0..wire.len();
            while let Some(Ok(frame)) = deframer.next_frame() {
                let payload = Bytes::from(frame.payload.clone());
                wire.messages.push(Message { payload, frame: all.clone(), body: all.clone(), duty: Duty::May });
            }
            if wire.messages.is_empty() {
                wire.promise(all, Duty::May);
            }
        }
        wire
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
        let body = claim.body.as_ref().map(|body| setting.bytes(body.given()?)).transpose()?.unwrap_or_default();
        let mut wire = Wire::claim(&header, &body);
        if promises {
            wire.promise(header.len()..wire.len(), Duty::May);
        }
        Ok(wire)
    }

    /// The header for a claimed value.
    fn claiming(&self, Claimed { base, more }: Claimed) -> Result<Option<Vec<u8>>, String> {
        let framing = self.variant.context.framing;
        let bits = framing.field_width().map_or(64, |width| 8 * width as u32).min(128);
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
    Ok(Wire { messages: messages.collect(), parts, bytes: bytes.into() })
}
