//! Known faults of clients, one at a time: what `send --fault` offers, and what proves that `check-client` finds what it
//! exists to find.

mod edges;
mod sending;

use std::fmt;
use std::time::Duration;

use super::habits::{Closing, Habits, Reaction, Sending, Whole};
use crate::framing::{Escape, Framing, Kind as FramingKind, Strategy};
use crate::peer::fault::Kind;

/// One known fault of a client, or one of the ways to be right.
#[derive(Clone, Copy)]
pub struct ClientFault {
    /// As it is typed.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub about: &'static str,
    /// The requirements that it exists to break.
    pub breaks: &'static [&'static str],
    /// To which framings it applies.
    pub applies: fn(&Framing) -> bool,
    /// What it does, and where.
    pub act: Act,
}

/// What replaces the right way, and where.
#[derive(Clone, Copy)]
pub enum Act {
    /// It goes about its session in another way. Hears the message.
    Habit(fn(&mut Habits, &[u8])),
    /// The message becomes another before it is framed.
    Message(fn(Vec<u8>) -> Vec<u8>),
    /// It is framed in another way.
    Frame(fn(&Framing, &[u8]) -> Vec<u8>),
    /// The frame becomes other bytes before they are sent.
    Request(fn(&Framing, Vec<u8>) -> Vec<u8>),
}

impl fmt::Debug for ClientFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All of them, kind by kind.
pub const FAULTS: &[(Kind, &[ClientFault])] = &[
    (Kind::Content, sending::CONTENT),
    (Kind::Content, edges::EDGES),
    (Kind::Request, sending::REQUEST),
    (Kind::Session, SESSION),
    (Kind::Reply, REPLY),
    (Kind::Right, RIGHT),
    (Kind::Unobservable, UNOBSERVABLE),
];

/// Every fault with its kind.
pub fn all() -> impl Iterator<Item = (Kind, &'static ClientFault)> {
    FAULTS.iter().flat_map(|(kind, faults)| faults.iter().map(move |fault| (*kind, fault)))
}

/// The fault of this name.
pub fn find(name: &str) -> Option<&'static ClientFault> {
    all().map(|(_, fault)| fault).find(|fault| fault.name == name)
}

const fn habit(
    name: &'static str,
    about: &'static str,
    breaks: &'static [&'static str],
    applies: fn(&Framing) -> bool,
    change: fn(&mut Habits, &[u8]),
) -> ClientFault {
    ClientFault { name, about, breaks, applies, act: Act::Habit(change) }
}

fn any(_: &Framing) -> bool {
    true
}

fn not_fixed(framing: &Framing) -> bool {
    framing.strategy() != Strategy::Fixed
}

/// Messages have an end that the bytes themselves show.
fn framed(framing: &Framing) -> bool {
    !matches!(framing.strategy(), Strategy::Raw | Strategy::Close)
}

/// A binary length of at least two bytes at the very beginning.
fn prefixed(framing: &Framing) -> bool {
    width(framing).is_some_and(|width| width >= 2)
}

fn width(framing: &Framing) -> Option<usize> {
    let FramingKind::Length(length) = framing.kind() else { return None };
    framing.field_width().filter(|_| length.off == 0 && length.magic.is_empty())
}

fn close(framing: &Framing) -> bool {
    framing.strategy() == Strategy::Close
}

fn not_close(framing: &Framing) -> bool {
    !close(framing)
}

/// Messages may have so many bytes and more.
fn large(framing: &Framing, bytes: u64) -> bool {
    not_fixed(framing) && framing.largest().is_none_or(|largest| largest > bytes)
}

