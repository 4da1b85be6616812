//! The runs of all framings become one report.

use super::outcome::{Outcome, Shown};
use super::run::FramingRun;
use crate::framing::{Choice, Empty, Eof, Over, Strategy};
use crate::oracle::{Level, Verdict, excerpt};
use crate::profile::{ClientProfile, Profile};
use crate::report::{CaseLog, CaseResult, Finding, Part, Report, SCHEMA, Volatile, conformance, requirements, summary};

/// What a report needs besides the runs.
#[derive(Clone, Debug)]
pub struct Material {
    /// What was judged, in words.
    pub target: String,
    /// Its address, as it would be typed.
    pub address: String,
    /// The command that it was started with, if it was.
    pub started: String,
    /// As given.
    pub seed: String,
    /// The part of the cases, if not all were asked for.
    pub part: Option<Part>,
    /// Which levels count.
    pub level: Level,
    /// The command line that leads to the target, without framing and selection: `echospec check 7000`.
    pub command: String,
    /// What stands behind everything else on it.
    pub behind: String,
}

/// Gathers runs into a report.
pub fn fold(runs: &[FramingRun], material: &Material) -> Report {
    let several = runs.len() > 1;
    let name = |run: &FramingRun, id: &str| if several { format!("{id} ({})", run.framing) } else { id.to_owned() };
    let mut cases = Vec::new();
    let (address, command) = (material.address.clone(), material.started.clone());
    let mut volatile = Volatile { address, command, ..Volatile::default() };
    for run in runs {
        if let Ok(calibration) = &run.calibration {
            volatile.round_trip_ms.insert(run.framing.to_string(), calibration.round_trip.as_secs_f64() * 1e3);
        }
        for outcome in &run.outcomes {
            let id = name(run, &outcome.case.id);
            *volatile.seconds_by_scenario.entry(outcome.case.scenario.clone()).or_default() +=
                outcome.took.as_secs_f64();
            if let Some(log) = case_log(run, outcome, material) {
                volatile.logs.insert(id.clone(), log);
            }
            cases.push(case_result(run, outcome, id));
        }
    }
    let requirements = requirements(&cases);
    Report {
        schema: SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        target: material.target.clone(),
        framing: runs.iter().map(|run| run.framing.to_string()).collect::<Vec<_>>().join(" "),
        framings: runs.iter().map(|run| run.framing.to_string()).collect(),
        level: material.level,
        seed: material.seed.clone(),
        parts: material.part.into_iter().collect(),
        verdict: conformance(&requirements, &cases, material.level),
        summary: summary(&requirements, &cases, material.level),
        requirements,
        cases,
        findings: runs.iter().flat_map(findings).collect(),
        stale: Vec::new(),
        volatile,
    }
}

fn case_result(run: &FramingRun, outcome: &Outcome, id: String) -> CaseResult {
    let shown = !matches!(outcome.verdict, Verdict::Pass | Verdict::Skipped | Verdict::NotRun);
    CaseResult {
        id,
        scenario: outcome.case.scenario.clone(),
        framing: run.framing.to_string(),
        title: outcome.case.title.clone(),
        requirements: outcome.case.requirements.clone(),
        verdict: outcome.verdict,
        reason: outcome.reason.clone(),
        stimulus: if shown { outcome.case.stimulus.clone() } else { Vec::new() },
        breaches: outcome.judgement.breaches.clone(),
        expected: None,
    }
}

fn case_log(run: &FramingRun, outcome: &Outcome, material: &Material) -> Option<CaseLog> {
    // What is pinned on a case afterwards may find it passed, with nothing kept to show.
    let shown = match &outcome.shown {
        Some(shown) => shown.clone(),
        None if outcome.verdict == Verdict::Fail => Shown::default(),
        None => return None,
    };
    let (framing, seed) = (quoted(&run.framing.to_string()), quoted(&material.seed));
    let Material { command, behind, .. } = material;
    let rerun = format!("{command} --framing {framing} --only {} --seed {seed}{behind}", quoted(&outcome.case.id));
    Some(CaseLog { wire: shown.log, events: shown.events, details: outcome.judgement.details.clone(), rerun })
}

/// As a word of a shell. A zero byte cannot be one, and no argument holds any.
pub(crate) fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned)
}

/// What was measured or declared where right implementations differ.
fn findings(run: &FramingRun) -> Vec<Finding> {
    let Ok(calibration) = &run.calibration else { return Vec::new() };
    if let Some(client) = &calibration.profile.client {
        return of_client(client, calibration.profile.limit)
            .into_iter()
            .map(|measured| finding(run, measured, false))
            .collect();
    }
    let (profile, behaviour, strategy) = (&calibration.profile, run.framing.behaviour(), run.framing.strategy());
    // Of a target that died while it was measured little is known.
    let lives = calibration.died_of.is_none();
    let knows = |declared: bool| lives || declared;
    let rows = [
        (strategy != Strategy::Raw && knows(behaviour.partial.is_some()))
            .then(|| (partial(profile.partial), behaviour.partial.is_some())),
        (strategy != Strategy::Close && knows(behaviour.after.is_some()))
            .then(|| (after(profile.once), behaviour.after.is_some())),
        knows(profile.conns > 1).then(|| (conns(profile.conns), false)),
        profile.empty.map(|choice| (empty(choice), behaviour.empty.is_some())),
        profile.over.map(|choice| (over(choice), behaviour.over.is_some())),
        profile.eof.map(|choice| (eof(choice), behaviour.eof.is_some())),
        profile.limit.map(|limit| (max(limit), false)),
        profile.max.filter(|_| profile.edge).map(|max| (edge(max), false)),
    ];
    rows.into_iter().flatten().map(|(measured, declared)| finding(run, measured, declared)).collect()
}

