//! What a client loses at the edges of a message, or of a reply, and behind a full group of COBS.

use super::{Act, ClientFault, any, habit, not_fixed};
use crate::framing::{Escape, Framing, Kind};

/// A group of COBS with so many bytes stands for no zero behind them.
const FULL: usize = 254;

const fn sent(
    name: &'static str,
    about: &'static str,
    applies: fn(&Framing) -> bool,
    alter: fn(Vec<u8>) -> Vec<u8>,
) -> ClientFault {
    ClientFault { name, about, breaks: &["CLI-17"], applies, act: Act::Message(alter) }
}

fn cobs(framing: &Framing) -> bool {
    matches!(framing.kind(), Kind::Delimiter(delimiter) if delimiter.escape == Some(Escape::Cobs))
}

fn without_last_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.pop_if(|last| *last == 0);
    bytes
}

fn chomped(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.pop_if(|last| *last == b'\n');
    bytes.pop_if(|last| *last == b'\r');
    bytes
}

fn without_mark(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    bytes
}

fn without_zero_behind_group(bytes: Vec<u8>) -> Vec<u8> {
    let mut run = 0;
    let stays = |byte: &u8| {
        let is_lost = *byte == 0 && run > 0 && run % FULL == 0;
        run = if *byte == 0 { 0 } else { run + 1 };
        !is_lost
    };
    bytes.into_iter().filter(stays).collect()
}

fn with_zero_behind_group(bytes: Vec<u8>) -> Vec<u8> {
    let (mut run, mut all) = (0, Vec::new());
    for byte in bytes {
        if run == FULL {
            all.push(0);
            run = 0;
        }
        run = if byte == 0 { 0 } else { run + 1 };
        all.push(byte);
    }
    all
}

pub(super) const EDGES: &[ClientFault] = &[
    sent("chomped", "takes a line end behind its message for no part of it", not_fixed, chomped),
    sent("last-nul-lost", "takes a zero byte behind its message for the end of a string", not_fixed, without_last_nul),
    sent("mark-lost", "takes a byte order mark before its message for no part of it", not_fixed, without_mark),
    sent("zero-behind-group-lost", "loses a zero behind a full group of COBS", cobs, without_zero_behind_group),
    habit("reply-chomped", "takes a line end behind the reply for no part of it", &["CLI-17"], any, |habits, _| {
        habits.takes = chomped;
    }),
    habit(
        "last-nul-of-reply-lost",
        "takes a zero byte behind the reply for the end of a string",
        &["CLI-17"],
        any,
        |habits, _| {
            habits.takes = without_last_nul;
        },
    ),
    habit(
        "zero-behind-group-added",
        "takes every group of COBS, also a full one, for a zero behind it",
        &["CLI-17"],
        cobs,
        |habits, _| {
            habits.takes = with_zero_behind_group;
        },
    ),
];
