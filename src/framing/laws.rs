//! What every framing keeps, whatever its strategy: the laws run over [`VARIANTS`], and golden bytes go through them.

use proptest::prelude::{Strategy as Strategy_, *};

use super::{
    ALIASES, AtEnd, Behaviour, Decoded, Deframer, FIELDS, Framing, KEYS, Kind, Malformed, Reason, Resume, Role,
    Strategy, VARIANTS,
};

/// A framing that the test wrote down.
fn framing(text: &str) -> Framing {
    text.parse().unwrap_or_else(|error| panic!("not a framing:\n{error}"))
}

/// `payload` is written as `wire`, and `wire` is read as `payload`.
pub(super) fn good(text: &str, wire: &[u8], payload: &[u8]) {
    let mut out = b"before".to_vec();
    framing(text).encode(payload, &mut out).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(&out[6..], wire, "{text} writes other bytes");
    reads(text, wire, payload);
}

/// `wire` is one frame that holds `payload`, however it is cut.
pub(super) fn reads(text: &str, wire: &[u8], payload: &[u8]) {
    let expected =
        Story { frames: vec![(payload.to_vec(), 0..wire.len() as u64)], errors: Vec::new(), end: AtEnd::Nothing };
    let framing = framing(text);
    for cuts in cuttings(wire.len()) {
        assert_eq!(story(&framing, wire, &cuts, false), expected, "{text} reads {wire:x?} cut at {cuts:?}");
    }
    covers(&framing, wire);
}

/// `wire` is refused for `reason` at `offset`, however it is cut, whatever follows it, and not before.
pub(super) fn bad(text: &str, wire: &[u8], reason: Reason, offset: usize) {
    let framing = framing(text);
    let refused = Malformed { reason, offset };
    let whole = framing.decode(wire, Resume::default());
    assert_eq!(whole, Decoded::Malformed(refused), "{text} on {wire:x?}");
    let longer = [wire, b"\0\x01,\r\n~\xc0more"].concat();
    for wire in [wire, &longer[..]] {
        for cuts in cuttings(wire.len()) {
            let story = story(&framing, wire, &cuts, false);
            // The deframer leaves fill before the frame out of its account.
            let reasons: Vec<Reason> = story.errors.iter().map(|error| error.reason).collect();
            assert_eq!(reasons, [reason], "{text} on {wire:x?} cut at {cuts:?}");
        }
    }
}

/// All that a receiver can tell of a stream.
#[derive(Debug, PartialEq, Eq)]
struct Story {
    frames: Vec<(Vec<u8>, std::ops::Range<u64>)>,
    errors: Vec<Malformed>,
    end: AtEnd,
}

/// Feeds `stream`, cut at `cuts`, and takes every frame as soon as it is there.
fn story(framing: &Framing, stream: &[u8], cuts: &[usize], skips: bool) -> Story {
    let mut deframer = if skips { Deframer::skipping(framing) } else { Deframer::new(framing) };
    let (mut frames, mut errors) = (Vec::new(), Vec::new());
    let mut from = 0;
    for &cut in cuts.iter().chain([&stream.len()]) {
        deframer.push(&stream[from..cut]);
        from = cut;
        while let Some(next) = deframer.next_frame() {
            match next {
                Ok(frame) => frames.push((frame.payload, frame.at)),
                Err(error) if errors.last() == Some(&error) => break,
                Err(error) => errors.push(error),
            }
        }
    }
    let end = deframer.finish();
    Story { frames, errors, end }
}

/// Whole, byte by byte, every single cut, and in short streams every pair of cuts. In long ones, cuts near the ends.
fn cuttings(len: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new(), (1..len).collect()];
    let near = if len < 600 { len } else { 20 };
    let singles = (1..len).filter(|cut| *cut < near || *cut > len - near);
    all.extend(singles.map(|cut| vec![cut]));
    if len <= 64 {
        all.extend((1..len).flat_map(|first| (first + 1..len).map(move |second| vec![first, second])));
    }
    all
}

