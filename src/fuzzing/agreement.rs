//! Agreement with implementations that others wrote, where both define the same: a mistake that encoder and decoder
//! share passes every round trip, but not these.

use bytes::BytesMut;
use tokio_util::codec::{AnyDelimiterCodec, Decoder, LengthDelimitedCodec, LinesCodec};

use super::framing::Told;
use crate::framing::{Counts, Delimiter, Enc, Escape, Field, Framing, Kind, Length, Order};

/// The frames of a stream until it is refused, and whether it is.
#[derive(Debug, PartialEq, Eq)]
struct Account {
    frames: Vec<Vec<u8>>,
    refused: bool,
}

/// Where the other implementation is known to differ, by its own documentation or by its code.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Nowhere.
    Same,
    /// It waits for more before it refuses.
    Lags,
    /// It refuses what is legal: lengths at the very end of the field.
    Stricter,
    /// Both of these.
    StricterAndLags,
}

impl Known {
    fn is_stricter(self) -> bool {
        matches!(self, Self::Stricter | Self::StricterAndLags)
    }

    fn lags(self) -> bool {
        matches!(self, Self::Lags | Self::StricterAndLags)
    }
}

/// What another implementation makes of the stream.
struct Opinion {
    name: &'static str,
    account: Account,
    known: Known,
}

/// Panics where another implementation of the same framing sees something else in the stream.
pub(super) fn check(framing: &Framing, wire: &[u8], told: &Told) {
    let Some(Opinion { name, account: theirs, known }) = theirs(framing, wire) else { return };
    let mut frames = told.frames.iter().map(|frame| &frame.payload);
    let refused = !told.errors.is_empty();
    let agreed = if known.is_stricter() && theirs.refused {
        theirs.frames.iter().all(|frame| frames.next() == Some(frame))
    } else {
        frames.eq(&theirs.frames) && (refused == theirs.refused || (known.lags() && refused))
    };
    let ours = || told.frames.iter().map(|frame| &frame.payload).collect::<Vec<_>>();
    assert!(
        agreed,
        "{framing} and {name} on {}:\n  ours   {:?}, refused: {refused}\n  theirs {:?}, refused: {}",
        wire.escape_ascii(),
        ours(),
        theirs.frames,
        theirs.refused
    );
}

fn theirs(framing: &Framing, wire: &[u8]) -> Option<Opinion> {
    let max = framing.behaviour().max;
    match (framing.kind(), framing.behaviour().enc) {
        (Kind::Length(length), None) => length_delimited(length, max, wire).or_else(|| varint(length, max, wire)),
        (Kind::Delimiter(delimiter), enc) => match (delimiter.escape, enc) {
            (None, Some(Enc::Utf8)) => lines(delimiter, max, wire),
            (None, None) => any_delimiter(delimiter, max, wire),
            (Some(Escape::Cobs), None) if max.is_none() => {
                Some(Opinion { name: "cobs", account: cobs(wire), known: Known::Lags })
            }
            (Some(Escape::Slip), None) if max.is_none() && delimiter.start.is_empty() => {
                Some(Opinion { name: "slip-codec", account: slip(wire), known: Known::Same })
            }
            _ => None,
        },
        _ => None,
    }
}

fn run<D: Decoder>(mut decoder: D, wire: &[u8]) -> Account
where
    D::Item: Into<Vec<u8>>,
{
    let mut buffer = BytesMut::from(wire);
    let mut frames = Vec::new();
    loop {
        match decoder.decode(&mut buffer) {
            Ok(Some(frame)) => frames.push(frame.into()),
            Ok(None) => return Account { frames, refused: false },
            Err(_) => return Account { frames, refused: true },
        }
    }
}

/// `LengthDelimitedCodec` makes room for as much as is announced, so no more may be.
const RESERVED: u64 = 1 << 20;

