//! What a payload in a file stands for in bytes.

use rand_core::Rng;

use super::file::{LARGEST, Payload, Size};
use super::{Context, seed};
use crate::framing::{Enc, Framing, Kind};

/// What a payload may refer to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    pub(super) context: &'a Context<'a>,
    /// The number of the connection in the case, from 1: `{n}`.
    pub(super) number: usize,
    /// The round of the innermost repetition, from 1: `{i}`.
    pub(super) round: u32,
    /// What random bytes are drawn from.
    pub(super) name: &'a str,
}

impl Setting<'_> {
    /// The bytes of a payload.
    pub(super) fn bytes(&self, payload: &Payload) -> Result<Vec<u8>, String> {
        Ok(match payload {
            Payload::Text(text) => self.text(text).into_bytes(),
            Payload::Hex(bytes) => bytes.given()?.0.clone(),
            Payload::Base64(bytes) => bytes.given()?.0.clone(),
            Payload::Repeat(payload, times) => repeated(&self.bytes(payload.given()?)?, *times.given()?)?,
            Payload::Join(payloads) => {
                let parts = payloads.iter().map(|payload| self.bytes(payload.given()?));
                parts.collect::<Result<Vec<_>, _>>()?.concat()
            }
            Payload::FalseStart(bytes) => self.false_start(*bytes.given()? as usize)?,
            Payload::Fill(size) => pattern(self.context.framing, self.size(*size.given()?)?),
            Payload::Frame(size) => framed(self.context.framing, self.size(*size.given()?)?)?,
            Payload::Frames(payload, size) => {
                frames(self.context.framing, &self.bytes(payload.given()?)?, self.size(*size.given()?)?)?
            }
            Payload::Random(size) => self.random(self.size(*size.given()?)?),
            Payload::Counter(size) => counters(self.size(*size.given()?)?),
        })
    }

    fn text(&self, text: &str) -> String {
        let numbered = text.replace("{n}", &self.number.to_string()).replace("{i}", &self.round.to_string());
        numbered.replace("$$", "$")
    }

    /// The beginning of the delimiter.
    fn false_start(&self, bytes: usize) -> Result<Vec<u8>, String> {
        let delimiter = self.context.framing.terminator().unwrap_or_default();
        let part = delimiter.get(..bytes).filter(|part| part.len() < delimiter.len());
        part.map(<[u8]>::to_vec).ok_or_else(|| format!("the delimiter has no beginning of {bytes} bytes"))
    }

    /// A size in bytes.
    pub(super) fn size(&self, size: Size) -> Result<usize, String> {
        let bytes = match size {
            Size::Bytes(bytes) => Some(bytes),
            Size::Round(more) => u64::from(self.round).checked_add_signed(more).filter(|bytes| *bytes <= LARGEST),
            Size::Max(more) => {
                let max = self.context.profile.max.ok_or("no max is declared")?;
                max.checked_add_signed(more).filter(|bytes| *bytes <= LARGEST)
            }
        };
        bytes.map(|bytes| bytes as usize).ok_or_else(|| format!("{size} is out of bounds"))
    }

    fn random(&self, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        seed::generator(self.context.seed, self.name).fill_bytes(&mut bytes);
        bytes
    }
}

fn repeated(bytes: &[u8], times: u32) -> Result<Vec<u8>, String> {
    match bytes.len().checked_mul(times as usize) {
        Some(size) if size as u64 <= LARGEST => Ok(bytes.repeat(times as usize)),
        _ => Err("a repeated payload is larger than 64MiB".to_owned()),
    }
}

/// A readable pattern that the framing carries. Its period is odd, so no two blocks of a buffer's size are alike.
pub(crate) fn pattern(framing: &Framing, size: usize) -> Vec<u8> {
    let terminator = framing.terminator().unwrap_or_default();
    let usable = |byte: &u8| !terminator.contains(byte);
    let mut alphabet: Vec<u8> = (b'a'..=b'z').chain(b'0'..=b'9').chain(b'A'..=b'Y').filter(usable).collect();
    if alphabet.len().is_multiple_of(2) {
        alphabet.pop();
    }
    filled_with(&alphabet, size)
}

/// A readable pattern whose frame has this size. What a frame has besides its payload may depend on how long that is.
fn framed(framing: &Framing, size: usize) -> Result<Vec<u8>, String> {
    let mut payload = pattern(framing, size);
    let mut frame = Vec::new();
    for _ in 0..3 {
        frame.clear();
        framing.encode_unlimited(&payload, &mut frame).map_err(|error| error.to_string())?;
        if frame.len() == size {
            return Ok(payload);
        }
        let fits = (payload.len() + size).saturating_sub(frame.len());
        payload = pattern(framing, fits);
    }
    Err(format!("no frame of a readable message has {size} bytes"))
}

