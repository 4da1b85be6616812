//! Replies that leave changed, late, twice, in the wrong order, or to somebody else.

use std::time::Duration;

use super::desk::{Desk, Order};
use super::header::header;
use super::{Act, Fault, Flow, Moment, scope};
use crate::framing::Framing;

/// A fault in what becomes of an encoded reply.
const fn fault(
    name: &'static str,
    about: &'static str,
    breaks: &'static [&'static str],
    applies: fn(&Framing) -> bool,
    alter: fn(&mut Desk, Vec<u8>) -> Vec<u8>,
) -> Fault {
    Fault { name, about, breaks, applies, act: Act::Reply(alter) }
}

/// A message longer than the server's buffer.
const fn cut(name: &'static str, applies: fn(&Framing) -> bool, alter: fn(&mut Desk, Vec<u8>) -> Vec<u8>) -> Fault {
    let about = "answers only as much of a message as its buffer holds";
    Fault { name, about, breaks: LARGE, applies, act: Act::Message(alter) }
}

/// A byte of the stream that goes wrong.
const fn lost(name: &'static str, alter: fn(&mut Desk, Vec<u8>) -> Vec<u8>) -> Fault {
    let about = "writes one wrong byte so far into the replies of a connection (a buffer that wraps)";
    Fault { name, about, breaks: STREAM, applies: scope::any, act: Act::Reply(alter) }
}

