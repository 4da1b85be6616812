//! A case for a client under test, as a scenario: what is played, what is found and what is replayed are one.

use super::known::Known;
use super::reply::{Ending, Hold, Kind, Reply};
use crate::framing::Strategy;
use crate::fuzzing::{Act, Plan, told_payload};
use crate::profile::{ClientProfile, Tempo};
use crate::scenario::file::{self, Content, Cut, Expect, Fin, Launch, Payload, Place, Send, Slot, Span, Step, What};
use crate::scenario::{self, Context, Scenario, plain};
use crate::session::Script;

/// The only connection.
const CONN: &str = "a";

/// A reply that is no echo may cost so many MiB more than a plain one, resident and of address space (CLI-15).
const MEMORY: u32 = 64;
const SPACE: u32 = 1024;

/// From this size on a message is large, in bytes.
const LARGE: usize = 60_000;

/// The scenario of a plan.
pub(super) fn scenario(plan: &Plan, client: &ClientProfile) -> Scenario {
    let reply = Reply::new(plan, client);
    let launched = Step::Launch(Box::new(launch(&reply, client)));
    let steps = match reply.kind {
        Kind::Refusal => vec![launched],
        Kind::Unsendable => vec![launched, expect_any(&[What::Refused, What::Closed])],
        _ => [vec![launched, expect(What::Message)], answer(&reply, client)].concat(),
    };
    Scenario { steps, ..plain("what echospec fuzz found") }
}

/// What follows the client's message.
fn answer(reply: &Reply, client: &ClientProfile) -> Vec<Step> {
    let mut steps = Vec::new();
    let closes = client.half_closes || client.waits_for_end;
    let is_echo = reply.is_begun_as_echo(&client.replies) && !reply.wire.is_empty();
    let is_whole = reply.sent == reply.wire.len();
    let mut from = 0;
    for (at, hold) in reply.holds.iter().copied() {
        if at > from {
            steps.push(sent(reply, from, at, is_echo));
            from = at;
        }
        steps.push(match hold {
            Hold::Pause(length) => Step::Pause(Slot::Given(Span::exactly(length))),
            Hold::Quiet => expect(What::Silence),
        });
    }
    if reply.sent > from {
        steps.push(sent(reply, from, reply.sent, is_echo));
    }
    // An echo brings the FIN that belongs to it.
    let with_end = is_echo && is_whole && closes && reply.sent > from;
    match reply.ending {
        Ending::Open => {}
        Ending::WithFin if reply.sent > from => {}
        Ending::Fin if with_end => {}
        Ending::WithFin | Ending::Fin => steps.push(Step::HalfClose(CONN.to_owned())),
        Ending::Close => steps.push(Step::Close(CONN.to_owned())),
        Ending::Reset => steps.push(Step::Reset(CONN.to_owned())),
    }
    match (reply.kind, reply.ending) {
        (_, Ending::Close | Ending::Reset) => {}
        (Kind::Echo, _) => steps.push(expect(What::End)),
        _ => steps.push(expect(What::Closed)),
    }
    steps
}

fn launch(reply: &Reply, client: &ClientProfile) -> Launch {
    let exit = match (reply.kind, reply.ending) {
        (Kind::Echo, Ending::Reset) | (Kind::Surplus | Kind::Doubtful, _) => Some(file::Ending::Any),
        (Kind::Echo, _) => None,
        // Where the end of the stream is the end of the reply, no bytes are one that differs.
        (Kind::Nothing, Ending::Reset) => Some(file::Ending::Failure),
        (Kind::Nothing, _) if is_stream(client) => Some(file::Ending::Any),
        _ => Some(file::Ending::Failure),
    };
    let is_strange = matches!(reply.kind, Kind::Other | Kind::Malformed | Kind::Unfinished);
    let message = client.own.is_none().then(|| Slot::Given(told_payload(&reply.message, &client.requests)));
    Launch {
        message,
        unsendable: reply.kind == Kind::Unsendable,
        server: (reply.kind == Kind::Refusal).then_some(Slot::Given(file::Server::Refusing)),
        any_output: exit == Some(file::Ending::Any),
        exit: exit.map(Slot::Given),
        memory: is_strange.then_some(MEMORY),
        space: is_strange.then_some(SPACE),
        ..Launch::default()
    }
}

fn is_stream(client: &ClientProfile) -> bool {
    matches!(client.replies.strategy(), Strategy::Raw | Strategy::Close)
}

/// A part of the reply.
fn sent(reply: &Reply, from: usize, to: usize, is_echo: bool) -> Step {
    let content = match (from, is_echo) {
        (1.., _) => Content::Rest,
        (0, true) => Content::Echo,
        (0, false) => Content::Raw(Slot::Given(Payload::bytes(&reply.wire[..reply.sent]))),
    };
    let places: Vec<_> = reply.cuts.iter().filter(|cut| (from + 1..to).contains(*cut)).collect();
    let at = |at: usize| Slot::Given(Place::At(at as i64));
    let cut = match places.as_slice() {
        [] => Cut::Whole,
        places => Cut::AllOf(places.iter().map(|cut| at(**cut)).collect()),
    };
    let all = if is_echo { reply.wire.len() } else { reply.sent };
    let fin = match reply.ending {
        Ending::WithFin if to == reply.sent => Some(Fin::With),
        // Nothing follows but the end, which is none of ours then.
        Ending::Close | Ending::Reset if to == all && is_echo => Some(Fin::No),
        _ => None,
    };
    let until = (to < all).then(|| at(to));
    Step::Send(Box::new(Send { cut: cut.into(), until, fin: fin.map(Slot::Given), ..content.into() }))
}

