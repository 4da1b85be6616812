//! What is said of a case and of a requirement.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::rules;

/// The verdict of a case or of a requirement (PRODUCT "Judging fairly").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// What had to be seen was seen.
    Pass,
    /// It was not, and the trace proves it.
    Fail,
    /// It failed once and did not repeat.
    Flaky,
    /// What must be known could not be observed.
    Inconclusive,
    /// Does not apply to this framing or behaviour.
    Skipped,
    /// Was not tried.
    NotRun,
}

/// How binding a requirement is (RFC 2119).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Counts always.
    Must,
    /// A warning, unless `--level should`.
    Should,
    /// Reported only, unless `--level may`.
    May,
}

/// One rule that was broken, with what was due and what came. Says the same from run to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Breach {
    /// The broken rule, as a stable name: `altered-reply`.
    pub rule: String,
    /// A sentence for people.
    pub sentence: String,
    /// What was due, if bytes were.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected: Option<String>,
    /// What came, if bytes did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actual: Option<String>,
    /// Where the two first differ, in bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub differs_at: Option<u64>,
    /// Rests on time alone: a slow machine could look the same. Must be confirmed before it counts.
    pub timing: bool,
    /// Indices of the events in the trace that prove it.
    #[serde(skip)]
    pub evidence: Vec<usize>,
    /// Where on the connection the first byte came that was not due, in bytes received before it. Depends on what
    /// else had come, so it is no part of the canonical report.
    #[serde(skip)]
    pub wire_at: Option<u64>,
}

impl Breach {
    /// Whether it is what is missed of any target that has died; which of it depends on the moment.
    pub fn follows_a_death(&self) -> bool {
        use rules::{CLOSED_EARLY, EARLY_CLOSE, NO_REPLY, NOT_CONNECTED, RESET, UNFINISHED};
        let missed = [NOT_CONNECTED, CLOSED_EARLY, EARLY_CLOSE, RESET, NO_REPLY, UNFINISHED];
        missed.iter().any(|rule| rule.name == self.rule)
    }

    /// Whether bytes came that should not have come, or other ones: no target may do that, at whatever level it was asked.
    pub fn is_of_wrong_bytes(&self) -> bool {
        use rules::{ALTERED, FLOOD, MALFORMED, UNASKED};
        [ALTERED, FLOOD, MALFORMED, UNASKED].iter().any(|rule| rule.name == self.rule)
    }

    /// Whether the connection ended before all was there.
    pub fn is_of_missing_bytes(&self) -> bool {
        [rules::CLOSED_EARLY, rules::UNFINISHED].iter().any(|rule| rule.name == self.rule)
    }
}

/// A connection got no reply, while those before it and after it did: seen so often that it rests on time no longer.
pub fn unserved(breach: Breach) -> Breach {
    let rules::Rule { name, timing, about } = rules::UNSERVED;
    Breach { rule: name.into(), sentence: about.into(), timing, ..breach }
}

/// After this case the target no longer answered.
pub fn target_died() -> Breach {
    Breach { rule: rules::DIED.name.into(), sentence: rules::DIED.about.into(), ..Breach::default() }
}

/// The target no longer answers, for a reason that is no case.
pub fn target_died_of(reason: &str) -> Breach {
    Breach { sentence: reason.into(), ..target_died() }
}

/// The target's process ended in this case: `exit code 3`, `killed by signal SEGV`.
pub fn target_ended(how: &str) -> Breach {
    Breach { sentence: format!("the target died in this case: {how}"), ..target_died() }
}

/// The target was ended and did not come back.
pub fn target_not_back(why: &str) -> Breach {
    Breach { rule: rules::NOT_BACK.name.into(), sentence: why.into(), ..Breach::default() }
}

/// The same bytes brought something else in other segments.
pub(super) fn cut_dependent() -> Breach {
    Breach { rule: rules::CUT_DEPENDENT.name.into(), sentence: rules::CUT_DEPENDENT.about.into(), ..Breach::default() }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Flaky => "flaky",
            Self::Inconclusive => "inconclusive",
            Self::Skipped => "skipped",
            Self::NotRun => "not-run",
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        })
    }
}
