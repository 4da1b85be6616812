//! Steps in words, for the report: the same words on every machine and in every run.

use super::super::file::{Claim, Content, Field, Fin, Payload, Send, Size, Slot, Span, What};
use crate::session::Pace;

/// A text is shown up to this many characters.
const SHOWN: usize = 40;

pub(super) fn connect(name: &str, times: u32, receive_buffer: Option<u32>) -> String {
    let many = if times > 1 { format!(" {times} times") } else { String::new() };
    let buffer = receive_buffer.map_or(String::new(), |bytes| format!(", receive buffer {}", count(bytes as usize)));
    format!("{name}: connect{many}{buffer}")
}

pub(super) fn pace(pace: Pace) -> String {
    match pace {
        Pace::Eager => "read whatever comes".to_owned(),
        Pace::Stopped => "stop reading".to_owned(),
        Pace::Drip { bytes, every } => format!("read {} every {}", count(bytes), humantime::format_duration(every)),
    }
}

pub(super) fn content(content: &Content) -> Result<String, String> {
    Ok(match content {
        Content::Message(message) => payload(message.given()?)?,
        Content::Messages(messages) => {
            let several: Result<Vec<_>, _> = messages.iter().map(|message| payload(message.given()?)).collect();
            several?.join(", ")
        }
        Content::Copies(message, copies) => format!("{} {}", copies.given()?, payload(message.given()?)?),
        Content::Raw(bytes) => format!("the raw bytes {}", payload(bytes.given()?)?),
        Content::Claim(claimed) => claim(claimed)?,
        Content::Rest => "the rest".to_owned(),
        Content::Echo => "the message back".to_owned(),
    })
}

fn claim(claim: &Claim) -> Result<String, String> {
    let header = match &claim.field {
        Field::Value(value) => format!("a header that claims {}", value.given()?),
        Field::Bytes(bytes) => format!("a header with the field {}", bytes.given()?),
    };
    let body = claim.body.as_ref().map(|body| payload(body.given()?)).transpose()?;
    Ok(header + &body.map_or(" and nothing else".to_owned(), |body| format!(" and then {body}")))
}

pub(super) fn payload(payload: &Payload) -> Result<String, String> {
    Ok(match payload {
        Payload::Text(text) => shortened(&format!("{:?}", text.replace("$$", "$")), '"'),
        Payload::Hex(bytes) => shortened(&format!("x'{}'", bytes.given()?), '\''),
        Payload::Base64(bytes) => format!("{} bytes given in base64", bytes.given()?.0.len()),
        Payload::Repeat(inner, times) => format!("{} times {}", times.given()?, self::payload(inner.given()?)?),
        Payload::Join(payloads) => {
            let parts: Result<Vec<_>, _> = payloads.iter().map(|payload| self::payload(payload.given()?)).collect();
            parts?.join(" + ")
        }
        Payload::FalseStart(bytes) => format!("the first {} of the delimiter", count(*bytes.given()? as usize)),
        Payload::Fill(size) => format!("a pattern of {}", sized(size)?),
        Payload::Random(size) => format!("random bytes, {}", sized(size)?),
        Payload::Frame(size) => format!("a pattern in a frame, {}", sized(size)?),
        Payload::Frames(inner, size) => {
            format!("frames of {}, {} in all", self::payload(inner.given()?)?, sized(size)?)
        }
        Payload::Counter(size) => format!("counters, {}", sized(size)?),
    })
}

fn sized(size: &Slot<Size>) -> Result<String, String> {
    Ok(match size.given()? {
        Size::Bytes(bytes) => count(*bytes as usize),
        size @ (Size::Max(_) | Size::Round(_)) => format!("{size} bytes"),
    })
}

/// `1 byte`, `2 bytes`.
pub(super) fn count(bytes: usize) -> String {
    if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") }
}

fn shortened(text: &str, quote: char) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…{quote}", &text[..end]),
        None => text.to_owned(),
    }
}

/// How it is sent, behind what and where.
pub(super) fn manner(send: &Send, fin: Fin) -> Result<String, String> {
    let gap = send.gap.as_ref().map(|gap| gap.given().map(|gap| format!(", {gap} apart"))).transpose()?;
    let trailer =
        send.trailer.as_ref().map(|bytes| bytes.given().map(|bytes| format!(", with the trailer x'{bytes}'")));
    let fin = match fin {
        Fin::No => "",
        Fin::With => ", FIN in the same packet",
        Fin::After => ", then FIN",
    };
    let wait = if *send.wait.given()? { "" } else { ", without waiting" };
    Ok([gap.unwrap_or_default(), trailer.transpose()?.unwrap_or_default(), fin.to_owned(), wait.to_owned()].concat())
}

pub(super) fn expect(names: &[String], any: &[What], within: Option<Span>) -> String {
    let whats: Vec<_> = any.iter().map(|what| self::what(*what)).collect();
    let time = within.map_or(String::new(), |span| format!(" within {span}"));
    format!("{}: expect {}{time}", names.join(", "), whats.join(" or "))
}

fn what(what: What) -> String {
    match what {
        What::Echo => "everything back".to_owned(),
        What::Message => "the client's message".to_owned(),
        What::Silence => "silence".to_owned(),
        What::End => "FIN".to_owned(),
        What::Closed => "FIN or RST".to_owned(),
        What::Refused => "that the connection is refused".to_owned(),
        What::Left => "that the client leaves".to_owned(),
        What::Alive => "service".to_owned(),
        What::Stalled => "that no more is taken".to_owned(),
        What::Prompt => "that replies come promptly".to_owned(),
        What::Same => "that each brought the same".to_owned(),
        What::Bytes(bytes) => count(bytes as usize),
    }
}
