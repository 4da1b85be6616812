//! The verdict on a whole run in one sentence.

use super::escape::visible;
use super::model::{Conformance, Report, RequirementResult};
use crate::oracle::Verdict;

/// More ids than this are not named.
const NAMED: usize = 8;

/// `2 of 48 requirements failed (LEN-03, SEG-02); 40 passed, 6 were skipped`.
pub(super) fn sentence(report: &Report) -> String {
    let total = report.requirements.len();
    let lead = match report.verdict {
        Conformance::Conforms => format!("no requirement of {total} failed"),
        Conformance::DoesNotConform => {
            let failed: Vec<_> = counted(report, &[Verdict::Fail]).collect();
            let tallies = report.tallies();
            let expected = failed.iter().filter(|one| tallies.is_expected(one)).count();
            let expected = match expected {
                0 => String::new(),
                all if all == failed.len() => ", as expected".into(),
                some => format!(", {some} of them as expected"),
            };
            match failed.as_slice() {
                [] => "cases failed that are about no requirement".into(),
                failed => format!("{} of {} failed ({}){expected}", failed.len(), requirements(total), ids(failed)),
            }
        }
        Conformance::Inconclusive => {
            let open: Vec<_> = counted(report, &[Verdict::Inconclusive, Verdict::NotRun]).collect();
            match open.as_slice() {
                [] => "nothing failed, but not everything was judged".into(),
                open => {
                    format!("nothing failed, but {} of {} stayed open ({})", open.len(), requirements(total), ids(open))
                }
            }
        }
        Conformance::NotTested => "nothing was judged, so nothing can be said of the target".into(),
    };
    let mut counts = counts(report);
    if !report.stale.is_empty() {
        counts.push(format!("{} no longer as expected", report.stale.len()));
    }
    if counts.is_empty() { lead } else { format!("{lead}; {}", counts.join(", ")) }
}

fn counted<'a>(report: &'a Report, verdicts: &'a [Verdict]) -> impl Iterator<Item = &'a RequirementResult> {
    report.requirements.iter().filter(|one| report.counts(one) && verdicts.contains(&one.verdict))
}

/// How many requirements came to what, apart from failures.
fn counts(report: &Report) -> Vec<String> {
    let of = |verdict| report.requirements_with(verdict).count();
    let warnings = report.requirements_with(Verdict::Fail).filter(|one| !report.counts(one)).count();
    let all = [
        (of(Verdict::Pass), "passed"),
        (warnings, if warnings == 1 { "warning" } else { "warnings" }),
        (of(Verdict::Flaky), "flaky"),
        (of(Verdict::Inconclusive), "inconclusive"),
        (of(Verdict::Skipped), "skipped"),
        (of(Verdict::NotRun), "not run"),
    ];
    all.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
}

fn requirements(count: usize) -> String {
    if count == 1 { "1 requirement".into() } else { format!("{count} requirements") }
}

fn ids(requirements: &[&RequirementResult]) -> String {
    let mut ids: Vec<_> = requirements.iter().take(NAMED).map(|one| visible(&one.id)).collect();
    if requirements.len() > NAMED {
        ids.push("…".into());
    }
    ids.join(", ")
}

#[cfg(test)]
mod tests {
    /// Found by the fuzz target `report`: ids came through as they stood in a stored report.
    #[test]
    fn an_id_does_not_move_the_cursor() {
        let mut report = crate::report::specimen::specimen();
        for requirement in &mut report.requirements {
            requirement.id = "\u{1b}[2J".into();
        }
        assert!(super::sentence(&report).contains(r"\u{1b}[2J"));
    }
}
