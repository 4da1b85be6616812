//! One direction of one connection: what came goes through the toxics, each with a queue behind it.

use std::time::Duration;

use super::queue::{Parcel, Queue};
use super::toxics::{Stage, Toxic};

/// So many bytes are held, about: when more wait nothing is read, so that a slow way is felt by the sender.
const ROOM: usize = 256 * 1024;

/// Bytes on their way from one side to the other.
#[derive(Debug)]
pub struct Flow {
    stages: Vec<(Stage, Queue)>,
    /// Something ended the direction: what comes is swallowed.
    ended: bool,
}

impl Flow {
    /// Everything random follows from the seed, the number of the connection and the direction.
    pub fn new(toxics: &[Toxic], seed: u64, connection: u64, upstream: bool) -> Self {
        let stage = |(place, toxic): (usize, &Toxic)| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&seed.to_le_bytes());
            key[8..16].copy_from_slice(&connection.to_le_bytes());
            (key[16], key[17]) = (u8::from(upstream), place as u8);
            (Stage::new(toxic, key), Queue::default())
        };
        let mut stages: Vec<_> = toxics.iter().enumerate().map(stage).collect();
        if stages.is_empty() {
            stages.push((Stage::Pass, Queue::default()));
        }
        Self { stages, ended: false }
    }

    /// Something came.
    pub fn put(&mut self, now: Duration, parcel: Parcel) {
        if let Some((stage, queue)) = self.stages.first_mut().filter(|_| !self.ended) {
            stage.take(now, parcel, queue);
        }
        self.move_on(now);
    }

    /// What goes on now, if anything is due.
    pub fn take(&mut self, now: Duration) -> Option<Parcel> {
        self.move_on(now);
        let (_, queue) = self.stages.last_mut()?;
        let (_, parcel) = queue.take(now)?;
        self.ended |= !matches!(parcel, Parcel::Data(_));
        Some(parcel)
    }

    /// When to ask again if nothing comes; that may have passed.
    pub fn next(&self) -> Option<Duration> {
        self.stages.iter().filter_map(|(_, queue)| queue.next()).min()
    }

    /// Whether more may be read.
    pub fn has_room(&self) -> bool {
        self.stages.iter().map(|(_, queue)| queue.bytes()).sum::<usize>() < ROOM
    }

    /// From each queue to the next toxic, as far as it is due.
    fn move_on(&mut self, now: Duration) {
        for at in 1..self.stages.len() {
            let [before, next] = &mut self.stages[at - 1..=at] else { return };
            while let Some((due, parcel)) = before.1.take(now) {
                next.0.take(due, parcel, &mut next.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn flow(toxics: &[&str]) -> Flow {
        let toxics: Vec<Toxic> = toxics.iter().map(|text| text.parse().expect("a toxic")).collect();
        Flow::new(&toxics, 7, 1, true)
    }

    fn data(text: &str) -> Parcel {
        Parcel::Data(Bytes::copy_from_slice(text.as_bytes()))
    }

    /// Everything that comes out until nothing waits, with its time in milliseconds.
    fn drained(flow: &mut Flow) -> Vec<(u128, Parcel)> {
        let (mut now, mut all) = (Duration::ZERO, Vec::new());
        loop {
            while let Some(parcel) = flow.take(now) {
                all.push((now.as_millis(), parcel));
            }
            let Some(next) = flow.next() else { return all };
            assert!(next > now, "it waits for something that is due");
            now = next;
        }
    }

    fn sent(toxics: &[&str], parcels: &[Parcel]) -> Vec<(u128, Parcel)> {
        let mut flow = flow(toxics);
        for parcel in parcels {
            flow.put(Duration::ZERO, parcel.clone());
        }
        drained(&mut flow)
    }

    #[test]
    fn without_toxics_everything_goes_on_as_it_came() {
        assert_eq!(
            sent(&[], &[data("ab"), data("c"), Parcel::Fin]),
            [(0, data("ab")), (0, data("c")), (0, Parcel::Fin)]
        );
    }

    #[test]
    fn split_makes_pieces_with_a_gap_between_them() {
        let pieces = [(0, data("ab")), (0, data("cd")), (0, data("e")), (0, Parcel::Fin)];
        assert_eq!(sent(&["split=2"], &[data("abcde"), Parcel::Fin]), pieces);
        assert_eq!(sent(&["split=2/3ms"], &[data("abcd")]), [(0, data("ab")), (3, data("cd"))]);
        assert_eq!(sent(&["split=every-byte"], &[data("abc")]).len(), 3);
        let random = sent(&["split=random"], &[data(&"x".repeat(4000))]);
        assert!(random.len() > 3, "{}", random.len());
    }

    #[test]
    fn delay_and_jitter_keep_the_order_and_the_end_behind_the_bytes() {
        assert_eq!(sent(&["delay=40ms"], &[data("a"), Parcel::Fin]), [(40, data("a")), (40, Parcel::Fin)]);
        let jittered = sent(&["jitter=30ms"], &[data("a"), data("b"), data("c"), Parcel::Fin]);
        let order: Vec<_> = jittered.iter().map(|(_, parcel)| parcel.clone()).collect();
        assert_eq!(order, [data("a"), data("b"), data("c"), Parcel::Fin]);
        assert!(jittered.iter().all(|(at, _)| *at <= 30) && jittered.iter().any(|(at, _)| *at > 0), "{jittered:?}");
    }

    #[test]
    fn bandwidth_takes_its_time() {
        let all = sent(&["bandwidth=10kB"], &[data(&"x".repeat(5000)), Parcel::Fin]);
        assert_eq!(all.last(), Some(&(500, Parcel::Fin)));
        assert!(all.len() > 10, "it is spread, not saved up");
    }

    #[test]
    fn corrupt_flips_about_one_byte_in_so_many_and_keeps_the_length() {
        let all = sent(&["corrupt=1/100"], &[data(&"x".repeat(20_000))]);
        let Some((_, Parcel::Data(bytes))) = all.first() else { panic!("{all:?}") };
        let wrong = bytes.iter().filter(|byte| **byte != b'x').count();
        assert!(bytes.len() == 20_000 && (120..280).contains(&wrong), "{wrong}");
    }

    #[test]
    fn cut_and_reset_let_so_many_bytes_through_and_nothing_more() {
        let parcels = [data("abc"), data("def"), Parcel::Fin];
        assert_eq!(sent(&["cut=4"], &parcels), [(0, data("abc")), (0, data("d")), (0, Parcel::Close)]);
        assert_eq!(sent(&["reset=3"], &parcels), [(0, data("abc")), (0, Parcel::Reset)]);
        assert_eq!(sent(&["cut=7"], &parcels), [(0, data("abc")), (0, data("def")), (0, Parcel::Fin)]);
    }

    #[test]
    fn coalesce_joins_what_comes_within_its_time() {
        let mut flow = flow(&["coalesce=10ms"]);
        flow.put(Duration::ZERO, data("a"));
        flow.put(4 * MS, data("b"));
        assert_eq!(flow.take(9 * MS), None);
        assert_eq!(flow.take(10 * MS), Some(data("ab")));
        flow.put(12 * MS, data("c"));
        flow.put(13 * MS, Parcel::Fin);
        assert_eq!(
            (flow.take(21 * MS), flow.take(22 * MS), flow.take(22 * MS)),
            (None, Some(data("c")), Some(Parcel::Fin))
        );
    }

    #[test]
    fn slow_close_holds_the_end_alone_back() {
        assert_eq!(sent(&["slow-close=50ms"], &[data("a"), Parcel::Fin]), [(0, data("a")), (50, Parcel::Fin)]);
    }

    #[test]
    fn toxics_follow_one_another() {
        let all = sent(&["delay=5ms", "split=1", "reset=2"], &[data("abc")]);
        assert_eq!(all, [(5, data("a")), (5, data("b")), (5, Parcel::Reset)]);
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut flow = flow(&["delay=1h"]);
        while flow.has_room() {
            flow.put(Duration::ZERO, data(&"x".repeat(64 * 1024)));
        }
        assert!(flow.stages[0].1.bytes() <= ROOM + 64 * 1024);
    }

    #[test]
    fn the_same_seed_does_the_same() {
        let toxics = ["split=random", "corrupt=1/50", "jitter=9ms"];
        let parcels = [data(&"x".repeat(3000)), Parcel::Fin];
        assert_eq!(sent(&toxics, &parcels), sent(&toxics, &parcels));
    }
}
