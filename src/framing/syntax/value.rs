//! Values in a framing string: read, and shown so that reading gives the same again.

use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use crate::framing::Idle;

/// Most bytes of a byte string. Longer delimiters are not in use, and a search costs their length.
const MOST_BYTES: usize = 256;

/// Byte strings that have a name.
const NAMED: &[(&str, &[u8])] = &[
    ("lf", b"\n"),
    ("crlf", b"\r\n"),
    ("cr", b"\r"),
    ("nul", b"\0"),
    ("tab", b"\t"),
    ("rs", b"\x1e"),
    ("etx", b"\x03"),
    ("ff", b"\x0c"),
];

/// The suffixes of sizes. Binary ones come first, so that sizes are shown with them.
const UNITS: &[(&str, u64)] = &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("MB", 1_000_000), ("kB", 1_000)];

/// The suffixes of durations, in milliseconds.
const TIMES: &[(&str, u64)] = &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// Splits at any of `at`, but not inside quotes or parentheses. The error is where one of them opens.
pub(super) fn split(text: &str, at: &[char]) -> Result<Vec<Range<usize>>, usize> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        match (open.last().map(|(_, closer)| *closer), c) {
            _ if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            (Some(closer), _) if c == closer => drop(open.pop()),
            (Some('"' | '\''), _) => {}
            (_, '"' | '\'') => open.push((i, c)),
            (_, '(') => open.push((i, ')')),
            (None, _) if at.contains(&c) => {
                pieces.push(start..i);
                start = i + c.len_utf8();
            }
            _ => {}
        }
    }
    pieces.push(start..text.len());
    open.first().map_or(Ok(pieces), |(opened, _)| Err(*opened))
}

pub(super) fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let factor = match UNITS.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        None if unit.is_empty() => 1,
        None => {
            return Err(format!("unknown unit `{unit}`; possible: KiB MiB GiB kB MB"));
        }
    };
    let number = number(digits).ok_or("expected a size such as 4096, 64KiB or 8MiB")?;
    number.checked_mul(factor).ok_or_else(|| "size over 64 bits".to_owned())
}

pub(super) fn show_size(size: u64) -> String {
    let fits = |(_, factor): &&(&str, u64)| size > 0 && size.is_multiple_of(*factor);
    match UNITS[..3].iter().find(fits) {
        Some((unit, factor)) => format!("{}{unit}", size / factor),
        None => size.to_string(),
    }
}

/// An unsigned decimal number, without sign, blanks or underscores.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A decimal number, or a hexadecimal one behind `0x`.
pub(super) fn bits(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => u64::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None => number(text),
    };
    parsed.ok_or_else(|| "expected bits such as 0x7fffffff".to_owned())
}

