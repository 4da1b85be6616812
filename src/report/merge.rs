//! Several reports of one target, such as those of its shards, become one.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::escape::visible;
use super::folding::{conformance, requirements, summary};
use super::model::{CaseResult, Conformance, Part, Report};

/// Why reports are no parts of one.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MergeError {
    /// There is nothing to merge.
    #[error("no report was given")]
    Nothing,
    /// They were not judged alike.
    #[error("the reports do not belong together: one has the {what} `{one}`, another `{other}`")]
    Differs {
        /// `seed` or `level`.
        what: &'static str,
        /// Of the first report.
        one: String,
        /// Of a later one.
        other: String,
    },
    /// Two of them judged the same case.
    #[error("two reports judged the same case, {0}: parts of one run have none in common (to compare them: --compare)")]
    Twice(String),
}

/// Several reports put together.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// The whole.
    pub report: Report,
    /// What speaks against taking them for the parts of one run, a sentence each.
    pub doubts: Vec<String>,
    /// No part is known to be missing, or was stopped before its end.
    pub complete: bool,
}

/// Puts the parts of a run together. Requirements and the verdict are folded anew over all cases.
pub fn merge(parts: Vec<Report>) -> Result<Merged, MergeError> {
    let stopped = parts.iter().filter(|part| part.is_partial()).count();
    let stopped = (stopped > 0).then(|| format!("of the reports, {stopped} came from runs that were stopped early"));
    let lacking: Vec<_> = missing(&parts).into_iter().chain(stopped).collect();
    let complete = lacking.is_empty();
    let doubts = differing(&parts).into_iter().chain(lacking).collect();
    let mut report = put_together(parts)?;
    if complete {
        report.parts.clear();
    } else if report.verdict == Conformance::Conforms {
        report.verdict = Conformance::Inconclusive; // what is missing might have failed
    }
    Ok(Merged { report, doubts, complete })
}

/// What the parts of one run have in common, as a rule.
fn differing(parts: &[Report]) -> Vec<String> {
    let of = |what: &str, of: fn(&Report) -> &str| {
        let all: BTreeSet<_> = parts.iter().map(of).collect();
        let named: Vec<_> = all.iter().map(|one| if one.is_empty() { "none".into() } else { visible(one) }).collect();
        (all.len() > 1)
            .then(|| format!("the reports are put together, but name different {what}: {}", named.join(", ")))
    };
    let told = [
        of("commands", |part| &part.volatile.command),
        of("addresses", |part| &part.volatile.address),
        of("versions of echospec", |part| &part.version),
    ];
    told.into_iter().flatten().collect()
}

/// More parts than this are not named.
const NAMED: usize = 8;

/// Parts that are not there, of each set of framings.
fn missing(reports: &[Report]) -> Vec<String> {
    let mut divisions: BTreeMap<(&[String], usize), BTreeSet<usize>> = BTreeMap::new();
    for report in reports {
        for part in &report.parts {
            divisions.entry((&report.framings, part.of)).or_default().insert(part.number);
        }
    }
    let told = divisions.into_iter().filter_map(|((framings, of), there)| {
        let mut lacking =
            (1..=of).filter(|number| !there.contains(number)).map(|number| Part { number, of }.to_string());
        let mut named: Vec<_> = lacking.by_ref().take(NAMED).collect();
        named.extend(lacking.next().map(|_| "…".into()));
        let framings = visible(&framings.join(", ")).into_owned();
        (!named.is_empty()).then(|| format!("of the parts in {framings}, these are missing: {}", named.join(", ")))
    });
    told.collect()
}

