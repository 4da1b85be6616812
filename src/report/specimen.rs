//! One report that holds everything a renderer must cope with; every golden file is drawn from it.

use std::collections::BTreeMap;

use super::model::{CaseLog, CaseResult, Conformance, Finding, Report, RequirementResult, SCHEMA, Summary, Volatile};
use crate::oracle::{Breach, Level, Verdict, WireEvent, WireKind};

/// Ends tags, attributes, fences, tables and TAP lines, and moves a terminal's cursor.
const HOSTILE: &str = "hostile/\"><script>alert('#`|`')</script>\u{1b}[2J\r\n\u{202e}```]]>\\ # TODO";

/// A run in which everything happened once.
pub(super) fn specimen() -> Report {
    let requirements = requirements();
    let cases = cases();
    Report {
        summary: summary(&requirements, &cases),
        requirements,
        cases,
        findings: findings(),
        stale: vec!["X-01 in lines was expected to fail and passes now".into()],
        volatile: volatile(),
        verdict: Conformance::DoesNotConform,
        framing: "length:u32be delimiter:lf".into(),
        framings: vec!["length:u32be".into(), "delimiter:lf".into()],
        ..nothing()
    }
}

/// A run that judged nothing.
pub(super) fn nothing() -> Report {
    Report {
        schema: SCHEMA.into(),
        version: "1.2.3".into(),
        target: "the server at the given address".into(),
        framing: "length:u32be".into(),
        framings: vec!["length:u32be".into()],
        level: Level::Must,
        seed: "4f1d2c3".into(),
        parts: Vec::new(),
        verdict: Conformance::NotTested,
        summary: Summary::default(),
        requirements: Vec::new(),
        cases: Vec::new(),
        findings: Vec::new(),
        stale: Vec::new(),
        volatile: Volatile { address: "127.0.0.1:7000".into(), ..Volatile::default() },
    }
}

fn requirement(id: &str, level: Level, verdict: Verdict, sentence: &str, cases: &[&str]) -> RequirementResult {
    let cases = cases.iter().map(ToString::to_string).collect();
    RequirementResult { id: id.into(), level, verdict, sentence: sentence.into(), cases }
}

fn requirements() -> Vec<RequirementResult> {
    use Level::{May, Must, Should};
    use Verdict::{Fail, Flaky, Inconclusive, NotRun, Pass, Skipped};
    vec![
        requirement("X-01", Must, Pass, "A message that is sent whole comes back.", &["echo/plain"]),
        requirement(
            "X-02",
            Must,
            Fail,
            "A message that is cut at any offset is the same message, because TCP has no message boundaries and may cut \
             wherever it likes.",
            &["cut/one[cut=3]", "cut/one[cut=4]", HOSTILE],
        ),
        requirement("X-10", Must, Fail, "Bytes that are no UTF-8 do no harm.", &["bytes/no-utf8", "bytes/crash"]),
        requirement("X-03", Should, Fail, "The server closes its side after the client's FIN.", &["end/fin"]),
        requirement("X-04", May, Pass, "The server answers on IPv6, too.", &["echo/v6"]),
        requirement("X-05", Must, Inconclusive, "A reset costs its own connection only.", &["end/reset"]),
        requirement("X-06", Must, Flaky, "A reply comes in time.", &["echo/slow"]),
        requirement("X-07", Must, Skipped, "An oversize message is refused.", &["limit/over", "limit/far-over"]),
        requirement("X-09", Must, Fail, "Nothing follows a reply.", &["known/more", "known/rest"]),
        requirement("X-08", Must, NotRun, "A thousand messages come back in order.", &["echo/thousand"]),
    ]
}

fn case(id: &str, title: &str, requirement: &str, verdict: Verdict) -> CaseResult {
    CaseResult {
        id: id.into(),
        scenario: id.split('[').next().unwrap_or(id).into(),
        framing: if id.starts_with("end/") { "delimiter:lf" } else { "length:u32be" }.into(),
        title: title.into(),
        requirements: vec![requirement.into()],
        verdict,
        reason: None,
        stimulus: Vec::new(),
        breaches: Vec::new(),
        expected: None,
    }
}

