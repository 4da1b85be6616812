//! Servers that treat some connections unlike the others, for no reason that a client could know.

use std::time::Duration;

use super::desk::Order;
use super::{Desk, Fault, Moment, acting, scope};

pub(super) const FAULTS: &[Fault] = &[
    acting(
        "every-second-connection-mute",
        "accepts every second client and never serves it (a worker that is gone still has its turn)",
        &["SES-02", "SES-03"],
        scope::any,
        |desk, moment| mute(desk, moment, 2),
    ),
    acting(
        "every-third-connection-mute",
        "accepts every third client and never serves it",
        &["SES-02", "SES-03"],
        scope::any,
        |desk, moment| mute(desk, moment, 3),
    ),
    acting(
        "third-connection-cut",
        "closes its third connection before the last byte of the reply, and no other",
        &["SES-02", "SES-03"],
        scope::any,
        |desk, moment| cut(desk, moment, 3),
    ),
    acting(
        "tenth-connection-cut",
        "closes its tenth connection before the last byte of the reply, and no other",
        &["SES-02", "SES-03"],
        scope::any,
        |desk, moment| cut(desk, moment, 10),
    ),
];

fn mute(desk: &mut Desk, moment: Moment<'_>, every: u64) {
    if moment == Moment::Accepted && desk.number().is_multiple_of(every) {
        desk.order(Order::Hang);
    }
}

fn cut(desk: &mut Desk, moment: Moment<'_>, number: u64) {
    match moment {
        Moment::Message(payload) if desk.number() == number => {
            let (mut frame, framing) = (Vec::new(), desk.framing().reply().into_owned());
            if framing.encode_unlimited(payload, &mut frame).is_ok() {
                frame.pop();
                desk.later.push((Duration::ZERO, frame));
            }
            desk.order(Order::Ignore);
        }
        Moment::Wrote { left: 0 } if desk.number() == number => desk.order(Order::Finish),
        _ => {}
    }
}
