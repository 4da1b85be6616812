//! Combinations of keys that have no meaning, or none that every segmentation agrees on.

use super::args::Args;
use super::build::can_continue;
use super::error::SyntaxError;
use crate::framing::{Counts, Delimiter, Escape, Field, Length};

type Result<T> = std::result::Result<T, SyntaxError>;

pub(super) fn length(args: &Args<'_>, length: &Length) -> Result<()> {
    keys_of_fields(args, length)?;
    text(args, length)?;
    if length.field == Field::Header {
        header(args, length)?;
    }
    if matches!(length.counts, Counts::Field | Counts::Header) && length.constant_width().is_none() {
        return args.refuse("incl", "needs a field of one width: a binary one, or digits=N");
    }
    if !can_continue(length) {
        return args.refuse("more", "needs an unsigned binary field");
    }
    if length.largest_fragment() < 1 {
        return args.refuse("field", "no payload fits into this length field");
    }
    Ok(())
}

/// Keys that only some fields have.
fn keys_of_fields(args: &Args<'_>, length: &Length) -> Result<()> {
    let field = length.field;
    let is_text = field.radix().is_some();
    let is_groups = matches!(field, Field::Varint | Field::Vlq);
    let varies = is_groups || matches!(field, Field::Quic | Field::Ber | Field::Ws | Field::Zmtp);
    let is_header = field == Field::Header;
    let counted = !field.is_chunked();
    let rules = [
        ("digits", is_text || is_groups, "needs a text field, varint or vlq"),
        ("lead0", is_text, "needs a text field: dec, hex or oct"),
        ("sep", is_text || is_header, "needs a text field, or a header block"),
        ("name", is_header, "needs a header block: length:header"),
        ("mask", field.width().is_some(), "needs a binary field"),
        ("minimal", varies, "needs a field whose width varies: varint, vlq, quic, ber"),
        ("off", counted, "chunks have no further header bytes"),
        ("magic", counted, "chunks have no further header bytes"),
        ("skip", counted, "chunks have no further header bytes"),
        ("incl", counted, "a chunk counts its payload"),
        ("adj", counted, "a chunk counts its payload"),
        ("end", counted, "chunks have an end of their own"),
        ("min", counted, "chunks have a minimum of their own"),
        ("more", counted, "chunks continue by themselves"),
    ];
    match rules.into_iter().find(|(key, legal, _)| args.has(key) && !legal) {
        Some((key, _, why)) => args.refuse(key, format!("`{key}` {why}")),
        None => Ok(()),
    }
}

fn text(args: &Args<'_>, length: &Length) -> Result<()> {
    let Some(radix) = length.field.radix() else {
        return match length.digits {
            Some((1, ..=10)) | None => Ok(()),
            Some(_) => args.refuse("digits", "a varint has from 1 to at most 10 bytes: digits=1-4"),
        };
    };
    let (least, most) = length.digit_range(radix);
    match length.sep.first() {
        None if least != most => args.refuse("field", "digits need an end: sep=\":\", or digits=4"),
        Some(first) if char::from(*first).is_digit(radix) => args.refuse("sep", "a digit cannot end digits"),
        _ if length.lead0_deny && least > 1 => args.refuse("lead0", "contradicts digits that are filled with zeros"),
        _ => Ok(()),
    }
}

fn header(args: &Args<'_>, length: &Length) -> Result<()> {
    let (first, second) = length.sep.split_at(length.sep.len() / 2);
    if length.name.is_empty() {
        return args.refuse("name", "a header block needs name=Content-Length");
    }
    if first != second || first.is_empty() || first.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
        return args.refuse("sep", "a header block ends in an empty line: sep=x'0d0a0d0a' or sep=x'0a0a'");
    }
    Ok(())
}

pub(super) fn delimiter(args: &Args<'_>, delimiter: &Delimiter) -> Result<()> {
    if let Some(escape) = delimiter.escape {
        return escaped(args, delimiter, escape);
    }
    if delimiter.chomp_cr && !delimiter.set.iter().any(|member| member == b"\n") {
        return args.refuse("chomp", "an optional CR needs lf among the delimiters");
    }
    let chomped = delimiter.chomp_cr.then(|| b"\r\n".to_vec());
    let members: Vec<&Vec<u8>> = delimiter.set.iter().chain(&chomped).collect();
    for (i, longer) in members.iter().enumerate() {
        for (_, shorter) in members.iter().enumerate().filter(|(j, shorter)| *j != i && shorter.len() <= longer.len()) {
            // At the end is fine: where both match, they end at the same place and the earlier beginning wins.
            let inside = longer[..longer.len() - 1].windows(shorter.len()).any(|window| window == &shorter[..]);
            if inside {
                return args.refuse("set", ambiguous(longer, shorter));
            }
        }
    }
    Ok(())
}

fn ambiguous(longer: &[u8], shorter: &[u8]) -> String {
    let (longer, shorter) = (super::value::show_bytes(longer), super::value::show_bytes(shorter));
    format!(
        "`{shorter}` is a part of `{longer}`: where a frame ends would depend on how the stream is cut; leave one out"
    )
}

fn escaped(args: &Args<'_>, delimiter: &Delimiter, escape: Escape) -> Result<()> {
    let due = escape.delimiter();
    if delimiter.set.len() != 1 || delimiter.set[0] != due {
        let due = super::value::show_bytes(due);
        return args.refuse("set", format!("this escape goes with one delimiter: {due}"));
    }
    if delimiter.keep {
        return args.refuse("keep", "an escaped payload has no delimiter in it");
    }
    if delimiter.chomp_cr {
        return args.refuse("chomp", "`chomp` needs lf among the delimiters");
    }
    let takes_start = matches!(escape, Escape::Slip | Escape::Hdlc);
    let start_fits = delimiter.start.is_empty() || (takes_start && delimiter.start == due);
    if !start_fits {
        return args.refuse("start", "with this escape, nothing but its end byte can stand before a frame");
    }
    Ok(())
}
