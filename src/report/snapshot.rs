//! The canonical report as a file that is reviewed, in insta's layout: a header between two lines `---`, then the body.
//!
//! `cargo insta review` can show and accept such a file. Only the body is compared: the header says how it came about.

use std::fmt::Write;

use similar::{ChangeTag, TextDiff};

use super::escape::visible;
use super::markdown;
use super::model::Report;
use crate::oracle::Verdict;

/// Lines around a difference.
const CONTEXT: usize = 3;

/// Further lines of a difference are counted, not shown.
const MOST: usize = 200;

/// A snapshot, as it stands in a file or comes from a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    header: String,
    body: String,
}

impl Snapshot {
    /// Of a run. How loaded the machine was must not show: what was flaky, that is, failed by time alone and not again,
    /// counts as passed; of the connections that were served at once it is said whether it was one or several.
    pub fn new(report: &Report) -> Self {
        let report = &unhurried(report);
        let framings = report.framings.iter().fold(String::new(), |all, framing| all + " --framing '" + framing + "'");
        let command = format!("echospec check{framings} --seed '{}'", report.seed);
        let quoted = serde_json::to_string(&visible(&command)).unwrap_or_default();
        let header = format!("source: echospec\nexpression: {quoted}\n");
        let body = normal(&String::from_utf8_lossy(&markdown::render(report)));
        Self { header, body }
    }

    /// Of a file. Without a header everything is body.
    pub fn parse(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let parts = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
        let (header, body) = parts.unwrap_or(("", &text));
        Self { header: format!("{header}\n"), body: normal(body) }
    }

    /// Whether it is something that echospec wrote, or an empty file, and may be replaced.
    pub fn is_ours(&self) -> bool {
        self.body.is_empty() || self.body.starts_with(markdown::TITLE)
    }

    /// What is written to the file.
    pub fn text(&self) -> String {
        format!("---\n{}---\n{}\n", self.header, self.body)
    }

    fn lines(&self) -> String {
        if self.body.is_empty() { String::new() } else { format!("{}\n", self.body) }
    }

    /// Whether both say the same of the target.
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.body == other.body
    }
}

fn unhurried(report: &Report) -> Report {
    let mut report = report.clone();
    for case in report.cases.iter_mut().filter(|case| case.verdict == Verdict::Flaky) {
        case.verdict = Verdict::Pass;
        (case.reason, case.stimulus, case.breaches) = (None, Vec::new(), Vec::new());
    }
    for one in report.requirements.iter_mut().filter(|one| one.verdict == Verdict::Flaky) {
        one.verdict = Verdict::Pass;
    }
    for finding in report.findings.iter_mut().filter(|finding| finding.key == "conns" && finding.value != "1") {
        (finding.value, finding.sentence) = ("several".into(), "serves several connections at once".into());
    }
    report
}

/// As insta compares: line ends of any system are the same, and blank lines at the end mean nothing.
fn normal(body: &str) -> String {
    body.replace("\r\n", "\n").trim_end().to_owned()
}

/// A line of a difference, with what it is: `-` accepted, `+` found, a blank for both, `@` for a place.
pub(super) type DifferenceLine = (char, String);

/// What changed between two snapshots, with a few lines around each change.
pub fn difference(accepted: &Snapshot, found: &Snapshot) -> Vec<DifferenceLine> {
    let (accepted, found) = (accepted.lines(), found.lines());
    let diff = TextDiff::from_lines(&accepted, &found);
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(('@', hunk.header().to_string()));
        for change in hunk.iter_changes() {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            lines.push((sign, visible(change.value().trim_end_matches('\n')).into_owned()));
        }
    }
    if lines.len() > MOST {
        let mut more = String::new();
        _ = write!(more, "… and {} more lines", lines.len() - MOST);
        lines.truncate(MOST);
        lines.push(('@', more));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Finding, specimen::specimen, tests::golden};

    fn shown(lines: &[DifferenceLine]) -> String {
        lines.iter().fold(String::new(), |text, (sign, line)| format!("{text}{sign}{line}\n"))
    }

    #[test]
    fn a_snapshot_that_was_written_is_read_back_the_same() {
        let snapshot = Snapshot::new(&specimen());
        assert_eq!(Snapshot::parse(&snapshot.text()), snapshot);
        golden("snapshot", snapshot.text().as_bytes());
    }

    #[test]
    fn line_ends_and_the_header_do_not_matter() {
        let found = Snapshot::new(&specimen());
        let text = found.text().replace('\n', "\r\n") + "\r\n\r\n";
        assert!(Snapshot::parse(&text).agrees_with(&found));
        assert!(Snapshot::parse(&found.body).agrees_with(&found), "a body alone");
        assert!(Snapshot::parse(&found.text().replace("source: echospec", "source: other")).agrees_with(&found));
    }

    #[test]
    fn what_a_run_found_differs_where_the_target_does() {
        let accepted = Snapshot::new(&specimen());
        let mut report = specimen();
        report.findings[0].value = "close".into();
        report.volatile.address = "elsewhere:1".into();
        let found = Snapshot::new(&report);
        assert!(!accepted.agrees_with(&found));
        golden("snapshot-difference", shown(&difference(&accepted, &found)).as_bytes());
    }

    #[test]
    fn a_loaded_machine_does_not_show() {
        let loaded = specimen();
        let mut idle = specimen();
        let conns = |value: &str| Finding {
            framing: "length:u32be".into(),
            key: "conns".into(),
            value: value.into(),
            declared: false,
            sentence: format!("serves {value}"),
        };
        let mut loaded = loaded;
        loaded.findings.push(conns("≥8"));
        idle.findings.push(conns("≥32"));
        let flaky = idle.cases.iter_mut().find(|case| case.verdict == Verdict::Flaky).expect("one is flaky");
        (flaky.verdict, flaky.reason) = (Verdict::Pass, None);
        idle.requirements.iter_mut().find(|one| one.id == "X-06").expect("its requirement").verdict = Verdict::Pass;
        assert!(Snapshot::new(&idle).agrees_with(&Snapshot::new(&loaded)));
        idle.findings.push(conns("1"));
        assert!(!Snapshot::new(&idle).agrees_with(&Snapshot::new(&loaded)), "one is not several");
    }

    #[test]
    fn a_long_difference_is_cut_and_counted() {
        let accepted = Snapshot::parse("");
        let found = Snapshot::parse(&"line\n".repeat(500));
        let lines = difference(&accepted, &found);
        assert_eq!(lines.len(), MOST + 1);
        assert_eq!(lines[MOST].1, format!("… and {} more lines", 501 - MOST));
    }
}