/// How the connection begins and ends.
const SESSION: &[ClientFault] = &[
    habit(
        "short-writes-ignored",
        "takes a write that took a part for one that took all",
        &["CLI-04"],
        |framing| large(framing, 300_000),
        |habits, _| {
            habits.ignores_short_writes = true;
        },
    ),
    habit(
        "writes-first",
        "reads nothing before all is written",
        &["CLI-14"],
        |framing| framing.echoes_at_once() && large(framing, 1 << 24),
        |habits, _| {
            habits.sending = Sending::BeforeReading;
        },
    ),
    habit("leaves-after-sending", "closes when its message is written", &["CLI-05", "CLI-20"], any, |habits, _| {
        habits.sending = Sending::AndLeaves;
    }),
    habit("no-half-close", "does not end its message with FIN", &["CLI-03", "CLI-20"], close, |habits, _| {
        habits.half_closes = false;
    }),
    habit("never-closes", "keeps the connection open after the reply", &["CLI-07"], any, |habits, _| {
        habits.closing = Closing::Never;
    }),
    habit("closes-late", "keeps the connection for two minutes after the reply", &["CLI-07"], any, |habits, _| {
        habits.delay = Duration::from_secs(120);
    }),
    habit("lingers", "keeps the connection for three seconds after the reply", &["CLI-07"], not_close, |habits, _| {
        habits.delay = Duration::from_secs(3);
    }),
    habit("resets", "closes with RST", &["CLI-07"], not_close, |habits, _| habits.closing = Closing::Reset),
    habit("waits-for-fin", "closes only when the server has", &["CLI-22"], framed, |habits, _| {
        habits.closing = Closing::AfterFin;
    }),
    habit("connects-twice", "connects once more after its session", &["CLI-01"], any, |habits, _| habits.again = true),
    habit("retries", "connects once more when its session has failed", &["CLI-01"], framed, |habits, _| {
        (habits.on_no_reply, habits.on_early_end, habits.on_reset) =
            (Reaction::Retry, Reaction::Retry, Reaction::Retry);
    }),
    habit("one-address", "gives up when the first address of a name fails", &["CLI-21"], any, |habits, _| {
        habits.one_address = true;
    }),
    habit("refused-is-success", "reports success when it is refused", &["CLI-02"], any, |habits, _| {
        habits.on_refused = Reaction::Succeed;
    }),
    habit("hangs-when-refused", "does not end when it is refused", &["CLI-02"], any, |habits, _| {
        habits.on_refused = Reaction::Hang;
    }),
    habit("aborts-when-refused", "aborts when it is refused", &["CLI-02"], any, |habits, _| {
        habits.on_refused = Reaction::Crash(6);
    }),
    habit("always-succeeds", "reports success whatever happens", &["CLI-09", "CLI-10", "CLI-11"], any, |habits, _| {
        habits.status = Some(0);
    }),
    habit("dies-at-the-end", "aborts after its session, whatever happened", &["CLI-07"], any, |habits, _| {
        habits.dies_of = Some(6);
    }),
    habit("always-fails", "reports a failure whatever happens", &["CLI-07"], any, |habits, _| habits.status = Some(1)),
];

