//! Bytes to frames and back: which part of a TCP byte stream is a message.
//!
//! No sockets, no clock, no files. A [`Framing`] is a parsed value such as `length:u32be,max=64KiB`; it looks at bytes
//! and keeps nothing. A [`Deframer`] owns what a look needs: the buffer, the position, the end of the stream. There is
//! one deframer for all strategies, so limits and ends behave alike in all of them.
//!
//! What [`Framing::decode`] promises:
//! - *Incomplete* is no error: the same beginning with more bytes may be a frame, or malformed.
//! - *Frame* and *Malformed* are final: longer input gives the same answer. Neither depends on how the input was cut
//!   into pieces on its way (CATALOGUE section 0, fact 1).
//! - A frame over the declared `max` is refused on its header, or as soon as `max + 1` bytes are certainly payload.
//!
//! The syntax is that of CATALOGUE A0; [`KINDS`], [`FIELDS`], [`KEYS`] and [`ALIASES`] list all that it knows.

mod behaviour;
mod close;
mod deframer;
mod delimiter;
mod fixed;
mod length;
mod outcome;
mod strategy;
mod syntax;
mod variants;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod laws;

use std::borrow::Cow;

pub use behaviour::{After, Behaviour, Choice, Compare, Empty, Enc, Eof, Idle, Over, Partial, Reply};
pub use close::CloseForm;
pub use deframer::{Deframer, Frame};
pub use delimiter::{Delimiter, Escape};
pub use fixed::{Fixed, Side};
pub use length::{Counts, Field, HEADER_LIMIT, Length, More, Order};
pub use outcome::{AtEnd, Decoded, Malformed, Part, Reason, Resume, Role, Unencodable};
pub use strategy::Strategy;
pub use syntax::{ALIASES, Alias, FIELDS, FieldWord, KEYS, KINDS, Key, SyntaxError, Word};
pub use variants::VARIANTS;

use outcome::push_part;

/// How messages become bytes and bytes messages, and what the peer declares about the doubtful cases.
///
/// Parsed from and shown as the syntax of CATALOGUE A0; aliases are shown as what they stand for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Framing {
    kind: Kind,
    behaviour: Behaviour,
}

/// The wire form of a framing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A byte stream without messages (RFC 862). `max` means nothing here.
    Raw,
    /// One message in a connection.
    Close(CloseForm),
    /// Messages of one length.
    Fixed(Fixed),
    /// Messages behind a length.
    Length(Length),
    /// Messages before a delimiter.
    Delimiter(Delimiter),
}

impl Framing {
    pub(in crate::framing) fn from_parts(kind: Kind, behaviour: Behaviour) -> Self {
        Self { kind, behaviour }
    }

    /// The strategy of the wire form.
    pub fn strategy(&self) -> Strategy {
        match self.kind {
            Kind::Raw => Strategy::Raw,
            Kind::Close(_) => Strategy::Close,
            Kind::Fixed(_) => Strategy::Fixed,
            Kind::Length(_) => Strategy::Length,
            Kind::Delimiter(_) => Strategy::Delimiter,
        }
    }

    /// The wire form.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// What the peer declares.
    pub fn behaviour(&self) -> &Behaviour {
        &self.behaviour
    }

    /// Whether bytes come back before a message is complete: in a plain stream, or where that is declared (D1).
    pub fn echoes_at_once(&self) -> bool {
        self.strategy() == Strategy::Raw || self.behaviour.partial == Some(Partial::Yes)
    }

    /// The same on the wire, for payloads without their delimiter: `keep` only says what a decoder hands to its application.
    #[must_use]
    pub fn without_keep(&self) -> Self {
        let Kind::Delimiter(delimiter) = &self.kind else { return self.clone() };
        let kept = if delimiter.keep { delimiter.first().len() as u64 } else { 0 };
        let max = self.behaviour.max.map(|max| max.saturating_sub(kept));
        let (kind, behaviour) =
            (Kind::Delimiter(Delimiter { keep: false, ..delimiter.clone() }), self.behaviour.clone());
        Self::from_parts(kind, Behaviour { max, ..behaviour })
    }

    /// The same wire form with another declaration.
    #[must_use]
    pub fn with_behaviour(self, behaviour: Behaviour) -> Self {
        Self { behaviour, ..self }
    }

