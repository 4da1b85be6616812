//! What a client sends, or prints, in another way.

use super::{Act, ClientFault, any, framed, habit, large, not_fixed, prefixed, width};
use crate::framing::{Framing, Kind, Strategy};

/// Of a fixed length another length cannot be written.
const fn message(
    name: &'static str,
    about: &'static str,
    breaks: &'static [&'static str],
    applies: fn(&Framing) -> bool,
    alter: fn(Vec<u8>) -> Vec<u8>,
) -> ClientFault {
    ClientFault { name, about, breaks, applies, act: Act::Message(alter) }
}

const fn request(
    name: &'static str,
    about: &'static str,
    applies: fn(&Framing) -> bool,
    alter: fn(&Framing, Vec<u8>) -> Vec<u8>,
) -> ClientFault {
    ClientFault { name, about, breaks: &["CLI-03"], applies, act: Act::Request(alter) }
}

const fn frame(
    name: &'static str,
    about: &'static str,
    applies: fn(&Framing) -> bool,
    write: fn(&Framing, &[u8]) -> Vec<u8>,
) -> ClientFault {
    ClientFault { name, about, breaks: &["CLI-19"], applies, act: Act::Frame(write) }
}

fn terminated(framing: &Framing) -> bool {
    framing.terminator().is_some() && !escaped(framing)
}

fn escaped(framing: &Framing) -> bool {
    matches!(framing.kind(), Kind::Delimiter(delimiter) if delimiter.escape.is_some())
}

fn long_prefixed(framing: &Framing) -> bool {
    prefixed(framing) && large(framing, 1024)
}

fn narrow(framing: &Framing) -> bool {
    width(framing).is_some_and(|width| width <= 2)
}

fn not_cobs(framing: &Framing) -> bool {
    framing.terminator() != Some(b"\0") || !escaped(framing)
}

fn carries_empty(framing: &Framing) -> bool {
    framed(framing) && framing.smallest() == 0 && framing.carries(b"")
}

fn carries(framing: &Framing, byte: u8) -> bool {
    not_fixed(framing) && framing.terminator().is_none_or(|end| escaped(framing) || !end.contains(&byte))
}

fn without_last(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.pop();
    bytes
}

fn truncated(mut bytes: Vec<u8>, len: usize) -> Vec<u8> {
    bytes.truncate(len);
    bytes
}

fn up_to(mut bytes: Vec<u8>, stop: u8) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == stop).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}

/// What happens to the message on its way to the wire, or to the user.
pub(super) const CONTENT: &[ClientFault] = &[
    message("first-byte-lost", "leaves out the first byte of its message", &["CLI-03"], not_fixed, |mut bytes| {
        if !bytes.is_empty() {
            bytes.remove(0);
        }
        bytes
    }),
    message("last-byte-lost", "leaves out the last byte of its message", &["CLI-03"], not_fixed, without_last),
    message("tab-added", "adds a tab to its message", &["CLI-03"], not_fixed, |mut bytes| {
        bytes.push(b'\t');
        bytes
    }),
    message(
        "stops-at-nul",
        "ends its message at the first zero byte (strlen)",
        &["CLI-17"],
        |framing| carries(framing, 0),
        |bytes| up_to(bytes, 0),
    ),
    message(
        "stops-at-newline",
        "ends its message at the first line feed (getline)",
        &["CLI-17"],
        |framing| carries(framing, b'\n'),
        |bytes| up_to(bytes, b'\n'),
    ),
    message("ascii-only", "replaces what is not ASCII by question marks", &["CLI-17"], not_fixed, |bytes| {
        bytes.into_iter().map(|byte| if byte.is_ascii() { byte } else { b'?' }).collect()
    }),
    message("latin1-to-utf8", "takes bytes for Latin-1 and sends UTF-8", &["CLI-17"], not_fixed, |bytes| {
        bytes.into_iter().map(char::from).collect::<String>().into_bytes()
    }),
    message("trimmed", "trims white space from its message", &["CLI-17"], not_fixed, |bytes| {
        bytes.trim_ascii().to_vec()
    }),
    message(
        "buffer-1024",
        "sends only the first 1024 bytes",
        &["CLI-04"],
        |framing| large(framing, 60_000),
        |bytes| truncated(bytes, 1024),
    ),
    message(
        "buffer-65536",
        "sends only the first 64 KiB",
        &["CLI-04"],
        |framing| large(framing, 300_000),
        |bytes| truncated(bytes, 65_536),
    ),
    habit("prints-ascii", "prints question marks for what is not ASCII", &["CLI-17"], any, |habits, _| {
        habits.prints = |reply| reply.into_iter().map(|byte| if byte.is_ascii() { byte } else { b'?' }).collect();
    }),
    habit(
        "prints-a-part",
        "prints at most 512 bytes of a reply",
        &["CLI-04", "CLI-06"],
        |framing| large(framing, 1024),
        |habits, _| {
            habits.prints = |reply| truncated(reply, 512);
        },
    ),
];

