//! What a case has cost the target's process, by numbers that were taken before, during and after it.

use super::{Breach, Rule, rules};
use crate::session::{Limits, Usage};

/// Judges what a case has cost. `end`: as soon as it was over; `after`: when the target had had time to give back.
pub fn judge_usage(limits: &Limits, before: &Usage, end: &Usage, after: &Usage) -> Vec<Breach> {
    let more = |limit: Option<u64>, now: u64, was: u64| limit.filter(|limit| now > was.saturating_add(*limit));
    let descriptors = more(limits.descriptors, after.descriptors, before.descriptors).map(|limit| {
        let sentence = format!("the target kept more descriptors than the {limit} that are allowed for");
        breach(rules::DESCRIPTORS_KEPT, sentence)
    });
    let memory = more(limits.memory, end.peak, before.peak).map(|limit| {
        let sentence = format!("the target's memory grew by more than {}", mebibytes(limit));
        breach(rules::MEMORY_TAKEN, sentence)
    });
    let kept = more(limits.kept, after.memory, before.memory.saturating_mul(2)).map(|limit| {
        let sentence = format!("the target kept more than twice its memory and {} more", mebibytes(limit));
        breach(rules::MEMORY_KEPT, sentence)
    });
    let grown = more(limits.grown, after.memory, before.memory).map(|limit| {
        let sentence = format!("the target's memory went on growing, by more than {} in all", mebibytes(limit));
        breach(rules::MEMORY_KEPT, sentence)
    });
    let cpu = limits.cpu.filter(|limit| percent(before, end) > *limit).map(|limit| {
        breach(
            rules::PROCESSOR_TIME,
            format!("the target used more than {limit} % of a processor while it had to wait"),
        )
    });
    [descriptors, memory, kept, grown, cpu].into_iter().flatten().collect()
}

/// The numbers, for the log.
pub fn usage_details(before: &Usage, end: &Usage, after: &Usage) -> Vec<String> {
    vec![
        format!("descriptors of the target: {} before, {} after", before.descriptors, after.descriptors),
        format!(
            "memory of the target: {} before, {} at most, {} after",
            mebibytes(before.memory),
            mebibytes(end.peak),
            mebibytes(after.memory)
        ),
        format!("processor time of the target: {} %", percent(before, end)),
    ]
}

/// Of one processor, from one moment to the other.
fn percent(before: &Usage, end: &Usage) -> u64 {
    let time = end.at.saturating_sub(before.at).as_millis().max(1);
    let busy = end.cpu.saturating_sub(before.cpu).as_millis();
    u64::try_from(busy * 100 / time).unwrap_or(u64::MAX)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0))
}

fn breach(rule: Rule, sentence: String) -> Breach {
    Breach { rule: rule.name.into(), sentence, timing: rule.timing, ..Breach::default() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn usage() -> Usage {
        Usage { at: Duration::ZERO, memory: 10 * MIB, peak: 10 * MIB, descriptors: 7, cpu: Duration::from_secs(3) }
    }

    fn rules(limits: Limits, end: Usage, after: Usage) -> Vec<String> {
        judge_usage(&limits, &usage(), &end, &after).into_iter().map(|breach| breach.rule).collect()
    }

    #[test]
    fn as_many_descriptors_as_allowed_are_no_breach_and_one_more_is() {
        let limits = Limits { descriptors: Some(2), ..Limits::default() };
        assert!(rules(limits, usage(), Usage { descriptors: 9, ..usage() }).is_empty());
        assert_eq!(rules(limits, usage(), Usage { descriptors: 10, ..usage() }), ["descriptors-kept"]);
    }

    #[test]
    fn the_peak_counts_also_when_it_is_over() {
        let limits = Limits { memory: Some(64 * MIB), ..Limits::default() };
        assert!(rules(limits, Usage { peak: 74 * MIB, ..usage() }, usage()).is_empty());
        assert_eq!(rules(limits, Usage { peak: 74 * MIB + 1, ..usage() }, usage()), ["memory-taken"]);
    }

    #[test]
    fn memory_may_double_and_keep_one_message() {
        let limits = Limits { kept: Some(4 * MIB), ..Limits::default() };
        assert!(rules(limits, usage(), Usage { memory: 24 * MIB, ..usage() }).is_empty());
        assert_eq!(rules(limits, usage(), Usage { memory: 24 * MIB + 1, ..usage() }), ["memory-kept"]);
    }

    #[test]
    fn what_has_grown_again_and_again_may_not_have_doubled() {
        let limits = Limits { grown: Some(4 * MIB), ..Limits::default() };
        assert!(rules(limits, usage(), Usage { memory: 14 * MIB, ..usage() }).is_empty());
        assert_eq!(rules(limits, usage(), Usage { memory: 14 * MIB + 1, ..usage() }), ["memory-kept"]);
    }

    #[test]
    fn processor_time_is_a_share_of_the_time_that_passed() {
        let limits = Limits { cpu: Some(20), ..Limits::default() };
        let at = Duration::from_secs(5);
        assert!(rules(limits, Usage { at, cpu: Duration::from_secs(4), ..usage() }, usage()).is_empty());
        assert_eq!(
            rules(limits, Usage { at, cpu: Duration::from_millis(4100), ..usage() }, usage()),
            ["processor-time"]
        );
    }
}