pub(super) fn signed(text: &str) -> Result<i64, String> {
    let (minus, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = number(digits).and_then(|value| i32::try_from(value).ok()).map(i64::from);
    let value = value.ok_or_else(|| "expected a number such as -4 or +6, below 2^31".to_owned())?;
    Ok(if minus { -value } else { value })
}

/// `n`, or `a-b`.
pub(super) fn digits(text: &str) -> Result<(u8, u8), String> {
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    let bound = |text| number(text).filter(|n| (1..=40).contains(n)).map(|n| n as u8);
    match (bound(least), bound(most)) {
        (Some(least), Some(most)) if least <= most => Ok((least, most)),
        _ => Err("expected a number of digits such as 4 or 1-9, at most 40".to_owned()),
    }
}

pub(super) fn show_digits((least, most): (u8, u8)) -> String {
    if least == most { least.to_string() } else { format!("{least}-{most}") }
}

pub(super) fn idle(text: &str) -> Result<Idle, String> {
    match text {
        "none" => return Ok(Idle::None),
        "any" => return Ok(Idle::Any),
        _ => {}
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = TIMES.iter().find(|(unit, _)| *unit == &text[digits.len()..]).map(|(_, factor)| *factor);
    let millis = number(digits).zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    let millis = millis.ok_or("expected a duration such as 500ms, 10s or 2m; or none, any")?;
    Ok(Idle::After(Duration::from_millis(millis)))
}

pub(super) fn show_idle(idle: Idle) -> String {
    let millis = match idle {
        Idle::None => return "none".to_owned(),
        Idle::Any => return "any".to_owned(),
        Idle::After(time) => time.as_millis() as u64,
    };
    let fits = |(_, factor): &&(&str, u64)| *factor == 1 || (millis > 0 && millis.is_multiple_of(*factor));
    match TIMES.iter().rev().find(fits) {
        Some((unit, factor)) => format!("{}{unit}", millis / factor),
        None => format!("{millis}ms"),
    }
}

/// Whether the text is meant as a byte string.
pub(super) fn looks_like_bytes(text: &str) -> bool {
    text.starts_with('"') || text.starts_with("x'") || NAMED.iter().any(|(name, _)| *name == text)
}

/// A name, `x'0d0a'`, or `"text\r\n"`.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, String> {
    if let Some((_, bytes)) = NAMED.iter().find(|(name, _)| *name == text) {
        return Ok(bytes.to_vec());
    }
    let bytes = if let Some(quoted) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        unescape(quoted)?
    } else if let Some(hex) = text.strip_prefix("x'").and_then(|rest| rest.strip_suffix('\'')) {
        from_hex(hex)?
    } else {
        let names: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
        return Err(format!("unknown bytes `{text}`; possible: {}, x'0d0a', \"text\\r\\n\"", names.join(" ")));
    };
    if bytes.len() > MOST_BYTES {
        return Err(format!("more than {MOST_BYTES} bytes"));
    }
    Ok(bytes)
}

fn from_hex(hex: &str) -> Result<Vec<u8>, String> {
    let nibble = |c: u8| char::from(c).to_digit(16).map(|digit| digit as u8);
    let pairs = hex.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| match pair {
        [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
        _ => None,
    });
    bytes.collect::<Option<Vec<u8>>>().ok_or_else(|| "expected pairs of hexadecimal digits".to_owned())
}

fn unescape(quoted: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            bytes.push(escape(&mut chars)?);
        } else {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Ok(bytes)
}

fn escape(chars: &mut std::str::Chars<'_>) -> Result<u8, String> {
    match chars.next() {
        Some('n') => Ok(b'\n'),
        Some('r') => Ok(b'\r'),
        Some('t') => Ok(b'\t'),
        Some('0') => Ok(0),
        Some(same @ ('"' | '\\' | '\'')) => Ok(same as u8),
        Some('x') => {
            let mut digit = || chars.next().and_then(|c| c.to_digit(16));
            let byte = digit().zip(digit()).map(|(high, low)| (high << 4 | low) as u8);
            byte.ok_or_else(|| "expected two hexadecimal digits after \\x".to_owned())
        }
        _ => Err("unknown escape; possible: \\n \\r \\t \\0 \\\" \\\\ \\xHH".to_owned()),
    }
}

pub(super) fn show_bytes(bytes: &[u8]) -> String {
    if let Some((name, _)) = NAMED.iter().find(|(_, known)| *known == bytes) {
        return (*name).to_owned();
    }
    let readable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t');
    if bytes.iter().all(readable) { show_quoted(bytes) } else { show_hex(bytes) }
}

fn show_quoted(bytes: &[u8]) -> String {
    let mut shown = String::from("\"");
    for byte in bytes {
        match byte {
            b'\r' => shown.push_str("\\r"),
            b'\n' => shown.push_str("\\n"),
            b'\t' => shown.push_str("\\t"),
            b'"' | b'\\' => shown.extend(['\\', char::from(*byte)]),
            _ => shown.push(char::from(*byte)),
        }
    }
    shown + "\""
}

fn show_hex(bytes: &[u8]) -> String {
    let mut shown = String::from("x'");
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(shown, "{byte:02x}");
    }
    shown + "'"
}
