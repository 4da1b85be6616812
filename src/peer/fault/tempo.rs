//! Replies that come in the end, and later than they need to.

use std::time::Duration;

use super::decode::{Decode, Heard, right};
use super::{Act, Fault, Moment, scope};

/// How long a receiver delays the acknowledgement of a segment that it has nothing to say to.
const DELAYED_ACK: Duration = Duration::from_millis(40);

/// The interval of a loop that looks at its sockets now and then.
const TICK: Duration = Duration::from_millis(100);

/// So many bytes are searched in a second, where each is looked at again and again.
const SEARCHED: f64 = 100e6;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "body-waits-for-ack",
        about: "writes the first bytes of a reply by themselves, and the others when those are acknowledged (Nagle)",
        breaks: &["LEN-29", "TIM-01", "TIM-02"],
        applies: scope::many,
        act: Act::Reply(|desk, mut reply| {
            if desk.next() > 1 {
                let rest = reply.split_off(reply.len().min(2));
                desk.later.push((DELAYED_ACK, rest)); // a new connection acknowledges at once
            }
            reply
        }),
    },
    Fault {
        name: "looks-each-100ms",
        about: "waits for a client's first message, and looks for others every 100 ms",
        breaks: &["TIM-04", "TIM-01"],
        applies: scope::many,
        act: Act::Session(|desk, moment| match moment {
            Moment::Read(_) if desk.count > 0 => {
                let slept = desk.now.as_micros() as u64 - desk.count;
                let tick = TICK.as_micros() as u64;
                desk.flow.delay = Duration::from_micros((tick - slept % tick) % tick);
            }
            Moment::Replied => desk.count = desk.now.as_micros() as u64,
            _ => {}
        }),
    },
    Fault {
        name: "ten-messages-a-tick",
        about: "answers ten messages of a batch, and the next ten 100 ms later",
        breaks: &["TIM-03"],
        applies: scope::framed,
        act: Act::Session(|desk, moment| match moment {
            Moment::Read(_) => desk.count = 0,
            Moment::Message(_) => desk.flow.delay = TICK * u32::try_from(desk.next() / 10).unwrap_or(u32::MAX),
            _ => {}
        }),
    },
    Fault {
        name: "delimiter-searched-from-the-start",
        about: "searches all it has for the delimiter whenever a read brings something: quadratic (deno_std#7211)",
        breaks: &["DEL-26"],
        applies: |framing| scope::plain(framing) && !scope::limited(framing),
        act: Act::Session(|desk, moment| match moment {
            Moment::Read(bytes) => {
                desk.count += bytes.len() as u64;
                desk.flow.delay += Duration::from_secs_f64(desk.count as f64 / SEARCHED);
            }
            Moment::Replied => (desk.count, desk.flow.delay) = (0, Duration::ZERO),
            _ => {}
        }),
    },
    Fault {
        name: "large-message-answered-early",
        about: "begins its reply when 32 KiB of a message are there",
        breaks: &["TIM-05"],
        applies: |framing| scope::sized(framing) && scope::roomy(framing),
        act: Act::Session(|desk, moment| match moment {
            Moment::Read(bytes) => {
                desk.kept.extend_from_slice(bytes);
                if desk.kept.len() >= 1 << 15 {
                    let early = std::mem::take(&mut desk.kept);
                    desk.later.push((Duration::ZERO, early));
                    desk.count = 1;
                }
            }
            Moment::Message(_) if desk.count == 1 => {
                let rest = std::mem::take(&mut desk.kept);
                desk.later.push((Duration::ZERO, rest));
                desk.count = 0;
                desk.order(super::Order::Ignore);
            }
            Moment::Replied => desk.kept.clear(),
            _ => {}
        }),
    },
    Fault {
        name: "message-fills-the-buffer",
        about: "waits for room when a message is larger than its buffer of four mebibytes, and there will be none",
        breaks: &["RES-05"],
        applies: |framing| scope::huge(framing) && scope::length(framing),
        act: Act::Decode(|desk| Box::new(Full { decoder: right(desk.framing()), unfinished: 0 })),
    },
];

/// What is right, up to the size of the buffer.
#[derive(Debug)]
struct Full {
    decoder: Box<dyn Decode>,
    unfinished: usize,
}

impl Decode for Full {
    fn push(&mut self, bytes: &[u8]) {
        self.unfinished = if self.decoder.is_inside() { self.unfinished + bytes.len() } else { bytes.len() };
        if self.unfinished <= 4 << 20 {
            self.decoder.push(bytes);
        }
    }

    fn next(&mut self) -> Option<Heard> {
        self.decoder.next()
    }

    fn is_inside(&self) -> bool {
        self.decoder.is_inside()
    }
}
