//! Binary lengths and varints that are read wrongly.

use super::decode::{Cutting, Decode, Reader};
use super::desk::{Desk, Order};
use super::header::{Header, header, trailer};
use super::{Fault, Moment, acting, reading, scope};
use crate::framing::Framing;

const SIZES: &[&str] = &["LEN-08", "SEG-09"];

pub(super) const FAULTS: &[Fault] = &[
    reading("length-7-bits", "reads seven bits of the length", SIZES, scope::wide, |desk| counted(desk, |v| v & 0x7f)),
    reading("length-8-bits", "reads the low byte of the length (an unsigned char)", SIZES, scope::wide, |desk| {
        counted(desk, |v| v & 0xff)
    }),
    reading("length-12-bits", "reads twelve bits of the length", SIZES, scope::wide_and_roomy, |desk| {
        counted(desk, |v| v & 0xfff)
    }),
    reading("length-15-bits", "reads fifteen bits of the length", SIZES, scope::wide_and_roomy, |desk| {
        counted(desk, |v| v & 0x7fff)
    }),
    reading(
        "length-16-bits",
        "reads sixteen bits of the length (tokio#5080)",
        SIZES,
        scope::very_wide_and_roomy,
        |desk| counted(desk, |v| v & 0xffff),
    ),
    reading("length-signed-8", "sign-extends the low byte of the length (plain char)", SIZES, scope::wide, |desk| {
        counted(desk, |v| if v & 0x80 == 0 { v } else { v | 0xff00 })
    }),
    reading(
        "length-signed-16",
        "sign-extends a length of two bytes to three (Java's short)",
        SIZES,
        |framing| scope::wide(framing) && scope::roomy(framing),
        |desk| counted(desk, |v| if (0x8000..0x1_0000).contains(&v) { v | 0xff_0000 } else { v }),
    ),
    reading(
        "length-off-by-one",
        "waits for one byte less than the length says",
        &["SES-02", "LEN-01"],
        scope::length,
        |desk| counted(desk, |v| v.saturating_sub(1)),
    ),
    reading(
        "length-bytes-swapped",
        "reads the length in the wrong byte order (dnscrypt-protocol#5)",
        &["SES-02", "LEN-04"],
        scope::wide,
        |desk| counted(desk, |v| if v < 0x1_0000 { u64::from((v as u16).swap_bytes()) } else { v }),
    ),
    reading(
        "length-zero-byte-is-missing",
        "takes a zero in the last byte of the prefix for a byte that has not come",
        &["LEN-08", "SEG-09", "BYT-06"],
        scope::wide,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some((head, len)) = it.whole() {
                    let missing = head.value > 0 && head.value.is_multiple_of(256);
                    if missing && it.fresh == 0 {
                        return;
                    }
                    it.deliver(head, len);
                }
            })
        },
    ),
    reading(
        "zero-is-no-length",
        "keeps a length of zero for \"none yet\", and waits for the next read (frame-stream@04bbd91)",
        &["LEN-05", "LEN-06", "VAR-09", "ASC-08", "DEL-06"],
        scope::length,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some((head, len)) = it.whole() {
                    let none = head.value == 0;
                    it.deliver(head, len);
                    if none {
                        return;
                    }
                }
            })
        },
    ),
    reading(
        "zero-then-silence",
        "never answers again after an empty message",
        &["LEN-05", "LEN-06", "DEL-06", "VAR-09", "ASC-08"],
        scope::empties,
        |desk| Box::new(Muted { decoder: super::right_decoder(desk.framing()), mute: false }),
    ),
    reading(
        "length-wraps-with-header",
        "adds the header to the length in the width of the field, and wraps (libzmq#1488)",
        &["LEN-14", "LEN-12"],
        scope::very_wide,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some(head) = header(it.state, it.buffer) {
                    let total = (head.value as u32).wrapping_add(head.len as u32) as usize;
                    if it.buffer.len() < total.max(head.len) {
                        return;
                    }
                    let end = total.max(head.len);
                    let payload = it.buffer[head.len..end].to_vec();
                    it.drop(end);
                    it.message(&payload);
                }
            })
        },
    ),
    acting(
        "all-ones-kills",
        "dies of a length of all ones (an allocation that fails; CVE-2019-6250)",
        &["LEN-12", "LEN-13", "LEN-14"],
        scope::very_wide,
        |desk, moment| die_of(desk, moment, |value| value >= 0xffff_fff0),
    ),
    acting(
        "negative-length-kills",
        "dies of a length with its sign bit set (OTP-8102)",
        &["LEN-13", "LEN-12"],
        scope::very_wide,
        |desk, moment| die_of(desk, moment, |value| value & 0x8000_0000 != 0),
    ),
    acting(
        "sign-bit-alone-kills",
        "dies of the smallest negative length, which has no positive counterpart",
        &["LEN-13"],
        scope::very_wide,
        |desk, moment| die_of(desk, moment, |value| value == 0x8000_0000),
    ),
    acting(
        "foreign-protocol-kills",
        "dies of an HTTP request (libzmq#87)",
        &["LEN-15"],
        scope::wide,
        |desk, moment| match moment {
            Moment::Read(bytes) if bytes.starts_with(b"GET ") => desk.order(Order::Die),
            _ => {}
        },
    ),
    reading(
        "varint-cut-is-zero",
        "takes a varint that is cut behind three bytes for an empty message (netty#17549)",
        &["VAR-01", "VAR-02", "VAR-03"],
        scope::varint,
        |desk| cut_varint(desk, 3),
    ),
    reading(
        "varint-cut-behind-one-is-zero",
        "takes a varint that is cut behind its first byte for an empty message",
        &["VAR-01", "LEN-02", "SEG-02"],
        scope::varint,
        |desk| cut_varint(desk, 1),
    ),
    reading(
        "varint-cut-behind-two-is-zero",
        "takes a varint that is cut behind its second byte for an empty message",
        &["VAR-01", "VAR-02", "VAR-03"],
        scope::varint,
        |desk| cut_varint(desk, 2),
    ),
    reading(
        "long-length-refused-when-cut",
        "refuses a length in more bytes than it needs only if these come in two reads (netty#17549)",
        &["SEG-12", "VAR-03"],
        scope::varint,
        |desk| refusing_when_cut(desk, |head| head.len > shortest_varint(head.value)),
    ),
    reading(
        "empty-refused-when-cut",
        "refuses an empty message only if its length comes in two reads",
        &["SEG-12"],
        scope::wide,
        |desk| refusing_when_cut(desk, |head| head.value == 0),
    ),
    reading(
        "varint-consumes-shortest",
        "passes over as many bytes as the shortest spelling would have had (it-length-prefixed 11)",
        &["VAR-04", "VAR-08"],
        scope::varint,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some((head, _)) = it.whole() {
                    let shortest = shortest_varint(head.value).min(head.len);
                    it.deliver(Header { len: shortest, ..head }, shortest + head.value as usize);
                }
            })
        },
    ),
    reading(
        "varint-two-bytes",
        "reads at most two bytes of a varint",
        &["VAR-01", "SEG-09", "LEN-08"],
        scope::varint,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some((head, _)) = it.whole() {
                    let head = Header { len: head.len.min(2), value: head.value & 0x3fff };
                    it.deliver(head, head.len + head.value as usize);
                }
            })
        },
    ),
    reading(
        "varint-three-bytes",
        "reads at most three bytes of a varint (a limit on the prefix)",
        &["VAR-01", "VAR-02"],
        scope::varint,
        |desk| {
            Reader::boxed(desk.framing().clone(), |it| {
                while let Some((head, _)) = it.whole() {
                    let head = Header { len: head.len.min(3), value: head.value & 0x1f_ffff };
                    it.deliver(head, head.len + head.value as usize);
                }
            })
        },
    ),
    reading("varint-endless", "waits for the end of a varint that has none", &["VAR-05"], scope::varint, |desk| {
        Reader::boxed(desk.framing().clone(), |it| {
            while let Some((head, len)) = it.whole() {
                it.deliver(head, len);
            }
        })
    }),
    reading(
        "varint-32-bits",
        "drops the bits of a varint beyond thirty-two",
        &["VAR-06", "VAR-07"],
        scope::varint,
        |desk| counted(desk, |v| v & 0xffff_ffff),
    ),
    reading(
        "varint-negative-kills",
        "dies of a length that is negative in 32 bits (a negative allocation)",
        &["VAR-06"],
        scope::varint,
        |desk| {
            Reader::boxed((desk.framing().clone(), desk.service().clone()), |it| {
                while let Some(head) = header(&it.state.0, it.buffer) {
                    if head.value & 0x8000_0000 != 0 {
                        it.state.1.shared().gone = true;
                        return it.refuse();
                    }
                    let len = head.len as u64 + head.value;
                    if (it.buffer.len() as u64) < len {
                        return;
                    }
                    let payload = it.buffer[head.len..len as usize].to_vec();
                    it.drop(len as usize);
                    it.message(&payload);
                }
            })
        },
    ),
];

