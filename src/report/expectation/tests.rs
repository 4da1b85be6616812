use super::*;
use crate::report::specimen::specimen;

const KNOWN: Known<'_> = Known {
    requirements: &["X-01", "X-02", "X-03", "X-05", "X-07"],
    scenarios: &["bytes/crash", "cut/one", "echo/plain", "end/fin", "end/reset", "limit/over", "limit/far-over"],
};

const WHOLE: Run<'_> = Run { today: "2026-06-15", finished: true, all_cases: true };

fn parse(text: &str) -> Result<Expectations, Box<Complaint>> {
    Expectations::parse("known.yaml", text, KNOWN)
}

fn refused(text: &str) -> String {
    parse(text).expect_err("wrong").to_string()
}

/// Applied to the specimen on a day: what is stale, and the ids of what was expected.
fn applied(text: &str, all_cases: bool) -> (Vec<String>, Vec<String>) {
    let mut report = specimen();
    report.cases.iter_mut().for_each(|case| case.expected = None);
    report.stale.clear();
    let stale = parse(text).expect("right").apply(&mut report, Run { all_cases, ..WHOLE });
    assert_eq!(report.stale.len(), stale.len(), "what is stale stands in the report, too");
    let expected = report.expected().map(|case| case.plain_id().to_owned()).collect();
    (stale.iter().map(ToString::to_string).collect(), expected)
}

#[test]
fn what_was_expected_and_failed_is_marked_and_nothing_is_stale() {
    let text = "- requirement: x-03\n  reason: closes late\n- case: cut/*\n  framing: 'length:*'\n  reason: known\n";
    let (stale, expected) = applied(text, true);
    assert_eq!(stale, [""; 0]);
    assert_eq!(expected, ["cut/one[cut=3]", "cut/one[cut=4]", "end/fin"]);
}

#[test]
fn a_case_is_named_with_its_values_which_are_no_pattern() {
    assert_eq!(applied("- {case: 'cut/one[cut=3]', reason: r}\n", true).1, ["cut/one[cut=3]"]);
    assert_eq!(applied("- {case: 'cut/one[cut=3] (length:u32be)', reason: r}\n", true).1, [""; 0]);
    assert_eq!(applied("- {case: 'cut/one[cut=*]', requirement: X-02, reason: r}\n", true).1.len(), 2);
    assert_eq!(applied("- {case: 'cut/one', requirement: X-03, reason: r}\n", true).1, [""; 0]);
}

#[test]
fn a_framing_may_be_named_as_on_the_command_line() {
    let mut report = specimen();
    report.cases.iter_mut().for_each(|case| case.framing = "delimiter:lf,chomp=cr".into());
    report.cases.iter_mut().for_each(|case| case.expected = None);
    let known = parse("- {requirement: X-02, framing: lines, reason: r}\n").expect("right");
    assert_eq!(known.apply(&mut report, WHOLE), []);
    assert_eq!(report.expected().count(), 3);
}

#[test]
fn what_is_written_for_a_name_full_of_wildcards_matches_that_name_only() {
    let mut report = specimen();
    report.cases.retain(|case| case.id.starts_with("cut/one"));
    for (case, id) in report.cases.iter_mut().zip(["cut/one[bytes=*?{a]", "cut/one[bytes=xya]"]) {
        case.id = id.into();
    }
    report.cases[1].verdict = Verdict::Pass;
    let text = Expectations::write(&report, None);
    report.cases[1].verdict = Verdict::Fail;
    parse(&text).expect("what we write we read").apply(&mut report, WHOLE);
    let unexpected: Vec<_> = report.failures().map(|case| case.id.as_str()).collect();
    assert_eq!(unexpected, ["cut/one[bytes=xya]"], "{text}");
}

