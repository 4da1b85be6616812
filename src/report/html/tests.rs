use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use scraper::{Html, Selector};
use sha2::{Digest, Sha256};

use super::*;
use crate::report::specimen::specimen;

fn html(report: &Report) -> String {
    String::from_utf8(render(report)).expect("UTF-8")
}

#[test]
fn nothing_that_somebody_else_wrote_becomes_markup() {
    let page = html(&specimen());
    for markup in ["<b>intent", "<overdue>", "<i>\""] {
        assert!(!page.contains(markup), "{markup}");
    }
    for ours in ["<script", "</script"] {
        assert_eq!(page.matches(ours).count(), 1, "{ours}");
    }
    assert_eq!(page.matches("<noscript").count(), page.matches("</noscript").count());
}

/// As a browser reads it: html5ever follows the algorithm of the HTML standard. What stands in `noscript` is text until the
/// script of the page has it parsed.
#[test]
fn a_parser_of_html_finds_no_error_and_every_case_as_text() {
    let selector = |text: &str| Selector::parse(text).expect("a selector");
    let page = Html::parse_document(&html(&specimen()));
    let folded: Vec<String> = page.select(&selector("noscript")).map(|one| one.text().collect()).collect();
    let unfolded = folded.iter().map(|text| Html::parse_fragment(text));
    let parts: Vec<Html> = std::iter::once(page).chain(unfolded).collect();
    let mut shown = String::new();
    for (index, part) in parts.iter().enumerate() {
        let is_page = index == 0;
        assert_eq!(part.errors, Vec::<String>::new());
        let scripts: Vec<String> = part.select(&selector("script")).map(|script| script.text().collect()).collect();
        assert_eq!(scripts, if is_page { vec![SCRIPT.to_owned()] } else { vec![] });
        for element in part.select(&selector("*")) {
            let handler = element.value().attrs().find(|(name, _)| name.starts_with("on"));
            assert_eq!(handler, None, "no handler of an event");
        }
        shown.extend(part.root_element().text().filter(|_| !is_page));
    }
    for case in specimen().cases {
        for text in [&case.id, &case.title].into_iter().chain(&case.stimulus) {
            assert!(shown.contains(&*visible(text)), "{text}");
        }
    }
}

#[test]
fn the_policy_lets_the_script_of_the_page_run_and_no_other() {
    let hash = STANDARD.encode(Sha256::digest(SCRIPT));
    assert_eq!(SCRIPT_HASH, format!("sha256-{hash}"), "the script has changed, and so does its hash");
    let page = html(&specimen());
    assert!(page.contains(&format!("script-src '{SCRIPT_HASH}';")), "{page}");
    assert!(page.contains(&format!("<script>{SCRIPT}</script>")), "not a byte more: they are hashed, too");
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let page = html(&specimen());
    for outside in ["src=", "url(", "@import", "http-equiv=\"refresh\"", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src 'none'"), "and could not get it if it tried");
}

#[test]
fn every_verdict_has_its_box_and_its_rule_in_the_style_sheet() {
    let page = html(&specimen());
    for (class, _) in WORDS {
        assert!(page.contains(&format!("id=\"show-{class}\"")), "{class} has a box");
        assert!(page.contains(&format!(".show-{class}:not(:checked) ~ .is-{class}")), "{class} is filtered");
    }
}

#[test]
fn a_report_without_events_shows_the_lines_of_its_log() {
    let mut report = specimen();
    report.volatile.logs.values_mut().for_each(|log| log.events.clear());
    let page = html(&report);
    assert!(!page.contains("class=\"sequence\""));
    assert!(page.contains("the target has read everything so far"));
}

#[test]
fn of_more_cases_than_are_drawn_the_log_is_shown_in_lines() {
    let mut report = specimen();
    let (case, log) = (report.cases[2].clone(), report.volatile.logs["cut/one[cut=3]"].clone());
    report.cases = (0..=DRAWN).map(|n| CaseResult { id: n.to_string(), ..case.clone() }).collect();
    report.volatile.logs = report.cases.iter().map(|case| (case.id.clone(), log.clone())).collect();
    let page = html(&report);
    assert_eq!(page.matches("class=\"sequence\"").count(), DRAWN);
    assert_eq!(page.matches("the target has read everything so far").count(), DRAWN + 1);
}

#[test]
fn the_first_difference_is_marked_on_both_sides_and_on_the_wire() {
    let page = html(&specimen());
    assert!(page.contains(r"expected  &#34;\x00\x00\x00<mark>\x05</mark>hello&#34;"), "{page}");
    assert!(page.contains("00 00 00 <mark>02</mark> 68 65"), "{page}");
}
