//! One page, whole in itself: no network, and whoever has scripts turned off reads the same. What it filters by are the
//! boxes that the style sheet looks at; the script only keeps what nobody looks at from costing time.

mod sequence;

use askama::Template;

use super::difference::difference;
use super::escape::visible;
use super::model::{CaseLog, CaseResult, Report};
use super::sentence::sentence;
use crate::oracle::{self, Breach, Verdict};
use sequence::{Row, rows};

/// So many wire logs are drawn; of further cases the page has their lines.
const DRAWN: usize = 1000;

/// Cases that are made ready together, when one of them comes near the window.
const SOME: usize = 50;

const SCRIPT: &str = include_str!("../../../templates/report.js");

/// The page's policy lets this script run, and nothing that a hostile name might smuggle in.
const SCRIPT_HASH: &str = "sha256-Y+Tqi9ShbiB3vhdK9qteOX24lbf8g7z8za+8JvtODqw=";

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    style: &'static str,
    script: &'static str,
    script_hash: &'static str,
    class: String,
    sentence: String,
    because: &'a str,
    exit_code: u8,
    facts: Vec<(&'static str, String)>,
    counts: Vec<Count>,
    framings: &'a [String],
    requirements: Vec<RequirementRow<'a>>,
    groups: Vec<Group<'a>>,
}

/// One box of the filter.
struct Count {
    class: &'static str,
    label: &'static str,
    cases: usize,
}

struct RequirementRow<'a> {
    id: &'a str,
    level: String,
    word: &'static str,
    sentence: &'a str,
    why: &'static str,
    cells: Vec<Cell<'a>>,
}

/// A requirement in a framing.
struct Cell<'a> {
    framing: &'a str,
    word: &'static str,
    share: String,
    anchor: Option<usize>,
}

struct Group<'a> {
    framing: &'a str,
    /// Cases of one verdict together: a box then shows or hides one element, however many cases are in it.
    verdicts: Vec<(&'static str, Vec<Case<'a>>)>,
}

impl<'a> Group<'a> {
    fn new(framing: &'a str) -> Self {
        Self { framing, verdicts: WORDS.map(|(word, _)| (word, Vec::new())).into() }
    }

    fn cases(&self) -> impl Iterator<Item = &Case<'a>> {
        self.verdicts.iter().flat_map(|(_, cases)| cases)
    }

    fn push(&mut self, case: Case<'a>) {
        if let Some((_, cases)) = self.verdicts.iter_mut().find(|(word, _)| *word == case.word) {
            cases.push(case);
        }
    }
}

struct Case<'a> {
    number: usize,
    word: &'static str,
    result: &'a CaseResult,
    requirements: Vec<(&'a str, &'a str)>,
    breaches: Vec<BreachView<'a>>,
    rows: Vec<Row>,
    lines: &'a [String],
    details: &'a [String],
    rerun: &'a str,
}

struct BreachView<'a> {
    breach: &'a Breach,
    expected: Option<[String; 3]>,
    actual: Option<[String; 3]>,
}

/// A verdict as the page names it, in the order of its boxes; the words are classes of the style sheet, too.
const WORDS: [(&str, &str); 8] = [
    ("fail", "failed"),
    ("warning", "failed, as a warning"),
    ("expected", "failed as expected"),
    ("inconclusive", "inconclusive"),
    ("flaky", "flaky"),
    ("not-run", "not run"),
    ("skipped", "skipped"),
    ("pass", "passed"),
];

pub(super) fn render(report: &Report) -> Vec<u8> {
    let page = page(report);
    page.render().unwrap_or_else(|error| error.to_string()).into_bytes()
}

fn page(report: &Report) -> Page<'_> {
    let groups = groups(report);
    let counts = WORDS.iter().map(|(class, label)| {
        let cases = groups.iter().flat_map(Group::cases).filter(|case| case.word == *class).count();
        Count { class, label, cases }
    });
    let counts = counts.filter(|count| count.cases > 0).collect();
    Page {
        style: include_str!("../../../templates/report.css"),
        script: SCRIPT,
        script_hash: SCRIPT_HASH,
        class: report.verdict.phrase().replace(' ', "-"),
        sentence: sentence(report),
        because: report.volatile.ending.as_ref().map_or("", |ending| &ending.because),
        exit_code: report.exit_code(),
        facts: facts(report),
        counts,
        framings: &report.framings,
        requirements: matrix(report, &groups),
        groups,
        report,
    }
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let facts = [
        ("target", report.target.clone()),
        ("address", report.volatile.address.clone()),
        ("command", report.volatile.command.clone()),
        ("framing", report.framings.join(", ")),
        ("counts as failure", format!("from {} up", report.level)),
        ("seed", report.seed.clone()),
        ("part", report.part()),
        ("begun", report.volatile.started.clone()),
        ("took", format!("{:.1} s", report.volatile.seconds)),
        ("echospec", report.version.clone()),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (number, result) in report.cases.iter().enumerate() {
        let at = groups.iter().position(|group| group.framing == result.framing).unwrap_or_else(|| {
            groups.push(Group::new(&result.framing));
            groups.len() - 1
        });
        groups[at].push(case(report, number, result));
    }
    let cases = groups.iter_mut().flat_map(|group| &mut group.verdicts).flat_map(|(_, cases)| cases);
    let logged = cases.filter_map(|case| report.volatile.logs.get(&case.result.id).map(|log| (case, log)));
    for (index, (case, log)) in logged.enumerate() {
        case.add(log, index < DRAWN);
    }
    groups
}

