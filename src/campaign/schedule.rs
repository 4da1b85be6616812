//! In which order the cases are played, and how many at once.
//!
//! What lasts longest goes first, so that its waiting passes while the others are played, and then what is largest. Cases
//! are made one scenario at a time as they are asked for, and those in progress hold a bounded number of bytes: all of
//! them together would be many.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::outcome::Outcome;
use super::run::context;
use super::{Calibration, Options};
use crate::framing::Framing;
use crate::oracle::Verdict;
use crate::scenario::{Case, Plan, Scenario};
use crate::session::{Demand, Script};

const MIB: usize = 1024 * 1024;

/// What holds more bytes than this is played beside the small ones, for which there is always room.
const LARGE: usize = 256 * 1024;

/// More failed variants of one scenario than this say nothing new: the others are not run.
pub(super) const VARIANTS: usize = 3;

/// Where a case stands in the report: the number of its scenario, and its own in it.
pub(super) type Place = (usize, usize);

/// The scenarios that are wanted, in the order in which they are played.
#[derive(Debug)]
pub(super) struct Schedule<'a> {
    entries: Vec<Entry<'a>>,
    /// How many cases there are.
    pub(super) cases: usize,
    /// The largest message that any of them sends, in bytes of payload.
    pub(super) largest: u64,
}

#[derive(Debug)]
struct Entry<'a> {
    scenario: &'a Scenario,
    number: usize,
    wait: Duration,
    /// How long one of its cases lasts at least.
    lasts: Duration,
    /// The most memory that one of its cases asks for, in bytes.
    bytes: usize,
    /// What each of its cases asks for, on each connection.
    demands: Vec<Vec<Demand>>,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(
        framing: &Framing,
        calibration: &Calibration,
        scenarios: &'a [Scenario],
        options: &Options,
    ) -> Self {
        let mut schedule = Self { entries: Vec::new(), cases: 0, largest: 0 };
        let context = context(framing, calibration, options, 1.0);
        for (number, scenario) in scenarios
            .iter()
            .enumerate()
            .filter(|(_, one)| one.side() == calibration.profile.side() && options.selection.takes(one))
        {
            let mut entry =
                Entry { scenario, number, wait: Duration::ZERO, lasts: Duration::ZERO, bytes: 0, demands: Vec::new() };
            for case in scenario.expand(&context).iter().filter(|case| options.selection.takes_case(case)) {
                let mut demands = Vec::new();
                if let Plan::Play(script) = &case.plan {
                    schedule.largest = schedule.largest.max(script.largest_message());
                    entry.wait = entry.wait.max(script.waits());
                    entry.lasts = entry.lasts.max(script.lasts());
                    entry.bytes = entry.bytes.max(script.footprint());
                    demands.extend(script.demands().into_values());
                }
                entry.demands.push(demands);
            }
            schedule.cases += entry.demands.len();
            schedule.entries.push(entry);
        }
        schedule.entries.sort_by_key(|entry| (Reverse(entry.lasts), Reverse(entry.bytes), entry.number));
        schedule
    }

    /// The cases of one group.
    pub(super) fn cases<'b>(
        &'b self,
        framing: &'b Framing,
        calibration: &'b Calibration,
        options: &'b Options,
        group: Group,
    ) -> impl Iterator<Item = (Place, Case)> + 'b {
        let entries = self.entries.iter().filter(move |entry| entry.group(calibration) == group);
        let cases = entries.flat_map(move |entry| {
            let cases = entry.scenario.expand(&context(framing, calibration, options, 1.0));
            cases.into_iter().enumerate().map(move |(index, case)| ((entry.number, index), case))
        });
        cases.filter(|(_, case)| options.selection.takes_case(case))
    }
}

impl Entry<'_> {
    /// All of its cases together: where one is heavy, the others are not much lighter.
    fn group(&self, calibration: &Calibration) -> Group {
        match () {
            () if self.scenario.watch.is_some() => Group::Weighed,
            () if self.work(calibration) > calibration.patience() => Group::Heavy,
            () if self.scenario.alone => Group::Alone,
            () if self.wait >= ASLEEP => Group::Sleepers,
            () if self.bytes > LARGE => Group::Large,
            () => Group::Beside,
        }
    }

    /// For how long the target may be busy with one of its cases.
    fn work(&self, calibration: &Calibration) -> Duration {
        let works = self.demands.iter().map(|demands| calibration.tempo.effort.over(demands.iter().copied()));
        works.max().unwrap_or_default()
    }
}

