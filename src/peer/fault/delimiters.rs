//! Delimiters that are searched wrongly.

use std::time::Duration;

use super::decode::{Cutting, Reader};
use super::desk::{Desk, Order};
use super::header::find;
use super::{Act, Fault, Moment, reading, scope};
use crate::framing::{Decoded, Framing, Resume};

pub(super) const FAULTS: &[Fault] = &[
    reading(
        "delimiter-within-a-read",
        "looks for the delimiter in each read by itself, so that one that is cut is missed (eventmachine#260)",
        &["DEL-02", "SEG-02", "DEL-16"],
        scope::token,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                let delimiter = it.delimiter();
                while let Some(at) = find(&it.buffer[it.fresh..], &delimiter) {
                    it.end_message(it.fresh + at, delimiter.len());
                }
            })
        },
    ),
    reading(
        "delimiter-needs-two-pieces-at-most",
        "keeps one byte less than the delimiter has only once, and misses one that is cut twice (BufferedTokenizer)",
        &["DEL-03", "SEG-01", "SEG-03", "DEL-02"],
        |framing| scope::plain(framing) && framing.terminator().is_some_and(|delimiter| delimiter.len() >= 3),
        |desk| {
            Reader::boxed((desk.framing().terminator().unwrap_or_default().to_vec(), 0), |it| {
                let (delimiter, before) = it.state.clone();
                let mut from = before;
                while let Some(at) = find(&it.buffer[from.min(it.buffer.len())..], &delimiter) {
                    let end = from + at;
                    let payload = it.buffer[..end].to_vec();
                    it.drop(end + delimiter.len());
                    it.message(&payload);
                    from = 0;
                }
                it.state.1 = it.fresh.min(it.buffer.len());
            })
        },
    ),
    reading(
        "delimiter-at-the-end-of-a-read",
        "takes what it has for a message when it ends in the delimiter (endswith)",
        &["SEG-05", "SEG-06", "DEL-11", "SEG-04", "DEL-07"],
        scope::plain,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                let delimiter = it.delimiter();
                while it.buffer.ends_with(&delimiter) {
                    let Some(at) = find(it.buffer, &delimiter) else { return };
                    it.end_message(at, delimiter.len());
                }
            })
        },
    ),
    reading(
        "false-start-not-examined",
        "begins behind the byte that broke off a delimiter, although one may begin with it (DIRMINA-506)",
        &["DEL-04", "DEL-05"],
        scope::token,
        |desk| {
            Reader::boxed(Matching::new(desk), |it| {
                for byte in std::mem::take(it.buffer) {
                    let due = it.state.delimiter[it.state.matched];
                    it.state.payload.push(byte);
                    it.state.matched = if byte == due { it.state.matched + 1 } else { 0 };
                    it.end_match();
                }
            })
        },
    ),
    reading(
        "false-start-lost",
        "loses the bytes that looked like the beginning of a delimiter",
        &["DEL-05", "DEL-04"],
        scope::token,
        |desk| {
            Reader::boxed(Matching::new(desk), |it| {
                for byte in std::mem::take(it.buffer) {
                    if byte == it.state.delimiter[it.state.matched] {
                        it.state.matched += 1;
                        it.state.payload.push(byte);
                    } else {
                        let kept = it.state.payload.len() - it.state.matched;
                        it.state.payload.truncate(kept);
                        it.state.payload.push(byte);
                        it.state.matched = usize::from(byte == it.state.delimiter[0]);
                    }
                    it.end_match();
                }
            })
        },
    ),
    reading(
        "false-start-backs-up-in-the-read-only",
        "goes back behind a false start only as far as the read goes (MINA decodeNormal)",
        &["DEL-04", "DEL-02"],
        scope::overlapping,
        |desk| {
            Reader::boxed(Matching::new(desk), |it| {
                let read = std::mem::take(it.buffer);
                let mut at = 0;
                while at < read.len() {
                    let byte = read[at];
                    if byte == it.state.delimiter[it.state.matched] {
                        it.state.payload.push(byte);
                        it.state.matched += 1;
                    } else {
                        // Everything matched so far but its first byte is looked at again, if it stands in this read.
                        let back = it.state.matched.saturating_sub(1).min(at);
                        let kept = it.state.payload.len() - back;
                        it.state.payload.truncate(kept);
                        at -= back;
                        if it.state.matched == 0 {
                            it.state.payload.push(byte);
                        } else {
                            it.state.matched = 0;
                            continue;
                        }
                    }
                    at += 1;
                    it.end_match();
                }
            })
        },
    ),
    reading(
        "first-byte-ends",
        "takes the first byte of the delimiter for all of it",
        &["SES-02", "DEL-01", "DEL-05"],
        scope::token,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                let delimiter = it.delimiter();
                while let Some(at) = it.buffer.iter().position(|byte| *byte == delimiter[0]) {
                    it.end_message(at, 1);
                }
            })
        },
    ),
    reading(
        "bare-line-feed-ends",
        "ends a message at a line feed without a carriage return (SMTP smuggling, CVE-2023-51764)",
        &["DEL-17"],
        scope::crlf,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some(at) = find(it.buffer, b"\n") {
                    let cr = at > 0 && it.buffer[at - 1] == b'\r';
                    it.end_message(at - usize::from(cr), 1 + usize::from(cr));
                }
            })
        },
    ),
    reading(
        "bare-carriage-return-ends",
        "ends a message at a carriage return, and passes over a line feed behind it",
        &["DEL-18", "DEL-16"],
        scope::lines,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                let end = |byte: &u8| matches!(byte, b'\r' | b'\n');
                while let Some(at) = it.buffer.iter().position(end) {
                    let both = it.buffer[at..].starts_with(b"\r\n");
                    it.end_message(at, 1 + usize::from(both));
                }
            })
        },
    ),
    reading(
        "carriage-returns-stripped",
        "strips every carriage return before the line feed (MINA's AUTO)",
        &["DEL-19"],
        scope::lines,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some(at) = find(it.buffer, b"\n") {
                    let crs = it.buffer[..at].iter().rev().take_while(|byte| **byte == b'\r').count();
                    it.end_message(at - crs, 1 + crs);
                }
            })
        },
    ),
    reading(
        "carriage-returns-removed",
        "removes carriage returns wherever they stand (clustershell#697)",
        &["DEL-18", "BYT-05", "DEL-05"],
        scope::plain,
        |desk| {
            if scope::crlf(desk.framing()) {
                return Reader::boxed(desk.framing().clone(), |it| {
                    while let Some(at) = find(it.buffer, b"\r\n") {
                        it.buffer[..at].iter_mut().for_each(|byte| {
                            if *byte == b'\r' {
                                *byte = b'?';
                            }
                        });
                        it.end_message(at, 2);
                    }
                });
            }
            Reader::boxed(desk.framing().clone(), |it| {
                let delimiter = it.delimiter();
                it.buffer.retain(|byte| *byte != b'\r');
                while let Some(at) = find(it.buffer, &delimiter) {
                    it.end_message(at, delimiter.len());
                }
            })
        },
    ),
    reading(
        "carriage-return-before-cut-is-a-line",
        "takes a carriage return at the end of a read for an end of line, and the line feed for another (node#8109)",
        &["DEL-16", "DEL-02"],
        scope::crlf,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some(at) = find(it.buffer, b"\r\n") {
                    it.end_message(at, 2);
                }
                if it.buffer.ends_with(b"\r") {
                    it.end_message(it.buffer.len() - 1, 1);
                } else if it.buffer.starts_with(b"\n") {
                    it.end_message(0, 1);
                }
            })
        },
    ),
    reading(
        "high-byte-takes-next",
        "takes a byte from 0xc2 and the one behind it for one character, delimiter or not",
        &["DEL-28"],
        scope::plain,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                let delimiter = it.delimiter();
                let mut at = 0;
                while at < it.buffer.len() {
                    if it.buffer[at] >= 0xc2 {
                        at += 2;
                    } else if it.buffer[at..].starts_with(&delimiter) {
                        it.end_message(at, delimiter.len());
                        at = 0;
                    } else {
                        at += 1;
                    }
                }
            })
        },
    ),
    reading(
        "search-stops-at-nul",
        "looks for the delimiter up to the first zero byte only (strstr)",
        &["DEL-29", "BYT-02"],
        |framing| scope::plain(framing) && framing.terminator() != Some(b"\0"),
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                let delimiter = it.delimiter();
                let text = |buffer: &[u8]| buffer.iter().position(|byte| *byte == 0).unwrap_or(buffer.len());
                while let Some(at) = find(&it.buffer[..text(it.buffer)], &delimiter) {
                    it.end_message(at, delimiter.len());
                }
            })
        },
    ),
    reading(
        "digits-announce-a-count",
        "takes a line that begins with digits and a blank for a counted one (rsyslog's octet counting)",
        &["ASC-15"],
        scope::plain,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                let delimiter = it.delimiter();
                while let Some(at) = find(it.buffer, &delimiter) {
                    let digits = it.buffer.iter().take_while(|byte| byte.is_ascii_digit()).count();
                    if digits > 0 && it.buffer.get(digits) == Some(&b' ') {
                        let count: usize = String::from_utf8_lossy(&it.buffer[..digits]).parse().unwrap_or(usize::MAX);
                        if it.buffer.len() < count.saturating_add(digits + 1) {
                            return;
                        }
                        let payload = it.buffer[digits + 1..=digits + count].to_vec();
                        it.drop(digits + 1 + count);
                        it.message(&payload);
                    } else {
                        it.end_message(at, delimiter.len());
                    }
                }
            })
        },
    ),
    reading(
        "last-empties-dropped",
        "takes a read apart at the delimiters and drops what is empty at its end, but for one that came alone",
        &["DEL-06"],
        scope::plain,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                let mut messages = Vec::new();
                while let Some((len, payload)) = it.first() {
                    it.drop(len);
                    messages.push(payload);
                }
                let alone = messages.len() == 1;
                while !alone && messages.last().is_some_and(Vec::is_empty) {
                    messages.pop();
                }
                for payload in &messages {
                    it.message(payload);
                }
            })
        },
    ),
    reading(
        "unterminated-twice",
        "delivers the last, unterminated message twice at the end of the stream",
        &["DEL-21"],
        scope::plain,
        |desk| {
            Reader::ending(desk.framing().clone(), search, |_, rest| {
                if rest.is_empty() { Vec::new() } else { vec![rest.clone(), rest] }
            })
        },
    ),
    Fault {
        name: "unterminated-flushed",
        about: "answers what it has when nothing more comes for 400 ms (a flush by timer)",
        breaks: &["DEL-22", "SEG-08"],
        applies: scope::plain,
        act: Act::Session(|desk, moment| match moment {
            Moment::Read(bytes) => {
                desk.kept.extend_from_slice(bytes);
                desk.wake_in(Duration::from_millis(400));
            }
            Moment::Replied => desk.kept.clear(),
            Moment::Woken => {
                let kept = std::mem::take(&mut desk.kept);
                desk.later.push((Duration::ZERO, kept));
            }
            _ => {}
        }),
    },
    Fault {
        name: "burst-overflows-stack",
        about: "dies of ten thousand messages in one read (a call for each, twisted#3050)",
        breaks: &["DEL-27", "LEN-07"],
        applies: |framing| scope::plain(framing) || (scope::length(framing) && scope::empties(framing)),
        act: Act::Session(|desk, moment| match moment {
            Moment::Read(_) => desk.count = 0,
            Moment::Message(_) if desk.next() > 2000 => desk.order(Order::Die),
            _ => {}
        }),
    },
];

