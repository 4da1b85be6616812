//! Delimiter: a byte or a byte sequence ends each message (CATALOGUE A4).

mod cobs;
mod dot;
mod escape;

pub use escape::Escape;

use std::borrow::Cow;

use super::outcome::{AtEnd, Decoded, Part, Reason, Resume, Role, Unencodable, push_part};

/// A framing whose frames end in a delimiter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Delimiter {
    /// What may end a frame; the first is what is sent. No member is empty, the beginning of another or inside it
    /// other than at its end, so that every segmentation finds the same ends (CATALOGUE D9, DEL-23).
    pub set: Vec<Vec<u8>>,
    /// Whether the delimiter counts as a part of the payload.
    pub keep: bool,
    /// Whether a CR before LF belongs to the delimiter.
    pub chomp_cr: bool,
    /// Start marker before every payload.
    pub start: Vec<u8>,
    /// How the delimiter is kept out of payloads.
    pub escape: Option<Escape>,
}

/// What a search for a delimiter comes to.
enum Found {
    /// A delimiter.
    At { start: usize, len: usize },
    /// The beginning of one, or the end of the input: nothing before it can be a part of a delimiter.
    NotBefore(usize),
}

const CRLF: &[u8] = b"\r\n";

impl Delimiter {
    /// A framing with these delimiters and nothing else declared.
    pub fn new(set: Vec<Vec<u8>>) -> Self {
        let (keep, chomp_cr, start, escape) = (false, false, Vec::new(), None);
        Self { set, keep, chomp_cr, start, escape }
    }

    /// All delimiters that are accepted.
    fn members(&self) -> impl Iterator<Item = &[u8]> {
        let crlf = self.chomp_cr.then_some(CRLF);
        crlf.into_iter().chain(self.set.iter().map(Vec::as_slice))
    }

    /// The delimiter that is sent.
    pub(super) fn first(&self) -> &[u8] {
        self.set.first().map_or(&[], Vec::as_slice)
    }

    pub(super) fn smallest(&self) -> u64 {
        match self.escape {
            Some(Escape::Slip | Escape::Hdlc) => 1,
            None if self.keep => self.members().map(<[u8]>::len).min().unwrap_or(0) as u64,
            _ => 0,
        }
    }

    /// Looks for the end of a frame whose payload has at most `limit` bytes.
    pub(super) fn scan(&self, input: &[u8], mut resume: Resume, limit: Option<u64>) -> Decoded {
        match self.escape {
            Some(Escape::Cobs) => return cobs::scan(input, resume, limit),
            Some(Escape::Dot) => return dot::scan(input, resume, limit),
            Some(escape) => return escape::scan(escape, input, resume, limit),
            None => {}
        }
        if resume.phase == 0 {
            match self.marker(input) {
                Ok(true) => (resume.at, resume.phase) = (self.start.len(), 1),
                Ok(false) => return Decoded::Incomplete(resume),
                Err(other) => return other,
            }
        }
        self.scan_plain(input, resume, limit)
    }

    /// Whether the start marker is there; false if it is not complete.
    fn marker(&self, input: &[u8]) -> Result<bool, Decoded> {
        for (i, due) in self.start.iter().enumerate() {
            match input.get(i) {
                None => return Ok(false),
                Some(byte) if byte == due => {}
                Some(&byte) => return Err(Decoded::Malformed(Reason::BadStart(byte).at(i))),
            }
        }
        Ok(true)
    }

    fn scan_plain(&self, input: &[u8], mut resume: Resume, limit: Option<u64>) -> Decoded {
        let (stop, kept, end) = match self.find(input, resume.at) {
            Found::At { start, len } => (start, if self.keep { len } else { 0 }, Some(start + len)),
            Found::NotBefore(stop) => (stop, 0, None),
        };
        // Up to `stop` all bytes are payload, however the stream goes on. A delimiter that may have begun there is
        // not counted, so a frame of exactly `max` is accepted wherever its delimiter is cut (CATALOGUE DEL-09).
        let payload = resume.payload + (stop - resume.at) as u64;
        let least = payload + if end.is_some() { kept as u64 } else { self.smallest() };
        if let Some(limit) = limit.filter(|limit| least > *limit) {
            let claimed = None;
            return Decoded::Malformed(Reason::TooLong { limit, claimed }.at(0));
        }
        if let Some(len) = end {
            return Decoded::Frame { len };
        }
        (resume.at, resume.payload) = (stop, payload);
        Decoded::Incomplete(resume)
    }