#[test]
fn one_that_passes_now_is_stale() {
    insta::assert_snapshot!(applied("# x\n- requirement: X-01\n  reason: was broken\n", true).0.join("\n"), @"
    known.yaml:2:16: X-01 was expected to fail and passes now
     2 | - requirement: X-01
       |                ^
       = right: no entry
    ");
}

#[test]
fn one_whose_day_has_passed_is_stale_and_still_excuses() {
    let (stale, expected) = applied("- requirement: X-03\n  reason: late\n  until: 2026-06-14\n", true);
    assert_eq!(expected, ["end/fin"]);
    insta::assert_snapshot!(stale.join("\n"), @"
    known.yaml:1:16: the expectation that X-03 fails was good until 2026-06-14
     1 | - requirement: X-03
       |                ^
       = right: a later date, or no entry
    ");
    assert_eq!(applied("- requirement: X-03\n  reason: late\n  until: 2026-06-15\n", true).0, [""; 0]);
}

#[test]
fn one_that_matches_no_case_is_stale_unless_only_some_cases_were_asked_for() {
    let text = "- requirement: X-02\n  framing: lines\n  reason: r\n";
    insta::assert_snapshot!(applied(text, true).0.join("\n"), @"
    known.yaml:1:16: X-02 in lines was expected to fail and was not judged at all
     1 | - requirement: X-02
       |                ^
       = right: an entry that matches a case
    ");
    assert_eq!(applied(text, false).0, [""; 0]);
}

#[test]
fn what_stayed_open_or_was_skipped_proves_nothing_or_is_stale() {
    assert_eq!(applied("- {requirement: X-05, reason: open}\n", true).0, [""; 0]);
    assert_eq!(applied("- {requirement: X-07, reason: skipped}\n", true).0.len(), 1);
}

#[test]
fn an_expected_failure_does_not_decide_and_another_one_does() {
    use crate::report::Conformance::{DoesNotConform, Inconclusive};
    let mut report = specimen();
    assert_eq!(report.verdict_but_for_expected(), DoesNotConform);
    let known = parse("- {requirement: X-02, reason: r}\n- {case: 'bytes/*', reason: r}\n").expect("right");
    known.apply(&mut report, WHOLE);
    assert_eq!(report.verdict_but_for_expected(), Inconclusive, "X-05 is still open");
    assert_eq!(report.verdict, DoesNotConform, "the target is as it is");
}

#[test]
fn what_is_written_from_a_run_expects_exactly_its_failures() {
    let mut report = specimen();
    report.cases.retain(|case| ["cut/", "end/", "echo/"].iter().any(|topic| case.id.starts_with(topic)));
    let text = Expectations::write(&report, None);
    insta::assert_snapshot!(text, @r#"
    # Failures that are known. Each entry has a pattern for `requirement` or `case`, may be narrowed by `framing`, and says
    # why: `reason`, perhaps a `link`, and `until`, the last day on which it may fail. One that passes is stale (exit code 5).

    - case: "cut/one"
      framing: "length:u32be"
      reason: "what came back is not what was sent (written down from a run, not yet explained)"
    "#);
    let stale = parse(&text).expect("what we write we read").apply(&mut report, WHOLE);
    assert_eq!((stale.len(), report.failures().count()), (0, 0));
}

#[test]
fn entries_that_still_fail_are_kept_with_their_reasons_and_others_go() {
    let mut report = specimen();
    report.cases.retain(|case| ["cut/", "end/", "echo/"].iter().any(|topic| case.id.starts_with(topic)));
    let kept = "- {requirement: X-01, reason: passes}\n- {case: 'cut/*', reason: mine, until: 2030-01-01}\n";
    let text = Expectations::write(&report, Some(&parse(kept).expect("right")));
    assert!(text.contains("reason: \"mine\"\n  until: \"2030-01-01\"") && !text.contains("X-01"), "{text}");
    assert_eq!(text.matches("- case:").count(), 1, "{text}");
}

#[test]
fn a_run_without_failures_is_written_as_an_empty_list() {
    let mut report = specimen();
    report.cases.clear();
    let text = Expectations::write(&report, None);
    assert!(text.ends_with("[]\n"));
    assert!(parse(&text).expect("right").entries.is_empty());
}

#[test]
fn a_wrong_file_is_shown_at_its_place_with_what_would_be_right() {
    let wrong = [
        "- requirement: X-99\n  reason: r\n",
        "- requirement: ''\n  reason: r\n",
        "- case: cut/won[cut=3]\n  reason: r\n",
        "- reason: r\n",
        "- requirement: X-01\n",
        "- requirement: X-01\n  reason: ''\n",
        "- requirement: X-01\n  reason: r\n  until: tomorrow\n",
        "- requirement: X-01\n  reason: r\n  until: 2026-02-31\n",
        "- requirement: X-01\n  reason: r\n  untill: 2026-12-31\n",
        "- requirement: '{'\n  reason: r\n",
        "requirement: X-01\nreason: r\n",
    ];
    insta::assert_snapshot!(wrong.map(refused).join("\n\n"), @"
    known.yaml:1:16: `X-99` matches no requirement
     1 | - requirement: X-99
       |                ^
       = right: `echospec list requirements` shows all

    known.yaml:1:16: `` matches no requirement
     1 | - requirement: ''
       |                ^
       = right: `echospec list requirements` shows all

    known.yaml:1:9: `cut/won[cut=3]` matches no scenario
     1 | - case: cut/won[cut=3]
       |         ^
       = right: `echospec list scenarios` shows all

    known.yaml:1:11: this reason is given for nothing
     1 | - reason: r
       |           ^
       = right: a `requirement` or a `case` beside it

    known.yaml:1:3: the key `reason` is missing
     1 | - requirement: X-01
       |   ^

    known.yaml:2:11: an expected failure without a reason
     2 |   reason: ''
       |           ^
       = right: why

    known.yaml:3:10: `tomorrow` is no date
     3 |   until: tomorrow
       |          ^
       = right: year, month and day, as in 2026-12-31

    known.yaml:3:10: `2026-02-31` is no date
     3 |   until: 2026-02-31
       |          ^
       = right: year, month and day, as in 2026-12-31

    known.yaml:3:3: unknown key `untill`
     3 |   untill: 2026-12-31
       |   ^
       = right: `until`? one of requirement, case, framing, reason, link, until

    known.yaml:1:16: `{` is no pattern: error parsing glob '{': unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
     1 | - requirement: '{'
       |                ^
       = right: a glob such as `SEG-*` or `delimiter/*`

    known.yaml:1:1: no list stands here
     1 | requirement: X-01
       | ^
       = right: a list: lines that begin with `- `, or [one, another]
    ");
}
