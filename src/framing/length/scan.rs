//! Reading counted frames: header, payload, trailer, and so on through the fragments of a message.

use std::borrow::Cow;
use std::ops::Range;

use super::{Field, Read, binary, text};
use super::{Head, Length, block, chunked, varint};
use crate::framing::outcome::{Decoded, Malformed, Part, Reason, Resume, Role, push_part};

/// Most fragments of one message: twice as many as 64 MiB have in fragments of 255 bytes. Fragments may be empty, so that `max`
/// alone would not bound their headers.
const FRAGMENT_LIMIT: u32 = 1 << 19;

const HEAD: u8 = 0;
const BODY: u8 = 1;

/// Header, payload and trailer of one fragment, in bytes of the frame.
struct Fragment {
    head: Range<usize>,
    body: Range<usize>,
    tail: Range<usize>,
}

impl Length {
    /// Looks for the end of a message whose payload has at most `limit` bytes.
    pub(in crate::framing) fn scan(&self, input: &[u8], mut resume: Resume, limit: Option<u64>) -> Decoded {
        loop {
            let step = match resume.phase {
                HEAD => self.begin(input, &mut resume, limit),
                BODY => Ok(pass(input, &mut resume)),
                _ => self.finish(input, &mut resume),
            };
            match step {
                Ok(true) if resume.phase == HEAD && resume.last => {
                    return Decoded::Frame { len: resume.at };
                }
                Ok(true) => {}
                Ok(false) => return Decoded::Incomplete(resume),
                Err(malformed) => return Decoded::Malformed(malformed),
            }
        }
    }

    /// Reads a header. False if it is not complete.
    fn begin(&self, input: &[u8], resume: &mut Resume, limit: Option<u64>) -> Result<bool, Malformed> {
        let at = resume.at;
        let head = self.head(&input[at..], &mut resume.searched).map_err(|malformed| malformed.shifted(at))?;
        let Some(head) = head else {
            return Ok(false);
        };
        let claimed = resume.payload.saturating_add(head.size);
        if let Some(limit) = limit.filter(|limit| claimed > *limit) {
            let claimed = Some(claimed);
            return Err(Reason::TooLong { limit, claimed }.at(at + self.off));
        }
        if resume.fragments >= FRAGMENT_LIMIT {
            let limit = FRAGMENT_LIMIT;
            return Err(Reason::TooManyFragments { limit }.at(at));
        }
        if head.end && resume.fragments == 0 && self.field == Field::Chunked11 {
            return Err(Reason::BadChunk.at(at));
        }
        let phase = if head.end { HEAD } else { BODY };
        let (payload, fragments) = (claimed, resume.fragments + 1);
        // The header's own bytes are passed over with the payload: `skip` bytes may still be under way.
        let left = head.size.saturating_add(head.len as u64);
        *resume = Resume { at, payload, left, searched: 0, fragments, phase, last: head.last };
        if head.end {
            resume.at += head.len;
        }
        Ok(true)
    }

    /// Reads a trailer. False if it is not complete.
    fn finish(&self, input: &[u8], resume: &mut Resume) -> Result<bool, Malformed> {
        let tail = self.trailer();
        let here = &input[resume.at..];
        let here = &here[..here.len().min(tail.len())];
        if !tail.starts_with(here) {
            return Err(Reason::BadTrailer.at(resume.at));
        }
        if here.len() < tail.len() {
            return Ok(false);
        }
        resume.at += tail.len();
        resume.phase = HEAD;
        Ok(true)
    }

    fn trailer(&self) -> &[u8] {
        if self.field.is_chunked() { chunked::trailer(self.field) } else { &self.end }
    }

    /// The header at the start of `input`, as soon as its length field is complete.
    fn head(&self, input: &[u8], searched: &mut usize) -> Result<Option<Head>, Malformed> {
        for (i, due) in self.magic.iter().enumerate() {
            match input.get(i) {
                None => return Ok(None),
                Some(byte) if byte == due => {}
                Some(&byte) => return Err(Reason::BadMagic(byte).at(i)),
            }
        }
        let Some(rest) = input.get(self.off..) else {
            return Ok(None);
        };
        if self.field.is_chunked() {
            return chunked::head(self.field, rest, searched);
        }
        self.field_head(rest, searched).map_err(|malformed| malformed.shifted(self.off))
    }