/// Messages counted by what becomes of the number; the trailer is not looked at.
pub(super) fn counted(desk: &Desk, alter: fn(u64) -> u64) -> Box<dyn Decode> {
    Reader::boxed((desk.framing().clone(), alter), |it| {
        while let Some(head) = header(&it.state.0, it.buffer) {
            let max = it.state.0.behaviour().max.unwrap_or(u64::MAX);
            let value = it.state.1(head.value);
            if value > max {
                return it.refuse();
            }
            let end = head.len + value as usize;
            let len = end + trailer(&it.state.0).len();
            if it.buffer.len() < len {
                return;
            }
            let payload = it.buffer[head.len..end].to_vec();
            it.drop(len);
            it.message(&payload);
        }
    })
}

/// A prefix of so many bytes and no more is an empty message.
fn cut_varint(desk: &Desk, bytes: usize) -> Box<dyn Decode> {
    Reader::boxed((desk.framing().clone(), bytes), |it| {
        while let Some((head, len)) = it.whole() {
            it.deliver(head, len);
        }
        if it.buffer.len() == it.state.1 {
            it.buffer.clear();
            it.message(b"");
        }
    })
}

/// Refuses what it would answer if the length had come whole.
fn refusing_when_cut(desk: &Desk, is_odd: fn(&Header) -> bool) -> Box<dyn Decode> {
    Reader::boxed((desk.framing().clone(), (is_odd, false)), |it| {
        while let Some((head, len)) = it.whole() {
            let (is_odd, was_cut) = it.state.1;
            if was_cut && is_odd(&head) {
                return it.refuse();
            }
            it.state.1.1 = false;
            it.deliver(head, len);
        }
        it.state.1.1 |= !it.buffer.is_empty() && header(&it.state.0, it.buffer).is_none();
    })
}

