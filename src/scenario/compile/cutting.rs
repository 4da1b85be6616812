//! Chooses where a send is cut, and where it stops.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::file::{Cut, Place, Slot};
use super::super::places::{all_offsets, whereabouts};
use super::super::seed;
use super::super::wire::Wire;
use super::{Compiler, MOST_PIECES};

/// Of more bytes than this not all pairs of offsets are played, but so many, drawn from the seed.
const ALL_PAIRED: usize = 64;
const PAIRS: usize = 500;
/// Pairs of places are for messages that are not longer than this.
const LONGEST_PAIRED: usize = 64 * 1024;
/// A drawn segmentation has at most so many cuts.
const MOST_CUTS: usize = 40;

/// Where a case is played at each of many places, and a message may be a mebibyte, a part of them is enough.
#[derive(Clone, Copy, Debug)]
struct Spread {
    /// Up to so many all are played.
    most: usize,
    /// Of more those so near to either end, those where the structure or a buffer has an edge,
    ends: usize,
    /// and so many that are drawn from the seed.
    drawn: usize,
}

const OF_SERVERS: Spread = Spread { most: 320, ends: 40, drawn: 80 };
const THOROUGH: Spread = Spread { most: 4400, ..OF_SERVERS };
/// A client is started for each.
const OF_CLIENTS: Spread = Spread { most: 64, ends: 1, drawn: 16 };

const EDGES: &[Place] = &[
    Place::InsidePrefix,
    Place::AfterPrefix,
    Place::Middle,
    Place::Boundaries,
    Place::BeforeTerminator,
    Place::InsideTerminator,
];

/// The segmentation of one send.
#[derive(Clone, Debug, Default)]
pub(super) struct Cuts {
    /// Offsets in the wire, ascending.
    pub(super) offsets: Vec<usize>,
    /// The segmentation in words; nothing if it is not cut.
    pub(super) words: Option<String>,
}

/// A send is cut no more often, unless the run is thorough: where nothing waits for its turn a segment takes a fraction
/// of a millisecond, on a busy machine many of them.
const MOST_REGULAR: usize = 2_000;

/// Nor each of further ones where those before it had more segments than this: a fixed length may be long.
const MANY_PIECES: usize = 10_000;
const THEN_REGULAR: usize = 10;

impl Cuts {
    fn bounded(mut self, most: usize) -> Self {
        if self.offsets.len() > most {
            self.offsets.truncate(most);
            self.words = self.words.map(|words| format!("{words}, {most} times"));
        }
        self
    }
}