impl<'a> Case<'a> {
    fn add(&mut self, log: &'a CaseLog, drawn: bool) {
        if drawn {
            self.rows = rows(&log.events);
        }
        if self.rows.is_empty() {
            self.lines = &log.wire;
        }
        (self.details, self.rerun) = (&log.details, &log.rerun);
    }
}

fn case<'a>(report: &'a Report, number: usize, result: &'a CaseResult) -> Case<'a> {
    let requirement = |id: &'a String| (id.as_str(), report.requirement(id).map_or("", |one| one.sentence.as_str()));
    Case {
        number,
        word: word(result.verdict, result.expected.is_some(), report.case_counts(result)),
        result,
        requirements: result.requirements.iter().map(requirement).collect(),
        breaches: result.breaches.iter().map(breach).collect(),
        rows: Vec::new(),
        lines: &[],
        details: &[],
        rerun: "",
    }
}

fn breach(breach: &Breach) -> BreachView<'_> {
    let (expected, actual) = match (&breach.expected, &breach.actual) {
        (Some(expected), Some(actual)) => {
            let both = difference(expected, actual);
            let parts = |side: &str| both.parts(side).map(str::to_owned);
            (Some(parts(&both.expected)), Some(parts(&both.actual)))
        }
        (expected, actual) => {
            let whole = |side: &Option<String>| side.as_ref().map(|side| [side.clone(), String::new(), String::new()]);
            (whole(expected), whole(actual))
        }
    };
    BreachView { breach, expected, actual }
}

fn matrix<'a>(report: &'a Report, groups: &[Group<'_>]) -> Vec<RequirementRow<'a>> {
    let tallies = report.tallies();
    let by_framing: Vec<(&str, Vec<&Case<'_>>)> =
        groups.iter().map(|group| (group.framing, group.cases().collect())).collect();
    let mut cells = sequence_of_cells(report, &by_framing);
    let rows = report.requirements.iter().map(|one| RequirementRow {
        id: &one.id,
        level: one.level.to_string(),
        word: word(one.verdict, tallies.is_expected(one), report.counts(one)),
        sentence: &one.sentence,
        why: oracle::requirement(&one.id).map_or("", |known| known.why),
        cells: cells.remove(one.id.as_str()).unwrap_or_default(),
    });
    rows.collect()
}

type Cells<'a> = std::collections::BTreeMap<&'a str, Vec<Cell<'a>>>;

/// For each requirement a cell a framing, in one pass over the cases of each.
fn sequence_of_cells<'a>(report: &'a Report, by_framing: &[(&str, Vec<&Case<'_>>)]) -> Cells<'a> {
    let mut cells: Cells<'a> = report.requirements.iter().map(|one| (one.id.as_str(), Vec::new())).collect();
    for framing in &report.framings {
        let cases = by_framing.iter().find(|(name, _)| name == framing).map_or(&[][..], |(_, cases)| cases);
        let mut found: std::collections::BTreeMap<&str, Vec<&Case<'_>>> = std::collections::BTreeMap::new();
        for case in cases {
            for id in &case.result.requirements {
                found.entry(id).or_default().push(case);
            }
        }
        for (id, cells) in &mut cells {
            cells.push(cell(framing, found.get(id).map_or(&[], |cases| cases)));
        }
    }
    cells
}

/// The worst of its cases decides, in the order of [`WORDS`]; but one that passed outweighs those that were skipped.
fn cell<'a>(framing: &'a str, cases: &[&Case<'_>]) -> Cell<'a> {
    let rank = |word: &str| match word {
        "pass" => 6,
        "skipped" => 7,
        word => WORDS.iter().position(|(known, _)| *known == word).unwrap_or(0),
    };
    let Some(worst) = cases.iter().min_by_key(|case| rank(case.word)) else {
        return Cell { framing, word: "none", share: String::new(), anchor: None };
    };
    let same = cases.iter().filter(|case| case.word == worst.word).count();
    let share = if same == cases.len() { same.to_string() } else { format!("{same}/{}", cases.len()) };
    Cell { framing, word: worst.word, share, anchor: Some(worst.number) }
}

fn word(verdict: Verdict, expected: bool, counts: bool) -> &'static str {
    match verdict {
        Verdict::Fail | Verdict::NotRun if expected => "expected",
        Verdict::Fail if !counts => "warning",
        Verdict::Fail => "fail",
        Verdict::Pass => "pass",
        Verdict::Flaky => "flaky",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Skipped => "skipped",
        Verdict::NotRun => "not-run",
    }
}

/// What the template calls for every text that somebody else wrote; askama then escapes what is markup.
fn shown(text: impl AsRef<str>) -> String {
    visible(text.as_ref()).into_owned()
}

#[cfg(test)]
mod tests;