fn put_together(parts: Vec<Report>) -> Result<Report, MergeError> {
    let mut parts = parts.into_iter();
    let mut whole = parts.next().ok_or(MergeError::Nothing)?;
    let mut empty = whole.cases.is_empty();
    let mut known = whole.requirements.clone();
    name_fully(&mut whole);
    for mut part in parts {
        check(&whole, &part)?;
        empty |= part.cases.is_empty();
        known.extend(part.requirements.iter().cloned());
        name_fully(&mut part);
        absorb(&mut whole, part);
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = whole.cases.iter().find(|case| !seen.insert(&case.id)) {
        return Err(MergeError::Twice(twice.id.clone()));
    }
    name_briefly(&mut whole);
    whole.requirements = requirements(&whole.cases);
    for one in &mut whole.requirements {
        // Of a requirement that this version does not have, what the report says of it is all that is known.
        if let Some(stored) = known.iter().find(|stored| stored.id == one.id) {
            (one.level, one.sentence) = (stored.level, stored.sentence.clone());
        }
    }
    whole.verdict = conformance(&whole.requirements, &whole.cases, whole.level);
    if empty && whole.verdict == Conformance::Conforms {
        whole.verdict = Conformance::Inconclusive; // a part that judged nothing might have failed
    }
    whole.summary = summary(&whole.requirements, &whole.cases, whole.level);
    Ok(whole)
}

fn check(whole: &Report, part: &Report) -> Result<(), MergeError> {
    let differs = |what, one: &str, other: &str| {
        let differs = MergeError::Differs { what, one: one.into(), other: other.into() };
        if one == other { Ok(()) } else { Err(differs) }
    };
    differs("seed", &whole.seed, &part.seed)?;
    differs("level", &whole.level.to_string(), &part.level.to_string())?;
    differs("target", &whole.target, &part.target)
}

fn absorb(whole: &mut Report, part: Report) {
    for framing in part.framings {
        if !whole.framings.contains(&framing) {
            whole.framings.push(framing);
        }
    }
    whole.framing = whole.framings.join(" ");
    whole.cases.extend(part.cases);
    for finding in part.findings {
        if !whole.findings.contains(&finding) {
            whole.findings.push(finding);
        }
    }
    whole.stale.extend(part.stale);
    whole.parts.extend(part.parts);
    whole.parts.sort_unstable();
    whole.parts.dedup();
    join(&mut whole.volatile.address, &part.volatile.address);
    join(&mut whole.volatile.command, &part.volatile.command);
    whole.volatile.seconds += part.volatile.seconds;
    whole.volatile.logs.extend(part.volatile.logs);
    whole.volatile.round_trip_ms.extend(part.volatile.round_trip_ms);
    for (scenario, seconds) in part.volatile.seconds_by_scenario {
        *whole.volatile.seconds_by_scenario.entry(scenario).or_default() += seconds;
    }
    whole.volatile.started = whole.volatile.started.clone().min(part.volatile.started);
    whole.volatile.ending = None;
}

/// Names the other one, too, if it is another.
fn join(all: &mut String, other: &str) {
    if !other.is_empty() && !all.split(", ").any(|one| one == other) {
        let between = if all.is_empty() { "" } else { ", " };
        *all = format!("{all}{between}{other}");
    }
}

/// Every case with its framing behind it, so that equal ids mean equal cases.
fn name_fully(report: &mut Report) {
    rename(report, |case| format!("{} ({})", case.plain_id(), case.framing));
}

/// As a run names them: with the framing only where there are several.
fn name_briefly(report: &mut Report) {
    if report.framings.len() == 1 {
        rename(report, |case| case.plain_id().to_owned());
    }
    // The cases of a scenario are parts of one report, and in their order.
    let place = |case: &CaseResult| report.framings.iter().position(|framing| *framing == case.framing);
    report.cases.sort_by_cached_key(|case| (place(case), case.scenario.clone()));
}

fn rename(report: &mut Report, name: impl Fn(&CaseResult) -> String) {
    for case in &mut report.cases {
        let id = name(case);
        if let Some(log) = report.volatile.logs.remove(&case.id) {
            report.volatile.logs.insert(id.clone(), log);
        }
        case.id = id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Ending, canonical, specimen::specimen};

    /// The specimen in two parts, every second case in each.
    fn parts() -> Vec<Report> {
        let part = |keep: usize| {
            let mut part = specimen();
            let mut index = 0;
            part.cases.retain(|_| {
                index += 1;
                index % 2 == keep
            });
            part.volatile.logs.retain(|id, _| part.cases.iter().any(|case| &case.id == id));
            part.requirements = requirements(&part.cases);
            for one in &mut part.requirements {
                let stored = specimen();
                let stored = stored.requirement(&one.id).expect("one of the specimen's");
                (one.level, one.sentence) = (stored.level, stored.sentence.clone());
            }
            part
        };
        vec![part(0), part(1)]
    }

    #[test]
    fn the_parts_of_a_run_make_the_whole() {
        let Merged { report: merged, doubts, .. } = merge(parts()).expect("parts of one");
        assert_eq!(doubts, Vec::<String>::new());
        let whole = merge(vec![specimen()]).expect("a whole").report;
        let stale = whole.stale.clone();
        assert_eq!(canonical(&Report { stale, ..merged.clone() }), canonical(&whole));
        assert_eq!(merged.volatile.logs.len(), specimen().volatile.logs.len(), "with the logs");
    }

    #[test]
    fn what_is_no_part_is_refused() {
        let two = || vec![specimen(), specimen()];
        assert!(matches!(merge(two()), Err(MergeError::Twice(_))));
        assert_eq!(merge(Vec::new()), Err(MergeError::Nothing));
        let mut other = parts();
        other[1].seed = "5".into();
        insta::assert_snapshot!(merge(other).expect_err("refused"), @"the reports do not belong together: one has the seed `4f1d2c3`, another `5`");
    }

    #[test]
    fn a_part_that_judged_nothing_keeps_the_whole_from_conforming() {
        let mut good = specimen();
        good.cases.retain(|case| case.verdict == crate::oracle::Verdict::Pass);
        let nothing = Report { cases: Vec::new(), requirements: Vec::new(), ..specimen() };
        assert_eq!(merge(vec![good.clone()]).expect("a whole").report.verdict, Conformance::Conforms);
        assert_eq!(merge(vec![good, nothing]).expect("parts").report.verdict, Conformance::Inconclusive);
    }

    #[test]
    fn a_missing_part_is_told_and_keeps_the_whole_from_conforming() {
        let mut all = parts();
        for (part, (number, passed)) in all.iter_mut().zip([(1, 0), (3, 1)]) {
            part.cases = vec![specimen().cases[passed].clone()];
            part.parts = vec![Part { number, of: 12 }];
        }
        let merged = merge(all.clone()).expect("parts");
        assert!(!merged.complete);
        assert_eq!((merged.report.verdict, merged.report.part()), (Conformance::Inconclusive, "1/12, 3/12".into()));
        insta::assert_snapshot!(merged.doubts.join("\n"), @"of the parts in length:u32be, delimiter:lf, these are missing: 2/12, 4/12, 5/12, 6/12, 7/12, 8/12, 9/12, 10/12, …");
        let two = |number| vec![Part { number, of: 2 }];
        (all[0].parts, all[1].parts) = (two(1), two(2));
        let merged = merge(all).expect("parts");
        assert_eq!((merged.complete, merged.report.verdict), (true, Conformance::Conforms));
        assert_eq!((merged.report.part(), merged.doubts), (String::new(), Vec::new()));
    }

    #[test]
    fn a_part_that_was_stopped_is_told() {
        let mut all = parts();
        all[1].volatile.ending = Some(Ending { exit_code: 130, because: "partial: interrupted".into(), partial: true });
        let merged = merge(all).expect("parts");
        assert!(!merged.complete);
        assert_eq!(merged.doubts, ["of the reports, 1 came from runs that were stopped early"]);
    }

    #[test]
    fn what_was_judged_elsewhere_or_started_otherwise_is_told() {
        let mut all = parts();
        all[0].volatile.command = "python3 one.py {port}".into();
        all[1].volatile.command = "python3 \u{1b}[2J".into();
        all[1].volatile.address = "10.0.0.1:7000".into();
        let merged = merge(all).expect("parts");
        insta::assert_snapshot!(merged.doubts.join("\n"), @r"
        the reports are put together, but name different commands: python3 \u{1b}[2J, python3 one.py {port}
        the reports are put together, but name different addresses: 10.0.0.1:7000, 127.0.0.1:7000
        ");
        assert_eq!(merged.report.volatile.address, "127.0.0.1:7000, 10.0.0.1:7000");
    }

    #[test]
    fn cases_of_several_framings_are_told_apart() {
        let mut lines = specimen();
        lines.framings = vec!["lines".into()];
        lines.cases.iter_mut().for_each(|case| case.framing = "lines".into());
        let merged = merge(vec![specimen(), lines]).expect("other cases").report;
        assert!(merged.cases.iter().any(|case| case.id == "echo/plain (lines)"));
    }
}