    /// The first delimiter that starts at or after `from`; the longest, where several start at one place.
    ///
    /// Each place is looked at once, and a place where a delimiter may have begun is where the next search starts.
    fn find(&self, input: &[u8], from: usize) -> Found {
        let mut at = from;
        while let Some(step) = self.candidate(&input[at..]) {
            at += step;
            let here = &input[at..];
            if let Some(member) = self.members().find(|member| here.starts_with(member)) {
                let (start, len) = (at, member.len());
                return Found::At { start, len };
            }
            if self.members().any(|member| member.starts_with(here)) {
                return Found::NotBefore(at);
            }
            at += 1;
        }
        Found::NotBefore(input.len())
    }

    /// Where the first byte stands with which some delimiter begins.
    fn candidate(&self, input: &[u8]) -> Option<usize> {
        match (&self.set[..], self.chomp_cr) {
            ([one], false) => memchr::memchr(one[0], input),
            ([one], true) => memchr::memchr2(one[0], CRLF[0], input),
            ([one, two], false) => memchr::memchr2(one[0], two[0], input),
            ([one, two, three], false) => memchr::memchr3(one[0], two[0], three[0], input),
            _ => input.iter().position(|byte| self.members().any(|member| member[0] == *byte)),
        }
    }

    pub(super) fn encode(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Unencodable> {
        match self.escape {
            Some(Escape::Cobs) => cobs::encode(payload, out),
            Some(Escape::Dot) => dot::encode(payload, out),
            Some(escape) => return escape::encode(escape, &self.start, payload, out),
            None if self.keep => return self.encode_kept(payload, out),
            None => return self.encode_plain(payload, out),
        }
        Ok(())
    }

    fn encode_plain(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Unencodable> {
        let before = out.len();
        out.extend_from_slice(&self.start);
        let body = out.len();
        out.extend_from_slice(payload);
        out.extend_from_slice(self.first());
        // The payload's last bytes and the delimiter's first may make up a delimiter as well: "a#" before "##", or a
        // CR before a LF. So what counts is where the receiver will find the end.
        match self.find(&out[body..], 0) {
            Found::At { start, .. } if start == payload.len() => Ok(()),
            Found::At { start: at, .. } | Found::NotBefore(at) => {
                out.truncate(before);
                Err(Unencodable::Delimiter { at })
            }
        }
    }

    fn encode_kept(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Unencodable> {
        match self.find(payload, 0) {
            Found::At { start, len } if start + len == payload.len() => {}
            Found::At { start: at, .. } => return Err(Unencodable::Delimiter { at }),
            Found::NotBefore(_) => return Err(Unencodable::NoDelimiter),
        }
        out.extend_from_slice(&self.start);
        out.extend_from_slice(payload);
        Ok(())
    }

    /// Bytes at the start of `input` that belong to no frame: delimiters between frames, in framings that have no
    /// empty frame (RFC 1055, RFC 1662 4.3, CATALOGUE ESC-04).
    pub(super) fn filler(&self, input: &[u8]) -> usize {
        match self.escape.and_then(Escape::end_byte) {
            Some(end) => input.iter().take_while(|byte| **byte == end).count(),
            None => 0,
        }
    }

    pub(super) fn payload<'a>(&self, frame: &'a [u8]) -> Cow<'a, [u8]> {
        let (body, end) = self.body(frame);
        let raw = &frame[body..if self.keep { frame.len() } else { end }];
        match self.escape {
            Some(Escape::Cobs) => Cow::Owned(cobs::decode(raw)),
            Some(Escape::Dot) => dot::decode(raw),
            Some(escape) => escape::decode(escape, raw),
            None => Cow::Borrowed(raw),
        }
    }

    /// Where the payload of a complete frame starts and where its delimiter does.
    fn body(&self, frame: &[u8]) -> (usize, usize) {
        match self.escape {
            Some(Escape::Dot) => (0, dot::body_end(frame)),
            Some(_) => (self.filler(frame), frame.len().saturating_sub(1)),
            None => {
                let body = self.start.len().min(frame.len());
                match self.find(frame, body) {
                    Found::At { start, .. } => (body, start),
                    Found::NotBefore(_) => (body, frame.len()),
                }
            }
        }
    }

    pub(super) fn anatomy(&self, frame: &[u8]) -> Vec<Part> {
        let (body, end) = self.body(frame);
        let mut parts = Vec::new();
        push_part(&mut parts, Role::Start, 0..body);
        push_part(&mut parts, Role::Payload, body..end);
        push_part(&mut parts, Role::Delimiter, end.max(body)..frame.len());
        parts
    }

    pub(super) fn at_end(&self, rest: &[u8]) -> AtEnd {
        if rest.len() == self.filler(rest) { AtEnd::Nothing } else { AtEnd::Unfinished }
    }
}

#[cfg(test)]
mod tests {
    use crate::framing::laws::{bad, good, reads};
    use crate::framing::{AtEnd, Deframer, Framing, Reason, Unencodable};