    /// As a receiver may be that takes a length in any spelling where the sender alone is bound to the shortest one
    /// (RFC 6455 5.2; CATALOGUE D12).
    pub(crate) fn tolerant(&self) -> Cow<'_, Self> {
        match &self.kind {
            Kind::Length(length) if length.field == Field::Ws => {
                let length = Length { minimal_deny: false, ..length.clone() };
                Cow::Owned(self.clone().with_kind(Kind::Length(length)))
            }
            _ => Cow::Borrowed(self),
        }
    }

    /// Another wire form with the same declaration.
    #[must_use]
    pub(crate) fn with_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// Appends the frame of `payload` to `out`. On error, `out` is as it was.
    pub fn encode(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Unencodable> {
        let actual = payload.len() as u64;
        match self.behaviour.max {
            Some(limit) if actual > limit => Err(Unencodable::OverMax { limit, actual }),
            _ => self.encode_unlimited(payload, out),
        }
    }

    /// As [`encode`](Self::encode), but the declared `max` does not count: for messages that must be refused.
    pub fn encode_unlimited(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Unencodable> {
        match self.foreign(payload) {
            Some(Reason::NotUtf8) => return Err(Unencodable::NotUtf8),
            Some(_) => return Err(Unencodable::NotAscii),
            None => {}
        }
        match &self.kind {
            Kind::Raw | Kind::Close(_) => out.extend_from_slice(payload),
            Kind::Fixed(fixed) => fixed.encode(payload, out)?,
            Kind::Length(length) => length.encode(payload, out)?,
            Kind::Delimiter(delimiter) => delimiter.encode(payload, out)?,
        }
        Ok(())
    }

    /// Whether `payload` can be sent: it has a frame, and is not over `max`.
    pub fn carries(&self, payload: &[u8]) -> bool {
        self.encode(payload, &mut Vec::new()).is_ok()
    }

    /// Looks for a frame at the start of `input`; keeps nothing.
    ///
    /// `resume` is what an earlier `Incomplete` for the same beginning of input returned, or its default. `raw` and
    /// `close` have no frames inside a stream: their answer is `Incomplete`, and [`at_end`](Self::at_end) has the message.
    pub fn decode(&self, input: &[u8], resume: Resume) -> Decoded {
        match self.scan(input, resume, self.behaviour.max) {
            Decoded::Frame { len } => match self.foreign(&self.payload(&input[..len])) {
                Some(reason) => Decoded::Malformed(reason.at(0)),
                None => Decoded::Frame { len },
            },
            other => other,
        }
    }

    /// As `decode`, for any limit and without a look at the payload. Never looks at what `resume` has settled.
    fn scan(&self, input: &[u8], resume: Resume, limit: Option<u64>) -> Decoded {
        match &self.kind {
            Kind::Raw => close::scan(input, None),
            Kind::Close(_) => close::scan(input, limit),
            Kind::Fixed(fixed) => fixed.scan(input, resume),
            Kind::Length(length) => length.scan(input, resume, limit),
            Kind::Delimiter(delimiter) => delimiter.scan(input, resume, limit),
        }
    }

    /// Why the declared encoding refuses a payload.
    fn foreign(&self, payload: &[u8]) -> Option<Reason> {
        match self.behaviour.enc {
            Some(Enc::Utf8) if str::from_utf8(payload).is_err() => Some(Reason::NotUtf8),
            Some(Enc::Ascii) if !payload.is_ascii() => Some(Reason::NotAscii),
            _ => None,
        }
    }

    /// Bytes at the start of `input` that belong to no frame: fill between frames.
    fn filler(&self, input: &[u8]) -> usize {
        match &self.kind {
            Kind::Delimiter(delimiter) => delimiter.filler(input),
            _ => 0,
        }
    }

    /// The payload of a complete frame, unescaped and reassembled. The fill of `fixed` with `pad` stays.
    pub fn payload<'a>(&self, frame: &'a [u8]) -> Cow<'a, [u8]> {
        match &self.kind {
            Kind::Raw | Kind::Close(_) | Kind::Fixed(_) => Cow::Borrowed(frame),
            Kind::Length(length) => length.payload(frame),
            Kind::Delimiter(delimiter) => delimiter.payload(frame),
        }
    }

    /// What an unfinished rest means when the stream ends here.
    ///
    /// With `close` it is the message, even if empty; with `fixed` and `last=short`, the last one; with `raw`, what
    /// was streamed. Everywhere else it is unfinished, and the peer's `eof=` says what becomes of it.
    pub fn at_end(&self, rest: &[u8]) -> AtEnd {
        match &self.kind {
            Kind::Close(_) => AtEnd::Message(rest.to_vec()),
            Kind::Fixed(fixed) => fixed.at_end(rest),
            Kind::Delimiter(delimiter) => delimiter.at_end(rest),
            _ if rest.is_empty() => AtEnd::Nothing,
            Kind::Raw => AtEnd::Message(rest.to_vec()),
            Kind::Length(_) => AtEnd::Unfinished,
        }
    }

    /// The parts of a complete frame, in order and without gaps: where to cut inside the prefix, the delimiter, …
    pub fn anatomy(&self, frame: &[u8]) -> Vec<Part> {
        match &self.kind {
            Kind::Length(length) => length.anatomy(frame),
            Kind::Delimiter(delimiter) => delimiter.anatomy(frame),
            _ => {
                let mut parts = Vec::new();
                push_part(&mut parts, Role::Payload, 0..frame.len());
                parts
            }
        }
    }

    /// Largest payload in bytes that the wire form can express, whatever `max` says; `None` is unbounded.
    ///
    /// Never above 2^63-1, which is what a receiver can represent.
    pub fn largest(&self) -> Option<u64> {
        match &self.kind {
            Kind::Fixed(fixed) => Some(fixed.size as u64),
            Kind::Length(length) => length.largest(),
            _ => None,
        }
    }

    /// Smallest legal payload in bytes.
    pub fn smallest(&self) -> u64 {
        match &self.kind {
            Kind::Raw | Kind::Close(_) => 0,
            Kind::Fixed(fixed) => fixed.size as u64,
            Kind::Length(length) => length.smallest(),
            Kind::Delimiter(delimiter) => delimiter.smallest(),
        }
    }

    /// A header whose field holds `value` as it stands, whatever it counts; `None` if the field cannot hold it, or if
    /// this is no length framing. For lengths that nothing backs.
    pub fn header_claiming(&self, value: u128) -> Option<Vec<u8>> {
        self.length().and_then(|length| length.header_claiming(value))
    }

    /// A header with these bytes in place of the whole prefix (digits *and* separator, all header lines); `None` if
    /// this is no length framing. For spellings that no encoder would use.
    pub fn header_with_field(&self, field: &[u8]) -> Option<Vec<u8>> {
        self.length().map(|length| length.header_with_field(field))
    }

    /// Whether digits are a length only with what stands behind the last of them: not where they always are so many.
    pub fn has_open_digits(&self) -> bool {
        self.length().is_some_and(Length::has_open_digits)
    }

    /// Bytes of a binary length field of fixed width.
    pub fn field_width(&self) -> Option<usize> {
        self.length().and_then(|length| length.field.width())
    }

    fn length(&self) -> Option<&Length> {
        match &self.kind {
            Kind::Length(length) => Some(length),
            _ => None,
        }
    }

    /// The byte sequence that this side sends to end a frame (delimiter framings).
    pub fn terminator(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::Delimiter(delimiter) => Some(delimiter.first()),
            _ => None,
        }
    }

    /// Whether a carriage return before the delimiter belongs to it.
    pub fn chomps(&self) -> bool {
        matches!(&self.kind, Kind::Delimiter(delimiter) if delimiter.chomp_cr)
    }

    /// The framing of replies: that of `reply=`, or this one.
    pub fn reply(&self) -> Cow<'_, Self> {
        match (&self.behaviour.reply, &self.kind) {
            (Some(Reply::Framing(framing)), _) => Cow::Borrowed(framing),
            (Some(Reply::Delimiter(bytes)), Kind::Delimiter(delimiter)) => {
                let set = vec![bytes.clone()];
                // A reply delimiter is declared to be the only one, so nothing optional belongs to it.
                let delimiter = Delimiter { set, chomp_cr: false, ..delimiter.clone() };
                let behaviour = Behaviour { reply: None, ..self.behaviour.clone() };
                Cow::Owned(Self::from_parts(Kind::Delimiter(delimiter), behaviour))
            }
            _ => Cow::Borrowed(self),
        }
    }
}