fn because(reason: &str, case: CaseResult) -> CaseResult {
    CaseResult { reason: Some(reason.into()), ..case }
}

fn broken(breach: Breach, stimulus: &[&str], case: CaseResult) -> CaseResult {
    let stimulus = stimulus.iter().map(ToString::to_string).collect();
    CaseResult { stimulus, breaches: vec![breach], ..case }
}

fn altered(expected: &str, actual: &str, differs_at: u64) -> Breach {
    Breach {
        rule: "altered-reply".into(),
        sentence: "what came back is not what was sent".into(),
        expected: Some(expected.into()),
        actual: Some(actual.into()),
        differs_at: Some(differs_at),
        timing: false,
        evidence: vec![3],
        wire_at: None,
    }
}

fn plain(rule: &str, sentence: &str, timing: bool) -> Breach {
    Breach { rule: rule.into(), sentence: sentence.into(), timing, ..Breach::default() }
}

fn cases() -> Vec<CaseResult> {
    use Verdict::{Fail, Flaky, Inconclusive, NotRun, Pass, Skipped};
    let cut = ["send \"hello\", cut after 3 bytes", "expect the echo within the reply deadline"];
    vec![
        case("echo/plain", "a message sent whole", "X-01", Pass),
        case("echo/v6", "a message over IPv6", "X-04", Pass),
        broken(
            altered(r#""\x00\x00\x00\x05hello""#, r#""\x00\x00\x00\x02he""#, 3),
            &cut,
            case("cut/one[cut=3]", "a message cut once", "X-02", Fail),
        ),
        broken(
            Breach { expected: Some("\"hello\"".into()), ..plain("no-reply", "no whole reply came in time", true) },
            &cut,
            case("cut/one[cut=4]", "a message cut once", "X-02", Fail),
        ),
        broken(
            altered("\"a\u{1b}[31m|`b`\"", "\"a<b>|`c`\"", 2),
            &["send \"```\u{7}\" | <i>"],
            case(HOSTILE, "a scenario of evil <b>intent</b>\u{0}", "X-02", Fail),
        ),
        broken(
            altered(r#""\xff\xc3\x28""#, r#""\xef\xbf\xbd(""#, 0),
            &[r#"send "\xff\xc3\x28""#],
            case("bytes/no-utf8", "bytes that are no UTF-8: \u{fffd}", "X-10", Fail),
        ),
        broken(
            crate::oracle::target_died(),
            &[r#"send "\xf8""#],
            case("bytes/crash", "a byte after which nothing answers", "X-10", Fail),
        ),
        broken(
            plain("not-closed", "the connection stayed open", true),
            &["send \"hello\"", "half-close"],
            case("end/fin", "a half-close after the reply", "X-03", Fail),
        ),
        CaseResult {
            expected: Some("sends a banner, see <b>#12</b> (https://example.org/12)".into()),
            ..broken(
                plain("unasked", "more came than was asked for", false),
                &["send \"hello\""],
                case("known/more", "a banner", "X-09", Fail),
            )
        },
        CaseResult {
            expected: Some("sends a banner, see <b>#12</b> (https://example.org/12)".into()),
            ..because("3 variants of this scenario had failed", case("known/rest", "a banner", "X-09", NotRun))
        },
        because("no connection could be opened from here", case("end/reset", "a reset", "X-05", Inconclusive)),
        because("failed once by time alone; did not fail again", case("echo/slow", "a slow reply", "X-06", Flaky)),
        because("no maximum is declared", case("limit/over", "one byte too many", "X-07", Skipped)),
        because("no maximum is declared", case("limit/far-over", "far too much", "X-07", Skipped)),
        because("the run was ended before", case("echo/thousand", "a thousand messages", "X-08", NotRun)),
    ]
}

fn findings() -> Vec<Finding> {
    let finding = |key: &str, value: &str, declared, sentence: &str| Finding {
        framing: "length:u32be".into(),
        key: key.into(),
        value: value.into(),
        declared,
        sentence: sentence.into(),
    };
    vec![
        finding("after", "keep", false, "the connection is kept after a reply"),
        finding("partial", "no", true, "stays silent until a message is complete"),
    ]
}

fn volatile() -> Volatile {
    let mut long = log(&["0.000 ms  connected"], "echospec check 7000 --only 'cut/one[cut=4]'");
    long.wire.extend((1..200).map(|n| format!("{n}.000 ms  → \"x\" (1)")));
    let logs = [
        (
            "cut/one[cut=3]",
            CaseLog {
                events: events(),
                ..log(
                    &[
                        "    0.000 ms  connected",
                        "    0.040 ms  → \"\\x00\\x00\\x00\" (3)",
                        "    0.210 ms    ⎮ cut: the target has read everything so far",
                        "    0.260 ms  → \"\\x05hello\" (6)",
                        "    0.490 ms  ← \"\\x00\\x00\\x00\\x02he\" (6)",
                        "    0.512 ms  ← FIN",
                    ],
                    "echospec check 7000 --framing 'length:u32be' --only 'cut/one[cut=3]' --seed '4f1d2c3'",
                )
            },
        ),
        ("cut/one[cut=4]", long),
        ("end/fin", log(&["    0.000 ms  connected", "    0.300 ms  → FIN"], "echospec check 7000 --only end/fin")),
    ];
    Volatile {
        address: "127.0.0.1:7000".into(),
        command: String::new(),
        started: "2026-01-02T03:04:05Z".into(),
        seconds: 12.345,
        round_trip_ms: BTreeMap::from([("length:u32be".into(), 0.21)]),
        logs: logs.into_iter().map(|(id, log)| (id.into(), log)).collect(),
        seconds_by_scenario: BTreeMap::from([("segmentation/one-cut".into(), 0.5)]),
        ending: None,
    }
}

/// Every kind of event, on two connections, the last of them with a long segment.
fn events() -> Vec<WireEvent> {
    use WireKind::{
        Closed, Connected, Cut, Fin, NotConnected, Note, Received, Reset, Sent, SentFin, SentReset, WriteFailed,
    };
    let event = |at_ms: f64, conn: &str, kind: WireKind, head: &str, note: &str| WireEvent {
        at_ms,
        conn: conn.into(),
        kind,
        length: head.len() as u64 / 2,
        head: head.into(),
        note: note.into(),
        ..WireEvent::default()
    };
    vec![
        event(0.0, "a", Connected, "", ""),
        event(0.04, "a", Sent, "000000", ""),
        event(0.21, "a", Cut, "", "the target has read everything so far"),
        event(0.26, "a", Sent, "0568656c6c6f", ""),
        WireEvent { proves: true, differs_at: Some(3), ..event(0.49, "a", Received, "000000026865", "") },
        event(0.512, "a", Fin, "", ""),
        event(0.52, "b", NotConnected, "", "refused"),
        event(0.53, "b", Connected, "", ""),
        event(0.55, "b", Sent, "ffc328", ""),
        WireEvent { differs_at: Some(0), ..event(0.57, "b", Received, "efbfbd28", "") },
        WireEvent {
            length: 70_000,
            tail: "3c2f7363726970743e".into(),
            ..event(0.6, "b", Sent, "3c7363726970743e", "")
        },
        event(0.7, "b", WriteFailed, "", "reset"),
        event(0.8, "b", SentFin, "", ""),
        event(0.9, "b", SentReset, "", ""),
        event(1.0, "b", Reset, "", ""),
        event(500.1, "b", Note, "", "waiting ended: <overdue>"),
        event(500.2, "b", Closed, "", ""),
    ]
}

fn log(wire: &[&str], rerun: &str) -> CaseLog {
    CaseLog {
        wire: wire.iter().map(ToString::to_string).collect(),
        events: Vec::new(),
        details: Vec::new(),
        rerun: rerun.into(),
    }
}

fn summary(requirements: &[RequirementResult], cases: &[CaseResult]) -> Summary {
    let mut summary = Summary { warnings: 1, ..Summary::default() };
    for requirement in requirements {
        *summary.requirements.entry(requirement.verdict).or_default() += 1;
    }
    for case in cases {
        *summary.cases.entry(case.verdict).or_default() += 1;
    }
    summary
}
