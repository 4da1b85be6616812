//! Random choices, each with a name.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Draws the same for the same seed, purpose and number, on every machine.
#[derive(Debug)]
pub(super) struct Dice(ChaCha8Rng);

/// What is drawn for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// A case.
    Case = 1,
    /// Which kinds are on in a batch of cases.
    Swarm = 2,
}

impl Dice {
    pub(super) fn new(seed: u64, purpose: Purpose, number: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = purpose as u8;
        key[16..24].copy_from_slice(&number.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number below `bound`; 0 if there is none. The bias is below 2^-32 for the bounds in use.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound.max(1) as u64) as usize
    }

    /// A number from the first to the last, both included.
    pub(super) fn between(&mut self, first: usize, last: usize) -> usize {
        first + self.below(last.saturating_sub(first) + 1)
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Any byte.
    pub(super) fn byte(&mut self) -> u8 {
        self.0.next_u64() as u8
    }

    /// One of several, of which there is at least one.
    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One of several by their weights, of which at least one is not 0.
    pub(super) fn weighed<T: Copy>(&mut self, from: &[(T, usize)]) -> T {
        let mut left = self.below(from.iter().map(|(_, weight)| weight).sum());
        for (one, weight) in from {
            match left.checked_sub(*weight) {
                None => return *one,
                Some(rest) => left = rest,
            }
        }
        from[0].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_draws_the_same_and_another_another() {
        let draw = |seed, purpose, number| Dice::new(seed, purpose, number).below(1 << 30);
        assert_eq!(draw(7, Purpose::Case, 3), draw(7, Purpose::Case, 3));
        assert_ne!(draw(7, Purpose::Case, 3), draw(7, Purpose::Case, 4));
        assert_ne!(draw(7, Purpose::Case, 3), draw(8, Purpose::Case, 3));
        assert_ne!(draw(7, Purpose::Case, 3), draw(7, Purpose::Swarm, 3));
    }

    #[test]
    fn a_weight_of_nothing_is_never_drawn() {
        let mut dice = Dice::new(1, Purpose::Case, 0);
        assert!((0..200).all(|_| dice.weighed(&[('a', 0), ('b', 3), ('c', 0)]) == 'b'));
    }
}
