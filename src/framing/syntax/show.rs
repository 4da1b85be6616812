//! The canonical string of a framing: parsing it gives an equal framing.

use std::fmt;

use super::table::FIELDS;
use super::value::{show_bytes, show_digits, show_idle, show_size};
use crate::framing::{Behaviour, Choice, CloseForm, Counts, Delimiter, Fixed, Framing, Kind, Length, Reply, Side};

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut args = Vec::new();
        match self.kind() {
            Kind::Raw | Kind::Close(CloseForm::Half) => {}
            Kind::Close(CloseForm::Full) => args.push("full".to_owned()),
            Kind::Fixed(fixed) => show_fixed(fixed, &mut args),
            Kind::Length(length) => show_length(length, &mut args),
            Kind::Delimiter(delimiter) => show_delimiter(delimiter, &mut args),
        }
        show_behaviour(self.behaviour(), &mut args);
        let colon = if args.is_empty() { "" } else { ":" };
        write!(f, "{}{colon}{}", self.strategy(), args.join(","))
    }
}

fn push_if(args: &mut Vec<String>, given: bool, key: &str, value: impl FnOnce() -> String) {
    if given {
        args.push(format!("{key}={}", value()));
    }
}

fn push_choice<T: Choice>(args: &mut Vec<String>, key: &str, value: Option<T>) {
    args.extend(value.map(|value| format!("{key}={}", value.word())));
}

fn show_fixed(fixed: &Fixed, args: &mut Vec<String>) {
    args.push(show_size(fixed.size as u64));
    args.extend(fixed.pad.map(|byte| format!("pad={}", show_bytes(&[byte]))));
    push_choice(args, "side", Some(fixed.side).filter(|side| *side == Side::Left));
    push_if(args, fixed.last_short, "last", || "short".to_owned());
}

fn show_length(length: &Length, args: &mut Vec<String>) {
    args.extend(FIELDS.iter().find(|row| row.field == length.field).map(|row| row.name.to_owned()));
    push_if(args, length.off != length.magic.len(), "off", || length.off.to_string());
    push_if(args, !length.magic.is_empty(), "magic", || show_bytes(&length.magic));
    push_if(args, length.skip > 0, "skip", || length.skip.to_string());
    match length.counts {
        Counts::Payload => {}
        Counts::Field => args.push("incl=field".to_owned()),
        Counts::Header => args.push("incl=header".to_owned()),
        Counts::Adjust(adjust) => args.push(format!("adj={adjust}")),
    }
    args.extend(length.mask.map(|mask| format!("mask={mask:#x}")));
    push_choice(args, "more", length.more);
    args.extend(length.digits.map(|digits| format!("digits={}", show_digits(digits))));
    push_if(args, length.lead0_deny, "lead0", || "deny".to_owned());
    let minimal = if length.minimal_deny { "deny" } else { "accept" };
    push_if(args, length.minimal_deny != Length::new(length.field).minimal_deny, "minimal", || minimal.to_owned());
    push_if(args, !length.name.is_empty(), "name", || length.name.clone());
    push_if(args, !length.sep.is_empty(), "sep", || show_bytes(&length.sep));
    push_if(args, !length.end.is_empty(), "end", || show_bytes(&length.end));
    push_if(args, length.min > 0, "min", || show_size(length.min));
}

fn show_delimiter(delimiter: &Delimiter, args: &mut Vec<String>) {
    let set: Vec<String> = delimiter.set.iter().map(|member| show_bytes(member)).collect();
    args.push(set.join("/"));
    if delimiter.keep {
        args.push("keep".to_owned());
    }
    push_if(args, delimiter.chomp_cr, "chomp", || "cr".to_owned());
    push_if(args, !delimiter.start.is_empty(), "start", || show_bytes(&delimiter.start));
    push_choice(args, "escape", delimiter.escape);
}

fn show_behaviour(behaviour: &Behaviour, args: &mut Vec<String>) {
    args.extend(behaviour.max.map(|max| format!("max={}", show_size(max))));
    push_choice(args, "over", behaviour.over);
    push_choice(args, "eof", behaviour.eof);
    push_choice(args, "empty", behaviour.empty);
    push_choice(args, "partial", behaviour.partial);
    push_choice(args, "after", behaviour.after);
    push_choice(args, "enc", behaviour.enc);
    push_choice(args, "compare", behaviour.compare);
    args.extend(behaviour.reply.as_ref().map(|reply| match reply {
        Reply::Delimiter(bytes) => format!("reply={}", show_bytes(bytes)),
        Reply::Framing(framing) => format!("reply=({framing})"),
    }));
    args.extend(behaviour.idle.map(|idle| format!("idle={}", show_idle(idle))));
    args.extend(behaviour.deadline.map(|deadline| format!("deadline={}", show_idle(deadline))));
}
