//! How a stream leaves: in which segments, with what between them, and how it ends.

use super::dice::Dice;
use super::known::Known;
use super::swarm::{Feature, Swarm};
use crate::fuzzing::{Act, Stream};

/// A stream of more bytes is not sent one byte at a time.
const BYTE_BY_BYTE: usize = 24;

/// Pauses in the encoding of a plan: up to two milliseconds; some at which timers run out, up to a second.
const PAUSES: &[(u8, usize)] = &[(0, 60), (16, 30), (32, 20), (64, 4), (126, 1), (144, 1), (160, 1), (168, 1)];

/// Sends a stream and does what else comes to mind.
pub(super) fn moves(dice: &mut Dice, swarm: &Swarm, known: &Known, stream: &Stream) -> Vec<Act> {
    let wire = stream.sent(&known.settings.framing, usize::MAX).wire;
    let mut acts = sending(dice, swarm, stream, wire.len());
    if swarm.once_in(dice, Feature::SlowReading, 16) {
        let pace = *dice.pick(&[0, 0, 1, 7, 64, 255]);
        acts.insert(dice.below(acts.len() + 1), Act::Read(pace));
    }
    if swarm.once_in(dice, Feature::Pauses, 12) {
        acts.insert(dice.below(acts.len() + 1), Act::Pause(dice.weighed(PAUSES)));
    }
    if swarm.once_in(dice, Feature::Silences, 40) {
        acts.insert(dice.below(acts.len() + 1), Act::Quiet);
    }
    ending(dice, swarm, &mut acts);
    acts
}

/// Cuts a stream of so many bytes.
type Way = fn(&mut Dice, &Stream, usize) -> Vec<Act>;

/// One way to cut the stream.
fn sending(dice: &mut Dice, swarm: &Swarm, stream: &Stream, len: usize) -> Vec<Act> {
    let short = usize::from(len <= BYTE_BY_BYTE);
    let ways: [(Way, usize); 6] = [
        (whole, 8),
        (turns, swarm.weight(Feature::Turns, 3)),
        (each_byte, swarm.weight(Feature::EveryByte, short)),
        (at_edges, swarm.weight(Feature::EdgeCuts, 5)),
        (anywhere, swarm.weight(Feature::AnyCuts, 3)),
        (together, 3),
    ];
    dice.weighed(&ways)(dice, stream, len)
}

fn whole(_: &mut Dice, _: &Stream, _: usize) -> Vec<Act> {
    Vec::new()
}

/// One message after the other, often with its reply awaited.
fn turns(dice: &mut Dice, stream: &Stream, _: usize) -> Vec<Act> {
    let waits = !dice.once_in(3);
    let turn = [Act::Finish(0)].into_iter().chain(waits.then_some(Act::Echo));
    stream.messages.iter().take(24).flat_map(|_| turn.clone()).collect()
}

fn each_byte(_: &mut Dice, _: &Stream, len: usize) -> Vec<Act> {
    vec![Act::Send(0); len]
}

/// One of the messages, or the first few, cut once or twice, near the beginning or near the end.
fn at_edges(dice: &mut Dice, stream: &Stream, _: usize) -> Vec<Act> {
    let mut acts = Vec::new();
    let (waits, count) = (dice.once_in(2), dice.weighed(&[(1, 6), (2, 2), (4, 1)]));
    if dice.once_in(3) {
        acts.push(Act::Finish(dice.below(stream.messages.len().min(4)) as u8));
    }
    for _ in stream.messages.iter().take(count) {
        for _ in 0..dice.weighed(&[(1, 3), (2, 1)]) {
            acts.push(if dice.once_in(2) { Act::Send(dice.below(6) as u8) } else { Act::Short(dice.below(6) as u8) });
        }
        acts.push(if dice.once_in(4) { Act::Send(dice.byte()) } else { Act::Finish(dice.below(2) as u8) });
        if waits && dice.once_in(2) {
            acts.push(Act::Echo);
        }
    }
    acts
}

fn anywhere(dice: &mut Dice, _: &Stream, len: usize) -> Vec<Act> {
    (0..dice.between(1, 3)).map(|_| Act::Send(dice.below(len.min(256)) as u8)).collect()
}

/// Several messages in a segment, and a part of the next.
fn together(dice: &mut Dice, stream: &Stream, _: usize) -> Vec<Act> {
    let mut acts = vec![Act::Finish(dice.below(stream.messages.len()) as u8)];
    if dice.once_in(2) {
        acts.push(Act::Send(dice.below(8) as u8));
    }
    acts
}

/// How the client leaves; by itself the script sends the rest, waits for the replies, and half-closes.
fn ending(dice: &mut Dice, swarm: &Swarm, acts: &mut Vec<Act>) {
    if swarm.once_in(dice, Feature::EarlyFins, 6) {
        acts.push(*dice.pick(&[Act::SendFin, Act::SendFin, Act::HalfClose]));
    } else if swarm.once_in(dice, Feature::Departures, 8) {
        acts.push(*dice.pick(&[Act::Reset, Act::Reset, Act::Close]));
    }
}