fn shortest_varint(value: u64) -> usize {
    (64 - value.leading_zeros() as usize).div_ceil(7).max(1)
}

/// What a decoder keeps: its framing, and perhaps more.
pub(super) trait Keeps {
    fn framing(&self) -> &Framing;
}

impl Keeps for Framing {
    fn framing(&self) -> &Framing {
        self
    }
}

impl<T> Keeps for (Framing, T) {
    fn framing(&self) -> &Framing {
        &self.0
    }
}

impl<S: Keeps> Cutting<'_, S> {
    /// The first header, and the length of its frame, once all of it is there; refuses what is over the maximum.
    pub(super) fn whole(&mut self) -> Option<(Header, usize)> {
        let head = header(self.state.framing(), self.buffer)?;
        if head.value > self.state.framing().behaviour().max.unwrap_or(u64::MAX) {
            self.refuse();
            return None;
        }
        let len = head.len + head.value as usize + trailer(self.state.framing()).len();
        (self.buffer.len() >= len).then_some((head, len))
    }

    pub(super) fn deliver(&mut self, head: Header, len: usize) {
        let end = (head.len + head.value as usize).min(self.buffer.len());
        let payload = self.buffer[head.len..end].to_vec();
        self.drop(len.min(self.buffer.len()));
        self.message(&payload);
    }
}

/// Ends the server when a read begins with such a length.
fn die_of(desk: &mut Desk, moment: Moment<'_>, deadly: fn(u64) -> bool) {
    let Moment::Read(bytes) = moment else { return };
    desk.kept.extend_from_slice(&bytes[..bytes.len().min(16)]);
    let kept = std::mem::take(&mut desk.kept);
    if header(desk.framing(), &kept).is_some_and(|head| deadly(head.value)) {
        desk.order(Order::Die);
    }
}

#[derive(Debug)]
struct Muted {
    decoder: Box<dyn Decode>,
    mute: bool,
}

impl Decode for Muted {
    fn push(&mut self, bytes: &[u8]) {
        if !self.mute {
            self.decoder.push(bytes);
        }
    }

    fn next(&mut self) -> Option<super::Heard> {
        if self.mute {
            return None;
        }
        let next = self.decoder.next()?;
        self.mute = next == super::Heard::Message(Vec::new());
        Some(next)
    }
}
