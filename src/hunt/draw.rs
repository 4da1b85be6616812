//! Cases out of the grammar of session, framing and damage.

use super::case::Case;
use super::dice::{Dice, Purpose};
use super::known::Known;
use super::moves::moves;
use super::payload;
use super::swarm::{Feature, Swarm};
use super::vary::varied;
use crate::fuzzing::{Act, Damage, Harm, Message, Move, Plan, Stream};
use crate::profile::ClientProfile;

/// So many messages of a burst, at most.
const BURST: usize = 1_100;

/// More than two bytes of length can say.
const UNSENDABLE: usize = 65_540;

/// A pause of almost two seconds: a reply may be late.
const LATE: u8 = 188;

/// A message that a client can be told is looked for so often: an argument holds no zero byte.
const TELLING: usize = 8;

/// Kinds of damage; those that a frame can tell come more often.
const HARMS: &[(Harm, usize)] = &[
    (Harm::Flip, 2),
    (Harm::Insert, 2),
    (Harm::Delete, 2),
    (Harm::Duplicate, 1),
    (Harm::Swap, 1),
    (Harm::Length, 6),
    (Harm::Delimiter, 3),
];

/// The case of this number. `corpus`: plans that were answered in a new way; some cases vary one of them.
pub(super) fn draw(known: &Known, seed: u64, number: u64, corpus: &[Plan]) -> Case {
    let (mut dice, swarm) = (Dice::new(seed, Purpose::Case, number), Swarm::of(seed, number));
    if let Some(client) = known.client() {
        if corpus.is_empty() || !dice.once_in(4) {
            return Case::Reply(answered(&mut dice, &swarm, known, client));
        }
        let plan = dice.pick(corpus).clone();
        return Case::Reply(varied(&mut dice, &swarm, known, plan));
    }
    if known.is_framed() && !known.once && swarm.once_in(&mut dice, Feature::Segmentations, 24) {
        return Case::Segmentations(two_ways(&mut dice, &swarm, known));
    }
    if !corpus.is_empty() && dice.once_in(4) {
        let plan = dice.pick(corpus).clone();
        return Case::Session(varied(&mut dice, &swarm, known, plan));
    }
    Case::Session(plan(&mut dice, &swarm, known))
}

fn plan(dice: &mut Dice, swarm: &Swarm, known: &Known) -> Plan {
    let several = known.connections > 1 && swarm.once_in(dice, Feature::Connections, 8);
    let count = if several { dice.between(2, known.connections) } else { 1 };
    let streams: Vec<_> = (0..count).map(|_| stream(dice, swarm, known)).collect();
    let lists: Vec<_> = streams.iter().map(|stream| moves(dice, swarm, known, stream)).collect();
    let moves = if dice.once_in(3) { in_turn(lists) } else { interleaved(dice, lists) };
    Plan { framing: known.settings.framing.clone(), streams, moves }
}

/// What a client is told to send, and what it gets back: the same, and more, or damaged.
fn answered(dice: &mut Dice, swarm: &Swarm, known: &Known, client: &ClientProfile) -> Plan {
    if dice.once_in(100) {
        return Plan { framing: known.settings.framing.clone(), streams: Vec::new(), moves: Vec::new() }; // nobody listens
    }
    if dice.once_in(40) {
        let streams = vec![Stream { messages: vec![unsendable(dice, known)], damage: Vec::new() }];
        return Plan { framing: known.settings.framing.clone(), streams, moves: Vec::new() };
    }
    let can_be_told = |message: &Message| match message {
        Message::Bytes(bytes) => client.told.objection(bytes).is_none(),
        Message::Raw(_) | Message::Row { .. } => client.told.objection(&[0, 0xff]).is_none(),
    };
    let mut drawn = std::iter::repeat_with(|| payload::message(dice, swarm, known)).take(TELLING);
    let message = drawn.find(can_be_told).unwrap_or_else(|| payload::text(dice, known));
    let mut messages = vec![message];
    if dice.once_in(8) {
        messages.push(payload::message(dice, swarm, known));
    }
    let stream = Stream { messages, damage: damage(dice, swarm, known) };
    let mut acts = moves(dice, swarm, known, &stream);
    if swarm.once_in(dice, Feature::Pauses, 60) {
        acts.insert(0, Act::Pause(LATE));
    }
    let moves = acts.into_iter().map(|act| Move { on: 0, act }).collect();
    Plan { framing: known.settings.framing.clone(), streams: vec![stream], moves }
}

