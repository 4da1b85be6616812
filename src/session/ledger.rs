//! What a target owes on one connection, and what it has paid back: the one place where replies are compared.
//!
//! The session asks it when to go on, the oracle what to say: both see the same comparison.

use bytes::Bytes;

use super::script::{Duty, Promise, Replies};
use crate::framing::{AtEnd, Deframer, Framing, Malformed};

/// More than this beyond what is owed, or behind what is wrong, adds nothing: no reply can be right any more.
const SLACK: u64 = 8 * 1024;

/// The account of one connection.
#[derive(Debug)]
pub struct Ledger {
    account: Account,
    received: u64,
    wrong: Option<Wrong>,
    /// Bytes that had come when it went wrong.
    wrong_at: u64,
    /// Bytes received by the last message that was right.
    settled_at: u64,
    /// Nothing is compared any more.
    forgiven: bool,
    /// The target's direction has ended: what had come by then is judged.
    ended: bool,
    /// The target took no more of what was being sent to it.
    cut_off: bool,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one for each connection, and never moved")]
enum Account {
    /// `promised`: what is due is what was promised, not what was sent.
    Stream { promised: bool, sent: Vec<Bytes>, next: usize, within: usize, open: u64 },
    Framed {
        framing: Framing,
        deframer: Box<Deframer>,
        promises: Vec<Promise>,
        next: usize,
        taken: u32,
        most: u64,
        owed: u64,
    },
}

/// The first thing that was wrong with a reply. Final: what follows is not compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Another byte came back than was sent, `at` this offset of the reply stream.
    Byte {
        /// Offset in the reply stream.
        at: u64,
        /// What was due from there.
        expected: Bytes,
        /// What came.
        actual: Bytes,
    },
    /// Another message came back than the one that was due.
    Message {
        /// Which of the messages sent on the connection, from 0.
        index: usize,
        /// What was due.
        expected: Bytes,
        /// What came.
        actual: Bytes,
    },
    /// A message came back that must not.
    Forbidden {
        /// Which of the messages sent on the connection, from 0.
        index: usize,
        /// What came.
        actual: Bytes,
    },
    /// Bytes or a message came back that nothing asked for.
    Unasked {
        /// What came.
        actual: Bytes,
    },
    /// The reply is no frame.
    Malformed {
        /// What the deframer says.
        error: Malformed,
        /// What came.
        actual: Bytes,
    },
    /// The connection ended inside a reply.
    Unfinished {
        /// What had come of it.
        actual: Bytes,
    },
}

impl Ledger {
    /// An empty account.
    pub fn new(replies: &Replies) -> Self {
        let account = match replies {
            Replies::Stream | Replies::Payloads => Account::Stream {
                promised: *replies == Replies::Payloads,
                sent: Vec::new(),
                next: 0,
                within: 0,
                open: 0,
            },
            Replies::Framed(framing) => Account::Framed {
                deframer: Box::new(Deframer::new(framing)),
                framing: framing.as_ref().clone(),
                promises: Vec::new(),
                next: 0,
                taken: 0,
                most: 0,
                owed: 0,
            },
        };
        Self {
            account,
            received: 0,
            wrong: None,
            wrong_at: 0,
            settled_at: 0,
            forgiven: false,
            ended: false,
            cut_off: false,
        }
    }

    /// The following bytes carry this message.
    pub fn promise(&mut self, promise: &Promise) {
        match &mut self.account {
            Account::Stream { promised: false, .. } => {}
            Account::Stream { sent, open, .. } => {
                *open += promise.payload.len() as u64;
                sent.push(promise.payload.clone());
            }
            Account::Framed { promises, owed, .. } => {
                *owed += promise.payload.len() as u64 * u64::from(promise.copies);
                promises.push(promise.clone());
            }
        }
    }

    /// Bytes were written.
    pub fn sent(&mut self, bytes: &Bytes) {
        match &mut self.account {
            Account::Stream { promised: true, .. } => {}
            Account::Stream { sent, open, .. } => {
                *open += bytes.len() as u64;
                sent.push(bytes.clone());
            }
            Account::Framed { most, .. } => *most += bytes.len() as u64,
        }
    }

