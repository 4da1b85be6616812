//! What the server of a client under test sends back, where a plan says it: the first message of the stream is the
//! client's own, the whole stream is the reply, and the moves say how it leaves. Without a stream nobody listens; a message
//! that the framing cannot carry, without anything else, is one that must not be sent.

use std::time::Duration;

use bytes::Bytes;

use crate::framing::{Deframer, Framing, Strategy};
use crate::fuzzing::{Act, Message, Plan, Stream, pause};
use crate::profile::ClientProfile;

/// No pause is longer, in a session that costs a process.
const LONGEST: Duration = Duration::from_secs(2);

/// A reply on its way.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    /// What the client is told to send.
    pub(super) message: Vec<u8>,
    /// What it gets, all of it.
    pub(super) wire: Bytes,
    /// So much of it is sent.
    pub(super) sent: usize,
    /// Where it is cut, ascending.
    pub(super) cuts: Vec<usize>,
    /// What is waited for when so much is sent, ascending.
    pub(super) holds: Vec<(usize, Hold)>,
    /// How it ends.
    pub(super) ending: Ending,
    /// What it is to its client.
    pub(super) kind: Kind,
}

/// What is waited for inside a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// So long.
    Pause(Duration),
    /// Whether the client leaves, or says more.
    Quiet,
}

/// How a reply ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The client knows it from the reply.
    Open,
    /// FIN in the packet of the last byte.
    WithFin,
    /// FIN.
    Fin,
    /// Both directions are closed.
    Close,
    /// RST.
    Reset,
}

/// What a reply is to its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The message, whole, and nothing else.
    Echo,
    /// The message in another spelling, or without the end that a delimiter marks: some take it and some do not.
    Doubtful,
    /// The message, and more.
    Surplus,
    /// Another message.
    Other,
    /// Nothing.
    Nothing,
    /// A part of a message.
    Unfinished,
    /// No frame.
    Malformed,
    /// There is none: nobody listens.
    Refusal,
    /// There is none: the message cannot be sent.
    Unsendable,
}

impl Reply {
    pub(super) fn new(plan: &Plan, client: &ClientProfile) -> Self {
        let stream = plan.streams.first().cloned().unwrap_or_default();
        if let Some((kind, message)) = unanswered(plan, client) {
            let (wire, cuts, holds, ending) = (Bytes::new(), Vec::new(), Vec::new(), Ending::Open);
            return Self { message, wire, sent: 0, cuts, holds, ending, kind };
        }
        let message = message(&stream, client);
        let wire = Bytes::from(stream.sent(&client.replies, usize::MAX).wire);
        let kind = kind(&client.replies, &message, &wire);
        let (cuts, holds, ending) = (Vec::new(), Vec::new(), Ending::Open);
        let mut reply = Self { message, wire, sent: 0, cuts, holds, ending, kind };
        let whole = whole(&client.replies, &reply.wire);
        for one in &plan.moves {
            if !reply.play(one.act, whole) {
                break;
            }
        }
        reply.end(client, whole);
        reply
    }

    /// One move; says whether the reply goes on.
    fn play(&mut self, act: Act, whole: usize) -> bool {
        let ending = match act {
            Act::Send(_) | Act::Finish(_) | Act::Short(_) => {
                let end = match act {
                    Act::Send(len) => self.sent + usize::from(len) + 1,
                    Act::Short(by) => whole.saturating_sub(usize::from(by) + 1).max(self.sent + 1),
                    _ if self.sent < whole => whole,
                    _ => self.wire.len(),
                };
                self.sent = end.min(self.wire.len());
                self.cuts.push(self.sent);
                return true;
            }
            Act::Pause(length) => {
                self.holds.push((self.sent, Hold::Pause(pause(length).min(LONGEST))));
                return true;
            }
            Act::Quiet => {
                self.holds.push((self.sent, Hold::Quiet));
                return true;
            }
            Act::Echo | Act::Read(_) => return true,
            Act::SendFin => {
                self.sent = self.wire.len();
                Ending::WithFin
            }
            Act::HalfClose => Ending::Fin,
            Act::Close => Ending::Close,
            Act::Reset => Ending::Reset,
        };
        self.ending = ending;
        false
    }

