//! From arguments to a framing: values are read, and combinations without a meaning are refused.

use super::args::{Args, hint};
use super::error::SyntaxError;
use super::table::FIELDS;
use super::value;
use crate::framing::{Behaviour, Choice, CloseForm, Counts, Delimiter, Escape, Field, Fixed, Framing, Kind, Length};
use crate::framing::{More, Reply, Strategy};

/// Largest frame of fixed length: a receiver has to buffer all of it.
const LARGEST_FIXED: u64 = 1 << 30;
/// Most header bytes on either side of a length field.
const MOST_HEADER: u64 = 4096;
/// Most delimiters of a set: a search tries all of them.
const MOST_DELIMITERS: usize = 16;

type Result<T> = std::result::Result<T, SyntaxError>;

/// The framing that the arguments stand for.
pub(super) fn framing(args: &Args<'_>) -> Result<Framing> {
    let kind = match args.kind {
        Strategy::Raw => Kind::Raw,
        Strategy::Close => Kind::Close(args.choice::<CloseForm>("form")?.unwrap_or_default()),
        Strategy::Fixed => Kind::Fixed(fixed(args)?),
        Strategy::Length => Kind::Length(length(args)?),
        Strategy::Delimiter => Kind::Delimiter(delimiter(args)?),
    };
    Ok(Framing::from_parts(kind, behaviour(args)?))
}

fn behaviour(args: &Args<'_>) -> Result<Behaviour> {
    Ok(Behaviour {
        max: args.get("max", value::size)?,
        over: args.choice("over")?,
        eof: args.choice("eof")?,
        empty: args.choice("empty")?,
        partial: args.choice("partial")?,
        after: args.choice("after")?,
        enc: args.choice("enc")?,
        compare: args.choice("compare")?,
        reply: args.get("reply", |text| reply(args.kind, text))?,
        idle: args.get("idle", value::idle)?,
        deadline: args.get("deadline", value::idle)?,
    })
}

fn reply(kind: Strategy, text: &str) -> std::result::Result<Reply, String> {
    if kind == Strategy::Delimiter && value::looks_like_bytes(text) {
        return value::bytes(text).and_then(not_empty).map(Reply::Delimiter);
    }
    let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(text);
    let framing: Framing = inner.parse().map_err(|error: SyntaxError| error.message().to_owned())?;
    if framing.behaviour().reply.is_some() {
        return Err("a reply's framing has no `reply` of its own".to_owned());
    }
    Ok(Reply::Framing(Box::new(framing)))
}

fn not_empty(bytes: Vec<u8>) -> std::result::Result<Vec<u8>, String> {
    if bytes.is_empty() { Err("must not be empty".to_owned()) } else { Ok(bytes) }
}

fn fixed(args: &Args<'_>) -> Result<Fixed> {
    let Some(size) = args.get("size", value::size)? else {
        return args.refuse("size", "`fixed` needs a size: fixed:32");
    };
    if !(1..=LARGEST_FIXED).contains(&size) {
        return args.refuse("size", "a frame has from 1 byte to 1GiB");
    }
    if args.get("max", value::size)?.is_some_and(|max| max < size) {
        return args.refuse("max", "`max` is below the size of every frame");
    }
    if args.has("side") && !args.has("pad") {
        return args.refuse("side", "`side` needs `pad`");
    }
    let pad = args.get("pad", |text| match value::bytes(text)?[..] {
        [byte] => Ok(byte),
        _ => Err("expected one byte".to_owned()),
    })?;
    let last = args.get("last", |text| match text {
        "short" => Ok(true),
        _ => Err(format!("unknown value `{text}` of `last`; possible: short")),
    })?;
    let pad_side = args.choice("side")?.unwrap_or_default();
    Ok(Fixed { size: size as usize, pad, side: pad_side, last_short: last.unwrap_or(false) })
}

fn length(args: &Args<'_>) -> Result<Length> {
    let field = args.get("field", |word| {
        FIELDS.iter().find(|row| row.name == word).map(|row| row.field).ok_or_else(|| unknown_field(word))
    })?;
    let Some(field) = field else {
        return args.refuse("field", "`length` needs a field: length:u32be");
    };
    let mut length = Length::new(field);
    header_bytes(args, &mut length)?;
    length.counts = counts(args)?;
    length.mask = args.get("mask", value::bits)?;
    length.more = args.choice("more")?;
    length.digits = args.get("digits", value::digits)?;
    length.lead0_deny = args.get("lead0", |text| is_deny(text, "allow"))?.unwrap_or(false);
    length.minimal_deny = args.get("minimal", |text| is_deny(text, "accept"))?.unwrap_or(length.minimal_deny);
    length.sep = args.get("sep", value::bytes)?.unwrap_or_default();
    length.name = args.get("name", header_name)?.unwrap_or_default();
    length.end = args.get("end", value::bytes)?.unwrap_or_default();
    length.min = args.get("min", value::size)?.unwrap_or(0);
    super::check::length(args, &length)?;
    Ok(length)
}