/// The anatomy covers a frame in order and without gaps, and has its payload where nothing is escaped.
fn covers(framing: &Framing, frame: &[u8]) {
    let mut at = 0;
    for part in framing.anatomy(frame) {
        assert_eq!(part.range.start, at, "{framing}: gap before {part:?}");
        assert!(!part.range.is_empty(), "{framing}: empty {part:?}");
        at = part.range.end;
    }
    assert_eq!(at, frame.len(), "{framing}: the anatomy ends early");
}

/// All variants, parsed.
fn variants() -> impl Iterator<Item = Framing> {
    VARIANTS.iter().map(|text| framing(text))
}

/// Payloads with something in them that some framing might trip over.
const SHORT: &[&[u8]] = &[
    b"",
    b"a",
    b"hello",
    b"\0",
    b"a\r",
    b"\n",
    b"\r\n.",
    b".",
    b"..a",
    b"#",
    b"]]>]]",
    b"aa",
    b"1:a,",
    b"\xc0\xdb\xdc",
    b"~}",
    b"\x1e\x0b",
    b"\xff\xfe",
];

/// The payload itself, or what comes nearest to it in this framing.
fn fitted(framing: &Framing, payload: &[u8]) -> Vec<u8> {
    let mut payload = payload.to_vec();
    match framing.kind() {
        Kind::Fixed(fixed) => payload.resize(fixed.size, b'f'),
        Kind::Delimiter(delimiter) if delimiter.keep => {
            payload.extend_from_slice(&delimiter.set[0]);
        }
        _ => payload.resize(payload.len().max(framing.smallest() as usize), b's'),
    }
    payload
}

fn carried(framing: &Framing) -> Vec<Vec<u8>> {
    let fitted = SHORT.iter().map(|payload| fitted(framing, payload));
    fitted.filter(|payload| framing.carries(payload)).collect()
}

fn encoded(framing: &Framing, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    framing.encode_unlimited(payload, &mut out).unwrap_or_else(|error| panic!("{framing}: {error} ({payload:x?})"));
    out
}

/// Frames follow each other from the start of the stream to its end.
fn gapless(story: &Story, stream: &[u8]) -> bool {
    let mut at = 0;
    for (_, range) in &story.frames {
        if range.start != at {
            return false;
        }
        at = range.end;
    }
    at == stream.len() as u64
}

fn payloads(story: &Story) -> Vec<&[u8]> {
    story.frames.iter().map(|(payload, _)| &payload[..]).collect()
}

/// Whether messages are cut out of a stream, and `max` is what bounds them.
fn has_frames_of_any_size(framing: &Framing) -> bool {
    matches!(framing.strategy(), Strategy::Length | Strategy::Delimiter)
}

/// The framing with the smallest limit that leaves some room, the limit, and a payload of any size that it carries.
fn limited(framing: Framing) -> (Framing, usize, impl Fn(usize) -> Vec<u8>) {
    let max = framing.smallest() as usize + 5;
    let behaviour = Behaviour { max: Some(max as u64), reply: None, ..framing.behaviour().clone() };
    let framing = framing.with_behaviour(behaviour);
    let end = match framing.kind() {
        Kind::Delimiter(delimiter) if delimiter.keep => delimiter.set[0].clone(),
        _ => Vec::new(),
    };
    let sized = move |len: usize| [&vec![b'x'; len - end.len()][..], &end].concat();
    (framing, max, sized)
}

#[test]
fn what_is_encoded_is_decoded_again() {
    for framing in variants().filter(|framing| framing.strategy() >= Strategy::Fixed) {
        let payloads = carried(&framing);
        assert!(payloads.len() >= 3, "{framing} carries next to nothing");
        for payload in payloads {
            let frame = encoded(&framing, &payload);
            let len = frame.len();
            let decoded = framing.decode(&[&frame[..], b"\0more"].concat(), Resume::default());
            assert_eq!(decoded, Decoded::Frame { len }, "{framing} on {payload:x?}");
            assert_eq!(framing.payload(&frame), payload, "{framing}");
            covers(&framing, &frame);
        }
    }
}

