//! Length prefix: a field before the payload says how long it is (CATALOGUE A3).

mod binary;
mod block;
mod chunked;
mod scan;
mod text;
mod varint;
mod write;

pub use binary::Order;
pub use block::HEADER_LIMIT;

use super::outcome::{Malformed, Reason};

/// A framing with a length field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Length {
    /// How the length is written.
    pub field: Field,
    /// Bytes before the field; sent as `magic`, then zeros.
    pub off: usize,
    /// What the first of these bytes must be; at most `off` bytes.
    pub magic: Vec<u8>,
    /// Header bytes between the field and the payload; sent as zeros.
    pub skip: usize,
    /// What the value counts.
    pub counts: Counts,
    /// Bits of the field that hold the value; the others must be zero (CATALOGUE LEN-30).
    pub mask: Option<u64>,
    /// How a message continues in further frames.
    pub more: Option<More>,
    /// Least and most digits of a text field, most bytes of a varint.
    pub digits: Option<(u8, u8)>,
    /// Whether a leading zero is malformed (text fields).
    pub lead0_deny: bool,
    /// Whether a length in more bytes than it needs is malformed (variable-width fields; CATALOGUE D12).
    pub minimal_deny: bool,
    /// What separates the digits, or the header block, from the payload.
    pub sep: Vec<u8>,
    /// Name of the header that holds the length; compared without case. Empty unless the field is a header block.
    pub name: String,
    /// Trailer after the payload.
    pub end: Vec<u8>,
    /// Smallest legal value of the field.
    pub min: u64,
}

/// How a length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// So many bytes.
    Binary {
        /// 1, 2, 3, 4 or 8.
        bytes: u8,
        /// Their order.
        order: Order,
        /// Whether the top bit is a sign; a negative length is malformed.
        signed: bool,
    },
    /// LEB128, as protobuf writes it.
    Varint,
    /// Base 128, most significant group first.
    Vlq,
    /// 1, 2, 4 or 8 bytes (RFC 9000 16).
    Quic,
    /// ASN.1's definite form (X.690 8.1.3).
    Ber,
    /// Flags, and 1 or 8 bytes (ZMTP 3.1).
    Zmtp,
    /// 7, 16 or 64 bits (RFC 6455 5.2), shortest form required.
    Ws,
    /// Decimal digits.
    Dec,
    /// Hexadecimal digits; sent in lower case.
    Hex,
    /// Octal digits.
    Oct,
    /// A block of header lines, one of which holds the length.
    Header,
    /// NETCONF 1.1 chunks (RFC 6242 4.2).
    Chunked11,
    /// HTTP/1.1 chunks without trailer fields (RFC 9112 7.1).
    HttpChunked,
}

/// What the value of a length field counts, besides the payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Counts {
    /// Nothing else.
    #[default]
    Payload,
    /// The field itself.
    Field,
    /// The field, and all header bytes before and after it.
    Header,
    /// The payload has this many bytes more than the value says (Netty's and tokio's length adjustment).
    Adjust(i64),
}

/// How a message continues in further frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum More {
    /// The field's top bit marks the last fragment (ONC RPC record marking, RFC 5531 11).
    Msb,
    /// A fragment of the largest size is followed by another (`MySQL`).
    Full,
}

impl super::behaviour::Choice for More {
    const WORDS: &'static [(&'static str, Self, &'static str)] = &[
        ("msb", Self::Msb, "the top bit marks the last fragment"),
        ("full", Self::Full, "a fragment of the largest size is followed by another"),
    ];
}

/// A length field that was read: its bytes, and its value.
#[derive(Clone, Copy)]
struct Read {
    len: usize,
    value: u64,
}

/// A header that was read.
#[derive(Clone, Copy)]
struct Head {
    /// Bytes of the header: everything before the payload.
    len: usize,
    /// Payload bytes that follow.
    size: u64,
    /// Whether no further fragment follows these.
    last: bool,
    /// Whether this is the end of chunks: there is no payload here.
    end: bool,
}

impl Head {
    fn chunk(len: usize, size: u64) -> Self {
        let (last, end) = (false, false);
        Self { len, size, last, end }
    }

    fn end(len: usize) -> Self {
        let (size, last, end) = (0, true, true);
        Self { len, size, last, end }
    }
}

impl Field {
    /// Whether messages come in chunks with an end mark.
    pub(super) fn is_chunked(self) -> bool {
        matches!(self, Self::Chunked11 | Self::HttpChunked)
    }

    /// The base of a text field.
    pub(super) fn radix(self) -> Option<u32> {
        match self {
            Self::Dec => Some(10),
            Self::Hex => Some(16),
            Self::Oct => Some(8),
            _ => None,
        }
    }