    fn field_head(&self, rest: &[u8], searched: &mut usize) -> Result<Option<Head>, Malformed> {
        let Some(read) = self.read_field(rest, searched)? else {
            return Ok(None);
        };
        let (size, last) = self.interpret(read.value)?;
        let len = self.off + read.len + self.skip;
        let end = false;
        Ok(Some(Head { len, size, last, end }))
    }

    fn read_field(&self, rest: &[u8], searched: &mut usize) -> Result<Option<Read>, Malformed> {
        match self.field {
            Field::Binary { bytes, order, signed } => binary::read(rest, bytes, order, signed),
            Field::Header => match block::read(self, rest, *searched)? {
                block::Block::Complete(read) => Ok(Some(read)),
                block::Block::Incomplete(so_far) => {
                    *searched = so_far;
                    Ok(None)
                }
            },
            field => match field.radix() {
                Some(radix) => text::read(self, radix, rest),
                None => varint::read(field, rest, self.rules()),
            },
        }
    }

    fn rules(&self) -> varint::Rules {
        varint::Rules { most: self.most_groups(), minimal: self.minimal_deny }
    }

    /// The fragments of a complete frame.
    fn fragments<'a>(&'a self, frame: &'a [u8]) -> impl Iterator<Item = Fragment> + 'a {
        let mut at = 0;
        std::iter::from_fn(move || {
            let rest = frame.get(at..).filter(|rest| !rest.is_empty())?;
            let head = self.head(rest, &mut 0).ok()??;
            let body = (at + head.len).min(frame.len());
            let tail = usize::try_from(head.size).map_or(frame.len(), |size| body.saturating_add(size));
            let tail = tail.min(frame.len());
            let trailer = if head.end { 0 } else { self.trailer().len() };
            let next = (tail + trailer).min(frame.len());
            let fragment = if head.end {
                Fragment { head: at..at, body: at..at, tail: at..next }
            } else {
                Fragment { head: at..body, body: body..tail, tail: tail..next }
            };
            at = next;
            Some(fragment)
        })
    }

    pub(in crate::framing) fn payload<'a>(&self, frame: &'a [u8]) -> Cow<'a, [u8]> {
        let mut bodies = self.fragments(frame).map(|fragment| fragment.body).filter(|body| !body.is_empty());
        match (bodies.next(), bodies.next()) {
            (None, _) => Cow::Borrowed(&[]),
            (Some(only), None) => Cow::Borrowed(&frame[only]),
            (Some(first), Some(second)) => {
                let ranges = [first, second].into_iter().chain(bodies);
                Cow::Owned(ranges.flat_map(|body| frame[body].iter().copied()).collect())
            }
        }
    }

    pub(in crate::framing) fn anatomy(&self, frame: &[u8]) -> Vec<Part> {
        let mut parts = Vec::new();
        for Fragment { head, body, tail } in self.fragments(frame) {
            let field = (head.start + self.off).min(head.end);
            let skip = head.end.saturating_sub(self.skip).max(field);
            push_part(&mut parts, Role::Header, head.start..field);
            push_part(&mut parts, Role::Prefix, field..skip);
            push_part(&mut parts, Role::Header, skip..head.end);
            push_part(&mut parts, Role::Payload, body);
            push_part(&mut parts, Role::Trailer, tail);
        }
        parts
    }
}

/// Passes over what was counted. False if some of it has not come yet.
fn pass(input: &[u8], resume: &mut Resume) -> bool {
    let here = (input.len() - resume.at).min(usize::try_from(resume.left).unwrap_or(usize::MAX));
    resume.at += here;
    resume.left -= here as u64;
    if resume.left == 0 {
        resume.phase = BODY + 1;
    }
    resume.left == 0
}