impl Cutting<'_, Framing> {
    fn delimiter(&self) -> Vec<u8> {
        self.state.terminator().unwrap_or_default().to_vec()
    }

    /// A message ends at `at`, and its delimiter has so many bytes.
    fn end_message(&mut self, at: usize, delimiter: usize) {
        let payload = self.buffer[..at].to_vec();
        self.drop(at + delimiter);
        self.message(&payload);
    }

    /// The first frame in the buffer and its payload.
    pub(super) fn first(&mut self) -> Option<(usize, Vec<u8>)> {
        match self.state.decode(self.buffer, Resume::default()) {
            Decoded::Frame { len } => Some((len, self.state.payload(&self.buffer[..len]).into_owned())),
            Decoded::Incomplete(_) => None,
            Decoded::Malformed(_) => {
                self.refuse();
                None
            }
        }
    }

    /// What is right.
    pub(super) fn search(&mut self) {
        while let Some((len, payload)) = self.first() {
            self.drop(len);
            self.message(&payload);
        }
    }
}

/// What is right, as a function of its own.
fn search(cutting: &mut Cutting<'_, Framing>) {
    cutting.search();
}

/// A delimiter that is matched byte by byte.
struct Matching {
    delimiter: Vec<u8>,
    matched: usize,
    /// Everything since the last message, what was matched included.
    payload: Vec<u8>,
}

impl Matching {
    fn new(desk: &Desk) -> Self {
        let delimiter = desk.framing().terminator().unwrap_or_default().to_vec();
        Self { delimiter, matched: 0, payload: Vec::new() }
    }
}

impl Cutting<'_, Matching> {
    /// Ends the message if the delimiter is whole.
    fn end_match(&mut self) {
        if self.state.matched == self.state.delimiter.len() {
            let mut payload = std::mem::take(&mut self.state.payload);
            payload.truncate(payload.len() - self.state.matched);
            self.state.matched = 0;
            self.message(&payload);
        }
    }
}
