//! Servers that take the bytes of a message for more than bytes.

use super::desk::{Desk, Order};
use super::header::find;
use super::{Act, Fault, Moment, acting, scope};
use crate::framing::Framing;

/// A fault in what becomes of a message.
const fn fault(
    name: &'static str,
    about: &'static str,
    breaks: &'static [&'static str],
    applies: fn(&Framing) -> bool,
    alter: fn(&mut Desk, Vec<u8>) -> Vec<u8>,
) -> Fault {
    Fault { name, about, breaks, applies, act: Act::Message(alter) }
}

/// Framings other than `fixed`, in which a shorter or longer message shows as one that never comes.
const BYTES: &str = "BYT-01";

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "nul-ends-message",
        "ends a message at its first zero byte (strlen)",
        &["BYT-02", BYTES],
        zeros,
        |_, mut message| {
            message.truncate(message.iter().position(|byte| *byte == 0).unwrap_or(usize::MAX));
            message
        },
    ),
    fault("nul-removed", "leaves zero bytes out", &["BYT-02", BYTES], zeros, |_, mut message| {
        message.retain(|byte| *byte != 0);
        message
    }),
    fault(
        "trailing-nul-removed",
        "takes zero bytes at the end of a message for padding",
        &["BYT-02", "FIX-06", BYTES, "DEL-29"],
        zeros,
        |_, mut message| {
            message.truncate(message.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            message
        },
    ),
    fault(
        "blanks-trimmed",
        "trims a message on both sides (strip)",
        &["BYT-07", "FIX-06"],
        scope::any,
        |_, message| message.trim_ascii().to_vec(),
    ),
    fault(
        "blanks-trimmed-at-the-end",
        "trims the end of a message (rstrip, chomp)",
        &["BYT-07", "FIX-06"],
        scope::any,
        |_, message| message.trim_ascii_end().to_vec(),
    ),
    fault(
        "blanks-trimmed-at-the-start",
        "trims the beginning of a message (ltrim)",
        &["BYT-07", "FIX-06"],
        scope::any,
        |_, message| message.trim_ascii_start().to_vec(),
    ),
    fault(
        "upper-case",
        "answers in capitals (the socketserver example)",
        &["BYT-08", BYTES, "SES-02"],
        scope::any,
        |_, message| message.to_ascii_uppercase(),
    ),
    fault("lower-case", "answers in small letters", &["BYT-08", BYTES], scope::any, |_, message| {
        message.to_ascii_lowercase()
    }),
    fault("lossy-utf8", "replaces what is no UTF-8 (toString)", &["BYT-03", BYTES], scope::any, |_, message| {
        String::from_utf8_lossy(&message).into_owned().into_bytes()
    }),
    fault(
        "invalid-utf8-dropped",
        "leaves out what is no UTF-8 (errors=ignore)",
        &["BYT-03", BYTES],
        scope::any,
        |_, message| String::from_utf8_lossy(&message).replace('\u{fffd}', "").into_bytes(),
    ),
    Fault {
        name: "utf8-of-each-read",
        about: "decodes each read by itself, so that a character that is cut is replaced (nx#34151)",
        breaks: &["BYT-04"],
        applies: |framing| scope::not_fixed(framing) && !scope::slip(framing),
        act: Act::Read(|_, bytes| String::from_utf8_lossy(bytes).into_owned().into_bytes()),
    },
    fault(
        "latin1-to-utf8",
        "takes bytes for Latin-1 and answers in UTF-8",
        &["BYT-03", BYTES],
        scope::any,
        |_, message| message.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes(),
    ),
    fault(
        "byte-order-mark-removed",
        "leaves a byte order mark at the start out",
        &["BYT-03", BYTES, "BYT-08"],
        scope::any,
        |_, message| message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&message).to_vec(),
    ),
    fault("seven-bits", "drops the eighth bit", &["BYT-03", BYTES], scope::any, |_, message| {
        message.iter().map(|byte| byte & 0x7f).collect()
    }),
    fault(
        "newline-to-crlf",
        "writes a carriage return before each line feed (Windows text mode)",
        &["BYT-05", BYTES],
        scope::carries_lines,
        |_, message| replace(&message, b"\n", b"\r\n"),
    ),
    fault(
        "crlf-to-newline",
        "drops a carriage return before a line feed",
        &["BYT-05", BYTES],
        scope::carries_lines,
        |_, message| replace(&message, b"\r\n", b"\n"),
    ),
    fault(
        "carriage-return-to-newline",
        "turns carriage returns into line feeds (ICRNL)",
        &["BYT-05", BYTES],
        scope::carries_lines,
        |_, message| message.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect(),
    ),
    fault(
        "telnet-commands-removed",
        "takes 0xff and the two bytes behind it for a telnet command",
        &["BYT-09", BYTES],
        scope::any,
        |_, message| {
            let mut rest = &message[..];
            let mut kept = Vec::new();
            while let [first, tail @ ..] = rest {
                if *first == 0xff {
                    rest = tail.get(2..).unwrap_or(&[]);
                } else {
                    kept.push(*first);
                    rest = tail;
                }
            }
            kept
        },
    ),
    fault("high-byte-doubled", "doubles 0xff as telnet does", &["BYT-09", BYTES], scope::any, |_, message| {
        replace(&message, b"\xff", b"\xff\xff")
    }),
    fault("control-d-ends", "ends a message at 0x04 (a terminal)", &["BYT-12", BYTES], scope::any, |_, message| {
        until(message, 4)
    }),
    fault("control-z-ends", "ends a message at 0x1a (DOS text)", &["BYT-12", BYTES], scope::any, |_, message| {
        until(message, 0x1a)
    }),
    fault(
        "flow-control-removed",
        "leaves out XON and XOFF (IXON)",
        &["BYT-12", BYTES],
        scope::any,
        |_, mut message| {
            message.retain(|byte| !matches!(byte, 0x11 | 0x13));
            message
        },
    ),
    fault(
        "control-characters-removed",
        "leaves out what is not printable",
        &["BYT-12", BYTES],
        scope::any,
        |_, mut message| {
            message.retain(|byte| *byte >= 0x20 || matches!(byte, b'\t' | b'\r' | b'\n'));
            message
        },
    ),
    fault("tabs-expanded", "writes blanks for a tab", &["BYT-07", BYTES], scope::any, |_, message| {
        replace(&message, b"\t", b"        ")
    }),
    fault("format-string", "takes a message for a format (printf)", &["BYT-10", BYTES], scope::any, |_, message| {
        replace(&replace(&message, b"%s", b"(null)"), b"%%", b"%")
    }),
    fault(
        "backslashes-undone",
        "takes a backslash and an n for a line feed",
        &["BYT-10"],
        scope::carries_lines,
        |_, message| replace(&message, b"\\n", b"\n"),
    ),
    fault("quotes-doubled", "doubles quotation marks (SQL)", &["BYT-10", BYTES], scope::any, |_, message| {
        replace(&message, b"'", b"''")
    }),
    fault("markup-escaped", "writes &lt; for < (HTML)", &[BYTES, "BYT-10"], scope::any, |_, message| {
        replace(&message, b"<", b"&lt;")
    }),
    fault("unicode-normalised", "takes ligatures apart (NFKC)", &["BYT-08"], scope::not_fixed, |_, message| {
        replace(&message, "ﬁ".as_bytes(), b"fi")
    }),
    fault("unicode-case", "writes the German sharp s as two", &["BYT-08"], scope::any, |_, message| {
        replace(&message, "ß".as_bytes(), b"ss")
    }),
    fault("zero-is-nothing", "answers 0 with nothing, for 0 is false", &["BYT-11"], scope::sized, |_, message| {
        if message == b"0" { Vec::new() } else { message }
    }),
    fault("documents-tidied", "writes JSON anew, without blanks", &["BYT-11"], scope::not_fixed, |_, message| {
        replace(&message, b"\" :", b"\":")
    }),
    fault("escapes-read", "reads \\u0041 as A", &["BYT-10"], scope::not_fixed, |_, message| {
        replace(&message, b"\\u0041", b"A")
    }),
    fault(
        "surrogates-joined",
        "takes two surrogates for one character",
        &["BYT-03"],
        scope::not_fixed,
        |_, message| replace(&message, b"\xed\xa0\xbd\xed\xb8\x80", "😀".as_bytes()),
    ),
    acting("quit-ends", "closes on a message that begins with quit", &["BYT-11"], scope::any, |desk, moment| {
        close_at(desk, moment, b"quit");
    }),
    acting("exit-ends", "closes on a message that begins with exit", &["BYT-11"], scope::any, |desk, moment| {
        close_at(desk, moment, b"exit");
    }),
    acting(
        "get-is-answered",
        "closes on an HTTP request",
        &["BYT-11"],
        |framing| !scope::fixed(framing),
        |desk, moment| {
            close_at(desk, moment, b"GET ");
        },
    ),
    acting("q-ends", "closes on the message Q (libuv's echo server)", &["BYT-11"], scope::sized, |desk, moment| {
        match moment {
            Moment::Message(bytes) if bytes.trim_ascii_end() == b"Q" => desk.order(Order::Close),
            _ => {}
        }
    }),
    acting("nul-kills", "dies of a message that begins with a zero byte", &["BYT-02", BYTES], zeros, |desk, moment| {
        match moment {
            Moment::Message(bytes) if bytes.contains(&0) => desk.order(Order::Die),
            _ => {}
        }
    }),
    acting(
        "invalid-utf8-kills",
        "dies of what is no UTF-8 (an exception that nobody catches)",
        &["BYT-03", BYTES],
        scope::not_fixed,
        |desk, moment| match moment {
            Moment::Message(bytes) if !scope::stream(desk.framing()) && std::str::from_utf8(bytes).is_err() => {
                desk.order(Order::Die);
            }
            Moment::Message(bytes) if bytes.contains(&0xff) => desk.order(Order::Die),
            _ => {}
        },
    ),
];

/// Zero bytes can be a part of a message.
fn zeros(framing: &Framing) -> bool {
    framing.terminator() != Some(b"\0") || scope::cobs(framing)
}

fn replace(message: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = find(rest, from) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

fn until(mut message: Vec<u8>, end: u8) -> Vec<u8> {
    message.truncate(message.iter().position(|byte| *byte == end).unwrap_or(usize::MAX));
    message
}

fn close_at(desk: &mut Desk, moment: Moment<'_>, word: &[u8]) {
    if matches!(moment, Moment::Message(bytes) if bytes.starts_with(word)) {
        desk.order(Order::Close);
    }
}
