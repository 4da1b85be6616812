//! How much a target takes: its largest message, where it has a limit of its own, and what a mebibyte costs it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use super::calibrate::{Calibration, Lab, RIVALS, added};
use super::probe::{plain, reply_time, was_answered, was_closed};
use crate::framing::{Framing, Over, Strategy};
use crate::profile::Profile;
use crate::session::{Duty, Promise, Step, Until};
use crate::transport::Transport;

/// A message of so many bytes shows what a large one costs, where it is allowed.
const TELLING: u64 = 256 * 1024;

/// Less than this shows nothing.
const LEAST: u64 = 8 * 1024;

/// About so long may be spent on looking for the exact edge of a limit, or on many small messages.
const SEARCH: Duration = Duration::from_millis(400);

/// Where a large message takes so long, it is worth knowing whether others have to wait meanwhile.
const SLOW: Duration = Duration::from_millis(50);

/// No larger message is tried where one took so long: none that takes longer is sent without being asked for.
const LONG: Duration = Duration::from_secs(3);

/// Doubled each time, up to `most`.
fn sizes(most: u64) -> impl Iterator<Item = u64> {
    (10..63).map(|power| 1 << power).take_while(move |size| *size < most).chain([most])
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It came back, after so long.
    Taken(Duration),
    /// It was refused cleanly: closed without a byte of it, or passed over.
    Refused(Over),
    /// Anything else is no limit but a fault, which the cases will find.
    Unclear,
}

/// Measures both, up to messages of `largest` bytes. Says whether the cases are other ones because of it.
pub(crate) async fn measure<T: Transport>(
    transport: &T,
    framing: &Framing,
    calibration: &mut Calibration,
    largest: u64,
) -> bool {
    let lab = Lab {
        transport,
        framing,
        tempo: calibration.tempo,
        round_trip: calibration.round_trip,
        spread: Duration::ZERO,
    };
    let before = calibration.profile.clone();
    let profile = &mut calibration.profile;
    let searches = lab.is_framed() && framing.strategy() != Strategy::Fixed;
    let mut seen = None;
    if searches && !profile.partial && profile.max.is_none() {
        seen = lab.search(profile, largest).await;
    }
    if seen.is_none() {
        let most = framing.largest().into_iter().chain(profile.max).chain(profile.limit).min();
        seen = lab.grow(most.unwrap_or(TELLING).min(TELLING).min(largest.max(LEAST))).await;
    }
    if let Some((size, time)) = seen.filter(|(size, time)| *size >= LEAST || *time >= SEARCH) {
        let mebibyte = |time: Duration| time.mul_f64(f64::from(1 << 20) / size as f64);
        let alone = time.saturating_sub(calibration.round_trip);
        let beside = if calibration.profile.serves(RIVALS as usize) && alone >= SLOW {
            lab.rivals(size).await.map_or(alone, |all| added(time, all))
        } else {
            alone
        };
        let effort = &mut calibration.tempo.effort;
        (effort.mebibyte, effort.mebibyte_beside) = (mebibyte(alone), mebibyte(beside));
    }
    calibration.profile != before
}