fn unknown_field(word: &str) -> String {
    let names: Vec<&str> = FIELDS.iter().map(|row| row.name).collect();
    format!("unknown field `{word}`{}; possible: {}", hint(word, names.iter().copied()), names.join(" "))
}

fn header_bytes(args: &Args<'_>, length: &mut Length) -> Result<()> {
    let count = |text: &str| match value::size(text)? {
        count @ ..=MOST_HEADER => Ok(count as usize),
        _ => Err(format!("more than {MOST_HEADER} header bytes")),
    };
    length.magic = args.get("magic", value::bytes)?.unwrap_or_default();
    length.off = args.get("off", count)?.unwrap_or(length.magic.len());
    length.skip = args.get("skip", count)?.unwrap_or(0);
    if length.magic.len() > length.off {
        return args.refuse("magic", format!("longer than off={}", length.off));
    }
    Ok(())
}

fn counts(args: &Args<'_>) -> Result<Counts> {
    if args.has("incl") && args.has("adj") {
        return args.refuse("adj", "`adj` and `incl` say the same in two ways: give one");
    }
    if let Some(adjust) = args.get("adj", value::signed)? {
        return Ok(if adjust == 0 { Counts::Payload } else { Counts::Adjust(adjust) });
    }
    let incl = args.get("incl", |word| match word {
        "none" => Ok(Counts::Payload),
        "field" => Ok(Counts::Field),
        "header" => Ok(Counts::Header),
        _ => Err(format!("unknown value `{word}` of `incl`; possible: field header none")),
    })?;
    Ok(incl.unwrap_or_default())
}

fn is_deny(text: &str, otherwise: &str) -> std::result::Result<bool, String> {
    match text {
        "deny" => Ok(true),
        _ if text == otherwise => Ok(false),
        _ => Err(format!("unknown value `{text}`; possible: {otherwise} deny")),
    }
}

fn header_name(text: &str) -> std::result::Result<String, String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if text.is_empty() || !text.bytes().all(is_token) {
        return Err("expected a header name such as Content-Length".to_owned());
    }
    Ok(text.to_owned())
}

fn delimiter(args: &Args<'_>) -> Result<Delimiter> {
    let Some(set) = args.get("set", set)? else {
        return args.refuse("set", "`delimiter` needs a delimiter: delimiter:lf");
    };
    let mut delimiter = Delimiter::new(set);
    if args.has("strip") && args.has("keep") {
        return args.refuse("keep", "`keep` contradicts `strip`");
    }
    delimiter.keep = args.has("keep");
    delimiter.chomp_cr = args
        .get("chomp", |text| match text {
            "cr" => Ok(true),
            "none" => Ok(false),
            _ => Err(format!("unknown value `{text}` of `chomp`; possible: cr none")),
        })?
        .unwrap_or(false);
    delimiter.start = args.get("start", |text| value::bytes(text).and_then(not_empty))?.unwrap_or_default();
    delimiter.escape = escape(args)?;
    super::check::delimiter(args, &delimiter)?;
    Ok(delimiter)
}

fn set(text: &str) -> std::result::Result<Vec<Vec<u8>>, String> {
    let members = value::split(text, &['/', '|']).map_err(|_| "never closed".to_owned())?;
    if members.len() > MOST_DELIMITERS {
        return Err(format!("more than {MOST_DELIMITERS} delimiters"));
    }
    members.into_iter().map(|member| value::bytes(text[member].trim()).and_then(not_empty)).collect()
}

fn escape(args: &Args<'_>) -> Result<Option<Escape>> {
    let unsupported = args.get("escape", |word| Ok(matches!(word, "double" | "backslash" | "quote")))?;
    if unsupported == Some(true) {
        let words: Vec<&str> = Escape::WORDS.iter().map(|(word, _, _)| *word).collect();
        return args.refuse("escape", format!("not supported; possible: {}", words.join(" ")));
    }
    args.choice("escape")
}

/// Whether a length with these keys may say `more=`.
pub(super) fn can_continue(length: &Length) -> bool {
    match length.more {
        None => true,
        Some(More::Msb | More::Full) => matches!(length.field, Field::Binary { signed: false, .. }),
    }
}
