use super::*;
use crate::report::specimen::specimen;

fn html(report: &Report) -> String {
    String::from_utf8(render(report)).expect("UTF-8")
}

#[test]
fn nothing_that_somebody_else_wrote_becomes_markup() {
    let page = html(&specimen());
    for markup in ["<script", "<b>intent", "</script", "<overdue>", "<i>\""] {
        assert!(!page.contains(markup), "{markup}");
    }
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
fn the_first_difference_is_marked_on_both_sides_and_on_the_wire() {
    let page = html(&specimen());
    assert!(page.contains(r"expected  &#34;\x00\x00\x00<mark>\x05</mark>hello&#34;"), "{page}");
    assert!(page.contains("00 00 00 <mark>02</mark> 68 65"), "{page}");
}
