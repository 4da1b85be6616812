//! What only the process shows: memory that is kept, processor time that is wasted. Nobody sees these on the wire.

use super::decode::{Decode, Heard, right};
use super::desk::{Desk, Spin};
use super::header::header;
use super::{Act, Fault, Flow, Machine, Moment, scope};
use crate::framing::Framing;

/// A prefix is believed up to so many bytes: enough to be seen, and no harm to the machine.
const RESERVED: u64 = 96 << 20;

/// Buffers of so many times a message are kept, for messages up to so many bytes, and so much in all.
const ROOM: usize = 4;
const LARGE: usize = 2 << 20;
const KEPT: usize = 256 << 20;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "prefix-reserves-memory",
        about: "takes the memory that a prefix announces before it has come (CVE-2015-3641)",
        breaks: &["LEN-16", "LEN-12"],
        applies: scope::length,
        act: Act::Decode(|desk| {
            let framing = desk.framing().clone();
            Box::new(Reserving { decoder: right(&framing), framing, head: Vec::new(), reserved: Vec::new() })
        }),
    },
    Fault {
        name: "spins",
        about: "asks again at once where nothing can be read",
        breaks: &["RES-07"],
        applies: scope::any,
        act: Act::Flow(Flow { spins: Spin::Always, ..Flow::RIGHT }),
    },
    Fault {
        name: "spins-when-stalled",
        about: "writes again at once where nothing can be written (tokio#497)",
        breaks: &["RES-12"],
        applies: scope::any,
        act: Act::Flow(Flow { spins: Spin::WhileUnsent, ..Flow::RIGHT }),
    },
    Fault {
        name: "signals-end-streams",
        about: "takes a call that a signal has interrupted for the end of the stream (EINTR)",
        breaks: &["RES-10"],
        applies: scope::any,
        act: Act::Machine(Machine::SignalsEnd),
    },
    Fault {
        name: "address-not-reused",
        about: "cannot listen again while connections of its past life linger (no SO_REUSEADDR)",
        breaks: &["CLO-12"],
        applies: scope::any,
        act: Act::Machine(Machine::AddressKept),
    },
    Fault {
        name: "buffers-kept",
        about: "keeps the buffer of each large message for good, which is four times as large",
        breaks: &["RES-06"],
        applies: scope::any,
        act: Act::Session(|desk, moment| {
            if let Moment::Message(payload) = moment {
                keep(desk, payload);
            }
        }),
    },
];

fn keep(desk: &mut Desk, payload: &[u8]) {
    let (size, mut shared) = (payload.len() * ROOM, desk.shared());
    if (1 << 16..=LARGE).contains(&payload.len()) && shared.kept.len() + size <= KEPT {
        let larger = shared.kept.len() + size;
        shared.kept.resize(larger, 1);
    }
}

/// What is right, and memory beside it.
#[derive(Debug)]
struct Reserving {
    decoder: Box<dyn Decode>,
    framing: Framing,
    /// The beginning of the message that it is inside of.
    head: Vec<u8>,
    reserved: Vec<u8>,
}

impl Decode for Reserving {
    fn push(&mut self, bytes: &[u8]) {
        if !self.decoder.is_inside() {
            self.head.clear();
        }
        self.head.extend(bytes.iter().take(64));
        if let Some(head) = header(&self.framing, &self.head) {
            self.reserved = vec![1; head.value.min(RESERVED) as usize];
        }
        self.decoder.push(bytes);
    }

    fn next(&mut self) -> Option<Heard> {
        let next = self.decoder.next();
        if next.is_some() {
            self.reserved = Vec::new();
        }
        next
    }

    fn finish(&mut self) -> Vec<Vec<u8>> {
        self.decoder.finish()
    }

    fn is_inside(&self) -> bool {
        self.decoder.is_inside()
    }
}
