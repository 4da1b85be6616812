//! The largest message that a client takes back, where it refuses larger ones.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;

use super::Lab;
use crate::campaign::calibrate::Calibration;
use crate::campaign::probe::{plain, received};
use crate::profile::Told;
use crate::session::{Conn, Exit};
use crate::transport::Transport;

/// The sizes of messages at which a limit is met, if there is one: the largest that it can be told is tried.
const LARGE: &[u64] = &[1 << 10, 1 << 12, 1 << 14, (1 << 16) - 100, 1 << 17, 1 << 20, 1 << 22, 1 << 24];

/// So much time is spent on the last bytes of a limit.
const NARROWING: Duration = Duration::from_secs(3);

/// Lengths whose bytes are the same in either order, in fields of two and of three or four bytes, and those at which groups of
/// COBS and numbers of one byte end: a limit is met at their multiples as at any other size.
const STEPS: &[u64] = &[254, 255, 256, 257, 257 * 256];

/// So many of them are tried at once: each is held several times over.
const AT_ONCE: usize = 4;

/// What a refusal of the reply may look like.
const REFUSALS: &[&str] = &["false-failure", "not-reading", "reset"];

impl<T: Transport> Lab<'_, T> {
    /// The largest message that the client takes back, where it refuses larger ones cleanly (D24): it sends nothing, or its
    /// message rightly, and reports a failure. Anything else is no limit but a fault, which the cases will find. A declared maximum
    /// is a promise, so that a smaller limit is a fault, too.
    pub(super) async fn limit(&self, calibration: &Calibration, largest: u64) -> Option<u64> {
        let client = calibration.profile.client.as_deref()?;
        if client.own.is_some() || client.told == Told::Nothing || !client.habitual.is_empty() {
            return None;
        }
        if self.framing.behaviour().max.is_some() {
            return None;
        }
        let sendable = |message: &Vec<u8>| {
            let is_told = self.framing.carries(message) && client.told.objection(message).is_none();
            message.len() as u64 <= largest && is_told
        };
        let mut refused = *LARGE.iter().rev().find(|size| sendable(&usual(**size)))?;
        // Most have no limit, and show it at once.
        if self.takes(usual(refused)).await?.0 {
            return None;
        }
        let (mut taken, mut spent) = (plain(self.framing, 0).len().max(1) as u64, Duration::ZERO);
        while refused > taken + 1 {
            let is_far = refused / 2 > taken;
            if !is_far && spent > NARROWING.mul_f64(self.scale) {
                break;
            }
            let middle = if is_far { (taken * refused).isqrt() } else { taken.midpoint(refused) };
            let (comes_back, time) = self.takes(usual(middle)).await?;
            *(if comes_back { &mut taken } else { &mut refused }) = middle;
            spent += time;
        }
        // Where a larger one comes back, something else was wrong with those that did not; where one does harm, there is no
        // limit that keeps it out.
        let beyond = beyond(refused).into_iter().filter(sendable).map(|message| self.refuses(message));
        let mut tried = futures_util::stream::iter(beyond).buffer_unordered(AT_ONCE);
        while let Some(refuses) = tried.next().await {
            if !refuses {
                return None;
            }
        }
        Some(taken)
    }

    /// Whether a message is refused cleanly. What a busy machine may have spoilt is tried once more.
    async fn refuses(&self, message: Vec<u8>) -> bool {
        let known = match self.takes(message.clone()).await {
            None => self.takes(message).await,
            known => known,
        };
        known.is_some_and(|(comes_back, _)| !comes_back)
    }

    /// Whether a message comes back, and how long that took; `None`: neither that nor a clean refusal.
    async fn takes(&self, message: Vec<u8>) -> Option<(bool, Duration)> {
        let greeting = self.hurried(message.clone(), message.into(), Duration::ZERO).await;
        let (breaches, trace) = (&greeting.judgement.breaches, &greeting.trace);
        let is_silent = received(trace, Conn(0)).next().is_none();
        let is_clean = is_silent || breaches.iter().all(|breach| REFUSALS.contains(&breach.rule.as_str()));
        let fails = trace.departure().is_some_and(|left| matches!(left.how, Exit::Failure(_) | Exit::Unknown(_)));
        let takes = breaches.is_empty();
        (takes || is_clean && fails).then_some((takes, trace.duration()))
    }
}

fn usual(size: u64) -> Vec<u8> {
    vec![b'm'; size as usize]
}

/// Larger messages than one that was refused, of unlike sizes, and of unlike content where they are so much larger that what a
/// frame adds to it does not matter.
fn beyond(refused: u64) -> Vec<Vec<u8>> {
    let multiples = STEPS.iter().flat_map(|step| (1..=3).map(move |more| (refused / step + more) * step));
    let sizes: BTreeSet<u64> = multiples.chain([refused + 1, 2 * refused + 1]).collect();
    let others = [0, 0xff].map(|byte| vec![byte; 2 * refused as usize]);
    sizes.into_iter().map(usual).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_beyond_a_limit_is_larger_and_of_each_shape() {
        let all = beyond(300);
        assert!(all.iter().all(|message| message.len() > 300));
        for size in [301, 508, 510, 512, 514, 771, 1028, 65_792, 131_584] {
            assert!(all.contains(&usual(size)), "{size}");
        }
        assert!(all.contains(&vec![0; 600]));
    }
}