    /// Bytes came.
    pub fn received(&mut self, bytes: &Bytes) {
        let at = self.received;
        self.received += bytes.len() as u64;
        if self.wrong.is_none() && !self.forgiven {
            let before = self.account.messages();
            self.wrong = self.account.settle(at, bytes);
            self.wrong_at = self.received;
            // What was refused is no text about it.
            let is_text = !matches!(self.wrong, None | Some(Wrong::Forbidden { .. }));
            if is_text && self.account.expects_text() {
                (self.wrong, self.forgiven) = (None, true);
            }
            if self.account.messages() != before {
                self.settled_at = self.received;
            }
        }
    }

    /// The target takes no more, and something was still to be sent.
    pub fn cut_off(&mut self) {
        self.cut_off = true;
    }

    /// From now on everything is right, and nothing is owed.
    pub fn forgive(&mut self) {
        self.forgiven = true;
    }

    /// Whether nothing is compared any more.
    pub fn is_forgiven(&self) -> bool {
        self.forgiven
    }

    /// Whether whatever comes next is right.
    pub fn allows_anything(&self) -> bool {
        self.forgiven || self.account.expects_text()
    }

    /// The target's direction has ended.
    pub fn ended(&mut self) {
        self.ended = true;
        if self.allows_anything() {
            return;
        }
        let is_settled = self.is_settled();
        if let (None, Account::Framed { deframer, .. }) = (&self.wrong, &mut self.account) {
            let rest = Bytes::copy_from_slice(deframer.rest());
            self.wrong = match deframer.finish() {
                AtEnd::Nothing => None,
                // Where the end makes the message, an end that owes nothing is no empty one.
                AtEnd::Message(payload) if payload.is_empty() && is_settled => None,
                AtEnd::Message(payload) => self.account.settle_message(&payload),
                AtEnd::Unfinished if self.account.may_end_with(&rest) => None,
                AtEnd::Unfinished => Some(Wrong::Unfinished { actual: rest }),
            };
        }
    }

    /// Whether everything owed has come.
    pub fn is_settled(&self) -> bool {
        self.forgiven
            || self.wrong.is_none()
                && match &self.account {
                    // What could not be sent was owed, too.
                    Account::Stream { open, .. } => *open == 0 && !self.cut_off,
                    Account::Framed { promises, next, .. } => !promises[*next..].iter().any(|p| p.duty == Duty::Echo),
                }
    }

    /// The message that is due next, if any is.
    pub fn due(&self) -> Option<&Promise> {
        match &self.account {
            Account::Stream { .. } => None,
            Account::Framed { promises, next, .. } => promises[*next..].iter().find(|p| p.duty == Duty::Echo),
        }
    }

    /// What was wrong, if anything.
    pub fn wrong(&self) -> Option<&Wrong> {
        self.wrong.as_ref()
    }

    /// What stands of a reply that has begun and is not complete.
    pub fn rest(&self) -> &[u8] {
        match &self.account {
            Account::Stream { .. } => &[],
            Account::Framed { deframer, .. } => deframer.rest(),
        }
    }

    /// Whether the rest can still become what is due next.
    pub fn rest_fits(&self) -> bool {
        let Account::Framed { framing, deframer, promises, next, .. } = &self.account else { return true };
        if self.allows_anything() {
            return true;
        }
        let rest = deframer.rest();
        self.ended
            || rest.is_empty()
            || promises[*next..].iter().filter(|p| p.duty != Duty::Never).any(|promise| {
                let mut frame = Vec::new();
                framing.encode_unlimited(&promise.payload, &mut frame).is_ok() && frame.starts_with(rest)
            })
    }

    /// Bytes received in all.
    pub fn total(&self) -> u64 {
        self.received
    }