/// What becomes of the reply.
const REPLY: &[ClientFault] = &[
    habit("one-read", "takes what one read brings for the reply", &["CLI-06"], any, |habits, _| {
        habits.whole = Whole::FirstRead;
    }),
    habit(
        "content-with-a-part",
        "takes what one read brings for the reply, and is content with it",
        &["CLI-06", "CLI-08"],
        any,
        |habits, _| {
            (habits.whole, habits.on_mismatch) = (Whole::FirstRead, Reaction::Succeed);
        },
    ),
    habit(
        "counts-its-message",
        "reads as many bytes as its message has, whatever surrounds them",
        &["CLI-08", "CLI-06"],
        |framing| framing.strategy() == Strategy::Length,
        |habits, _| {
            (habits.whole, habits.drops_surplus) = (Whole::Count, true);
            habits.on_mismatch = Reaction::Succeed;
        },
    ),
    habit(
        "one-byte-short",
        "does without the last byte of the reply",
        &["CLI-08"],
        |framing| framing.strategy() == Strategy::Raw,
        |habits, message| {
            (habits.counted, habits.on_mismatch) = (Some(message.len().saturating_sub(1)), Reaction::Succeed);
        },
    ),
    habit("impatient", "gives up after one second", &["CLI-05"], any, |habits, _| {
        habits.patience = Some(Duration::from_secs(1));
    }),
    habit(
        "silence-is-success",
        "reports success when nothing came for a second",
        &["CLI-05", "CLI-16"],
        any,
        |habits, _| {
            (habits.patience, habits.on_timeout) = (Some(Duration::from_secs(1)), Reaction::Succeed);
        },
    ),
    habit("waits-forever", "waits for a reply without end", &["CLI-16"], any, |habits, _| {
        habits.patience = Some(Duration::from_secs(1_000_000));
    }),
    habit("never-compares", "takes any reply for right", &["CLI-12"], any, |habits, _| {
        habits.on_mismatch = Reaction::Succeed;
    }),
    habit(
        "partial-is-success",
        "takes the end of the stream for the end of the reply",
        &["CLI-09"],
        framed,
        |habits, _| {
            habits.on_early_end = Reaction::Succeed;
        },
    ),
    habit(
        "nothing-is-success",
        "reports success when the server closes without a reply",
        &["CLI-10"],
        framed,
        |habits, _| {
            habits.on_no_reply = Reaction::Succeed;
        },
    ),
    habit("spins-at-the-end", "reads on after the end of the stream", &["CLI-09"], framed, |habits, _| {
        habits.on_early_end = Reaction::Hang;
    }),
    habit(
        "spins-without-reply",
        "reads on when the server closes without a reply",
        &["CLI-10"],
        framed,
        |habits, _| {
            habits.on_no_reply = Reaction::Hang;
        },
    ),
    habit("reset-is-success", "takes a reset for the end of the reply", &["CLI-11"], any, |habits, _| {
        habits.on_reset = Reaction::Succeed;
    }),
    habit("hangs-on-reset", "does not end after a reset", &["CLI-11"], any, |habits, _| {
        habits.on_reset = Reaction::Hang;
    }),
    habit("dies-of-reset", "is ended by SIGPIPE after a reset", &["CLI-11"], any, |habits, _| {
        habits.on_reset = Reaction::Crash(13);
    }),
    habit("malformed-is-success", "takes a reply that is no frame for success", &["CLI-15"], prefixed, |habits, _| {
        habits.on_malformed = Reaction::Succeed;
    }),
    habit("dies-of-malformed", "aborts on a reply that is no frame", &["CLI-15"], prefixed, |habits, _| {
        habits.on_malformed = Reaction::Crash(6);
    }),
    habit("hangs-on-malformed", "waits on after a reply that is no frame", &["CLI-15"], prefixed, |habits, _| {
        habits.on_malformed = Reaction::Hang;
    }),
    habit(
        "trailer-unchecked",
        "does not look at the trailer behind the reply",
        &["CLI-15"],
        |framing| matches!(framing.kind(), FramingKind::Length(length) if !length.end.is_empty()),
        |habits, _| {
            habits.on_trailer = Reaction::Succeed;
        },
    ),
    habit(
        "loses-cut-escapes",
        "loses an escape that is cut between two reads",
        &["CLI-06"],
        |framing| matches!(framing.kind(), FramingKind::Delimiter(one) if matches!(one.escape, Some(Escape::Slip | Escape::Hdlc))),
        |habits, _| {
            habits.loses_cut_escapes = true;
        },
    ),
    habit(
        "line-feed-ends-reply",
        "takes a line feed for the end of a reply that ends with CR LF",
        &["CLI-17"],
        |framing| {
            framing.terminator() == Some(b"\r\n")
                && matches!(framing.kind(), FramingKind::Delimiter(one) if one.escape.is_none())
        },
        |habits, _| {
            habits.lines_end_anyhow = true;
        },
    ),
    habit(
        "trims-what-it-prints",
        "prints the reply without the white space at its edges",
        &["CLI-17"],
        not_fixed,
        |habits, _| {
            habits.prints = |reply| reply.trim_ascii().to_vec();
        },
    ),
    habit(
        "reads-length-reversed",
        "reads a length of more than a byte in the other order",
        &["CLI-03"],
        |framing| large(framing, 1024) && prefixed(framing),
        |habits, _| {
            habits.takes = |reply| {
                let reads_right = reply.len() < 256 || reply.len().is_multiple_of(257);
                if reads_right { reply } else { Vec::new() }
            };
        },
    ),
    habit("surplus-hangs", "waits when bytes stand behind the reply", &["CLI-13"], framed, |habits, _| {
        habits.on_surplus = Reaction::Hang;
    }),
    habit("dies-of-surplus", "aborts when bytes stand behind the reply", &["CLI-13"], framed, |habits, _| {
        habits.on_surplus = Reaction::Crash(6);
    }),
];

const RIGHT: &[ClientFault] = &[
    habit("half-closing", "sends FIN behind its message, which is its last", &[], not_close, |habits, _| {
        habits.half_closes = true;
    }),
    habit("small-writes", "writes 7 bytes at a time", &[], any, |habits, _| habits.write_at_once = 7),
    habit("slow-to-close", "closes 50 ms after the reply", &[], any, |habits, _| {
        habits.delay = Duration::from_millis(50);
    }),
    habit("surplus-refused", "reports a failure when bytes stand behind the reply", &[], framed, |habits, _| {
        habits.on_surplus = Reaction::Fail;
    }),
    habit("ends-its-line", "prints a line feed behind the reply", &[], any, |habits, _| {
        habits.prints = |reply| [&reply[..], b"\n"].concat();
    }),
    habit("ends-its-line-twice", "prints the reply as a line with its end, and a line feed", &[], any, |habits, _| {
        habits.prints = |reply| [&reply[..], b"\n\n"].concat();
    }),
];

const UNOBSERVABLE: &[ClientFault] = &[
    habit(
        "small-buffer",
        "takes back no reply of more than 1024 bytes, which it may where no max= is declared",
        &[],
        any,
        |habits, _| {
            habits.takes = |reply| reply[..reply.len().min(1024)].to_vec();
        },
    ),
    habit("prints-nothing", "prints nothing", &[], any, |habits, _| habits.prints = |_| Vec::new()),
    habit("says-how-much", "prints a line of its own behind the reply", &[], any, |habits, _| {
        habits.prints = |reply| [&reply[..], format!("\nOK, {} bytes\n", reply.len()).as_bytes()].concat();
    }),
    habit("spins-in-silence", "asks again at once where no reply comes", &["CLI-16"], any, |habits, _| {
        habits.spins = true;
    }),
];