/// tokio-util holds the value of the field against the limit before it adjusts it, so the limit is adjusted here.
fn length_delimited(length: &Length, max: Option<u64>, wire: &[u8]) -> Option<Opinion> {
    let Field::Binary { bytes, order, signed: false } = length.field else { return None };
    let Length { field, off, skip, counts, .. } = length.clone();
    if *length != (Length { off, skip, counts, ..Length::new(field) }) {
        return None; // magic, masks, fragments, trailers: not known there
    }
    let (width, header) = (usize::from(bytes), off + usize::from(bytes) + skip);
    let overhead = match counts {
        Counts::Payload => 0,
        Counts::Field => i64::from(bytes),
        Counts::Header => header as i64,
        Counts::Adjust(more) => more.checked_neg()?,
    };
    let most =
        i64::try_from(max.unwrap_or(u64::MAX).min(RESERVED)).ok()?.checked_add(overhead).filter(|most| *most >= 0)?;
    let adjustment = isize::try_from(overhead.checked_neg()?).ok()?;
    let mut builder = LengthDelimitedCodec::builder();
    builder.length_field_offset(off).length_field_length(width).num_skip(header).length_adjustment(adjustment);
    builder.max_frame_length(usize::try_from(most).ok()?);
    match order {
        Order::Big => builder.big_endian(),
        Order::Little => builder.little_endian(),
        Order::Native => builder.native_endian(),
    };
    let largest = (u64::MAX >> (64 - 8 * width)).saturating_sub(overhead.unsigned_abs());
    // It holds the field against what is adjusted,
    let stricter = max.is_none_or(|max| max > RESERVED) || (overhead > 0 && most as u64 > largest);
    // and judges it when the whole header is there.
    let known = match (stricter, skip > 0) {
        (true, true) => Known::StricterAndLags,
        (true, false) => Known::Stricter,
        (false, true) => Known::Lags,
        (false, false) => Known::Same,
    };
    Some(Opinion { name: "LengthDelimitedCodec", account: run(builder.new_codec(), wire), known })
}

fn varint(length: &Length, max: Option<u64>, wire: &[u8]) -> Option<Opinion> {
    use unsigned_varint::decode::{Error, u64 as read};
    let minimal_deny = length.minimal_deny;
    if *length != (Length { minimal_deny, ..Length::new(Field::Varint) }) {
        return None;
    }
    let (mut frames, mut rest) = (Vec::new(), wire);
    let refused = loop {
        match read(rest) {
            Ok((_, body)) if rest[..rest.len() - body.len()].get(9).is_some_and(|last| *last > 1) => {
                return None; // bits beyond 64 are dropped there
            }
            Ok((size, _)) if size > max.unwrap_or(i64::MAX as u64) => break true,
            Ok((size, body)) if size as usize <= body.len() => {
                let (payload, behind) = body.split_at(size as usize);
                frames.push(payload.to_vec());
                rest = behind;
            }
            Ok(_) | Err(Error::Insufficient) => break false,
            Err(Error::NotMinimal) if !minimal_deny => return None,
            Err(_) => break true,
        }
    };
    Some(Opinion { name: "unsigned-varint", account: Account { frames, refused }, known: Known::Same })
}

fn lines(delimiter: &Delimiter, max: Option<u64>, wire: &[u8]) -> Option<Opinion> {
    let known = Delimiter { chomp_cr: true, ..Delimiter::new(vec![b"\n".to_vec()]) };
    let is_same = *delimiter == known && max.is_none();
    is_same.then(|| Opinion { name: "LinesCodec", account: run(LinesCodec::new(), wire), known: Known::Same })
}

fn any_delimiter(delimiter: &Delimiter, max: Option<u64>, wire: &[u8]) -> Option<Opinion> {
    let is_known =
        *delimiter == Delimiter::new(delimiter.set.clone()) && delimiter.set.iter().all(|one| one.len() == 1);
    is_known.then(|| {
        let set = delimiter.set.concat();
        let codec = match max {
            Some(max) => AnyDelimiterCodec::new_with_max_length(set, Vec::new(), max as usize),
            None => AnyDelimiterCodec::new(set, Vec::new()),
        };
        Opinion { name: "AnyDelimiterCodec", account: run(codec, wire), known: Known::Same }
    })
}

/// Between two delimiters nothing is no frame.
fn cobs(wire: &[u8]) -> Account {
    let mut frames = Vec::new();
    let whole = wire.iter().rposition(|byte| *byte == 0).map_or(&[][..], |end| &wire[..end]);
    for frame in whole.split(|byte| *byte == 0).filter(|frame| !frame.is_empty()) {
        match cobs::decode_vec(frame) {
            Ok(payload) => frames.push(payload),
            Err(_) => return Account { frames, refused: true },
        }
    }
    Account { frames, refused: false }
}

fn slip(mut wire: &[u8]) -> Account {
    let mut decoder = slip_codec::SlipDecoder::new();
    let mut frames = Vec::new();
    loop {
        let mut frame = Vec::new();
        match decoder.decode(&mut wire, &mut frame) {
            Ok(_) => frames.push(frame),
            Err(slip_codec::SlipError::EndOfStream) => return Account { frames, refused: false },
            Err(_) => return Account { frames, refused: true },
        }
    }
}