/// The frames of a message, again and again.
fn frames(framing: &Framing, payload: &[u8], size: usize) -> Result<Vec<u8>, String> {
    let mut frame = Vec::new();
    framing.encode_unlimited(payload, &mut frame).map_err(|error| error.to_string())?;
    Ok(filled_with(&frame, size))
}

fn filled_with(block: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = block.repeat(size / block.len() + 1);
    bytes.truncate(size);
    bytes
}

fn counters(size: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=size as u32 / 4).flat_map(u32::to_be_bytes).collect();
    bytes.truncate(size);
    bytes
}

/// The payload without the bytes that the framing cannot carry; as it is where that does not help.
pub(super) fn stripped(framing: &Framing, payload: Vec<u8>) -> Vec<u8> {
    let is_sendable = |payload: &[u8]| framing.encode_unlimited(payload, &mut Vec::new()).is_ok();
    // A part of a delimiter is data as well, but a case about bytes is not about that (DEL-05, DEL-17, DEL-18).
    let mut marks = [false; 256];
    for byte in delimiting(framing) {
        marks[usize::from(byte)] = true;
    }
    let delimiting = |byte: &u8| marks[usize::from(*byte)];
    if !payload.iter().any(delimiting) && is_sendable(&payload) {
        return payload;
    }
    let some = without_unsendable(framing, &payload);
    let most: Vec<u8> = some.iter().copied().filter(|byte| !delimiting(byte)).collect();
    [most, some].into_iter().find(|less| is_sendable(less)).unwrap_or(payload)
}

/// The bytes that delimiters are made of, where nothing escapes them.
fn delimiting(framing: &Framing) -> Vec<u8> {
    match framing.kind() {
        Kind::Delimiter(delimiter) if delimiter.escape.is_none() => {
            let optional = delimiter.chomp_cr.then_some(b'\r');
            delimiter.set.concat().into_iter().chain(optional).collect()
        }
        _ => Vec::new(),
    }
}

fn without_unsendable(framing: &Framing, payload: &[u8]) -> Vec<u8> {
    let text = |payload: &[u8]| String::from_utf8_lossy(payload).replace('\u{fffd}', "").into_bytes();
    let payload = match framing.behaviour().enc {
        Some(Enc::Utf8) => text(payload),
        Some(Enc::Ascii) => payload.iter().copied().filter(u8::is_ascii).collect(),
        _ => payload.to_vec(),
    };
    let text_only = framing.behaviour().enc == Some(Enc::Utf8);
    let single: Vec<bool> = (0..=u8::MAX)
        .map(|byte| (text_only && !byte.is_ascii()) || framing.encode_unlimited(&[byte], &mut Vec::new()).is_ok())
        .collect();
    payload.into_iter().filter(|byte| single[usize::from(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(text: &str) -> Framing {
        text.parse().unwrap()
    }

    #[test]
    fn a_pattern_fills_a_frame_to_the_byte_where_it_can() {
        for (variant, size) in
            [("length:u32be", 4093), ("netstring", 1021), ("pb", 16_384), ("crlf", 65_533), ("cobs", 4096)]
        {
            let mut frame = Vec::new();
            framing(variant).encode(&framed(&framing(variant), size).unwrap(), &mut frame).unwrap();
            assert_eq!(frame.len(), size, "{variant}");
        }
        // 127 bytes behind one byte of length are 128, 128 behind two are 130.
        assert!(framed(&framing("pb"), 129).is_err());
    }

    #[test]
    fn a_pattern_holds_nothing_that_delimits() {
        let framing = framing("delimiter:crlf");
        let bytes = pattern(&framing, 1000);
        assert!(framing.carries(&bytes));
        assert_ne!(bytes[..512], bytes[512..1000]);
    }

    #[test]
    fn what_the_framing_cannot_carry_is_left_out() {
        let framing = framing("delimiter:lf");
        assert_eq!(stripped(&framing, b"a\nb".to_vec()), b"ab");
        assert_eq!(stripped(&framing, b"ab".to_vec()), b"ab");
        assert_eq!(stripped(&self::framing("delimiter:crlf"), b"a\nb\r".to_vec()), b"ab");
        assert_eq!(stripped(&self::framing("slip"), b"\xc0\xdb".to_vec()), b"\xc0\xdb");
    }

    #[test]
    fn counters_count_in_32_bits() {
        assert_eq!(counters(9), [0, 0, 0, 0, 0, 0, 0, 1, 0]);
    }
}
