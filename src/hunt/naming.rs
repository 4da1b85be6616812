//! Which requirement a failure of a server breaks: the most specific one that what is told demonstrates.

use super::content::{content, escape, has_false_start, is_escaped, of_content, of_marks};
use super::evidence::{Evidence, Fin, Leaving, Line};
use crate::framing::{Field, Framing, Kind, Reason, Role, Strategy};
use crate::oracle::{Breach, excerpt};

/// What is wrong, whatever the moment at which it showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A reply that is owed does not come, or not all of it.
    Missing,
    /// Another one comes.
    Wrong,
    /// Something comes that nothing asked for.
    Surplus,
    /// The connection does not end as it has to.
    Ending,
    /// The target dies.
    Death,
    /// Anything else: its rule says it all.
    Other,
}

impl Failure {
    pub(super) fn of(rule: &str) -> Self {
        match rule {
            "no-reply" | "closed-early" | "unfinished-reply" => Self::Missing,
            "altered-reply" | "malformed-reply" => Self::Wrong,
            "unasked-reply" | "forbidden-reply" | "flood" => Self::Surplus,
            "not-closed" | "reset" | "early-close" => Self::Ending,
            "target-died" => Self::Death,
            _ => Self::Other,
        }
    }
}

type Naming = fn(&Evidence, Failure, &Breach) -> Option<&'static str>;

/// What may explain a failure, the most specific first: what is still there in a session that was made as small as possible
/// has something to do with it.
const NAMINGS: &[Naming] = &[
    by_rule,
    of_nothing,
    of_pause,
    of_refusal,
    of_oversize,
    of_unfinished,
    of_departure,
    of_several,
    of_spelling,
    of_empty,
    of_ending,
    of_fin,
    of_buffer,
    of_cut,
    of_limit,
    of_marks,
    of_batch,
    of_size,
    of_content,
];

pub(super) fn named(evidence: &Evidence, breach: &Breach) -> &'static str {
    let failure = Failure::of(&breach.rule);
    let name = NAMINGS.iter().find_map(|naming| naming(evidence, failure, breach));
    name.unwrap_or(if failure == Failure::Death { "SES-03" } else { "SES-02" })
}

/// The one for length-prefixed framing, for delimiters, for fixed lengths; nothing where a stream has no messages.
pub(super) fn by(
    evidence: &Evidence,
    length: &'static str,
    delimiter: &'static str,
    fixed: &'static str,
) -> Option<&'static str> {
    match evidence.strategy() {
        Strategy::Length => Some(length),
        Strategy::Delimiter => Some(delimiter),
        Strategy::Fixed => Some(fixed),
        _ => None,
    }
    .filter(|id| !id.is_empty())
}

fn by_rule(evidence: &Evidence, _: Failure, breach: &Breach) -> Option<&'static str> {
    Some(match breach.rule.as_str() {
        "cut-dependent" => "SEG-12",
        "not-connected" | "no-handshake" => "SES-03",
        "early-reply" if evidence.strategy() == Strategy::Close => "CLS-06",
        "early-reply" => "SEG-07",
        "descriptors-kept" => "SES-10",
        "memory-kept" | "memory-taken" => "RES-06",
        "processor-time" => "RES-07",
        _ => return None,
    })
}

/// Nothing is sent at all.
fn of_nothing(evidence: &Evidence, failure: Failure, _: &Breach) -> Option<&'static str> {
    if evidence.any(|line| !line.wire.is_empty()) {
        return None;
    }
    let is_close = evidence.strategy() == Strategy::Close;
    match failure {
        Failure::Death => {
            Some(if evidence.any(|line| line.left == Some(Leaving::Reset)) { "CLO-01" } else { "SES-12" })
        }
        Failure::Surplus if !is_close => Some("SES-01"),
        Failure::Missing if is_close => Some("CLS-05"),
        _ => None,
    }
}

fn of_pause(evidence: &Evidence, failure: Failure, _: &Breach) -> Option<&'static str> {
    let is_inside = evidence.any(Line::pauses_inside);
    match failure {
        Failure::Missing | Failure::Wrong | Failure::Surplus if !evidence.any(|line| !line.pauses.is_empty()) => None,
        Failure::Missing | Failure::Wrong if evidence.strategy() == Strategy::Close => Some("CLS-02"),
        Failure::Surplus if is_inside && evidence.any(|line| line.is_unfinished) => {
            by(evidence, "SEG-08", "DEL-22", "SEG-08")
        }
        Failure::Missing | Failure::Wrong | Failure::Surplus if is_inside => Some("SEG-08"),
        Failure::Missing => Some("SES-09"),
        _ => None,
    }
}