/// What goes over the wire for the message.
pub(super) const REQUEST: &[ClientFault] = &[
    request("nothing-sent", "connects, sends nothing and waits", any, |_, _| Vec::new()),
    request("sent-twice", "sends its message twice", any, |_, frame| frame.repeat(2)),
    request("newline-added", "adds a line feed behind its message (println)", any, |_, mut frame| {
        frame.push(b'\n');
        frame
    }),
    request("nul-added", "adds a zero byte behind its message (sizeof)", not_cobs, |_, mut frame| {
        frame.push(0);
        frame
    }),
    request("frame-cut", "leaves out the last byte of its frame (a short write)", any, |_, frame| without_last(frame)),
    request("no-terminator", "leaves out the terminator", terminated, |framing, mut frame| {
        frame.truncate(frame.len() - framing.terminator().map_or(0, <[u8]>::len).min(frame.len()));
        frame
    }),
    request("wrong-order", "writes its length in the other byte order", prefixed, |framing, mut frame| {
        let width = width(framing).unwrap_or(0).min(frame.len());
        frame[..width].reverse();
        frame
    }),
    request(
        "long-length-reversed",
        "writes a length of more than a byte in the other order",
        long_prefixed,
        |framing, mut frame| {
            let width = width(framing).unwrap_or(0);
            if frame.len() > width + 255 {
                frame[..width].reverse();
            }
            frame
        },
    ),
    request("length-too-long", "claims one byte more than it sends", prefixed, |framing, mut frame| {
        if let Some(last) = width(framing).and_then(|width| frame.get_mut(width - 1)) {
            *last = last.wrapping_add(1);
        }
        frame
    }),
    request("length-too-short", "claims one byte less than it sends", prefixed, |framing, mut frame| {
        if let Some(last) = width(framing).and_then(|width| frame.get_mut(width - 1)) {
            *last = last.wrapping_sub(1);
        }
        frame
    }),
    frame("delimiter-sent", "sends a delimiter inside its message", terminated, |framing, message| {
        [message, framing.terminator().unwrap_or_default()].concat()
    }),
    frame("length-wraps", "casts the length to the width of the field", narrow, |framing, message| {
        let (mut frame, width) = (Vec::new(), width(framing).unwrap_or(1));
        let fits = message.len() % (1 << (8 * width));
        let _ = framing.encode_unlimited(&vec![b'x'; fits], &mut frame);
        frame.truncate(width);
        frame.extend_from_slice(message);
        frame
    }),
    ClientFault {
        name: "fixed-not-fitted",
        about: "sends a message that is too long for the fixed length as it is",
        breaks: &["CLI-19"],
        applies: |framing| framing.strategy() == Strategy::Fixed,
        act: Act::Frame(|_, message| message.to_vec()),
    },
    ClientFault {
        name: "empty-not-sent",
        about: "sends nothing for an empty message",
        breaks: &["CLI-18"],
        applies: carries_empty,
        act: Act::Frame(|framing, message| {
            let mut frame = Vec::new();
            if !message.is_empty() {
                let _ = framing.encode_unlimited(message, &mut frame);
            }
            frame
        }),
    },
    ClientFault {
        name: "empty-as-space",
        about: "sends a space for an empty message",
        breaks: &["CLI-18"],
        applies: carries_empty,
        act: Act::Frame(|framing, message| {
            let mut frame = Vec::new();
            let _ = framing.encode_unlimited(if message.is_empty() { b" " } else { message }, &mut frame);
            frame
        }),
    },
];
