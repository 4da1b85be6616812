//! Several reports of one target, such as those of its shards, become one.

use std::collections::BTreeSet;

use thiserror::Error;

use super::folding::{conformance, requirements, summary};
use super::model::{CaseResult, Conformance, Report};

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

/// Puts the parts of a run together. Requirements and the verdict are folded anew over all cases.
pub fn merge(parts: Vec<Report>) -> Result<Report, MergeError> {
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
    whole.volatile.seconds += part.volatile.seconds;
    whole.volatile.logs.extend(part.volatile.logs);
    whole.volatile.round_trip_ms.extend(part.volatile.round_trip_ms);
    for (scenario, seconds) in part.volatile.seconds_by_scenario {
        *whole.volatile.seconds_by_scenario.entry(scenario).or_default() += seconds;
    }
    whole.volatile.started = whole.volatile.started.clone().min(part.volatile.started);
    whole.volatile.ending = None;
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
    report.cases.sort_by(|a, b| (&a.framing, &a.id).cmp(&(&b.framing, &b.id)));
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
    use crate::report::{canonical, specimen::specimen};

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
        let merged = merge(parts()).expect("parts of one");
        let whole = merge(vec![specimen()]).expect("a whole");
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
        assert_eq!(merge(vec![good.clone()]).expect("a whole").verdict, Conformance::Conforms);
        assert_eq!(merge(vec![good, nothing]).expect("parts").verdict, Conformance::Inconclusive);
    }

    #[test]
    fn cases_of_several_framings_are_told_apart() {
        let mut lines = specimen();
        lines.framings = vec!["lines".into()];
        lines.cases.iter_mut().for_each(|case| case.framing = "lines".into());
        let merged = merge(vec![specimen(), lines]).expect("other cases");
        assert!(merged.cases.iter().any(|case| case.id == "echo/plain (lines)"));
    }
}
