//! The atoms of the encoding: reading is total, past the end of the input everything is zero.

/// What has a total encoding in bytes: whatever [`read`](Code::read) makes of any input, it makes again of what
/// [`write`](Code::write) made of that.
pub trait Code: Sized {
    /// Takes one off the front of the input, whatever stands there.
    fn read(cursor: &mut Cursor<'_>) -> Self;

    /// The inverse of `read`.
    fn write(&self, out: &mut Vec<u8>);

    /// What the whole of `data` stands for.
    fn decode(data: &[u8]) -> Self {
        Self::read(&mut Cursor(data))
    }

    /// Bytes that stand for this.
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }
}

/// What is left of an input.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    /// Whether the input has come to its end.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One byte.
    pub fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }

    /// Two bytes, the high one first.
    pub fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// `len` bytes, or as many as there are.
    pub fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    /// A count in one byte, modulo `most` + 1, and so many of something; fewer where the input ends.
    pub fn list<T: Code>(&mut self, most: u8) -> Vec<T> {
        let count = u16::from(self.byte()) % (u16::from(most) + 1);
        let mut list = Vec::new();
        while list.len() < usize::from(count) && !self.is_empty() {
            list.push(T::read(self));
        }
        list
    }
}

/// The inverse of [`Cursor::list`].
pub(super) fn write_list<T: Code>(list: &[T], out: &mut Vec<u8>) {
    out.push(list.len() as u8);
    for item in list {
        item.write(out);
    }
}

impl Code for u16 {
    fn read(cursor: &mut Cursor<'_>) -> Self {
        cursor.word()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.to_be_bytes());
    }
}