    /// What no move says: the rest is sent, and whatever is no echo ends with FIN, so that nobody waits for more.
    fn end(&mut self, client: &ClientProfile, whole: usize) {
        if self.ending == Ending::Open {
            self.sent = self.wire.len();
        }
        if self.sent < self.wire.len() {
            self.kind = kind(&client.replies, &self.message, &self.wire.slice(..self.sent));
        }
        let waits = client.half_closes || client.waits_for_end;
        if self.ending == Ending::Open && (waits || self.kind != Kind::Echo) {
            self.ending = Ending::Fin;
        }
        // Once the reply is whole, or cannot become right, the client may leave: nothing is to be sent later then.
        let right = self.frame(&client.replies);
        let is_right = right.starts_with(&self.wire[..self.sent]);
        let last = if self.kind == Kind::Surplus { whole } else { self.sent };
        self.holds.retain(|(at, hold)| match hold {
            Hold::Quiet => is_right && *at < right.len(),
            Hold::Pause(_) => *at < last || self.kind != Kind::Surplus,
        });
        self.cuts.retain(|cut| *cut > 0 && *cut < last);
        self.cuts.dedup();
    }

    /// The message as a right server sends it back.
    fn frame(&self, replies: &Framing) -> Vec<u8> {
        let mut frame = Vec::new();
        // What has no frame is not sent back, either.
        let _ = replies.encode_unlimited(&self.message, &mut frame);
        frame
    }

    /// Whether it is the frame of the message, of which the end may be missing.
    pub(super) fn is_begun_as_echo(&self, replies: &Framing) -> bool {
        self.frame(replies) == self.wire
    }
}

/// What is never answered, and what the client is told to send then.
fn unanswered(plan: &Plan, client: &ClientProfile) -> Option<(Kind, Vec<u8>)> {
    let Some(stream) = plan.streams.first() else {
        return Some((Kind::Refusal, message(&Stream::default(), client)));
    };
    let told = match stream.messages.as_slice() {
        [Message::Bytes(bytes)] if plan.moves.is_empty() && stream.damage.is_empty() => bytes,
        _ => return None,
    };
    let cannot_be_sent = client.own.is_none() && !told.is_empty() && !client.requests.carries(told);
    cannot_be_sent.then(|| (Kind::Unsendable, told.clone()))
}

/// What the client is told to send: what its framing carries of the first message.
fn message(stream: &Stream, client: &ClientProfile) -> Vec<u8> {
    if let Some(own) = &client.own {
        return own.to_vec();
    }
    let first = match stream.messages.first() {
        Some(Message::Raw(bytes)) => Message::Bytes(bytes.clone()),
        Some(message) => message.clone(),
        None => Message::Bytes(b"a".to_vec()),
    };
    let alone = Stream { messages: vec![first], damage: Vec::new() };
    let payloads = alone.sent(&client.requests, usize::MAX).payloads;
    // In a byte stream no bytes are no message.
    let is_one = |payload: &Vec<u8>| !payload.is_empty() || client.requests.strategy() != Strategy::Raw;
    payloads.and_then(|mut payloads| payloads.pop()).filter(is_one).unwrap_or_else(|| b"a".to_vec())
}

fn is_stream(framing: &Framing) -> bool {
    matches!(framing.strategy(), Strategy::Raw | Strategy::Close)
}

/// Where the first frame of a reply ends.
fn whole(replies: &Framing, wire: &[u8]) -> usize {
    if is_stream(replies) {
        return wire.len();
    }
    let mut deframer = Deframer::new(replies);
    deframer.push(wire);
    match deframer.next_frame() {
        Some(Ok(frame)) => frame.at.end as usize,
        _ => wire.len(),
    }
}

