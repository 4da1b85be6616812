//! Limits that are counted, checked or enforced wrongly.

use super::decode::{Cutting, Decode, Heard, Reader, right};
use super::desk::{Desk, Order};
use super::header::header;
use super::{Act, Fault, Moment, reading, scope};
use crate::framing::{Behaviour, Decoded, Framing, Resume};

const OVER: &[&str] = &["LEN-10", "DEL-10"];

pub(super) const FAULTS: &[Fault] = &[
    reading(
        "limit-counts-header",
        "counts the header towards the maximum (netty's maxFrameLength)",
        &["LEN-09"],
        scope::limited_length,
        |desk| right(&with_max(desk.framing(), |max| max.saturating_sub(overhead(desk.framing())))),
    ),
    reading(
        "limit-counts-delimiter",
        "counts the delimiter towards the maximum (bufio.Scanner)",
        &["DEL-09"],
        scope::limited_delimiter,
        |desk| right(&with_max(desk.framing(), |max| max.saturating_sub(overhead(desk.framing())))),
    ),
    reading(
        "limit-one-less",
        "refuses a message of exactly the maximum (>= for >)",
        &["LEN-09", "DEL-09", "DEL-20"],
        scope::limited,
        |desk| right(&with_max(desk.framing(), |max| max.saturating_sub(1))),
    ),
    reading("limit-one-more", "takes a message of one byte over the maximum", OVER, scope::limited, |desk| {
        right(&with_max(desk.framing(), |max| max.saturating_add(1)))
    }),
    reading("limit-ignored", "takes messages of any size", OVER, scope::limited, |desk| {
        right(&unlimited(desk.framing()))
    }),
    reading(
        "limit-only-whole",
        "checks the size of a message only when it came in one read (a limit on each read)",
        OVER,
        scope::limited,
        |desk| {
            Limit::reader(desk, |it| {
                while let Some((len, payload)) = it.first() {
                    let cut = it.fresh > 0;
                    let over = payload.len() > it.state.max;
                    it.drop(len);
                    if over && !cut {
                        return it.refuse();
                    }
                    it.message(&payload);
                }
            })
        },
    ),
    reading(
        "limit-only-cut",
        "checks only messages that are unfinished at the end of a read (split2 maxLength)",
        OVER,
        scope::limited,
        |desk| {
            Limit::reader(desk, |it| {
                it.take_all();
                if it.unfinished() > it.state.max {
                    it.refuse();
                }
            })
        },
    ),
    reading(
        "limit-counts-cut-delimiter",
        "counts the beginning of a delimiter towards the maximum when the read ends there (netty DelimiterBasedFrameDecoder)",
        &["DEL-09", "DEL-20"],
        scope::limited_token,
        |desk| {
            Limit::reader(desk, |it| {
                it.take_within();
                if it.buffer.len() > it.state.max {
                    it.refuse();
                }
            })
        },
    ),
    reading(
        "limit-on-buffer",
        "holds everything that it has read, and not a message, to the maximum",
        &["SEG-04", "SEG-11", "CON-08", "DEL-27", "DEL-09", "LEN-09"],
        |framing| scope::limited(framing) && !scope::roomy(framing),
        |desk| {
            Limit::reader(desk, |it| {
                if it.buffer.len() > it.state.max + 16 {
                    return it.refuse();
                }
                it.take_all();
            })
        },
    ),
    reading(
        "oversize-tail-delivered",
        "empties its buffer when it grows too large, and takes the rest of the message for a new one (asyncio readline)",
        &["DEL-11", "DEL-10"],
        scope::limited_delimiter,
        |desk| {
            Limit::reader(desk, |it| {
                it.take_within();
                if it.buffer.len() > it.state.max + 16 {
                    it.buffer.clear();
                }
            })
        },
    ),
    reading(
        "oversize-truncated",
        "answers the beginning of a message over the maximum",
        OVER,
        scope::limited,
        |desk| {
            Limit::reader(desk, |it| {
                while let Some((len, payload)) = it.first() {
                    let most = payload.len().min(it.state.max);
                    it.drop(len);
                    it.message(&payload[..most]);
                }
            })
        },
    ),
    reading(
        "oversize-split",
        "answers a message over the maximum in several (rsyslog, and Erlang's line mode)",
        OVER,
        scope::limited,
        |desk| {
            Limit::reader(desk, |it| {
                while let Some((len, payload)) = it.first() {
                    let max = it.state.max;
                    it.drop(len);
                    let parts = payload.len().div_ceil(max).max(1);
                    (0..parts).for_each(|part| it.message(&payload[part * max..payload.len().min((part + 1) * max)]));
                }
            })
        },
    ),
    reading("oversize-is-empty", "answers an empty message for one over the maximum", OVER, scope::limited, |desk| {
        Limit::reader(desk, |it| {
            while let Some((len, payload)) = it.first() {
                let over = payload.len() > it.state.max;
                it.drop(len);
                it.message(if over { b"" } else { &payload });
            }
        })
    }),
    reading(
        "oversize-swallows-next",
        "passes over a message that is too long, and over the next one with it (netty#1798)",
        &["LEN-17", "DEL-12", "DEL-10", "DEL-11", "LEN-10", "SEG-12"],
        scope::skipping,
        |desk| Box::new(Skipping { decoder: right(desk.framing()), after: Skipped::Swallows, over: false }),
    ),
    reading(
        "oversize-stalls",
        "passes over a message that is too long, and looks for others when more comes (netty's exception stops the loop)",
        &["LEN-20", "LEN-17", "DEL-10", "DEL-12"],
        scope::skipping,
        |desk| Box::new(Skipping { decoder: right(desk.framing()), after: Skipped::Stalls, over: false }),
    ),
    reading(
        "oversize-body-parsed",
        "passes over the prefix of a message that is too long, and takes its body for messages (rsyslog@ea219194b)",
        &["LEN-17", "LEN-18"],
        scope::limited_length,
        |desk| {
            Limit::reader(desk, |it| {
                while let Some(head) = header(&it.state.framing, it.buffer) {
                    if head.value > it.state.max as u64 {
                        it.drop(head.len);
                        continue;
                    }
                    let Some((len, payload)) = it.first() else { return };
                    it.drop(len);
                    it.message(&payload);
                }
            })
        },
    ),
    reading(
        "oversize-awaited",
        "waits for the whole body of a message before it refuses it (netty's failFast=false)",
        &["LEN-11", "LEN-12", "DEL-13"],
        scope::closing,
        |desk| {
            Limit::reader(desk, |it| {
                it.take_within();
            })
        },
    ),
    reading(
        "oversize-delimiter-cut",
        "throws the beginning of a delimiter away with the message that is too long (netty DelimiterBasedFrameDecoder)",
        &["DEL-12", "DEL-10", "DEL-11"],
        scope::skipping_token,
        |desk| {
            Limit::reader(desk, |it| {
                if it.state.discards {
                    let delimiter = it.state.framing.terminator().unwrap_or_default().to_vec();
                    let Some(at) = super::header::find(it.buffer, &delimiter) else { return it.buffer.clear() };
                    it.drop(at + delimiter.len());
                    it.state.discards = false;
                }
                it.take_within();
                if it.unfinished() > it.state.max {
                    it.state.discards = true;
                    it.buffer.clear();
                }
            })
        },
    ),
    reading(
        "refusal-forgotten",
        "throws away what it has when it refuses, and takes what comes next for a message (Twisted, after an error)",
        &["CLO-08", "LEN-10", "DEL-10"],
        scope::closing,
        |desk| {
            Limit::reader(desk, |it| {
                let refused = it.first().is_some_and(|(_, payload)| payload.len() > it.state.max);
                if refused || it.unfinished() > it.state.max {
                    return it.buffer.clear();
                }
                it.take_within();
            })
        },
    ),
    reading(
        "oversize-reported-again",
        "reports a message that is too long with each read that brings more of it (tokio#3555)",
        &["DEL-14"],
        scope::limited_delimiter,
        |desk| {
            Limit::reader(desk, |it| {
                if it.first().is_none() && it.buffer.len() > it.state.max {
                    return it.message(b"too long");
                }
                it.take_within();
            })
        },
    ),
    Fault {
        name: "full-buffer-loops",
        about: "reads again and again into a buffer that is full, and serves nobody any more (tokio#1483)",
        breaks: &["DEL-15"],
        applies: scope::limited_delimiter,
        act: Act::Session(|desk, moment| match moment {
            Moment::Read(bytes) => {
                desk.count += bytes.len() as u64;
                if Some(desk.count) == desk.framing().behaviour().max {
                    desk.shared().deaf = true;
                    desk.order(Order::Hang);
                }
            }
            Moment::Replied => desk.count = 0,
            _ => {}
        }),
    },
    Fault {
        name: "refusal-is-mute",
        about: "neither closes nor answers any more after a message that it refuses (NETTY-435)",
        breaks: &["CLO-05", "LEN-10", "DEL-10", "LEN-12"],
        applies: scope::closing,
        act: Act::Session(|desk, moment| {
            if moment == Moment::Refused {
                desk.order(Order::Hang);
            }
        }),
    },
    Fault {
        name: "refusal-kills",
        about: "ends the whole server on a message that it refuses (an exception that nobody catches)",
        breaks: &["CLO-07", "LEN-10", "DEL-10", "LEN-12"],
        applies: scope::closing,
        act: Act::Session(|desk, moment| {
            if moment == Moment::Refused {
                desk.order(Order::Die);
            }
        }),
    },
];

