//! Swarm testing: each batch of cases has some kinds of things turned off, so that none hides what another would show
//! (Groce et al., "Swarm Testing", 2012).

use super::dice::{Dice, Purpose};

/// So many cases have the same kinds turned on.
pub(super) const BATCH: u64 = 128;

/// What can be turned off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Feature {
    /// Payloads that some program gives a meaning to.
    Words,
    /// Payloads of any bytes, among them those that delimit or begin to.
    Binary,
    /// Empty messages.
    Empty,
    /// Sizes at which buffers and number types end.
    Edges,
    /// Sizes around the largest message.
    Limits,
    /// A great many messages.
    Bursts,
    /// Lengths that are spelled wrongly, and bytes of other protocols.
    Spellings,
    /// Streams that are damaged on their way.
    Damage,
    /// A stream that ends inside a message.
    Truncation,
    /// Segments of one byte.
    EveryByte,
    /// Cuts at the places of a frame where decoders look.
    EdgeCuts,
    /// Cuts anywhere.
    AnyCuts,
    /// Each message by itself, its reply awaited.
    Turns,
    /// Pauses.
    Pauses,
    /// Silence where nothing is owed.
    Silences,
    /// A client that reads slowly, or late.
    SlowReading,
    /// FIN with or right after the last byte.
    EarlyFins,
    /// Closing and resetting in the middle.
    Departures,
    /// Several connections.
    Connections,
    /// The same bytes under two segmentations.
    Segmentations,
}

const FEATURES: &[Feature] = &[
    Feature::Words,
    Feature::Binary,
    Feature::Empty,
    Feature::Edges,
    Feature::Limits,
    Feature::Bursts,
    Feature::Spellings,
    Feature::Damage,
    Feature::Truncation,
    Feature::EveryByte,
    Feature::EdgeCuts,
    Feature::AnyCuts,
    Feature::Turns,
    Feature::Pauses,
    Feature::Silences,
    Feature::SlowReading,
    Feature::EarlyFins,
    Feature::Departures,
    Feature::Connections,
    Feature::Segmentations,
];

/// What is on in a batch.
#[derive(Clone, Debug)]
pub(super) struct Swarm(Vec<Feature>);

impl Swarm {
    /// Of the batch to which a case belongs; in the first one everything is on.
    pub(super) fn of(seed: u64, case: u64) -> Self {
        let batch = case / BATCH;
        let mut dice = Dice::new(seed, Purpose::Swarm, batch);
        Self(FEATURES.iter().copied().filter(|_| !dice.once_in(3) || batch == 0).collect())
    }

    /// The weight of something, if it is on.
    pub(super) fn weight(&self, feature: Feature, weight: usize) -> usize {
        if self.0.contains(&feature) { weight } else { 0 }
    }

    /// True once in so many times, if it is on.
    pub(super) fn once_in(&self, dice: &mut Dice, feature: Feature, times: usize) -> bool {
        dice.once_in(times) && self.0.contains(&feature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_is_on_in_some_batches_and_off_in_others() {
        let batches: Vec<_> = (1..40).map(|batch| Swarm::of(7, batch * BATCH)).collect();
        for feature in FEATURES {
            let on = batches.iter().filter(|swarm| swarm.weight(*feature, 1) == 1).count();
            assert!((5..39).contains(&on), "{feature:?} is on in {on} of {}", batches.len());
        }
    }
}