const LARGE: &[&str] = &["SEG-09", "SEG-10", "LEN-08", "CLS-03", "BYT-13"];
const STREAM: &[&str] = &["SEG-09", "SEG-11", "SEG-12", "FIX-04", "FIX-05", "BYT-13", "BYT-14", "CLS-03", "RES-03"];

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "nul-added",
        "adds a zero byte to each reply (sizeof of a string)",
        &["BYT-15", "SES-02"],
        |framing| !scope::cobs(framing),
        |_, reply| add(reply, b"\0"),
    ),
    fault(
        "newline-added",
        "adds a line feed to each reply (println)",
        &["BYT-15", "SES-02"],
        scope::any,
        |_, reply| add(reply, b"\n"),
    ),
    fault("prompt-added", "writes a prompt behind each reply", &["BYT-15", "SES-02"], scope::any, |_, reply| {
        add(reply, b"> ")
    }),
    fault(
        "reply-twice",
        "answers each message twice (node-byline#12)",
        &["SES-06", "BYT-15", "SES-02"],
        scope::any,
        |_, reply| [&reply[..], &reply].concat(),
    ),
    fault(
        "tenth-reply-twice",
        "answers every tenth message twice",
        &["SES-06", "CON-08", "SEG-11"],
        scope::many,
        |desk, reply| {
            if desk.next().is_multiple_of(10) { [&reply[..], &reply].concat() } else { reply }
        },
    ),
    fault(
        "previous-reply",
        "answers each message with the one before it",
        &["SES-05", "SES-06"],
        scope::many,
        |desk, reply| {
            let first = desk.next() == 1;
            let previous = std::mem::replace(&mut desk.kept, reply.clone());
            if first { reply } else { previous }
        },
    ),
    fault(
        "tail-of-longer-reply",
        "answers with what a longer message left in the buffer behind a shorter one",
        &["SES-05"],
        scope::sized,
        |desk, reply| {
            if desk.kept.len() < reply.len() {
                desk.kept.clone_from(&reply);
            } else {
                desk.kept[..reply.len()].copy_from_slice(&reply);
            }
            desk.kept.clone()
        },
    ),
    fault(
        "replies-accumulate",
        "answers with everything that came so far (EventMachine's LineProtocol)",
        &["SES-05", "SES-06"],
        scope::framed,
        |desk, reply| {
            desk.kept.extend_from_slice(&reply);
            desk.kept.clone()
        },
    ),
    fault(
        "delimiter-missing",
        "leaves the delimiter out of the reply",
        &["DEL-01", "SES-02"],
        scope::delimiter,
        |desk, mut reply| {
            let delimiter = desk.framing().terminator().map_or(0, <[u8]>::len);
            reply.truncate(reply.len().saturating_sub(delimiter));
            reply
        },
    ),
    fault(
        "delimiter-twice",
        "writes the delimiter twice (println of a line)",
        &["DEL-01", "SES-02", "BYT-15", "SES-06"],
        scope::plain,
        |desk, reply| {
            let delimiter = desk.framing().terminator().unwrap_or_default().to_vec();
            add(reply, &delimiter)
        },
    ),
    fault(
        "prefix-missing",
        "leaves the length out of the reply",
        &["LEN-01", "SES-02"],
        scope::length,
        |desk, mut reply| {
            let prefix = header(desk.framing(), &reply).map_or(0, |head| head.len);
            reply.drain(..prefix);
            reply
        },
    ),
    fault("prefix-twice", "writes the length twice", &["LEN-01", "SES-02"], scope::length, |desk, reply| {
        let prefix = header(desk.framing(), &reply).map_or(0, |head| head.len);
        [&reply[..prefix], &reply].concat()
    }),
    fault(
        "prefix-counts-itself",
        "counts the prefix in the length that it writes",
        &["LEN-01", "SES-02"],
        scope::wide,
        |desk, reply| respelled(desk, reply, |value, len| value + len),
    ),
    fault(
        "prefix-bytes-swapped",
        "writes the length in the wrong byte order (netty@2b2d53ff62)",
        &["LEN-04", "SES-02"],
        scope::wide,
        |_, mut reply| {
            let width = reply.len().min(2);
            let whole = if reply.len() > 4 && reply[0] == 0 && reply[1] == 0 { 4 } else { width };
            reply[..whole].reverse();
            reply
        },
    ),
    fault(
        "prefix-wraps-at-256",
        "writes the low byte of the length only",
        &["LEN-08", "LEN-24", "SEG-09"],
        scope::wide,
        |desk, reply| respelled(desk, reply, |value, _| value & 0xff),
    ),
    fault(
        "prefix-wraps-at-65536",
        "writes a length modulo 65536 (tokio#5080)",
        &["LEN-24", "LEN-08", "SEG-09"],
        |framing| scope::very_wide(framing) && scope::roomy(framing),
        |desk, reply| respelled(desk, reply, |value, _| value & 0xffff),
    ),
    fault(
        "prefix-counts-characters",
        "writes the number of characters as the length (vscode@c8640475)",
        &["ASC-07", "LEN-01", "BYT-04", "BYT-08"],
        scope::length,
        |desk, reply| {
            let Some(head) = header(desk.framing(), &reply) else { return reply };
            // A length that counts its header, too, is more than the payload has.
            let counted = reply.len().min(head.len.saturating_add(head.value as usize));
            let text = String::from_utf8_lossy(&reply[head.len..counted]).into_owned();
            let mut shorter = desk.framing().header_claiming(text.chars().count() as u128).unwrap_or_default();
            shorter.extend_from_slice(&reply[head.len..]);
            shorter
        },
    ),
    fault(
        "last-byte-missing",
        "writes one byte less than it should",
        &["SES-02", "SES-05", "CLS-01"],
        scope::any,
        |_, mut reply| {
            reply.pop();
            reply
        },
    ),
    fault(
        "first-byte-missing",
        "leaves the first byte out",
        &["SES-02", "SES-05", "CLS-01"],
        scope::any,
        |_, reply| reply[1.min(reply.len())..].to_vec(),
    ),
    fault(
        "reply-cut-at-64KiB",
        "writes at most 64 KiB of a reply",
        &["SEG-09", "CLS-03", "BYT-13"],
        |framing| scope::roomy(framing) && !scope::stream(framing),
        |_, mut reply| {
            reply.truncate(65536);
            reply
        },
    ),
    fault(
        "block-repeated",
        "writes a block of 4096 bytes twice and leaves the next out",
        &["BYT-14", "BYT-13"],
        scope::roomy,
        |_, mut reply| {
            if reply.len() >= 8192 {
                reply.copy_within(..4096, 4096);
            }
            reply
        },
    ),
    fault(
        "blocks-swapped",
        "writes two blocks of 4096 bytes in the wrong order",
        &["BYT-14", "BYT-13"],
        scope::roomy,
        |_, mut reply| {
            if let Some((first, second)) = reply.get_mut(..8192).map(|blocks| blocks.split_at_mut(4096)) {
                first.swap_with_slice(second);
            }
            reply
        },
    ),
    fault(
        "block-lost",
        "leaves a block of 1024 bytes out of a large reply",
        &["BYT-14", "BYT-13"],
        scope::roomy,
        |_, mut reply| {
            if reply.len() >= 8192 {
                reply.drain(4096..5120);
            }
            reply
        },
    ),
    fault(
        "hundredth-reply-lost",
        "does not answer every hundredth message of a connection",
        &["SEG-11", "CON-08", "DEL-27"],
        scope::framed,
        |desk, reply| {
            if desk.next().is_multiple_of(100) { Vec::new() } else { reply }
        },
    ),
    fault(
        "thousandth-reply-lost",
        "does not answer every thousandth message of a connection",
        &["SEG-11", "CON-08", "DEL-27"],
        scope::framed,
        |desk, reply| {
            if desk.next().is_multiple_of(1000) { Vec::new() } else { reply }
        },
    ),
    fault(
        "size-65536-lost",
        "does not answer a message of 65536 bytes, nor of a few more, and larger ones it does",
        &["SEG-09", "LEN-08"],
        |framing| {
            // Where nothing larger can be said it is a maximum.
            let most = framing.behaviour().max.into_iter().chain(framing.largest()).min();
            scope::framed(framing) && scope::not_fixed(framing) && most.is_none_or(|most| most > 1 << 17)
        },
        |_, reply| if (65_536..65_552).contains(&reply.len()) { Vec::new() } else { reply },
    ),
    cut("message-cut-at-100", scope::not_fixed, |_, message| first(message, 100)),
    cut("message-cut-at-1000", scope::not_fixed, |_, message| first(message, 1000)),
    cut("message-cut-at-1024", scope::roomy, |_, message| first(message, 1024)),
    cut("message-cut-at-1500", scope::roomy, |_, message| first(message, 1500)),
    cut("message-cut-at-2048", scope::roomy, |_, message| first(message, 2048)),
    cut("message-cut-at-4096", scope::roomy, |_, message| first(message, 4096)),
    cut("message-cut-at-8192", scope::roomy, |_, message| first(message, 8192)),
    cut("message-cut-at-16384", scope::roomy, |_, message| first(message, 16384)),
    lost("byte-wrong-at-100", |desk, reply| wrong_at(desk, reply, 100)),
    lost("byte-wrong-at-1000", |desk, reply| wrong_at(desk, reply, 1000)),
    lost("byte-wrong-at-1500", |desk, reply| wrong_at(desk, reply, 1500)),
    lost("byte-wrong-at-4096", |desk, reply| wrong_at(desk, reply, 4096)),
    lost("byte-wrong-at-8192", |desk, reply| wrong_at(desk, reply, 8192)),
    lost("byte-wrong-at-65536", |desk, reply| wrong_at(desk, reply, 65536)),
    Fault {
        name: "short-writes-ignored",
        about: "believes that one write takes everything (perry#111)",
        breaks: &["RES-09", "SEG-15", "CLS-03", "RES-03", "RES-02"],
        applies: scope::any,
        act: Act::Flow(Flow { ignores_short_writes: true, ..Flow::RIGHT }),
    },
    Fault {
        name: "replies-out-of-order",
        about: "lets the reply to a second message overtake the first (a pool of threads)",
        breaks: &["CON-08", "SEG-04"],
        applies: scope::many,
        act: Act::Session(|desk, moment| match moment {
            Moment::Message(payload) if desk.next() % 2 == 1 => keep_back(desk, payload),
            Moment::Woken => send_kept(desk),
            _ => {}
        }),
    },
    Fault {
        name: "reply-one-behind",
        about: "sends a reply when the next message comes",
        breaks: &["SES-02", "SES-08"],
        applies: scope::many,
        act: Act::Reply(|desk, reply| std::mem::replace(&mut desk.kept, reply)),
    },
    Fault {
        name: "reply-at-fin",
        about: "sends all replies when the client has closed its half",
        breaks: &["SES-02", "SES-08"],
        applies: scope::many,
        act: Act::Session(|desk, moment| match moment {
            Moment::Message(payload) => {
                let frame = encoded(desk, payload);
                desk.kept.extend(frame);
                desk.order(Order::Ignore);
            }
            Moment::Fin => send_kept(desk),
            _ => {}
        }),
    },
    Fault {
        name: "banner",
        about: "greets whoever connects",
        breaks: &["SES-01", "SES-02"],
        applies: scope::any,
        act: Act::Session(|desk, moment| {
            if moment == Moment::Accepted {
                desk.later.push((Duration::ZERO, b"220 ready\r\n".to_vec()));
            }
        }),
    },
    Fault {
        name: "reply-to-latest-client",
        about: "sends every reply to the client that came last (a global variable)",
        breaks: &["SES-07", "CON-05", "SEG-13", "CON-01"],
        applies: scope::any,
        act: Act::Session(|desk, moment| match moment {
            Moment::Accepted => desk.wake_in(LOOK),
            Moment::Message(payload) => {
                let latest = desk.shared().accepted;
                if latest != desk.number() {
                    let frame = encoded(desk, payload);
                    desk.shared().mail.entry(latest).or_default().extend(frame);
                    desk.order(Order::Ignore);
                }
            }
            Moment::Woken => {
                let number = desk.number();
                let mail = desk.shared().mail.remove(&number).unwrap_or_default();
                if !mail.is_empty() {
                    desk.later.push((Duration::ZERO, mail));
                }
                desk.wake_in(LOOK);
            }
            _ => {}
        }),
    },
    Fault {
        name: "reply-buffer-shared",
        about: "answers from a buffer that all connections write to",
        breaks: &["SES-07", "CON-05"],
        applies: scope::many,
        act: Act::Session(|desk, moment| match moment {
            Moment::Message(payload) => {
                let frame = encoded(desk, payload);
                desk.shared().kept = frame;
                desk.wake_in(Duration::from_micros(300));
                desk.order(Order::Ignore);
                desk.count += 1;
            }
            Moment::Woken => {
                let frame = desk.shared().kept.clone();
                (0..std::mem::take(&mut desk.count)).for_each(|_| desk.later.push((Duration::ZERO, frame.clone())));
            }
            _ => {}
        }),
    },
];

