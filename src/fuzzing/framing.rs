//! The target `framing`: what a stream holds does not depend on how it was cut, and others see the same in it.

use super::cursor::{Code, Cursor, write_list};
use super::stream::{Sent, Stream};
use crate::framing::{AtEnd, Deframer, Frame, Framing, HEADER_LIMIT, Malformed, Resume, Strategy};

/// Most cuts of a segmentation.
const MOST_CUTS: u8 = 16;

/// Of a message no more bytes are sent: work on longer ones is the same.
pub(super) const MOST_BYTES: usize = 1500;

/// More than this is never looked at again when more bytes come: delimiters and headers that may be cut.
const SEEN_AGAIN: usize = 64;

/// A stream that is cut in two ways: a framing, a [`Stream`], and two lists of cuts, each a word, modulo the length of
/// the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Cutting {
    /// How messages are framed.
    pub framing: Framing,
    /// What is sent.
    pub stream: Stream,
    /// Where it is cut the first time.
    pub first: Vec<u16>,
    /// And the second time.
    pub second: Vec<u16>,
}

impl Code for Cutting {
    fn read(cursor: &mut Cursor<'_>) -> Self {
        Self {
            framing: Framing::read(cursor),
            stream: Stream::read(cursor),
            first: cursor.list(MOST_CUTS),
            second: cursor.list(MOST_CUTS),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.framing.write(out);
        self.stream.write(out);
        write_list(&self.first, out);
        write_list(&self.second, out);
    }
}

/// The law of the target `framing`: under both segmentations the same frames and the same error; what was not damaged
/// comes back; no frame is over `max`; what is buffered and what is looked at again is bounded; other implementations
/// agree.
pub fn framing(data: &[u8]) {
    let Cutting { framing, stream, first, second } = Cutting::decode(data);
    let Sent { wire, payloads } = stream.sent(&framing, MOST_BYTES);
    let (first, second) = (places(&first, wire.len()), places(&second, wire.len()));
    for skips in [false, true] {
        let one = tell(&framing, &wire, &first, skips);
        let other = tell(&framing, &wire, &second, skips);
        assert_eq!(one, other, "{framing}: cut at {first:?} and at {second:?}: {}", wire.escape_ascii());
        bounded(&framing, &one);
        if !skips {
            restored(&framing, payloads.as_deref(), &wire, &one);
            #[cfg(any(test, fuzzing))]
            super::agreement::check(&framing, &wire, &one);
        }
    }
}

/// Where a stream of this length is cut: in order, none twice, none at the ends.
pub(super) fn places(cuts: &[u16], len: usize) -> Vec<usize> {
    let mut places: Vec<usize> = cuts.iter().filter_map(|cut| usize::from(*cut).checked_rem(len)).collect();
    places.sort_unstable();
    places.dedup();
    places.retain(|place| *place > 0);
    places
}

/// All that a receiver can tell of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) frames: Vec<Frame>,
    pub(super) errors: Vec<Malformed>,
    pub(super) end: AtEnd,
}

fn tell(framing: &Framing, wire: &[u8], cuts: &[usize], skips: bool) -> Told {
    let mut deframer = if skips { Deframer::skipping(framing) } else { Deframer::new(framing) };
    let mut told = Told { frames: Vec::new(), errors: Vec::new(), end: AtEnd::Nothing };
    let (mut from, mut longest) = (0, 0);
    for &cut in cuts.iter().chain([&wire.len()]) {
        deframer.push(&wire[from..cut]);
        listen(&mut deframer, &mut told);
        longest = longest.max(cut - from);
        held(framing, &deframer, longest);
        from = cut;
    }
    told.end = deframer.finish();
    told
}

fn listen(deframer: &mut Deframer, told: &mut Told) {
    while let Some(next) = deframer.next_frame() {
        match next {
            Ok(frame) => told.frames.push(frame),
            Err(error) if told.errors.last() == Some(&error) => return,
            Err(error) => told.errors.push(error),
        }
    }
}

/// What waits for more bytes is bounded by `max`, and little of it will be looked at again.
fn held(framing: &Framing, deframer: &Deframer, longest: usize) {
    let again = deframer.looked_at_again();
    if again > SEEN_AGAIN {
        let most = SEEN_AGAIN + framing.to_string().len();
        assert!(again <= most, "{framing}: {again} bytes would be looked at again");
    }
    let Some(max) = framing.behaviour().max.filter(|_| is_bounded(framing)) else { return };
    // An escape makes two bytes of one; COBS adds less; a header block and a piece may come on top.
    let most = 2 * max as usize + HEADER_LIMIT + 8192 + longest;
    let held = deframer.rest().len();
    assert!(held <= most, "{framing}: {held} bytes are held");
}

/// Whether what is held depends on `max` alone: not on how many empty fragments a message has.
fn is_bounded(framing: &Framing) -> bool {
    matches!(framing.strategy(), Strategy::Length | Strategy::Delimiter)
}

fn bounded(framing: &Framing, told: &Told) {
    let Some(max) = framing.behaviour().max else { return };
    for frame in &told.frames {
        let len = frame.payload.len() as u64;
        assert!(len <= max, "{framing}: a payload of {len} bytes");
    }
}

/// What was sent and not damaged is what came; what came is what it would be, sent again.
fn restored(framing: &Framing, payloads: Option<&[Vec<u8>]>, wire: &[u8], told: &Told) {
    if framing.strategy() < Strategy::Fixed {
        return;
    }
    let max = framing.behaviour().max.unwrap_or(u64::MAX);
    if let Some(payloads) = payloads {
        let due = payloads.iter().take_while(|payload| payload.len() as u64 <= max);
        let came = told.frames.iter().map(|frame| &frame.payload);
        assert!(came.eq(due), "{framing}: {} is read as {told:?}", wire.escape_ascii());
        return;
    }
    for frame in &told.frames {
        let mut again = Vec::new();
        if framing.encode(&frame.payload, &mut again).is_ok() {
            let decoded = framing.decode(&again, Resume::default());
            assert_eq!(decoded, crate::framing::Decoded::Frame { len: again.len() }, "{framing}: {frame:?}");
            assert_eq!(framing.payload(&again), &frame.payload[..], "{framing}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_law_holds(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            framing(&data);
        }

        #[test]
        fn what_is_read_is_written_and_read_again(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            let cutting = Cutting::decode(&data);
            prop_assert_eq!(Cutting::decode(&cutting.encode()), cutting);
        }
    }
}
