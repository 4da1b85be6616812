//! Everything random follows from the seed of the run and a name, so cases do not depend on their order.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::file::Span;

/// A generator for one purpose: `ChaCha` with 8 rounds, keyed with the seed and two hashes of the name.
pub(super) fn generator(seed: u64, name: &str) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&fnv(name.bytes()).to_le_bytes());
    key[16..24].copy_from_slice(&fnv(name.bytes().rev()).to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// FNV-1a in 64 bits.
fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A number below `bound`, which is not 0. The bias is below 2^-32 for the bounds in use.
pub(super) fn below(rng: &mut ChaCha8Rng, bound: usize) -> usize {
    (rng.next_u64() % bound as u64) as usize
}

/// The numbers below `count` in an order that is drawn.
pub(super) fn shuffled(rng: &mut ChaCha8Rng, count: usize) -> Vec<usize> {
    let mut numbers: Vec<_> = (0..count).collect();
    (1..count).rev().for_each(|last| numbers.swap(last, below(rng, last + 1)));
    numbers
}

/// Different numbers from 1 below `end`, ascending; fewer than `count` where there are no more.
pub(super) fn cuts(rng: &mut ChaCha8Rng, end: usize, count: usize) -> Vec<usize> {
    let mut cuts = std::collections::BTreeSet::new();
    while end > 1 && cuts.len() < count.min(end - 1) {
        cuts.insert(1 + below(rng, end - 1));
    }
    cuts.into_iter().collect()
}

/// A time within a range, in whole microseconds.
pub(super) fn time(rng: &mut ChaCha8Rng, span: Span) -> Duration {
    let range = span.to.saturating_sub(span.from).as_micros() as usize;
    span.from + Duration::from_micros(below(rng, range + 1) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_draws_the_same_numbers() {
        let draw = |seed, name| generator(seed, name).next_u64();
        assert_eq!(draw(7, "session/echo"), draw(7, "session/echo"));
        assert_ne!(draw(7, "session/echo"), draw(8, "session/echo"));
        assert_ne!(draw(7, "session/echo"), draw(7, "session/ehco"));
    }

    #[test]
    fn drawn_cuts_are_inside_and_ascending() {
        let mut rng = generator(1, "x");
        for end in 0..20 {
            let cuts = cuts(&mut rng, end, 5);
            assert_eq!(cuts.len(), 5.min(end.saturating_sub(1)));
            assert!(cuts.is_sorted() && cuts.iter().all(|cut| (1..end).contains(cut)));
        }
    }
}