/// A stream that a right server does not take whole.
fn of_refusal(evidence: &Evidence, failure: Failure, _: &Breach) -> Option<&'static str> {
    let line = evidence.lines.iter().find(|line| line.refusal.is_some())?;
    let (reason, at) = line.refusal?;
    match failure {
        Failure::Ending => Some("CLO-05"),
        // What was good is answered, whatever comes behind it.
        Failure::Missing if !line.messages.is_empty() => by(evidence, "LEN-19", "CLO-04", "CLO-04"),
        _ => Some(refused(evidence, failure, reason, &line.wire[at..])),
    }
}

/// Beyond the integers of most programs.
const HUGE: u64 = 1 << 31;

fn refused(evidence: &Evidence, failure: Failure, reason: Reason, wire: &[u8]) -> &'static str {
    let of = |length, delimiter| if evidence.strategy() == Strategy::Delimiter { delimiter } else { length };
    match (reason, field(&evidence.framing)) {
        (Reason::Overlong, _) => "VAR-05",
        (Reason::TooLong { claimed: Some(HUGE..), .. } | Reason::Overflow, Some(Field::Varint)) => "VAR-06",
        (Reason::LeadingZero | Reason::BadDigit(_) | Reason::NoDigits | Reason::BadSeparator(_), _) => "ASC-03",
        (Reason::TooLong { claimed: Some(HUGE..), .. }, Some(Field::Dec | Field::Hex | Field::Oct))
        | (Reason::TooManyDigits { .. }, _) => "ASC-05",
        (Reason::BadTrailer, Some(Field::Dec | Field::Hex | Field::Oct)) => "ASC-04",
        (Reason::BadTrailer, _) => "LEN-27",
        (Reason::BadMagic(_) | Reason::BadStart(_), _) => "LEN-26",
        (Reason::ReservedBits, _) => "LEN-30",
        (Reason::BelowMinimum { .. }, _) => "LEN-23",
        (Reason::TooLong { claimed: Some(claimed), .. }, Some(Field::Binary { bytes, .. })) => {
            by_value(evidence, failure, claimed, bytes, wire)
        }
        (Reason::Negative, Some(Field::Binary { .. })) => "LEN-13",
        (Reason::TooLong { .. }, _) => of("LEN-10", "DEL-10"),
        _ => of("LEN-12", "CLO-08"),
    }
}

/// Of a length of so many bytes that is too large.
fn by_value(evidence: &Evidence, failure: Failure, claimed: u64, bytes: u8, wire: &[u8]) -> &'static str {
    let most = u64::MAX >> (64 - 8 * u32::from(bytes));
    match claimed {
        _ if wire.len() > 3 && wire.iter().take(4).all(|byte| (0x20..0x7f).contains(byte)) => "LEN-15",
        _ if claimed == most => "LEN-12",
        _ if claimed > most - 16 => "LEN-14",
        _ if claimed > most / 2 => "LEN-13",
        _ if evidence.max.is_some() => "LEN-10",
        _ if failure == Failure::Death => "LEN-12",
        _ => "LEN-08",
    }
}

fn field(framing: &Framing) -> Option<Field> {
    match framing.kind() {
        Kind::Length(length) => Some(length.field),
        _ => None,
    }
}

/// A message over the maximum is passed over.
fn of_oversize(evidence: &Evidence, failure: Failure, _: &Breach) -> Option<&'static str> {
    let line = evidence.lines.iter().find(|line| line.oversize.is_some())?;
    let (reason, at) = line.oversize?;
    match failure {
        Failure::Wrong | Failure::Missing if line.has_more_behind(at) => by(evidence, "LEN-17", "DEL-12", ""),
        Failure::Wrong | Failure::Surplus => Some(refused(evidence, failure, reason, &line.wire[at..])),
        Failure::Death => Some("CLO-07"),
        _ => None,
    }
}