    /// How many bytes it is worth reading at most: what can still be right, and enough of what cannot to be told.
    pub fn worth_reading(&self) -> u64 {
        let owed = match &self.account {
            _ if self.wrong.is_some() => 0,
            Account::Stream { open, .. } => *open,
            Account::Framed { most, .. } => (2 * most).saturating_sub(self.received),
        };
        owed + SLACK
    }

    /// Whether nothing more need be read: a good deal has come since the reply went wrong, or more than can be right.
    pub fn is_flooded(&self) -> bool {
        let beyond = match &self.account {
            Account::Stream { .. } => false,
            // What came up to a right message is right, however much it is: headers may say more than ours.
            Account::Framed { most, owed, .. } => self.received - self.settled_at > 2 * (*most).max(*owed) + SLACK,
        };
        beyond || (self.wrong.is_some() && self.received > self.wrong_at + SLACK)
    }
}

impl Account {
    /// How many of the promises are settled, and of how many copies of the next one.
    fn messages(&self) -> (usize, u32) {
        match self {
            Self::Stream { .. } => (0, 0),
            Self::Framed { next, taken, .. } => (*next, *taken),
        }
    }

    fn settle(&mut self, at: u64, bytes: &Bytes) -> Option<Wrong> {
        match self {
            Self::Stream { .. } => self.settle_bytes(at, bytes.clone()),
            Self::Framed { deframer, .. } => {
                deframer.push(bytes);
                loop {
                    let Self::Framed { deframer, .. } = self else { return None };
                    match deframer.next_frame()? {
                        Ok(frame) => {
                            if let Some(wrong) = self.settle_message(&frame.payload) {
                                return Some(wrong);
                            }
                        }
                        Err(error) => return Some(Wrong::Malformed { error, actual: bytes.clone() }),
                    }
                }
            }
        }
    }

    fn settle_bytes(&mut self, mut at: u64, mut bytes: Bytes) -> Option<Wrong> {
        let Self::Stream { sent, next, within, open, .. } = self else { return None };
        while !bytes.is_empty() {
            let Some(due) = sent.get(*next).map(|chunk| chunk.slice(*within..)) else {
                return Some(Wrong::Unasked { actual: bytes });
            };
            let len = due.len().min(bytes.len());
            if due[..len] != bytes[..len] {
                let same = due.iter().zip(&bytes).take_while(|(due, came)| due == came).count();
                let (expected, actual) = (due.slice(same..), bytes.slice(same..));
                return Some(Wrong::Byte { at: at + same as u64, expected, actual });
            }
            (at, *open, *within) = (at + len as u64, *open - len as u64, *within + len);
            if len == due.len() {
                (*next, *within) = (*next + 1, 0);
            }
            bytes = bytes.slice(len..);
        }
        None
    }

    /// Whether what comes next may be anything.
    fn expects_text(&self) -> bool {
        let Self::Framed { promises, next, .. } = self else { return false };
        let mut open = promises[*next..].iter().take_while(|promise| promise.duty != Duty::Echo);
        open.any(|promise| promise.duty == Duty::Text)
    }

    /// Whether the stream may end in this, without a terminator: what an unterminated last message may come back as.
    fn may_end_with(&self, rest: &[u8]) -> bool {
        let Self::Framed { promises, next, .. } = self else { return false };
        let mut open = promises[*next..].iter().take_while(|promise| promise.duty != Duty::Echo);
        open.any(|promise| promise.duty == Duty::May && promise.payload == rest)
    }

