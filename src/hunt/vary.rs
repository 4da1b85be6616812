//! A plan that was answered in a new way, changed a little.

use super::dice::Dice;
use super::draw;
use super::known::Known;
use super::moves::moves;
use super::payload;
use super::swarm::Swarm;
use crate::fuzzing::{Act, Move, Plan};

/// One or two changes.
pub(super) fn varied(dice: &mut Dice, swarm: &Swarm, known: &Known, mut plan: Plan) -> Plan {
    for _ in 0..dice.between(1, 2) {
        let on = dice.below(plan.streams.len());
        match dice.below(6) {
            0 => message(dice, swarm, known, &mut plan, on),
            1 => plan.streams[on].damage = draw::stream(dice, swarm, known).damage,
            2 => plan.streams[on] = draw::stream(dice, swarm, known),
            3 => other_segments(dice, swarm, known, &mut plan, on),
            4 if !plan.moves.is_empty() => drop(plan.moves.remove(dice.below(plan.moves.len()))),
            _ => {
                let act =
                    *dice.pick(&[Act::Echo, Act::Send(0), Act::Finish(0), Act::Short(0), Act::SendFin, Act::Reset]);
                plan.moves.insert(dice.below(plan.moves.len() + 1), Move { on: on as u8, act });
            }
        }
    }
    plan
}

fn message(dice: &mut Dice, swarm: &Swarm, known: &Known, plan: &mut Plan, on: usize) {
    let (messages, new) = (&mut plan.streams[on].messages, payload::message(dice, swarm, known));
    let at = dice.below(messages.len());
    if known.once || (dice.once_in(2) && !messages.is_empty()) {
        messages.splice(at..messages.len().min(at + 1), [new]);
    } else {
        messages.insert(at, new);
    }
}

fn other_segments(dice: &mut Dice, swarm: &Swarm, known: &Known, plan: &mut Plan, on: usize) {
    plan.moves.retain(|one| usize::from(one.on) != on);
    let acts = moves(dice, swarm, known, &plan.streams[on]);
    plan.moves.extend(acts.into_iter().map(|act| Move { on: on as u8, act }));
}