/// The stream ends inside a message.
fn of_unfinished(evidence: &Evidence, failure: Failure, breach: &Breach) -> Option<&'static str> {
    let line = evidence.lines.iter().find(|line| line.is_unfinished)?;
    let others = evidence.lines.len() > 1;
    match failure {
        Failure::Death if line.left == Some(Leaving::Reset) => Some("CLO-01"),
        Failure::Missing if others => Some("CON-02").filter(|_| breach.rule == "no-reply"),
        Failure::Missing if !line.messages.is_empty() && line.fin.is_none() => Some("SEG-05"),
        Failure::Missing if line.fin.is_some() && !line.messages.is_empty() => {
            by(evidence, "LEN-22", "DEL-21", "FIX-03")
        }
        Failure::Missing if line.fin.is_some() => by(evidence, "LEN-21", "DEL-21", "FIX-07"),
        Failure::Surplus if line.fin.is_none() => by(evidence, "LEN-21", "DEL-22", "FIX-02"),
        Failure::Surplus => by(evidence, "LEN-21", "DEL-21", "FIX-07"),
        _ => by(evidence, "LEN-21", "DEL-21", "FIX-08"),
    }
}

/// We leave without a word, or with RST.
fn of_departure(evidence: &Evidence, failure: Failure, _: &Breach) -> Option<&'static str> {
    if failure != Failure::Death || content(evidence).is_some_and(|id| id != "BYT-01") {
        return None;
    }
    let is_empty = evidence.payloads().any(<[u8]>::is_empty);
    match () {
        () if is_empty => None,
        () if evidence.any(|line| line.left == Some(Leaving::Reset)) => Some("CLO-01"),
        () if evidence.any(|line| line.left.is_some() && !line.messages.is_empty()) => Some("CLO-02"),
        () => None,
    }
}

fn of_several(evidence: &Evidence, failure: Failure, _: &Breach) -> Option<&'static str> {
    if evidence.lines.len() < 2 || matches!(failure, Failure::Ending | Failure::Death) {
        return None;
    }
    let is_silent = |line: &Line| line.wire.is_empty();
    match failure {
        Failure::Missing if evidence.any(is_silent) => Some("CON-01"),
        Failure::Missing if evidence.any(|line| line.is_unread) => Some("CON-03"),
        _ => Some("CON-05"),
    }
}

/// A length in more bytes than it needs.
fn of_spelling(evidence: &Evidence, failure: Failure, _: &Breach) -> Option<&'static str> {
    let is_longer = |line: &Line| {
        line.messages.iter().any(|(frame, payload)| {
            let mut shortest = Vec::new();
            evidence.framing.encode_unlimited(payload, &mut shortest).is_ok() && shortest.len() < frame.len()
        })
    };
    let is_varint = field(&evidence.framing) == Some(Field::Varint);
    (is_varint && failure != Failure::Ending && evidence.any(is_longer)).then_some("VAR-04")
}

/// Among more messages an empty one is none that matters.
const FEW: usize = 3;

fn of_empty(evidence: &Evidence, failure: Failure, _: &Breach) -> Option<&'static str> {
    let line = evidence.lines.iter().find(|line| line.messages.iter().any(|(_, payload)| payload.is_empty()))?;
    let (frame, _) = line.messages.iter().find(|(_, payload)| payload.is_empty())?;
    if failure == Failure::Ending || frame.is_empty() {
        return None;
    }
    if evidence.is_empty_open && evidence.pieces() > 1 {
        return Some("SEG-12");
    }
    if evidence.payloads().count() > FEW {
        return None;
    }
    let length = if failure == Failure::Missing && line.has_more_behind(frame.start) { "LEN-06" } else { "LEN-05" };
    by(evidence, length, "DEL-06", "")
}

fn of_ending(evidence: &Evidence, failure: Failure, breach: &Breach) -> Option<&'static str> {
    match (failure, breach.rule.as_str()) {
        (Failure::Ending, "early-close") => Some("SES-09"),
        (Failure::Ending, _) if evidence.strategy() == Strategy::Close => Some("CLS-07"),
        (Failure::Ending, _) => Some("SES-11"),
        _ => None,
    }
}

fn of_fin(evidence: &Evidence, failure: Failure, _: &Breach) -> Option<&'static str> {
    (failure != Failure::Death && evidence.any(|line| line.fin == Some(Fin::WithData))).then_some("CLS-08")
}

