//! What is used up: buffers, windows, memory, time.

use std::time::Duration;

use super::desk::Order;
use super::{Act, Fault, Flow, Moment, scope};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "pause-without-resume",
        about: "stops when a write does not take everything, and never goes on (an EPOLLOUT that is lost)",
        breaks: &["RES-02", "RES-03", "RES-09", "CLS-03", "CLS-04", "SEG-15"],
        applies: scope::any,
        act: Act::Session(|desk, moment| {
            if matches!(moment, Moment::Wrote { left } if left > 0) {
                desk.order(Order::Hang);
            }
        }),
    },
    Fault {
        name: "closed-window-ends",
        about: "gives up on a client that has not read for 700 ms",
        breaks: &["RES-11", "CLS-04", "RES-02"],
        applies: scope::roomy,
        act: Act::Session(|desk, moment| match moment {
            Moment::Wrote { left: 0 } => desk.wake = None,
            Moment::Replied | Moment::Wrote { .. } => desk.wake_in(Duration::from_millis(700)),
            Moment::Woken => desk.order(Order::Close),
            _ => {}
        }),
    },
];

/// Nobody sees these from outside; a watcher of the process does.
pub(super) const UNOBSERVABLE: &[Fault] = &[
    Fault {
        name: "no-backpressure",
        about: "reads on while its replies wait to be written (asyncio.Protocol, Node's data to write)",
        breaks: &["RES-01"],
        applies: scope::any,
        act: Act::Flow(Flow { reads_always: true, ..Flow::RIGHT }),
    },
    Fault {
        name: "prefix-reserves-memory",
        about: "reserves what a prefix announces before it has come (CVE-2015-3641)",
        breaks: &["LEN-16"],
        applies: scope::length,
        act: Act::Nothing,
    },
    Fault {
        name: "delimiter-searched-from-the-start",
        about: "searches all it has for the delimiter whenever a read brings something: linear in what came, each time",
        breaks: &["DEL-26"],
        applies: |framing| scope::plain(framing) && !scope::limited(framing),
        act: Act::Decode(|desk| super::delimiters::rescanning(desk)),
    },
    Fault {
        name: "spins",
        about: "asks again at once where nothing can be read",
        breaks: &["RES-07"],
        applies: scope::any,
        act: Act::Nothing,
    },
    Fault {
        name: "buffers-kept",
        about: "keeps the memory of the largest message for good",
        breaks: &["RES-06"],
        applies: scope::any,
        act: Act::Nothing,
    },
];
