//! Escapes that are undone wrongly.

use super::decode::Reader;
use super::header::find;
use super::{Fault, reading, scope};
use crate::framing::{Decoded, Resume};

pub(super) const FAULTS: &[Fault] = &[
    reading(
        "escape-broken-at-cut",
        "undoes escapes in each read by itself, so that a pair that is cut is lost",
        &["ESC-02", "SEG-02"],
        scope::slip,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                if it.buffer.last() == Some(&0xdb) {
                    it.buffer.pop();
                }
                if it.fresh < it.buffer.len() && it.fresh == 0 && matches!(it.buffer[0], 0xdc | 0xdd) {
                    it.drop(1);
                }
                it.search();
            })
        },
    ),
    reading(
        "escape-of-escape-lost",
        "undoes the escape of END but not that of ESC (miniesptool#24)",
        &["ESC-01", "BYT-01"],
        scope::slip,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some((len, payload)) = it.first() {
                    it.drop(len);
                    let payload: Vec<u8> =
                        payload.iter().map(|byte| if *byte == 0xdb { 0xdd } else { *byte }).collect();
                    it.message(&payload);
                }
            })
        },
    ),
    reading(
        "group-of-254",
        "adds a zero behind a full group of 254 bytes (espp#780)",
        &["ESC-05"],
        scope::cobs,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some((len, mut payload)) = it.first() {
                    if it.buffer[0] == 0xff && payload.get(254) != Some(&0) {
                        payload.insert(254, 0);
                    }
                    it.drop(len);
                    it.message(&payload);
                }
            })
        },
    ),
    reading(
        "last-byte-of-group-lost",
        "loses the last byte of a message of 254 bytes or more",
        &["ESC-05", "SEG-09"],
        scope::cobs,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some((len, mut payload)) = it.first() {
                    if payload.len() >= 254 {
                        payload.pop();
                    }
                    it.drop(len);
                    it.message(&payload);
                }
            })
        },
    ),
    reading(
        "bad-escape-hides-the-mark",
        "looks for the next mark behind the one that ends a message with a bad escape (wmbusmeters#1996)",
        &["ESC-03"],
        scope::slip,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some(end) = find(it.buffer, b"\xc0") {
                    let bad = |pair: &[u8]| pair[0] == 0xdb && !matches!(pair[1], 0xdc | 0xdd);
                    if it.buffer[..=end].windows(2).any(bad) {
                        let Some(next) = find(&it.buffer[end + 1..], b"\xc0") else { return };
                        it.drop(end + 2 + next);
                        continue;
                    }
                    let Some((len, payload)) = it.first() else { return };
                    it.drop(len);
                    it.message(&payload);
                }
            })
        },
    ),
    reading(
        "marks-in-a-row-end",
        "takes an empty frame for the end of the session",
        &["ESC-04"],
        scope::slip,
        |desk| {
            Reader::boxed((desk.framing().clone(), false), |it| {
                while let Some(end) = find(it.buffer, b"\xc0") {
                    if end == 0 && it.state.1 {
                        return it.refuse();
                    }
                    it.state.1 = end == 0;
                    if let Decoded::Frame { len } = it.state.0.decode(&it.buffer[..=end], Resume::default()) {
                        let payload = it.state.0.payload(&it.buffer[..len]).into_owned();
                        it.message(&payload);
                    }
                    it.drop(end + 1);
                }
            })
        },
    ),
    reading(
        "group-holds-zeros",
        "copies as many bytes as a group says, zeros or not (nanocobs#43, electricui-embedded#180)",
        &["ESC-06", "ESC-07"],
        scope::cobs,
        |_| {
            Reader::boxed((), |it| {
                while let Some((len, payload)) = groups(it.buffer) {
                    it.drop(len);
                    it.message(&payload);
                }
            })
        },
    ),
    reading("group-cut-short-taken", "takes what there is of a group for the group", &["ESC-06"], scope::cobs, |_| {
        Reader::boxed((), |it| {
            while let Some(end) = find(it.buffer, b"\0") {
                let (mut at, mut payload) = (0, Vec::new());
                while at < end {
                    let count = usize::from(it.buffer[at]);
                    payload.extend_from_slice(&it.buffer[at + 1..(at + count).min(end)]);
                    at += count;
                    payload.extend((count < 0xff && at < end).then_some(0));
                }
                it.drop(end + 1);
                it.message(&payload);
            }
        })
    }),
    reading("dots-kept", "does not take back the dot that was stuffed", &["ESC-08"], scope::dotted, |desk| {
        Reader::boxed(desk.framing().clone(), |it| {
            while let Some((len, payload)) = it.first() {
                it.drop(len);
                let doubled = if payload.starts_with(b".") { [b".", &payload[..]].concat() } else { payload };
                it.message(&doubled);
            }
        })
    }),
    reading("dots-lost", "takes back a dot in the middle of a line as well", &["ESC-08"], scope::dotted, |desk| {
        Reader::boxed(desk.framing().clone(), |it| {
            while let Some((len, mut payload)) = it.first() {
                it.drop(len);
                if let Some(at) = find(&payload, b"..") {
                    payload.remove(at);
                }
                it.message(&payload);
            }
        })
    }),
];

/// The groups up to a zero in the place of a count: bytes used up, and the message. `None` while some are missing.
fn groups(input: &[u8]) -> Option<(usize, Vec<u8>)> {
    let (mut at, mut payload) = (0, Vec::new());
    loop {
        let count = usize::from(*input.get(at)?);
        if count == 0 {
            return Some((at + 1, payload));
        }
        payload.extend_from_slice(input.get(at + 1..at + count)?);
        at += count;
        if count < 0xff && *input.get(at)? != 0 {
            payload.push(0);
        }
    }
}
