//! Escapes that are undone wrongly.

use super::decode::{Decode, Reader};
use super::desk::Desk;
use super::header::find;
use super::{Act, Fault, scope};
use crate::framing::Framing;

const fn fault(
    name: &'static str,
    about: &'static str,
    breaks: &'static [&'static str],
    applies: fn(&Framing) -> bool,
    decoder: fn(&Desk) -> Box<dyn Decode>,
) -> Fault {
    Fault { name, about, breaks, applies, act: Act::Decode(decoder) }
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
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
    fault(
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
    fault(
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
    fault(
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
    fault("dots-kept", "does not take back the dot that was stuffed", &["ESC-08"], scope::dotted, |desk| {
        Reader::boxed(desk.framing().clone(), |it| {
            while let Some((len, payload)) = it.first() {
                it.drop(len);
                let doubled = if payload.starts_with(b".") { [b".", &payload[..]].concat() } else { payload };
                it.message(&doubled);
            }
        })
    }),
    fault("dots-lost", "takes back a dot in the middle of a line as well", &["ESC-08"], scope::dotted, |desk| {
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
