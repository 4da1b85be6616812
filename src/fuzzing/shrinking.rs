//! A smaller plan that fails in the same way.

use super::plan::{Act, Move, Plan};
use super::stream::{Message, Stream};

/// The smallest plan found that still fails, in at most so many tries: fewer moves, connections, messages and edits,
/// then less of each.
pub fn shrunk(plan: Plan, tries: usize, mut fails: impl FnMut(&Plan) -> bool) -> Plan {
    let mut shrinking = Shrinking::new(plan, tries, candidates);
    while let Some(candidate) = shrinking.next() {
        let fails = fails(candidate);
        shrinking.judge(fails);
    }
    shrinking.into_smallest()
}

/// A search for something smaller that still fails, for whoever must wait for the answers.
#[derive(Debug)]
pub struct Shrinking<T> {
    smallest: T,
    smaller: fn(&T) -> Vec<T>,
    /// Those that are to be tried, the last one first.
    candidates: Vec<T>,
    tries: usize,
}

impl<T> Shrinking<T> {
    /// Begins with something that fails. `smaller` lists what is one step smaller, the boldest first.
    pub fn new(first: T, tries: usize, smaller: fn(&T) -> Vec<T>) -> Self {
        let mut new = Self { smallest: first, smaller, candidates: Vec::new(), tries };
        new.list();
        new
    }

    fn list(&mut self) {
        self.candidates = (self.smaller)(&self.smallest);
        self.candidates.reverse();
    }

    /// What is to be tried next; `None` at the end.
    #[expect(clippy::should_implement_trait, reason = "each one waits for an answer to the one before")]
    pub fn next(&mut self) -> Option<&T> {
        self.tries = self.tries.checked_sub(1)?;
        self.candidates.last()
    }

    /// Whether the one that was tried last fails.
    pub fn judge(&mut self, fails: bool) {
        let Some(tried) = self.candidates.pop() else { return };
        if fails {
            self.smallest = tried;
            self.list();
        }
    }

    /// The smallest that fails.
    pub fn into_smallest(self) -> T {
        self.smallest
    }
}

/// Plans that are one step smaller, the boldest first.
pub fn candidates(plan: &Plan) -> Vec<Plan> {
    let mut all = Vec::new();
    for moves in fewer(&plan.moves) {
        all.push(Plan { moves, ..plan.clone() });
    }
    all.extend((0..plan.streams.len()).map(|gone| without_connection(plan, gone)));
    for (index, stream) in plan.streams.iter().enumerate() {
        for smaller in smaller_streams(stream) {
            let mut streams = plan.streams.clone();
            streams[index] = smaller;
            all.push(Plan { streams, ..plan.clone() });
        }
    }
    for (index, one) in plan.moves.iter().enumerate() {
        for act in smaller_acts(one.act) {
            let mut moves = plan.moves.clone();
            moves[index].act = act;
            all.push(Plan { moves, ..plan.clone() });
        }
    }
    all
}

/// Without one of the connections.
fn without_connection(plan: &Plan, gone: usize) -> Plan {
    let count = plan.streams.len();
    let on = |one: &Move| usize::from(one.on) % count;
    let moves = plan.moves.iter().filter(|one| on(one) != gone);
    let moves = moves.map(|one| Move { on: (on(one) - usize::from(on(one) > gone)) as u8, ..*one }).collect();
    let streams = [&plan.streams[..gone], &plan.streams[gone + 1..]].concat();
    Plan { streams, moves, ..plan.clone() }
}

/// A list is shortened by single items when it has no more than so many.
const FEW: usize = 24;

/// Without one half or the other, a quarter, an eighth; without each one, where there are few.
fn fewer<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    let mut all = Vec::new();
    let without = |from: usize, to: usize| [&list[..from], &list[to.min(list.len())..]].concat();
    for part in [2, 4, 8].map(|parts| list.len() / parts).into_iter().filter(|part| *part > 1) {
        all.extend((0..list.len()).step_by(part).map(|from| without(from, from + part)));
    }
    if list.len() <= FEW {
        all.extend((0..list.len()).map(|at| without(at, at + 1)));
    }
    all
}

fn smaller_streams(stream: &Stream) -> Vec<Stream> {
    let mut all = Vec::new();
    for messages in fewer(&stream.messages) {
        all.push(Stream { messages, ..stream.clone() });
    }
    for damage in fewer(&stream.damage) {
        all.push(Stream { damage, ..stream.clone() });
    }
    for (index, message) in stream.messages.iter().enumerate().take(FEW) {
        for smaller in smaller_messages(message) {
            let mut messages = stream.messages.clone();
            messages[index] = smaller;
            all.push(Stream { messages, ..stream.clone() });
        }
    }
    all
}

fn smaller_messages(message: &Message) -> Vec<Message> {
    match message {
        Message::Row { size, first } if *size > 0 => vec![Message::Row { size: size - 1, first: *first }],
        Message::Row { .. } => vec![Message::Bytes(vec![b'a'; 8])],
        // An empty message is not smaller but of another kind.
        Message::Bytes(bytes) => smaller_bytes(bytes).filter(|bytes| !bytes.is_empty()).map(Message::Bytes).collect(),
        Message::Raw(bytes) => smaller_bytes(bytes).map(Message::Raw).collect(),
    }
}

/// One half of the bytes or the other, all but the last or the first, and the same number of the plainest.
fn smaller_bytes(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let (half, last) = (bytes.len() / 2, bytes.len().saturating_sub(1));
    let shorter = [&bytes[..half], &bytes[half..], &bytes[..last], &bytes[bytes.len().min(1)..]];
    let plain = vec![b'a'; bytes.len()];
    let all = shorter.map(<[u8]>::to_vec).into_iter().chain([plain]);
    all.filter(move |smaller| smaller != bytes).collect::<Vec<_>>().into_iter()
}

fn smaller_acts(act: Act) -> Vec<Act> {
    match act {
        // A cut in front of the last byte is the plainest: one that stays elsewhere has to be there.
        Act::Send(0) => vec![Act::Short(0)],
        Act::Send(len) => vec![Act::Short(0), Act::Send(len / 2)],
        Act::Finish(further) if further > 0 => vec![Act::Finish(further / 2)],
        Act::Short(by) if by > 0 => vec![Act::Short(by / 2)],
        Act::Pause(length) if length > 0 => vec![Act::Pause(length / 2)],
        Act::Read(bytes) if bytes > 1 => vec![Act::Read(bytes / 2)],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::Code;

    #[test]
    fn what_has_nothing_to_do_with_the_failure_is_left_out() {
        let message = |text: &str| Message::Bytes(text.into());
        let stream = Stream { messages: vec![message("one"), message("x marks it"), message("two")], damage: vec![] };
        let moves = vec![Move { on: 0, act: Act::Send(9) }, Move { on: 1, act: Act::Pause(80) }];
        let plan = Plan { framing: "lf".parse().unwrap(), streams: vec![stream.clone(), stream], moves };
        let fails = |plan: &Plan| plan.encode().contains(&b'x');
        let small = shrunk(plan, 1000, fails);
        let only = Stream { messages: vec![message("x")], damage: vec![] };
        assert_eq!((small.streams, small.moves), (vec![only], vec![]));
    }

    #[test]
    fn tries_are_bounded() {
        let plan = Plan::decode(&[7; 200]);
        let mut tries = 0;
        shrunk(plan, 50, |_| {
            tries += 1;
            true
        });
        assert!(tries <= 50);
    }
}
