//! The largest message that a client takes back, where it refuses larger ones.

use std::time::Duration;

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

/// What a refusal of the reply may look like.
const REFUSALS: &[&str] = &["false-failure", "not-reading", "reset"];

impl<T: Transport> Lab<'_, T> {
    /// The largest message that the client takes back, where it refuses larger ones cleanly (D24): it sends nothing, or its
    /// message rightly, and reports a failure. Anything else is no limit but a fault, which the cases will find.
    pub(super) async fn limit(&self, calibration: &Calibration, largest: u64) -> Option<u64> {
        let client = calibration.profile.client.as_deref()?;
        if client.own.is_some() || client.told == Told::Nothing || !client.habitual.is_empty() {
            return None;
        }
        let sendable = |size: &&u64| {
            let message = vec![b'm'; **size as usize];
            **size <= largest && self.framing.carries(&message) && client.told.objection(&message).is_none()
        };
        let mut refused = *LARGE.iter().rev().find(sendable)?;
        // Most have no limit, and show it at once.
        if self.takes(refused).await?.0 {
            return None;
        }
        let (mut taken, mut spent) = (plain(self.framing, 0).len().max(1) as u64, Duration::ZERO);
        while refused > taken + 1 {
            let is_far = refused / 2 > taken;
            if !is_far && spent > NARROWING.mul_f64(self.scale) {
                break;
            }
            let middle = if is_far { (taken * refused).isqrt() } else { taken.midpoint(refused) };
            let (comes_back, time) = self.takes(middle).await?;
            *(if comes_back { &mut taken } else { &mut refused }) = middle;
            spent += time;
        }
        Some(taken)
    }

    /// Whether a message of this size comes back, and how long that took; `None`: neither that nor a clean refusal.
    async fn takes(&self, size: u64) -> Option<(bool, Duration)> {
        let message = vec![b'm'; size as usize];
        let greeting = self.hurried(message.clone(), message.into(), Duration::ZERO).await;
        let (breaches, trace) = (&greeting.judgement.breaches, &greeting.trace);
        let is_silent = received(trace, Conn(0)).next().is_none();
        let is_clean = is_silent || breaches.iter().all(|breach| REFUSALS.contains(&breach.rule.as_str()));
        let fails = trace.departure().is_some_and(|left| matches!(left.how, Exit::Failure(_) | Exit::Unknown(_)));
        let takes = breaches.is_empty();
        (takes || is_clean && fails).then_some((takes, trace.duration()))
    }
}
