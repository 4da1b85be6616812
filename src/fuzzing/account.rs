//! What is owed on one connection, from the whole of what is sent on it: the model of a right server.

use std::ops::Range;

use bytes::Bytes;

use crate::framing::{After, AtEnd, Behaviour, Deframer, Empty, Eof, Field, Framing, Kind, Over, Reason, Strategy};
use crate::peer::Settings;
use crate::session::Duty;

/// How much is taken for known of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Where its framing declares nothing, it does what the reference server does.
    Reference,
    /// What its framing declares, and no more: of what comes behind a message that right servers treat differently
    /// nothing is known.
    Declared,
    /// What its framing declares, in which what was measured has been filled in; and of what a right server refuses
    /// nothing comes back, whether it ends the connection or not (CATALOGUE D20).
    Measured,
}

/// Larger messages may be refused by a server that declares no limit, in bytes.
const SMALL: usize = 4096;

/// No server has been seen to take a message of more bytes, where no limit is declared.
const TAKEN: u64 = 64 * 1024;

/// No stream holds a message of more bytes.
const MOST: u64 = 1 << 22;

/// What a server owes that does what its framing declares.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// Messages that come back, by where their frames stand.
    pub(super) owed: Vec<Owed>,
    /// What comes back once our FIN is there, or may.
    pub(super) at_end: Option<(Bytes, Duty)>,
    /// Once more than this was sent, the server may end the connection.
    pub(super) ends_after: Option<usize>,
    /// Once more than this was sent, nothing is known.
    pub(super) doubtful_after: Option<usize>,
    /// Why the rest of the stream is refused, if it is.
    pub(super) refusal: Option<Reason>,
    /// The stream ends inside a message.
    pub(super) is_unfinished: bool,
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
    matches!(framing.strategy(), Strategy::Raw | Strategy::Close) || framing.echoes_at_once()
}

/// What is owed for these bytes, of which the last is followed by our FIN or by nothing.
pub(super) fn account(settings: &Settings, trust: Trust, wire: &[u8]) -> Account {
    let framing = &settings.framing;
    let mut account = Account::default();
    if framing.echoes_at_once() {
        return account;
    }
    let skips = framing.behaviour().over == Some(Over::Skip);
    let mut deframer = if skips { Deframer::skipping(framing) } else { Deframer::new(framing) };
    deframer.push(wire);
    let mut end = 0;
    while let Some(next) = deframer.next_frame() {
        match next {
            Ok(frame) if is_doubtful(settings, trust, &frame.payload) => account.doubtful_after = Some(end),
            Ok(frame)
                if trust == Trust::Measured
                    && is_respelled(framing, &wire[end..frame.at.end as usize], &frame.payload) =>
            {
                account.doubtful_after = Some(end);
            }
            Err(_) if trust == Trust::Declared => account.doubtful_after = Some(end),
            Err(error) if trust == Trust::Measured && is_open(framing, error.reason) => {
                account.doubtful_after = Some(end);
            }
            Ok(frame) => {
                end = frame.at.end as usize;
                account.take(framing, frame.at.start as usize..end, &frame.payload);
            }
            Err(error) if skips && matches!(error.reason, Reason::TooLong { .. }) => {}
            Err(error) => {
                account.ends_after = Some(end);
                account.refusal = Some(error.reason);
            }
        }
        if account.ends_after.is_some() || account.doubtful_after.is_some() {
            return account;
        }
    }
    account.finish(settings, trust, deframer, end);
    account
}

/// Whether right servers treat this message differently, and the framing does not say how.
fn is_doubtful(settings: &Settings, trust: Trust, payload: &[u8]) -> bool {
    let behaviour = settings.framing.behaviour();
    let is_open = payload.is_empty() && matches!(behaviour.empty, None | Some(Empty::Any));
    match trust {
        Trust::Reference => false,
        Trust::Declared => is_open || (payload.len() > SMALL && behaviour.max.is_none()),
        Trust::Measured => is_open || payload.len() as u64 > settings.max,
    }
}

/// Whether right servers go on in different ways after this, and it was not measured which one does.
fn is_open(framing: &Framing, reason: Reason) -> bool {
    match reason {
        // A message that is announced and cannot be whole cannot come back, either.
        Reason::TooLong { claimed: Some(claimed), .. } if claimed > MOST => false,
        Reason::TooLong { .. } => !matches!(framing.behaviour().over, Some(Over::Close | Over::Reset | Over::Skip)),
        Reason::NotUtf8 | Reason::NotAscii => true,
        // The next delimiter may be a new beginning.
        _ => framing.strategy() == Strategy::Delimiter || is_written_in_lines(framing),
    }
}

