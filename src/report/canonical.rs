//! What is the same from run to run.

use super::model::{Report, Volatile};

/// The report without what differs from run to run, sorted: the same bytes for the same target and seed.
pub fn canonical(report: &Report) -> Report {
    let mut report = Report { volatile: Volatile::default(), ..report.clone() };
    report.requirements.sort_by(|a, b| a.id.cmp(&b.id));
    report.cases.sort_by(|a, b| (&a.framing, &a.id).cmp(&(&b.framing, &b.id)));
    report.findings.sort_by(|a, b| (&a.framing, &a.key).cmp(&(&b.framing, &b.key)));
    report.stale.sort();
    for requirement in &mut report.requirements {
        requirement.cases.sort();
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{FORMATS, specimen};

    #[test]
    fn the_canonical_form_knows_nothing_volatile() {
        let mut other = specimen::specimen();
        other.volatile = Volatile { address: "10.0.0.1:9".into(), started: "later".into(), ..Volatile::default() };
        other.cases.reverse();
        other.requirements.reverse();
        other.findings.reverse();
        assert_eq!(canonical(&other), canonical(&specimen::specimen()));
    }

    #[test]
    fn the_canonical_form_of_a_canonical_form_is_itself() {
        let once = canonical(&specimen::specimen());
        assert_eq!(canonical(&once), once);
    }

    #[test]
    fn markdown_is_canonical_by_itself() {
        let markdown = FORMATS.iter().find(|format| format.name == "markdown").expect("a known format").render;
        let report = specimen::specimen();
        let rendered = markdown(&report);
        assert_eq!(rendered, markdown(&canonical(&report)));
        let rendered = String::from_utf8(rendered).expect("UTF-8");
        let volatile = &report.volatile;
        for forbidden in [&volatile.address, &volatile.started, "ms", "seconds"] {
            assert!(!rendered.contains(forbidden), "{forbidden} is volatile");
        }
    }
}
