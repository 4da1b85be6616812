//! Connections that begin, end or wait wrongly, and servers that die of their clients.

use std::time::Duration;

use super::desk::Order;
use super::{Act, Fault, Flow, Moment, Turn, acting, scope};
use crate::framing::AtEnd;
use crate::peer::Settings;

pub(super) const FAULTS: &[Fault] = &[
    acting(
        "accepts-once",
        "accepts one client and leaves all others in the backlog",
        &["SES-02", "SES-03"],
        scope::any,
        |desk, moment| {
            if moment == Moment::Accepted {
                desk.shared().deaf = true;
            }
        },
    ),
    acting(
        "serves-once-and-ends",
        "ends when its first client has gone (ncat -l without -k)",
        &["SES-02", "SES-03"],
        scope::any,
        |desk, moment| {
            if matches!(moment, Moment::Fin | Moment::Reset) {
                desk.order(Order::Die);
            }
        },
    ),
    acting(
        "closes-after-ten-replies",
        "closes a connection after ten replies",
        &["SES-06", "SEG-11", "CON-08"],
        scope::many,
        |desk, moment| {
            if moment == Moment::Replied && desk.next() == 10 {
                desk.order(Order::Finish);
            }
        },
    ),
    acting(
        "closes-inside-a-batch",
        "closes when a second message comes with the first",
        &["SEG-04", "SEG-06", "CON-08"],
        scope::framed,
        |desk, moment| match moment {
            Moment::Read(_) => desk.count = 0,
            Moment::Message(_) if desk.next() == 2 => desk.order(Order::Finish),
            _ => {}
        },
    ),
    acting(
        "resets-for-fin",
        "resets the connection where it should close it (linger of zero)",
        &["CLS-07", "SES-11", "CLS-01"],
        scope::any,
        |desk, moment| match moment {
            Moment::Fin if scope::close(desk.framing()) => desk.count = 1,
            Moment::Fin => desk.order(Order::Reset),
            Moment::Wrote { left: 0 } if desk.count == 1 => desk.order(Order::Reset),
            _ => {}
        },
    ),
    acting(
        "closes-before-flushing",
        "closes after its first write, whatever that left (destroy after write)",
        &["CLO-09", "CLS-03", "RES-09", "RES-03", "SEG-15", "RES-02"],
        scope::any,
        |desk, moment| {
            if matches!(moment, Moment::Wrote { left } if left > 0) {
                desk.order(Order::Close);
            }
        },
    ),
    acting(
        "fin-drops-replies",
        "drops what it has not written when the client closes its half (netty's EchoServer)",
        &["CLS-04", "CLO-06", "SES-02", "CLS-01"],
        scope::roomy,
        |desk, moment| {
            if moment == Moment::Fin {
                desk.order(Order::Drop);
            }
        },
    ),
    acting(
        "data-with-fin-lost",
        "loses data that comes in one packet with the FIN (vanilla#108)",
        &["CLS-08", "CLS-01", "LEN-22"],
        scope::any,
        |desk, moment| match moment {
            Moment::Accepted => desk.flow.delay = Duration::from_micros(30),
            Moment::Read(_) => desk.count = desk.now.as_micros() as u64,
            Moment::Fin if desk.now.as_micros() as u64 - desk.count < 30 => desk.order(Order::Drop),
            _ => {}
        },
    ),
    Fault {
        name: "never-closes",
        about: "keeps its half open after the client's FIN (CLOSE_WAIT)",
        breaks: &["SES-11", "CLS-07", "CLS-01"],
        applies: scope::any,
        act: Act::Flow(Flow { keeps_open: true, ..Flow::RIGHT }),
    },
    acting(
        "fin-inside-hangs",
        "waits for the rest of an unfinished message after the client's FIN (recv loops that ignore 0)",
        &["LEN-21", "FIX-08", "DEL-21"],
        scope::framed,
        |desk, moment| match moment {
            Moment::Read(_) => desk.count = 0,
            Moment::Fin if desk.inside => desk.order(Order::Hang),
            _ => {}
        },
    ),
    acting(
        "fin-inside-kills",
        "dies of a FIN inside a message",
        &["LEN-21", "FIX-08", "DEL-21"],
        scope::framed,
        |desk, moment| match moment {
            Moment::Fin if desk.inside => desk.order(Order::Die),
            _ => {}
        },
    ),
    Fault {
        name: "unfinished-delivered",
        about: "takes what is there at the client's FIN for a message",
        breaks: &["LEN-21"],
        applies: scope::length,
        act: Act::Decode(|desk| {
            Box::new(Delivering { deframer: crate::framing::Deframer::new(desk.framing()), fill: 0 })
        }),
    },
    acting(
        "refusal-drops-replies",
        "closes on what it refuses before it has sent the replies to what came before",
        &["LEN-19"],
        |framing| scope::length(framing) && scope::closing(framing),
        |desk, moment| {
            if moment == Moment::Refused {
                desk.order(Order::Close);
            }
        },
    ),
    Fault {
        name: "ring-wraps-short",
        about: "loses the last byte of a ring of eight records each time it wraps",
        breaks: &["FIX-01", "FIX-10"],
        applies: scope::fixed,
        act: Act::Read(|desk, bytes| {
            let ring = 8 * desk.framing().smallest();
            let kept = bytes.iter().copied().filter(|_| !desk.next().is_multiple_of(ring));
            kept.collect()
        }),
    },
    Fault {
        name: "unfinished-padded",
        about: "fills an unfinished record up with zeros at the client's FIN (a cleared buffer sent whole)",
        breaks: &["FIX-07", "FIX-09"],
        applies: scope::fixed,
        act: Act::Decode(|desk| {
            let fill = desk.framing().smallest() as usize;
            Box::new(Delivering { deframer: crate::framing::Deframer::new(desk.framing()), fill })
        }),
    },
    acting(
        "no-data-kills",
        "dies of a client that sends nothing (buf[n-1] with n=0)",
        &["SES-12", "SES-13", "CLS-05"],
        scope::any,
        |desk, moment| match moment {
            Moment::Read(_) => desk.count = 1,
            Moment::Fin if desk.count == 0 => desk.order(Order::Die),
            _ => {}
        },
    ),
    acting(
        "empty-message-kills",
        "dies of an empty message",
        &["LEN-05", "DEL-06", "VAR-09", "ASC-08"],
        scope::empties,
        |desk, moment| {
            if moment == Moment::Message(b"") {
                desk.order(Order::Die);
            }
        },
    ),
    acting(
        "reset-kills",
        "dies of a client's reset (node-v0.x#6211)",
        &["CLO-01", "CLO-03", "SEG-14", "CLS-11"],
        scope::any,
        |desk, moment| {
            if moment == Moment::Reset {
                desk.order(Order::Die);
            }
        },
    ),
    acting(
        "reset-while-writing-kills",
        "dies of a reset while it has something to write (SIGPIPE)",
        &["CLO-02", "CLO-03"],
        scope::huge,
        |desk, moment| match moment {
            Moment::Replied => desk.count = 1,
            Moment::Wrote { left } => desk.count = u64::from(left > 0),
            Moment::Reset if desk.count > 0 => desk.order(Order::Die),
            _ => {}
        },
    ),
    acting(
        "reset-inside-kills",
        "dies of a reset inside a message",
        &["CLO-01", "SEG-14"],
        scope::framed,
        |desk, moment| match moment {
            Moment::Reset if desk.inside => desk.order(Order::Die),
            _ => {}
        },
    ),
    Fault {
        name: "unfinished-blocks-others",
        about: "serves nobody else while a client is inside a message (CVE-2017-15133)",
        breaks: &["CON-02", "SEG-13"],
        applies: scope::framed,
        act: Act::Flow(Flow { turn: Turn::WhileUnfinished, ..Flow::RIGHT }),
    },
    Fault {
        name: "unread-blocks-others",
        about: "serves nobody else while a client does not read (a blocking sendall)",
        breaks: &["CON-03"],
        applies: scope::any,
        act: Act::Flow(Flow { turn: Turn::WhileUnsent, ..Flow::RIGHT }),
    },
    acting(
        "second-client-reset",
        "resets whoever comes while another is connected",
        &["CON-01", "SES-07", "SES-15", "SES-14"],
        scope::any,
        |desk, moment| {
            if moment == Moment::Accepted && desk.shared().open > 1 {
                desk.order(Order::Reset);
            }
        },
    ),
    acting(
        "crowd-kills",
        "dies when a hundred and fifty clients are connected (a table of fixed size)",
        &["CON-06"],
        scope::any,
        |desk, moment| {
            if moment == Moment::Accepted && desk.shared().open > 150 {
                desk.order(Order::Die);
            }
        },
    ),
    acting(
        "first-client-starved",
        "answers nobody but the client that came last",
        &["SES-07", "CON-05", "CON-02"],
        scope::any,
        |desk, moment| {
            let latest = desk.shared().accepted == desk.number();
            if matches!(moment, Moment::Message(_)) && !latest {
                desk.order(Order::Hang);
            }
        },
    ),
    acting(
        "sessions-then-deaf",
        "accepts nobody after 150 sessions (a leak of descriptors)",
        &["SES-10", "SES-13", "SES-03"],
        scope::any,
        |desk, moment| {
            let mut shared = desk.shared();
            if moment == Moment::Accepted && shared.accepted >= 150 {
                shared.deaf = true;
            }
        },
    ),
    acting(
        "sessions-then-dead",
        "dies in its two hundredth session",
        &["SES-10", "SES-13", "SES-03"],
        scope::any,
        |desk, moment| {
            if moment == Moment::Accepted && desk.number() == 200 {
                desk.order(Order::Die);
            }
        },
    ),
    Fault {
        name: "idle-timeout-500ms",
        about: "closes a connection that is silent for half a second",
        breaks: &["SES-09", "SEG-08", "CLS-09"],
        applies: scope::any,
        act: Act::Settings(|settings| Settings { idle: Some(Duration::from_millis(500)), ..settings }),
    },
    acting(
        "first-message-in-two-seconds",
        "closes a connection on which nothing has come for two seconds, and is patient ever after",
        &["SES-09"],
        scope::any,
        |desk, moment| match moment {
            Moment::Accepted => desk.wake_in(Duration::from_secs(2)),
            Moment::Read(_) => desk.wake = None,
            Moment::Woken => desk.order(Order::Close),
            _ => {}
        },
    ),
    acting(
        "read-timeout-is-end",
        "takes 150 ms without data for the end of the stream",
        &["SEG-08", "SES-09", "CLS-02", "CLS-06", "CLS-09"],
        scope::any,
        |desk, moment| match moment {
            Moment::Read(_) => desk.wake_in(Duration::from_millis(150)),
            Moment::Woken => desk.order(Order::End),
            _ => {}
        },
    ),
    acting(
        "pause-inside-ends",
        "gives up on a message that pauses for 700 ms (a timer on the frame)",
        &["SEG-08"],
        scope::framed,
        |desk, moment| match moment {
            Moment::Read(_) => desk.wake_in(Duration::from_millis(700)),
            Moment::Woken if desk.inside => desk.order(Order::Finish),
            _ => {}
        },
    ),
    acting(
        "pause-before-fin-empties",
        "empties its buffer when nothing has come for 100 ms, and has nothing left when the FIN comes",
        &["CLS-02"],
        scope::close,
        |desk, moment| match moment {
            Moment::Read(_) => desk.wake_in(Duration::from_millis(100)),
            Moment::Woken => desk.count = 1,
            Moment::Fin if desk.count == 1 => desk.order(Order::Drop),
            _ => {}
        },
    ),
    acting(
        "fin-inside-discards",
        "throws its whole buffer away at a FIN inside a message, the messages before that one included",
        &["LEN-22"],
        scope::length,
        |desk, moment| match moment {
            Moment::Accepted => desk.flow.delay = Duration::from_millis(1),
            Moment::Fin if desk.inside => desk.order(Order::Drop),
            _ => {}
        },
    ),
    acting(
        "two-fins-needed",
        "answers when the end of the stream is seen twice",
        &["CLS-13", "CLS-01", "SES-02"],
        scope::close,
        |desk, moment| {
            if moment == Moment::Fin {
                desk.order(Order::Ignore);
            }
        },
    ),
    acting(
        "message-ends-with-short-read",
        "takes a read of less than 1024 bytes for the last (len < 1024)",
        &["CLS-06", "SEG-02", "SEG-09", "CLS-08"],
        scope::close,
        |desk, moment| match moment {
            Moment::Read(bytes) if bytes.len() % 1024 != 0 => desk.wake_in(Duration::ZERO),
            Moment::Woken => desk.order(Order::End),
            _ => {}
        },
    ),
];

/// Delivers what is unfinished at the end of the stream.
#[derive(Debug)]
struct Delivering {
    deframer: crate::framing::Deframer,
    /// Bytes that it is filled up to.
    fill: usize,
}

impl super::Decode for Delivering {
    fn push(&mut self, bytes: &[u8]) {
        self.deframer.push(bytes);
    }

    fn next(&mut self) -> Option<super::Heard> {
        self.deframer
            .next_frame()
            .map(|next| next.map_or(super::Heard::Refused, |frame| super::Heard::Message(frame.payload)))
    }

    fn finish(&mut self) -> Vec<Vec<u8>> {
        let mut rest = self.deframer.rest().to_vec();
        rest.resize(rest.len().max(self.fill), 0);
        match self.deframer.finish() {
            AtEnd::Unfinished => vec![rest],
            AtEnd::Message(_) | AtEnd::Nothing => Vec::new(),
        }
    }
}
