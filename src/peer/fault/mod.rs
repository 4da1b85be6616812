//! Known faults, one at a time: what `serve --fault` offers and what proves that the suite finds what it exists to find.
//!
//! A fault is data: a name, what it does, which requirements it breaks, and an [`Act`], which replaces what a right
//! server does at one of the places where bytes pass through it. One file for each kind.

mod clients;
mod content;
mod decode;
mod delimiters;
mod desk;
mod escapes;
mod feeding;
mod header;
mod keeping;
mod lengths;
mod limits;
mod overtaking;
mod rare;
mod replies;
mod resources;
mod right;
mod scope;
mod session;
mod tempo;
mod text_lengths;
mod unequal;

use std::fmt;

use crate::framing::Framing;
pub(in crate::peer) use decode::right as right_decoder;
pub use decode::{Decode, Heard};
pub(in crate::peer) use desk::BREATH;
pub use desk::{Desk, Flow, Order, Spin, Turn};

use super::settings::Settings;

/// One known fault, or one of the ways to be right.
#[derive(Clone, Copy)]
pub struct Fault {
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

/// A fault of reading.
const fn reading(
    name: &'static str,
    about: &'static str,
    breaks: &'static [&'static str],
    applies: fn(&Framing) -> bool,
    decoder: fn(&Desk) -> Box<dyn Decode>,
) -> Fault {
    Fault { name, about, breaks, applies, act: Act::Decode(decoder) }
}

/// A fault at some moment of the session.
const fn acting(
    name: &'static str,
    about: &'static str,
    breaks: &'static [&'static str],
    applies: fn(&Framing) -> bool,
    act: fn(&mut Desk, Moment<'_>),
) -> Fault {
    Fault { name, about, breaks, applies, act: Act::Session(act) }
}

/// Where a fault lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// How the stream is cut into messages.
    Decoder,
    /// What happens to the bytes of a message.
    Content,
    /// What a client sends for its message.
    Request,
    /// What happens to a reply: on its way out, or where it comes in.
    Reply,
    /// How connections begin and end, and what they do to each other.
    Session,
    /// What is used up.
    Resources,
    /// No fault: another way to be right.
    Right,
    /// A fault that nobody can see from outside, without the process's id.
    Unobservable,
}

/// What replaces the right way, and where.
#[derive(Clone, Copy)]
pub enum Act {
    /// Bytes, as a read brought them, become others.
    Read(fn(&mut Desk, &[u8]) -> Vec<u8>),
    /// Messages are found in another way.
    Decode(fn(&Desk) -> Box<dyn Decode>),
    /// A message becomes another before it is sent back.
    Message(fn(&mut Desk, Vec<u8>) -> Vec<u8>),
    /// A reply becomes others bytes before they are written.
    Reply(fn(&mut Desk, Vec<u8>) -> Vec<u8>),
    /// Something else is done at some moments.
    Session(fn(&mut Desk, Moment<'_>)),
    /// Bytes flow in another way.
    Flow(Flow),
    /// So many clients are served at once.
    Capacity(usize),
    /// Another declaration is kept to.
    Settings(fn(Settings) -> Settings),
    /// The server stands differently to its machine.
    Machine(Machine),
}

/// What a server gets wrong with the system that it runs on. Only where it has one does this show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// A signal that nobody has to handle ends all connections.
    SignalsEnd,
    /// Its address is not free while connections of its past life linger.
    AddressKept,
}

/// What a fault of the session hears of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment<'a> {
    /// A client was taken in.
    Accepted,
    /// Bytes came.
    Read(&'a [u8]),
    /// A message is whole and will be answered.
    Message(&'a [u8]),
    /// Its reply waits to be written.
    Replied,
    /// So many bytes were written; so many wait.
    Wrote {
        /// Bytes that wait to be written.
        left: usize,
    },
    /// What came is no message.
    Refused,
    /// The client's FIN came.
    Fin,
    /// The client's RST came.
    Reset,
    /// A byte of urgent data came.
    Urgent,
    /// The time that was asked for has come.
    Woken,
    /// The message that it is inside of has taken longer than was declared.
    Overdue,
}

/// All of them, kind by kind.
pub const FAULTS: &[(Kind, &[Fault])] = &[
    (Kind::Decoder, feeding::FAULTS),
    (Kind::Decoder, limits::FAULTS),
    (Kind::Decoder, lengths::FAULTS),
    (Kind::Decoder, text_lengths::FAULTS),
    (Kind::Decoder, delimiters::FAULTS),
    (Kind::Decoder, escapes::FAULTS),
    (Kind::Decoder, rare::FAULTS),
    (Kind::Content, content::FAULTS),
    (Kind::Reply, replies::FAULTS),
    (Kind::Reply, overtaking::FAULTS),
    (Kind::Reply, tempo::FAULTS),
    (Kind::Session, session::FAULTS),
    (Kind::Session, clients::FAULTS),
    (Kind::Session, unequal::FAULTS),
    (Kind::Resources, resources::FAULTS),
    (Kind::Right, right::VARIANTS),
    (Kind::Unobservable, keeping::FAULTS),
];

/// Every fault with its kind.
pub fn all() -> impl Iterator<Item = (Kind, &'static Fault)> {
    FAULTS.iter().flat_map(|(kind, faults)| faults.iter().map(move |fault| (*kind, fault)))
}

/// The fault of this name.
pub fn find(name: &str) -> Option<&'static Fault> {
    all().map(|(_, fault)| fault).find(|fault| fault.name == name)
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Decoder => "decoder",
            Self::Content => "content",
            Self::Request => "request",
            Self::Reply => "reply",
            Self::Session => "session",
            Self::Resources => "resources",
            Self::Right => "right",
            Self::Unobservable => "unobservable",
        })
    }
}
