//! Which requirement a failure breaks, and by what kind of session: what tells one failure from another.

use super::case::Case;
use super::errand;
use super::known::Known;
use crate::framing::{Reason, Strategy};
use crate::fuzzing::{Act, Nature, Trust, nature};

/// The requirement, as far as the shrunk session tells it.
pub(super) fn requirement(case: &Case, rule: &str, known: &Known) -> &'static str {
    if let Some(client) = known.client() {
        return errand::requirement(case.plan(), rule, client);
    }
    let nature = nature(case.plan(), &known.settings, Trust::Measured);
    let strategy = known.framing.strategy();
    match rule {
        "cut-dependent" => "SEG-12",
        "not-connected" | "no-handshake" => "SES-03",
        "early-reply" if strategy == Strategy::Close => "CLS-06",
        "early-reply" => "SEG-07",
        "descriptors-kept" => "SES-10",
        "memory-kept" | "memory-taken" => "RES-06",
        "processor-time" => "RES-07",
        "no-reply" if nature.is_unfinished && nature.owed > 0 && nature.refusal.is_none() => "SEG-05",
        "not-closed" if nature.refusal.is_some() => "CLO-05",
        // What was good is answered, whatever comes behind it.
        "closed-early" | "no-reply" | "unfinished-reply" if nature.refusal.is_some() && nature.owed > 0 => {
            if strategy == Strategy::Length { "LEN-19" } else { "CLO-04" }
        }
        "target-died" if nature.refusal.is_none() && !nature.is_unfinished => "SES-03",
        _ => refused(&nature, strategy).unwrap_or_else(|| accepted(case, rule, &nature, strategy)),
    }
}

/// Of a stream that a right server does not take whole.
fn refused(nature: &Nature, strategy: Strategy) -> Option<&'static str> {
    let of = |length, delimiter| if strategy == Strategy::Delimiter { delimiter } else { length };
    Some(match nature.refusal {
        Some(Reason::TooLong { .. }) => of("LEN-10", "DEL-10"),
        Some(Reason::LeadingZero | Reason::BadDigit(_) | Reason::NoDigits | Reason::BadSeparator(_)) => "ASC-03",
        Some(Reason::TooManyDigits { .. }) => "ASC-05",
        Some(Reason::BadTrailer) => "ASC-04",
        Some(Reason::Overlong) => "VAR-05",
        Some(Reason::Negative) => "LEN-13",
        Some(Reason::BelowMinimum { .. }) => "LEN-23",
        Some(_) => of("LEN-12", "CLO-08"),
        None if nature.is_unfinished && strategy == Strategy::Fixed => "FIX-08",
        None if nature.is_unfinished => of("LEN-21", "DEL-21"),
        None => return None,
    })
}

/// Of a stream that is taken whole.
fn accepted(case: &Case, rule: &str, nature: &Nature, strategy: Strategy) -> &'static str {
    let plan = case.plan();
    match rule {
        "not-closed" | "reset" if strategy == Strategy::Close => "CLS-07",
        "not-closed" | "reset" => "SES-11",
        "early-close" => "SES-09",
        _ if plan.streams.len() > 1 => "CON-05",
        _ if plan.moves.iter().any(|one| one.act == Act::SendFin) => "CLS-08",
        _ if strategy == Strategy::Close && nature.pieces < 2 => "CLS-01",
        _ if nature.pieces > 3 => "SEG-01",
        _ if nature.pieces == 3 => "SEG-03",
        _ if nature.pieces == 2 => "SEG-02",
        _ if nature.together > 1 => "SEG-04",
        _ if nature.owed > 1 => "SES-05",
        "altered-reply" if nature.largest < 64 && nature.largest > 0 => "BYT-01",
        _ if nature.largest >= 64 => "SEG-09",
        _ => "SES-02",
    }
}

/// What kind of session it is, in broad words: `2 connections, cut, FIN with data`.
pub(super) fn shape(case: &Case, known: &Known) -> String {
    let plan = case.plan();
    if let Some(client) = known.client() {
        return errand::shape(plan, client);
    }
    let nature = nature(plan, &known.settings, Trust::Measured);
    let did = |wanted: fn(&Act) -> bool| plan.moves.iter().any(|one| wanted(&one.act));
    let features = [
        (matches!(case, Case::Segmentations(_)), "two segmentations"),
        (plan.streams.len() > 1, "several connections"),
        (nature.refusal.is_some(), "refused"),
        (nature.is_unfinished, "unfinished"),
        (nature.owed > 1, "several messages"),
        (nature.together > 1, "together"),
        (nature.pieces > 1, "cut"),
        (nature.largest > 100, "large"),
        (did(|act| matches!(act, Act::SendFin)), "FIN with data"),
        (did(|act| matches!(act, Act::Close | Act::Reset)), "left"),
        (did(|act| matches!(act, Act::Pause(_))), "paused"),
        (did(|act| matches!(act, Act::Read(_))), "read slowly"),
    ];
    let named: Vec<_> = features.iter().filter(|(so, _)| *so).map(|(_, name)| *name).collect();
    if named.is_empty() { "a plain message".into() } else { named.join(", ") }
}
