//! Replies that come before their turn, or that were meant for another message.

use std::time::Duration;

use super::desk::{Desk, Order};
use super::replies::{encoded, keep_back, send_kept};
use super::{Act, Fault, Moment, scope};

/// A message of so many bytes is worth a thread of its own.
const LARGE: usize = 800;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "large-is-overtaken",
        about: "works on large messages by the side, so that smaller ones overtake them",
        breaks: &["SEG-04", "CON-08"],
        applies: |framing| scope::length(framing) || scope::delimiter(framing),
        act: Act::Session(|desk, moment| match moment {
            Moment::Message(payload) if payload.len() >= LARGE => keep_back(desk, payload),
            Moment::Woken => send_kept(desk),
            _ => {}
        }),
    },
    Fault {
        name: "latest-reply-first",
        about: "sends the latest of the replies that wait first (a stack for a queue)",
        breaks: &["RES-02"],
        applies: |framing| scope::length(framing) || scope::delimiter(framing),
        act: Act::Session(|desk, moment| match moment {
            Moment::Message(payload) if desk.waiting > 0 => {
                push(desk, payload);
                desk.order(Order::Ignore);
            }
            Moment::Wrote { left: 0 } => {
                if let Some(payload) = pop(desk) {
                    let frame = encoded(desk, &payload);
                    desk.later.push((Duration::ZERO, frame));
                }
            }
            _ => {}
        }),
    },
    Fault {
        name: "alike-is-the-same",
        about: "remembers its answer, and gives it to a message that differs in the last byte only",
        breaks: &["SES-05", "CON-08"],
        applies: |framing| scope::many(framing) && !scope::fixed(framing),
        act: Act::Message(|desk, message| remembered(desk, &message, |bytes| Some(bytes.split_last()?.1.to_vec()))),
    },
    Fault {
        name: "alike-at-both-ends-is-the-same",
        about: "remembers its answer, and gives it to a message of that size with the same first and last bytes",
        breaks: &["SES-05", "CON-08"],
        applies: |framing| scope::many(framing) && !scope::fixed(framing),
        act: Act::Message(|desk, message| {
            remembered(desk, &message, |bytes| {
                (bytes.len() > 2 * END).then(|| [&bytes[..END], &bytes[bytes.len() - END..]].concat())
            })
        }),
    },
];

/// How many bytes of each end of a message are looked at.
const END: usize = 16;

/// The message before this one, if it has the same size and the same `key`; otherwise this one, which is kept.
fn remembered(desk: &mut Desk, message: &[u8], key: fn(&[u8]) -> Option<Vec<u8>>) -> Vec<u8> {
    let known = desk.kept.len() == message.len() && key(message).is_some() && key(message) == key(&desk.kept);
    if !known {
        desk.kept = message.to_vec();
    }
    desk.kept.clone()
}

/// Puts a message on top of those that wait: it stands before its length.
fn push(desk: &mut Desk, payload: &[u8]) {
    desk.kept.extend_from_slice(payload);
    desk.kept.extend_from_slice(&(payload.len() as u64).to_be_bytes());
}

fn pop(desk: &mut Desk) -> Option<Vec<u8>> {
    let (rest, length) = desk.kept.split_last_chunk()?;
    let payload = rest.len() - u64::from_be_bytes(*length) as usize;
    let message = rest[payload..].to_vec();
    desk.kept.truncate(payload);
    Some(message)
}