#[test]
fn no_cut_changes_what_a_stream_of_three_frames_holds() {
    for framing in variants() {
        let all = carried(&framing);
        for three in all.windows(3) {
            let stream: Vec<u8> = three.iter().flat_map(|payload| encoded(&framing, payload)).collect();
            let whole = story(&framing, &stream, &[], false);
            if framing.strategy() >= Strategy::Fixed {
                assert!(gapless(&whole, &stream), "{framing}: {:?}", whole.frames);
                assert_eq!(payloads(&whole), three, "{framing}");
                assert_eq!((&whole.errors[..], &whole.end), (&[][..], &AtEnd::Nothing), "{framing}");
            }
            for cuts in cuttings(stream.len()) {
                let parts = story(&framing, &stream, &cuts, false);
                assert_eq!(parts, whole, "{framing}: {stream:x?} cut at {cuts:?}");
            }
        }
    }
}

#[test]
fn no_cut_changes_what_becomes_of_a_damaged_stream() {
    for framing in variants() {
        let (framing, ..) = limited(framing);
        let all = carried(&framing);
        let picked = all.iter().chain(&all).take(3);
        let stream: Vec<u8> = picked.flat_map(|payload| encoded(&framing, payload)).collect();
        let damages = |at: usize| [0, 1, 0x7f, 0x80, 0xff, b'9', b'\r', stream[at] ^ 1].map(|byte| (at, byte));
        for (at, byte) in (0..stream.len().min(24)).flat_map(damages) {
            let mut stream = stream.clone();
            stream[at] = byte;
            for skips in [false, true] {
                let whole = story(&framing, &stream, &[], skips);
                let singles = (1..stream.len()).map(|cut| vec![cut]);
                for cuts in singles.chain([(1..stream.len()).collect()]) {
                    let parts = story(&framing, &stream, &cuts, skips);
                    assert_eq!(parts, whole, "{framing}: {stream:x?} cut at {cuts:?}");
                }
            }
        }
    }
}

#[test]
fn exactly_max_is_accepted_wherever_it_is_cut() {
    for (framing, max, sized) in variants().filter(has_frames_of_any_size).map(limited) {
        let next = sized(max - 1);
        let stream = [encoded(&framing, &sized(max)), encoded(&framing, &next)].concat();
        for cuts in cuttings(stream.len()) {
            let story = story(&framing, &stream, &cuts, false);
            assert_eq!(payloads(&story), [&sized(max), &next], "{framing} cut at {cuts:?}");
        }
    }
}

#[test]
fn one_byte_over_max_is_refused_wherever_it_is_cut() {
    for (framing, max, sized) in variants().filter(has_frames_of_any_size).map(limited) {
        let over = sized(max + 1);
        assert!(!framing.carries(&over));
        let good = sized(max);
        let stream = [encoded(&framing, &good), encoded(&framing, &over), encoded(&framing, &good)].concat();
        for cuts in cuttings(stream.len()) {
            let story = story(&framing, &stream, &cuts, false);
            assert_eq!(payloads(&story), [&good], "{framing} cut at {cuts:?}");
            let [error] = story.errors[..] else {
                panic!("{framing} cut at {cuts:?}: {:?}", story.errors);
            };
            assert!(matches!(error.reason, Reason::TooLong { limit, .. } if limit == max as u64));
            assert_eq!(story.end, AtEnd::Unfinished);
        }
    }
}

#[test]
fn a_frame_over_max_is_refused_before_its_end() {
    for (framing, max, sized) in variants().filter(has_frames_of_any_size).map(limited) {
        let frame = encoded(&framing, &sized(max + 1));
        let refused = |len: &usize| {
            let decoded = framing.decode(&frame[..*len], Resume::default());
            matches!(decoded, Decoded::Malformed(_))
        };
        let needed = (0..=frame.len()).find(refused).expect("refused in the end");
        let payload = framing.anatomy(&frame).into_iter().find(|part| part.role == Role::Payload);
        let payload = payload.expect("a payload").range;
        let due = match framing.strategy() {
            Strategy::Length => payload.start,
            _ => payload.end,
        };
        assert!(needed <= due, "{framing} needs {needed} bytes, {due} should do");
    }
}