fn kind(replies: &Framing, message: &[u8], wire: &[u8]) -> Kind {
    if is_stream(replies) {
        return match () {
            () if wire == message => Kind::Echo,
            () if wire.is_empty() => Kind::Nothing,
            () if wire.starts_with(message) => Kind::Surplus,
            () => Kind::Other,
        };
    }
    let mut deframer = Deframer::new(replies);
    deframer.push(wire);
    let mut frame = Vec::new();
    let spelled = replies.encode_unlimited(message, &mut frame).is_ok();
    match deframer.next_frame() {
        _ if wire.is_empty() => Kind::Nothing,
        Some(Ok(first)) if first.payload != message => Kind::Other,
        Some(Ok(_)) if wire == frame => Kind::Echo,
        Some(Ok(_)) if spelled && wire.starts_with(&frame) => Kind::Surplus,
        Some(Ok(_)) => Kind::Doubtful,
        Some(Err(_)) => Kind::Malformed,
        None if replies.strategy() == Strategy::Delimiter && wire.starts_with(message) => Kind::Doubtful,
        None => Kind::Unfinished,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::{Damage, Harm, Move};
    use crate::profile::Told;

    fn reply(framing: &str, messages: &[&str], damage: &[Damage], acts: &[Act]) -> Reply {
        let framing: Framing = framing.parse().unwrap();
        let messages = messages.iter().map(|text| Message::Bytes(text.as_bytes().to_vec())).collect();
        let streams = vec![Stream { messages, damage: damage.to_vec() }];
        let moves = acts.iter().map(|act| Move { on: 0, act: *act }).collect();
        let client = ClientProfile::unknown(&framing, Told::Bytes);
        Reply::new(&Plan { framing, streams, moves }, &client)
    }

    #[test]
    fn what_a_reply_is_follows_from_its_bytes_and_from_where_it_ends() {
        let flip = Damage { harm: Harm::Flip, at: 5, with: 1 };
        let kind =
            |framing, messages: &[&str], damage: &[Damage], acts: &[Act]| reply(framing, messages, damage, acts).kind;
        for framing in ["length:u32be", "lf", "netstring"] {
            assert_eq!(kind(framing, &["hello"], &[], &[Act::Send(1), Act::Short(0)]), Kind::Echo, "{framing}");
            assert_eq!(kind(framing, &["hello"], &[], &[Act::HalfClose]), Kind::Nothing, "{framing}");
            assert_eq!(kind(framing, &["hello"], &[], &[Act::Send(3), Act::Reset]), Kind::Unfinished, "{framing}");
            assert_eq!(kind(framing, &["hello", "x"], &[], &[]), Kind::Surplus, "{framing}");
        }
        assert_eq!(kind("length:u32be", &["hello"], &[flip], &[]), Kind::Other);
        assert_eq!(kind("netstring", &["hello"], &[Damage { at: 0, with: b'x', ..flip }], &[]), Kind::Malformed);
        assert_eq!(kind("lf", &["hello"], &[], &[Act::Send(4), Act::HalfClose]), Kind::Doubtful);
        assert_eq!(kind("raw", &["hello"], &[], &[Act::Send(3), Act::HalfClose]), Kind::Other);
    }

    #[test]
    fn without_a_stream_nobody_listens_and_what_cannot_be_sent_is_not_answered() {
        assert_eq!(reply("lf", &["a\nb"], &[], &[]).kind, Kind::Unsendable);
        assert_eq!(reply("lf", &["a\nb"], &[], &[Act::Send(0)]).kind, Kind::Echo);
        let framing: Framing = "lf".parse().unwrap();
        let client = ClientProfile::unknown(&framing, Told::Bytes);
        let nobody = Plan { framing, streams: Vec::new(), moves: Vec::new() };
        assert_eq!(Reply::new(&nobody, &client).kind, Kind::Refusal);
    }

    #[test]
    fn what_is_no_echo_ends_so_that_nobody_waits_for_more() {
        assert_eq!(reply("lf", &["hello"], &[], &[]).ending, Ending::Open);
        assert_eq!(reply("lf", &["hello", "x"], &[], &[]).ending, Ending::Fin);
        assert_eq!(reply("close", &["hello"], &[], &[]).ending, Ending::Fin);
    }
}