/// A message that holds a delimiter, or is longer than a small length can say: most framings cannot carry one of them.
fn unsendable(dice: &mut Dice, known: &Known) -> Message {
    let terminator = known.settings.framing.terminator().unwrap_or_default();
    match dice.below(3) {
        0 if known.largest >= UNSENDABLE => Message::Bytes(vec![b'u'; UNSENDABLE]),
        1 => Message::Bytes(vec![b'u'; 256]),
        _ => Message::Bytes([b"one".as_slice(), terminator, b"two"].concat()),
    }
}

/// What one connection sends.
pub(super) fn stream(dice: &mut Dice, swarm: &Swarm, known: &Known) -> Stream {
    let many = dice.between(4, 14);
    let count = match () {
        () if known.once => 1,
        () if swarm.once_in(dice, Feature::Bursts, 150) => return burst(dice, known),
        () => dice.weighed(&[(1, 6), (2, 5), (3, 3), (many, 2)]),
    };
    let messages = (0..count).map(|_| payload::message(dice, swarm, known)).collect();
    Stream { messages, damage: damage(dice, swarm, known) }
}

/// A great many short messages: whatever counts them, or holds all of them, comes to its end.
fn burst(dice: &mut Dice, known: &Known) -> Stream {
    let count = *dice.pick(&[30, 60, 101, 120, BURST]);
    Stream { messages: (0..count).map(|_| payload::text(dice, known)).collect(), damage: Vec::new() }
}

fn damage(dice: &mut Dice, swarm: &Swarm, known: &Known) -> Vec<Damage> {
    // Of a stream without messages nothing can be damaged, and one reply is all that may be asked for.
    if known.client().is_none() && (!known.is_framed() || known.once) {
        return Vec::new();
    }
    let mut all = Vec::new();
    if swarm.once_in(dice, Feature::Damage, 4) {
        all.push(any_damage(dice));
        if dice.once_in(4) {
            all.push(any_damage(dice));
        }
    }
    if swarm.once_in(dice, Feature::Truncation, 12) {
        all.push(one_damage(dice, Harm::Truncate));
    }
    all
}

fn any_damage(dice: &mut Dice) -> Damage {
    let harm = dice.weighed(HARMS);
    one_damage(dice, harm)
}

fn one_damage(dice: &mut Dice, harm: Harm) -> Damage {
    let with = match harm {
        // A length that is a little off, or one at which number types end.
        Harm::Length if dice.once_in(3) => *dice.pick(&[1, 2, 0xff, 0xfe]),
        Harm::Length => 0x78 + dice.below(16) as u8,
        Harm::Delete | Harm::Duplicate | Harm::Swap => dice.below(12) as u8,
        _ => dice.byte(),
    };
    Damage { harm, at: dice.below(1 << 16) as u16, with }
}

/// One connection after the other.
fn in_turn(lists: Vec<Vec<Act>>) -> Vec<Move> {
    let mut all = Vec::new();
    for (on, mut acts) in lists.into_iter().enumerate() {
        if !acts.iter().any(|act| matches!(act, Act::SendFin | Act::HalfClose | Act::Close | Act::Reset)) {
            acts.extend([Act::Finish(u8::MAX), Act::Echo, Act::HalfClose]);
        }
        all.extend(acts.into_iter().map(|act| Move { on: on as u8, act }));
    }
    all
}

fn interleaved(dice: &mut Dice, lists: Vec<Vec<Act>>) -> Vec<Move> {
    let mut rest: Vec<_> = lists.into_iter().map(|acts| acts.into_iter().peekable()).collect();
    let mut all = Vec::new();
    loop {
        let open: Vec<usize> = (0..rest.len()).filter(|on| rest[*on].peek().is_some()).collect();
        if open.is_empty() {
            return all;
        }
        let on = *dice.pick(&open);
        all.extend(rest[on].next().map(|act| Move { on: on as u8, act }));
    }
}

/// A stream, often damaged, and one way to cut it.
fn two_ways(dice: &mut Dice, swarm: &Swarm, known: &Known) -> Plan {
    let mut stream = stream(dice, swarm, known);
    stream.messages.truncate(8);
    if stream.damage.is_empty() {
        stream.damage.push(any_damage(dice));
    }
    let len = stream.sent(&known.settings.framing, usize::MAX).wire.len();
    let cuts = if len <= 24 && dice.once_in(3) { len } else { dice.between(1, 4) };
    let send = |dice: &mut Dice| Act::Send(if cuts == len { 0 } else { dice.below(len.min(64)) as u8 });
    let moves = (0..cuts).map(|_| Move { on: 0, act: send(dice) }).collect();
    Plan { framing: known.settings.framing.clone(), streams: vec![stream], moves }
}