    /// Bytes of a binary fixed-width field.
    pub(super) fn width(self) -> Option<usize> {
        match self {
            Self::Binary { bytes, .. } => Some(usize::from(bytes)),
            _ => None,
        }
    }
}

impl Length {
    /// A framing with this field and nothing else declared.
    pub fn new(field: Field) -> Self {
        Self {
            field,
            off: 0,
            magic: Vec::new(),
            skip: 0,
            counts: Counts::Payload,
            mask: None,
            more: None,
            digits: None,
            lead0_deny: false,
            // RFC 6455 5.2: the minimal number of bytes must be used.
            minimal_deny: field == Field::Ws,
            sep: Vec::new(),
            name: String::new(),
            end: Vec::new(),
            min: 0,
        }
    }

    pub(super) fn digit_range(&self, radix: u32) -> (u8, u8) {
        self.digits.unwrap_or((1, text::widest(radix)))
    }

    /// Bytes of a field that has one width for all values.
    pub(super) fn constant_width(&self) -> Option<usize> {
        match (self.field.radix(), self.digits) {
            (Some(_), Some((least, most))) if least == most => Some(usize::from(most) + self.sep.len()),
            _ => self.field.width(),
        }
    }

    pub(super) fn has_open_digits(&self) -> bool {
        self.field.radix().is_some() && (self.constant_width().is_none() || !self.sep.is_empty())
    }

    /// What the value counts besides the payload, in bytes.
    pub(super) fn overhead(&self) -> i128 {
        let width = self.constant_width().unwrap_or(0);
        match self.counts {
            Counts::Payload => 0,
            Counts::Field => width as i128,
            Counts::Header => (self.off + width + self.skip) as i128,
            Counts::Adjust(more) => -i128::from(more),
        }
    }

    /// The largest raw value of a binary field that is a plain, last fragment: all bits that may be set.
    fn value_mask(&self) -> u64 {
        let bits = self.field.width().map_or(64, |width| 8 * width);
        let sign = matches!(self.field, Field::Binary { signed: true, .. });
        let free = bits - usize::from(sign) - usize::from(self.more == Some(More::Msb));
        self.mask.unwrap_or(u64::MAX) & (u64::MAX >> (64 - free))
    }

    fn last_bit(&self) -> u64 {
        match self.field.width() {
            Some(width) if self.more == Some(More::Msb) => 1 << (8 * width - 1),
            _ => 0,
        }
    }

    fn most_groups(&self) -> u8 {
        self.digits.map_or(10, |(_, most)| most)
    }

    /// Largest payload of a single frame.
    pub(super) fn largest_fragment(&self) -> u64 {
        let value = match (self.field, self.field.radix()) {
            (Field::Varint | Field::Vlq, _) => u64::MAX >> 64_u32.saturating_sub(7 * u32::from(self.most_groups())),
            (Field::Quic, _) => (1 << 62) - 1,
            (_, Some(radix)) => u64::from(radix).saturating_pow(u32::from(self.digit_range(radix).1)) - 1,
            _ => self.value_mask(),
        };
        let payload = i128::from(value) - self.overhead();
        payload.clamp(0, i128::from(i64::MAX)) as u64
    }

    pub(super) fn largest(&self) -> Option<u64> {
        let unbounded = self.field.is_chunked() || self.more == Some(More::Full);
        (!unbounded).then(|| self.largest_fragment())
    }

    pub(super) fn smallest(&self) -> u64 {
        match self.field {
            Field::Chunked11 => 1,
            _ => (i128::from(self.min) - self.overhead()).max(0) as u64,
        }
    }

    /// The size of the payload that a raw value stands for, and whether it is the last fragment.
    fn interpret(&self, raw: u64) -> Result<(u64, bool), Malformed> {
        let value = raw & !self.last_bit();
        if value & !self.mask.unwrap_or(u64::MAX) != 0 {
            return Err(Reason::ReservedBits.at(0));
        }
        let last = match self.more {
            None => true,
            Some(More::Msb) => raw != value,
            Some(More::Full) => value != self.value_mask(),
        };
        let minimum = self.overhead().max(i128::from(self.min)).max(0);
        if i128::from(value) < minimum {
            let (minimum, claimed) = (minimum as u64, value);
            return Err(Reason::BelowMinimum { minimum, claimed }.at(0));
        }
        let size = i64::try_from(i128::from(value) - self.overhead());
        let size = size.map_err(|_| Reason::Overflow.at(0))?;
        Ok((size as u64, last))
    }
}

#[cfg(test)]
mod tests {
    use crate::framing::laws::{bad, good, reads};
    use crate::framing::{Deframer, Framing, Malformed, Reason};