impl<T: Transport> Lab<'_, T> {
    /// A size that shows what a large message costs, and how long it took: no larger than `most`, nor than it takes to
    /// see that the target is slow.
    async fn grow(&self, most: u64) -> Option<(u64, Duration)> {
        let mut taken = None;
        for size in sizes(most) {
            match self.try_size(size).await {
                Fate::Taken(time) if time < SEARCH => taken = Some((size, time)),
                Fate::Taken(time) => return Some((size, time)),
                Fate::Refused(_) | Fate::Unclear => break,
            }
        }
        taken
    }

    /// How long several take over a message of so many bytes each, at once.
    async fn rivals(&self, size: u64) -> Option<Vec<Duration>> {
        let fates = join_all((0..RIVALS).map(|_| self.try_size(size))).await;
        let times = fates.into_iter().map(|fate| match fate {
            Fate::Taken(time) => Some(time),
            Fate::Refused(_) | Fate::Unclear => None,
        });
        times.collect()
    }

    /// Doubles the size until a message is refused, and then looks for the edge (D24). Returns the largest that came
    /// back, and how long that took.
    async fn search(&self, profile: &mut Profile, largest: u64) -> Option<(u64, Duration)> {
        // Plain messages have come back.
        let least = (plain(self.framing, 0).len() as u64, self.round_trip);
        let mut taken = None;
        for size in sizes(largest) {
            match self.try_size(size).await {
                Fate::Taken(time) if time > LONG => return Some((size, time)),
                Fate::Taken(time) => taken = Some((size, time)),
                // One that comes after all, behind the message that was sent after it, was not passed over.
                Fate::Refused(Over::Skip)
                    if self.try_size_and_wait(size, self.tempo.quiet).await != Fate::Refused(Over::Skip) =>
                {
                    return taken;
                }
                // A size that is lost while larger ones are not is no limit.
                Fate::Refused(_) if self.takes_more_than(size).await => return taken,
                Fate::Refused(over) => {
                    let (taken, refused) = match taken {
                        Some(taken) => (taken, size),
                        None if over == Over::Close => (least, size),
                        None => self.descend(size).await?,
                    };
                    self.settle_limit(profile, taken, refused, over).await;
                    return Some(taken);
                }
                Fate::Unclear => return taken,
            }
        }
        taken
    }

    /// Whether a message comes back that is half as large again, where the framing can say so much.
    async fn takes_more_than(&self, size: u64) -> bool {
        let larger = size + size / 2;
        let can_be_said = self.framing.largest().is_none_or(|most| larger <= most);
        can_be_said && matches!(self.try_size(larger).await, Fate::Taken(_))
    }

    /// Halves a size that was passed over until a message is taken. Silence about every size is no limit, but replies that
    /// were lost or overtaken. Returns what was taken, and the smallest that was not.
    async fn descend(&self, mut refused: u64) -> Option<((u64, Duration), u64)> {
        while refused > plain(self.framing, 0).len() as u64 {
            match self.try_size(refused / 2).await {
                Fate::Taken(time) => return Some(((refused / 2, time), refused)),
                Fate::Refused(Over::Skip) => refused /= 2,
                Fate::Refused(_) | Fate::Unclear => return None,
            }
        }
        None
    }

    /// The limit lies between a size that was taken and one that was refused. Where its edge is found, it is as good as a
    /// declared maximum.
    async fn settle_limit(&self, profile: &mut Profile, taken: (u64, Duration), refused: u64, over: Over) {
        let (mut taken, time) = taken;
        let mut refused = refused;
        profile.limit = Some(taken);
        let probes = (refused - taken).ilog2() + 1;
        if time * probes > SEARCH {
            return;
        }
        while refused - taken > 1 {
            let size = taken.midpoint(refused);
            match self.try_size(size).await {
                Fate::Taken(_) => taken = size,
                Fate::Refused(same) if same == over => refused = size,
                _ => return,
            }
        }
        // A limit that moves is none.
        let holds = matches!(self.try_size(taken).await, Fate::Taken(_));
        if holds && self.try_size(refused).await == Fate::Refused(over) {
            (profile.limit, profile.max) = (None, Some(taken));
            (profile.edge, profile.over) = (true, Some(over));
        }
    }

    async fn try_size(&self, size: u64) -> Fate {
        self.try_size_and_wait(size, Duration::ZERO).await
    }

    /// Sends so many bytes in one message, and where that is possible a plain one behind it; and goes on listening for so
    /// long when that has come back.
    async fn try_size_and_wait(&self, size: u64, wait: Duration) -> Fate {
        let (message, copies) = match self.framing.strategy() {
            Strategy::Fixed => (Bytes::from(plain(self.framing, 0)), self.copies(size)),
            _ => (vec![b'm'; size as usize].into(), 1),
        };
        if !self.framing.carries(&message) {
            return Fate::Unclear;
        }
        let mut probe = self.probe();
        let conn = probe.open();
        let after = plain(self.framing, 1);
        if copies > 1 {
            let promise = Promise { payload: message.clone(), duty: Duty::Echo, copies };
            probe.send(conn, probe.frame(&message).repeat(copies as usize), Some(promise));
        } else {
            probe.say(conn, message.clone(), Duty::May);
        }
        if self.framing.strategy() != Strategy::Close {
            probe.say(conn, after.clone(), Duty::Echo);
        }
        probe.hear(&[conn], &[Until::Echo, Until::Closed]);
        if !wait.is_zero() {
            probe.step(Step::Pause(wait));
        }
        let trace = self.transport.run(probe.script()).await;
        let messages = self.messages(&trace, conn);
        match messages.first() {
            // Of a stream the plain message that follows is in the same piece.
            Some(first) if *first == message || !self.is_framed() && first.starts_with(&message) => {
                Fate::Taken(reply_time(&trace, <[_]>::last))
            }
            _ if !was_answered(&trace, conn) && was_closed(&trace, conn) => Fate::Refused(Over::Close),
            Some(first) if *first == after && messages.len() == 1 => Fate::Refused(Over::Skip),
            _ => Fate::Unclear,
        }
    }

    /// As many messages of a fixed length as make up a size, or as show enough of a target that is slow.
    fn copies(&self, size: u64) -> u32 {
        let many = size / self.framing.smallest().max(1);
        let slow = SEARCH.as_nanos() / self.tempo.effort.message.as_nanos().max(1);
        u64::try_from(slow).unwrap_or(u64::MAX).min(many).clamp(1, u64::from(u32::MAX)) as u32
    }
}