/// What waits so long by itself is asleep most of its time.
pub(super) const ASLEEP: Duration = Duration::from_millis(900);

/// What may run beside what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// Waits for most of its time, and does no harm: beside everything.
    Sleepers,
    /// Beside others of its kind.
    Beside,
    /// Beside others, too, but holds so much memory that only a few of them can be played at once.
    Large,
    /// May hurt the target, or needs all of it.
    Alone,
    /// Keeps the target busy for so long that others would wait in vain.
    Heavy,
    /// What it takes of the machine is measured: after all others.
    Weighed,
}

impl Group {
    pub(super) const ALL: [Self; 6] =
        [Self::Sleepers, Self::Beside, Self::Large, Self::Alone, Self::Heavy, Self::Weighed];
}

/// How the cases of a group are played.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lane {
    /// So many at once.
    pub(super) jobs: usize,
    /// They hold at most so many bytes together; a single one may hold more.
    bytes: usize,
    /// What the end of the target says of a case.
    pub(super) death: Death,
    /// Whether the target is left in peace after a case until it answers as quickly as it did at first.
    pub(super) rests: bool,
    /// Whether they wait for most of their time, and what they ask of the target comes at the ends of it.
    sleeps: bool,
}

/// Whom the death of the target is pinned on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    /// On the case that was played last.
    Pinned,
    /// On no one of those in progress.
    Shared,
    /// It was another case.
    Elsewhere,
}

impl Lane {
    /// One after another.
    pub(super) fn alone() -> Self {
        Self { jobs: 1, bytes: 0, death: Death::Pinned, rests: false, sleeps: false }
    }

    /// One after another, and with time between them.
    pub(super) fn heavy() -> Self {
        Self { rests: true, ..Self::alone() }
    }

    /// So few at once that they are all of one group; where it is one, the death of the target is its own.
    pub(super) fn few(jobs: usize) -> Self {
        let death = if jobs > 1 { Death::Shared } else { Death::Pinned };
        Self { jobs, bytes: 6 * MIB, death, rests: false, sleeps: false }
    }

    /// Beside each other, and nothing else.
    pub(super) fn asleep(jobs: usize) -> Self {
        Self { death: Death::Elsewhere, sleeps: true, ..Self::few(jobs) }
    }

    /// Of `jobs` cases at once each group that may be played beside others has its share: there is room for small ones
    /// whatever the others do. Nothing where there are too few to share.
    ///
    /// A target that is `slow` to answer leaves us waiting most of the time: it is asked more at once.
    pub(super) fn beside(jobs: usize, slow: bool) -> Option<Beside> {
        let lane = |jobs, bytes, death| Self { jobs, bytes, death, rests: false, sleeps: false };
        let (asleep, large) = (jobs / 2, jobs / 4);
        (large > 0).then(|| Beside {
            sleepers: Self { sleeps: true, ..lane(asleep, 20 * MIB, Death::Elsewhere) },
            large: lane(large, 16 * MIB, Death::Shared),
            small: lane(if slow { jobs } else { jobs - asleep - large }, 2 * MIB, Death::Shared),
        })
    }
}

/// So many lanes are used at the same time, and the target's patience is shared among them.
const LANES: u32 = 3;
/// Of those that are asleep few are at work at the same time: together they may ask for so many times the patience.
const MOSTLY_ASLEEP: u32 = 4;

/// The lanes that are used at the same time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beside {
    pub(super) sleepers: Lane,
    pub(super) large: Lane,
    pub(super) small: Lane,
}

/// What a case asks for while it is in progress.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Burden {
    /// Of our memory, in bytes.
    bytes: usize,
    /// Of the target's time.
    work: Duration,
}

impl Burden {
    pub(super) fn of(script: &Script, calibration: &Calibration) -> Self {
        Self { bytes: script.footprint(), work: calibration.work(script) }
    }

    pub(super) fn of_case(case: &Case, calibration: &Calibration) -> Self {
        match &case.plan {
            Plan::Play(script) => Self::of(script, calibration),
            Plan::Skip(_) => Self::default(),
        }
    }
}

/// How much is in progress in a lane.
#[derive(Debug)]
pub(super) struct Load {
    lane: Lane,
    /// How long the target may be busy with all of it together.
    patience: Duration,
    cases: usize,
    sum: Burden,
}

impl Load {
    pub(super) fn new(lane: Lane, patience: Duration) -> Self {
        let patience = if lane.sleeps { patience * MOSTLY_ASLEEP } else { patience / LANES };
        Self { lane, patience, cases: 0, sum: Burden::default() }
    }

