//! Decoders that know the framing, and take what a read brings for more or less than it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::decode::{Decode, Heard, right};
use super::desk::Desk;
use super::header::{frame_len, header_len};
use super::{Act, Fault, reading, scope};
use crate::framing::Framing;
use crate::peer::service::Service;

const FULL: &str = "believes that more must come when a read fills its buffer, and waits (FREEDM#209)";

pub(super) const FAULTS: &[Fault] = &[
    reading(
        "read-is-message",
        "looks for messages in each read by itself: what is cut is lost (recv once, parse, forget)",
        &["SEG-01", "SEG-02", "FIX-05"],
        scope::framed,
        |desk| {
            Feeding::boxed(desk, |feed, bytes| {
                feed.decoder = right(&feed.framing);
                feed.decoder.push(bytes);
            })
        },
    ),
    reading(
        "first-message-of-a-read",
        "takes one message off the buffer whenever a read brings something, and leaves the others there (socks#58)",
        &["SEG-04", "FIX-04", "DEL-07"],
        scope::framed,
        |desk| Feeding::limited(desk, 1),
    ),
    reading(
        "two-messages-of-a-read",
        "takes at most two messages off the buffer whenever a read brings something",
        &["SEG-04", "FIX-04", "DEL-07"],
        scope::framed,
        |desk| Feeding::limited(desk, 2),
    ),
    reading(
        "hundred-messages-of-a-read",
        "takes at most a hundred messages off the buffer whenever a read brings something",
        &["SEG-04", "DEL-27", "LEN-07"],
        scope::framed,
        |desk| Feeding::limited(desk, 100),
    ),
    reading(
        "surplus-dropped",
        "throws away what stands in its buffer behind the first message (recv into a fresh buffer)",
        &["SEG-04", "SEG-05", "FIX-03", "DEL-30"],
        scope::framed,
        |desk| {
            Feeding::boxed(desk, |feed, bytes| {
                feed.decoder.push(bytes);
                if let Some(first) = feed.decoder.next() {
                    feed.found.push(first);
                    feed.decoder = right(&feed.framing);
                }
            })
        },
    ),
    reading(
        "tail-of-a-batch-dropped",
        "throws away the unfinished message behind a whole one (swift-nio-extras#39)",
        &["SEG-05", "SEG-06"],
        scope::framed,
        |desk| {
            Feeding::boxed(desk, |feed, bytes| {
                feed.decoder.push(bytes);
                let before = feed.found.len();
                while feed.found.last() != Some(&Heard::Refused)
                    && let Some(next) = feed.decoder.next()
                {
                    feed.found.push(next);
                }
                if feed.found.len() > before && feed.decoder.is_inside() {
                    feed.decoder = right(&feed.framing);
                }
            })
        },
    ),
    reading(
        "third-piece-lost",
        "joins two pieces of a message but not three",
        &["SEG-01", "SEG-03", "FIX-05"],
        scope::framed,
        |desk| {
            Feeding::boxed(desk, |feed, bytes| {
                let inside = feed.decoder.is_inside();
                feed.count = if inside { feed.count + 1 } else { 0 };
                if feed.count < 2 {
                    feed.decoder.push(bytes);
                }
            })
        },
    ),
    reading(
        "header-in-one-read",
        "takes what a read brings of the prefix for the whole prefix, and misses the rest (miekg/dns#448)",
        &["LEN-02", "ASC-01", "VAR-01", "SEG-02"],
        scope::length,
        |desk| {
            Feeding::boxed(desk, |feed, bytes| {
                if !feed.decoder.is_inside()
                    && header_len(&feed.framing, &from_last_frame(&feed.framing, bytes)) == Some(0)
                {
                    let whole = bytes.len() - from_last_frame(&feed.framing, bytes).len();
                    feed.decoder.push(&bytes[..whole]);
                } else {
                    feed.decoder.push(bytes);
                }
            })
        },
    ),
    reading(
        "body-in-one-read",
        "reads a message's body once and fills up what is missing with zeros",
        &["SEG-01", "SEG-02"],
        scope::length,
        |desk| {
            Feeding::boxed(desk, |feed, bytes| {
                let tail = from_last_frame(&feed.framing, bytes);
                feed.decoder.push(bytes);
                let missing = frame_len(&feed.framing, &tail).map_or(0, |len| len.saturating_sub(tail.len() as u64));
                let began = header_len(&feed.framing, &tail).is_some_and(|len| len > 0 && len < tail.len());
                if began && missing > 0 && missing < 1 << 20 {
                    feed.decoder.push(&vec![0; missing as usize]);
                }
            })
        },
    ),
    Fault {
        name: "answers-at-the-next-byte",
        about: "takes a message for whole only when a further byte has come (asio#113)",
        breaks: &["SES-08", "SES-02"],
        applies: scope::many,
        act: Act::Read(|desk, bytes| {
            desk.kept.extend_from_slice(bytes);
            let ready = desk.kept.len().saturating_sub(1);
            desk.kept.drain(..ready).collect()
        }),
    },
    Fault {
        name: "waits-for-32-bytes",
        about: "answers when thirty-two bytes have come, as a blocking read of a whole buffer does (libmill#138)",
        breaks: &["SES-02", "SES-04", "SES-08"],
        applies: scope::many,
        act: Act::Read(|desk, bytes| {
            desk.kept.extend_from_slice(bytes);
            if desk.kept.len() < 32 { Vec::new() } else { std::mem::take(&mut desk.kept) }
        }),
    },
    reading("full-buffer-waits-256", FULL, &["SEG-10"], scope::sized, |desk| Feeding::waiting(desk, 256)),
    reading("full-buffer-waits-512", FULL, &["SEG-10"], scope::sized, |desk| Feeding::waiting(desk, 512)),
    reading("full-buffer-waits-1024", FULL, &["SEG-10"], scope::sized, |desk| Feeding::waiting(desk, 1024)),
    reading("full-buffer-waits-2048", FULL, &["SEG-10"], scope::sized, |desk| Feeding::waiting(desk, 2048)),
    reading("full-buffer-waits-4096", FULL, &["SEG-10"], scope::sized, |desk| Feeding::waiting(desk, 4096)),
    reading("full-buffer-waits-8192", FULL, &["SEG-10"], scope::sized, |desk| Feeding::waiting(desk, 8192)),
    reading(
        "full-buffer-waits-16384",
        FULL,
        &["SEG-10"],
        |framing| scope::sized(framing) && scope::roomy(framing),
        |desk| Feeding::waiting(desk, 16384),
    ),
    reading(
        "full-buffer-waits-65536",
        FULL,
        &["SEG-10"],
        |framing| scope::sized(framing) && scope::roomy(framing),
        |desk| Feeding::waiting(desk, 65536),
    ),
    reading(
        "decoder-shared",
        "has one decoder for all connections, until one of them ends (a sharable handler that is not)",
        &["SEG-13", "CON-05", "SEG-14"],
        scope::framed,
        |desk| {
            let mut shared = desk.shared();
            let decoder = shared.decoder.get_or_insert_with(|| Arc::new(Mutex::new(right(desk.framing()))));
            Box::new(Common { decoder: Arc::clone(decoder), framing: desk.framing().clone() })
        },
    ),
    reading(
        "leftovers-kept",
        "gives what a connection left unfinished to the next one (a pooled buffer that is not emptied)",
        &["SEG-14", "CLS-11"],
        scope::framed,
        |desk| {
            let decoder = right(desk.framing());
            Box::new(Leaving { decoder, fresh: true, unfinished: Vec::new(), service: desk.service().clone() })
        },
    ),
];