fn finding(run: &FramingRun, Measured { key, value, sentence }: Measured, declared: bool) -> Finding {
    Finding { framing: run.framing.to_string(), key: key.into(), value, declared, sentence }
}

/// How a client goes about its sessions.
fn of_client(client: &ClientProfile, limit: Option<u64>) -> Vec<Measured> {
    let late = client.closes_after.map(|kept| format!("closes {:.1} s after every reply", kept.as_secs_f64()));
    let closes = match (client.half_closes, client.waits_for_end, &late) {
        (true, ..) => ("half", "sends FIN behind its message, and waits for the FIN behind the reply"),
        (false, true, _) => ("second", "closes only when its server has closed"),
        (false, false, Some(late)) => ("late", late.as_str()),
        (false, false, None) => ("first", "closes first, after the reply"),
    };
    let prints = match client.prints.as_deref() {
        Some([]) => ("yes", "prints the reply"),
        Some(_) => ("yes", "prints the reply, and a line end more, which is no part of it"),
        None => {
            ("no", "prints no reply, something else besides, or it is not looked at: what needs it is not observable")
        }
    };
    let own = client.own.as_ref().map(|own| {
        let sentence = if client.varies {
            "sends another message each time, this one last: each session is judged with its own; what needs a certain one is \
             skipped"
        } else {
            "sends a message of its own, whatever it is told: what needs another is skipped"
        };
        Measured::new("message", excerpt(own), sentence)
    });
    let rows = [("closes", closes), ("prints", prints)];
    let rows = rows.into_iter().map(|(key, (value, sentence))| Measured::new(key, value, sentence));
    let limit = limit.map(|limit| {
        let sentence =
            format!("a message of {limit} bytes was taken back, larger ones were refused; they are not sent");
        Measured::new("max", limit.to_string(), sentence)
    });
    rows.chain(own).chain(limit).collect()
}

struct Measured {
    key: &'static str,
    value: String,
    sentence: String,
}

impl Measured {
    fn new(key: &'static str, value: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { key, value: value.into(), sentence: sentence.into() }
    }
}

fn partial(partial: bool) -> Measured {
    if partial {
        let sentence =
            "replies begin before the message is complete: judged as a byte stream; what needs frames is skipped";
        return Measured::new("partial", "yes", sentence);
    }
    Measured::new("partial", "no", "stays silent until a message is complete")
}

fn after(once: bool) -> Measured {
    if once {
        let sentence = "the connection is closed after one reply: what needs a second message is skipped";
        return Measured::new("after", "close", sentence);
    }
    Measured::new("after", "keep", "the connection is kept after a reply")
}

fn conns(conns: usize) -> Measured {
    if conns == 1 {
        return Measured::new("conns", "1", "serves one connection at a time: cases run one after another");
    }
    if conns < Profile::CONNS_TRIED {
        let more = if conns == 2 { 8 } else { conns * 2 };
        let sentence = format!("serves {conns} connections at once, and not {more}");
        return Measured::new("conns", format!("≥{conns}"), sentence);
    }
    Measured::new("conns", format!("≥{conns}"), format!("serves {conns} connections at once; more were not tried"))
}

fn empty(empty: Empty) -> Measured {
    let sentence = match empty {
        Empty::Echo => "an empty message comes back empty",
        Empty::Skip => "an empty message is passed over",
        _ => "an empty message ends the connection",
    };
    Measured::new("empty", empty.word(), sentence)
}

fn over(over: Over) -> Measured {
    let sentence = match over {
        Over::Skip => "an oversize message is passed over",
        _ => "an oversize message ends the connection",
    };
    Measured::new("over", over.word(), sentence)
}

fn eof(eof: Eof) -> Measured {
    let sentence = match eof {
        Eof::Deliver => "an unfinished message at the end of the stream is sent back",
        _ => "an unfinished message at the end of the stream is dropped",
    };
    Measured::new("eof", eof.word(), sentence)
}

fn max(limit: u64) -> Measured {
    let sentence = format!("a message of {limit} bytes came back, a larger one was refused; larger ones are not sent");
    Measured::new("max", limit.to_string(), sentence)
}

fn edge(max: u64) -> Measured {
    let sentence = format!("a message of {max} bytes came back, one of {} was refused: taken as the maximum", max + 1);
    Measured::new("max", max.to_string(), sentence)
}