#[test]
fn a_skipping_deframer_drops_exactly_the_frame_over_max() {
    for (framing, max, sized) in variants().filter(has_frames_of_any_size).map(limited) {
        let (good, next) = (sized(max), sized(max - 2));
        for over in [max + 1, 4 * max] {
            let frames = [&good, &sized(over), &next].map(|payload| encoded(&framing, payload));
            let stream = frames.concat();
            for cuts in cuttings(stream.len()) {
                let story = story(&framing, &stream, &cuts, true);
                assert_eq!(payloads(&story), [&good, &next], "{framing} cut at {cuts:?}");
                assert_eq!(story.errors.len(), 1, "{framing} cut at {cuts:?}");
                assert_eq!(story.end, AtEnd::Nothing, "{framing} cut at {cuts:?}");
            }
        }
    }
}

#[test]
fn what_is_buffered_is_bounded_by_max() {
    for (framing, max, sized) in variants().filter(has_frames_of_any_size).map(limited) {
        if framing.largest().is_some_and(|largest| largest < 4000) {
            continue;
        }
        let stream = encoded(&framing, &sized(4000));
        for skips in [false, true] {
            let mut deframer = if skips { Deframer::skipping(&framing) } else { Deframer::new(&framing) };
            for piece in stream.chunks(7) {
                deframer.push(piece);
                while let Some(Ok(_)) = deframer.next_frame() {}
                let held = deframer.rest().len();
                assert!(held <= max + 40, "{framing} holds {held} bytes");
            }
        }
    }
}

#[test]
fn a_look_leaves_next_to_nothing_to_be_looked_at_again() {
    for framing in variants().filter(has_frames_of_any_size) {
        let len = framing.largest().unwrap_or(u64::MAX).min(200) as usize;
        let payload = fitted(&framing, &[b'x'; 200][..len]);
        let frame = encoded(&framing, &payload);
        let mut resume = Resume::default();
        for end in 1..frame.len() {
            match framing.decode(&frame[..end], resume) {
                Decoded::Incomplete(next) => resume = next,
                other => panic!("{framing}: {other:?} after {end} of {} bytes", frame.len()),
            }
            let again = end - resume.at - resume.searched;
            assert!(again <= 32, "{framing} would look at {again} bytes again");
        }
    }
}

#[test]
fn a_look_that_goes_on_sees_what_a_first_look_sees() {
    for framing in variants() {
        for payload in carried(&framing) {
            let stream = [encoded(&framing, &payload), encoded(&framing, &payload)].concat();
            let whole = framing.decode(&stream, Resume::default());
            for end in 0..stream.len() {
                match framing.decode(&stream[..end], Resume::default()) {
                    Decoded::Incomplete(resume) => {
                        assert_eq!(framing.decode(&stream, resume), whole, "{framing}");
                    }
                    decided => assert_eq!(decided, whole, "{framing}: a decision was not final"),
                }
            }
        }
    }
}

#[test]
fn an_unfinished_frame_is_no_message() {
    for framing in variants().filter(has_frames_of_any_size) {
        for payload in carried(&framing) {
            let frame = encoded(&framing, &payload);
            for end in 1..frame.len() {
                let rest = &frame[..end];
                if framing.filler(rest) < rest.len() {
                    assert_eq!(framing.at_end(rest), AtEnd::Unfinished, "{framing}: {rest:x?}");
                }
            }
            assert_eq!(framing.at_end(b""), AtEnd::Nothing, "{framing}");
        }
    }
}

#[test]
fn the_edges_of_the_length_field_are_where_largest_says() {
    for framing in variants() {
        let Some(largest) = framing.largest().filter(|largest| *largest <= 0x1_0000) else {
            continue;
        };
        let behaviour = Behaviour { max: None, ..framing.behaviour().clone() };
        let framing = framing.with_behaviour(behaviour);
        let payload = vec![b'x'; largest as usize];
        assert!(framing.carries(&payload), "{framing}: {largest}");
        let more = [&payload[..], b"x"].concat();
        assert!(!framing.carries(&more), "{framing}: {largest}");
    }
}