impl Compiler<'_> {
    /// The offset up to which a send goes. Several make a family.
    pub(super) fn until(&mut self, at: usize, place: Place, wire: &Wire) -> Result<usize, String> {
        let found = self.places(&[place], wire, &(0..wire.len()));
        let Some(last) = found.len().checked_sub(1) else { return Err(no_place(&[place])) };
        let index = if last == 0 { 0 } else { self.choices.choose(at, "until", found.len()) };
        let offset = found[index.min(last)];
        let words = format!("stop {}", after(&[offset], wire, &(0..wire.len()), self.variant.context.profile.max));
        self.choices.name(at, "until", offset.to_string(), words);
        Ok(offset)
    }

    /// Where the bytes of `range` are cut.
    pub(super) fn cuts(&mut self, at: usize, cut: &Cut, wire: &Wire, range: &Range<usize>) -> Result<Cuts, String> {
        let most = match () {
            () if self.variant.context.thorough => usize::MAX,
            () if self.pieces > MANY_PIECES => THEN_REGULAR,
            () => MOST_REGULAR,
        };
        match cut {
            Cut::Whole => Ok(Cuts::default()),
            _ if wire.times > 1 => Err("so many copies are not cut".to_owned()),
            Cut::EachByte => Ok(regular(1, range, "byte by byte".to_owned())?.bounded(most)),
            Cut::Every(bytes) => {
                let bytes = (*bytes.given()?).max(1) as usize;
                let words = format!("into pieces of {}", super::describe::count(bytes));
                Ok(regular(bytes, range, words)?.bounded(most))
            }
            Cut::Messages => Ok(between_messages(wire, range).bounded(most)),
            Cut::AllOf(places) => all_of(&given(places)?, wire, range, self.variant.context.profile.max),
            Cut::EachOf(places) => self.each_of(at, &given(places)?, wire, range),
            Cut::EveryOffset => self.each_of(at, &[Place::Every], wire, range),
            Cut::EveryPair => self.every_pair(at, wire, range),
            Cut::Seeded(count) => self.seeded(at, *count.given()?, wire, range),
        }
    }

    /// The offsets of several places together, ascending; where there are many, a spread of them.
    fn places(&self, places: &[Place], wire: &Wire, range: &Range<usize>) -> Vec<usize> {
        let mut found = all_offsets(places, wire, range);
        let Spread { most, ends, drawn } = match (self.errand.is_some(), self.variant.context.thorough) {
            (false, false) => OF_SERVERS,
            (false, true) => THOROUGH,
            (true, false) => OF_CLIENTS,
            (true, true) => return found,
        };
        if found.len() <= most {
            return found;
        }
        let draw = |index| {
            let (first, next) = (index * found.len() / drawn, (index + 1) * found.len() / drawn);
            found[first + seed::below(&mut self.named_generator(index, "offset"), next - first)]
        };
        let mut kept: BTreeSet<_> = (0..drawn).map(draw).collect();
        kept.extend(all_offsets(EDGES, wire, range));
        found.retain(|at| at - range.start <= ends || range.end - at <= ends || kept.contains(at));
        found
    }

    fn each_of(&mut self, at: usize, places: &[Place], wire: &Wire, range: &Range<usize>) -> Result<Cuts, String> {
        let found = self.places(places, wire, range);
        if found.is_empty() {
            return Err(no_place(places));
        }
        let index = self.choices.choose(at, "cut", found.len());
        Ok(self.chosen(at, vec![found[index.min(found.len() - 1)]], None, wire, range))
    }

    fn every_pair(&mut self, at: usize, wire: &Wire, range: &Range<usize>) -> Result<Cuts, String> {
        if range.len() > LONGEST_PAIRED {
            return Err(format!("more than {LONGEST_PAIRED} bytes have too many pairs of places"));
        }
        let inner = range.len().saturating_sub(1);
        let pairs = inner * inner.saturating_sub(1) / 2;
        if pairs == 0 {
            return Err("there are no two places to cut at".to_owned());
        }
        let is_drawn = range.len() > ALL_PAIRED && pairs > PAIRS;
        let index = self.choices.choose(at, "cut", if is_drawn { PAIRS } else { pairs });
        let number = if is_drawn { self.drawn_pair(index, pairs) } else { index };
        let pair = nth_pair(inner, number).into_iter().map(|offset| range.start + offset);
        Ok(self.chosen(at, pair.collect(), None, wire, range))
    }

    /// One of the pairs in the part of all pairs that has this index: none is drawn twice.
    fn drawn_pair(&self, index: usize, pairs: usize) -> usize {
        let (first, next) = (index * pairs / PAIRS, (index + 1) * pairs / PAIRS);
        first + seed::below(&mut self.named_generator(index, "pair"), next - first)
    }

    fn seeded(&mut self, at: usize, count: u32, wire: &Wire, range: &Range<usize>) -> Result<Cuts, String> {
        if range.len() < 2 || count == 0 {
            return Err("there is nothing to cut".to_owned());
        }
        let index = self.choices.choose(at, "cut", count as usize);
        let pieces = seed::below(&mut self.named_generator(index, "pieces"), (range.len() - 1).min(MOST_CUTS)) + 1;
        let drawn = seed::cuts(&mut self.named_generator(index, "cuts"), range.len(), pieces);
        let label = Some(format!("seeded-{}", index + 1));
        Ok(self.chosen(at, drawn.into_iter().map(|offset| range.start + offset).collect(), label, wire, range))
    }

    /// The same for the same index in every pass.
    fn named_generator(&self, index: usize, purpose: &str) -> rand_chacha::ChaCha8Rng {
        let name = format!("{}/{}/{purpose}/{index}", self.variant.name, self.wires);
        seed::generator(self.variant.context.seed, &name)
    }

    fn chosen(
        &mut self,
        at: usize,
        offsets: Vec<usize>,
        label: Option<String>,
        wire: &Wire,
        range: &Range<usize>,
    ) -> Cuts {
        let relative: Vec<_> = offsets.iter().map(|offset| (offset - range.start).to_string()).collect();
        let words = after(&offsets, wire, range, self.variant.context.profile.max);
        self.choices.name(at, "cut", label.unwrap_or_else(|| relative.join("+")), format!("cut {words}"));
        Cuts { offsets, words: Some(words) }
    }
}

