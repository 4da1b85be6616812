//! Servers that suffer from what their clients do: floods, crowds, urgent data, silence, leaving early.

use std::time::Duration;

use super::desk::{Desk, Order};
use super::{Act, Fault, Flow, Moment, Turn, acting, scope};
use crate::framing::Idle;
use crate::peer::Settings;

pub(super) const FAULTS: &[Fault] = &[
    acting(
        "broken-pipe-kills",
        "writes a reply in two parts, and dies of the second when its client has gone (SIGPIPE, joyent/libuv#1244)",
        &["CLS-12"],
        scope::any,
        |desk, moment| match moment {
            Moment::Message(payload) => {
                let (mut frame, framing) = (Vec::new(), desk.framing().reply().into_owned());
                if framing.encode_unlimited(payload, &mut frame).is_ok() {
                    let rest = frame.split_off(frame.len() / 2);
                    desk.later.extend([(Duration::ZERO, frame), (Duration::from_millis(1), rest)]);
                }
                desk.order(Order::Ignore);
            }
            Moment::Reset if desk.waiting > 0 => desk.order(Order::Die),
            _ => {}
        },
    ),
    acting(
        "urgent-data-kills",
        "dies of a byte of urgent data (a signal that nobody handles, SIGURG)",
        &["CLO-10"],
        scope::any,
        |desk, moment| on_urgent_data(desk, moment, Order::Die),
    ),
    acting(
        "urgent-data-ends-streams",
        "closes on a byte of urgent data",
        &["CLO-10"],
        scope::undelimited_or_plain,
        |desk, moment| on_urgent_data(desk, moment, Order::Close),
    ),
    Fault {
        name: "flood-starves-others",
        about: "stays with a client that has sent a mebibyte without a pause, until it pauses (rsyslog@34e72ced5)",
        breaks: &["CON-04"],
        applies: scope::many,
        act: Act::Flow(Flow { turn: Turn::WhileFlooded(1 << 20), ..Flow::RIGHT }),
    },
    acting(
        "crowd-ends-accepting",
        "accepts nobody any more when a thousand clients are there at once (EMFILE taken for the end, ranch#36)",
        &["CON-07"],
        scope::any,
        |desk, moment| {
            let mut shared = desk.shared();
            if moment == Moment::Accepted && shared.open >= 1000 {
                shared.deaf = true;
            }
        },
    ),
    acting(
        "line-ends-the-stream",
        "takes the first line for all of it (a line server in place of one that reads to the end)",
        &["CLS-10"],
        |framing| scope::close(framing) || scope::stream(framing),
        |desk, moment| {
            if let Moment::Read(bytes) = moment
                && bytes.contains(&b'\n')
            {
                desk.order(Order::End);
            }
        },
    ),
    Fault {
        name: "idle-limit-not-kept",
        about: "never closes a silent connection, although it says that it does",
        breaks: &["CLO-11"],
        applies: scope::idles,
        act: Act::Settings(|settings| Settings { idle: None, ..settings }),
    },
    Fault {
        name: "idle-limit-halved",
        about: "closes a silent connection after half the time that it says",
        breaks: &["CLO-11"],
        applies: scope::idles,
        act: Act::Settings(|settings| Settings { idle: settings.idle.map(|idle| idle / 2), ..settings }),
    },
    acting(
        "deadline-renewed-by-each-byte",
        "gives up on an unfinished message only when nothing has come for the time that it says (NLnetLabs/domain#627)",
        &["RES-08"],
        |framing| scope::framed(framing) && scope::hurries(framing),
        |desk, moment| match moment {
            Moment::Overdue => {
                desk.wake_in(desk.framing().behaviour().deadline.and_then(Idle::time).unwrap_or_default());
                desk.order(Order::Ignore);
            }
            Moment::Read(_) => desk.wake = None,
            Moment::Woken if desk.inside => desk.order(Order::Finish),
            _ => {}
        },
    ),
    Fault {
        name: "answers-before-the-end",
        about: "begins its reply before the message is whole, although it says that it does not",
        breaks: &["SEG-07", "FIX-02", "LEN-03", "DEL-08"],
        applies: scope::silent,
        act: Act::Settings(super::right::answering_early),
    },
];

fn on_urgent_data(desk: &mut Desk, moment: Moment<'_>, order: Order) {
    match moment {
        Moment::Accepted => desk.flow.heeds_urgent = true,
        Moment::Urgent => desk.order(order),
        _ => {}
    }
}