fn expect(what: What) -> Step {
    expect_any(&[what])
}

fn expect_any(what: &[What]) -> Step {
    Step::Expect(Expect { on: Vec::new(), any: what.iter().copied().map(Slot::Given).collect(), within: None })
}

/// A client is started, and its plain message waited for.
pub(super) fn plain_message() -> Scenario {
    Scenario { steps: vec![Step::Launch(Box::default()), expect(What::Message)], ..plain("") }
}

/// A plain session, the reply and the end included.
pub(super) fn plain_session() -> Scenario {
    let echo = Step::Send(Box::new(Content::Echo.into()));
    Scenario { steps: [plain_message().steps, vec![echo, expect(What::End)]].concat(), ..plain("") }
}

/// The script of a plan; `None`: the client cannot be told this message.
pub(super) fn script(plan: &Plan, known: &Known, tempo: Tempo) -> Option<Script> {
    let (profile, framing) = (known.client.as_ref()?, &known.framing);
    let context = Context { thorough: true, ..Context::new(framing, profile, tempo) };
    match scenario(plan, known.client()?).expand(&context).pop()?.plan {
        scenario::Plan::Play(script) => Some(script),
        scenario::Plan::Skip(_) => None,
    }
}

/// The requirement that a client breaks with such a session.
pub(super) fn requirement(plan: &Plan, rule: &str, client: &ClientProfile) -> &'static str {
    let reply = Reply::new(plan, client);
    let is_plain = reply.cuts.is_empty() && reply.holds.is_empty();
    match (rule, reply.kind) {
        (_, Kind::Refusal) => "CLI-02",
        (_, Kind::Unsendable) => "CLI-19",
        ("not-connected" | "no-handshake" | "another-connection", _) => "CLI-01",
        ("memory-taken" | "address-space-taken", _) => "CLI-15",
        _ if is_about_message(rule) => about_message(&reply.message),
        (_, Kind::Echo) if waits_first(&reply) => "CLI-05",
        ("early-close", _) => "CLI-08",
        (_, Kind::Nothing | Kind::Unfinished | Kind::Other | Kind::Malformed | Kind::Echo | Kind::Doubtful)
            if reply.ending == Ending::Reset =>
        {
            "CLI-11"
        }
        (_, Kind::Nothing) => "CLI-10",
        (_, Kind::Unfinished) => "CLI-09",
        (_, Kind::Malformed) => "CLI-15",
        (_, Kind::Other) => "CLI-12",
        (_, Kind::Surplus | Kind::Doubtful) => "CLI-13",
        (_, Kind::Echo) if is_plain && reply.message.is_empty() => "CLI-18",
        (_, Kind::Echo) if is_plain => "CLI-07",
        (_, Kind::Echo) => "CLI-06",
    }
}

/// Whether the first of the reply is long in coming.
fn waits_first(reply: &Reply) -> bool {
    reply.holds.iter().any(|(at, hold)| *at == 0 && matches!(hold, Hold::Pause(_) | Hold::Quiet))
}

/// What is wrong with what the client sends.
fn is_about_message(rule: &str) -> bool {
    const RULES: &[&str] = &[
        "altered-reply",
        "closed-early",
        "early-reply",
        "flood",
        "malformed-reply",
        "no-reply",
        "unasked-reply",
        "unfinished-reply",
    ];
    RULES.contains(&rule)
}

fn about_message(message: &[u8]) -> &'static str {
    let is_odd = |byte: &u8| !(0x20..0x7f).contains(byte);
    match message {
        [] => "CLI-18",
        _ if message.len() >= LARGE => "CLI-04",
        _ if message.iter().any(is_odd) => "CLI-17",
        _ => "CLI-03",
    }
}

/// What kind of session it is, in broad words.
pub(super) fn shape(plan: &Plan, client: &ClientProfile) -> String {
    let reply = Reply::new(plan, client);
    let kind = match reply.kind {
        Kind::Echo => "the echo",
        Kind::Doubtful => "the echo in another way",
        Kind::Surplus => "more than the echo",
        Kind::Other => "another reply",
        Kind::Nothing => "no reply",
        Kind::Unfinished => "a part of the reply",
        Kind::Malformed => "no frame",
        Kind::Refusal => "nobody listens",
        Kind::Unsendable => "a message that cannot be sent",
    };
    let features = [
        (!reply.cuts.is_empty(), ", cut"),
        (reply.message.len() > 100, ", large"),
        (reply.holds.iter().any(|(_, hold)| *hold == Hold::Quiet), ", held back"),
        (reply.ending == Ending::WithFin, ", FIN with it"),
        (reply.ending == Ending::Reset, ", reset"),
        (reply.ending == Ending::Close, ", closed"),
        (plan.moves.iter().any(|one| matches!(one.act, Act::Pause(_))), ", paused"),
    ];
    let named = features.iter().filter(|(so, _)| *so).map(|(_, name)| *name);
    named.fold(kind.to_owned(), |shape, name| shape + name)
}