/// Whether a length stands in lines of text, of which some read more than others: other line ends, spaces, fields.
fn is_written_in_lines(framing: &Framing) -> bool {
    matches!(framing.kind(), Kind::Length(length) if matches!(length.field, Field::Header | Field::HttpChunked))
}

/// Whether a last line without LF ends in a CR, which belongs to it or not (bufio.ScanLines leaves it out).
fn ends_in_half_a_line_end(framing: &Framing, rest: &[u8]) -> bool {
    rest.ends_with(b"\r") && matches!(framing.kind(), Kind::Delimiter(delimiter) if delimiter.chomp_cr)
}

/// Whether it is a matter of choice whether fragments of a message come back before the last has come (CATALOGUE D27).
fn has_fragments(framing: &Framing) -> bool {
    matches!(framing.kind(), Kind::Length(length) if length.more.is_some())
}

/// Whether lines of text say a length in another way than we do.
fn is_respelled(framing: &Framing, wire: &[u8], payload: &[u8]) -> bool {
    let mut frame = Vec::new();
    is_written_in_lines(framing) && !(framing.encode_unlimited(payload, &mut frame).is_ok() && frame == wire)
}

/// Whether a message that is not all there announces more than the limit that was measured, or than a server needs to take
/// that declares no limit. Where one is declared, what is larger is refused before it comes to this.
fn may_be_too_long(settings: &Settings, rest: &[u8]) -> bool {
    let behaviour = Behaviour { max: Some(settings.max.min(TAKEN)), ..settings.framing.behaviour().clone() };
    let mut deframer = Deframer::new(&settings.framing.clone().with_behaviour(behaviour));
    deframer.push(rest);
    matches!(deframer.next_frame(), Some(Err(_)))
}

/// What an unfinished message may come back as: only a last line may.
fn may_be_delivered(framing: &Framing, rest: Vec<u8>) -> Option<Bytes> {
    let eof = framing.behaviour().eof;
    let may = match framing.strategy() {
        Strategy::Delimiter | Strategy::Fixed => !matches!(eof, Some(Eof::Drop | Eof::Error)),
        _ => eof == Some(Eof::Deliver),
    };
    may.then(|| rest.into())
}

impl Account {
    /// The end of a stream of which every whole message has been taken.
    fn finish(&mut self, settings: &Settings, trust: Trust, mut deframer: Deframer, end: usize) {
        let framing = &settings.framing;
        let rest = deframer.rest().to_vec();
        // What is no text may come back as something that is.
        let is_no_text = framing.behaviour().enc.is_some() && !rest.is_ascii();
        let is_open = is_written_in_lines(framing)
            || ends_in_half_a_line_end(framing, &rest)
            || has_fragments(framing)
            || is_no_text;
        if trust == Trust::Measured && !rest.is_empty() && is_open {
            self.doubtful_after = Some(end);
            return;
        }
        if trust == Trust::Declared && framing.strategy() >= Strategy::Fixed && !rest.is_empty() {
            self.doubtful_after = Some(end);
            return;
        }
        let at_end = deframer.finish();
        self.is_unfinished = at_end == AtEnd::Unfinished;
        if trust == Trust::Measured && self.is_unfinished && may_be_too_long(settings, &rest) {
            self.ends_after = Some(end);
        }
        let (payload, duty) = match at_end {
            AtEnd::Message(payload) => (replied(framing, &payload), Duty::Echo),
            AtEnd::Unfinished if trust == Trust::Measured => (may_be_delivered(framing, rest), Duty::May),
            AtEnd::Unfinished if framing.behaviour().eof == Some(Eof::Deliver) => (replied(framing, &rest), Duty::Echo),
            AtEnd::Unfinished | AtEnd::Nothing => (None, Duty::Echo),
        };
        self.at_end = payload.map(|payload| (payload, duty));
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_over_the_measured_limit_may_end_the_connection_at_once() {
        let mut settings = Settings::new("length:u32be".parse().unwrap());
        settings.max = 1000;
        let ends_after = |len: u32| {
            let wire = [&len.to_be_bytes()[..], b"a"].concat();
            account(&settings, Trust::Measured, &wire).ends_after
        };
        assert_eq!((ends_after(1000), ends_after(1001), ends_after(1426)), (None, Some(0), Some(0)));
    }

    #[test]
    fn a_fragment_may_come_back_before_the_last_has_come() {
        let settings = Settings::new("rpc".parse().unwrap());
        let unfinished = account(&settings, Trust::Measured, b"\0\0\0\x02a\x80\0\0\0\x01a");
        assert_eq!(unfinished.doubtful_after, Some(0));
    }
}
