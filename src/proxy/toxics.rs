//! The toxics: one row of the table and one small function each.

use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use thiserror::Error;

use super::queue::{Parcel, Queue};
use crate::scenario::file::Size;

/// Random pieces are this long at most, in bytes.
const PIECE: usize = 1_460;

/// With a bandwidth, bytes go on in steps of this length.
const STEP: Duration = Duration::from_millis(20);

/// One kind of toxic.
#[derive(Clone, Copy, Debug)]
pub struct ToxicKind {
    /// As it is typed.
    pub name: &'static str,
    /// What stands behind the equals sign.
    pub value: &'static str,
    /// What it does.
    pub about: &'static str,
    read: fn(&str) -> Option<Toxic>,
}

/// All that there are.
pub const TOXICS: &[ToxicKind] = &[
    ToxicKind {
        name: "split",
        value: "N|random|every-byte[/GAP]",
        about: "writes pieces of N bytes, so long apart (split=1/2ms)",
        read: split,
    },
    ToxicKind {
        name: "coalesce",
        value: "D",
        about: "joins what comes within D of the first byte",
        read: |text| Some(Toxic::Coalesce(duration(text)?)),
    },
    ToxicKind {
        name: "delay",
        value: "D",
        about: "holds everything back for D",
        read: |text| Some(Toxic::Delay(duration(text)?)),
    },
    ToxicKind {
        name: "jitter",
        value: "D",
        about: "holds everything back for up to D, in order",
        read: |text| Some(Toxic::Jitter(duration(text)?)),
    },
    ToxicKind {
        name: "bandwidth",
        value: "SIZE",
        about: "lets SIZE bytes a second through",
        read: |text| Some(Toxic::Bandwidth(size(text).filter(|rate| *rate > 0)?)),
    },
    ToxicKind {
        name: "corrupt",
        value: "1/N",
        about: "flips a bit in about one of N bytes",
        read: |text| Some(Toxic::Corrupt(text.strip_prefix("1/")?.parse().ok().filter(|among| *among > 0)?)),
    },
    ToxicKind {
        name: "cut",
        value: "BYTES",
        about: "closes the connection after so many bytes, with FIN",
        read: |text| Some(Toxic::Cut(size(text)?)),
    },
    ToxicKind {
        name: "reset",
        value: "BYTES",
        about: "resets the connection after so many bytes",
        read: |text| Some(Toxic::Reset(size(text)?)),
    },
    ToxicKind {
        name: "slow-close",
        value: "D",
        about: "holds FIN back for D",
        read: |text| Some(Toxic::SlowClose(duration(text)?)),
    },
];

/// One toxic with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toxic {
    /// Pieces, and how long they are apart.
    Split(Pieces, Duration),
    /// Joins what comes within this time.
    Coalesce(Duration),
    /// Holds everything back.
    Delay(Duration),
    /// Holds everything back for up to so long.
    Jitter(Duration),
    /// Bytes a second.
    Bandwidth(u64),
    /// One byte in so many is wrong.
    Corrupt(u64),
    /// So many bytes, then FIN.
    Cut(u64),
    /// So many bytes, then RST.
    Reset(u64),
    /// Holds FIN back.
    SlowClose(Duration),
}

/// How long pieces are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pieces {
    /// So many bytes.
    Of(usize),
    /// One byte to a packet's worth.
    Random,
}

/// A text that is no toxic.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ToxicError {
    /// No such name.
    #[error("`{0}` is no toxic; there are {names}", names = TOXICS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", "))]
    Name(String),
    /// The value is wrong.
    #[error("`{0}` is wrong: write {1}={2}")]
    Value(String, &'static str, &'static str),
}

impl FromStr for Toxic {
    type Err = ToxicError;

    fn from_str(text: &str) -> Result<Self, ToxicError> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let kind = TOXICS.iter().find(|kind| kind.name == name).ok_or_else(|| ToxicError::Name(name.into()))?;
        (kind.read)(value).ok_or_else(|| ToxicError::Value(text.into(), kind.name, kind.value))
    }
}

fn duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

fn size(text: &str) -> Option<u64> {
    match text.parse() {
        Ok(Size::Bytes(bytes)) => Some(bytes),
        _ => None,
    }
}

fn split(text: &str) -> Option<Toxic> {
    let (pieces, gap) =
        text.split_once('/').map_or((text, Some(Duration::ZERO)), |(pieces, gap)| (pieces, duration(gap)));
    let pieces = match pieces {
        "random" => Pieces::Random,
        "every-byte" => Pieces::Of(1),
        count => Pieces::Of(count.parse().ok().filter(|count| *count > 0)?),
    };
    Some(Toxic::Split(pieces, gap?))
}

/// A toxic at work on one direction of one connection.
#[derive(Debug)]
pub(super) enum Stage {
    /// Lets everything through.
    Pass,
    /// A toxic that remembers nothing but its dice.
    Dice(Toxic, Box<ChaCha8Rng>),
    /// Lets so many more bytes through, then this.
    Until(u64, Parcel),
    /// Has done what it does: nothing goes on any more.
    Over,
}

impl Stage {
    pub(super) fn new(toxic: &Toxic, key: [u8; 32]) -> Self {
        match *toxic {
            Toxic::Cut(bytes) => Self::Until(bytes, Parcel::Close),
            Toxic::Reset(bytes) => Self::Until(bytes, Parcel::Reset),
            toxic => Self::Dice(toxic, Box::new(ChaCha8Rng::from_seed(key))),
        }
    }

