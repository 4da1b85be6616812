//! What is owed on one connection, from the whole of what is sent on it: the model of a right server.

use std::ops::Range;

use bytes::Bytes;

use crate::framing::{After, AtEnd, Deframer, Empty, Eof, Framing, Over, Partial, Reason, Strategy};
use crate::peer::Settings;

/// How much is taken for known of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Where its framing declares nothing, it does what the reference server does.
    Reference,
    /// What its framing declares, and no more: of what comes behind a message that right servers treat differently
    /// nothing is known.
    Declared,
}

/// Larger messages may be refused by a server that declares no limit, in bytes.
const SMALL: usize = 4096;

/// What a server owes that does what its framing declares.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// Messages that come back, by where their frames stand.
    pub(super) owed: Vec<Owed>,
    /// What comes back once our FIN is there.
    pub(super) at_end: Option<Bytes>,
    /// Once more than this was sent, the server may end the connection.
    pub(super) ends_after: Option<usize>,
    /// Once more than this was sent, nothing is known.
    pub(super) doubtful_after: Option<usize>,
}

/// A message that comes back.
#[derive(Clone, Debug)]
pub(super) struct Owed {
    /// Its frame, or the bytes that were taken for one.
    pub(super) frame: Range<usize>,
    /// What comes back.
    pub(super) payload: Bytes,
}

/// Whether replies are compared byte for byte, without frames.
pub(super) fn is_stream(framing: &Framing) -> bool {
    matches!(framing.strategy(), Strategy::Raw | Strategy::Close) || echoes_at_once(framing)
}

/// Whether bytes come back before a message is complete.
pub(super) fn echoes_at_once(framing: &Framing) -> bool {
    framing.strategy() == Strategy::Raw || framing.behaviour().partial == Some(Partial::Yes)
}

/// What is owed for these bytes, of which the last is followed by our FIN or by nothing.
pub(super) fn account(settings: &Settings, trust: Trust, wire: &[u8]) -> Account {
    let framing = &settings.framing;
    let mut account = Account::default();
    if echoes_at_once(framing) {
        return account;
    }
    let skips = framing.behaviour().over == Some(Over::Skip);
    let mut deframer = if skips { Deframer::skipping(framing) } else { Deframer::new(framing) };
    deframer.push(wire);
    let mut end = 0;
    while let Some(next) = deframer.next_frame() {
        match next {
            Ok(frame) if trust == Trust::Declared && is_doubtful(framing, &frame.payload) => {
                account.doubtful_after = Some(end);
            }
            Err(_) if trust == Trust::Declared => account.doubtful_after = Some(end),
            Ok(frame) => {
                end = frame.at.end as usize;
                account.take(framing, frame.at.start as usize..end, &frame.payload);
            }
            Err(error) if skips && matches!(error.reason, Reason::TooLong { .. }) => {}
            Err(_) => account.ends_after = Some(end),
        }
        if account.ends_after.is_some() || account.doubtful_after.is_some() {
            return account;
        }
    }
    let rest = deframer.rest().to_vec();
    if trust == Trust::Declared && framing.strategy() >= Strategy::Fixed && !rest.is_empty() {
        account.doubtful_after = Some(end);
        return account;
    }
    account.at_end = match deframer.finish() {
        AtEnd::Message(payload) => replied(framing, &payload),
        AtEnd::Unfinished if framing.behaviour().eof == Some(Eof::Deliver) => replied(framing, &rest),
        AtEnd::Unfinished | AtEnd::Nothing => None,
    };
    account
}

/// Whether right servers treat this message differently, and the framing does not say how.
fn is_doubtful(framing: &Framing, payload: &[u8]) -> bool {
    let behaviour = framing.behaviour();
    let is_open = matches!(behaviour.empty, None | Some(Empty::Any));
    (payload.is_empty() && is_open) || (payload.len() > SMALL && behaviour.max.is_none())
}

impl Account {
    fn take(&mut self, framing: &Framing, frame: Range<usize>, payload: &[u8]) {
        let end = frame.end;
        match framing.behaviour().empty {
            Some(Empty::Skip) if payload.is_empty() => return,
            Some(Empty::Close | Empty::End) if payload.is_empty() => {
                self.ends_after = Some(end - 1);
                return;
            }
            _ => {}
        }
        match replied(framing, payload) {
            Some(payload) => self.owed.push(Owed { frame, payload }),
            None => self.ends_after = Some(end - 1),
        }
        if framing.behaviour().after == Some(After::Close) {
            self.ends_after = Some(end - 1);
        }
    }
}

/// What a reply carries; `None`: the framing of replies has no frame for it.
fn replied(framing: &Framing, payload: &[u8]) -> Option<Bytes> {
    let reply = framing.reply();
    let mut frame = Vec::new();
    reply.encode(payload, &mut frame).ok()?;
    Some(reply.payload(&frame).into_owned().into())
}