    fn framing(text: &str) -> Framing {
        text.parse().expect("a framing")
    }

    /// What a whole stream holds, however it is cut.
    fn frames(text: &str, stream: &[u8]) -> Vec<Vec<u8>> {
        let framing = framing(text);
        let take = |cuts: &[usize]| {
            let mut deframer = Deframer::new(&framing);
            let mut frames = Vec::new();
            let mut from = 0;
            for &cut in cuts.iter().chain([&stream.len()]) {
                deframer.push(&stream[from..cut]);
                from = cut;
                frames.extend(std::iter::from_fn(|| deframer.next_frame()).map_while(Result::ok));
            }
            frames.into_iter().map(|frame| frame.payload).collect::<Vec<_>>()
        };
        let whole = take(&[]);
        for cut in 1..stream.len() {
            assert_eq!(take(&[cut]), whole, "{text}: {stream:?} cut at {cut}");
        }
        assert_eq!(take(&(1..stream.len()).collect::<Vec<_>>()), whole, "{text}");
        whole
    }

    #[test]
    fn golden_lines() {
        good("lf", b"hello\n", b"hello");
        good("crlf", b"hello\r\n", b"hello");
        good("cr", b"hello\r", b"hello");
        good("nul", b"hello\0", b"hello");
        good("lines", b"hello\n", b"hello");
        reads("lines", b"hello\r\n", b"hello");
        good("lf", b"\n", b"");
        good("delimiter:lf,keep", b"hello\n", b"hello\n");
    }

    /// HL7 MLLP: VT, the message, FS and CR. RFC 7464: RS, a JSON text, LF.
    #[test]
    fn golden_start_markers() {
        good("mllp", b"\x0bMSH|^~\\&|\x1c\x0d", b"MSH|^~\\&|");
        good("json-seq", b"\x1e{\"a\":1}\n", b"{\"a\":1}");
        bad("json-seq", b"{}\n", Reason::BadStart(b'{'), 0);
    }

    /// CATALOGUE DEL-04.
    #[test]
    fn a_delimiter_that_overlaps_itself_is_found_behind_a_false_start() {
        assert_eq!(frames("delimiter:\"aab\"", b"aaabaab"), [&b"a"[..], b""]);
        assert_eq!(frames("delimiter:\"]]>]]>\"", b"x]]>]]>]]>]]>"), [&b"x"[..], b""]);
        assert_eq!(frames("delimiter:\"]]>]]>\"", b"x]]>]]]>]]>"), [b"x]]>]"]);
        assert_eq!(frames("delimiter:\"##\"", b"a###b##"), [&b"a"[..], b"#b"]);
        assert_eq!(frames("delimiter:\"##\"", b"####"), [b"", b""]);
    }