/// The same framing with another maximum.
fn with_max(framing: &Framing, alter: impl FnOnce(u64) -> u64) -> Framing {
    let max = framing.behaviour().max.map(alter);
    framing.clone().with_behaviour(Behaviour { max, ..framing.behaviour().clone() })
}

fn unlimited(framing: &Framing) -> Framing {
    framing.clone().with_behaviour(Behaviour { max: None, ..framing.behaviour().clone() })
}

/// Bytes of a frame of the maximum besides its payload.
fn overhead(framing: &Framing) -> u64 {
    let size = framing.behaviour().max.map_or(0, |max| max.min(1 << 20));
    let mut frame = Vec::new();
    let encoded = framing.encode_unlimited(&vec![b'x'; size as usize], &mut frame);
    encoded.map_or(1, |()| frame.len() as u64 - size)
}

/// The state of a decoder that looks at limits by itself.
struct Limit {
    framing: Framing,
    max: usize,
    discards: bool,
}

impl Limit {
    fn reader(desk: &Desk, cut: fn(&mut Cutting<'_, Self>)) -> Box<dyn Decode> {
        let max = desk.framing().behaviour().max.unwrap_or(u64::MAX) as usize;
        Reader::boxed(Self { framing: unlimited(desk.framing()), max, discards: false }, cut)
    }
}

impl Cutting<'_, Limit> {
    /// The first frame in the buffer and its payload, of whatever size.
    fn first(&self) -> Option<(usize, Vec<u8>)> {
        match self.state.framing.decode(self.buffer, Resume::default()) {
            Decoded::Frame { len } => Some((len, self.state.framing.payload(&self.buffer[..len]).into_owned())),
            _ => None,
        }
    }