    /// Whether a case may begin now.
    pub(super) fn takes(&self, burden: Burden) -> bool {
        let fits = || self.sum.bytes + burden.bytes <= self.lane.bytes && self.sum.work + burden.work <= self.patience;
        self.cases == 0 || (self.cases < self.lane.jobs && fits())
    }

    pub(super) fn begin(&mut self, burden: Burden) {
        self.cases += 1;
        self.sum = Burden { bytes: self.sum.bytes + burden.bytes, work: self.sum.work + burden.work };
    }

    pub(super) fn end(&mut self, burden: Burden) {
        self.cases -= 1;
        self.sum = Burden { bytes: self.sum.bytes - burden.bytes, work: self.sum.work.saturating_sub(burden.work) };
    }
}

/// How many variants of each scenario have failed so far.
///
/// Cases of a scenario begin in order, so what is left out after [`VARIANTS`] failures lies behind all of them: the
/// same is left out in every run, but for what was in progress by then, which [`summarise`] leaves out, too.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<BTreeMap<String, usize>>);

impl Failures {
    pub(super) fn count(&self, scenario: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(scenario.to_owned()).or_default() += 1;
    }

    pub(super) fn forget(&self, scenario: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(scenario);
    }

    pub(super) fn are_enough(&self, scenario: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(scenario).is_some_and(|count| *count >= VARIANTS)
    }
}

/// Why a variant was not run, or its outcome left out.
pub(super) fn enough() -> String {
    format!("{VARIANTS} variants of this scenario had failed")
}

/// The first failed variants of a scenario prove it; whatever the others did adds nothing. Expects the outcomes in order.
pub(super) fn summarise(outcomes: &mut [Outcome]) {
    let failures = Failures::default();
    for outcome in outcomes {
        if failures.are_enough(&outcome.case.scenario) && outcome.verdict != Verdict::Skipped {
            *outcome = Outcome::without_run(outcome.case.clone(), Verdict::NotRun, enough());
        } else if outcome.verdict == Verdict::Fail {
            failures.count(&outcome.case.scenario);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Profile, Tempo};

    #[test]
    fn lanes_share_the_cases_at_once_and_where_there_are_few_there_is_one() {
        for jobs in 1..100 {
            match Lane::beside(jobs, false) {
                Some(Beside { sleepers, large, small }) => {
                    assert_eq!(sleepers.jobs + large.jobs + small.jobs, jobs);
                    assert!([sleepers, large, small].iter().all(|lane| lane.jobs > 0), "{jobs}");
                }
                None => assert!(jobs < 4, "{jobs}"),
            }
        }
    }

    #[test]
    fn a_case_that_is_larger_than_its_lane_runs_by_itself() {
        let lane = Lane { jobs: 4, bytes: 100, death: Death::Shared, rests: false, sleeps: false };
        let mut load = Load::new(lane, Duration::from_secs(1));
        let of = |bytes| Burden { bytes, work: Duration::ZERO };
        assert!(load.takes(of(1000)));
        load.begin(of(1000));
        assert!(!load.takes(of(1)));
        load.end(of(1000));
        load.begin(of(60));
        assert!(load.takes(of(40)) && !load.takes(of(41)));
    }

    #[test]
    fn every_case_is_in_one_group_however_slow_the_target_turns_out_to_be() {
        let framing: Framing = "length:u32be,max=64KiB".parse().unwrap();
        let scenarios = crate::scenario::builtin().unwrap();
        let options = Options::default();
        let (tempo, round_trip) = (Tempo::for_round_trip(Duration::from_millis(1)), Duration::from_millis(1));
        let mut calibration = Calibration {
            profile: Profile::declared(&framing),
            tempo,
            round_trip,
            sound: true,
            died_of: None,
            end: None,
        };
        let schedule = Schedule::new(&framing, &calibration, &scenarios, &options);
        for mebibyte in [0, 10, 1000] {
            calibration.tempo.effort.mebibyte_beside = Duration::from_millis(mebibyte);
            let cases = |group| schedule.cases(&framing, &calibration, &options, group).map(|(place, _)| place);
            let mut places: Vec<_> = Group::ALL.into_iter().flat_map(cases).collect();
            places.sort_unstable();
            let played = places.len();
            places.dedup();
            assert_eq!((played, places.len()), (schedule.cases, schedule.cases), "{mebibyte} ms");
        }
    }
}
