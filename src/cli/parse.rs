//! Values of options that several commands share, and what is wrong with those that are refused.

use std::time::Duration;

use crate::campaign::Shard;
use crate::framing::Framing;
use crate::oracle::Level;
use crate::peer::client::fault as client_faults;
use crate::peer::{ClientFault, Fault, fault as faults};
use crate::scenario::file::Size;

/// A framing; an error shows the string with a mark at the wrong place, so it begins on a line of its own.
pub(super) fn framing(text: &str) -> Result<Framing, String> {
    text.parse::<Framing>().map_err(|error| format!("\n\n  {}", error.to_string().replace('\n', "\n  ")))
}

/// A time such as `500ms`, `2s` or `1m 30s`; never zero.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("a time must be longer than nothing".into()),
        Ok(duration) => Ok(duration),
        Err(_) => Err("a time is a number with its unit, as in 500ms, 2s or 5m".into()),
    }
}

/// A known fault.
pub(super) fn fault(name: &str) -> Result<&'static Fault, String> {
    let of_a_client = || client_faults::find(name).map(|_| format!("it is a fault of a client: `send --fault {name}`"));
    faults::find(name)
        .ok_or_else(|| of_a_client().unwrap_or_else(|| unknown_fault(name, faults::all().map(|(_, fault)| fault.name))))
}

/// A known fault of a client.
pub(super) fn client_fault(name: &str) -> Result<&'static ClientFault, String> {
    let of_a_server = || faults::find(name).map(|_| format!("it is a fault of a server: `serve --fault {name}`"));
    let all = client_faults::all().map(|(_, fault)| fault.name);
    client_faults::find(name).ok_or_else(|| of_a_server().unwrap_or_else(|| unknown_fault(name, all)))
}

fn unknown_fault(name: &str, all: impl Iterator<Item = &'static str>) -> String {
    let all: Vec<_> = all.collect();
    let near = similar::get_close_matches(name, &all, 1, 0.6);
    let near = near.first().map_or(String::new(), |near| format!(" `{near}`?"));
    format!("there is no such fault;{near} `echospec list faults` shows them")
}

/// Exit statuses.
pub(super) type Statuses = std::sync::Arc<[i32]>;

/// `0`, `0,3-5`.
pub(super) fn statuses(text: &str) -> Result<Statuses, String> {
    let wrong = || format!("`{text}` is no list of exit statuses from 0 to 255, as in 0,3-5");
    let mut all = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let code = |text: &str| text.trim().parse::<u8>().map_err(|_| wrong());
        let (first, last) = (code(first)?, code(last)?);
        if first > last {
            return Err(wrong());
        }
        all.extend((first..=last).map(i32::from));
    }
    Ok(all.into())
}

/// What every deadline is multiplied by.
pub(super) fn time_scale(text: &str) -> Result<f64, String> {
    let within = |scale: &f64| (0.01..=1000.0).contains(scale);
    text.parse().ok().filter(within).ok_or_else(|| "a time scale is a number from 0.01 to 1000".into())
}

/// A size such as `4096` or `64KiB`, from one byte on.
pub(super) fn size(text: &str) -> Result<usize, String> {
    match text.parse::<Size>() {
        Ok(Size::Bytes(bytes @ 1..)) => Ok(bytes as usize),
        _ => Err("a size is a number of bytes up to 64MiB, as in 4096 or 64KiB".into()),
    }
}

/// `2/3`: the second of three parts.
pub(super) fn shard(text: &str) -> Result<Shard, String> {
    let number = |text: &str| text.parse::<usize>().ok();
    let parts = text.split_once('/').and_then(|(index, count)| Some((number(index)?, number(count)?)));
    match parts {
        Some((index, count)) if (1..=count).contains(&index) => Ok(Shard { index, count }),
        Some((_, count)) if count > 0 => Err(format!("of {count} parts there are 1/{count} to {count}/{count}")),
        _ => Err("a shard is K/N, as in 1/4: the first of four parts".into()),
    }
}

/// The levels, offered by name.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum LevelName {
    /// only a broken MUST is a failure
    Must,
    /// a broken SHOULD is one, too
    Should,
    /// so is a broken MAY
    May,
}

impl From<LevelName> for Level {
    fn from(name: LevelName) -> Self {
        match name {
            LevelName::Must => Self::Must,
            LevelName::Should => Self::Should,
            LevelName::May => Self::May,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_shards_and_times() {
        assert_eq!(shard("2/3"), Ok(Shard { index: 2, count: 3 }));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(time_scale("2.5"), Ok(2.5));
    }

    #[test]
    fn err_says_what_is_possible() {
        let wrong_shard = |text| shard(text).expect_err("no shard");
        insta::assert_snapshot!(wrong_shard("4/3"), @"of 3 parts there are 1/3 to 3/3");
        insta::assert_snapshot!(wrong_shard("0/3"), @"of 3 parts there are 1/3 to 3/3");
        insta::assert_snapshot!(wrong_shard("1/0"), @"a shard is K/N, as in 1/4: the first of four parts");
        insta::assert_snapshot!(wrong_shard("1"), @"a shard is K/N, as in 1/4: the first of four parts");
        insta::assert_snapshot!(duration("0s").expect_err("no time"), @"a time must be longer than nothing");
        insta::assert_snapshot!(duration("5").expect_err("no time"), @"a time is a number with its unit, as in 500ms, 2s or 5m");
        insta::assert_snapshot!(time_scale("NaN").expect_err("no scale"), @"a time scale is a number from 0.01 to 1000");
        insta::assert_snapshot!(time_scale("0").expect_err("no scale"), @"a time scale is a number from 0.01 to 1000");
        insta::assert_snapshot!(framing("length:u33be").expect_err("no framing"), @r#"


length:u33be
       ^^^^^ unknown field `u33be`, did you mean `u32be`?; possible: u8 u16be u16le u24be u24le u32be u32le u32ne u64be u64le i8 i16be i16le i32be i32le i64be i64le varint vlq quic ber zmtp ws dec hex oct header chunked11 http-chunked
"#);
    }
}