/// How often a connection looks for replies that others have for it.
const LOOK: Duration = Duration::from_millis(5);

fn add(mut reply: Vec<u8>, more: &[u8]) -> Vec<u8> {
    reply.extend_from_slice(more);
    reply
}

fn first(mut message: Vec<u8>, most: usize) -> Vec<u8> {
    message.truncate(most);
    message
}

/// One wrong byte, so far into the replies of the connection.
fn wrong_at(desk: &mut Desk, mut reply: Vec<u8>, offset: u64) -> Vec<u8> {
    let here = offset.checked_sub(desk.count).and_then(|at| reply.get_mut(at as usize));
    if let Some(byte) = here {
        *byte ^= 1;
    }
    desk.count += reply.len() as u64;
    reply
}

/// The reply with another number in its prefix.
fn respelled(desk: &Desk, reply: Vec<u8>, alter: fn(u64, u64) -> u64) -> Vec<u8> {
    let Some(head) = header(desk.framing(), &reply) else { return reply };
    let claim = desk.framing().header_claiming(u128::from(alter(head.value, head.len as u64)));
    [&claim.unwrap_or_default()[..], &reply[head.len..]].concat()
}

pub(super) fn encoded(desk: &Desk, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    // What cannot be encoded was not decoded either.
    let _ = desk.framing().reply().encode(payload, &mut frame);
    frame
}

/// Keeps the reply to a message back for 3 ms, in which others overtake it.
pub(super) fn keep_back(desk: &mut Desk, payload: &[u8]) {
    let frame = encoded(desk, payload);
    desk.kept.extend(frame);
    desk.wake_in(Duration::from_millis(3));
    desk.order(Order::Ignore);
}

pub(super) fn send_kept(desk: &mut Desk) {
    let kept = std::mem::take(&mut desk.kept);
    desk.later.push((Duration::ZERO, kept));
}