    /// Bytes of payload that are certainly there without being a message.
    fn unfinished(&self) -> usize {
        let head = header(&self.state.framing, self.buffer).map_or(0, |head| head.len);
        self.buffer.len() - head
    }

    /// Takes every message, of whatever size.
    fn take_all(&mut self) {
        while let Some((len, payload)) = self.first() {
            self.drop(len);
            self.message(&payload);
        }
    }

    /// Takes every message up to the maximum, and refuses the first over it.
    fn take_within(&mut self) {
        while let Some((len, payload)) = self.first() {
            if payload.len() > self.state.max {
                return self.refuse();
            }
            self.drop(len);
            self.message(&payload);
        }
    }
}

/// What happens behind a message that was passed over.
#[derive(Debug, PartialEq, Eq)]
enum Skipped {
    Swallows,
    Stalls,
}

#[derive(Debug)]
struct Skipping {
    decoder: Box<dyn Decode>,
    after: Skipped,
    over: bool,
}

impl Decode for Skipping {
    fn push(&mut self, bytes: &[u8]) {
        if self.after == Skipped::Stalls {
            self.over = false;
        }
        self.decoder.push(bytes);
    }

    fn next(&mut self) -> Option<Heard> {
        if self.over && self.after == Skipped::Stalls {
            return None;
        }
        let next = self.decoder.next()?;
        if next == Heard::PassedOver {
            self.over = true;
            return self.next();
        }
        if self.over {
            self.over = false;
            return self.next();
        }
        Some(next)
    }
}
