//! What is used up: buffers, windows, memory, time.

use std::time::Duration;

use super::desk::Order;
use super::{Act, Fault, Flow, Moment, scope};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "no-backpressure",
        about: "reads on while its replies wait to be written (asyncio.Protocol, Node's data to write)",
        breaks: &["RES-01"],
        applies: scope::many,
        act: Act::Flow(Flow { reads_always: true, ..Flow::RIGHT }),
    },
    Fault {
        name: "pause-without-resume",
        about: "stops when a write does not take everything, and never goes on (an EPOLLOUT that is lost)",
        breaks: &["RES-02", "RES-03", "RES-04", "RES-09", "CLS-03", "CLS-04", "SEG-15"],
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
