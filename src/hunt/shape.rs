//! Which requirement a failure breaks, and by what kind of session: what tells one failure from another.

use super::case::Case;
use super::errand;
use super::evidence::Evidence;
use super::known::Known;
use super::naming::named;
use crate::fuzzing::{Act, Trust, nature};
use crate::oracle::Breach;

/// The requirement, as far as the session tells it.
pub(super) fn requirement(case: &Case, breach: &Breach, known: &Known) -> &'static str {
    if let Some(client) = known.client() {
        return errand::requirement(case.plan(), &breach.rule, client);
    }
    let script = case.scripts(known, known.tempo).pop();
    script.map_or("SES-02", |script| named(&Evidence::of(&script, known, false), breach))
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