fn given(places: &[Slot<Place>]) -> Result<Vec<Place>, String> {
    places.iter().map(|place| place.given().copied()).collect()
}

fn no_place(places: &[Place]) -> String {
    let names: Vec<_> = places.iter().map(ToString::to_string).collect();
    format!("what is sent has no place {}", names.join(", "))
}

fn all_of(places: &[Place], wire: &Wire, range: &Range<usize>, max: Option<u64>) -> Result<Cuts, String> {
    let offsets = all_offsets(places, wire, range);
    if offsets.is_empty() {
        return Err(no_place(places));
    }
    let words = Some(after(&offsets, wire, range, max));
    Ok(Cuts { offsets, words })
}

fn between_messages(wire: &Wire, range: &Range<usize>) -> Cuts {
    let ends = wire.messages.iter().map(|message| message.frame.end);
    let offsets: Vec<_> = ends.filter(|end| range.start < *end && *end < range.end).collect();
    Cuts { words: (!offsets.is_empty()).then(|| "between the messages".to_owned()), offsets }
}

fn regular(step: usize, range: &Range<usize>, words: String) -> Result<Cuts, String> {
    if range.len() / step > MOST_PIECES {
        return Err(format!("{} bytes in pieces of {step} are more than {MOST_PIECES} segments", range.len()));
    }
    let offsets: Vec<_> = range.clone().step_by(step).skip(1).collect();
    Ok(Cuts { words: (!offsets.is_empty()).then_some(words), offsets })
}

/// The pair of numbers from 1 to `inner` with this index, in lexical order.
fn nth_pair(inner: usize, mut index: usize) -> Vec<usize> {
    for first in 1..inner {
        if index < inner - first {
            return vec![first, first + 1 + index];
        }
        index -= inner - first;
    }
    Vec::new()
}

/// `after 3 of 9 bytes (inside the prefix)`.
fn after(offsets: &[usize], wire: &Wire, range: &Range<usize>, max: Option<u64>) -> String {
    const SHOWN: usize = 4;
    let numbers: Vec<_> = offsets.iter().take(SHOWN).map(|offset| (offset - range.start).to_string()).collect();
    let more =
        if offsets.len() > SHOWN { format!(" and {} more places", offsets.len() - SHOWN) } else { String::new() };
    let list = match numbers.as_slice() {
        [first, second] => format!("{first} and {second}"),
        numbers => numbers.join(", "),
    };
    let mut stands: Vec<_> = offsets.iter().take(SHOWN).map(|offset| whereabouts(wire, *offset, max)).collect();
    stands.dedup();
    let stands = if stands == ["inside the payload"] && wire.parts.len() == 1 {
        String::new()
    } else {
        format!(" ({})", stands.join(", "))
    };
    format!("after {list}{more} of {}{stands}", super::describe::count(range.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_numbered_through() {
        let pairs: Vec<_> = (0..6).map(|index| nth_pair(4, index)).collect();
        assert_eq!(pairs, [[1, 2], [1, 3], [1, 4], [2, 3], [2, 4], [3, 4]]);
    }
}