fn of_cut(evidence: &Evidence, failure: Failure, _: &Breach) -> Option<&'static str> {
    let pieces = evidence.pieces();
    if pieces < 2 || failure == Failure::Death {
        return None;
    }
    let is_text = matches!(field(&evidence.framing), Some(Field::Dec | Field::Hex | Field::Oct));
    let is_varint = field(&evidence.framing) == Some(Field::Varint);
    let is_everywhere = pieces > 2 && evidence.messages().any(|(frame, _)| frame.len() == pieces);
    let is_in_prefix = evidence.is_cut_only_in(Role::Prefix);
    let cuts_delimiter = |times| evidence.is_cut_in(Role::Delimiter, times);
    Some(match () {
        () if evidence.is_open => "SEG-12",
        () if evidence.any(Line::straddles) => "SEG-05",
        () if is_in_prefix && is_text => "ASC-01",
        () if is_in_prefix && is_varint => "VAR-01",
        () if is_in_prefix => "LEN-02",
        () if has_false_start(evidence) => "DEL-04",
        () if cuts_delimiter(2) => "DEL-03",
        () if cuts_delimiter(1) => "DEL-02",
        () if escape(&evidence.framing).is_some() && evidence.payloads().any(|it| is_escaped(evidence, it)) => "ESC-02",
        () if evidence.payloads().any(|it| !it.is_ascii() && str::from_utf8(it).is_ok()) => "BYT-04",
        () if is_everywhere || pieces > 3 => "SEG-01",
        () if pieces == 3 => "SEG-03",
        () => "SEG-02",
    })
}

/// Who counts a header or a delimiter refuses so many bytes too early.
const NEARLY: u64 = 8;

/// A message of the maximum.
fn of_limit(evidence: &Evidence, failure: Failure, _: &Breach) -> Option<&'static str> {
    let max = evidence.max?;
    let nearly = max.saturating_sub(NEARLY)..=max;
    let is_full = evidence.payloads().any(|payload| nearly.contains(&(payload.len() as u64)));
    (is_full && matches!(failure, Failure::Missing | Failure::Wrong))
        .then(|| by(evidence, "LEN-09", "DEL-09", "FIX-10"))?
}

/// More messages than this are a long run.
const RUN: usize = 9;

/// From so many bytes of replies on they are written in many parts.
const MANY_PARTS: usize = 60_000;

fn of_batch(evidence: &Evidence, failure: Failure, breach: &Breach) -> Option<&'static str> {
    let count = evidence.payloads().count();
    if count < 2 || failure == Failure::Death {
        return None;
    }
    let bytes: usize = evidence.payloads().map(<[u8]>::len).sum();
    let comes_again = || {
        let actual = breach.actual.as_deref().unwrap_or_default();
        let earlier = evidence.payloads().take(count - 1).filter(|it| !it.is_empty());
        earlier.map(excerpt).any(|it| actual.starts_with(it.trim_end_matches('"')))
    };
    match failure {
        Failure::Surplus => Some("SES-06"),
        Failure::Missing if count > RUN && breach.rule == "closed-early" => Some("SES-06"),
        Failure::Missing if bytes > MANY_PARTS => Some("RES-09"),
        Failure::Wrong if comes_again() => Some("SES-05"),
        Failure::Wrong if bytes >= 64 * count && !is_other(evidence, breach) => Some("SEG-09"),
        _ if evidence.together() > 1 => Some("SEG-04"),
        _ => Some("SES-05"),
    }
}

/// Whether what came is another of the messages.
fn is_other(evidence: &Evidence, breach: &Breach) -> bool {
    let actual = breach.actual.as_deref().unwrap_or_default();
    evidence.payloads().any(|payload| actual == excerpt(payload))
}

/// From here on a message is no small one.
pub(super) const LARGE: usize = 64;

/// Sizes of read buffers are multiples of this.
const BUFFER: usize = 256;

/// A message that fills the buffer exactly.
fn of_buffer(evidence: &Evidence, failure: Failure, breach: &Breach) -> Option<&'static str> {
    let is_alone = evidence.messages().count() == 1 && evidence.strategy() != Strategy::Close;
    let is_late = failure == Failure::Missing && breach.rule == "no-reply";
    (is_alone && is_late && evidence.any(|line| line.fills(BUFFER))).then_some("SEG-10")
}