    /// Takes what came and queues what becomes of it.
    pub(super) fn take(&mut self, now: Duration, parcel: Parcel, queue: &mut Queue) {
        match (&mut *self, parcel) {
            (Self::Over, _) => {}
            (Self::Until(left, end), Parcel::Data(bytes)) if bytes.len() as u64 >= *left => {
                let (rest, end) = (bytes.slice(..*left as usize), end.clone());
                if !rest.is_empty() {
                    queue.push(now, Parcel::Data(rest));
                }
                queue.push(now, end);
                *self = Self::Over;
            }
            (Self::Until(left, _), parcel) => {
                *left -= parcel.len() as u64;
                queue.push(now, parcel);
            }
            (Self::Dice(toxic, dice), Parcel::Data(bytes)) => change(*toxic, dice, now, bytes, queue),
            (Self::Dice(toxic, dice), end) => queue.push(now + held(*toxic, dice, &end), end),
            (Self::Pass, parcel) => queue.push(now, parcel),
        }
    }
}

/// For how long an end is held back.
fn held(toxic: Toxic, dice: &mut ChaCha8Rng, end: &Parcel) -> Duration {
    match toxic {
        Toxic::Delay(by) => by,
        Toxic::Jitter(most) => up_to(dice, most),
        Toxic::SlowClose(by) if *end != Parcel::Reset => by,
        _ => Duration::ZERO,
    }
}

fn change(toxic: Toxic, dice: &mut ChaCha8Rng, now: Duration, bytes: Bytes, queue: &mut Queue) {
    match toxic {
        Toxic::Split(pieces, gap) => in_pieces(pieces, gap, dice, now, bytes, queue),
        // The last of them has not gone on: its time has not come.
        Toxic::Coalesce(_) if queue.next().is_some_and(|due| due > now) && queue.join(&bytes) => {}
        Toxic::Coalesce(within) => queue.push(now + within, Parcel::Data(bytes)),
        Toxic::Delay(by) => queue.push(now + by, Parcel::Data(bytes)),
        Toxic::Jitter(most) => queue.push(now + up_to(dice, most), Parcel::Data(bytes)),
        Toxic::Bandwidth(rate) => at_a_rate(rate, now, bytes, queue),
        Toxic::Corrupt(among) => queue.push(now, Parcel::Data(corrupted(among, dice, &bytes))),
        Toxic::Cut(_) | Toxic::Reset(_) | Toxic::SlowClose(_) => queue.push(now, Parcel::Data(bytes)),
    }
}

fn in_pieces(pieces: Pieces, gap: Duration, dice: &mut ChaCha8Rng, now: Duration, mut bytes: Bytes, queue: &mut Queue) {
    let mut due = now.max(if queue.next().is_some() { queue.last() + gap } else { now });
    while !bytes.is_empty() {
        let len = match pieces {
            Pieces::Of(len) => len,
            Pieces::Random => 1 + (dice.next_u64() % PIECE as u64) as usize,
        };
        queue.push(due, Parcel::Data(bytes.split_to(len.min(bytes.len()))));
        due += gap;
    }
}

/// Each step's bytes go on when they would have come through.
fn at_a_rate(rate: u64, now: Duration, mut bytes: Bytes, queue: &mut Queue) {
    let step = ((rate as f64 * STEP.as_secs_f64()) as usize).max(1);
    let mut due = now.max(queue.last());
    while !bytes.is_empty() {
        let piece = bytes.split_to(step.min(bytes.len()));
        due += Duration::from_secs_f64(piece.len() as f64 / rate as f64);
        queue.push(due, Parcel::Data(piece));
    }
}

fn corrupted(among: u64, dice: &mut ChaCha8Rng, bytes: &Bytes) -> Bytes {
    let mut flip = |byte: &u8| {
        let drawn = dice.next_u64();
        if drawn.is_multiple_of(among) { byte ^ 1 << (drawn >> 32 & 7) } else { *byte }
    };
    bytes.iter().map(&mut flip).collect()
}

fn up_to(dice: &mut ChaCha8Rng, most: Duration) -> Duration {
    Duration::from_micros(dice.next_u64() % (most.as_micros() as u64 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_reads_an_example_of_its_own() {
        let examples = [
            "split=random/1ms",
            "coalesce=5ms",
            "delay=1s",
            "jitter=20ms",
            "bandwidth=64KiB",
            "corrupt=1/1000",
            "cut=0",
            "reset=100",
            "slow-close=2s",
        ];
        for (kind, example) in TOXICS.iter().zip(examples) {
            assert!(example.starts_with(kind.name) && example.parse::<Toxic>().is_ok(), "{example}");
        }
        assert_eq!(TOXICS.len(), examples.len());
    }

    #[test]
    fn err_says_what_there_is_and_what_to_write() {
        let err = |text: &str| text.parse::<Toxic>().expect_err("no toxic").to_string();
        insta::assert_snapshot!(err("lag=5ms"), @"`lag` is no toxic; there are split, coalesce, delay, jitter, bandwidth, corrupt, cut, reset, slow-close");
        insta::assert_snapshot!(err("split"), @"`split` is wrong: write split=N|random|every-byte[/GAP]");
        insta::assert_snapshot!(err("corrupt=0.1"), @"`corrupt=0.1` is wrong: write corrupt=1/N");
        insta::assert_snapshot!(err("delay=5"), @"`delay=5` is wrong: write delay=D");
    }
}
