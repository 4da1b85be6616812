//! Whether a scenario applies to a target, and if not, why.

use super::file::{Applies, Need};
use super::{Context, Scenario};
use crate::framing::{Choice, Counts, Enc, Eof, Idle, Kind, Over, Strategy};

/// The reason for which a scenario is skipped.
pub(super) fn misfit(scenario: &Scenario, context: &Context<'_>) -> Option<String> {
    if scenario.thorough && !context.thorough {
        return Some("runs only with --thorough".to_owned());
    }
    let Applies { strategies, fields, escapes, needs } = &scenario.applies;
    let strategy = context.framing.strategy();
    if !strategies.is_empty() && !strategies.contains(&strategy) {
        let names: Vec<_> = strategies.iter().map(|strategy| name(*strategy)).collect();
        return Some(format!("is about {} framing", names.join(", ")));
    }
    if !fields.is_empty() && !fields.iter().any(|wanted| field(context).as_deref() == Some(wanted)) {
        return Some(format!("is about length fields of {}", fields.join(", ")));
    }
    if !escapes.is_empty() && !escapes.iter().any(|wanted| escape(context) == wanted) {
        return Some(format!("is about delimiters with {} escapes", escapes.join(", ")));
    }
    if scenario.watch.is_some() && !context.profile.watched {
        return Some("not observable without --exec".to_owned());
    }
    needs.iter().find_map(|need| lack(*need, context)).map(str::to_owned)
}

fn name(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Raw => "raw",
        Strategy::Close => "close",
        Strategy::Fixed => "fixed",
        Strategy::Length => "length",
        Strategy::Delimiter => "delimiter",
    }
}

/// The length field as it stands in the framing string.
fn field(context: &Context<'_>) -> Option<String> {
    let text = context.framing.to_string();
    let arguments = text.strip_prefix("length:")?;
    Some(arguments.split(',').next()?.to_owned())
}

fn escape<'a>(context: &'a Context<'_>) -> &'a str {
    match context.framing.kind() {
        Kind::Delimiter(delimiter) if !delimiter.start.is_empty() && delimiter.escape.is_none() => "start",
        Kind::Delimiter(delimiter) => delimiter.escape.map_or("none", Choice::word),
        _ => "none",
    }
}

fn counts_header(context: &Context<'_>) -> bool {
    matches!(context.framing.kind(), Kind::Length(length) if length.counts != Counts::Payload)
}

/// What a need asks for, if the target does not have it.
fn lack(need: Need, context: &Context<'_>) -> Option<&'static str> {
    let Context { framing, profile, .. } = context;
    let strategy = framing.strategy();
    let (has, reason) = match need {
        Need::Framed => (
            !profile.partial && strategy != Strategy::Raw,
            "replies begin before a message is complete (a byte-stream echo)",
        ),
        Need::Stream => (
            profile.partial || strategy == Strategy::Raw,
            "replies begin when a message is complete (partial=yes would say otherwise)",
        ),
        Need::Many => (!profile.once && strategy != Strategy::Close, "a connection carries one message"),
        Need::Parallel => (profile.conns > 1, "the target serves one connection at a time"),
        Need::Max => (profile.max.is_some(), "no max is declared"),
        Need::Prefix => (longest(context, Edge::Prefix) >= 2, "there is no length prefix to cut inside"),
        Need::Terminator => (longest(context, Edge::Terminator) >= 1, "there is no delimiter or trailer"),
        Need::Terminator2 => (longest(context, Edge::Terminator) >= 2, "there is no delimiter or trailer of two bytes"),
        Need::EmptyLegal => (carries_empty(context), "the framing has no empty message"),
        Need::Binary => {
            let text = matches!(framing.behaviour().enc, Some(Enc::Utf8 | Enc::Ascii));
            (!text, "messages are text (enc=)")
        }
        Need::OpenDigits => (framing.has_open_digits(), "the length always has the same number of digits"),
        Need::Chomp => (framing.chomps(), "no carriage return belongs to the delimiter (chomp=cr)"),
        Need::CountsHeader => (counts_header(context), "the length counts the payload only"),
        Need::OverClose => (
            matches!(profile.over, Some(Over::Close | Over::Reset)),
            "an oversize message does not close the connection",
        ),
        Need::OverSkip => (profile.over == Some(Over::Skip), "an oversize message is not skipped"),
        Need::EofDeliver => (
            framing.behaviour().eof == Some(Eof::Deliver) || ends_short(context),
            "it is not declared that an unfinished message at the end is one (eof=deliver, last=short)",
        ),
        Need::EofDrop => (
            framing.behaviour().eof == Some(Eof::Drop),
            "it is not declared that an unfinished message at the end is none (eof=drop)",
        ),
        Need::WholeRecords => (!ends_short(context), "the last record may be short (last=short)"),
        Need::Idle => (framing.behaviour().idle.and_then(Idle::time).is_some(), "no idle time is declared (idle=)"),
        Need::Deadline => (
            framing.behaviour().deadline.and_then(Idle::time).is_some(),
            "no limit on the time of a message is declared (deadline=)",
        ),
    };
    (!has).then_some(reason)
}

/// Whether what is left at the end of the stream is a record of its own.
fn ends_short(context: &Context<'_>) -> bool {
    matches!(context.framing.kind(), Kind::Fixed(fixed) if fixed.last_short)
}

fn carries_empty(context: &Context<'_>) -> bool {
    let framing = context.framing;
    let has_messages = !matches!(framing.strategy(), Strategy::Raw | Strategy::Fixed);
    has_messages && framing.smallest() == 0 && framing.encode(b"", &mut Vec::new()).is_ok()
}

#[derive(Clone, Copy)]
enum Edge {
    Prefix,
    Terminator,
}

/// The length of a prefix or terminator, as a message of 300 bytes shows it (a varint has two bytes there).
fn longest(context: &Context<'_>, edge: Edge) -> usize {
    let Ok(wire) = super::wire::Wire::sample(context, 300) else { return 0 };
    match edge {
        Edge::Prefix => wire.prefixes().map(|range| range.len()).max().unwrap_or(0),
        Edge::Terminator => wire.terminators().map(|range| range.len()).max().unwrap_or(0),
    }
}