fn of_size(evidence: &Evidence, failure: Failure, _: &Breach) -> Option<&'static str> {
    let (frame, _) = evidence.messages().find(|(_, payload)| payload.len() >= LARGE)?;
    match failure {
        Failure::Missing | Failure::Wrong | Failure::Surplus if evidence.strategy() != Strategy::Close => {
            Some("SEG-09")
        }
        Failure::Missing | Failure::Wrong | Failure::Surplus => Some("CLS-03").filter(|_| frame.len() > MANY_PARTS),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::campaign::Calibration;
    use crate::hunt::Known;
    use crate::profile::{Profile, Tempo};
    use crate::scenario::{self, Context, Plan};

    /// What is said of a server that breaks this rule in such a session.
    fn named_for(framing: &str, rule: &str, steps: &str) -> &'static str {
        let framing: Framing = framing.parse().unwrap();
        let (profile, tempo, round_trip) = (Profile::declared(&framing), Tempo::PATIENT, Duration::from_millis(1));
        let calibration = Calibration { profile, tempo, round_trip, sound: true, died_of: None, end: None };
        let known = Known::new(&framing, &calibration, 66_000);
        let text = format!("title: t\nsteps:\n{steps}");
        let scenario = scenario::parse("t", "t.yaml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let profile = &calibration.profile;
        let context = Context { thorough: true, ..Context::new(&framing, profile, tempo) };
        let Plan::Play(script) = scenario.expand(&context).pop().unwrap().plan else { panic!("{text}") };
        named(&Evidence::of(&script, &known, false), &Breach { rule: rule.into(), ..Breach::default() })
    }

    #[test]
    fn the_most_specific_requirement_that_a_session_demonstrates_is_named() {
        let rows = [
            ("length:u32be", "no-reply", "  - send: {message: a}\n", "SES-02"),
            ("length:u32be", "no-reply", "  - send: {message: quit}\n", "BYT-11"),
            ("length:u32be", "no-reply", "  - send: {message: hello, cut: {all-of: [2]}}\n", "LEN-02"),
            ("length:u32be", "no-reply", "  - send: {message: hello, cut: {all-of: [2, 6]}}\n", "SEG-03"),
            ("length:u32be", "no-reply", "  - send: {message: hello, cut: {all-of: [6]}}\n", "SEG-02"),
            ("netstring", "closed-early", "  - send: {message: hello hello, cut: {all-of: [1]}}\n", "ASC-01"),
            ("length:u32be", "closed-early", "  - send: {message: hello, cut: {all-of: [6]}, fin: with}\n", "CLS-08"),
            ("length:u32be", "no-reply", "  - send: {messages: [a, b]}\n", "SEG-04"),
            ("length:u32be", "unasked-reply", "  - send: {messages: [a, b]}\n", "SES-06"),
            ("length:u32be", "no-reply", "  - send: {message: {fill: 508}}\n", "SEG-10"),
            ("length:u32be", "altered-reply", "  - send: {message: {hex: \"00\"}}\n", "BYT-02"),
            ("length:u32be", "target-died", "  - send: {message: {hex: \"00\"}}\n", "BYT-02"),
            ("length:u32be", "target-died", "  - send: {raw: {hex: \"ffffffff\"}}\n", "LEN-12"),
            ("length:u32be", "unasked-reply", "  - send: {raw: {hex: \"80000000\"}}\n", "LEN-13"),
            ("length:u32be", "unasked-reply", "  - send: {raw: {hex: \"61000000\"}}\n", "LEN-08"),
            ("tpkt", "unasked-reply", "  - send: {raw: {hex: \"0400000561\"}}\n", "LEN-26"),
            ("length:u8,end=x'ff'", "unasked-reply", "  - send: {raw: {hex: \"016162\"}}\n", "LEN-27"),
            ("length:u32be,mask=0x7fffffff", "unasked-reply", "  - send: {raw: {hex: \"8000000161\"}}\n", "LEN-30"),
            ("length:u32be", "unasked-reply", "  - send: {raw: {hex: \"0000000561\"}, fin: with}\n", "LEN-21"),
            ("fixed:16", "unasked-reply", "  - send: {raw: {hex: \"61\"}, fin: with}\n", "FIX-07"),
            ("length:u32be,max=1KiB,over=skip", "no-reply", "  - send: {message: {fill: 1KiB}}\n", "LEN-09"),
            ("crlf", "no-reply", "  - send: {message: hello, cut: {all-of: [6]}}\n", "DEL-02"),
            ("lf", "not-closed", "  - send: {message: hello}\n  - half-close: a\n", "SES-11"),
            ("slip", "altered-reply", "  - send: {message: {hex: \"c0\"}}\n", "ESC-01"),
        ];
        let said = rows.map(|(framing, rule, steps, _)| (framing, rule, steps, named_for(framing, rule, steps)));
        assert_eq!(said, rows);
    }
}