/// A right decoder that is fed wrongly.
#[derive(Debug)]
struct Feeding {
    decoder: Box<dyn Decode>,
    framing: Framing,
    found: Vec<Heard>,
    kept: Vec<u8>,
    count: usize,
    /// Most messages taken for one read.
    most: usize,
    feed: fn(&mut Self, &[u8]),
}

impl Feeding {
    fn new(desk: &Desk, feed: fn(&mut Self, &[u8])) -> Self {
        let framing = desk.framing().clone();
        let (found, kept) = (Vec::new(), Vec::new());
        Self { decoder: right(&framing), framing, found, kept, count: 0, most: usize::MAX, feed }
    }

    fn boxed(desk: &Desk, feed: fn(&mut Self, &[u8])) -> Box<dyn Decode> {
        Box::new(Self::new(desk, feed))
    }

    /// Takes so many messages whenever a read brings something.
    fn limited(desk: &Desk, most: usize) -> Box<dyn Decode> {
        let plain = |feed: &mut Self, bytes: &[u8]| {
            feed.count = 0;
            feed.decoder.push(bytes);
        };
        Box::new(Self { most, ..Self::new(desk, plain) })
    }

    /// Waits for more whenever a read fills the buffer of this size.
    fn waiting(desk: &Desk, size: usize) -> Box<dyn Decode> {
        let wait = |feed: &mut Self, bytes: &[u8]| {
            feed.kept.extend_from_slice(bytes);
            if !bytes.len().is_multiple_of(feed.most) {
                let ready = std::mem::take(&mut feed.kept);
                feed.decoder.push(&ready);
            }
            feed.count = 0;
        };
        Box::new(Self { most: size, ..Self::new(desk, wait) })
    }
}