#[test]
fn a_claim_of_the_encoded_size_is_the_encoded_header() {
    for framing in variants().filter(|framing| framing.strategy() == Strategy::Length) {
        let payload = fitted(&framing, b"hello");
        let frame = encoded(&framing, &payload);
        let prefix = framing.anatomy(&frame).into_iter().find(|part| part.role == Role::Prefix);
        let prefix = &frame[prefix.expect("a length field").range];
        let header = framing.header_with_field(prefix).expect("a header");
        assert!(frame.starts_with(&header), "{framing}");
        let claims = (0..=20).chain([0x8000_0005]).filter_map(|value| framing.header_claiming(value));
        assert!(claims.into_iter().any(|claim| claim == header), "{framing}");
    }
}

#[test]
fn every_word_of_the_syntax_has_a_variant() {
    for alias in ALIASES {
        assert!(VARIANTS.contains(&alias.name), "no variant for {}", alias.name);
        assert_eq!(framing(alias.name), framing(alias.expansion), "{}", alias.name);
    }
    for row in FIELDS {
        let has_field = |framing: Framing| matches!(framing.kind(), Kind::Length(length) if length.field == row.field);
        assert!(variants().any(has_field), "no variant for {}", row.name);
    }
    for key in KEYS.iter().filter(|key| !["form", "size", "field", "set"].contains(&key.name)) {
        let word = if key.value.is_empty() { format!(",{}", key.name) } else { format!("{}=", key.name) };
        let expanded = |text: &&str| format!("{text} {}", framing(text));
        assert!(VARIANTS.iter().any(|text| expanded(text).contains(&word)), "no variant for {word}");
    }
}

#[test]
fn a_framing_is_shown_as_what_it_is_parsed_from() {
    for (framing, text) in variants().zip(VARIANTS) {
        let shown = framing.to_string();
        assert_eq!(shown.parse().as_ref(), Ok(&framing), "{text} is shown as {shown}");
        let json = serde_json::to_string(&framing).expect("a string");
        assert_eq!(serde_json::from_str::<Framing>(&json).expect("a framing"), framing, "{text}");
    }
}

/// Bytes in which frames, and beginnings of what matters to this framing, are likely.
fn noise(framing: &Framing) -> impl Strategy_<Value = Vec<u8>> + use<> {
    let mut pool: Vec<Vec<u8>> = carried(framing).iter().map(|payload| encoded(framing, payload)).collect();
    let bytes: Vec<Vec<u8>> = pool.iter().flatten().map(|byte| vec![*byte]).collect();
    pool.extend(bytes);
    pool.extend((0..=255).step_by(17).map(|byte| vec![byte]));
    proptest::collection::vec(proptest::sample::select(pool), 0..12).prop_map(|pieces| pieces.concat())
}

fn any_stream() -> impl Strategy_<Value = (Framing, Vec<u8>)> {
    let framing = (proptest::sample::select(VARIANTS), any::<bool>()).prop_map(|(text, is_limited)| {
        let framing = framing(text);
        if is_limited { limited(framing).0 } else { framing }
    });
    framing.prop_flat_map(|framing| noise(&framing).prop_map(move |stream| (framing.clone(), stream)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn no_cuts_change_what_becomes_of_noise(
        (framing, stream) in any_stream(),
        cuts in proptest::collection::btree_set(0_usize..80, 0..10),
        skips in any::<bool>(),
    ) {
        let cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < stream.len()).collect();
        let whole = story(&framing, &stream, &[], skips);
        prop_assert_eq!(story(&framing, &stream, &cuts, skips), whole, "{}", framing);
    }

    #[test]
    fn any_payload_that_is_carried_comes_back(
        text in proptest::sample::select(VARIANTS),
        payload in proptest::collection::vec(any::<u8>(), 0..700),
    ) {
        let framing = framing(text);
        let payload = fitted(&framing, &payload);
        let mut frame = Vec::new();
        if framing.strategy() >= Strategy::Fixed && framing.encode(&payload, &mut frame).is_ok() {
            let len = frame.len();
            prop_assert_eq!(framing.decode(&frame, Resume::default()), Decoded::Frame { len });
            prop_assert_eq!(framing.payload(&frame).into_owned(), payload);
        }
    }
}