    /// Messages come back in order; those that may stay away are passed over.
    fn settle_message(&mut self, payload: &[u8]) -> Option<Wrong> {
        let Self::Framed { promises, next, taken, .. } = self else { return None };
        let actual = || Bytes::copy_from_slice(payload);
        for (at, promise) in promises.iter().enumerate().skip(*next) {
            let before = if at == *next { *taken } else { 0 };
            let index =
                || promises[..at].iter().map(|earlier| earlier.copies as usize).sum::<usize>() + before as usize;
            if promise.payload == payload && promise.duty != Duty::Text {
                let all = before + 1 == promise.copies;
                (*next, *taken) = if all { (at + 1, 0) } else { (at, before + 1) };
                return (promise.duty == Duty::Never).then(|| Wrong::Forbidden { index: index(), actual: actual() });
            }
            if promise.duty == Duty::Echo {
                return Some(Wrong::Message { index: index(), expected: promise.payload.clone(), actual: actual() });
            }
        }
        Some(Wrong::Unasked { actual: actual() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by the fuzz target `session`: replies that end with the connection were called unasked for.
    #[test]
    fn a_last_message_that_the_end_of_the_stream_makes_is_paid() {
        for (framing, payload) in [("close", &b"hello"[..]), ("fixed:4,last=short", b"ab")] {
            let framing: Framing = framing.parse().unwrap();
            let mut ledger = Ledger::new(&Replies::Framed(Box::new(framing.clone())));
            ledger.promise(&Promise::once(Bytes::from_static(payload), Duty::Echo));
            ledger.sent(&Bytes::from_static(payload));
            ledger.received(&Bytes::from_static(payload));
            ledger.ended();
            assert!(ledger.is_settled() && ledger.rest_fits(), "{framing}");
        }
    }

    /// CATALOGUE D20: whatever it is, framed or not, but never before what is owed.
    #[test]
    fn what_is_refused_with_a_text_may_bring_anything_and_what_was_owed_before_it_must_come() {
        let after = |replies: &[&'static [u8]]| {
            let mut ledger = Ledger::new(&Replies::Framed(Box::new("length:u8".parse().unwrap())));
            ledger.promise(&Promise::once(Bytes::from_static(b"good"), Duty::Echo));
            ledger.promise(&Promise::once(Bytes::from_static(b"bad"), Duty::Never));
            ledger.promise(&Promise::once(Bytes::new(), Duty::Text));
            ledger.sent(&Bytes::from_static(b"\x04good\x03bad"));
            for reply in replies {
                ledger.received(&Bytes::from_static(reply));
            }
            ledger.ended();
            (ledger.wrong().is_none(), ledger.is_settled())
        };
        assert_eq!(after(&[b"\x04good", b"\x03ERR"]), (true, true));
        assert_eq!(after(&[b"\x04good", b"-ERR"]), (true, true), "unframed, and cut off");
        assert_eq!(after(&[b"\x04good"]), (true, true));
        assert_eq!(after(&[b"\x03ERR"]), (false, false));
        assert_eq!(after(&[b"\x04good", b"\x03bad"]), (false, false), "what was refused is no text about it");
    }

    #[test]
    fn a_stream_that_was_cut_off_is_not_paid_by_what_went_out_of_it() {
        let mut ledger = Ledger::new(&Replies::Stream);
        ledger.sent(&Bytes::from_static(b"begun"));
        ledger.received(&Bytes::from_static(b"begun"));
        assert!(ledger.is_settled());
        ledger.cut_off();
        assert!(!ledger.is_settled());
    }

    /// Found by the fuzz target `session`: a server that was asked nothing and ends was said to have answered.
    #[test]
    fn an_end_that_owes_nothing_is_no_empty_message() {
        let mut ledger = Ledger::new(&Replies::Framed(Box::new("close".parse().unwrap())));
        ledger.ended();
        assert_eq!(ledger.wrong(), None);
    }

    #[test]
    fn replies_with_longer_headers_are_no_flood_and_bytes_without_a_message_are_one() {
        let framing: Framing = "lsp".parse().unwrap();
        let reply = Bytes::from_static(b"Content-Length: 1\r\nContent-Type: application/x; charset=utf-8\r\n\r\na");
        let mut ledger = Ledger::new(&Replies::Framed(Box::new(framing)));
        for _ in 0..10_000 {
            ledger.promise(&Promise::once(Bytes::from_static(b"a"), Duty::Echo));
            ledger.received(&reply);
        }
        assert!(ledger.is_settled() && !ledger.is_flooded());
        ledger.received(&Bytes::from(vec![b'x'; 1 << 20]));
        assert!(ledger.is_flooded());
    }
}