impl Decode for Feeding {
    fn push(&mut self, bytes: &[u8]) {
        (self.feed)(self, bytes);
    }

    fn next(&mut self) -> Option<Heard> {
        if !self.found.is_empty() {
            return Some(self.found.remove(0));
        }
        if self.count >= self.most {
            return None;
        }
        let next = self.decoder.next()?;
        self.count += usize::from(self.most != usize::MAX);
        Some(next)
    }

    fn finish(&mut self) -> Vec<Vec<u8>> {
        self.decoder.finish()
    }

    fn is_inside(&self) -> bool {
        self.decoder.is_inside()
    }
}

/// What stands behind the last whole frame of a read that begins with one.
fn from_last_frame(framing: &Framing, bytes: &[u8]) -> Vec<u8> {
    let mut rest = bytes;
    while let Some(len) = frame_len(framing, rest).filter(|len| *len <= rest.len() as u64 && *len > 0) {
        rest = &rest[len as usize..];
    }
    rest.to_vec()
}

/// One decoder for all.
#[derive(Debug)]
struct Common {
    decoder: Arc<Mutex<Box<dyn Decode>>>,
    framing: Framing,
}

impl Common {
    fn decoder(&self) -> MutexGuard<'_, Box<dyn Decode>> {
        self.decoder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Decode for Common {
    fn push(&mut self, bytes: &[u8]) {
        self.decoder().push(bytes);
    }

    fn next(&mut self) -> Option<Heard> {
        self.decoder().next()
    }
}

impl Drop for Common {
    fn drop(&mut self) {
        *self.decoder() = right(&self.framing);
    }
}

/// Leaves what is unfinished behind for the next connection.
#[derive(Debug)]
struct Leaving {
    decoder: Box<dyn Decode>,
    /// Nothing was read yet.
    fresh: bool,
    /// What was read since the last message.
    unfinished: Vec<u8>,
    service: Service,
}

impl Decode for Leaving {
    fn push(&mut self, bytes: &[u8]) {
        if std::mem::take(&mut self.fresh) {
            self.decoder.push(&std::mem::take(&mut self.service.shared().kept));
        }
        self.unfinished.extend_from_slice(bytes);
        self.decoder.push(bytes);
    }

    fn next(&mut self) -> Option<Heard> {
        let next = self.decoder.next();
        if !self.decoder.is_inside() {
            self.unfinished.clear();
        }
        next
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.service.shared().kept = std::mem::take(&mut self.unfinished);
    }
}