    /// CATALOGUE DEL-05, DEL-17 to DEL-19.
    #[test]
    fn what_is_almost_a_delimiter_is_data() {
        assert_eq!(frames("crlf", b"a\nb\r\n"), [b"a\nb"]);
        assert_eq!(frames("crlf", b"\r\r\n--\r-\n\r\n"), [&b"\r"[..], b"--\r-\n"]);
        assert_eq!(frames("delimiter:\"$$\"", b"a$b$$"), [b"a$b"]);
        assert_eq!(frames("lines", b"a\rb\nc\r\r\n"), [&b"a\rb"[..], b"c\r"]);
    }

    /// CATALOGUE DEL-23, DEL-16.
    #[test]
    fn of_several_delimiters_the_earliest_wins_and_the_longest_at_one_place() {
        for text in ["delimiter:crlf/lf", "delimiter:lf/crlf", "lines"] {
            assert_eq!(frames(text, b"a\r\nb\nc\r\n"), [b"a", b"b", b"c"]);
        }
        assert_eq!(frames("delimiter:\",\"/\";\"/cr/lf", b"a,b;c\r\n"), [&b"a"[..], b"b", b"c", b""]);
    }

    /// CATALOGUE DEL-11, DEL-12: the tail of a refused message is no message.
    #[test]
    fn a_skipped_line_ends_at_its_own_delimiter() {
        let mut deframer = Deframer::skipping(&framing("delimiter:\"$$\",max=3"));
        let mut payloads = Vec::new();
        let mut errors = 0;
        for piece in [&b"AAAAAAAA$"[..], b"$b$", b"$c$$AAAA", b"EVIL$$d$$"] {
            deframer.push(piece);
            while let Some(next) = deframer.next_frame() {
                match next {
                    Ok(frame) => payloads.push(frame.payload),
                    Err(_) => errors += 1,
                }
            }
        }
        assert_eq!(payloads, [b"b", b"c", b"d"]);
        assert_eq!(errors, 2);
        assert_eq!(deframer.finish(), AtEnd::Nothing);
    }

    /// CATALOGUE DEL-20: neither spelling of the line end counts.
    #[test]
    fn an_optional_cr_does_not_count_towards_the_limit() {
        reads("lines,max=3", b"abc\r\n", b"abc");
        reads("lines,max=3", b"abc\n", b"abc");
        let (limit, claimed) = (3, None);
        bad("lines,max=3", b"abc\rd", Reason::TooLong { limit, claimed }, 0);
    }

    #[test]
    fn payloads_that_would_end_elsewhere_are_refused() {
        let refusal = |text: &str, payload: &[u8]| framing(text).encode(payload, &mut Vec::new());
        let at = |at| Err(Unencodable::Delimiter { at });
        assert_eq!(refusal("lf", b"a\nb"), at(1));
        assert_eq!(refusal("delimiter:crlf/lf", b"a\nb"), at(1));
        assert_eq!(refusal("delimiter:\"##\"", b"a#"), at(1));
        assert_eq!(refusal("lines", b"a\r"), at(1));
        assert_eq!(refusal("crlf", b"a\r"), Ok(()));
        assert_eq!(refusal("delimiter:\"aab\"", b"a"), Ok(()));
        assert_eq!(refusal("delimiter:lf,keep", b"a"), Err(Unencodable::NoDelimiter));
        assert_eq!(refusal("lines,enc=utf8", b"\xff"), Err(Unencodable::NotUtf8));
        assert_eq!(refusal("lines,enc=ascii", "é".as_bytes()), Err(Unencodable::NotAscii));
    }

    #[test]
    fn a_declared_encoding_refuses_other_bytes() {
        reads("lines,enc=utf8", "é\n".as_bytes(), "é".as_bytes());
        bad("lines,enc=utf8", b"\xc3\n", Reason::NotUtf8, 0);
        bad("lines,enc=ascii", "é\n".as_bytes(), Reason::NotAscii, 0);
    }

    #[test]
    fn the_terminator_is_what_is_sent() {
        assert_eq!(framing("delimiter:crlf/lf").terminator(), Some(&b"\r\n"[..]));
        assert_eq!(framing("slip").terminator(), Some(&b"\xc0"[..]));
        assert_eq!(framing("netstring").terminator(), None);
    }
}
