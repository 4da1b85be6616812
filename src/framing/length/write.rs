//! Writing counted frames, and headers that claim what nothing backs.

use super::{Field, Length, More, binary, block, chunked, text, varint};
use crate::framing::outcome::Unencodable;

impl Length {
    pub(in crate::framing) fn encode(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Unencodable> {
        let actual = payload.len() as u64;
        if self.field.is_chunked() {
            return chunked::encode(self.field, payload, out);
        }
        if actual < self.smallest() {
            let minimum = self.smallest();
            return Err(Unencodable::TooShort { minimum, actual });
        }
        if self.more == Some(More::Full) {
            self.encode_full(payload, out);
            return Ok(());
        }
        let limit = self.largest_fragment();
        let header = (actual <= limit).then(|| self.header(actual)).flatten();
        let header = header.ok_or(Unencodable::TooLong { limit, actual })?;
        self.append(&header, payload, out);
        Ok(())
    }

    /// Full fragments, and a last one that is not full: empty, if need be.
    fn encode_full(&self, payload: &[u8], out: &mut Vec<u8>) {
        let full = self.largest_fragment() as usize;
        let whole = payload.len() - payload.len() % full;
        let last = std::iter::once(&payload[whole..]);
        for fragment in payload[..whole].chunks(full).chain(last) {
            let header = self.header(fragment.len() as u64).unwrap_or_default();
            self.append(&header, fragment, out);
        }
    }

    fn append(&self, header: &[u8], payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(header);
        out.extend_from_slice(payload);
        out.extend_from_slice(&self.end);
    }

    fn header(&self, size: u64) -> Option<Vec<u8>> {
        let value = u64::try_from(i128::from(size) + self.overhead()).ok()?;
        self.header_claiming(u128::from(value | self.last_bit()))
    }

    pub(in crate::framing) fn header_claiming(&self, value: u128) -> Option<Vec<u8>> {
        let field = match self.field {
            Field::Binary { bytes, order, .. } => binary::write(value, bytes, order)?,
            Field::Header => block::write(self, value),
            Field::Chunked11 | Field::HttpChunked => chunked::write(self.field, value),
            field => match field.radix() {
                Some(radix) => text::write(self, radix, value)?,
                None => varint::write(field, value, self.most_groups())?,
            },
        };
        Some(self.header_with_field(&field))
    }

    /// What a field of variable width says, in every longer form; nothing of other fields.
    pub(crate) fn longer(&self, field: &[u8]) -> Vec<Vec<u8>> {
        let varies =
            matches!(self.field, Field::Varint | Field::Vlq | Field::Quic | Field::Ber | Field::Zmtp | Field::Ws);
        if varies { varint::longer(self.field, field, self.most_groups()) } else { Vec::new() }
    }

    pub(in crate::framing) fn header_with_field(&self, field: &[u8]) -> Vec<u8> {
        let mut header = self.magic.clone();
        header.resize(self.off, 0);
        header.extend_from_slice(field);
        header.resize(header.len() + self.skip, 0);
        header
    }
}
