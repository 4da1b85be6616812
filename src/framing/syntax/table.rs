//! What the syntax knows: what stands here is what the parser accepts, what errors offer, what `list` prints.

use crate::framing::{Field, Order, Strategy};

/// A word of the syntax.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// The word.
    pub name: &'static str,
    /// What it stands for.
    pub about: &'static str,
}

/// A length field by its name.
#[derive(Clone, Copy, Debug)]
pub struct FieldWord {
    /// The word.
    pub name: &'static str,
    /// The field.
    pub field: Field,
    /// What it stands for.
    pub about: &'static str,
}

/// A key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The word before `=`.
    pub name: &'static str,
    /// Kinds that have it; empty for all.
    pub kinds: &'static [Strategy],
    /// What its values look like; empty if it takes none.
    pub value: &'static str,
    /// What it says.
    pub about: &'static str,
}

impl Key {
    /// Whether framings of this kind have this key.
    pub fn belongs_to(&self, kind: Strategy) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

const fn word(name: &'static str, about: &'static str) -> Word {
    Word { name, about }
}

const fn binary(name: &'static str, bytes: u8, order: Order, about: &'static str) -> FieldWord {
    let field = Field::Binary { bytes, order, signed: false };
    FieldWord { name, field, about }
}

const fn signed(name: &'static str, bytes: u8, order: Order, about: &'static str) -> FieldWord {
    let field = Field::Binary { bytes, order, signed: true };
    FieldWord { name, field, about }
}

const fn field(name: &'static str, field: Field, about: &'static str) -> FieldWord {
    FieldWord { name, field, about }
}

const fn key(name: &'static str, kinds: &'static [Strategy], value: &'static str, about: &'static str) -> Key {
    Key { name, kinds, value, about }
}

/// The kinds of framing.
pub const KINDS: &[Word] = &[
    word("raw", "no messages: bytes come back as they are (RFC 862)"),
    word("close", "one message in a connection, ended by closing: close, close:full"),
    word("fixed", "messages of N bytes: fixed:32"),
    word("length", "a prefix says how long the message is: length:u32be"),
    word("delimiter", "a byte sequence ends the message: delimiter:crlf/lf"),
];

/// The length fields.
pub const FIELDS: &[FieldWord] = &[
    binary("u8", 1, Order::Big, "1 byte"),
    binary("u16be", 2, Order::Big, "2 bytes, network order"),
    binary("u16le", 2, Order::Little, "2 bytes, least significant first"),
    binary("u24be", 3, Order::Big, "3 bytes, network order"),
    binary("u24le", 3, Order::Little, "3 bytes, least significant first"),
    binary("u32be", 4, Order::Big, "4 bytes, network order"),
    binary("u32le", 4, Order::Little, "4 bytes, least significant first"),
    binary("u32ne", 4, Order::Native, "4 bytes in this machine's order"),
    binary("u64be", 8, Order::Big, "8 bytes, network order"),
    binary("u64le", 8, Order::Little, "8 bytes, least significant first"),
    signed("i8", 1, Order::Big, "as u8, negative is malformed"),
    signed("i16be", 2, Order::Big, "as u16be, negative is malformed"),
    signed("i16le", 2, Order::Little, "as u16le, negative is malformed"),
    signed("i32be", 4, Order::Big, "as u32be, negative is malformed"),
    signed("i32le", 4, Order::Little, "as u32le, negative is malformed"),
    signed("i64be", 8, Order::Big, "as u64be, negative is malformed"),
    signed("i64le", 8, Order::Little, "as u64le, negative is malformed"),
    field("varint", Field::Varint, "LEB128, as protobuf writes it"),
    field("vlq", Field::Vlq, "base 128, most significant group first"),
    field("quic", Field::Quic, "1, 2, 4 or 8 bytes (RFC 9000)"),
    field("ber", Field::Ber, "ASN.1 definite length (X.690)"),
    field("zmtp", Field::Zmtp, "flags and 1 or 8 bytes (ZMTP 3.1)"),
    field("ws", Field::Ws, "7, 16 or 64 bits (RFC 6455), without masking key"),
    field("dec", Field::Dec, "decimal digits; needs sep= or digits=N"),
    field("hex", Field::Hex, "hexadecimal digits; needs sep= or digits=N"),
    field("oct", Field::Oct, "octal digits; needs sep= or digits=N"),
    field("header", Field::Header, "a block of header lines, one of which (name=) holds the length"),
    field("chunked11", Field::Chunked11, "NETCONF 1.1 chunks (RFC 6242)"),
    field("http-chunked", Field::HttpChunked, "HTTP/1.1 chunks (RFC 9112), without trailer fields"),
];

const CLOSE: &[Strategy] = &[Strategy::Close];
const FIXED: &[Strategy] = &[Strategy::Fixed];
const LENGTH: &[Strategy] = &[Strategy::Length];
const DELIMITER: &[Strategy] = &[Strategy::Delimiter];
const ALL: &[Strategy] = &[];

/// The keys. `form`, `size`, `field` and `set` may be left out before their value.
pub const KEYS: &[Key] = &[
    key("form", CLOSE, "half|full", "how much of the connection the sender closes"),
    key("size", FIXED, "SIZE", "bytes of every message"),
    key("pad", FIXED, "BYTE", "what short messages are filled with"),
    key("side", FIXED, "left|right", "on which side the fill stands"),
    key("last", FIXED, "short", "a short last record is a message"),
    key("field", LENGTH, "FIELD", "how the length is written"),
    key("off", LENGTH, "BYTES", "header bytes before the field"),
    key("magic", LENGTH, "BYTES", "what the header starts with"),
    key("skip", LENGTH, "BYTES", "header bytes between the field and the payload"),
    key("incl", LENGTH, "field|header|none", "what the value counts besides the payload"),
    key("adj", LENGTH, "NUMBER", "the payload has this many bytes more than the value says"),
    key("mask", LENGTH, "BITS", "bits that hold the value; the others must be zero"),
    key("more", LENGTH, "msb|full", "how a message continues in further frames"),
    key("digits", LENGTH, "N|A-B", "how many digits, or bytes of a varint"),
    key("lead0", LENGTH, "allow|deny", "whether leading zeros are legal"),
    key("minimal", LENGTH, "accept|deny", "deny: only the shortest form of a variable-width length is legal"),
    key("sep", LENGTH, "BYTES", "what follows the digits, or ends the header block"),
    key("name", LENGTH, "NAME", "the header that holds the length"),
    key("end", LENGTH, "BYTES", "trailer after the payload"),
    key("min", LENGTH, "SIZE", "smallest legal value of the field"),
    key("set", DELIMITER, "BYTES[/BYTES]", "what ends a message; the first is sent, all are accepted"),
    key("strip", DELIMITER, "", "the delimiter is no part of the message (default)"),
    key("keep", DELIMITER, "", "the delimiter is a part of the message"),
    key("chomp", DELIMITER, "cr|none", "a CR before LF belongs to the delimiter"),
    key("start", DELIMITER, "BYTES", "start marker before every message"),
    key("escape", DELIMITER, "slip|cobs|hdlc|dot", "how the delimiter is kept out of messages"),
    key("max", ALL, "SIZE", "largest payload that is accepted"),
    key("over", ALL, "close|reset|skip|split|truncate|reply|any", "what happens to a message over max"),
    key("eof", ALL, "drop|deliver|error|any", "what happens to an unfinished message at the end"),
    key("empty", ALL, "echo|skip|close|end|any", "what happens to an empty message"),
    key("partial", ALL, "no|yes|any", "whether a reply may start before its message is complete"),
    key("after", ALL, "keep|close|any", "what happens to the connection after a reply"),
    key("enc", ALL, "bytes|utf8|ascii", "which payloads are accepted"),
    key("compare", ALL, "bytes|payload", "how replies are compared"),
    key("reply", ALL, "BYTES|FRAMING|(FRAMING)", "how replies are framed, if otherwise"),
    key("idle", ALL, "DURATION|none|any", "when a silent connection is ended"),
    key("deadline", ALL, "DURATION|none|any", "when a message that is not complete is given up"),
];
