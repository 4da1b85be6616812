//! Requirements that no scenario judges, each with the reason.

/// Their ids and the reasons, in the order of the table.
pub(super) const UNPLAYED: &[(&str, &str)] = &[
    (
        "SES-16",
        "A check has one address, and another one may lead to another service: check each of them to see which work.",
    ),
    (
        "DEL-24",
        "A framing with such a set of delimiters is refused as ambiguous, so no target can be declared to have one.",
    ),
];