    /// RFC 1006 6: version 3, a reserved byte, and the length of the whole packet.
    #[test]
    fn golden_tpkt() {
        good("tpkt", b"\x03\x00\x00\x09hello", b"hello");
        good("tpkt", b"\x03\x00\x00\x04", b"");
        let (minimum, claimed) = (4, 3);
        bad("tpkt", b"\x03\x00\x00\x03", Reason::BelowMinimum { minimum, claimed }, 2);
        bad("tpkt", b"\x03\x01", Reason::BadMagic(1), 1);
        bad("tpkt", b"\x16\x03\x01", Reason::BadMagic(0x16), 0);
    }

    /// RFC 5531 11: bit 31 marks the last fragment.
    #[test]
    fn golden_record_marking() {
        good("rpc", b"\x80\0\0\x05hello", b"hello");
        good("rpc", b"\x80\0\0\0", b"");
        reads("rpc", b"\0\0\0\x02he\x80\0\0\x03llo", b"hello");
        reads("rpc", b"\0\0\0\0\0\0\0\x05hello\x80\0\0\0", b"hello");
        let (limit, claimed) = (4, Some(5));
        bad("rpc,max=4", b"\0\0\0\x02he\x80\0\0\x03", Reason::TooLong { limit, claimed }, 6);
    }

    #[test]
    fn endless_empty_fragments_are_refused() {
        let framing: Framing = "rpc,max=4".parse().unwrap();
        let mut deframer = Deframer::new(&framing);
        for _ in 0..1 << 19 {
            deframer.push(&[0; 4]);
            assert_eq!(deframer.next_frame(), None);
        }
        deframer.push(&[0; 4]);
        let refused = deframer.next_frame().expect("refused").unwrap_err();
        let (limit, offset) = (1 << 19, 4 << 19);
        let reason = Reason::TooManyFragments { limit };
        assert_eq!(refused, Malformed { reason, offset });
    }

    /// The layouts of CATALOGUE A3.
    #[test]
    fn golden_headers_around_the_field() {
        good("postgres", b"\0\0\0\0\x09hello", b"hello");
        good("mysql", b"\x05\0\0\0hello", b"hello");
        good("grpc", b"\0\0\0\0\x05hello", b"hello");
        good("length:u32le,incl=field", b"\x09\0\0\0hello", b"hello");
        good("length:u32be,off=3,end=x'ce'", b"\0\0\0\0\0\0\x05hello\xce", b"hello");
        good("length:u16be,off=4,skip=2", b"\0\0\0\0\0\x05\0\0hello", b"hello");
        good("length:u24be,adj=6,skip=6", b"\0\0\x05\0\0\0\0\0\0hello-six--", b"hello-six--");
        good("length:varint,off=1,digits=1-4", b"\0\x05hello", b"hello");
        reads("postgres", b"Q\0\0\0\x09hello", b"hello");
        bad("length:u32be,off=3,end=x'ce'", b"\0\0\0\0\0\0\x05hello!", Reason::BadTrailer, 12);
    }

    #[test]
    fn values_below_what_they_count_never_wrap() {
        for claimed in 0..4 {
            let minimum = 4;
            let header = [0, 0, 0, claimed as u8];
            bad("length:u32be,incl=field", &header, Reason::BelowMinimum { minimum, claimed }, 0);
        }
    }

    #[test]
    fn reserved_bits_are_refused_and_not_masked_away() {
        bad("length:u32be,mask=0x7fffffff", b"\x80\0\0\x05hello", Reason::ReservedBits, 0);
    }

    #[test]
    fn full_fragments_continue() {
        let framing: Framing = "length:u8,more=full".parse().unwrap();
        let mut out = Vec::new();
        framing.encode(&[7; 255], &mut out).unwrap();
        assert_eq!(out, [&[255][..], &[7; 255], &[0]].concat());
        assert_eq!(framing.payload(&out).as_ref(), [7; 255]);
        assert_eq!(framing.largest(), None);
    }

    #[test]
    fn a_header_can_claim_what_no_payload_backs() {
        let framing: Framing = "length:u16be,off=2,magic=x'0300',incl=header".parse().unwrap();
        assert_eq!(framing.header_claiming(0xffff).unwrap(), b"\x03\0\xff\xff");
        assert_eq!(framing.header_claiming(0x1_0000), None);
        assert_eq!(framing.header_with_field(b"\x01").unwrap(), b"\x03\0\x01");
        assert_eq!(framing.largest(), Some(0xfffb));
        assert_eq!(framing.field_width(), Some(2));
        let lines: Framing = "lines".parse().unwrap();
        assert_eq!(lines.header_claiming(1), None);
    }
}
