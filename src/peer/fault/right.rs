//! Ways to be right that look like faults: a suite that fails one of these claims too much.

use std::time::Duration;

use super::desk::{Desk, Order};
use super::text_lengths::{blocks, lengths};
use super::{Act, Fault, Flow, Moment, scope};
use crate::framing::{After, Behaviour, Empty, Eof, Framing, Partial, Reply};
use crate::peer::Settings;

/// A server that does something right in another way.
const fn variant(name: &'static str, about: &'static str, applies: fn(&Framing) -> bool, act: Act) -> Fault {
    Fault { name, about, breaks: &[], applies, act }
}

pub(super) const VARIANTS: &[Fault] = &[
    variant(
        "one-client-at-a-time",
        "serves one client at a time; others wait in the backlog",
        scope::any,
        Act::Capacity(1),
    ),
    variant(
        "fifty-clients",
        "closes on whoever comes while fifty are connected",
        scope::any,
        Act::Session(|desk, moment| {
            if moment == Moment::Accepted && desk.shared().open > 50 {
                desk.order(Order::Close);
            }
        }),
    ),
    variant(
        "one-reply-per-connection",
        "closes a connection after one reply",
        scope::framed,
        Act::Settings(|settings| declaring(settings, |behaviour| behaviour.after = Some(After::Close))),
    ),
    variant(
        "slow",
        "needs 50 ms for each reply",
        scope::any,
        Act::Flow(Flow { delay: Duration::from_millis(50), ..Flow::RIGHT }),
    ),
    variant(
        "slower",
        "needs 300 ms for each reply",
        scope::any,
        Act::Flow(Flow { delay: Duration::from_millis(300), ..Flow::RIGHT }),
    ),
    variant(
        "tiny-writes",
        "writes seven bytes at a time",
        scope::any,
        Act::Flow(Flow { write_at_once: 7, ..Flow::RIGHT }),
    ),
    variant("byte-by-byte", "reads one byte at a time", scope::any, Act::Flow(Flow { read_at_once: 1, ..Flow::RIGHT })),
    variant(
        "header-and-body-apart",
        "writes the first bytes of a reply before the others",
        scope::any,
        Act::Reply(|desk, mut reply| {
            let rest = reply.split_off(reply.len().min(4));
            desk.later.push((Duration::from_micros(100), rest));
            reply
        }),
    ),
    variant(
        "answers-as-bytes-come",
        "begins its reply before the message is whole",
        |framing| scope::framed(framing) && !scope::silent(framing),
        Act::Settings(answering_early),
    ),
    variant(
        "empty-passed-over",
        "does not answer empty messages",
        scope::empties,
        Act::Settings(|settings| declaring(settings, |behaviour| behaviour.empty = Some(Empty::Skip))),
    ),
    variant(
        "empty-ends",
        "closes on an empty message",
        scope::empties,
        Act::Settings(|settings| declaring(settings, |behaviour| behaviour.empty = Some(Empty::Close))),
    ),
    variant(
        "last-line-delivered",
        "answers the last message without a delimiter at the end of the stream",
        |framing| scope::plain(framing) && !scope::token(framing),
        Act::Settings(|settings| declaring(settings, |behaviour| behaviour.eof = Some(Eof::Deliver))),
    ),
    Fault {
        name: "refuses-with-reset",
        about: "resets on what it refuses, when all before it is answered",
        breaks: &["CLO-04"],
        applies: scope::framed,
        act: Act::Session(|desk, moment| end_refusal(desk, moment, Order::Reset)),
    },
    Fault {
        name: "refuses-without-lingering",
        about: "closes at once on what it refuses, so that unread data turns into a reset",
        breaks: &["CLO-04"],
        applies: scope::framed,
        act: Act::Session(|desk, moment| end_refusal(desk, moment, Order::Close)),
    },
    variant(
        "refuses-with-text",
        "answers what it refuses with a text of its own, and closes",
        scope::answering_what_it_refuses,
        Act::Session(|desk, moment| {
            if moment == Moment::Refused {
                desk.later.push((Duration::ZERO, b"-ERR refused\n".to_vec()));
                desk.order(Order::Finish);
            }
        }),
    ),
    variant(
        "canonical-delimiter",
        "ends its replies in a line feed whatever ended the message, or in both",
        scope::lines,
        Act::Settings(|settings| {
            declaring(settings, |behaviour| behaviour.reply = Some(Reply::Delimiter(b"\n".to_vec())))
        }),
    ),
    variant(
        "first-of-two-lengths",
        "takes the first of two lengths that contradict each other",
        scope::header,
        Act::Decode(|desk| blocks(desk, |lines| lengths(lines).first()?.parse().ok())),
    ),
    variant(
        "last-of-two-lengths",
        "takes the last of two lengths that contradict each other",
        scope::header,
        Act::Decode(|desk| blocks(desk, |lines| lengths(lines).last()?.parse().ok())),
    ),
    variant(
        "refusal-delayed",
        "needs 100 ms to close on what it refuses",
        scope::framed,
        Act::Session(|desk, moment| match moment {
            Moment::Refused => {
                desk.wake_in(Duration::from_millis(100));
                desk.order(Order::Ignore);
            }
            Moment::Woken => desk.order(Order::Finish),
            _ => {}
        }),
    ),
];

/// Begins replies before messages are whole.
pub(super) fn answering_early(settings: Settings) -> Settings {
    declaring(settings, |behaviour| behaviour.partial = Some(Partial::Yes))
}

fn declaring(settings: Settings, declare: fn(&mut Behaviour)) -> Settings {
    let mut behaviour = settings.framing.behaviour().clone();
    declare(&mut behaviour);
    Settings { framing: settings.framing.with_behaviour(behaviour), ..settings }
}

/// Ends the connection when what came before a refused message is answered.
fn end_refusal(desk: &mut Desk, moment: Moment<'_>, order: Order) {
    match moment {
        Moment::Refused if desk.waiting > 0 => {
            desk.count = 1;
            desk.order(Order::Ignore);
        }
        Moment::Refused => desk.order(order),
        Moment::Wrote { left: 0 } if desk.count == 1 => desk.order(order),
        _ => {}
    }
}
